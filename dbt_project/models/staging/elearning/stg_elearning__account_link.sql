select user_id, person_key, delivery_date
from {{ source("evidence", "account_link") }}
where delivery_date <= {{ as_of_date() }}
