"""Extremes: the highest or lowest share that people can make of it, some at no cost, some with rows that name nobody.

People who can do the same are one *kind* of person. A kind has an outcome that costs nothing and *moves* to others,
each of which takes *jobs*; a row that names nobody can do one of its jobs, for one person. Who gets which row is an
integer program over kinds, jobs and rows alike, so that its size does not grow with the city. The objective is a
fraction: Dinkelbach's iteration solves it by a few linear ones, in whole numbers.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

Share = tuple[int, int]
"""Numerator and denominator; of one person: not counted (0, 0), counted without (0, 1), counted with (1, 1)."""

Numbers = npt.NDArray[np.float64]
Job = tuple[object, ...]


_NEARLY_WHOLE = 1e-6


@dataclass(frozen=True)
class Kind:
    """What one kind of person does to a share: at no cost, and with which jobs done for them."""

    rest: Share
    moves: tuple[tuple[Share, tuple[Job, ...]], ...] = ()


def best_share(kinds: Sequence[tuple[Kind, int]], rows: Counter[frozenset[Job]], sign: int) -> Share | None:
    """The share with the highest (``sign`` 1) or lowest (-1) value, None when none has a denominator.

    ``kinds`` says how many people there are of each, ``rows`` how many rows can do the same jobs.
    """
    numerator = sum(count * kind.rest[0] for kind, count in kinds)
    denominator = sum(count * kind.rest[1] for kind, count in kinds)
    program = _Program(kinds, rows)
    if not program.moves:
        return (numerator, denominator) if denominator else None
    best = (numerator, denominator) if denominator else program.solve((0, 1), (numerator, denominator), sign)
    while best is not None and best[0] != (best[1] if sign > 0 else 0):
        better = program.solve(best, (numerator, denominator), sign)
        if better is None or sign * (better[0] * best[1] - best[0] * better[1]) <= 0:
            return best
        best = better
    return best


class _Program:
    """The integer program: how often each move of each kind is made, how many rows do which job."""

    def __init__(self, kinds: Sequence[tuple[Kind, int]], rows: Counter[frozenset[Job]]) -> None:
        possible = frozenset().union(*rows) if rows else frozenset()
        supply = sum(rows.values())
        self.moves: list[tuple[int, Share, tuple[Job, ...]]] = []
        self.limits: list[int] = []
        for kind, count in kinds:
            feasible = [(outcome, jobs) for outcome, jobs in kind.moves if possible.issuperset(jobs)]
            if feasible:
                gains = [((o[0] - kind.rest[0], o[1] - kind.rest[1]), jobs) for o, jobs in feasible]
                self.moves += [(len(self.limits), gain, jobs) for gain, jobs in gains]
                free = any(not jobs for _, jobs in feasible)
                self.limits.append(count if free else min(count, supply))
        if self.moves:
            self._constrain(rows)

    def _constrain(self, rows: Counter[frozenset[Job]]) -> None:
        used = {job for _, _, jobs in self.moves for job in jobs}
        doing = [(number, job) for number, jobs in enumerate(rows) for job in jobs if job in used]
        numbers = {job: number for number, job in enumerate(sorted(used, key=repr))}
        first_row, first_job = len(self.limits), len(self.limits) + len(rows)
        last = first_job + len(numbers)
        entries: list[tuple[int, int, int]] = []
        for column, (kind, gain, jobs) in enumerate(self.moves):
            entries += [(kind, column, 1), (last, column, -gain[1])]
            entries += [(first_job + numbers[job], column, 1) for job in jobs]
        for column, (row, job) in enumerate(doing, len(self.moves)):
            entries += [(first_row + row, column, 1), (first_job + numbers[job], column, -1)]
        at, columns, values = zip(*entries, strict=True)
        self.width = len(self.moves) + len(doing)
        self.matrix = csr_matrix((np.array(values, dtype=float), (at, columns)), shape=(last + 1, self.width))
        self.upper = np.array([*self.limits, *rows.values(), *([0] * len(numbers)), 0], dtype=float)

    def solve(self, ratio: Share, rest: Share, sign: int) -> Share | None:
        """The share that lies furthest beyond ``ratio``, None when no share has a denominator."""
        gains = [ratio[1] * gain[0] - ratio[0] * gain[1] for _, gain, _ in self.moves]
        upper = self.upper.copy()
        upper[-1] = rest[1] - 1
        # Mostly the extreme is whole without being asked to be, and is found in a fraction of the time.
        answer = self._solved(np.array(gains), -sign, upper, is_whole=False)
        if answer is not None and np.abs(answer - np.round(answer)).max() > _NEARLY_WHOLE:
            answer = self._solved(np.array(gains), -sign, upper, is_whole=True)
        if answer is None:
            return None
        made = [round(times) for times in answer[: len(self.moves)]]
        moved = [(times * gain[0], times * gain[1]) for times, (_, gain, _) in zip(made, self.moves, strict=True)]
        return rest[0] + sum(one[0] for one in moved), rest[1] + sum(one[1] for one in moved)

    def _solved(self, gains: Numbers, sign: int, upper: Numbers, is_whole: bool) -> Numbers | None:
        objective = np.zeros(self.width)
        objective[: len(gains)] = sign * gains
        answer = milp(
            objective,
            constraints=LinearConstraint(self.matrix, -np.inf, upper),
            bounds=Bounds(0, np.inf),
            integrality=np.full(self.width, is_whole),
            options={"mip_rel_gap": 0},
        )
        found: Numbers | None = answer.x
        return found


def outer_share(numerator: int, denominator: int, supply: int, sign: int) -> Share:
    """As ``best_share``, but beyond it or equal: each of so many rows gives the best a row could give to one person."""
    if sign > 0:
        spare = max(0, supply - (denominator - numerator))
        return min(numerator + supply, denominator + spare), max(denominator + spare, 1)
    spare = max(0, supply - numerator)
    return max(numerator - supply, 0), max(denominator + spare, 1)
