{% macro leader_groups() %} {{ return(["SO_NGANH", "UBND_HUYEN", "PHONG_DON_VI"]) }} {% endmacro %}

{% macro commune_leaders_count() %}
    {# Whether the leaders of UBND_XA units form a group of their own on the data date. #}
    {% if var("i1_commune_leaders_from") %} {{ as_of_date() }} >= cast('{{ var("i1_commune_leaders_from") }}' as date)
    {% else %} false
    {% endif %}
{% endmacro %}

{% macro leader_group(org_unit_type, staff_group) %}
    case
        when {{ org_unit_type }} in ('PHONG', 'DON_VI_SU_NGHIEP')
        then 'PHONG_DON_VI'
        when {{ org_unit_type }} in ('SO_NGANH', 'UBND_HUYEN') and {{ staff_group }} in ('CAN_BO', 'CONG_CHUC')
        then {{ org_unit_type }}
        when
            {{ org_unit_type }} = 'UBND_XA'
            and {{ staff_group }} in ('CAN_BO', 'CONG_CHUC')
            and {{ commune_leaders_count() }}
        then 'UBND_XA'
    end
{% endmacro %}

{% macro is_par_group(staff_group) %} coalesce({{ staff_group }} in ('CONG_CHUC', 'VIEN_CHUC'), false){% endmacro %}

{% macro was_par_staff(person_key, day) %}
    exists (
        select 1
        from {{ ref("stg_hr__par_assignment") }} as par_assignment
        where
            par_assignment.person_key = {{ person_key }}
            and {{ is_in_period(day, "par_assignment.start_date", "par_assignment.end_date") }}
    )
{% endmacro %}

{% macro par_skills() %} {{ return(["THAM_MUU", "TONG_HOP", "HUONG_DAN"]) }} {% endmacro %}

{% macro materials_required(indicator_code) %}
    {# How many different materials a person must have viewed to have access; an aggregate over the catalogue. #}
    {% set access_rule = var("access_rule") %}
    {% if access_rule == "viewed" %} 1
    {% elif access_rule == "viewed_all" %} case when {{ indicator_code }} = 'I3A' then count(*) else 1 end
    {% else %}
        {{
            exceptions.raise_compiler_error(
                "The parameter access_rule must be 'viewed' or 'viewed_all', not '" ~ access_rule ~ "'."
            )
        }}
    {% endif %}
{% endmacro %}
