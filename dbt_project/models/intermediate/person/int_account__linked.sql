{{ config(materialized="table") }}

with linked as ({{ latest_link(ref("stg_elearning__account_link"), "user_id", "person_key") }})

select linked.user_id, linked.person_key
from linked
inner join {{ ref("int_person__scoped") }} as person on linked.person_key = person.person_key
