{{ config(materialized="incremental", incremental_strategy="replace_date", on_schema_change="append_new_columns") }}

select
    {{ as_of_date() }} as as_of_date,
    person_key,
    org_unit_code,
    cast(excellent_years as integer) as excellent_years,
    cast(applied_initiatives as integer) as applied_initiatives
from {{ ref("int_candidate__proposed") }}
