select indicator_code, indicator_name_vi, indicator_name_en, unit from {{ ref("indicator") }}
