select
    org_unit_code,
    org_unit_name_vi,
    org_unit_name_en,
    org_unit_type,
    parent_org_unit_code,
    valid_from,
    valid_to,
    is_in_force,
    as_of_date
from {{ earliest(ref("dim_org_unit_snapshot"), per=["org_unit_code"], by=["as_of_date desc"]) }} as latest
