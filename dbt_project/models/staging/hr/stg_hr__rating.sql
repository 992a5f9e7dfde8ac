select person_key, nam as rating_year, muc_xep_loai as rating, ngay_quyet_dinh as decision_date
from {{ source("serving", "danh_gia") }}
