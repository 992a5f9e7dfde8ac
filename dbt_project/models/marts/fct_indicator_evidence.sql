{{ config(materialized="incremental", incremental_strategy="replace_date", on_schema_change="append_new_columns") }}

select
    {{ as_of_date() }} as as_of_date,
    indicator_code,
    person_key,
    org_unit_code,
    population_group,
    in_numerator,
    evidence_ref
from {{ ref("int_indicator__evidenced") }}
