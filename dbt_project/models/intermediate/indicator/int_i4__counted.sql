with
    planning as (
        select *, min(effective_date) over (partition by person_key, new_title) as first_planned_date
        from {{ ref("stg_hr__decision") }}
        where decision_kind = 'QUY_HOACH'
    ),

    newly_planned as (
        select *
        from planning
        where
            reason = 'THUONG_QUY'
            and effective_date = first_planned_date
            and {{ happened_in_as_of_year("effective_date") }}
            and {{ was_par_staff("planning.person_key", "planning.effective_date") }}
    )

select
    'I4' as indicator_code,
    decision.person_key,
    person.org_unit_code,
    'ALL' as population_group,
    {{ record_ref("hr", "quyet_dinh.csv", "decision") }} as evidence_ref
from
    {{ earliest("newly_planned", per=["person_key"], by=["effective_date", "delivery_date", "row_number"]) }}
    as decision
inner join {{ ref("int_person__scoped") }} as person on decision.person_key = person.person_key
