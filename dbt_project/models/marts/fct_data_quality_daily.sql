{{ config(materialized="incremental", incremental_strategy="replace_date", on_schema_change="append_new_columns") }}

select
    {{ as_of_date() }} as as_of_date,
    agency_code as org_unit_code,
    rows_judged,
    rows_quarantined,
    completeness_pct,
    validity_pct,
    uniqueness_pct,
    consistency_pct,
    timeliness_pct,
    repair_pct,
    quality_score_pct
from {{ ref("int_agency__scored") }}
