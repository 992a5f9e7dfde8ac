-- Fails when the evidence of a unit and all units below it makes another number than the published one,
-- and when a number that the evidence makes for a unit in force is not published.
with recursive
    unit as (select * from {{ ref("dim_org_unit_snapshot") }} where as_of_date = {{ as_of_date() }}),

    ancestor as ({{ org_unit_ancestors("unit") }}),

    evidence as (select * from {{ ref("fct_indicator_evidence") }} where as_of_date = {{ as_of_date() }}),

    grouped as (
        select indicator_code, org_unit_code, 'ALL' as population_group, in_numerator
        from evidence
        union all
        select indicator_code, org_unit_code, population_group, in_numerator
        from evidence
        where population_group <> 'ALL'
    ),

    recounted as (
        select
            grouped.indicator_code,
            ancestor.ancestor_code as org_unit_code,
            grouped.population_group,
            sum(case when grouped.in_numerator then 1 else 0 end) as numerator,
            count(*) as person_count
        from grouped
        inner join ancestor on grouped.org_unit_code = ancestor.org_unit_code
        group by grouped.indicator_code, ancestor.ancestor_code, grouped.population_group
    ),

    due as (
        select recounted.*
        from recounted
        inner join unit on recounted.org_unit_code = unit.org_unit_code
        inner join {{ ref("dim_indicator") }} as indicator on recounted.indicator_code = indicator.indicator_code
        where unit.org_unit_code = {{ city() }} or (unit.is_in_force and indicator.unit = 'percent')
    ),

    published as (select * from {{ ref("fct_indicator_daily") }} where as_of_date = {{ as_of_date() }})

select
    coalesce(published.indicator_code, due.indicator_code) as indicator_code,
    coalesce(published.org_unit_code, due.org_unit_code) as org_unit_code,
    coalesce(published.population_group, due.population_group) as population_group,
    published.numerator,
    published.denominator,
    due.numerator as evidence_numerator,
    due.person_count as evidence_denominator
from published
full outer join
    due
    on published.indicator_code = due.indicator_code
    and published.org_unit_code = due.org_unit_code
    and published.population_group = due.population_group
where
    published.indicator_code is null
    or published.numerator <> coalesce(due.numerator, 0)
    or (published.unit = 'percent' and published.denominator is distinct from coalesce(due.person_count, 0))
    or (published.unit = 'persons' and published.denominator is not null)
