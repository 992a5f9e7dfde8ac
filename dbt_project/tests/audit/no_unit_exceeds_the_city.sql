-- Fails when a unit counts more people than the city, which counts everyone.
select unit.*
from {{ ref("fct_indicator_daily") }} as unit
inner join
    {{ ref("fct_indicator_daily") }} as city_row
    on unit.as_of_date = city_row.as_of_date
    and unit.indicator_code = city_row.indicator_code
    and unit.population_group = city_row.population_group
    and city_row.org_unit_code = {{ city() }}
where
    unit.as_of_date = {{ as_of_date() }}
    and (unit.numerator > city_row.numerator or unit.denominator > city_row.denominator)
