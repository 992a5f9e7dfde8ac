{{ config(materialized="table") }}

with recursive ancestor as ({{ org_unit_ancestors(ref("int_org_unit__described")) }})

select org_unit_code, ancestor_code
from ancestor
