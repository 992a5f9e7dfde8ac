"""Every audit and every generic test bites: one planted fault each, in a copy of the built file, and it must fail."""

import duckdb
import pytest
from example_city import FIRST, SECOND
from tiny_warehouse import PROJECT_DIR, Warehouse, failures

CITY = "org_unit_code = 'H29' and population_group = 'ALL'"
FAULTS = [
    (
        "every_indicator_has_its_city_rows",
        "delete from marts.fct_indicator_daily where org_unit_code = 'H29' and population_group = 'UBND_HUYEN'",
    ),
    (
        "every_indicator_has_its_city_rows",
        f"delete from marts.fct_indicator_daily where {CITY} and indicator_code = 'I6'",
    ),
    (
        "numerator_never_exceeds_denominator",
        f"update marts.fct_indicator_daily set numerator = 4 where {CITY} and indicator_code = 'I2'",
    ),
    (
        "value_lies_between_0_and_100_percent",
        f"update marts.fct_indicator_daily set value = 100.1 where {CITY} and indicator_code = 'I2'",
    ),
    (
        "value_agrees_with_numerator_and_denominator",
        f"update marts.fct_indicator_daily set value = 33 where {CITY} and indicator_code = 'I2'",
    ),
    (
        "value_agrees_with_numerator_and_denominator",
        f"update marts.fct_indicator_daily set value = null where {CITY} and indicator_code = 'I4'",
    ),
    (
        "status_agrees_with_value_and_target",
        f"update marts.fct_indicator_daily set status = 'met' where {CITY} and indicator_code = 'I2'",
    ),
    (
        "evidence_adds_up_to_every_published_number",
        "delete from marts.fct_indicator_evidence where indicator_code = 'I2' and person_key = 'g'",
    ),
    (
        "evidence_adds_up_to_every_published_number",
        "update marts.fct_indicator_evidence set population_group = 'UBND_HUYEN' where person_key = 'c'",
    ),
    (
        "evidence_adds_up_to_every_published_number",
        "delete from marts.fct_indicator_daily where indicator_code = 'I2' and org_unit_code = 'H29.2'",
    ),
    (
        "evidence_adds_up_to_every_published_number",
        f"update marts.fct_indicator_daily set numerator = 2 where {CITY} and indicator_code = 'I6'",
    ),
    (
        "evidence_names_its_record_exactly_when_it_counts",
        "update marts.fct_indicator_evidence set evidence_ref = null where person_key = 'i'",
    ),
    (
        "city_is_the_sum_of_its_leader_groups",
        "update marts.fct_indicator_daily set denominator = 2"
        " where org_unit_code = 'H29' and population_group = 'UBND_HUYEN'",
    ),
    (
        "no_unit_exceeds_the_city",
        "update marts.fct_indicator_daily set denominator = 4 where org_unit_code = 'H29.1' and indicator_code = 'I2'",
    ),
    (
        "i3_never_exceeds_i3a_or_i3b",
        f"update marts.fct_indicator_daily set numerator = 2 where {CITY} and indicator_code = 'I3'",
    ),
    (
        "published_units_are_in_force",
        "update marts.dim_org_unit_snapshot set is_in_force = false where org_unit_code = 'H29.1'",
    ),
    (
        "bound_holds_the_value",
        f"update marts.fct_indicator_bound set value_low = 100 where {CITY} and indicator_code = 'I2'",
    ),
    ("bound_holds_the_value", f"delete from marts.fct_indicator_bound where {CITY} and indicator_code = 'I2'"),
    (
        "bound_is_the_value_without_open_findings",
        f"update marts.fct_indicator_bound set value_high = 100 where {CITY} and indicator_code = 'I2'",
    ),
    (
        "status_can_change_when_an_end_has_another",
        f"update marts.fct_indicator_bound set can_status_change = true where {CITY} and indicator_code = 'I2'",
    ),
    (
        "bi_shows_every_number_and_hides_small_cells",
        "update bi.indicator_daily set numerator = 0 where org_unit_code = 'H29.2' and indicator_code = 'I2'",
    ),
    (
        "bi_shows_every_number_and_hides_small_cells",
        f"delete from bi.indicator_daily where {CITY} and indicator_code = 'I6'",
    ),
    (
        "quality_scores_are_percentages_and_count_every_quarantined_row",
        "update marts.fct_data_quality_daily set validity_pct = 101 where org_unit_code = 'H29.1'",
    ),
    (
        "quality_scores_are_percentages_and_count_every_quarantined_row",
        "update marts.fct_data_quality_daily set rows_quarantined = 1 where org_unit_code = 'H29'",
    ),
    (
        "unique_key_fct_indicator_evidence_as_of_date__indicator_code__person_key",
        "insert into marts.fct_indicator_evidence select * from marts.fct_indicator_evidence limit 1",
    ),
    (
        "unique_key_int_course__passed_record_ref__course_kind__skill",
        "insert into work.intermediate.int_course__passed"
        " select * from work.intermediate.int_course__passed where skill is null limit 1",
    ),
    (
        "accepted_values_fct_indicator_daily_status*",
        f"update marts.fct_indicator_daily set status = 'late' where {CITY} and indicator_code = 'I6'",
    ),
    (
        "relationships_dim_indicator_target*",
        "update marts.dim_indicator_target set indicator_code = 'I9' where indicator_code = 'I6'",
    ),
]


def plant(warehouse: Warehouse, fault: str) -> None:
    with duckdb.connect(str(warehouse.build_file)) as publication:
        publication.execute(f"attach '{warehouse.work_file}' as work")
        assert publication.execute(fault).fetchone() > (0,), "the fault must touch a row"


@pytest.mark.parametrize(("test", "fault"), FAULTS)
def test_planted_fault_is_found(altered: Warehouse, test: str, fault: str) -> None:
    plant(altered, fault)
    result = altered.dbt("test", "--select", test, as_of_date=FIRST)
    assert [node.status for node in result.result.results] == ["fail"], failures(result)


def test_every_audit_and_generic_test_has_a_planted_fault() -> None:
    tests = {file.stem for folder in ("audit", "generic") for file in (PROJECT_DIR / "tests" / folder).glob("*.sql")}
    assert tests
    assert {test for test in tests if not any(name.startswith(test) for name, _ in FAULTS)} == set()


def test_audits_look_at_their_own_date_only(altered: Warehouse) -> None:
    altered.build(SECOND)
    plant(altered, f"update marts.fct_indicator_daily set numerator = 9, value = -1 where as_of_date = '{FIRST}'")
    result = altered.dbt("test", "--select", "tag:audit", as_of_date=SECOND)
    assert result.success, failures(result)
    assert not altered.dbt("test", "--select", "tag:audit", as_of_date=FIRST).success
