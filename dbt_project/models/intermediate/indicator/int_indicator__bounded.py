"""What open findings could make of each number; computed by ``par_warehouse.bounds`` (decision 19)."""

import os
from datetime import date

from par_warehouse.bounds import bounds


def model(dbt, session):
    dbt.config(materialized="table")
    # The rows are read from the database by name; dbt has to know that these models come first.
    dbt.ref("stg_serving__open_row")
    dbt.ref("stg_hr__staff")
    dbt.ref("stg_hr__par_assignment")
    dbt.ref("stg_hr__decision")
    dbt.ref("stg_hr__classroom_result")
    dbt.ref("stg_elearning__account")
    dbt.ref("stg_elearning__account_link")
    dbt.ref("stg_elearning__completion")
    dbt.ref("stg_elearning__course")
    dbt.ref("stg_elearning__course_kind")
    dbt.ref("stg_elearning__material_kind")
    dbt.ref("stg_elearning__module")
    dbt.ref("stg_elearning__view")
    dbt.ref("int_course__linked")
    dbt.ref("int_module__linked")
    dbt.ref("int_org_unit__described")
    dbt.ref("int_org_unit__nested")
    dbt.ref("int_staff_post__grouped")
    dbt.ref("int_indicator__evidenced")
    dbt.ref("int_indicator__rolled_up")
    return bounds(
        session,
        date.fromisoformat(os.environ["PAR_AS_OF_DATE"]),
        date.fromisoformat(dbt.config.get("scheme_start")),
        dbt.config.get("access_rule"),
    )
