with
    promoted as (
        select *
        from {{ ref("stg_hr__decision") }} as promotion
        where
            decision_kind in ('LUAN_CHUYEN', 'BO_NHIEM')
            and is_leadership_post
            and reason = 'THUONG_QUY'
            and {{ happened_in_as_of_year("effective_date") }}
            and {{ was_par_staff("promotion.person_key", "promotion.effective_date") }}
    )

select
    'I5' as indicator_code,
    decision.person_key,
    person.org_unit_code,
    'ALL' as population_group,
    {{ record_ref("hr", "quyet_dinh.csv", "decision") }} as evidence_ref
from {{ earliest("promoted", per=["person_key"], by=["effective_date", "delivery_date", "row_number"]) }} as decision
inner join {{ ref("int_person__scoped") }} as person on decision.person_key = person.person_key
