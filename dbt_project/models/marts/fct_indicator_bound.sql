{{ config(materialized="incremental", incremental_strategy="replace_date", on_schema_change="append_new_columns") }}

with
    bounded as (
        select
            daily.as_of_date,
            daily.indicator_code,
            daily.org_unit_code,
            daily.population_group,
            {% for end in ["low", "high"] %}
                {{ indicator_value("daily.unit", "bound.numerator_" ~ end, "bound.denominator_" ~ end) }}
                as value_{{ end }},
                bound.numerator_{{ end }},
                bound.denominator_{{ end }},
            {% endfor %}
            bound.open_findings,
            bound.is_exact,
            daily.status,
            daily.target_comparator,
            daily.target_value,
            daily.target_date
        from {{ ref("fct_indicator_daily") }} as daily
        inner join
            {{ ref("int_indicator__bounded") }} as bound
            on daily.indicator_code = bound.indicator_code
            and daily.org_unit_code = bound.org_unit_code
            and daily.population_group = bound.population_group
        where daily.as_of_date = {{ as_of_date() }}
    )

select
    as_of_date,
    indicator_code,
    org_unit_code,
    population_group,
    value_low,
    value_high,
    numerator_low,
    denominator_low,
    numerator_high,
    denominator_high,
    open_findings,
    {% for end in ["low", "high"] %}
        {{
            indicator_status(
                "as_of_date",
                "value_" ~ end,
                "numerator_" ~ end,
                "denominator_" ~ end,
                "target_comparator",
                "target_value",
                "target_date",
            )
        }} <> status {{ "or" if not loop.last else "as can_status_change," }}
    {% endfor %}
    is_exact
from bounded
