{% set tables = ["nhan_su", "phan_cong_cchc", "danh_gia", "quyet_dinh", "sang_kien", "lop_boi_duong"] %}

{% for table in tables %}
    select '{{ table }}.csv' as file_name, person_key, count(*) as row_count
    from {{ source("serving", table) }}
    group by person_key {{ "union all" if not loop.last }}
{% endfor %}
