select source, file_name, row_number, rule_code, agency_code from {{ source("serving", "quarantined_row") }}
