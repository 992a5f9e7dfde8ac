select course_id, ma_khoa_hoc as course_code, delivery_date
from {{ source("evidence", "course_link") }}
where delivery_date <= {{ as_of_date() }}
