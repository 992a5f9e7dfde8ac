with
    rated as (
        select rating.person_key, rating.rating_year, rating.rating
        from {{ ref("stg_hr__rating") }} as rating
        inner join {{ ref("int_person__scoped") }} as person on rating.person_key = person.person_key
        where
            person.is_active_par_staff
            and person.staff_group = 'CONG_CHUC'
            and rating.decision_date <= {{ as_of_date() }}
            and rating.rating is not null
    ),

    latest_rated as (select person_key, max(rating_year) as latest_year from rated group by person_key),

    -- Years of one unbroken run have one and the same distance to their place among the excellent years.
    excellent as (
        select
            person_key,
            rating_year,
            rating_year - row_number() over (partition by person_key order by rating_year) as run_number
        from rated
        where rating = 'HTXSNV'
    ),

    run as (
        select person_key, min(rating_year) as first_year, max(rating_year) as last_year, count(*) as excellent_years
        from excellent
        group by person_key, run_number
    ),

    current_run as (
        select run.*
        from run
        inner join latest_rated on run.person_key = latest_rated.person_key and run.last_year = latest_rated.latest_year
        where run.excellent_years >= {{ var("r1_min_excellent_years") }} and run.last_year >= {{ as_of_year() }} - 1
    ),

    innovative as (
        select
            current_run.person_key,
            current_run.excellent_years,
            count(distinct initiative.initiative_key) as applied_initiatives
        from current_run
        inner join
            {{ ref("stg_hr__initiative") }} as initiative
            on current_run.person_key = initiative.person_key
            and initiative.is_applied
            and initiative.recognition_year between current_run.first_year and {{ as_of_year() }}
        group by current_run.person_key, current_run.excellent_years
        having count(distinct initiative.initiative_key) >= {{ var("r1_min_initiatives") }}
    )

select innovative.person_key, person.org_unit_code, innovative.excellent_years, innovative.applied_initiatives
from innovative
inner join {{ ref("int_person__scoped") }} as person on innovative.person_key = person.person_key
