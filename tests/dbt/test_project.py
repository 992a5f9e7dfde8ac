"""The project parses without a warning, its unit tests pass, and its parameters speak plainly."""

from example_city import FIRST
from tiny_warehouse import Warehouse, failures


def test_parses_without_warning_or_deprecation(built: Warehouse) -> None:
    events: list = []
    result = built.dbt("parse", "--no-partial-parse", "--show-all-deprecations", as_of_date=FIRST, events=events)
    assert result.success, failures(result)
    assert [event.info.msg for event in events if event.info.level in {"warn", "error"}] == []


def test_unit_tests_pass(built: Warehouse) -> None:
    result = built.dbt("test", "--select", "test_type:unit", as_of_date=FIRST)
    assert result.success, failures(result)
    assert len(result.result.results) > 30


def test_data_tests_and_audits_pass(built: Warehouse) -> None:
    result = built.dbt("test", "--select", "test_type:data", as_of_date=FIRST)
    assert result.success, failures(result)
    assert len(result.result.results) > 80


def test_another_date_parses_nothing_anew(built: Warehouse) -> None:
    events: list = []
    built.dbt("parse", as_of_date=FIRST)
    built.dbt("parse", as_of_date="2025-06-30", events=events)
    assert "UnableToPartialParse" not in {event.info.name for event in events}
    assert "PartialParsingSkipParsing" in {event.info.name for event in events}


def test_data_date_must_be_a_date(built: Warehouse) -> None:
    result = built.dbt("compile", "--select", "stg_elearning__view", as_of_date="31/12/2024")
    assert "must be a data date like 2024-12-31, not '31/12/2024'" in " ".join(failures(result))


def test_access_rule_must_be_known(built: Warehouse) -> None:
    result = built.dbt("parse", "--vars", "{access_rule: enrolled}", as_of_date=FIRST)
    assert "access_rule must be 'viewed' or 'viewed_all', not 'enrolled'" in " ".join(failures(result))
