{{ config(materialized="table") }}

with
    viewed as (
        select
            account.person_key,
            module.material_code,
            cast(view.viewed_at as date) as viewed_date,
            view.delivery_date,
            view.row_number
        from {{ ref("stg_elearning__view") }} as view
        inner join {{ ref("int_account__linked") }} as account on view.user_id = account.user_id
        inner join {{ ref("int_module__linked") }} as module on view.course_module_id = module.course_module_id
    ),

    viewed_in_time as (select * from viewed where {{ happened_by_as_of_date("viewed_date") }}),

    first_viewed as (
        select *
        from
            {{
                earliest(
                    "viewed_in_time",
                    per=["person_key", "material_code"],
                    by=["viewed_date", "delivery_date", "row_number"],
                )
            }} as placed
    )

select
    first_viewed.person_key,
    first_viewed.material_code,
    material.indicator_code,
    first_viewed.viewed_date,
    first_viewed.delivery_date,
    first_viewed.row_number,
    {{ record_ref("elearning", "mdl_course_modules_viewed.csv", "first_viewed") }} as record_ref
from first_viewed
inner join {{ ref("int_material__catalogued") }} as material on first_viewed.material_code = material.material_code
