{{ config(materialized="incremental", incremental_strategy="replace_date", on_schema_change="append_new_columns") }}

select
    {{ as_of_date() }} as as_of_date,
    org_unit_code,
    org_unit_name_vi,
    org_unit_name_en,
    org_unit_type,
    parent_org_unit_code,
    valid_from,
    valid_to,
    is_in_force
from {{ ref("int_org_unit__described") }}
