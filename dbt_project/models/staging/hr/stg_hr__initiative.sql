select
    ma_sang_kien as initiative_key,
    person_key,
    nam_cong_nhan as recognition_year,
    coalesce(ap_dung_hieu_qua = 'x', false) as is_applied
from {{ source("serving", "sang_kien") }}
