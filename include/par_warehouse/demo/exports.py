"""Demo deliveries in the export contract: dated folders of both source systems, the same bytes every time."""

import shutil
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from par_warehouse.demo import careers, courses, learning, people, units
from par_warehouse.demo.draw import generator
from par_warehouse.demo.flaws import Export, spoil
from par_warehouse.demo.size import DemoSize

_MARKER = "_SUCCESS"
_STRETCHES = 8
_ROWS_PER_BATCH = 32_768
Files = dict[str, Callable[[], pa.Table]]


def write_demo_exports(
    hr_base: Path,
    elearning_base: Path,
    nights: Sequence[date],
    size: DemoSize,
    seed: int = 13,
    flaws: bool = True,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Write the deliveries of these nights; a delivery that is already there stays as it is.

    Views are incremental: a night holds those since the latest delivery below `elearning_base` before it, the first
    night all of them. Everything else depends on the night, the size, the seed and `flaws` alone.
    """
    say = progress or (lambda _: None)
    sources = {"HR": hr_base, "e-learning": elearning_base}
    pairs = product(sorted(set(nights)), sources)
    due = [(night, source) for night, source in pairs if not _delivered(sources[source], night)]
    if not due:
        return
    say(f"Drawing a city of {size.staff:,} staff")
    city = City(size, seed, flaws)
    for night, source in due:
        say(f"{night}: {source}")
        base = sources[source]
        files = city.hr(night) if source == "HR" else city.elearning(night, _last_delivery(base, night))
        _deliver(base, night, files, seed, flaws)


class City:
    """The whole life of a demo city, drawn once; each night is a look at it."""

    def __init__(self, size: DemoSize, seed: int, flaws: bool) -> None:
        self._size, self._flaws = size, flaws
        self._units = units.build_units(size)
        self._people = people.build_people(size, seed, self._units)
        self._careers = careers.build_careers(size, seed, self._units, self._people)
        self._learning = learning.build_learning(size, seed, self._people)

    def hr(self, night: date) -> Files:
        """The HR files of a night, each made when it is asked for."""
        day = np.datetime64(night, "D")
        return {
            "don_vi.csv": partial(units.don_vi, self._units, day),
            "nhan_su.csv": partial(people.nhan_su, self._units, self._people, day),
            "phan_cong_cchc.csv": partial(people.phan_cong_cchc, self._size, self._units, self._people, day),
            "danh_gia.csv": partial(careers.danh_gia, self._people, self._careers, day),
            "quyet_dinh.csv": partial(careers.quyet_dinh, self._units, self._people, self._careers, day),
            "sang_kien.csv": partial(careers.sang_kien, self._people, self._careers, day),
            "lop_boi_duong.csv": partial(learning.lop_boi_duong, self._people, self._learning, day),
        }

    def elearning(self, night: date, previous: date | None) -> Files:
        """The e-learning files of a night; views since the previous delivery."""
        day, before = np.datetime64(night, "D"), np.datetime64(previous, "D") if previous else None
        return {
            "mdl_user.csv": partial(learning.mdl_user, self._people, self._learning, day, self._flaws),
            "mdl_course.csv": partial(courses.mdl_course, day),
            "mdl_course_completions.csv": partial(learning.mdl_course_completions, self._learning, day, self._flaws),
            "mdl_course_modules.csv": partial(courses.mdl_course_modules, day),
            "mdl_course_modules_viewed.csv": partial(learning.mdl_course_modules_viewed, self._learning, day, before),
            "danh_muc_khoa_hoc.csv": partial(courses.danh_muc_khoa_hoc, day),
            "danh_muc_hoc_lieu.csv": partial(courses.danh_muc_hoc_lieu, day),
        }


def _delivered(base: Path, night: date) -> bool:
    return (base / night.isoformat() / _MARKER).exists()


def _last_delivery(base: Path, night: date) -> date | None:
    dated = (marker.parent.name for marker in base.glob(f"????-??-??/{_MARKER}"))
    return max((date.fromisoformat(name) for name in dated if name < night.isoformat()), default=None)


def _deliver(base: Path, night: date, files: Files, seed: int, flaws: bool) -> None:
    """Write beside the final place and rename: nobody sees half a delivery."""
    final, partial_ = base / night.isoformat(), base / f".{night.isoformat()}.partial"
    shutil.rmtree(partial_, ignore_errors=True)
    partial_.mkdir(parents=True)
    for name, table in files.items():
        export = spoil(name, table(), generator(seed, f"{night}/{name}")) if flaws else Export(table())
        _write(partial_ / name, export)
    (partial_ / _MARKER).touch()
    shutil.rmtree(final, ignore_errors=True)
    partial_.rename(final)


def _write(path: Path, export: Export) -> None:
    """The odd lines stand at a few places among the rows."""
    rows, lines, end = export.rows, export.odd_lines, export.line_end
    options = pyarrow.csv.WriteOptions(include_header=False, batch_size=_ROWS_PER_BATCH, eol=end)
    with path.open("wb") as file:
        file.write(("\ufeff" * export.byte_order_mark + ",".join(rows.column_names) + end).encode())
        for k in range(_STRETCHES):
            first, last = (rows.num_rows * step // _STRETCHES for step in (k, k + 1))
            pyarrow.csv.write_csv(rows.slice(first, last - first), file, options)
            file.write("".join(line + end for line in lines[k::_STRETCHES]).encode())
