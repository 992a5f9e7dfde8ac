"""Quiet nights and planted changes, put through the band of production."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from par_warehouse.expected_band import NIGHTS_NEEDED, WINDOW_NIGHTS, Nights
from par_warehouse.watch import MEASURES, YEARLY_COUNTS, Measured, band_of
from tests.quiet_nights.city import DAYS, HOLIDAYS, TET, Flags, Series, Values

NIGHTS = np.arange(WINDOW_NIGHTS, len(DAYS))
"""The nights with a full window before them."""
FIRST_NIGHTS = np.arange(NIGHTS_NEEDED, WINDOW_NIGHTS)
"""The nights before those, whose history is shorter."""
_YEAR = DAYS.astype("datetime64[Y]")
_AFTER_TET = DAYS[TET][-1] + 10


@dataclass(frozen=True)
class Judged:
    """A series with the band of each of some nights; NaN where there is none."""

    series: Series
    nights: Nights
    low: Values
    high: Values

    def outside(self, values: Values) -> Flags:
        """On which nights values would have been unusual."""
        return (values < self.low) | (values > self.high)

    @property
    def values(self) -> Values:
        """The values of those nights."""
        return self.series.values[self.nights]

    @property
    def has_band(self) -> Flags:
        """Nights with enough history."""
        return ~np.isnan(self.low)


def judge(series: Series, nights: Nights = NIGHTS) -> Judged:
    """The band of every night, each from the nights before it."""
    bands = np.array([_band(series, int(night)) for night in nights])
    return Judged(series, nights, bands[:, 0], bands[:, 1])


def _band(series: Series, night: int) -> tuple[float, float]:
    past = np.arange(max(night - WINDOW_NIGHTS, 0), night)
    if series.subject in YEARLY_COUNTS:
        past = past[_YEAR[past] == _YEAR[night]]
    band = band_of(
        Measured(
            series.measure,
            series.subject,
            None,
            float(series.values[night]),
            float(series.step[night]),
            (night - past).tolist(),
            series.values[past].tolist(),
        )
    )
    return (np.nan, np.nan) if band is None else (band.low, band.high)


@dataclass(frozen=True)
class Change:
    """Something that may happen to a series in one night, in sizes; each size is tried on every judged night.

    ``stated`` is the size that must be found on every night of every city it is tried in.
    """

    what: str
    unit: str
    measure: str
    applies: Callable[[Series], bool]
    happen: Callable[[Values, Values, float, float], Values]
    """From values, step, how many are counted, and size."""
    sizes: tuple[float, ...]
    stated: float


def _fewer(values: Values, step: Values, size: float, percent: float) -> Values:
    return values * (1 - percent / 100)


def _more(values: Values, step: Values, size: float, percent: float) -> Values:
    return values * (1 + percent / 100)


def _points(values: Values, step: Values, size: float, points: float) -> Values:
    return np.where(values + points <= 100, values + points, values - points)


def _plus(values: Values, step: Values, size: float, count: float) -> Values:
    return values + count


VIEWS = "mdl_course_modules_viewed.csv"
CLASSES = "lop_boi_duong.csv"
_LARGE, _SMALL = "6,000 on a Monday", "60 on a Monday"


def _is_even(one: Series) -> bool:
    """A file of some size that does not grow by a class at a time."""
    return one.subject not in (VIEWS, CLASSES) and one.size > 400


CHANGES = (
    Change("rows of a file over 400 rows missing", "%", "rows_read", _is_even, _fewer, (1, 1.5, 2, 3, 5, 8), 5),
    Change("accepted rows of such a file missing", "%", "rows_accepted", _is_even, _fewer, (1, 1.5, 2, 3, 5, 8), 5),
    Change("rows missing in a file of 1,100 that grows by whole classes", "%", "rows_read",
           lambda one: one.subject == CLASSES and one.city == "demo", _fewer, (3, 5, 8, 10, 15, 20), 15),
    Change(f"new views missing, {_LARGE}", "%", "rows_read",
           lambda one: one.subject == VIEWS and one.city == "city", _fewer, (30, 40, 50, 60, 70, 80, 90, 100), 90),
    Change(f"new views missing, {_SMALL}", "%", "rows_read",
           lambda one: one.subject == VIEWS and one.city == "demo", _fewer, (50, 60, 70, 80, 90, 100), 100),
    Change(f"too many new views, {_LARGE}", "%", "rows_read",
           lambda one: one.subject == VIEWS and one.city == "city", _more, (50, 75, 100, 150, 200, 300, 500), 500),
    Change("rows broken (files over 1,000 rows)", "points", "quarantined_share",
           lambda one: one.subject != VIEWS and one.size > 1_000, _points, (0.5, 1, 1.5, 2, 3), 2),
    Change("people more", "%", "people", lambda one: True, _more, (0.5, 1, 1.5, 2, 3, 5), 2),
    Change("people gone", "%", "people", lambda one: True, _fewer, (0.5, 1, 1.5, 2, 3, 5), 2),
    Change("units dissolved", "%", "units_in_force", lambda one: True, _fewer, (0.5, 1, 1.5, 2, 3, 5), 2),
    Change("people of 2,000 in another unit", "people", "people_moved",
           lambda one: one.city == "demo", _plus, (4, 5, 6, 8, 10, 12), 12),
    Change("people of 200,000 in another unit", "people", "people_moved",
           lambda one: one.city == "city", _plus, (10, 15, 20, 30, 40, 60), 60),
    Change("leaders' share of the city", "points", "leader_share",
           lambda one: one.subject == "H29", _points, (0.5, 1, 1.5, 2, 3), 1.5),
    Change("leaders' share of an agency of 100 or more", "points", "leader_share",
           lambda one: one.subject != "H29" and one.size >= 100, _points, (1, 2, 3, 4, 5, 6), 4),
    Change("share of a rating", "points", "rating_share", lambda one: True, _points, (0.5, 1, 1.5, 2, 3, 5), 2),
    Change("indicator of the city", "points", "indicator_percent",
           lambda one: "/" not in one.subject, _points, (1, 2, 3, 4, 5, 6), 6),
    Change("indicator of a group of 40 to 400 leaders", "points", "indicator_percent",
           lambda one: "/" in one.subject and one.size <= 400, _points, (2, 4, 6, 8, 10, 12), 12),
    Change("indicator", "persons", "indicator_persons", lambda one: True, _plus, (2, 4, 6, 8, 10), 8),
    Change("a file does not come", "days", "days_old",
           lambda one: one.subject.endswith(".csv"), _plus, (1, 2), 1),
)  # fmt: skip


def found(change: Change, judged: list[Judged], size: float) -> tuple[int, int]:
    """On how many nights a change is found, and on how many it was tried: all that have a band and are no holidays."""
    hits = tries = 0
    for one in judged:
        series = one.series
        if series.measure == change.measure and change.applies(series):
            changed = change.happen(one.values, series.step[one.nights], series.size, size)
            if not MEASURES[change.measure].is_percent:
                changed = np.round(changed)
            counts = one.has_band & ~_is_holiday(one.nights)
            hits += int((one.outside(changed) & counts).sum())
            tries += int(counts.sum())
    return hits, tries


def false_alarms(judged: list[Judged]) -> Iterator[tuple[str, int, int, int]]:
    """Per measure: nights with a band, warnings, and those of them that are of holidays."""
    for measure in dict.fromkeys(one.series.measure for one in judged):
        of_measure = [one for one in judged if one.series.measure == measure]
        warned = [one.outside(one.values) for one in of_measure]
        on_holidays = [flags & _is_holiday(one.nights) for flags, one in zip(warned, of_measure, strict=True)]
        yield measure, _sum(one.has_band for one in of_measure), _sum(warned), _sum(on_holidays)


def _is_holiday(nights: Nights) -> Flags:
    """Also the day after, whose delivery overlaps by a day, and after Tết until a level has become the usual again."""
    days = np.isin(DAYS, [*DAYS[HOLIDAYS], *(DAYS[HOLIDAYS] + 1)]) | ((DAYS[TET][0] <= DAYS) & (DAYS <= _AFTER_TET))
    return np.asarray(days[nights])


def _sum(flags: Iterable[Flags]) -> int:
    return sum(int(one.sum()) for one in flags)
