{{ config(materialized="incremental", incremental_strategy="replace_date", on_schema_change="append_new_columns") }}

with
    named as (
        select
            daily.*,
            bound.value_low,
            bound.value_high,
            indicator.indicator_name_vi,
            indicator.indicator_name_en,
            unit.org_unit_name_vi as org_unit_name,
            unit.org_unit_name_en,
            unit.org_unit_type,
            quality.quality_score_pct,
            daily.org_unit_code <> {{ city() }} and coalesce(daily.denominator < 5, false) as is_suppressed
        from {{ ref("fct_indicator_daily") }} as daily
        inner join {{ ref("dim_indicator") }} as indicator on daily.indicator_code = indicator.indicator_code
        left join
            {{ ref("fct_indicator_bound") }} as bound
            on daily.as_of_date = bound.as_of_date
            and daily.indicator_code = bound.indicator_code
            and daily.org_unit_code = bound.org_unit_code
            and daily.population_group = bound.population_group
        left join
            {{ ref("dim_org_unit_snapshot") }} as unit
            on daily.as_of_date = unit.as_of_date
            and daily.org_unit_code = unit.org_unit_code
        left join
            {{ ref("fct_data_quality_daily") }} as quality
            on daily.as_of_date = quality.as_of_date
            and unit.agency_code = quality.org_unit_code
        where daily.as_of_date = {{ as_of_date() }}
    )

select
    as_of_date,
    indicator_code,
    indicator_name_vi,
    indicator_name_en,
    org_unit_code,
    org_unit_name,
    org_unit_name_en,
    org_unit_type,
    population_group,
    {% for column in ["numerator", "denominator", "value", "value_low", "value_high"] %}
        case when not is_suppressed then {{ column }} end as {{ column }},
    {% endfor %}
    unit,
    target_comparator,
    target_value,
    target_date,
    case when not is_suppressed then status end as status,
    is_stale,
    is_suppressed,
    quality_score_pct
from named
