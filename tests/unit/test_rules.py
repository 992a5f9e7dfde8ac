"""What the rules say to whoever repairs a delivery."""

import pytest

from par_warehouse.contract import TABLES
from par_warehouse.rules import DELIVERY_FILE_SUITE, Rule, load_suite, suite_of

FILE_RULES = load_suite(DELIVERY_FILE_SUITE).rules
ROW_RULES = [rule for table in TABLES for rule in suite_of(table).rules]


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.code)
def test_a_refused_file_comes_with_what_to_do(rule: Rule) -> None:
    assert "; hãy " in rule.message_vi and "CSV" not in rule.message_vi
    assert "send" in rule.message_en and "CSV" not in rule.message_en


def test_identification_numbers_and_times_of_moodle_come_with_what_to_do() -> None:
    found = [rule for rule in ROW_RULES if rule.code == "BAD_ID" or "Unix" in rule.message_vi]
    assert len(found) == 6 + 10
    assert [rule.message_vi for rule in found if "; hãy " not in rule.message_vi] == []
