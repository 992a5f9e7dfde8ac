"""Random worlds: a small city lives for some nights, two sources deliver it, with a mix of the contract's faults.

`build_world(seed, knobs)` is pure and gives the steps of the story; `apply_step` writes one step's deliveries to the
two base folders, after which a run for `step.run_date` is due. Equal seed and knobs give equal bytes.

What the contract leaves open is avoided here where it is easy (see the interpretations in `oracle.py`): reversed
periods never have an out-of-range end, units below the root are never THANH_PHO, a date delivered again is run again
at once, a date nobody delivered is never run.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from .city import FIRST_NIGHTS, SCHEME_START, City, Tables
from .contract import ELEARNING, FILES, HR
from .rendering import Knobs, Renderer


@dataclass(frozen=True)
class Delivery:
    """One folder of one source, as bytes; `faults` says what was done to it."""

    source: str
    data_date: date
    files: dict[str, bytes]
    success: bool = True
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """Deliveries that arrive, then a run."""

    deliveries: tuple[Delivery, ...]
    run_date: date
    note: str = ""


def apply_step(step: Step, hr: Path, elearning: Path) -> None:
    """Write the step's folders; a folder that was there is replaced; `_SUCCESS` is written last."""
    for delivery in step.deliveries:
        folder = (hr if delivery.source == HR else elearning) / delivery.data_date.isoformat()
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        for name, content in delivery.files.items():
            (folder / name).write_bytes(content)
        if delivery.success:
            (folder / "_SUCCESS").write_bytes(b"")


def build_world(seed: int, knobs: Knobs | None = None) -> list[Step]:
    """The steps of one world; without knobs, random ones."""
    rng = random.Random(seed)
    return _Story(rng, knobs or Knobs.random(rng)).steps()


# --- the story: which night is delivered, late, again; which run is due ----------------------------------------------


class _Story:
    def __init__(self, rng: random.Random, knobs: Knobs) -> None:
        self._rng = rng
        self._knobs = knobs
        self._rows_before: dict[str, int] = {}

    def steps(self) -> list[Step]:
        rng, rate = self._rng, self._knobs.schedule_fault_rate
        steps: list[Step] = []
        arriving: list[Delivery] = []
        late: list[Delivery] = []
        whole: dict[date, Tables] = {}  # dates both sources delivered and a run took in
        waiting: dict[date, Tables] = {}
        nights = self._nights()
        city = City(rng, self._knobs.staff, nights[0])
        for number, night in enumerate(nights):
            tables = city.live_until(night)
            calm = number == 0 and rng.random() < self._knobs.clean_first_rate
            now, later = self._deliver(night, tables, calm=calm)
            arriving += [*now, *late]
            late = later
            if len([delivery for delivery in now if delivery.success]) == 2:
                waiting[night] = tables
            delivered = any(delivery.success for delivery in now)
            if not delivered or (rng.random() < rate / 2 and number < len(nights) - 1):
                continue  # the next run takes it in
            steps.append(Step(tuple(arriving), night, "run"))
            arriving = []
            whole.update(waiting)
            waiting = {}
            if whole and rng.random() < rate:
                steps.append(self._again(sorted(whole), whole))
        if late and steps:
            steps.append(Step((*arriving, *late), steps[-1].run_date, "late source, last date run again"))
        return steps

    def _nights(self) -> list[date]:
        rng = self._rng
        nights = [rng.choice(FIRST_NIGHTS) + timedelta(days=rng.randint(-1, 1))]
        nights[0] = max(nights[0], SCHEME_START)
        while len(nights) < self._knobs.nights:
            gap = rng.randint(2, 4) if rng.random() < self._knobs.schedule_fault_rate else 1
            nights.append(nights[-1] + timedelta(days=gap))
        return nights

    def _deliver(self, night: date, tables: Tables, *, calm: bool) -> tuple[list[Delivery], list[Delivery]]:
        """What arrives now and what arrives before the next run only."""
        now: list[Delivery] = []
        late: list[Delivery] = []
        for source in (HR, ELEARNING):
            delivery = self._render(source, night, tables, calm=calm)
            if calm or self._rng.random() >= self._knobs.source_fault_rate:
                now.append(delivery)
                continue
            fate = self._rng.choice(("late", "late_after_partial", "no_success", "absent"))
            if fate in ("late_after_partial", "no_success"):
                kept = [name for name in delivery.files if self._rng.random() < 0.7]
                partial = {name: delivery.files[name] for name in kept}
                now.append(Delivery(source, night, partial, success=False, faults=("no_success",)))
            if fate.startswith("late"):
                late.append(delivery)
        return now, late

    def _again(self, days: Sequence[date], whole: dict[date, Tables]) -> Step:
        """A date is run again, often because one or both sources delivered it again."""
        day = self._rng.choice(list(days))
        sources: tuple[str, ...] = self._rng.choice(((), (HR,), (ELEARNING,), (HR, ELEARNING)))
        rows_before = dict(self._rows_before)
        deliveries = tuple(self._render(source, day, whole[day], calm=False) for source in sources)
        self._rows_before = rows_before
        return Step(deliveries, day, "delivered again, run again" if deliveries else "run again")

    def _render(self, source: str, night: date, tables: Tables, *, calm: bool) -> Delivery:
        files: dict[str, bytes] = {}
        faults: list[str] = []
        for spec in FILES:
            if spec.source != source:
                continue
            before = self._rows_before.get(spec.name, 0)
            renderer = Renderer(self._rng, self._knobs, spec, night, before, calm=calm)
            content = renderer.render(tables[spec.name])
            self._rows_before[spec.name] = renderer.row_count
            if renderer.file_fault:
                faults.append(f"{spec.name}: {renderer.file_fault}")
            if content is not None:
                files[spec.name] = content
        if self._rng.random() < 0.2:
            files["ghi_chu.txt"] = b"a file nobody asked for\x00"
        return Delivery(source, night, files, faults=tuple(faults))
