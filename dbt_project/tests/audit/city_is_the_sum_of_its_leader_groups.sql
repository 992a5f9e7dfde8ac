-- Fails when I1 of the city is not the sum of its leader groups: everyone is in exactly one.
with
    city_row as (
        select *
        from {{ ref("fct_indicator_daily") }}
        where as_of_date = {{ as_of_date() }} and indicator_code = 'I1' and org_unit_code = {{ city() }}
    ),

    total as (
        select
            sum(case when population_group = 'ALL' then numerator else 0 end) as all_numerator,
            sum(case when population_group <> 'ALL' then numerator else 0 end) as groups_numerator,
            sum(case when population_group = 'ALL' then denominator else 0 end) as all_denominator,
            sum(case when population_group <> 'ALL' then denominator else 0 end) as groups_denominator
        from city_row
    )

select *
from total
where all_numerator <> groups_numerator or all_denominator <> groups_denominator
