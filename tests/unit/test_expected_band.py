"""The expected band of short series, worked by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from par_warehouse.expected_band import NIGHTS_NEEDED, WINDOW_NIGHTS, Band, expected_band, usual_age
from par_warehouse.watch import Measured, band_of, message

Numbers = Sequence[float]


def band(past: Numbers, least: float = 0.5, *, is_weekly: bool = False) -> Band | None:
    """The band after a past without gaps."""
    return expected_band(np.arange(len(past), 0, -1), np.array(past, float), least, is_weekly=is_weekly)


def test_two_weeks_are_needed() -> None:
    assert band([50.0] * (NIGHTS_NEEDED - 1)) is None
    assert band([50.0] * NIGHTS_NEEDED) == Band(49.5, 50.5, NIGHTS_NEEDED)


def test_a_climbing_series_is_expected_to_climb_on() -> None:
    # 100 … 113. The median of the last five is 111, and every night before was 3 above that of its five: 114.
    assert band([100.0 + night for night in range(14)]) == Band(113.5, 114.5, 14)


def test_one_bad_night_changes_nothing() -> None:
    assert band([50.0] * 8 + [90.0] + [50.0] * 5) == Band(49.5, 50.5, 14)


def test_the_spread_of_past_errors_makes_the_width() -> None:
    # Steady but for every fourth night, which is 8 above: of 35 errors a quarter is 8, so the fourth fifth ends at 8.
    width = 4.5 * 8 / 1.2816
    found = band(([50.0] * 3 + [58.0]) * 10)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(50 - width), pytest.approx(50 + width))


def test_a_change_that_stays_is_unusual_for_three_nights() -> None:
    before = [50.0] * 40
    told = []
    for nights in range(5):
        found = band(before + [60.0] * nights)
        assert found is not None
        told.append(not found.low <= 60 <= found.high)
    assert told == [True, True, True, False, False]


def test_each_weekday_has_a_band_of_its_own() -> None:
    # 100 on five days, 25 on two. On the scale asinh(√n / 10) · 10 that is 8.814 and 4.812, and 4.5 halves around it.
    weeks = ([100.0] * 5 + [25.0] * 2) * 4
    monday, sunday = band(weeks, is_weekly=True), band(weeks[:-1], is_weekly=True)
    assert monday is not None and sunday is not None
    assert (monday.low, monday.high) == (pytest.approx(49.6, abs=0.1), pytest.approx(181.2, abs=0.1))
    assert (sunday.low, sunday.high) == (pytest.approx(6.7, abs=0.1), pytest.approx(58.7, abs=0.1))


def test_missing_nights_leave_the_weekdays_where_they_are() -> None:
    weeks = np.array(([100.0] * 5 + [25.0] * 2) * 6)
    ago = np.arange(len(weeks), 0, -1)
    there = np.ones(len(weeks), bool)
    there[[3, 4, 12, 20, 21, 33]] = False
    found = expected_band(ago[there], weeks[there], 0.5, is_weekly=True)
    assert found is not None and found.nights == 36
    assert (found.low, found.high) == (pytest.approx(49.6, abs=0.1), pytest.approx(181.2, abs=0.1))


def test_no_events_are_expected_where_there_were_none_and_a_few_are_no_surprise() -> None:
    # 0 on the scale, and 4.5 halves: (sinh 0.225 · 10)² = 5.1.
    found = band([0.0] * 30, is_weekly=True)
    assert found is not None
    assert (found.low, found.high) == (-0.5, pytest.approx(5.15, abs=0.01))


@given(
    st.lists(st.integers(0, 1000), min_size=NIGHTS_NEEDED, max_size=WINDOW_NIGHTS),
    st.lists(st.integers(0, 1000), max_size=20),
    st.integers(-500, 500),
)
def test_older_nights_do_not_count_and_a_shift_shifts_the_band(past: list[int], older: list[int], by: int) -> None:
    found, shifted = band(past), band([value + by for value in past])
    assert found is not None and shifted is not None
    assert (shifted.low, shifted.high) == (pytest.approx(found.low + by), pytest.approx(found.high + by))
    ago = np.concatenate([WINDOW_NIGHTS + np.arange(len(older), 0, -1), np.arange(len(past), 0, -1)])
    assert expected_band(ago, np.array([*older, *past], float), 0.5) == found


@pytest.mark.parametrize(
    ("ages", "usual"),
    [
        ([0] * 13, 0),  # too short to know: expected every night
        ([2] * 13, 0),
        ([0] * 28, 0),
        ([0] * 20 + [1, 2, 3] + [0] * 5, 0),  # one outage
        ([0, 0, 0, 0, 0, 1, 2] * 4, 0),  # on working days; tonight is a Monday
        ([0, 0, 0, 0, 0, 1, 2] * 4 + [0] * 5, 1),  # … a Saturday
        ([0, 0, 0, 0, 0, 1, 2] * 4 + [0] * 5 + [1], 2),  # … a Sunday
        (list(range(7)) * 5, 6),  # once a week: on another day it is not expected before seven days are over
        ([*range(30), *range(31)], 29),  # once a month, after one wait that is over
        ([*range(30), *range(31), 0], 30),  # … after two
    ],
)
def test_a_file_is_expected_to_be_as_old_as_it_usually_is(ages: list[int], usual: int) -> None:
    assert usual_age(np.arange(len(ages), 0, -1), np.array(ages, float)) == Band(0, usual, len(ages))


def measured(measure: str, value: float, past: Numbers, step: float = 1, subject: str = "x") -> Measured:
    return Measured(measure, subject, None, value, step, list(range(len(past), 0, -1)), list(past))


@pytest.mark.parametrize(
    ("measure", "past", "step", "expected"),
    [
        ("rows_read", 2000, 1, (1980, 2020)),  # one in a hundred
        ("rows_read", 50, 1, (47, 53)),  # three rows
        ("rows_read", 1, 1, (0, 4)),  # not below nothing
        ("leader_share", 20, 0.1, (19, 21)),  # a point
        ("leader_share", 20, 2.5, (12.5, 27.5)),  # three people of forty
        ("indicator_percent", 99, 0.1, (97, 100)),  # not above all
    ],
)
def test_small_changes_are_never_unusual(measure: str, past: float, step: float, expected: tuple[float, float]) -> None:
    assert band_of(measured(measure, 0, [past] * 30, step)) == Band(*expected, 30)


def test_more_than_the_cap_is_told_once_and_again_when_it_grows() -> None:
    def is_told(value: float, past: Numbers) -> bool:
        found = band_of(measured("excellent_to_good", value, past, 0))
        return found is not None and not found.low <= value <= found.high

    assert not is_told(20, [])
    assert is_told(20.5, []) and is_told(20.5, [10] * 3)
    assert not is_told(20.5, [10, 20.5]) and not is_told(20.5, [20.5, 19, 20.2])
    assert not is_told(21.4, [10, 20.5])
    assert is_told(21.5, [10, 20.5])


def test_sentences_are_vietnamese_and_english() -> None:
    dash = "\N{EN DASH}"
    assert message(measured("rows_read", 1312, [2000.0] * 30, subject="nhan_su.csv"), Band(1980, 2020, 30)) == (
        f"nhan_su.csv: 1.312 dòng, thường 1.980{dash}2.020 | 1,312 rows, usually 1,980 to 2,020"
    )
    share = Measured("leader_share", "H29.01", "Sở Nội vụ", 31.25, 1, [], [])
    assert message(share, Band(9.5, 12, 30)) == (
        f"Sở Nội vụ (H29.01): lãnh đạo chiếm 31,25 % số người đang công tác, thường 9,50{dash}12,00 % |"
        " leaders are 31.25 % of the active staff, usually 9.50 to 12.00 %"
    )
