{% macro indicator_value(unit, numerator, denominator) %}
    case
        when {{ unit }} = 'percent'
        then cast(100 * {{ numerator }} as double) / nullif({{ denominator }}, 0)
        else cast({{ numerator }} as double)
    end
{% endmacro %}

{% macro share_pct(part, whole) %} cast(100 * ({{ part }}) as double) / nullif({{ whole }}, 0){% endmacro %}

{% macro meets_target(numerator, denominator, comparator, target_value) %}
    {# Whole numbers on both sides: a percentage is never rounded before it is compared. #}
    {% set reached = numerator ~ " * case when " ~ denominator ~ " is null then 1 else 100 end" %}
    {% set wanted = "cast(" ~ target_value ~ " as bigint) * coalesce(" ~ denominator ~ ", 1)" %}
    case {{ comparator }} when '>' then {{ reached }} > {{ wanted }} when '>=' then {{ reached }} >= {{ wanted }} end
{% endmacro %}

{% macro indicator_status(as_of_date, value, numerator, denominator, comparator, target_value, target_date) %}
    case
        when {{ target_date }} is null
        then 'no_target'
        when {{ value }} is null
        then 'no_data'
        when {{ meets_target(numerator, denominator, comparator, target_value) }}
        then 'met'
        when {{ as_of_date }} < {{ target_date }}
        then 'in_progress'
        else 'missed'
    end
{% endmacro %}

{% macro target_in_force(targets) %}
    {# A checkpoint still to come goes before those gone by; an annual target exists in its own year only. #}
    with
        possible as (
            select *, case when target_date >= {{ as_of_date() }} then target_date end as upcoming_date
            from {{ targets }}
            where target_kind = 'checkpoint' or extract(year from target_date) = {{ as_of_year() }}
        )

    select indicator_code, target_comparator, target_value, target_date
    from
        {{
            earliest(
                "possible",
                per=["indicator_code"],
                by=["case when upcoming_date is null then 1 else 0 end", "upcoming_date", "target_date desc"],
            )
        }} as first_possible
{% endmacro %}
