-- Fails when a published number counts more people than it is about, or fewer than nobody.
select *
from {{ ref("fct_indicator_daily") }}
where as_of_date = {{ as_of_date() }} and (numerator > denominator or numerator < 0)
