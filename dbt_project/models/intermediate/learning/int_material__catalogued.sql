select distinct material_code, case material_kind when 'MO_HINH_NUOC_NGOAI' then 'I3B' else 'I3A' end as indicator_code
from {{ ref("stg_elearning__material_kind") }}
