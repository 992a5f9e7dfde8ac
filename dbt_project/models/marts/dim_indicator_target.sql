select
    indicator_code,
    target_kind,
    target_date,
    target_comparator,
    cast(target_value as double) as target_value,
    target_name_vi,
    target_name_en
from {{ ref("indicator_target") }}
