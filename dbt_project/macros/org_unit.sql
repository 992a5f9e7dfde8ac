{% macro city() %} 'H29'{% endmacro %}

{% macro org_unit_ancestors(units) %}
    {# The body of a recursive CTE named `ancestor` over a relation of units: every unit with itself and all above it. #}
    select unit.org_unit_code, unit.org_unit_code as ancestor_code, unit.parent_org_unit_code as next_code
    from {{ units }} as unit
    union all
    select ancestor.org_unit_code, parent.org_unit_code as ancestor_code, parent.parent_org_unit_code as next_code
    from ancestor
    inner join {{ units }} as parent on ancestor.next_code = parent.org_unit_code
{% endmacro %}

{% macro org_unit_name_en(name, org_unit_type) %}
    {# Kind of office in English, its proper name as it is; no guess where the name begins with none of these words. #}
    {% set offices = [
        ("Sở", "Department"),
        ("Ủy ban nhân dân", "People''s Committee"),
        ("Uỷ ban nhân dân", "People''s Committee"),
        ("UBND", "People''s Committee"),
        ("Phòng", "Division"),
        ("Văn phòng", "Office"),
        ("Thanh tra", "Inspectorate"),
        ("Chi cục", "Sub-department"),
        ("Ban", "Board"),
        ("Trung tâm", "Centre"),
        ("Trường", "School"),
        ("Bệnh viện", "Hospital"),
    ] %}
    case
        when {{ org_unit_type }} = 'THANH_PHO'
        then 'Ho Chi Minh City'
        {% for vietnamese, english in offices %}
            when {{ name }} = '{{ vietnamese }}'
            then '{{ english }}'
            when {{ name }} like '{{ vietnamese }} %'
            then '{{ english }}: ' || substring({{ name }}, {{ vietnamese | length + 2 }})
        {% endfor %}
    end
{% endmacro %}
