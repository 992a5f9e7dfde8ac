-- Fails when a published status is not what its own numbers and target make.
select *
from {{ ref("fct_indicator_daily") }}
where
    as_of_date = {{ as_of_date() }}
    and status
    is distinct from {{
        indicator_status(
            "as_of_date",
            "value",
            "numerator",
            "denominator",
            "target_comparator",
            "target_value",
            "target_date",
        )
    }}
