"""Who works where and when: every person of all times, and the staff and roster files as of a date.

Persons stand in blocks: the PAR roster first, then the leaders, then everybody else, then those who were gone before
or came after 31/12/2024. No person is real: the identification numbers use the unassigned province code 013.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from par_warehouse.demo.columns import dates, flags, joined, numbered, pick
from par_warehouse.demo.draw import NEVER, Days, Flags, Ints, between, day, generator, later, year_of
from par_warehouse.demo.size import DemoSize
from par_warehouse.demo.units import COMMUNE, DEPARTMENT, DISTRICT, REORGANISED, ROOM, SERVICE, Units

GROUPS = ("CAN_BO", "CONG_CHUC", "VIEN_CHUC")
STATES = ("DANG_CONG_TAC", "BIET_PHAI", "NGHI_HUU", "THOI_VIEC", "TU_TRAN")
YEARS = range(2022, 2027)
PLANNED_PER_YEAR, APPOINTED_PER_YEAR = 12, 6

_START, _MERGER = day("2022-01-01"), day("2025-07-01")
_ROW_KEPT_DAYS = 365
_FAMILY = ["Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô"]
_MIDDLE = ["Thị", "Ngọc", "Thị Thu", "Thanh", "Thị Kim", "Văn", "Hữu", "Minh", "Quốc", "Đức"]
_GIVEN = ["An", "Bình", "Châu", "Dũng", "Hà", "Hạnh", "Hiếu", "Hoà", "Khánh", "Lan", "Long", "Mai", "Phúc", "Vy"]
_HEADS = ("Chủ tịch", "Giám đốc", "Chủ tịch", "Chủ tịch", "Trưởng phòng", "Giám đốc")
_TITLES = [*_HEADS, *(f"Phó {head}" for head in _HEADS), "Chuyên viên", "Viên chức"]


@dataclass(frozen=True)
class People:
    """One entry per person of all times; dates may be never."""

    born: Days
    male: Flags
    group: Ints
    hired: Days
    leaves: Days
    left_as: Ints
    seconded: Days
    home: Ints
    moves: Days
    moved_to: Ints
    leads_from: Days
    roster_from: Days
    roster_to: Days

    @property
    def everyone(self) -> Ints:
        """All positions."""
        return np.arange(len(self.born))

    def unit_on(self, date: np.datetime64 | Days, units: Units, person: Ints) -> Ints:
        """The unit of these persons on the date, or each on a date of his own."""
        before = np.where(self.moves[person] <= date, self.moved_to[person], self.home[person])
        return units.succeeded(before, person, date)

    def identification(self, person: Ints) -> pa.Array:
        """Their 12 digits: 013, century and sex, year of birth, six digits of their own."""
        century = np.where(year_of(self.born[person]) >= 2000, 2, 0) + (1 - self.male[person].astype(np.int64))
        own = (person * 618_033 + 7) % 1_000_000
        return numbered("0", 13 * 10**9 + century * 10**8 + year_of(self.born[person]) % 100 * 10**6 + own)


def steady(size: DemoSize) -> Ints:
    """PAR staff on the roster from early 2022 on, without an end."""
    return np.arange(size.par_staff * 7 // 10)


def planned(size: DemoSize, year: int) -> Ints:
    """PAR staff newly planned for leadership in the year."""
    first = (year - YEARS.start) * PLANNED_PER_YEAR
    return steady(size)[first : first + PLANNED_PER_YEAR]


def appointed(size: DemoSize, year: int) -> Ints:
    """PAR staff who get a leadership post in the year, out of those planned a year before."""
    return planned(size, year - 1)[:APPOINTED_PER_YEAR] if year > YEARS.start else steady(size)[:0]


def build_people(size: DemoSize, seed: int, units: Units) -> People:
    """Every person of all times."""
    rng = generator(seed, "people")
    gone, future = size.staff // 20, size.staff // 25
    count = size.staff + gone + future
    person = np.arange(count)
    ordinary = (person >= size.tracked) & (person < size.staff)
    recent = ordinary & (rng.random(count) < 0.08)
    coming = person >= size.staff + gone

    hired = between(rng, "1995-03-01", "2021-12-31", count)
    hired = np.where(recent, between(rng, "2022-01-10", "2024-12-15", count), hired)
    hired = np.where(coming, between(rng, "2025-01-10", "2026-12-20", count), hired)
    chance = np.where(recent | coming, 1.0, rng.random(count))
    leaves = np.where(chance < 0.06, between(rng, "2025-01-02", "2026-12-31", count), NEVER)
    left_2024 = ordinary & (chance > 0.06) & (chance < 0.08)
    leaves = np.where(left_2024, between(rng, "2024-01-02", "2024-12-31", count), leaves)
    leaves = np.where((person >= size.staff) & ~coming, between(rng, "2022-02-01", "2023-12-31", count), leaves)

    roster_from, roster_to = _roster(rng, size, count)
    leads_from = _leads_from(rng, size, count)
    hired = np.minimum(hired, leads_from)
    home = _homes(rng, size, units, hired)
    kind = units.kind[home]
    village_head = ordinary & (kind == COMMUNE) & (rng.random(count) < 0.12)
    lent = ordinary & (rng.random(count) < 0.005)
    mover = (person >= size.roster) & (rng.random(count) < 0.06) & (hired < _START) & (leaves == NEVER)
    by_kind = np.argsort(kind, kind="stable")
    moved_to = home.copy()
    moved_to[by_kind] = home[np.roll(by_kind, 1)]
    return People(
        born=hired - rng.integers(21 * 365, 34 * 365, count).astype("timedelta64[D]"),
        male=rng.random(count) < 0.48,
        group=np.where(kind == SERVICE, 2, np.where(village_head | ((kind == DISTRICT) & (person % 2 == 0)), 0, 1)),
        hired=hired,
        leaves=leaves,
        left_as=rng.choice([2, 3, 4], count, p=[0.6, 0.37, 0.03]),
        seconded=np.where(lent, between(rng, "2023-01-01", "2025-12-31", count), NEVER),
        home=home,
        moves=np.where(mover, between(rng, "2022-02-01", "2026-12-31", count), NEVER),
        moved_to=moved_to,
        leads_from=np.where(village_head, day("2021-07-01"), leads_from),
        roster_from=roster_from,
        roster_to=roster_to,
    )


def nhan_su(units: Units, people: People, date: np.datetime64) -> pa.Table:
    """`nhan_su.csv`: who has been hired by the date; leavers stay for a year with their status."""
    at = np.flatnonzero((people.hired <= date) & (later(people.leaves, _ROW_KEPT_DAYS) > date))
    unit = people.unit_on(date, units, at)
    leads = people.leads_from[at] <= date
    since = np.maximum(people.hired[at], np.where(people.moves[at] <= date, people.moves[at], people.hired[at]))
    since = np.where(unit == people.home[at], since, np.maximum(since, units.start[unit]))
    state = np.where(people.seconded[at] <= date, 1, 0)
    name = pc.binary_join_element_wise(
        pick(_FAMILY, at * 7919 // 11 % len(_FAMILY)),
        pick(_MIDDLE, at * 104_729 // 13 % 5 + 5 * people.male[at]),
        pick(_GIVEN, at * 15_485_863 // 17 % len(_GIVEN)),
        " ",
    )
    title = np.where(leads, units.kind[unit] + 6 * (at % 2), 12 + (people.group[at] == 2))
    return pa.table(
        {
            "so_dinh_danh": people.identification(at),
            "so_hieu": numbered("CB", at, 6),
            "ho_ten": name,
            "ngay_sinh": dates(people.born[at]),
            "gioi_tinh": pick(["Nữ", "Nam"], people.male[at].astype(np.int64)),
            "nhom": pick(GROUPS, people.group[at]),
            "ma_don_vi": pick(units.code, unit),
            "chuc_vu": pick(_TITLES, title),
            "la_lanh_dao": flags(leads),
            "trang_thai": pick(STATES, np.where(people.leaves[at] <= date, people.left_as[at], state)),
            "ngay_vao_co_quan": dates(since),
        }
    )


def phan_cong_cchc(size: DemoSize, units: Units, people: People, date: np.datetime64) -> pa.Table:
    """`phan_cong_cchc.csv`: a row for each unit a person does PAR work in; an end is known from its day on."""
    person = np.arange(size.roster)
    first, last = people.roster_from[person], people.roster_to[person]
    frames = [_START, *map(day, REORGANISED), NEVER]
    in_unit = [people.unit_on(frame, units, person) for frame in frames[:-1]]
    pieces = []
    for k, (frame, following) in enumerate(pairwise(frames)):
        start = np.maximum(first, frame)
        opens = (first >= frame) | (in_unit[k] != in_unit[max(k - 1, 0)])
        here = np.flatnonzero(opens & (start < following) & (start <= last))
        pieces.append((person[here], start[here], in_unit[k][here]))
    who, start, unit = (np.concatenate(column) for column in zip(*pieces, strict=True))
    order = np.lexsort((start, who))
    who, start, unit = who[order], start[order], unit[order]
    goes_on = np.append(who[1:] == who[:-1], False) if len(who) else who == 0
    end = np.where(goes_on, np.roll(start, -1) - np.timedelta64(1, "D"), last[who])
    at = np.flatnonzero(start <= date)
    return pa.table(
        {
            "so_dinh_danh": people.identification(who[at]),
            "ma_don_vi": pick(units.code, unit[at]),
            "linh_vuc": pick([*"123456"], who[at] % 7 - 1),
            "hinh_thuc": pick(["CHUYEN_TRACH", "KIEM_NHIEM"], np.minimum(who[at] % 3, 1)),
            "tu_ngay": dates(start[at]),
            "den_ngay": dates(np.where(end[at] <= date, end[at], NEVER)),
            "so_quyet_dinh": joined(numbered("", year_of(start[at])), "/QĐ-CCHC"),
        }
    )


def _roster(rng: np.random.Generator, size: DemoSize, count: int) -> tuple[Days, Days]:
    first, last = np.full(count, NEVER), np.full(count, NEVER)
    now, former, after = size.par_staff, size.par_staff // 6, size.par_staff // 20
    first[:now] = between(rng, "2022-03-01", "2024-12-20", now)
    first[steady(size)] = between(rng, "2022-01-04", "2022-02-28", len(steady(size)))
    first[now : now + former] = between(rng, "2022-01-04", "2022-12-31", former)
    last[now : now + former] = between(rng, "2023-01-01", "2024-12-30", former)
    first[now + former : size.roster] = between(rng, "2025-01-06", "2026-11-30", after)
    return first, last


def _leads_from(rng: np.random.Generator, size: DemoSize, count: int) -> Days:
    start = np.full(count, NEVER)
    old, new = np.split(np.arange(size.roster, size.tracked), [size.leaders])
    start[old] = between(rng, "2015-01-01", "2021-12-31", len(old))
    start[old[::5]] = between(rng, "2022-02-01", "2024-12-15", len(old[::5]))
    start[new] = between(rng, "2025-09-01", "2026-11-30", len(new))
    for year in YEARS:
        who = appointed(size, year)
        start[who] = between(rng, f"{year}-09-01", f"{year}-12-10", len(who))
    return start


def _homes(rng: np.random.Generator, size: DemoSize, units: Units, hired: Days) -> Ints:
    """The first unit of each person: in the frame of 2022, or of July 2025 for those hired after."""
    ordinary = {ROOM: 0.25, SERVICE: 0.55, COMMUNE: 0.17, DEPARTMENT: 0.02, DISTRICT: 0.01}
    home = _spread(rng, units, _START, ordinary, len(hired))
    merged = np.flatnonzero(hired >= _MERGER)
    home[merged] = _spread(rng, units, _MERGER, {ROOM: 0.4, SERVICE: 0.4, COMMUNE: 0.2}, len(merged))
    home[: size.roster] = _spread(rng, units, _START, {ROOM: 0.65, COMMUNE: 0.25, SERVICE: 0.1}, size.roster)
    bodies = units.in_force(_START, DEPARTMENT, DISTRICT)
    posts = rng.permutation(np.concatenate([bodies, bodies, units.in_force(_START, ROOM, SERVICE)]))
    leader = np.arange(size.roster, size.tracked)
    home[leader] = posts[(leader - size.roster) % len(posts)]
    return home


def _spread(rng: np.random.Generator, units: Units, date: np.datetime64, shares: dict[int, float], count: int) -> Ints:
    """Units drawn by kind, evenly within the kind; kinds without a unit are left out."""
    pools = {kind: pool for kind in shares if len(pool := units.in_force(date, kind))}
    pool = np.concatenate([*pools.values()])
    weights = np.concatenate([np.full(len(pool), shares[kind] / len(pool)) for kind, pool in pools.items()])
    return rng.choice(pool, count, p=weights / weights.sum())
