{{ latest_link(ref("stg_elearning__module_link"), "course_module_id", "material_code") }}
