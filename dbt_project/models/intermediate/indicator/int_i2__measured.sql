with
    par_staff as (select * from {{ ref("int_person__scoped") }} where is_par_population),

    skilled as (select * from {{ ref("int_course__passed") }} where course_kind = 'KIEN_THUC_KY_NANG'),

    first_skilled as (
        select
            *,
            case
                skill {% for skill in par_skills() %} when '{{ skill }}' then {{ loop.index }} {% endfor %}
            end as skill_number
        from
            {{
                earliest(
                    "skilled",
                    per=["person_key", "skill"],
                    by=["passed_date", "delivery_date", "file_name", "row_number"],
                )
            }} as placed
    ),

    fully_skilled as (
        select person_key, {{ dbt.listagg("record_ref", "'; '", "order by skill_number") }} as evidence_ref
        from first_skilled
        group by person_key
        having count(skill_number) = {{ par_skills() | length }}
    )

select
    'I2' as indicator_code,
    par_staff.person_key,
    par_staff.org_unit_code,
    'ALL' as population_group,
    fully_skilled.evidence_ref
from par_staff
left join fully_skilled on par_staff.person_key = fully_skilled.person_key
