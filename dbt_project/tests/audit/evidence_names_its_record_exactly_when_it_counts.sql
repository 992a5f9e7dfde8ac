-- Fails when a person in a numerator has no source record, or one outside it has.
select *
from {{ ref("fct_indicator_evidence") }}
where as_of_date = {{ as_of_date() }} and in_numerator <> (evidence_ref is not null)
