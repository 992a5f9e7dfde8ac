{#- Per file: what tells its rows apart, and the cells that the indicators look at. -#}
{%- set tables = {
    "don_vi": (
        ["ma_don_vi"],
        ["ma_don_vi", "loai_don_vi", "ma_don_vi_cha", "hieu_luc_tu", "hieu_luc_den"],
    ),
    "nhan_su": (["person_key"], ["nhom", "ma_don_vi", "la_lanh_dao", "trang_thai"]),
    "phan_cong_cchc": (["person_key", "tu_ngay"], ["tu_ngay", "den_ngay", "ma_don_vi"]),
    "quyet_dinh": (
        ["so_quyet_dinh", "person_key", "loai"],
        ["so_quyet_dinh", "loai", "ngay_hieu_luc", "chuc_vu_moi", "la_chuc_vu_lanh_dao", "ly_do"],
    ),
    "lop_boi_duong": (["ma_lop", "person_key"], ["ma_lop", "ma_khoa_hoc", "ngay_hoan_thanh", "ket_qua"]),
    "danh_muc_khoa_hoc": (["ma_khoa_hoc", "loai", "ky_nang"], ["ma_khoa_hoc", "loai", "ky_nang"]),
    "danh_muc_hoc_lieu": (["ma_hoc_lieu", "loai"], ["ma_hoc_lieu", "loai"]),
    "mdl_user": (["id"], ["id"]),
    "mdl_course": (["id"], ["id", "idnumber"]),
    "mdl_course_completions": (["id"], ["id", "userid", "course", "timecompleted"]),
    "mdl_course_modules": (["id"], ["id", "idnumber"]),
    "mdl_course_modules_viewed": (["id"], ["id", "coursemoduleid", "userid", "timecreated"]),
} -%}
{%- set persons = ["nhan_su", "phan_cong_cchc", "quyet_dinh", "lop_boi_duong", "mdl_user"] -%}
{%- set increments = ["mdl_course_modules_viewed"] -%}

{% for table, (keys, columns) in tables.items() %}
    select
        '{{ table }}.csv' as file_name,
        open_row.delivery_date,
        open_row.row_number,
        open_row.finding_key,
        open_row.rule_codes,
        open_row.broken_columns,
        {{ "open_row.person_key" if table in persons else "cast(null as varchar)" }} as person_key,
        {{ cells_of("open_row", columns) }} as cells,
        rival.row_number as rival_row_number,
        {{ cells_of("rival", columns) }} as rival_cells
    from {{ source("serving", "quarantined_" ~ table) }} as open_row
    left join
        {{ source("serving", ("delivered_" if table in increments else "") ~ table) }} as rival
        on open_row.delivery_date = rival.delivery_date
        {% for key in keys %} and open_row.{{ key }} is not distinct from rival.{{ key }} {% endfor %}
        {{ "union all" if not loop.last }}
{% endfor %}
