select source, file_name, served_from_date, is_carried_forward from {{ source("serving", "file_serving") }}
