"""Quiet nights and planted changes, put through the band of production."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from par_warehouse.expected_band import WINDOW_NIGHTS
from par_warehouse.watch import YEARLY_COUNTS, Measured, band_of
from tests.quiet_nights.city import DAYS, TET, Flags, Series, Values

NIGHTS = np.arange(WINDOW_NIGHTS, len(DAYS))
_YEAR = DAYS.astype("datetime64[Y]")
AFTER_TET = DAYS[TET][-1] + 10
"""Warnings from Tết until then are of Tết: a level needs some nights to be the usual again."""


@dataclass(frozen=True)
class Judged:
    """A series with the band of each judged night; NaN where there is none."""

    series: Series
    low: Values
    high: Values

    def outside(self, values: Values) -> Flags:
        """On which nights values would have been unusual."""
        return (values < self.low) | (values > self.high)

    @property
    def values(self) -> Values:
        """The values of the judged nights."""
        return self.series.values[NIGHTS]

    @property
    def has_band(self) -> Flags:
        """Nights with enough history."""
        return ~np.isnan(self.low)


def judge(series: Series) -> Judged:
    """The band of every night, each from the nights before it."""
    bands = np.array([_band(series, int(night)) for night in NIGHTS])
    return Judged(series, bands[:, 0], bands[:, 1])


def _band(series: Series, night: int) -> tuple[float, float]:
    past = np.arange(night - WINDOW_NIGHTS, night)
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


def _of_all(values: Values, step: Values, size: float, percent: float) -> Values:
    return values + size * percent / 100


VIEWS = "mdl_course_modules_viewed.csv"
CHANGES = (
    Change("rows of a snapshot file missing (files over 400 rows)", "%", "rows_read",
           lambda one: one.subject != VIEWS and one.size > 400, _fewer, (1, 1.5, 2, 3, 5, 8), 3),
    Change("accepted rows missing (files over 400 rows)", "%", "rows_accepted",
           lambda one: one.subject != VIEWS and one.size > 400, _fewer, (1, 1.5, 2, 3, 5, 8), 3),
    Change("new views missing, 6,000 on a Monday", "%", "rows_read",
           lambda one: one.subject == VIEWS and one.city == "city", _fewer, (30, 40, 50, 60, 70, 80, 90, 100), 80),
    Change("new views missing, 60 on a Monday", "%", "rows_read",
           lambda one: one.subject == VIEWS and one.city == "demo", _fewer, (50, 60, 70, 80, 90, 100), 100),
    Change("too many new views, 6,000 on a Monday", "%", "rows_read",
           lambda one: one.subject == VIEWS and one.city == "city", _more, (50, 75, 100, 150, 200, 300), 200),
    Change("rows broken (files over 1,000 rows)", "points", "quarantined_share",
           lambda one: one.subject != VIEWS and one.size > 1_000, _points, (0.5, 1, 1.5, 2, 3), 2),
    Change("people more", "%", "people", lambda one: True, _more, (0.5, 1, 1.5, 2, 3, 5), 2),
    Change("people gone", "%", "people", lambda one: True, _fewer, (0.5, 1, 1.5, 2, 3, 5), 2),
    Change("units dissolved", "%", "units_in_force", lambda one: True, _fewer, (0.5, 1, 1.5, 2, 3, 5), 2),
    Change("people in another unit, of all", "%", "people_moved",
           lambda one: True, _of_all, (0.05, 0.1, 0.2, 0.3, 0.5, 1), 0.5),
    Change("leaders' share of the city", "points", "leader_share",
           lambda one: one.subject == "H29", _points, (0.5, 1, 1.5, 2, 3), 1.5),
    Change("leaders' share of an agency of 100 or more", "points", "leader_share",
           lambda one: one.subject != "H29" and one.size >= 100, _points, (1, 2, 3, 4, 5, 6), 4),
    Change("share of a rating", "points", "rating_share", lambda one: True, _points, (0.5, 1, 1.5, 2, 3, 5), 2),
    Change("indicator of the city", "points", "indicator_percent",
           lambda one: "/" not in one.subject, _points, (1, 2, 3, 4, 5, 6), 5),
    Change("indicator of a group of 40 to 400 leaders", "points", "indicator_percent",
           lambda one: "/" in one.subject and one.size <= 400, _points, (2, 4, 6, 8, 10, 12), 10),
    Change("indicator in persons", "persons", "indicator_persons", lambda one: True, _plus, (2, 4, 6, 8, 10), 8),
    Change("a file does not come", "days", "days_old",
           lambda one: one.subject.endswith(".csv"), _plus, (1, 2), 1),
)  # fmt: skip


def found(change: Change, judged: list[Judged], size: float) -> tuple[int, int]:
    """On how many nights a change is found, and on how many it was tried: all that have a band and are not of Tết."""
    hits = tries = 0
    for one in judged:
        series = one.series
        if series.measure == change.measure and change.applies(series):
            changed = change.happen(one.values, series.step[NIGHTS], series.size, size)
            counts = one.has_band & ~is_of_tet()
            if change.unit in ("persons", "days") or change.measure in ("rows_read", "people"):
                changed = np.round(changed)
            hits += int((one.outside(changed) & counts).sum())
            tries += int(counts.sum())
    return hits, tries


def is_of_tet() -> Flags:
    """Judged nights in which Tết is felt."""
    days = DAYS[NIGHTS]
    return (days >= DAYS[TET][0]) & (days <= AFTER_TET)


def false_alarms(judged: list[Judged]) -> Iterator[tuple[str, int, int, int]]:
    """Per measure: warnings, those of them that are of Tết, and nights with a band."""
    for measure in dict.fromkeys(one.series.measure for one in judged):
        of_measure = [one for one in judged if one.series.measure == measure]
        warned = [one.outside(one.values) for one in of_measure]
        of_tet = sum(int((flags & is_of_tet()).sum()) for flags in warned)
        yield (
            measure,
            sum(int(flags.sum()) for flags in warned),
            of_tet,
            sum(int(one.has_band.sum()) for one in of_measure),
        )
