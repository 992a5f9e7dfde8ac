select finding_key, kind, source, agency_code, state, opened_on as opened_date, repaired_on as repaired_date
from {{ source("serving", "finding") }}
