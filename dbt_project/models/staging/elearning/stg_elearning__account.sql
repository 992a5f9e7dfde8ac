select id as user_id from {{ source("serving", "mdl_user") }}
