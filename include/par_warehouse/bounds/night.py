"""Night: what is known of units, courses, accounts and people as accepted, and what the open rows could make of it.

What a person has shown is a mask, one bit per thing that an indicator asks for. Open rows of the catalogues, courses,
modules and accounts change what many records prove at once; so every record has a mask *high*, all it could prove, and
a mask *low*, what it proves whatever becomes of those rows. For an indicator that asks for one thing the two are its
extremes. Where it asks for several and a row could give one or the other, or a row could change one thing of many, the
extremes lie within, and ``rough`` names the indicators in question.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, reduce
from itertools import pairwise, product
from operator import and_, or_
from typing import Any

import duckdb
import pyarrow as pa

from par_warehouse.bounds.open_rows import OpenRow, read_open_rows

COURSE_BITS = {"BOI_DUONG_CCHC": 1, "THAM_MUU": 2, "TONG_HOP": 4, "HUONG_DAN": 8, "CHUYEN_GIA": 64}
MATERIAL_BITS = {"TAI_LIEU": 16, "BAI_GIANG": 16, "MO_HINH_NUOC_NGOAI": 32}
NEEDS = {"I1": 1, "I2": 14, "I3A": 16, "I3B": 32, "I3": 48, "I6": 64}
"""What an indicator asks of a person."""
SHARES = ("I1", "I2", "I3A", "I3B", "I3")
SKILLS = ("THAM_MUU", "TONG_HOP", "HUONG_DAN")
UNIT_TYPES = ("SO_NGANH", "UBND_HUYEN", "UBND_XA", "PHONG", "DON_VI_SU_NGHIEP")
CITY = "H29"
UNITS_MOVED = 20_000
"""So many places are tried for units below one whose parent is in question; beyond that any value is possible."""
STAFF_GROUPS = ("CAN_BO", "CONG_CHUC", "VIEN_CHUC")
_STAGING, _INTERMEDIATE = "work.staging", "work.intermediate"

Place = tuple[str, str | None, bool]
"""Unit, leader group, and whether PAR staff of this place are of the population of I2 and I3."""


@dataclass(frozen=True)
class Unit:
    """A unit of ``don_vi``."""

    org_unit_type: str
    valid_from: date
    valid_to: date | None
    is_in_force: bool


@dataclass(frozen=True)
class Proof:
    """One record that a person passed or viewed something."""

    high: int
    low: int
    class_key: str | None = None


@dataclass
class Night:
    """One data date. Creates the temporary tables ``bound_proof`` and ``bound_person`` on the connection."""

    con: duckdb.DuckDBPyConnection
    data_date: date
    scheme_start: date
    rough: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rows = read_open_rows(self.con, f"{_STAGING}.stg_serving__open_row")
        self.rows_of: dict[str, list[OpenRow]] = defaultdict(list)
        for row in self.rows:
            self.rows_of[row.file_name].append(row)
        self._read_units()
        self._read_courses()
        self._read_modules()
        self._link_accounts()
        self._prove()

    # --- units ----------------------------------------------------------------------------------------------------

    def _read_units(self) -> None:
        self.units = {
            code: Unit(kind, start, end, in_force)
            for code, kind, start, end, in_force in self._all(
                "select org_unit_code, org_unit_type, valid_from, valid_to, is_in_force"
                f" from {_INTERMEDIATE}.int_org_unit__described"
            )
        }
        self.above: dict[str, list[str]] = defaultdict(list)
        for code, ancestor in self._all(
            f"select org_unit_code, ancestor_code from {_INTERMEDIATE}.int_org_unit__nested"
        ):
            self.above[code].append(ancestor)
        self.posts = {
            (kind, group): (leader_group, is_par_group)
            for kind, group, leader_group, is_par_group in self._all(
                "select org_unit_type, staff_group, leader_group, is_par_group"
                f" from {_INTERMEDIATE}.int_staff_post__grouped"
            )
        }
        self.moves_units = False
        self.kinds_in_question: dict[str, set[str]] = {}
        self.moved: dict[str, list[str]] = {}
        self.may_be_in_force = {code for code, unit in self.units.items() if unit.is_in_force}
        self.added_in_force: set[tuple[str, str]] = set()
        self.validities = {(unit.valid_from, unit.valid_to) for unit in self.units.values()}
        for row in self.rows_of["don_vi.csv"]:
            self._add_unit(row)

    def _add_unit(self, row: OpenRow) -> None:
        """A unit that a repair would add: people of an unknown unit may be in it, and count where its parent does."""
        if row.rival is not None:
            self._add_rival(row)
            return
        parents = self._parents(row)
        kinds = row.text("loai_don_vi", UNIT_TYPES)
        if len(parents) * len(kinds) > 1:
            self.rough.update(SHARES)
        if self._may_be_in_force(row):
            self.added_in_force.update((parent, kind or "") for parent in parents for kind in kinds)

    def _add_rival(self, row: OpenRow) -> None:
        """A unit that would take the place of an accepted one: kind, parent and period of that are in question."""
        code = row.cells["ma_don_vi"] or ""
        if not row.says_what_its_rival_says("loai_don_vi"):
            possible = self.kinds_in_question.setdefault(code, {self.units[code].org_unit_type})
            possible.update(kind or "" for kind in row.text("loai_don_vi", UNIT_TYPES))
            self.rough.add("I1")  # one kind for all of its people
        if self._may_be_in_force(row):
            self.may_be_in_force.add(code)
        if not row.says_what_its_rival_says("ma_don_vi_cha"):
            self._move(code, self._parents(row))

    def _move(self, code: str, parents: list[str]) -> None:
        """Units below may count in the place where they are, or below another parent; all of them at once."""
        below = {unit for unit, above in self.above.items() if code in above}
        possible = [parent for parent in parents if parent not in below]
        if self.moved or not possible or len(below) * len(possible) > UNITS_MOVED:
            self.moves_units = True
            return
        self.rough.update(SHARES)
        for unit in sorted(below):
            own = [one for one in self.above[unit] if one in below]
            self.moved[unit] = [unit, *(f"{unit} below {parent}" for parent in possible)]
            self.above.update({f"{unit} below {parent}": [*own, *self.above[parent]] for parent in possible})

    def _parents(self, row: OpenRow) -> list[str]:
        """What a repaired row may name as parent; an unknown code is that of another unit that a repair would add."""
        named = [code for code in row.text("ma_don_vi_cha", self.units) if code is not None]
        return named if all(code in self.units for code in named) else list(self.units)

    def _may_be_in_force(self, row: OpenRow) -> bool:
        """Whether the unit may be in force on the date; notes the period."""
        start = date.min if row.is_open("hieu_luc_tu") else row.day("hieu_luc_tu") or date.min
        end = None if row.is_open("hieu_luc_den") else row.day("hieu_luc_den")
        self.validities.add((start, end))
        return start <= self.data_date <= (end or date.max)

    def places(
        self,
        unit: str | None,
        staff_groups: Iterable[str],
        are_leaders: Iterable[bool],
        are_active: Iterable[bool],
    ) -> frozenset[Place | None]:
        """Where somebody may count whose row of ``nhan_su`` says this (``unit`` None: any) and one of each other."""
        said = list(product(staff_groups, are_leaders, are_active))
        posts: dict[str, set[tuple[str | None, bool]]] = {}
        found: set[Place | None] = set()
        for code, kind in self._in_force if unit is None else self._kinds_of(unit):
            if kind not in posts:
                posts[kind] = {self._post(kind, *one) for one in said}
            found.update((code, *post) if any(post) else None for post in posts[kind])
        return frozenset(found)

    @cached_property
    def _in_force(self) -> set[tuple[str, str]]:
        added = (set(product(self.moved.get(parent, [parent]), [kind])) for parent, kind in self.added_in_force)
        return set().union(*added, *(self._kinds_of(code) for code in self.may_be_in_force))

    def _kinds_of(self, unit: str) -> set[tuple[str, str]]:
        code = unit if unit in self.units else CITY  # as for accepted rows whose unit is gone
        kinds = self.kinds_in_question.get(code) or (self.units[code].org_unit_type,)
        return set(product(self.moved.get(code, [code]), kinds))

    def _post(self, unit_type: str, staff_group: str, is_leader: bool, is_active: bool) -> tuple[str | None, bool]:
        leader_group, is_par_group = self.posts[unit_type, staff_group]
        return leader_group if is_leader and is_active else None, is_par_group and is_active

    def people_in_question(self) -> Iterator[tuple[str, frozenset[Place | None]]]:
        """The staff of units whose kind or parent is in question, each with the places where they may count."""
        if in_question := self.kinds_in_question.keys() | self.moved.keys():
            units = ", ".join("'" + code.replace("'", "''") + "'" for code in sorted(in_question))
            for person, unit, staff_group, is_leader, is_active in self._all(
                "select person_key, org_unit_code, staff_group, is_leader, is_active"
                f" from {_STAGING}.stg_hr__staff where org_unit_code in ({units}) order by person_key"
            ):
                yield person, self.places(unit, (staff_group,), (is_leader,), (is_active,))

    # --- courses and materials ------------------------------------------------------------------------------------

    def _read_courses(self) -> None:
        self.catalogue = defaultdict(set)
        for code, kind, skill in self._all(
            f"select course_code, course_kind, skill from {_STAGING}.stg_elearning__course_kind"
        ):
            self.catalogue[code].add(COURSE_BITS[skill or kind])
        linked = dict(self._all(f"select course_id, course_code from {_INTERMEDIATE}.int_course__linked"))
        in_classes = self._all(f"select distinct course_code from {_STAGING}.stg_hr__classroom_result")
        codes = {*self.catalogue, *linked.values(), *(code for (code,) in in_classes)}
        serving = {row[0] for row in self._all(f"select course_id from {_STAGING}.stg_elearning__course")}
        completed = {
            row[0] for row in self._all("select distinct course_id from work.staging.stg_elearning__completion")
        }
        self.code_masks = _code_masks(
            {code: reduce(or_, self.catalogue[code], 0) for code in codes},
            ((row, _catalogue_bits(row)) for row in self.rows_of["danh_muc_khoa_hoc.csv"]),
            "ma_khoa_hoc",
            self._note_choice,
        )
        self.course_masks = _link_masks(
            linked, self.code_masks, self.rows_of["mdl_course.csv"], completed - serving, self._note_choice
        )
        # A course cell that is not known may name any course of the file that serves, repaired rows included.
        self.any_code = sorted({self.code_masks[code] for code in codes if code in self.catalogue} | {(0, 0)})
        known = {row.whole("id") for row in self.rows_of["mdl_course.csv"] if not row.is_open("id")}
        courses = {self.course_masks.get(course or 0, (0, 0)) for course in serving | known}
        if any(row.is_open("id") for row in self.rows_of["mdl_course.csv"]):
            courses |= set(self.any_code)
            if any(row.is_open("course") for row in self.rows_of["mdl_course_completions.csv"]):
                self._note_choice({high for high, _ in self.any_code})
        if self.rows_of["danh_muc_khoa_hoc.csv"]:
            repaired = {self.code_masks.get(row.cells["ma_khoa_hoc"] or "", (0, 0))
                        for row in self.rows_of["danh_muc_khoa_hoc.csv"] if not row.is_open("ma_khoa_hoc")}  # fmt: skip
            self.any_code = sorted({*self.any_code, *repaired})
            if any(row.is_open("ma_khoa_hoc") for row in self.rows_of["danh_muc_khoa_hoc.csv"]):
                self.any_code.append((reduce(or_, (mask for mask, _ in self.any_code), 79), 0))
        self.any_course = sorted(courses | {(0, 0)})

    def _read_modules(self) -> None:
        self.materials = defaultdict(set)
        for code, kind in self._all(
            f"select material_code, material_kind from {_STAGING}.stg_elearning__material_kind"
        ):
            self.materials[code].add(MATERIAL_BITS[kind])
        linked = dict(self._all(f"select course_module_id, material_code from {_INTERMEDIATE}.int_module__linked"))
        serving = {row[0] for row in self._all("select course_module_id from work.staging.stg_elearning__module")}
        viewed = {row[0] for row in self._all("select distinct course_module_id from work.staging.stg_elearning__view")}
        self.material_masks = _code_masks(
            {code: reduce(or_, self.materials[code], 0) for code in {*self.materials, *linked.values()}},
            ((row, _material_bits(row)) for row in self.rows_of["danh_muc_hoc_lieu.csv"]),
            "ma_hoc_lieu",
            self._note_choice,
        )
        rows = self.rows_of["mdl_course_modules.csv"]
        emptied = [row for row in rows if row.rival is not None and not row.is_open("idnumber")
                   and row.cells["idnumber"] is None]  # fmt: skip
        unlinking = self._former(emptied, "module_link", "course_module_id", "material_code")
        self.module_masks = _link_masks(
            linked, self.material_masks, rows, viewed - serving, self._note_choice, unlinking
        )
        self.any_module = sorted({*self.module_masks.values(), (0, 0)})
        if any(row.is_open("id") for row in rows):
            self.any_module = sorted({*self.any_module, *self.material_masks.values()})
            self._note_choice({high for high, _ in self.any_module})

    def _note_choice(self, masks: set[int], is_of_many: bool = False) -> None:
        """Note for which indicators it matters which of the masks a row gives, or which of many records it changes."""
        for code, need in NEEDS.items():
            wanted = {mask & need for mask in masks}
            if wanted != {0} and (is_of_many or not _is_chain(wanted)):
                self.rough.add(code)

    # --- accounts and proofs --------------------------------------------------------------------------------------

    def _link_accounts(self) -> None:
        """``bound_link``: account, person, and whether the account is that person's whatever becomes of the rows."""
        con = self.con
        con.execute(
            "create or replace temp table bound_link as"
            " select user_id, arg_max(person_key, delivery_date) as person_key, true as is_sure"
            f" from {_STAGING}.stg_elearning__account_link where person_key is not null group by user_id"
        )
        named, self.given_accounts = [], set()
        self.wild_accounts = 0
        orphans = self._all(
            f"select distinct user_id from (select user_id from {_STAGING}.stg_elearning__completion union all"
            f" select user_id from {_STAGING}.stg_elearning__view) as used"
            f" anti join {_STAGING}.stg_elearning__account using (user_id) limit 1"
        )
        # In the place of its rival a row without person undoes the link that this gave; an earlier delivery's stays.
        unlinking = [row for row in self.rows_of["mdl_user.csv"] if row.person is None and row.rival is not None]
        former = self._former(unlinking, "account_link", "user_id", "person_key")
        named += [(row.whole("id"), former[row.row_number]) for row in unlinking]
        for row in self.rows_of["mdl_user.csv"]:
            if row.person is not None:
                self.given_accounts.add(row.person)
            if row.is_open("id"):
                self.wild_accounts += bool(orphans)
            elif row.person is not None:
                named.append((row.whole("id"), row.person))
        self.anybody_has_an_account = any(row.open_cells is None for row in self.rows_of["mdl_user.csv"])
        if self.wild_accounts or self.anybody_has_an_account:
            self.rough |= {*NEEDS}
        con.register(
            "bound_named",
            pa.table(
                {
                    "user_id": pa.array([account for account, _ in named], pa.int64()),
                    "person_key": pa.array([person for _, person in named], pa.string()),
                }
            ),
        )
        con.execute(
            "create or replace temp table bound_switch as select distinct named.user_id, named.person_key,"
            " link.person_key as former_key from bound_named as named left join bound_link as link using (user_id)"
            " where link.person_key is distinct from named.person_key"
        )
        con.unregister("bound_named")
        con.execute("update bound_link set is_sure = false where user_id in (select user_id from bound_switch)")
        con.execute(
            "insert into bound_link select user_id, person_key, false from bound_switch where person_key is not null"
        )
        # An account that leaves one person for another cannot prove for both.
        found = self._all("select user_id from bound_link group by user_id having count(*) > 1 order by user_id")
        self.contested = [user for (user,) in found]

    def _former(self, rows: list[OpenRow], links: str, key: str, value: str) -> dict[int, str | None]:
        """By row number, what earlier deliveries than the row's say of the account or module."""
        self.con.register(
            "bound_asked",
            pa.table(
                {
                    "row_number": pa.array([row.row_number for row in rows], pa.int64()),
                    "id": pa.array([row.whole("id") for row in rows], pa.int64()),
                    "delivery_date": pa.array([row.delivery_date for row in rows], pa.date32()),
                }
            ),
        )
        found = self._all(
            f"select row_number, arg_max(link.{value}, link.delivery_date) from bound_asked as asked"
            f" join {_STAGING}.stg_elearning__{links} as link on link.{key} = asked.id"
            f" where link.delivery_date < asked.delivery_date and link.{value} is not null group by row_number"
        )
        self.con.unregister("bound_asked")
        return dict.fromkeys((row.row_number for row in rows), None) | dict(found)

    def owners(self, accounts: Iterable[int | None]) -> dict[int, list[str]]:
        """Who owns these accounts or may come to."""
        named = sorted({account for account in accounts if account is not None})
        self.con.register("bound_asked", pa.table({"user_id": pa.array(named, pa.int64())}))
        owners: dict[int, list[str]] = defaultdict(list)
        for account, person in self._all(
            "select user_id, person_key from bound_link semi join bound_asked using (user_id) order by all"
        ):
            owners[account].append(person)
        self.con.unregister("bound_asked")
        return owners

    def _prove(self) -> None:
        con = self.con
        for name, masks in (("course", self.course_masks), ("module", self.module_masks)):
            con.register(f"bound_{name}", _mask_table(masks, pa.int64()))
        con.register("bound_code", _mask_table(self.code_masks, pa.string()))
        by_day = f"between date '{self.scheme_start}' and date '{self.data_date}'"
        con.execute(
            f"""
            create or replace temp table bound_proof as
            select person_key, high, if(is_sure, low, 0) as low, cast(completed_at as date) as on_date, user_id,
                null::varchar as class_key
            from {_STAGING}.stg_elearning__completion
            join bound_link using (user_id) join bound_course on id = course_id
            where cast(completed_at as date) {by_day} and high > 0
            union all
            select person_key, high, if(is_sure, low, 0), cast(viewed_at as date), user_id, null
            from {_STAGING}.stg_elearning__view
            join bound_link using (user_id) join bound_module on id = course_module_id
            where cast(viewed_at as date) {by_day} and high > 0
            union all
            select person_key, high, low, completion_date, null, class_key
            from {_STAGING}.stg_hr__classroom_result join bound_code on id = course_code
            where is_passed and completion_date {by_day} and high > 0
            """
        )
        contested = ", ".join(str(user) for user in self.contested)
        if contested:
            (bits,) = self._all(f"select bit_or(high) from bound_proof where user_id in ({contested})")[0]
            self._note_choice({bits or 0}, is_of_many=True)
        con.execute(
            f"""
            create or replace temp table bound_person as
            with everyone as (
                select person_key from {_STAGING}.stg_hr__staff
                union select person_key from {_STAGING}.stg_hr__par_assignment
                union select person_key from bound_link
                union select person_key from {_STAGING}.stg_hr__classroom_result
            ),
            covering as (
                select person_key, list(start_date order by start_date) as starts
                from {_STAGING}.stg_hr__par_assignment
                where start_date <= date '{self.data_date}' and coalesce(end_date >= date '{self.data_date}', true)
                group by person_key
            ),
            proven as (
                select person_key, bit_or(high)::integer as high, bit_or(low)::integer as low
                from bound_proof group by person_key
            ),
            account as (
                select person_key, count(serving.user_id) > 0 as has_account
                from bound_link left join {_STAGING}.stg_elearning__account as serving using (user_id)
                group by person_key
            )
            select person_key, coalesce(unit.org_unit_code, 'H29') as org_unit_code, staff.person_key is not null
                    as is_staff, if(staff.is_leader and staff.is_active, post.leader_group, null) as leader_group,
                coalesce(staff.is_active and staff.staff_group in (
                    select staff_group from {_INTERMEDIATE}.int_staff_post__grouped where is_par_group
                ), false) as is_par_able,
                starts, coalesce(high, 0) as high, coalesce(low, 0) as low,
                account.person_key is not null as ever_had_account, coalesce(has_account, false) as has_account
            from everyone
            left join {_STAGING}.stg_hr__staff as staff using (person_key)
            left join {_INTERMEDIATE}.int_org_unit__described as unit on unit.org_unit_code = staff.org_unit_code
            left join {_INTERMEDIATE}.int_staff_post__grouped as post
                on post.org_unit_type = unit.org_unit_type and post.staff_group = staff.staff_group
            left join covering using (person_key)
            left join proven using (person_key)
            left join account using (person_key)
            """
        )
        for name in ("course", "module", "code"):
            con.unregister(f"bound_{name}")

    def is_by_day(self, day: date) -> bool:
        """Whether something on this day happened "by D"."""
        return self.scheme_start <= day <= self.data_date

    def _all(self, query: str) -> list[Any]:
        return self.con.execute(query).fetchall()


def _code_masks(
    fixed: dict[str, int],
    repairs: Iterable[tuple[OpenRow, list[int]]],
    column: str,
    note_choice: Callable[[set[int], bool], None],
) -> dict[str, tuple[int, int]]:
    """Per code of a catalogue what it proves with all and with none of the repairs."""
    high = dict(fixed)
    for row, options in repairs:
        if row.rival is not None:
            continue  # the catalogue says it already
        gain = reduce(or_, options, 0)
        if row.is_open(column):
            high = {code: mask | gain for code, mask in high.items()}
            note_choice({gain}, True)
        else:
            code = row.cells[column] or ""
            high[code] = high.get(code, 0) | gain
            note_choice({0, *options}, False)
    return {code: (mask, fixed.get(code, 0)) for code, mask in high.items()}


def _link_masks(
    linked: dict[int, str],
    masks: dict[str, tuple[int, int]],
    rows: list[OpenRow],
    orphans: set[int],
    note_choice: Callable[[set[int], bool], None],
    unlinking: Mapping[int, str | None] | None = None,
) -> dict[int, tuple[int, int]]:
    """Per course or module what it proves at most and at least."""
    options: dict[int, list[tuple[int, int]]] = {one: [masks.get(code, (0, 0))] for one, code in linked.items()}
    for row in rows:
        code = row.cells["idnumber"] or ""
        if not row.is_open("idnumber") and row.cells["idnumber"] is None:
            if row.row_number not in (unlinking or {}):
                continue  # a link that names nothing undoes none but that of its rival
            code = (unlinking or {})[row.row_number] or ""
        new = [*masks.values(), (0, 0)] if row.is_open("idnumber") else [masks.get(code, (0, 0))]
        targets = orphans if row.is_open("id") else {row.whole("id") or 0}
        for one in targets:
            before = options.setdefault(one, [(0, 0)])
            distinct = {high for high, _ in (*before, *new)}
            note_choice(distinct, len(targets) > 1)
            options[one] = [*before, *new]
    return {
        one: (reduce(or_, (high for high, _ in found)), reduce(and_, (low for _, low in found)))
        for one, found in options.items()
    }


def _is_chain(masks: set[int]) -> bool:
    ordered = sorted(masks, key=int.bit_count)
    return all(small & large == small for small, large in pairwise(ordered))


def _catalogue_bits(row: OpenRow) -> list[int]:
    """What the course of a repaired catalogue row proves, for each way to repair it."""
    return list(_course_options(row))


def _course_options(row: OpenRow) -> Iterator[int]:
    for kind in row.text("loai", ("BOI_DUONG_CCHC", "KIEN_THUC_KY_NANG", "CHUYEN_GIA")):
        for skill in row.text("ky_nang", (None, *SKILLS)):
            if (kind == "KIEN_THUC_KY_NANG") == (skill is not None):
                yield COURSE_BITS[skill or kind or ""]


def _material_bits(row: OpenRow) -> list[int]:
    return [MATERIAL_BITS[kind or ""] for kind in row.text("loai", MATERIAL_BITS)]


def _mask_table(masks: dict[Any, tuple[int, int]], kind: pa.DataType) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(list(masks), kind),
            "high": pa.array([high for high, _ in masks.values()], pa.int32()),
            "low": pa.array([low for _, low in masks.values()], pa.int32()),
        }
    )
