select daily.*
from {{ ref("fct_indicator_daily") }} as daily
left join
    {{ ref("fct_indicator_bound") }} as bound
    on daily.as_of_date = bound.as_of_date
    and daily.indicator_code = bound.indicator_code
    and daily.org_unit_code = bound.org_unit_code
    and daily.population_group = bound.population_group
where
    daily.as_of_date = {{ as_of_date() }}
    and (
        bound.indicator_code is null
        or (daily.value is not null and not coalesce(daily.value between bound.value_low and bound.value_high, false))
    )
