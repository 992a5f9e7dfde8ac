-- Fails when a published percentage is outside 0 to 100, or a number of persons is negative.
select *
from {{ ref("fct_indicator_daily") }}
where as_of_date = {{ as_of_date() }} and (value < 0 or (unit = 'percent' and value > 100))
