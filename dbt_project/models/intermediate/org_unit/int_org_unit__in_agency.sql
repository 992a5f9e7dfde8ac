select unit.org_unit_code, coalesce(agency.org_unit_code, unit.org_unit_code) as agency_code
from {{ ref("int_org_unit__described") }} as unit
left join {{ ref("int_org_unit__nested") }} as nested on unit.org_unit_code = nested.org_unit_code
left join
    {{ ref("int_org_unit__described") }} as agency
    on nested.ancestor_code = agency.org_unit_code
    and agency.parent_org_unit_code = {{ city() }}
where agency.org_unit_code is not null or unit.org_unit_code = {{ city() }} and nested.ancestor_code = {{ city() }}
