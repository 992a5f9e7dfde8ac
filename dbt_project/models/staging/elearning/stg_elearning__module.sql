select id as course_module_id from {{ source("serving", "mdl_course_modules") }}
