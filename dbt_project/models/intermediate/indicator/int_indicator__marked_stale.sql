select input.indicator_code, {{ dbt.bool_or("file.is_carried_forward") }} as is_stale
from {{ ref("indicator_input_file") }} as input
inner join {{ ref("stg_serving__file") }} as file on input.source = file.source and input.file_name = file.file_name
group by input.indicator_code
