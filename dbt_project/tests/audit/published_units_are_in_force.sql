-- Fails when a number is published for a unit that is not in force on the data date or not known; the city is always
-- published.
select daily.*
from {{ ref("fct_indicator_daily") }} as daily
left join
    {{ ref("dim_org_unit_snapshot") }} as unit
    on daily.as_of_date = unit.as_of_date
    and daily.org_unit_code = unit.org_unit_code
where
    daily.as_of_date = {{ as_of_date() }}
    and daily.org_unit_code <> {{ city() }}
    and not coalesce(unit.is_in_force, false)
