"""Four hundred quiet nights raise few warnings, and what is planted in any of them is found the same night."""

import pytest

from par_warehouse.watch import MEASURES
from tests.quiet_nights.city import CITIES, JUDGED_NIGHTS, quiet_series
from tests.quiet_nights.trial import CHANGES, FIRST_NIGHTS, Change, Judged, false_alarms, found, judge


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return [judge(series) for city in CITIES for series in quiet_series(city)]


def test_quiet_nights_raise_fewer_than_one_warning_in_a_hundred_per_measure(judged: list[Judged]) -> None:
    rows = list(false_alarms(judged))
    assert {measure for measure, *_ in rows} == set(MEASURES) - {"excellent_to_good"}  # which has a fixed limit
    for measure, nights, warnings, _ in rows:
        assert nights >= JUDGED_NIGHTS and 100 * warnings <= nights, measure
    # All measures together: fewer than one in four hundred.
    assert 400 * sum(warnings for _, _, warnings, _ in rows) <= sum(nights for _, nights, _, _ in rows)


def test_the_first_weeks_raise_fewer_than_one_warning_in_a_hundred() -> None:
    rows = list(false_alarms([judge(series, FIRST_NIGHTS) for city in CITIES for series in quiet_series(city)]))
    assert 100 * sum(warnings for _, _, warnings, _ in rows) <= sum(nights for _, nights, _, _ in rows)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.what)
def test_a_change_of_the_stated_size_is_found_on_every_night(judged: list[Judged], change: Change) -> None:
    hits, tries = found(change, judged, change.stated)
    assert tries > 200
    assert hits == tries


def test_every_measure_has_a_planted_change() -> None:
    assert {change.measure for change in CHANGES} == set(MEASURES) - {"excellent_to_good"}
