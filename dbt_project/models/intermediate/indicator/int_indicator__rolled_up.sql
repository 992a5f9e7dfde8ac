with
    indicator as (select * from {{ ref("indicator") }}),

    own as (
        select
            indicator_code,
            org_unit_code,
            population_group,
            count(*) as person_count,
            sum(case when in_numerator then 1 else 0 end) as proven_count
        from {{ ref("int_indicator__evidenced") }}
        group by indicator_code, org_unit_code, population_group
    ),

    grouped as (
        select indicator_code, org_unit_code, 'ALL' as population_group, person_count, proven_count
        from own
        union all
        select indicator_code, org_unit_code, population_group, person_count, proven_count
        from own
        where population_group <> 'ALL'
    ),

    rolled_up as (
        select
            grouped.indicator_code,
            unit.ancestor_code as org_unit_code,
            grouped.population_group,
            sum(grouped.person_count) as person_count,
            sum(grouped.proven_count) as proven_count
        from grouped
        inner join {{ ref("int_org_unit__nested") }} as unit on grouped.org_unit_code = unit.org_unit_code
        group by grouped.indicator_code, unit.ancestor_code, grouped.population_group
    ),

    city_row as (
        select indicator_code, 'ALL' as population_group
        from indicator
        {% for leader_group in leader_groups() %}
            union all
            select 'I1' as indicator_code, '{{ leader_group }}' as population_group
        {% endfor %}
        union all
        select 'I1' as indicator_code, 'UBND_XA' as population_group
        where {{ commune_leaders_count() }}
    ),

    published as (
        select
            city_row.indicator_code,
            {{ city() }} as org_unit_code,
            city_row.population_group,
            coalesce(rolled_up.proven_count, 0) as proven_count,
            coalesce(rolled_up.person_count, 0) as person_count
        from city_row
        left join
            rolled_up
            on city_row.indicator_code = rolled_up.indicator_code
            and city_row.population_group = rolled_up.population_group
            and rolled_up.org_unit_code = {{ city() }}
        union all
        select
            rolled_up.indicator_code,
            rolled_up.org_unit_code,
            rolled_up.population_group,
            rolled_up.proven_count,
            rolled_up.person_count
        from rolled_up
        inner join {{ ref("int_org_unit__described") }} as unit on rolled_up.org_unit_code = unit.org_unit_code
        inner join indicator on rolled_up.indicator_code = indicator.indicator_code
        where unit.is_in_force and unit.org_unit_code <> {{ city() }} and indicator.unit = 'percent'
    )

select
    published.indicator_code,
    published.org_unit_code,
    published.population_group,
    indicator.unit,
    cast(published.proven_count as bigint) as numerator,
    cast(case when indicator.unit = 'percent' then published.person_count end as bigint) as denominator
from published
inner join indicator on published.indicator_code = indicator.indicator_code
