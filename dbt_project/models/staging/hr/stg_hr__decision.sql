select
    so_quyet_dinh as decision_key,
    person_key,
    loai as decision_kind,
    ngay_hieu_luc as effective_date,
    chuc_vu_moi as new_title,
    coalesce(la_chuc_vu_lanh_dao = 'x', false) as is_leadership_post,
    ly_do as reason,
    delivery_date,
    row_number
from {{ source("serving", "quyet_dinh") }}
