select
    ma_lop as class_key,
    person_key,
    ma_khoa_hoc as course_code,
    ngay_hoan_thanh as completion_date,
    ket_qua = 'DAT' as is_passed,
    delivery_date,
    row_number
from {{ source("serving", "lop_boi_duong") }}
