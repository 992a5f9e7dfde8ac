{{ config(materialized="table") }}

with
    recent as (
        select
            agency_code,
            {{ dbt.datediff("opened_date", "coalesce(repaired_date, " ~ as_of_date() ~ ")", "day") }} as open_days
        from {{ ref("stg_serving__finding") }}
        where
            kind = 'row'
            and source = 'hr'
            and state <> 'waived'
            and opened_date > {{ dbt.dateadd("day", -90, as_of_date()) }}
    ),

    told as (
        select agency_code, open_days
        from recent
        where agency_code <> {{ city() }}
        union all
        select {{ city() }} as agency_code, open_days
        from recent
    )

select
    agency_code,
    count(*) as findings,
    cast(sum(case when open_days <= {{ var("quality_repair_days") }} then 1 else 0 end) as bigint) as findings_in_time
from told
group by agency_code
