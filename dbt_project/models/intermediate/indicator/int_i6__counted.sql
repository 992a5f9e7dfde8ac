with
    trained as (
        select *
        from {{ ref("int_course__passed") }} as passing
        where course_kind = 'CHUYEN_GIA' and {{ was_par_staff("passing.person_key", "passing.passed_date") }}
    )

select
    'I6' as indicator_code,
    passing.person_key,
    person.org_unit_code,
    'ALL' as population_group,
    passing.record_ref as evidence_ref
from
    {{ earliest("trained", per=["person_key"], by=["passed_date", "delivery_date", "file_name", "row_number"]) }}
    as passing
inner join {{ ref("int_person__scoped") }} as person on passing.person_key = person.person_key
