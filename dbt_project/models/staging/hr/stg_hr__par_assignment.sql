select person_key, tu_ngay as start_date, den_ngay as end_date from {{ source("serving", "phan_cong_cchc") }}
