{{ config(materialized="table") }}

with
    evidenced as (
        {% for relation in [
            ref("int_i1__measured"),
            ref("int_i2__measured"),
            ref("int_i3__measured"),
            ref("int_i4__counted"),
            ref("int_i5__counted"),
            ref("int_i6__counted"),
        ] %}
            select indicator_code, person_key, org_unit_code, population_group, evidence_ref
            from {{ relation }} {{ "union all" if not loop.last }}
        {% endfor %}
    )

select
    indicator_code, person_key, org_unit_code, population_group, evidence_ref is not null as in_numerator, evidence_ref
from evidenced
