select course_module_id, ma_hoc_lieu as material_code, delivery_date
from {{ source("evidence", "module_link") }}
where delivery_date <= {{ as_of_date() }}
