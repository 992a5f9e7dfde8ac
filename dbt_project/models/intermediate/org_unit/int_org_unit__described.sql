{{ config(materialized="table") }}

select
    *,
    {{ org_unit_name_en("org_unit_name_vi", "org_unit_type") }} as org_unit_name_en,
    {{ is_in_period(as_of_date(), "valid_from", "valid_to") }} as is_in_force
from {{ ref("stg_hr__org_unit") }}
