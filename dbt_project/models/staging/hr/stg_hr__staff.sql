select
    person_key,
    nhom as staff_group,
    ma_don_vi as org_unit_code,
    coalesce(la_lanh_dao = 'x', false) as is_leader,
    trang_thai = 'DANG_CONG_TAC' as is_active
from {{ source("serving", "nhan_su") }}
