{{ config(materialized="table") }}

with
    completed as (
        select
            account.person_key,
            course.course_code,
            cast(completion.completed_at as date) as passed_date,
            completion.delivery_date,
            'mdl_course_completions.csv' as file_name,
            completion.row_number,
            {{ record_ref("elearning", "mdl_course_completions.csv", "completion") }} as record_ref
        from {{ ref("stg_elearning__completion") }} as completion
        inner join {{ ref("int_account__linked") }} as account on completion.user_id = account.user_id
        inner join {{ ref("int_course__linked") }} as course on completion.course_id = course.course_id
    ),

    attended as (
        select
            person.person_key,
            result.course_code,
            result.completion_date as passed_date,
            result.delivery_date,
            'lop_boi_duong.csv' as file_name,
            result.row_number,
            {{ record_ref("hr", "lop_boi_duong.csv", "result") }} as record_ref
        from {{ ref("stg_hr__classroom_result") }} as result
        inner join {{ ref("int_person__scoped") }} as person on result.person_key = person.person_key
        where result.is_passed
    ),

    passed as (
        select *
        from completed
        union all
        select *
        from attended
    )

select
    passed.person_key,
    catalogue.course_kind,
    catalogue.skill,
    passed.passed_date,
    passed.delivery_date,
    passed.file_name,
    passed.row_number,
    passed.record_ref
from passed
inner join {{ ref("stg_elearning__course_kind") }} as catalogue on passed.course_code = catalogue.course_code
where {{ happened_by_as_of_date("passed.passed_date") }}
