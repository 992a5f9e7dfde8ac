"""Reach: in which cells somebody may be counted who may be at one place or another.

A row with an unknown unit may put its person into any of thousands of places; so the cells have numbers, and what a
set of places reaches is kept as two arrays over all of them.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

import numpy as np
import numpy.typing as npt

from par_warehouse.bounds.night import Night, Place

Cell = tuple[str, str]
"""Unit and population group."""
Places = frozenset[Place | None]
"""Where somebody may be; None: nowhere that counts."""
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


class Reach:
    """What places reach, of the cells of a night; ``of_leaders``: as leaders (I1), else as PAR staff (I2, I3)."""

    def __init__(self, night: Night, cells: Sequence[Cell], of_leaders: bool) -> None:
        self._night = night
        self._numbers = {cell: number for number, cell in enumerate(cells)}
        self._of_leaders = of_leaders
        self._at: dict[Place | None, Numbers] = {}
        self._of: dict[Places, tuple[Flags, Flags]] = {}

    def at(self, place: Place | None) -> Numbers:
        """The cells in which somebody at this place is counted."""
        if place not in self._at:
            cells = () if place is None else self._cells(place)
            self._at[place] = np.array([self._numbers[one] for one in cells if one in self._numbers], np.int64)
        return self._at[place]

    def of(self, places: Sequence[Places]) -> tuple[Flags, Flags]:
        """The cells in which somebody at one of these places may be counted, and those out of which they may be."""
        found = [self._of_one(one) for one in places]
        return reduce(or_, (inside for inside, _ in found)), reduce(or_, (outside for _, outside in found))

    def _of_one(self, places: Places) -> tuple[Flags, Flags]:
        if places not in self._of:
            times = np.bincount(np.concatenate([self.at(one) for one in places]), minlength=len(self._numbers))
            self._of[places] = (times > 0, times < len(places))
        return self._of[places]

    def _cells(self, place: Place) -> list[Cell]:
        unit, leader_group, is_par_able = place
        above = self._night.above[unit]
        if not self._of_leaders:
            return [(one, "ALL") for one in above] if is_par_able else []
        return [(one, group) for one in above for group in ("ALL", leader_group)] if leader_group is not None else []
