select user_id, course_id, completed_at, delivery_date, row_number
from {{ source("evidence", "completion") }}
where delivery_date <= {{ as_of_date() }}
