{{ latest_link(ref("stg_elearning__course_link"), "course_id", "course_code") }}
