{{ config(materialized="incremental", incremental_strategy="replace_date", on_schema_change="append_new_columns") }}

with
    measured as (
        select
            rolled_up.*,
            {{ as_of_date() }} as as_of_date,
            {{ indicator_value("rolled_up.unit", "rolled_up.numerator", "rolled_up.denominator") }} as value,
            target.target_comparator,
            cast(target.target_value as double) as target_value,
            target.target_date,
            staleness.is_stale
        from {{ ref("int_indicator__rolled_up") }} as rolled_up
        inner join
            {{ ref("int_indicator__marked_stale") }} as staleness on rolled_up.indicator_code = staleness.indicator_code
        left join {{ ref("int_target__in_force") }} as target on rolled_up.indicator_code = target.indicator_code
    )

select
    as_of_date,
    indicator_code,
    org_unit_code,
    population_group,
    numerator,
    denominator,
    value,
    unit,
    target_comparator,
    target_value,
    target_date,
    {{
        indicator_status(
            "as_of_date",
            "value",
            "numerator",
            "denominator",
            "target_comparator",
            "target_value",
            "target_date",
        )
    }} as status,
    is_stale
from measured
