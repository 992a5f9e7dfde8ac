"""Crowd: the people of a night as one indicator sees them, and what each kind of them does to a share.

A person is counted in a cell or not, with or without what the indicator asks; a *job* is what a row that names nobody
can do for one person.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import numpy as np
from scipy.sparse import csr_matrix

from par_warehouse.bounds.extremes import Job, Kind, Share
from par_warehouse.bounds.night import NEEDS
from par_warehouse.bounds.reach import Numbers

Jobs = tuple[Job, ...]

IN, OUT, ON_ROSTER = ("in",), ("out",), ("on_roster",)


@dataclass(frozen=True)
class Roster:
    """Whether somebody can be PAR staff on the date, whether not, and what takes them off the roster else."""

    can_be_on: bool
    can_be_off: bool
    off: frozenset[Jobs] = frozenset()


@dataclass(frozen=True)
class Shown:
    """What somebody can have shown at most (``most``) and at least (``least``), and what could take it away."""

    most: frozenset[int]
    least: frozenset[int]
    had_account: bool
    has_account: bool
    away: tuple[tuple[int, frozenset[Jobs]], ...] = ()


@dataclass(frozen=True)
class Person:
    """One kind of person, wherever they are: the roster, and what they have shown."""

    roster: Roster
    shown: Shown


_NOBODY = Person(Roster(False, True), Shown(frozenset({0}), frozenset({0}), False, False))
"""Of whom nothing is known but the row."""


@dataclass(frozen=True)
class Crowd:
    """People as one indicator sees them. ``persons`` are few; of each, ``total`` says how many there are, and the
    columns ``2 i`` and ``2 i + 1`` of ``inside``, per cell, how many must be counted there and how many can be out.
    """

    indicator: str
    persons: list[Person]
    total: Numbers
    inside: csr_matrix
    _known: dict[tuple[frozenset[Job], int, bool], tuple[list[Kind], Numbers, Numbers]] = field(default_factory=dict)

    @classmethod
    def of(cls, indicator: str, persons: Iterable[Person], spread: csr_matrix, totals: Numbers) -> "Crowd":
        """The people without what the indicator does not ask, so that more are alike."""
        bare = [_bare(indicator, person) for person in persons]
        numbers = {person: number for number, person in enumerate(dict.fromkeys(bare))}
        column = np.array([numbers[person] for person in bare], np.int64)
        total = np.zeros(len(numbers), np.int64)
        np.add.at(total, column, totals)
        columns = np.stack([2 * column, 2 * column + 1], axis=1).ravel()
        fold = csr_matrix(
            (np.ones(len(columns), np.int64), (np.arange(len(columns)), columns)),
            shape=(len(columns), 2 * len(numbers)),
        )
        return cls(indicator, list(numbers), total, (spread @ fold).tocsr())

    def sums(self, provable: frozenset[Job], sign: int) -> Numbers:
        """Numerator and denominator of each cell when everybody has the best outcome that costs nothing."""
        kinds, inside, _ = self._kinds(provable, sign, False)
        rest = np.array([kind.rest for kind in kinds], np.int64).reshape(-1, 2)
        sums: Numbers = self.inside @ rest[inside]
        return sums

    def kinds(self, cell: int, rows: Counter[frozenset[Job]], sign: int, is_forced: bool) -> list[tuple[Kind, int]]:
        """Everybody by what they do to the share of a cell, those in it and those who can be brought there."""
        kinds, inside, elsewhere = self._kinds(provable_by(rows), sign, is_forced)
        row = self.inside[cell]
        others = self.total.copy()
        np.subtract.at(others, row.indices // 2, row.data)
        counts = np.zeros(len(kinds), np.int64)
        np.add.at(counts, inside[row.indices], row.data)
        np.add.at(counts, elsewhere, [*others, rows.total()])
        return [(kinds[number], int(counts[number])) for number in np.flatnonzero(counts)]

    def _kinds(self, provable: frozenset[Job], sign: int, is_forced: bool) -> tuple[list[Kind], Numbers, Numbers]:
        """The kinds; which of them people are in a cell (by column of ``inside``), and elsewhere, nobody known last."""
        if (provable, sign, is_forced) not in self._known:
            nobody = _bare(self.indicator, _NOBODY)
            people = [(person, True, can_be_out) for person in self.persons for can_be_out in (False, True)]
            people += [(person, False, True) for person in (*self.persons, nobody)]
            found = [_kind(NEEDS[self.indicator], *one, provable, sign, is_forced) for one in people]
            numbers = {kind: number for number, kind in enumerate(dict.fromkeys(found))}
            of = np.array([numbers[kind] for kind in found], np.int64)
            split = 2 * len(self.persons)
            self._known[provable, sign, is_forced] = list(numbers), of[:split], of[split:]
        return self._known[provable, sign, is_forced]


def provable_by(rows: Iterable[frozenset[Job]]) -> frozenset[Job]:
    """What rows that name nobody can prove."""
    return frozenset(job for jobs in rows for job in jobs if job[0] == "prove")


def _bare(indicator: str, person: Person) -> Person:
    """The person without what this indicator does not ask, so that more people are of one kind."""
    need = NEEDS[indicator]
    shown = person.shown
    return Person(
        Roster(True, False) if indicator == "I1" else person.roster,
        Shown(
            frozenset(maximal({mask & need for mask in shown.most})),
            frozenset({need} if all(mask & need == need for mask in shown.least) else {0}),
            shown.had_account,
            shown.has_account,
            tuple((bit, jobs) for bit, jobs in shown.away if bit & need),
        ),
    )


@cache
def _kind(
    need: int, person: Person, can_be_in: bool, can_be_out: bool, provable: frozenset[Job], sign: int, is_forced: bool
) -> Kind:
    """What the person does to the share: the best outcome at no cost, and better ones with rows that name nobody."""
    inside: set[Jobs] = {() if can_be_in else (IN,)}
    outside: set[Jobs] = {() if can_be_out else (OUT,)}
    roster, shown = person.roster, person.shown
    on: set[Jobs] = {() if roster.can_be_on else (ON_ROSTER,)}
    off: set[Jobs] = {()} if roster.can_be_off else set(roster.off)
    with_it = {jobs for mask in shown.most for jobs in _proofs_of(need & ~mask, shown, provable)}
    without: set[Jobs] = (
        {()}
        if any(mask & need != need for mask in shown.least)
        else {jobs for _, options in shown.away for jobs in options} | {(("away", "account"),)}
    )
    counted = [(*one, *two) for one, two in product(inside, on)]
    costs: dict[Share, set[Jobs]] = {
        (1, 1): {(*one, *two) for one, two in product(counted, with_it)},
        (0, 0): outside | off,
        (0, 1): {(*one, *two) for one, two in product(counted, without)},
    }
    order: list[Share] = [(1, 1), (0, 0), (0, 1)] if sign > 0 else [(0, 1), (0, 0), (1, 1)]
    rest = next(outcome for outcome in order if () in costs[outcome])
    wanted = order if is_forced else order[: order.index(rest)]
    moves = tuple((outcome, jobs) for outcome in wanted if outcome != rest for jobs in _fewest(costs[outcome]))
    return Kind(rest, moves)


@cache
def _proofs_of(missing: int, shown: Shown, provable: frozenset[Job]) -> frozenset[Jobs]:
    """The smallest sets of proofs that rows which name nobody could give to this person for what is missing."""
    if not missing:
        return frozenset({()})
    bit = missing & -missing
    found: set[Jobs] = set()
    for job in provable:
        mask = job[2]
        assert isinstance(mask, int)
        reaches = {"anybody": True, "account": shown.has_account, "ever": shown.had_account}[str(job[1])]
        if reaches and mask & bit:
            found |= {tuple(sorted((job, *rest), key=repr)) for rest in _proofs_of(missing & ~mask, shown, provable)}
    return frozenset(_fewest(found))


def _fewest(found: Iterable[Jobs]) -> list[Jobs]:
    """Those that need nothing beyond another one's."""
    kept: list[Jobs] = []
    for jobs in sorted(set(found), key=lambda jobs: (len(jobs), repr(jobs))):
        if not any(Counter(less) <= Counter(jobs) for less in kept):
            kept.append(jobs)
    return kept


def maximal(masks: set[int]) -> set[int]:
    return {mask for mask in masks if not any(mask != other and mask & other == mask for other in masks)}
