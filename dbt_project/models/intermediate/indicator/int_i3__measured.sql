with
    par_staff as (select * from {{ ref("int_person__scoped") }} where is_par_population),

    requirement as (
        select indicator_code, {{ materials_required("indicator_code") }} as material_count
        from {{ ref("int_material__catalogued") }}
        group by indicator_code
    ),

    viewed as (
        select
            *,
            row_number() over (
                partition by person_key, indicator_code order by viewed_date, delivery_date, row_number, material_code
            ) as view_number
        from {{ ref("int_material__viewed") }}
    ),

    accessed as (
        select
            viewed.person_key,
            viewed.indicator_code,
            {{ dbt.listagg("viewed.record_ref", "'; '", "order by viewed.view_number") }} as evidence_ref
        from viewed
        inner join requirement on viewed.indicator_code = requirement.indicator_code
        where viewed.view_number <= requirement.material_count
        group by viewed.person_key, viewed.indicator_code, requirement.material_count
        having count(*) = requirement.material_count
    ),

    measured as (
        select
            par_staff.person_key,
            par_staff.org_unit_code,
            materials.evidence_ref as materials_ref,
            models.evidence_ref as models_ref
        from par_staff
        left join
            accessed as materials on par_staff.person_key = materials.person_key and materials.indicator_code = 'I3A'
        left join accessed as models on par_staff.person_key = models.person_key and models.indicator_code = 'I3B'
    )

{% for indicator_code, evidence_ref in [
        ("I3A", "materials_ref"),
        ("I3B", "models_ref"),
        ("I3", "materials_ref || '; ' || models_ref"),
    ] %}
    select
        '{{ indicator_code }}' as indicator_code,
        person_key,
        org_unit_code,
        'ALL' as population_group,
        {{ evidence_ref }} as evidence_ref
    from measured {{ "union all" if not loop.last }}
{% endfor %}
