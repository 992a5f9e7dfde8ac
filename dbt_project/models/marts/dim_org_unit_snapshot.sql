{{ config(materialized="incremental", incremental_strategy="replace_date", on_schema_change="append_new_columns") }}

select
    {{ as_of_date() }} as as_of_date,
    unit.org_unit_code,
    unit.org_unit_name_vi,
    unit.org_unit_name_en,
    unit.org_unit_type,
    unit.parent_org_unit_code,
    unit.valid_from,
    unit.valid_to,
    unit.is_in_force,
    agency.agency_code
from {{ ref("int_org_unit__described") }} as unit
left join {{ ref("int_org_unit__in_agency") }} as agency on unit.org_unit_code = agency.org_unit_code
