"""Shares: the lowest and highest value of I1 to I3 in every unit and group.

A person is counted in a cell (unit and group) or not, and with or without what the indicator asks. Rows that name
their person widen what that person can be, independently of everybody else. Rows that name nobody are jobs to be done
for somebody: to bring into the cell or out of it (``nhan_su``), onto the PAR roster or off it (``phan_cong_cchc``), to
prove something (``lop_boi_duong``, completions, views), or to take the place of a proof (``lop_boi_duong``).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from par_warehouse.bounds.crowd import IN, ON_ROSTER, OUT, Crowd, Jobs, Person, Roster, Shown, maximal, provable_by
from par_warehouse.bounds.extremes import Job, Share, best_share, outer_share
from par_warehouse.bounds.night import CITY, NEEDS, SHARES, STAFF_GROUPS, Night, Place, Proof
from par_warehouse.bounds.open_rows import OpenRow
from par_warehouse.bounds.periods import Period, assignments, covers, worlds
from par_warehouse.bounds.reach import Cell, Flags, Places, Reach

KINDS_PER_INDICATOR = 2_000
"""Where rows name nobody, ends of cells are solved exactly until so many kinds of people were looked at: the city
first, then units by their distance from it. The others get an outer bound."""
_KINDS_PER_PROGRAM = 20  # What a program costs whoever is in it, as so many kinds more.

_ACTIVE, _GONE = "DANG_CONG_TAC", "NGHI_HUU"
_NONE = np.zeros(0, np.int64)


@dataclass
class _Named:
    """The open rows that name one person, and where else a unit in question makes this person count."""

    staff: list[OpenRow] = field(default_factory=list)
    roster: list[OpenRow] = field(default_factory=list)
    classes: list[OpenRow] = field(default_factory=list)
    gains: list[list[int]] = field(default_factory=list)
    places: Places = frozenset()
    may_lose_all: bool = False
    is_classmate: bool = False


@dataclass(frozen=True)
class ShareBound:
    """The two ends of a cell (None: no value can be there), and whether they are attained."""

    low: Share | None
    high: Share | None
    is_exact: bool


class Shares:
    """The people of a night and the rows that name nobody, ready to be asked for any cell."""

    def __init__(self, night: Night, cells: Iterable[tuple[str, Cell]]) -> None:
        self.night = night
        self.cells = sorted(cells, key=lambda cell: (cell[1][0] != CITY, len(night.above[cell[1][0]]), cell))
        self.rough = set(night.rough)
        self.numbers = {cell: number for number, cell in enumerate(dict.fromkeys(cell for _, cell in self.cells))}
        places = Reach(night, list(self.numbers), of_leaders=True), Reach(night, list(self.numbers), of_leaders=False)
        self.reach = {indicator: places[indicator != "I1"] for indicator in SHARES}
        seen = np.zeros(len(self.numbers), np.int64)
        self.bearing = {"I1": seen.copy(), "I2": seen.copy(), **dict.fromkeys(("I3A", "I3B", "I3"), seen)}
        self.bearing_everywhere: Counter[str] = Counter()
        self._sort_rows()
        self._count_people()

    # --- rows -----------------------------------------------------------------------------------------------------

    def _sort_rows(self) -> None:
        night = self.night
        self.named: dict[str, _Named] = defaultdict(_Named)
        # Rows say the same of many: thousands of units are tried once for all of them.
        self.places_of: dict[tuple[tuple[str | None] | None, ...], Places] = {}
        self.staff_rows: Counter[Places] = Counter()
        self.doing: Counter[frozenset[Job]] = Counter()
        for row in night.rows_of["nhan_su.csv"]:
            if row.person is not None:
                self.named[row.person].staff.append(row)
            elif places := self._places(row):
                self.staff_rows[places] += 1
                self._bears_everywhere(SHARES)
        for person, places in night.people_in_question():
            self.named[person].places = places
        self._sort_roster_rows()
        self._sort_class_rows()
        self._sort_activity_rows()
        for _ in range(night.wild_accounts):
            self.doing[frozenset({("prove", "anybody", 127), ("away", "account")})] += 1
        switches = ("danh_muc_khoa_hoc.csv", "mdl_course.csv", "mdl_user.csv")
        material_switches = ("danh_muc_hoc_lieu.csv", "mdl_course_modules.csv", "mdl_user.csv")
        for _ in (row for name in switches for row in night.rows_of[name]):
            self._bears_everywhere(("I1", "I2"))
        for _ in (row for name in material_switches for row in night.rows_of[name]):
            self._bears_everywhere(("I3A", "I3B", "I3"))
        for _ in night.rows_of["don_vi.csv"]:
            self._bears_everywhere(SHARES)

    def _places(self, row: OpenRow) -> Places:
        """Where a repaired row of ``nhan_su`` may put its person; None: nowhere that counts."""
        night = self.night
        columns = ("ma_don_vi", "nhom", "la_lanh_dao", "trang_thai")
        said = tuple(None if row.is_open(column) else (row.cells[column],) for column in columns)
        if said not in self.places_of:
            self.places_of[said] = night.places(
                None if row.is_open("ma_don_vi") else row.cells["ma_don_vi"] or "",
                (group or "" for group in row.text("nhom", STAFF_GROUPS)),
                (mark == "x" for mark in row.text("la_lanh_dao", ("x", None))),
                (state == _ACTIVE for state in row.text("trang_thai", (_ACTIVE, _GONE))),
            )
        return self.places_of[said]

    def _sort_roster_rows(self) -> None:
        night = self.night
        self.off_starts: set[object] = set()
        nobodys = []
        for row in night.rows_of["phan_cong_cchc.csv"]:
            if row.person is not None:
                self.named[row.person].roster.append(row)
            else:
                nobodys.append(row)
        starts = [
            row[0]
            for row in night.con.execute(
                "select distinct unnest(starts) as start_date from bound_person order by start_date"
            ).fetchall()
        ]
        for row in nobodys:
            options = assignments(night, row, starts)
            jobs: set[Job] = {ON_ROSTER} if any(covers(one.period, night.data_date) for one in options) else set()
            off = {one.takes for one in options if one.takes and not covers(one.period, night.data_date)}
            jobs |= {("off_roster", start) for start in off}
            self.off_starts |= off
            if jobs:
                self.doing[frozenset(jobs)] += 1
                self._bears_everywhere(("I2", "I3A", "I3B", "I3"))

    def _sort_class_rows(self) -> None:
        night = self.night
        self.away_classes: set[str] = set()
        self.away_any_class = False
        nobodys: list[OpenRow] = []
        for row in night.rows_of["lop_boi_duong.csv"]:
            if row.person is not None:
                self.named[row.person].classes.append(row)
            else:
                nobodys.append(row)
        for row in nobodys:
            if not row.is_open("ma_lop"):
                self.away_classes.add(row.cells["ma_lop"] or "")
            self.away_any_class |= row.is_open("ma_lop")
        if not nobodys:
            return
        where = "" if self.away_any_class else "and list_contains($classes, class_key)"
        mates = night.con.execute(
            f"select distinct person_key, class_key, high from bound_proof where class_key is not null {where}",
            {} if self.away_any_class else {"classes": sorted(self.away_classes)},
        ).fetchall()
        for person, class_key, _ in mates:
            self.named[person].is_classmate = True
            if self.away_any_class:
                self.away_classes.add(class_key)
        shared = [row.cells["ma_lop"] for row in nobodys if not row.is_open("ma_lop")]
        if len(set(shared)) < len(shared) or any(high & NEEDS["I2"] for _, _, high in mates):
            self.rough.add("I2")
        for row in nobodys:
            masks, may_fail = self._class_options(row)
            jobs: set[Job] = {("prove", "anybody", mask) for mask in masks if mask}
            own = sorted(self.away_classes) if row.is_open("ma_lop") else [row.cells["ma_lop"] or ""]
            for bit in (1, 2, 4, 8):
                if may_fail or any(not mask & bit for mask in masks):
                    jobs |= {("away", class_key, bit) for class_key in own}
            if jobs:
                self.doing[frozenset(jobs)] += 1
                self._bears_everywhere(("I1", "I2"))

    def _class_options(self, row: OpenRow) -> tuple[list[int], bool]:
        """What a repaired row of ``lop_boi_duong`` may prove, and whether it may prove nothing."""
        night = self.night
        day = None if row.is_open("ngay_hoan_thanh") else row.day("ngay_hoan_thanh")
        results = row.text("ket_qua", ("DAT", "KHONG_DAT"))
        may_fail = "KHONG_DAT" in results or day is None or not night.is_by_day(day)
        if "DAT" not in results or (day is not None and not night.is_by_day(day)):
            return [], True
        if row.is_open("ma_khoa_hoc"):
            masks = {high for high, _ in night.any_code}
        else:
            masks = {night.code_masks.get(row.cells["ma_khoa_hoc"] or "", (0, 0))[0]}
        return sorted(masks), may_fail

    def _sort_activity_rows(self) -> None:
        night = self.night
        records = [*night.rows_of["mdl_course_completions.csv"], *night.rows_of["mdl_course_modules_viewed.csv"]]
        owners = night.owners(
            [row.whole("userid") for row in records if not row.is_open("userid")]
            + [int(row.rival_cells["userid"] or 0) for row in records if row.rival_cells is not None]
        )
        for name, target, any_mask, masks, when, needed, route in (
            ("mdl_course_completions.csv", "course", night.any_course, night.course_masks, "timecompleted",
             ("I1", "I2"), "account"),
            ("mdl_course_modules_viewed.csv", "coursemoduleid", night.any_module, night.module_masks, "timecreated",
             ("I3A", "I3B", "I3"), "ever"),
        ):  # fmt: skip
            for row in night.rows_of[name]:
                if row.says_what_its_rival_says("userid", target, when):
                    continue
                self._note_rival(row, needed, owners)
                day = None if row.is_open(when) else row.day(when)
                if not row.is_open(when) and (day is None or not night.is_by_day(day)):
                    continue
                found = any_mask if row.is_open(target) else [masks.get(row.whole(target) or 0, (0, 0))]
                gains = [high for high, _ in found if high]
                if not gains:
                    continue
                if row.is_open("userid"):
                    self.doing[frozenset(("prove", route, gain) for gain in gains)] += 1
                    self._bears_everywhere(needed)
                    continue
                people = owners.get(row.whole("userid") or 0, [])
                for person in people:
                    self.named[person].gains.append(gains)
                if len(people) > 1:
                    self.rough |= set(needed)

    def _note_rival(self, row: OpenRow, needed: Iterable[str], owners: dict[int, list[str]]) -> None:
        """A record whose place a row may take may be proven by another as well: whoever did it may lose it."""
        if row.rival_cells is not None:
            self.rough |= set(needed)
            for person in owners.get(int(row.rival_cells["userid"] or 0), []):
                self.named[person].may_lose_all = True

    # --- people ---------------------------------------------------------------------------------------------------

    def _count_people(self) -> None:
        """``self.people`` counts people by place and kind; ``self.named_people`` has those whom open rows name."""
        con = self.night.con
        con.register("named", pa.table({"person_key": pa.array(sorted(self.named), pa.string())}))
        con.execute("create or replace temp table bound_named as from named")
        con.unregister("named")
        # A roster that no row can take somebody off needs no dates; so more people are of one kind.
        off = [start for start in self.off_starts if isinstance(start, date)]
        self.people: Counter[tuple[Place | None, Person]] = Counter()
        self.named_people: list[tuple[tuple[Places, ...], Person]] = []
        kinds: dict[tuple[object, ...], Person] = {}
        for unit, group, is_par_able, is_staff, on, high, low, ever, has, count in con.execute(
            "select org_unit_code, leader_group, is_par_able, is_staff,"
            " case when starts is not null then if(list_has_all($off, starts), starts, []) end as on_roster, high, low,"
            " ever_had_account, has_account, count(*) from bound_person anti join bound_named using (person_key)"
            " group by all order by all",
            {"off": sorted(off)},
        ).fetchall():
            place = (unit, group, is_par_able) if is_staff and (group or is_par_able) else None
            known = (on if on is None else tuple(on), high, low, ever, has)
            if known not in kinds:
                shown = Shown(frozenset({high}), frozenset({low}), *self._accounts(None, ever, has))
                kinds[known] = Person(self._roster(on), shown)
            self.people[place, kinds[known]] += count
        rows = con.execute(
            "select named.person_key, org_unit_code, leader_group, is_par_able, is_staff, starts, ever_had_account,"
            " has_account from bound_named as named left join bound_person using (person_key)"
        ).fetchall()
        proofs, periods = self._proofs(), self._periods()
        for person, unit, group, is_par_able, is_staff, on, ever, has in sorted(rows, key=lambda row: row[0]):
            place = (unit, group, is_par_able) if is_staff and (group or is_par_able) else None
            named = self.named[person]
            given = [frozenset({place}), named.places, *(self._places(row) for row in named.staff)]
            places = tuple(dict.fromkeys(one for one in given if one))
            roster = self._named_roster(named, periods.get(person, [])) if named.roster else self._roster(on)
            shown = self._named_shown(person, named, proofs.get(person, []), bool(ever), bool(has))
            self.named_people.append((places, Person(roster, shown)))
            self._note_bearing(named, places)

    def _accounts(self, person: str | None, ever: bool, has: bool) -> tuple[bool, bool]:
        given = self.night.anybody_has_an_account or (person is not None and person in self.night.given_accounts)
        return ever or given, has or given

    def _roster(self, starts: list[object] | None) -> Roster:
        if starts is None:
            return Roster(False, True)
        if not starts or not set(starts) <= self.off_starts:
            return Roster(True, False)
        return Roster(True, False, frozenset({tuple(("off_roster", start) for start in starts)}))

    def _named_roster(self, named: _Named, accepted: list[Period]) -> Roster:
        night = self.night
        found = worlds(night, accepted, named.roster)
        if found is None:
            self.rough |= {"I2", "I3A", "I3B", "I3"}
            return Roster(True, True)
        covering = {
            tuple(sorted(start for start, end in world if covers((start, end), night.data_date))) for world in found
        }
        off = {
            tuple(("off_roster", start) for start in starts) for starts in covering if set(starts) <= self.off_starts
        }
        return Roster(any(covering), () in covering, frozenset() if () in covering else frozenset(off))

    def _proofs(self) -> dict[str, list[Proof]]:
        found: dict[str, list[Proof]] = defaultdict(list)
        for person, high, low, class_key in self.night.con.execute(
            "select person_key, high, low, class_key from bound_proof semi join bound_named"
            " using (person_key) order by all"
        ).fetchall():
            found[person].append(Proof(high, low, class_key))
        return found

    def _periods(self) -> dict[str, list[Period]]:
        found: dict[str, list[Period]] = defaultdict(list)
        for person, start, end in self.night.con.execute(
            "select person_key, start_date, end_date from work.staging.stg_hr__par_assignment semi join bound_named"
            " using (person_key) order by all"
        ).fetchall():
            found[person].append((start, end))
        return found

    def _named_shown(self, person: str, named: _Named, proofs: list[Proof], ever: bool, has: bool) -> Shown:
        groups: dict[object, list[int]] = {}
        in_class = {proof.class_key: proof for proof in proofs if proof.class_key is not None}
        replaced: set[str | None] = set()
        for number, row in enumerate(named.classes):
            masks, may_fail = self._class_options(row)
            if row.is_open("ma_lop"):
                # It may take the place of any class of this person.
                groups[number] = [0, *masks]
                replaced |= set(in_class)
                if in_class:
                    self.rough |= {"I1", "I2"}
                continue
            key = row.cells["ma_lop"]
            if row.rival is not None and key not in in_class:
                groups.setdefault(key, [0])
            options = groups.setdefault(key, [in_class[key].high if key in in_class else 0])
            options += [*masks, *([0] if may_fail else [])]
            if key in in_class:
                replaced.add(key)
        high = low = 0
        for proof in proofs:
            if proof.class_key is None or proof.class_key not in replaced or proof.class_key not in groups:
                high |= proof.high
            if not named.may_lose_all and (proof.class_key is None or proof.class_key not in replaced):
                low |= proof.low
        most, least = {high}, {low}
        for options in groups.values():
            most = maximal({mask | option for mask in most for option in options})
            least = {mask | option for mask in least for option in options}
        for gains in named.gains:
            most = maximal({mask | gain for mask in most for gain in gains})
        return Shown(
            frozenset(most), frozenset(least), *self._accounts(person, ever, has), self._away(proofs, replaced)
        )

    def _away(self, proofs: list[Proof], replaced: set[str | None]) -> tuple[tuple[int, frozenset[Jobs]], ...]:
        """Per bit the rows that must take the places of all proofs of it."""
        found = []
        for bit in (1, 2, 4, 8):
            needed = [proof.class_key for proof in proofs if proof.low & bit and proof.class_key not in replaced]
            if needed and all(key in self.away_classes for key in needed):
                found.append((bit, frozenset({tuple(("away", key, bit) for key in needed)})))
        return tuple(found)

    # --- what bears on a cell -------------------------------------------------------------------------------------

    def _bears_everywhere(self, indicators: Iterable[str]) -> None:
        self.bearing_everywhere.update(indicators)

    def _note_bearing(self, named: _Named, places: tuple[Places, ...]) -> None:
        rows = {
            "I1": len(named.staff) + len(named.classes),
            "I2": len(named.staff) + len(named.roster) + len(named.classes),
            "I3": len(named.staff) + len(named.roster),
        }
        # Of completions and views what they could give says of which kind they are.
        learning = sum(1 for gains in named.gains if any(gain & 15 for gain in gains))
        viewing = sum(1 for gains in named.gains if any(gain & 48 for gain in gains))
        extra = int(named.may_lose_all)
        extras = {"I1": learning + extra, "I2": learning + extra, "I3": viewing + extra}
        for indicator, others in extras.items():
            if count := rows[indicator] + others:
                self.bearing[indicator][self.reach[indicator].of(places)[0]] += count

    def open_findings(self, indicator: str, cell: Cell) -> int:
        """How many open rows could have a part in this number."""
        return self.bearing_everywhere[indicator] + int(self.bearing[indicator][self.numbers[cell]])

    # --- cells ----------------------------------------------------------------------------------------------------

    def bounds(self) -> Iterator[tuple[str, Cell, ShareBound]]:
        """The bound of each cell asked for."""
        persons = {one: number for number, one in enumerate(dict.fromkeys(person for person, _ in self._everybody()))}
        totals = np.zeros(len(persons), np.int64)
        for person, count in self._everybody():
            totals[persons[person]] += count
        spread = {reach: self._spread(reach, persons) for reach in dict.fromkeys(self.reach.values())}
        for indicator in SHARES:
            crowd = Crowd.of(indicator, persons, spread[self.reach[indicator]], totals)
            yield from self._bounds_of(indicator, crowd)

    def _everybody(self) -> Iterator[tuple[Person, int]]:
        yield from ((person, count) for (_, person), count in self.people.items())
        yield from ((person, 1) for _, person in self.named_people)

    def _spread(self, reach: Reach, persons: dict[Person, int]) -> csr_matrix:
        """How many people may be counted in each cell: by person, those who must be and those who can be out."""
        at = [reach.at(place) for place, _ in self.people]
        columns = [2 * persons[person] for _, person in self.people]
        counts = list(self.people.values())
        lengths = [len(one) for one in at]
        cells, repeated = [*at], [np.repeat(columns, lengths)]
        weights = [np.repeat(counts, lengths)]
        for places, person in self.named_people:
            inside, outside = reach.of(places)
            cells.append(np.flatnonzero(inside))
            repeated.append(2 * persons[person] + outside[cells[-1]])
            weights.append(np.ones(len(cells[-1]), np.int64))
        where = (np.concatenate([*cells, _NONE]), np.concatenate([*repeated, _NONE]).astype(np.int64))
        values = np.concatenate([*weights, _NONE]).astype(np.int64)
        return csr_matrix((values, where), shape=(len(self.numbers), 2 * len(persons)))

    def _bounds_of(self, indicator: str, crowd: Crowd) -> Iterator[tuple[str, Cell, ShareBound]]:
        anywhere = self._rows_anywhere(indicator)
        supply = anywhere.total() + self.staff_rows.total()
        sums = {sign: crowd.sums(provable_by(anywhere), sign) for sign in (-1, 1)}
        reached = [(*self.reach[indicator].of((places,)), count) for places, count in self.staff_rows.items()]
        looked_at = 0
        for code, cell in self.cells:
            if code != indicator:
                continue
            if self.night.moves_units:
                yield indicator, cell, ShareBound((0, 1), (1, 1), is_exact=False)
                continue
            number = self.numbers[cell]
            ends: list[Share | None] = []
            is_exact = indicator not in self.rough
            for sign in (-1, 1):
                numerator, denominator = (int(one) for one in sums[sign][number])
                if supply and looked_at >= KINDS_PER_INDICATOR:
                    ends.append(outer_share(numerator, denominator, supply, sign))
                    is_exact = False
                elif supply or not denominator:
                    rows = anywhere + _staff_rows(reached, number)
                    kinds = crowd.kinds(number, rows, sign, not denominator)
                    looked_at += len(kinds) + _KINDS_PER_PROGRAM
                    ends.append(best_share(kinds, rows, sign))
                else:
                    ends.append((numerator, denominator))
            yield indicator, cell, ShareBound(ends[0], ends[1], is_exact)

    def _rows_anywhere(self, indicator: str) -> Counter[frozenset[Job]]:
        """What the other rows that name nobody can do for an indicator, in any cell."""
        need = NEEDS[indicator]
        rows: Counter[frozenset[Job]] = Counter()
        for does, count in self.doing.items():
            wanted: set[Job] = set()
            for job in does:
                if job[0] == "prove":
                    mask = _mask(job) & need
                    if mask:
                        wanted.add((*job[:2], mask))
                elif job[0] == "away":
                    if len(job) == 2 or _mask(job) & need:
                        wanted.add(job)
                elif indicator != "I1":
                    wanted.add(job)
            if wanted:
                rows[frozenset(wanted)] += count
        return rows


def _staff_rows(reached: Iterable[tuple[Flags, Flags, int]], number: int) -> Counter[frozenset[Job]]:
    """What the rows of ``nhan_su`` that name nobody can do in a cell."""
    rows: Counter[frozenset[Job]] = Counter()
    for inside, outside, count in reached:
        rows[frozenset(job for job, can in ((IN, inside), (OUT, outside)) if can[number])] += count
    return rows


def _mask(job: Job) -> int:
    """What a job that proves or takes away is about."""
    mask = job[2]
    assert isinstance(mask, int)
    return mask
