"""Periods: the assignments to PAR work that a person may have, from accepted and from open rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import product

from par_warehouse.bounds.night import Night
from par_warehouse.bounds.open_rows import OpenRow

Period = tuple[date, date | None]
_FIRST_DAY = date(1900, 1, 1)
WORLDS_PER_PERSON = 5_000


@dataclass(frozen=True)
class Assigned:
    """A period that an open row may become; with the same start as an accepted row it takes that row's place."""

    period: Period
    takes: date | None


def covers(period: Period, day: date) -> bool:
    """Whether the day lies in the period, as ``is_in_period`` of the dbt project has it."""
    return period[0] <= day and (period[1] is None or period[1] >= day)


def assignments(night: Night, row: OpenRow, starts: list[date]) -> list[Assigned]:
    """The longest and the shortest periods that a row may become for a person with accepted rows of these starts.

    All that the indicators ask of a period is which days it covers, and more days never hide others: what lies between
    the longest and the shortest gives nothing that neither of them does.
    """
    found: list[Assigned] = []
    for start in row.days("tu_ngay", [_FIRST_DAY, *starts]):
        valid_from = [first for first, last in _validities(night, row) if (last or date.max) >= start]
        if not valid_from:
            continue
        earliest_end = max(start, min(valid_from))
        ends = [None, earliest_end] if row.is_open("den_ngay") else [row.day("den_ngay")]
        takes = start if start in starts else None
        found += [Assigned((start, end), takes) for end in ends if end is None or end >= earliest_end]
    return found


def worlds(night: Night, accepted: list[Period], rows: list[OpenRow]) -> Iterator[list[Period]] | None:
    """Every set of periods that a person may come to have; None when there are too many to look at."""
    if not rows:
        return iter([accepted])
    starts = [start for start, _ in accepted]
    options: list[list[Assigned | None]] = [[None, *assignments(night, row, starts)] for row in rows]
    count = 1
    for one in options:
        count *= len(one)
    return _worlds(accepted, options) if count <= WORLDS_PER_PERSON else None


def _worlds(accepted: list[Period], options: list[list[Assigned | None]]) -> Iterator[list[Period]]:
    for combination in product(*options):
        chosen = [one for one in combination if one is not None]
        starts = [one.period[0] for one in chosen if one.period[0] != _FIRST_DAY or one.takes]
        if len(set(starts)) == len(starts):
            taken = {one.takes for one in chosen}
            yield [*(period for period in accepted if period[0] not in taken), *(one.period for one in chosen)]


def _validities(night: Night, row: OpenRow) -> Iterable[Period]:
    """When the units existed that the row may name."""
    if row.is_open("ma_don_vi"):
        return night.validities
    unit = night.units.get(row.cells["ma_don_vi"] or "")
    return [] if unit is None else [(unit.valid_from, unit.valid_to)]
