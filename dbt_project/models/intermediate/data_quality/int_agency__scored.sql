{{ config(materialized="table") }}

with
    hr_file as (
        select sum(case when is_carried_forward then 0 else 1 end) as files_in_time, count(*) as files
        from {{ ref("stg_serving__file") }}
        where source = 'hr'
    ),

    measured as (
        select
            judged.agency_code,
            judged.rows_judged,
            judged.rows_quarantined,
            {% for dimension, rows in {
                "completeness": "incomplete",
                "validity": "invalid",
                "uniqueness": "duplicate",
                "consistency": "inconsistent",
            }.items() %}
                {{ share_pct("judged.rows_judged - judged.rows_" ~ rows, "judged.rows_judged") }}
                as {{ dimension }}_pct,
            {% endfor %}
            {{ share_pct("hr_file.files_in_time", "hr_file.files") }} as timeliness_pct,
            {{ share_pct("repaired.findings_in_time", "repaired.findings") }} as repair_pct
        from {{ ref("int_agency__judged") }} as judged
        left join {{ ref("int_agency__repaired") }} as repaired on judged.agency_code = repaired.agency_code
        cross join hr_file
    )

select
    *,
    (completeness_pct + validity_pct + uniqueness_pct + consistency_pct + timeliness_pct + coalesce(repair_pct, 0))
    / (case when repair_pct is null then 5 else 6 end) as quality_score_pct
from measured
