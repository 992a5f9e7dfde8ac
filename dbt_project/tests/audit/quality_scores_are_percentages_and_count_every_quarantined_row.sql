-- The city's row counts every quarantined row of HR files once, and no percentage leaves 0 to 100.
with
    score as (select * from {{ ref("fct_data_quality_daily") }} where as_of_date = {{ as_of_date() }}),

    quarantined as (select count(*) as row_count from {{ ref("stg_serving__quarantined_row") }} where source = 'hr')

select score.org_unit_code
from score
cross join quarantined
where
    {% for dimension in ["completeness", "validity", "uniqueness", "consistency", "timeliness", "repair"] %}
        coalesce(score.{{ dimension }}_pct not between 0 and 100, false) or
    {% endfor %}
    score.quality_score_pct not between 0
    and 100
    or (score.org_unit_code = {{ city() }} and score.rows_quarantined <> quarantined.row_count)
    or score.rows_quarantined > score.rows_judged
