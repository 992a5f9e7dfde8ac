-- Fails when more people have both kinds of access than one of them, or the three are about different people.
select both_kinds.org_unit_code, one_kind.indicator_code, both_kinds.numerator, one_kind.numerator as one_kind_numerator
from {{ ref("fct_indicator_daily") }} as both_kinds
inner join
    {{ ref("fct_indicator_daily") }} as one_kind
    on both_kinds.as_of_date = one_kind.as_of_date
    and both_kinds.org_unit_code = one_kind.org_unit_code
    and one_kind.indicator_code in ('I3A', 'I3B')
where
    both_kinds.as_of_date = {{ as_of_date() }}
    and both_kinds.indicator_code = 'I3'
    and (both_kinds.numerator > one_kind.numerator or both_kinds.denominator <> one_kind.denominator)
