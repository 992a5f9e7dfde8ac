select id as course_id from {{ source("serving", "mdl_course") }}
