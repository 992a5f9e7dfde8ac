-- Fails when bi.indicator_daily lacks or adds a row, alters a number, or shows a cell below the city with fewer than
-- 5 people.
with
    expected as (
        select *, case when org_unit_code <> {{ city() }} and denominator < 5 then true else false end as is_small
        from {{ ref("fct_indicator_daily") }}
        where as_of_date = {{ as_of_date() }}
    ),

    shown as (select * from {{ ref("indicator_daily") }} where as_of_date = {{ as_of_date() }})

select
    coalesce(expected.indicator_code, shown.indicator_code) as indicator_code,
    coalesce(expected.org_unit_code, shown.org_unit_code) as org_unit_code,
    coalesce(expected.population_group, shown.population_group) as population_group
from expected
full outer join
    shown
    on expected.indicator_code = shown.indicator_code
    and expected.org_unit_code = shown.org_unit_code
    and expected.population_group = shown.population_group
where
    expected.indicator_code is null
    or shown.indicator_code is null
    or shown.is_suppressed is distinct from expected.is_small
    {% for column in ["numerator", "denominator", "value", "status"] %}
        or shown.{{ column }} is distinct from case when not expected.is_small then expected.{{ column }} end
    {% endfor %}
