select bound.*
from {{ ref("fct_indicator_bound") }} as bound
inner join
    {{ ref("fct_indicator_daily") }} as daily
    on daily.as_of_date = bound.as_of_date
    and daily.indicator_code = bound.indicator_code
    and daily.org_unit_code = bound.org_unit_code
    and daily.population_group = bound.population_group
where
    bound.as_of_date = {{ as_of_date() }}
    and bound.open_findings = 0
    and (
        bound.value_low is distinct from daily.value
        or bound.value_high is distinct from daily.value
        or bound.can_status_change
        or not bound.is_exact
    )
