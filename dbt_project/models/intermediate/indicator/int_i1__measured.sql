with
    leader as (select * from {{ ref("int_person__scoped") }} where leader_group is not null),

    trained as (select * from {{ ref("int_course__passed") }} where course_kind = 'BOI_DUONG_CCHC'),

    first_trained as (
        select *
        from
            {{
                earliest(
                    "trained", per=["person_key"], by=["passed_date", "delivery_date", "file_name", "row_number"]
                )
            }} as placed
    )

select
    'I1' as indicator_code,
    leader.person_key,
    leader.org_unit_code,
    leader.leader_group as population_group,
    first_trained.record_ref as evidence_ref
from leader
left join first_trained on leader.person_key = first_trained.person_key
