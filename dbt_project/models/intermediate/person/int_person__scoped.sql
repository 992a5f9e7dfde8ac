{{ config(materialized="table") }}

with
    staff as (select * from {{ ref("stg_hr__staff") }}),

    rostered as (
        select person_key, {{ dbt.bool_or(is_in_period(as_of_date(), "start_date", "end_date")) }} as is_par_staff
        from {{ ref("stg_hr__par_assignment") }}
        group by person_key
    ),

    scoped as (
        select
            coalesce(staff.person_key, rostered.person_key) as person_key,
            staff.org_unit_code,
            staff.staff_group,
            coalesce(staff.is_active, false) as is_active,
            coalesce(staff.is_leader, false) as is_leader,
            coalesce(rostered.is_par_staff, false) as is_par_staff
        from staff
        full outer join rostered on staff.person_key = rostered.person_key
        where rostered.person_key is not null or (staff.is_leader and staff.is_active)
    )

select
    scoped.person_key,
    coalesce(org_unit.org_unit_code, {{ city() }}) as org_unit_code,
    scoped.staff_group,
    scoped.is_active and scoped.is_par_staff as is_active_par_staff,
    scoped.is_active and scoped.is_par_staff and {{ is_par_group("scoped.staff_group") }} as is_par_population,
    case
        when scoped.is_active and scoped.is_leader
        then {{ leader_group("org_unit.org_unit_type", "scoped.staff_group") }}
    end as leader_group
from scoped
left join {{ ref("int_org_unit__described") }} as org_unit on scoped.org_unit_code = org_unit.org_unit_code
