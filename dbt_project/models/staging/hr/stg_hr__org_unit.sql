select
    ma_don_vi as org_unit_code,
    ten_don_vi as org_unit_name_vi,
    loai_don_vi as org_unit_type,
    ma_don_vi_cha as parent_org_unit_code,
    hieu_luc_tu as valid_from,
    hieu_luc_den as valid_to
from {{ source("serving", "don_vi") }}
