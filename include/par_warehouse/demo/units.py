"""The city's units over time.

Names, districts, communes and their succession are real (domain facts of 2022 to 2025, communes as of the first
half of 2025). The codes are synthetic: no public list of the level-2 codes below H29 exists, so a department is
`H29.01`, its first room `H29.01.01`, a district `H29.760`, its commune `H29.760.26734`, a commune-level unit of
July 2025 `H29.26740`, the digits being those of the statistics office.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from par_warehouse.demo.columns import dates, pick
from par_warehouse.demo.draw import NEVER, Days, Ints
from par_warehouse.demo.size import DemoSize

CITY, DEPARTMENT, DISTRICT, COMMUNE, ROOM, SERVICE = range(6)
KINDS = ("THANH_PHO", "SO_NGANH", "UBND_HUYEN", "UBND_XA", "PHONG", "DON_VI_SU_NGHIEP")
REORGANISED = ("2024-01-01", "2025-03-01", "2025-07-01")

_ANNOUNCED_DAYS = 14
_OLD, _NEW = "1976-07-02", "2025-07-01"
_ROOMS = {
    DEPARTMENT: ("Văn phòng", "Phòng Tổ chức cán bộ", "Phòng Kế hoạch - Tài chính", "Thanh tra", "Phòng Pháp chế"),
    DISTRICT: ("Văn phòng", "Phòng Nội vụ", "Phòng Tài chính - Kế hoạch", "Phòng Tư pháp", "Phòng Quản lý đô thị"),
    COMMUNE: ("Văn phòng", "Phòng Văn hóa - Xã hội", "Phòng Kinh tế", "Trung tâm Phục vụ hành chính công"),
}
_SERVICES = ("Trung tâm Dịch vụ công", "Trường học", "Trạm Y tế", "Ban Quản lý dự án")


class _Unit(NamedTuple):
    code: str
    name: str
    kind: int
    parent: str | None
    start: str
    end: str | None = None
    heirs: Sequence[str] = ()


@dataclass(frozen=True)
class Units:
    """All units of all times, position by position, and who takes over from whom."""

    code: list[str]
    name: list[str]
    kind: Ints
    parent: Ints
    start: Days
    end: Days
    heirs: Ints
    first_heir: Ints
    heir_count: Ints

    def in_force(self, date: np.datetime64, *kinds: int) -> Ints:
        """Positions of the units of these kinds in force on the date."""
        return np.flatnonzero((self.start <= date) & (self.end >= date) & np.isin(self.kind, kinds))

    def succeeded(self, unit: Ints, person: Ints, date: np.datetime64 | Days) -> Ints:
        """Where persons of these units belong on the date; staff of a split unit spread over its heirs."""
        for _ in REORGANISED:
            heir = self.first_heir[unit] + person % np.maximum(self.heir_count[unit], 1)
            unit = np.where(self.end[unit] < date, self.heirs[heir], unit)
        return unit


def build_units(size: DemoSize) -> Units:
    """Every unit of every time for a size."""
    rows = [_Unit("H29", "Ủy ban nhân dân Thành phố Hồ Chí Minh", CITY, None, _OLD)]
    rows += [*_departments(size), *_districts(size), *_communes_2025(size)]
    position = {row.code: at for at, row in enumerate(rows)}
    counts = np.array([len(row.heirs) for row in rows])
    return Units(
        code=[row.code for row in rows],
        name=[row.name for row in rows],
        kind=np.array([row.kind for row in rows]),
        parent=np.array([position[row.parent] if row.parent else -1 for row in rows]),
        start=np.array([row.start for row in rows], "datetime64[D]"),
        end=np.array([row.end or NEVER for row in rows], "datetime64[D]"),
        heirs=np.array([position[heir] for row in rows for heir in row.heirs] + [0]),
        first_heir=np.cumsum(counts) - counts,
        heir_count=counts,
    )


def don_vi(units: Units, date: np.datetime64) -> pa.Table:
    """`don_vi.csv`: units and ends appear as soon as they are announced."""
    horizon = date + np.timedelta64(_ANNOUNCED_DAYS, "D")
    at = np.flatnonzero(units.start <= horizon)
    ends = np.where(units.end[at] <= horizon, units.end[at], NEVER)
    heir = np.where(ends < NEVER, units.heirs[units.first_heir[at]], -1)
    return pa.table(
        {
            "ma_don_vi": pick(units.code, at),
            "ten_don_vi": pick(units.name, at),
            "loai_don_vi": pick(KINDS, units.kind[at]),
            "ma_don_vi_cha": pick(units.code, units.parent[at]),
            "hieu_luc_tu": dates(units.start[at]),
            "hieu_luc_den": dates(ends),
            "ke_thua_boi": pick(units.code, heir),
        }
    )


def _departments(size: DemoSize) -> Iterator[_Unit]:
    counts = size.department_rooms, size.department_services
    for row in _data("departments.csv"):
        heirs = [f"H29.{int(row['heir']):02}"] if row["heir"] else []
        code, end = f"H29.{int(row['number']):02}", row["valid_to"] or None
        body = _Unit(code, row["name"], DEPARTMENT, "H29", row["valid_from"], end, heirs)
        yield from (body, *_parts(body, counts, counts))


def _districts(size: DemoSize) -> Iterator[_Unit]:
    communes = _data("communes_2024.csv")
    for code, name in dict.fromkeys((row["district_code"], row["district"]) for row in communes):
        own = [row for row in communes if row["district_code"] == code]
        heirs = list(dict.fromkeys(f"H29.{heir}" for row in own for heir in row["heirs"].split()))
        body = _Unit(f"H29.{code}", f"Ủy ban nhân dân {name}", DISTRICT, "H29", _OLD, "2025-06-30", heirs)
        yield body
        yield from _parts(
            body, (size.district_rooms, size.district_services), (size.commune_rooms, size.commune_services)
        )
        for row in own[: size.communes_per_district]:
            into = [f"H29.{heir}" for heir in row["heirs"].split()]
            label = f"Ủy ban nhân dân {row['name']}"
            yield _Unit(f"{body.code}.{row['code']}", label, COMMUNE, body.code, _OLD, body.end, into)


def _communes_2025(size: DemoSize) -> Iterator[_Unit]:
    for row in _data("communes_2025.csv"):
        body = _Unit(f"H29.{row['code']}", f"Ủy ban nhân dân {row['name']}", COMMUNE, "H29", _NEW)
        yield from (body, *_parts(body, (size.commune_rooms, size.commune_services), (0, 0)))


def _parts(body: _Unit, counts: tuple[int, int], heir_counts: tuple[int, int]) -> Iterator[_Unit]:
    """The rooms and services of a body; the k-th goes to the like one of each heir, else to the heir itself."""
    heirs = [(heir, _part_codes(heir, heir_counts)) for heir in body.heirs]
    for kind, codes in enumerate(_part_codes(body.code, counts)):
        labels = (_ROOMS[body.kind], _SERVICES)[kind]
        for k, code in enumerate(codes):
            pools = [(heir, parts[kind] or parts[1 - kind]) for heir, parts in heirs]
            into = [pool[k % len(pool)] if pool else heir for heir, pool in pools]
            number = f" {k // len(labels) + 1}" if k >= len(labels) else ""
            name = f"{labels[k % len(labels)]}{number}, {body.name}"
            yield _Unit(code, name, ROOM + kind, body.code, body.start, body.end, into)


def _part_codes(body: str, counts: tuple[int, int]) -> tuple[list[str], list[str]]:
    rooms, services = counts
    codes = [f"{body}.{k:02}" for k in range(1, rooms + services + 1)]
    return codes[:rooms], codes[rooms:]


def _data(name: str) -> list[dict[str, str]]:
    with files(__package__).joinpath(name).open(encoding="utf-8") as text:
        return list(csv.DictReader(text))
