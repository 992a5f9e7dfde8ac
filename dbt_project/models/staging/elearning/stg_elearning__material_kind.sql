select ma_hoc_lieu as material_code, loai as material_kind from {{ source("serving", "danh_muc_hoc_lieu") }}
