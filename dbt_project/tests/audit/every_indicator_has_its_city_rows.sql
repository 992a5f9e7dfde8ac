-- Fails when the city lacks a row of an indicator, or of a leader group of I1, on the data date.
with
    expected as (
        select indicator_code, 'ALL' as population_group
        from {{ ref("dim_indicator") }}
        {% for leader_group in leader_groups() %}
            union all
            select 'I1' as indicator_code, '{{ leader_group }}' as population_group
        {% endfor %}
    )

select expected.indicator_code, expected.population_group
from expected
left join
    {{ ref("fct_indicator_daily") }} as daily
    on expected.indicator_code = daily.indicator_code
    and expected.population_group = daily.population_group
    and daily.org_unit_code = {{ city() }}
    and daily.as_of_date = {{ as_of_date() }}
where daily.indicator_code is null
