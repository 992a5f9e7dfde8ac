-- Fails when a published value is not what its numerator and denominator make.
select *
from {{ ref("fct_indicator_daily") }}
where
    as_of_date = {{ as_of_date() }} and value is distinct from {{ indicator_value("unit", "numerator", "denominator") }}
