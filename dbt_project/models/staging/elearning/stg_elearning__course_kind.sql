select ma_khoa_hoc as course_code, loai as course_kind, ky_nang as skill
from {{ source("serving", "danh_muc_khoa_hoc") }}
