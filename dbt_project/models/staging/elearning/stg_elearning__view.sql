select user_id, course_module_id, viewed_at, delivery_date, row_number
from {{ source("evidence", "view") }}
where delivery_date <= {{ as_of_date() }}
