{{ config(materialized="table") }}

{% set dimensions = {
    "incomplete": ["BAD_ROW", "REQUIRED"],
    "invalid": ["BAD_ID", "BAD_DATE", "BAD_NUMBER", "BAD_ENUM"],
    "inconsistent": ["BAD_PERIOD", "UNKNOWN_UNIT", "UNKNOWN_REF"],
    "duplicate": ["DUPLICATE_KEY"],
} %}

with
    accepted as (
        select unit.agency_code, person_row.row_count, cast(null as {{ dbt.type_string() }}) as rule_code
        from {{ ref("stg_hr__person_row") }} as person_row
        left join {{ ref("stg_hr__staff") }} as staff on person_row.person_key = staff.person_key
        left join {{ ref("int_org_unit__in_agency") }} as unit on staff.org_unit_code = unit.org_unit_code
        union all
        select agency_code, 1 as row_count, cast(null as {{ dbt.type_string() }}) as rule_code
        from {{ ref("int_org_unit__in_agency") }}
    ),

    judged as (
        select agency_code, row_count, rule_code
        from accepted
        union all
        select agency_code, 1 as row_count, rule_code
        from {{ ref("stg_serving__quarantined_row") }}
        where source = 'hr'
    ),

    told as (
        select agency_code, row_count, rule_code
        from judged
        where agency_code <> {{ city() }}
        union all
        select {{ city() }} as agency_code, row_count, rule_code
        from judged
    )

select
    agency_code,
    cast(sum(row_count) as bigint) as rows_judged,
    cast(sum(case when rule_code is not null then row_count else 0 end) as bigint) as rows_quarantined,
    {% for dimension, codes in dimensions.items() %}
        cast(
            sum(case when rule_code in ('{{ codes | join("', '") }}') then row_count else 0 end) as bigint
        ) as rows_{{ dimension }}{{ "," if not loop.last }}
    {% endfor %}
from told
group by agency_code
