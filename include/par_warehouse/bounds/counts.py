"""Counts: the lowest and highest number of persons of I4 to I6.

Whether a person counts is decided by the person's own decisions, passings and periods on the PAR roster, so rows that
name a person give each person two answers: can count, must count. A row that names nobody can make at most one person
count who did not, or keep one from counting: how many at once is a matching of rows with persons. Where rows could
only do it two together, the bound allows for it and is not called exact.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice, product

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from par_warehouse.bounds.night import COURSE_BITS, Night
from par_warehouse.bounds.open_rows import OpenRow
from par_warehouse.bounds.periods import WORLDS_PER_PERSON, Period, covers, worlds
from par_warehouse.errors import PipelineError

COUNTS = ("I4", "I5", "I6")
PERSONS_PER_ROW = 5_000
"""So many persons are tried for a row that names nobody."""

_PLANNING, _POSTINGS = "QUY_HOACH", ("LUAN_CHUYEN", "BO_NHIEM")
_EXPERT = COURSE_BITS["CHUYEN_GIA"]
_LONG_AGO = date(1900, 1, 1)
_ALWAYS: list[Period] = [(_LONG_AGO, None)]
_FILES = {
    "I4": ("quyet_dinh.csv", "phan_cong_cchc.csv"),
    "I5": ("quyet_dinh.csv", "phan_cong_cchc.csv"),
    "I6": ("phan_cong_cchc.csv", "lop_boi_duong.csv", "mdl_course_completions.csv"),
}
_SWITCHES = ("danh_muc_khoa_hoc.csv", "mdl_user.csv", "mdl_course.csv")


@dataclass(frozen=True)
class Event:
    """A decision or a passing of a person; ``key`` tells it from others, ``takes`` names the one it replaces."""

    on_date: date
    kind: str
    key: object = None
    title: str | None = None
    is_leadership_post: bool = False
    is_regular: bool = True
    takes: object = None


@dataclass(frozen=True)
class CountBound:
    """The two ends of a count."""

    low: int
    high: int
    is_exact: bool
    open_findings: int


class Counts:
    """The persons of one indicator and the rows that could make it count others."""

    def __init__(self, night: Night, indicator: str) -> None:
        self.night = night
        self.indicator = indicator
        self.is_exact = indicator not in night.rough
        self.is_planning = indicator == "I4"
        switches = [row for name in _SWITCHES for row in night.rows_of[name]] if indicator == "I6" else []
        self.classes = {
            row[0]
            for row in night.con.execute(
                f"select distinct class_key from bound_proof where high & {_EXPERT} > 0 and class_key is not null"
            ).fetchall()
        }
        rows = [row for name in _FILES[indicator] for row in night.rows_of[name]]
        self.rows = [row for row in rows if self._matters(row)]
        self.open_findings = len(self.rows) + len(switches)
        self.counted = {
            row[0]
            for row in night.con.execute(
                "select person_key from work.intermediate.int_indicator__evidenced where indicator_code = ?",
                [indicator],
            ).fetchall()
        }

    def bound(self) -> CountBound:
        """The two ends."""
        if not self.open_findings:
            return CountBound(len(self.counted), len(self.counted), True, 0)
        self._read_people()
        named = self._name_rows()
        low = high = 0
        must: set[str] = set()
        can: set[str] = set()
        switched = set(self.unsure)
        for person in sorted(self.counted | set(named) | switched):
            mine = named.get(person, [])
            if mine or person in switched:
                self._check(person)
                if self._can(person, mine):
                    can.add(person)
                if self._must(person, mine):
                    must.add(person)
            else:
                can.add(person)
                must.add(person)
        low, high = len(must), len(can)
        nobodys = [row for row in self.rows if self._owners_of(row) is None]
        wild = self.night.wild_accounts if self.indicator == "I6" else 0
        if nobodys:
            self._find_candidates(can, named)
            self._index(must)
            # To count takes an event and a period, so two rows can do it together only if they are of both files.
            of_both = len({row.file_name == "phan_cong_cchc.csv" for row in nobodys}) > 1
            gained = self._most(nobodys, lambda row, but: self._gains(row, named, but), of_both)
            doubly = any(self._is_doubly_sure(person) for person in must)
            lost = self._most(nobodys, lambda row, but: self._losses(row, named, but), doubly)
            low, high = low - lost, high + gained
        return CountBound(max(0, low - wild), high + wild, self.is_exact and not wild, self.open_findings)

    # --- rows -----------------------------------------------------------------------------------------------------

    def _matters(self, row: OpenRow) -> bool:
        """Whether a repair can give the row the kind of thing that the indicator looks at."""
        if row.file_name == "quyet_dinh.csv":
            if row.says_what_its_rival_says("ngay_hieu_luc", "chuc_vu_moi", "la_chuc_vu_lanh_dao", "ly_do"):
                return False
            wanted = (_PLANNING,) if self.is_planning else _POSTINGS
            return any(kind in wanted for kind in row.text("loai", wanted))
        if row.file_name == "lop_boi_duong.csv":
            if row.says_what_its_rival_says("ma_khoa_hoc", "ngay_hoan_thanh", "ket_qua"):
                return False
            if bool(list(self._passings(row, []))):
                return True
            # It can still take the place of one that proves something.
            return bool(self.classes) if row.is_open("ma_lop") else row.cells["ma_lop"] in self.classes
        if row.file_name == "mdl_course_completions.csv":
            if row.says_what_its_rival_says("userid", "course", "timecompleted"):
                return False
            return row.rival is not None or bool(list(self._passings(row, [])))
        return True

    def _owners_of(self, row: OpenRow) -> list[str] | None:
        """The persons whom a row names; None when it may be anybody's."""
        if row.file_name != "mdl_course_completions.csv":
            return None if row.person is None else [row.person]
        return None if row.is_open("userid") else self.owners.get(row.whole("userid") or 0, [])

    def _name_rows(self) -> dict[str, list[OpenRow]]:
        night = self.night
        completions = [row for row in self.rows if row.file_name == "mdl_course_completions.csv"]
        self.owners = night.owners(
            [row.whole("userid") for row in completions if not row.is_open("userid")]
            + [int(row.rival_cells["userid"] or 0) for row in completions if row.rival_cells is not None]
        )
        named: dict[str, list[OpenRow]] = defaultdict(list)
        for row in self.rows:
            owners = self._owners_of(row) or []
            if len(owners) > 1:
                self.is_exact = False
            for person in owners:
                named[person].append(row)
            if row.file_name == "mdl_course_completions.csv" and row.rival_cells:
                # Another record may prove the same; nothing is taken for sure of whoever it was.
                self.is_exact = False
                for person in self.owners.get(int(row.rival_cells["userid"] or 0), []):
                    self.unsure.add(person)
                    self.events[person] = [replace(one, is_regular=False) for one in self.events[person]]
        return named

    # --- people ---------------------------------------------------------------------------------------------------

    def _read_people(self) -> None:
        con = self.night.con
        self.periods: dict[str, list[Period]] = defaultdict(list)
        for person, start, end in con.execute(
            "select person_key, start_date, end_date from work.staging.stg_hr__par_assignment order by all"
        ).fetchall():
            self.periods[person].append((start, end))
        self.events: dict[str, list[Event]] = defaultdict(list)
        self.unsure: set[str] = set()
        if self.indicator == "I6":
            for person, on_date, class_key, is_sure in con.execute(
                f"select person_key, on_date, class_key, low & {_EXPERT} > 0 from bound_proof"
                f" where high & {_EXPERT} > 0 order by all"
            ).fetchall():
                # Here "regular" says that the passing counts whatever becomes of courses and accounts.
                self.events[person].append(Event(on_date, "passing", class_key, is_regular=is_sure))
                if not is_sure:
                    self.unsure.add(person)
            self.with_account = {
                row[0] for row in con.execute("select person_key from bound_person where has_account").fetchall()
            } | self.night.given_accounts
        else:
            wanted = ", ".join(f"'{kind}'" for kind in ((_PLANNING,) if self.is_planning else _POSTINGS))
            for person, kind, on_date, title, is_leading, reason, number in con.execute(
                "select person_key, decision_kind, effective_date, new_title, is_leadership_post, reason, decision_key"
                f" from work.staging.stg_hr__decision where decision_kind in ({wanted}) order by all"
            ).fetchall():
                key = (number, kind)
                self.events[person].append(Event(on_date, kind, key, title, is_leading, reason == "THUONG_QUY"))

    def _check(self, person: str) -> None:
        """Raises PipelineError when the rule as it stands here and as dbt has it do not agree on the accepted rows."""
        events = [replace(one, is_regular=True) for one in self.events[person]] if self.indicator == "I6" else None
        if person in self.unsure:
            return
        if self._counts(events or self.events[person], self.periods[person], True) != (person in self.counted):
            raise PipelineError(f"{self.indicator} is counted in two ways that differ; please report this fault.")

    def _can(self, person: str, rows: list[OpenRow]) -> bool:
        return any(self._counts(events, periods, True) for events, periods in self._worlds(person, rows))

    def _must(self, person: str, rows: list[OpenRow]) -> bool:
        return all(self._counts(events, periods, False) for events, periods in self._worlds(person, rows))

    def _counts(self, events: list[Event], periods: list[Period], hopefully: bool) -> bool:
        """Whether the indicator counts a person with these events; ``hopefully``: with passings that are not sure."""
        night, year = self.night, self.night.data_date.year
        for event in events:
            if self.indicator == "I6":
                is_wanted = (event.is_regular or hopefully) and night.is_by_day(event.on_date)
            else:
                is_wanted = event.is_regular and event.on_date.year == year and event.on_date <= night.data_date
                if self.is_planning:
                    is_wanted &= not any(
                        other.title == event.title and other.on_date < event.on_date for other in events
                    )
                else:
                    is_wanted &= event.is_leadership_post
            if is_wanted and any(covers(period, event.on_date) for period in periods):
                return True
        return False

    def _worlds(self, person: str, rows: list[OpenRow]) -> Iterator[tuple[list[Event], list[Period]]]:
        """Every combination of events and periods that the rows may make for the person."""
        accepted = self.events[person]
        roster = [row for row in rows if row.file_name == "phan_cong_cchc.csv"]
        found = worlds(self.night, self.periods[person], roster)
        options = [[None, *self._repairs(person, row, roster)] for row in rows if row.file_name != "phan_cong_cchc.csv"]
        size = 1
        for one in options:
            size *= len(one)
        if found is None or size > WORLDS_PER_PERSON:
            self.is_exact = False
            yield [], []
            yield [Event(self.night.data_date, _PLANNING, None, "?", True)], [(_LONG_AGO, None)]
            return
        periods = list(found)
        for combination in product(*options):
            chosen = [one for one in combination if one is not None]
            keys = [one.key for one in chosen if one.key is not None]
            if len(set(keys)) == len(keys):
                taken = {one.takes for one in chosen if one.takes is not None}
                events = [*(one for one in accepted if one.key is None or one.key not in taken), *chosen]
                for world in periods:
                    yield events, world

    def _repairs(self, person: str, row: OpenRow, roster: list[OpenRow]) -> list[Event]:
        """What a row may become for a person, as far as it can matter."""
        days = self._days(person, roster)
        if row.file_name != "quyet_dinh.csv":
            found = list(self._passings(row, days))
            if row.file_name == "lop_boi_duong.csv":
                keys = [one.key for one in self.events[person] if one.key is not None]
                own = keys if row.is_open("ma_lop") else [row.cells["ma_lop"]]
                # A row that proves nothing still takes the place of the one with its key.
                none = Event(date.max, "passing")
                found = [
                    replace(one, key=key, takes=key)
                    for one in (*found, none)
                    for key in (*own, *([None] if row.is_open("ma_lop") else []))
                    if one is not none or self._may_fail(row)
                ]
            return list(dict.fromkeys(found))
        accepted = self.events[person]
        titles = {*(one.title for one in accepted), "another title"}
        found = []
        for kind, day, title, leading, reason in product(
            row.text("loai", (_PLANNING,) if self.is_planning else _POSTINGS),
            row.days("ngay_hieu_luc", days),
            row.text("chuc_vu_moi", sorted(titles, key=str)),
            row.text("la_chuc_vu_lanh_dao", ("x", None)),
            row.text("ly_do", ("THUONG_QUY", "SAP_XEP")),
        ):
            if kind not in ((_PLANNING,) if self.is_planning else _POSTINGS):
                continue
            keys = [one.key for one in accepted if one.kind == kind] if row.is_open("so_quyet_dinh") else []
            for key in [(row.cells["so_quyet_dinh"], kind) if not row.is_open("so_quyet_dinh") else None, *keys]:
                found.append(Event(day, kind or "", key, title, leading == "x", reason == "THUONG_QUY", key))
        return list(dict.fromkeys(found))

    def _days(self, person: str, roster: list[OpenRow]) -> list[date]:
        """The days on which an event could fall, one for each that makes a difference."""
        first = self.night.scheme_start if self.indicator == "I6" else date(self.night.data_date.year, 1, 1)
        starts = [start for start, _ in self.periods[person]]
        starts += [row.day("tu_ngay") or _LONG_AGO for row in roster if not row.is_open("tu_ngay")]
        ends = [row.day("den_ngay") for row in roster if not row.is_open("den_ngay")]
        known = [*starts, *(end for end in ends if end), *(one.on_date for one in self.events[person])]
        known += [period[1] for period in self.periods[person] if period[1]]
        inside = {day for day in known if first <= day <= self.night.data_date}
        return sorted({_LONG_AGO, first, self.night.data_date, *inside})

    def _passings(self, row: OpenRow, days: list[date]) -> Iterator[Event]:
        """The expert courses that a repaired row may say were passed."""
        night = self.night
        if row.file_name == "lop_boi_duong.csv":
            course, when, codes = "ma_khoa_hoc", "ngay_hoan_thanh", night.any_code
            mask = night.code_masks.get(row.cells[course] or "", (0, 0)) if not row.is_open(course) else (0, 0)
            if "DAT" not in row.text("ket_qua", ("DAT", "KHONG_DAT")):
                return
        else:
            course, when, codes = "course", "timecompleted", night.any_course
            mask = night.course_masks.get(row.whole(course) or 0, (0, 0)) if not row.is_open(course) else (0, 0)
        masks = codes if row.is_open(course) else [mask]
        if not any(high & _EXPERT for high, _ in masks):
            return
        for day in row.days(when, days or [night.data_date]):
            if night.is_by_day(day):
                yield Event(day, "passing")

    def _may_fail(self, row: OpenRow) -> bool:
        night = self.night
        day = None if row.is_open("ngay_hoan_thanh") else row.day("ngay_hoan_thanh")
        masks = night.any_code if row.is_open("ma_khoa_hoc") else [
            night.code_masks.get(row.cells["ma_khoa_hoc"] or "", (0, 0))
        ]  # fmt: skip
        return (
            "KHONG_DAT" in row.text("ket_qua", ("DAT", "KHONG_DAT"))
            or day is None
            or not night.is_by_day(day)
            or any(not low & _EXPERT for _, low in masks)
        )

    # --- rows that name nobody ------------------------------------------------------------------------------------

    def _is_doubly_sure(self, person: str) -> bool:
        """Whether there is more than one event and one period for which the person counts."""
        events, periods = self.events[person], self.periods[person]
        if self.is_planning:
            return len(events) > 1 or len(periods) > 1
        return sum(self._counts([event], [one], False) for event in events for one in periods) > 1

    def _most(self, rows: list[OpenRow], reached: Callable[[OpenRow, set[str]], Iterator[str]], in_pairs: bool) -> int:
        """How many persons rows that name nobody can change at once; more where two together might do it.

        ``reached`` gives the persons whom a row can change, but for some.
        """
        used: set[str] = set()
        is_contested = False
        for row in rows:
            person = next(reached(row, used), None)
            if person is not None:
                used.add(person)
            elif used and not is_contested:
                is_contested = next(reached(row, set()), None) is not None
        single = self._matching(rows, reached) if is_contested else len(used)
        most = (single + len(rows)) // 2 if in_pairs else single
        self.is_exact &= most == single
        return most

    def _matching(self, rows: list[OpenRow], reached: Callable[[OpenRow, set[str]], Iterator[str]]) -> int:
        edges = [(number, one) for number, row in enumerate(rows) for one in islice(reached(row, set()), len(rows))]
        people = {person: number for number, person in enumerate(dict.fromkeys(person for _, person in edges))}
        matrix = csr_matrix(
            (np.ones(len(edges)), ([row for row, _ in edges], [people[person] for _, person in edges])),
            shape=(len(rows), len(people)),
        )
        return int((maximum_bipartite_matching(matrix, perm_type="column") >= 0).sum())

    def _find_candidates(self, can: set[str], named: dict[str, list[OpenRow]]) -> None:
        """``could_be``: by file, the persons whom a row that names nobody could make count."""
        with_event = {p for p, events in self.events.items() if self._counts(events, _ALWAYS, True)}
        on_roster = sorted({*self.periods, *named} - can)
        anybody = self.night.anybody_has_an_account or self.indicator != "I6"
        self.could_be = {
            "phan_cong_cchc.csv": sorted({*with_event, *named} - can),
            "quyet_dinh.csv": on_roster,
            "lop_boi_duong.csv": on_roster,
            "mdl_course_completions.csv": [p for p in on_roster if anybody or p in self.with_account],
        }

    def _gains(self, row: OpenRow, named: dict[str, list[OpenRow]], but: set[str]) -> Iterator[str]:
        """Persons who count with this row and cannot without."""
        if row.file_name != "phan_cong_cchc.csv" and not any(
            self._counts([event], _ALWAYS, True) for event in self._repairs("", row, [])
        ):
            return
        others = (person for person in self.could_be[row.file_name] if person not in but)
        for number, person in enumerate(others):
            if number == PERSONS_PER_ROW:
                self.is_exact = False
                return
            if self._can(person, [*named.get(person, []), row]):
                yield person

    def _index(self, must: set[str]) -> None:
        """``touched``: by file and cell, the persons of whom a row could take the place of something."""
        self.must = sorted(must)
        self.touched: dict[tuple[str, object], list[str]] = defaultdict(list)
        for person in self.must:
            events = self.events[person]
            keys: set[tuple[str, object]] = {("phan_cong_cchc.csv", start) for start, _ in self.periods[person]}
            keys |= {("lop_boi_duong.csv", one.key) for one in events}
            keys |= {("so_quyet_dinh", one.key[0]) for one in events if isinstance(one.key, tuple)}
            keys |= {("chuc_vu_moi", one.title) for one in events if self.is_planning}
            for key in keys:
                self.touched[key].append(person)

    def _losses(self, row: OpenRow, named: dict[str, list[OpenRow]], but: set[str]) -> Iterator[str]:
        """Persons who count without this row whatever happens, and need not with it."""
        for person in self._touched_by(row):
            if person not in but and not self._must(person, [*named.get(person, []), row]):
                yield person

    def _touched_by(self, row: OpenRow) -> list[str]:
        """Those of whom the row could take the place of something, or be an earlier planning for a title."""
        match row.file_name:
            case "phan_cong_cchc.csv":
                return self.must if row.is_open("tu_ngay") else self.touched[row.file_name, row.day("tu_ngay")]
            case "lop_boi_duong.csv":
                return self.must if row.is_open("ma_lop") else self.touched[row.file_name, row.cells["ma_lop"]]
            case "quyet_dinh.csv":
                if row.is_open("so_quyet_dinh"):
                    return self.must
                same_title = self.touched["chuc_vu_moi", row.cells["chuc_vu_moi"]] if self.is_planning else []
                return sorted({*self.touched["so_quyet_dinh", row.cells["so_quyet_dinh"]], *same_title})
        return []


def read_counts(night: Night) -> dict[str, CountBound]:
    """The bounds of I4 to I6 for the city."""
    return {indicator: Counts(night, indicator).bound() for indicator in COUNTS}
