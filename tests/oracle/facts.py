"""The numbers of one data date: `indicators.md`, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from . import contract, reading
from .expected import CandidateRow, EvidenceRow, IndicatorRow
from .reading import Row, Value

CITY = "H29"
SCHEME_START = date(2022, 1, 1)
LEADER_GROUPS = ("SO_NGANH", "UBND_HUYEN", "PHONG_DON_VI")

_LEARNING = ("danh_muc_khoa_hoc.csv", "mdl_course_completions.csv", "mdl_user.csv", "mdl_course.csv")
_MATERIALS = (
    "danh_muc_hoc_lieu.csv",
    "mdl_user.csv",
    "mdl_course_modules.csv",
    "mdl_course_modules_viewed.csv",
)
_I1_FILES = ("nhan_su.csv", "don_vi.csv", "lop_boi_duong.csv", *_LEARNING)
_I3_FILES = ("nhan_su.csv", "don_vi.csv", "phan_cong_cchc.csv", *_MATERIALS)
STALE_FILES: dict[str, tuple[str, ...]] = {
    "I1": _I1_FILES,
    "I2": (*_I1_FILES, "phan_cong_cchc.csv"),
    "I3A": _I3_FILES,
    "I3B": _I3_FILES,
    "I3": _I3_FILES,
    "I4": ("quyet_dinh.csv", "phan_cong_cchc.csv"),
    "I5": ("quyet_dinh.csv", "phan_cong_cchc.csv"),
    "I6": ("phan_cong_cchc.csv", "lop_boi_duong.csv", *_LEARNING),
}


@dataclass(frozen=True)
class Target:
    kind: str
    on: date
    comparator: str
    value: int


def _checkpoints(*points: tuple[int, str, int]) -> tuple[Target, ...]:
    return tuple(Target("checkpoint", date(year, 12, 31), comparator, value) for year, comparator, value in points)


def _annual(value: int) -> tuple[Target, ...]:
    return tuple(Target("annual", date(year, 12, 31), ">=", value) for year in (2023, 2024, 2025))


_I2_I3_TARGETS = _checkpoints((2024, ">", 80), (2025, ">=", 100))
TARGETS: dict[str, tuple[Target, ...]] = {
    "I1": _checkpoints((2023, ">", 80), (2024, ">", 90), (2025, ">=", 100)),
    "I2": _I2_I3_TARGETS,
    "I3A": _I2_I3_TARGETS,
    "I3B": _I2_I3_TARGETS,
    "I3": _I2_I3_TARGETS,
    "I4": _annual(10),
    "I5": _annual(5),
    "I6": _checkpoints((2025, ">=", 50)),
}


def is_in_force(unit: Row, day: date) -> bool:
    """ "`hieu_luc_tu` ≤ D and (`hieu_luc_den` empty or ≥ D)"."""
    return unit.day("hieu_luc_tu") <= day <= unit.day_or("hieu_luc_den", date.max)


@dataclass(frozen=True)
class State:
    """All that may count on the day: the files serving it, every e-learning row ever accepted, the stale files."""

    day: date
    serving: dict[str, tuple[Row, ...]]
    ever: dict[str, tuple[Row, ...]]
    stale: frozenset[str]


@dataclass(frozen=True)
class _Passing:
    """A person passed a course on a date."""

    person: str
    course: str
    on: date


class Facts:
    """The numbers of one date."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._day = state.day
        self._units = {unit.text("ma_don_vi"): unit for unit in state.serving["don_vi.csv"]}
        self._staff = {person.text("so_dinh_danh"): person for person in state.serving["nhan_su.csv"]}
        self._person_of = self._link("mdl_user.csv")
        self._course_of = self._link("mdl_course.csv")
        self._material_of = self._link("mdl_course_modules.csv")
        self._passings = list(self._passed_courses())
        self._viewed = self._viewed_materials()
        self.indicators: dict[tuple[date, str, str, str], IndicatorRow] = {}
        self.evidence: dict[str, dict[str, EvidenceRow]] = {}
        self.candidates: dict[str, CandidateRow] = {}

        self._percent("I1", {p: self._leader_group(p) for p in self._staff}, self._is_trained_leader)
        population = {p: "ALL" if self._is_in_par_population(p) else None for p in self._staff}
        self._percent("I2", population, self._has_all_skills)
        self._percent("I3A", population, lambda p: self._has_viewed(p, ("TAI_LIEU", "BAI_GIANG")))
        self._percent("I3B", population, lambda p: self._has_viewed(p, ("MO_HINH_NUOC_NGOAI",)))
        self._percent(
            "I3",
            population,
            lambda p: self._has_viewed(p, ("TAI_LIEU", "BAI_GIANG")) and self._has_viewed(p, ("MO_HINH_NUOC_NGOAI",)),
        )
        self._count("I4", self._newly_planned())
        self._count("I5", self._rotated_or_appointed())
        self._count("I6", self._experts())
        self._find_candidates()

    # --- populations -----------------------------------------------------------------------------------------------

    def _is_active(self, person: str) -> bool:
        """ "in the accepted `nhan_su` serving D with `trang_thai = DANG_CONG_TAC`"."""
        return person in self._staff and self._staff[person]["trang_thai"] == "DANG_CONG_TAC"

    def _leader_group(self, person: str) -> str | None:
        """ "Leader group of an active person with `la_lanh_dao = x`, by the type of the unit in `nhan_su`"."""
        row = self._staff[person]
        unit = self._units.get(row.text("ma_don_vi"))
        if not self._is_active(person) or row["la_lanh_dao"] != "x" or unit is None:
            return None
        unit_type = unit.text("loai_don_vi")
        if unit_type in ("SO_NGANH", "UBND_HUYEN"):
            return unit_type if row["nhom"] in ("CAN_BO", "CONG_CHUC") else None
        return "PHONG_DON_VI" if unit_type in ("PHONG", "DON_VI_SU_NGHIEP") else None

    def _is_par_staff(self, person: str, on: date) -> bool:
        """ "an accepted `phan_cong_cchc` row whose `tu_ngay` ≤ date and (`den_ngay` empty or ≥ date)"."""
        return any(
            row["so_dinh_danh"] == person and row.day("tu_ngay") <= on <= row.day_or("den_ngay", date.max)
            for row in self._state.serving["phan_cong_cchc.csv"]
        )

    def _is_in_par_population(self, person: str) -> bool:
        """ "active on D, PAR staff on D, `nhom` `CONG_CHUC` or `VIEN_CHUC`"."""
        return (
            self._is_active(person)
            and self._is_par_staff(person, self._day)
            and self._staff[person]["nhom"] in ("CONG_CHUC", "VIEN_CHUC")
        )

    def _evidence_unit(self, person: str) -> str:
        """ "the unit of `nhan_su`; `H29` for people no longer there"."""
        if person not in self._staff:
            return CITY
        unit = self._staff[person].text("ma_don_vi")
        return unit if unit in self._units else CITY

    def _is_by_day(self, on: date) -> bool:
        """ "Something "by D" happened on or after the scheme start 2022-01-01 and on or before D"."""
        return SCHEME_START <= on <= self._day

    # --- links and evidence ----------------------------------------------------------------------------------------

    def _link(self, file: str) -> dict[int, str]:
        """ "Likewise the links, each the latest non-empty (for persons: valid) one seen up to D: account → person,
        course → `ma_khoa_hoc`, module → `ma_hoc_lieu`"."""
        latest: dict[int, str] = {}
        for row in self._state.ever[file]:  # oldest delivery first
            if row["idnumber"] is None:
                continue
            found: str | None = row.text("idnumber")
            if file == "mdl_user.csv":
                found, _ = reading.repair_person(row.text("idnumber"))
            if found is not None:
                latest[row.whole("id")] = found
        return latest

    def _viewed_materials(self) -> set[tuple[str, str]]:
        """(person, material) of every accepted view by D of any delivery up to D."""
        viewed: set[tuple[str, str]] = set()
        for view in self._state.ever["mdl_course_modules_viewed.csv"]:
            person = self._person_of.get(view.whole("userid"))
            material = self._material_of.get(view.whole("coursemoduleid"))
            on = reading.local_date(view.whole("timecreated"))
            if person is not None and material is not None and self._is_by_day(on):
                viewed.add((person, material))
        return viewed

    def _passed_courses(self) -> Iterator[_Passing]:
        """Passings by D, of courses in the catalogue serving D."""
        catalogue = {row.text("ma_khoa_hoc") for row in self._state.serving["danh_muc_khoa_hoc.csv"]}
        # "an accepted Moodle completion with `timecompleted` set and not 0, of a course whose `idnumber` is in the
        # catalogue"; "each accepted (account, course, `timecompleted`) of any delivery up to D keeps counting"
        completions = {
            (row.whole("userid"), row.whole("course"), row.whole("timecompleted"))
            for row in self._state.ever["mdl_course_completions.csv"]
            if row["timecompleted"] is not None
        }
        for account, course_id, completed in sorted(completions):
            person = self._person_of.get(account)
            course = self._course_of.get(course_id)
            on = reading.local_date(completed)
            if person is not None and course is not None and course in catalogue and self._is_by_day(on):
                yield _Passing(person, course, on)
        # "or an accepted classroom row with `ket_qua = DAT`, on its `ngay_hoan_thanh`"
        for row in self._state.serving["lop_boi_duong.csv"]:
            on = row.day("ngay_hoan_thanh")
            if row["ket_qua"] == "DAT" and row["ma_khoa_hoc"] in catalogue and self._is_by_day(on):
                yield _Passing(row.text("so_dinh_danh"), row.text("ma_khoa_hoc"), on)

    def _is_course_of(self, course: str, kind: str, skill: str | None = None) -> bool:
        """ "Catalogue kinds come from the catalogue serving D. One course may have several rows"."""
        return any(
            row["ma_khoa_hoc"] == course and row["loai"] == kind and row["ky_nang"] == skill
            for row in self._state.serving["danh_muc_khoa_hoc.csv"]
        )

    # --- the indicators --------------------------------------------------------------------------------------------

    def _is_trained_leader(self, person: str) -> bool:
        """I1: "passed ≥ 1 `BOI_DUONG_CCHC` course by D"."""
        return any(p.person == person and self._is_course_of(p.course, "BOI_DUONG_CCHC") for p in self._passings)

    def _has_all_skills(self, person: str) -> bool:
        """I2: "for each of the three skills, passed ≥ 1 `KIEN_THUC_KY_NANG` course with that skill by D"."""
        return all(
            any(p.person == person and self._is_course_of(p.course, "KIEN_THUC_KY_NANG", skill) for p in self._passings)
            for skill in contract.SKILLS
        )

    def _has_viewed(self, person: str, kinds: tuple[str, ...]) -> bool:
        """I3A, I3B: "viewed ≥ 1 … by D"; kinds of materials come from the catalogue serving D."""
        return any(
            (person, row["ma_hoc_lieu"]) in self._viewed and row["loai"] in kinds
            for row in self._state.serving["danh_muc_hoc_lieu.csv"]
        )

    def _effective_this_year(self, row: Row) -> bool:
        """ "effective in Y and ≤ D"."""
        effective = row.day("ngay_hieu_luc")
        return effective.year == self._day.year and effective <= self._day

    def _newly_planned(self) -> set[str]:
        """I4: a regular `QUY_HOACH` of Y by PAR staff on the effective date, with no earlier one for the same title."""
        plannings = [row for row in self._state.serving["quyet_dinh.csv"] if row["loai"] == "QUY_HOACH"]
        people: set[str] = set()
        for row in plannings:
            person, effective = row.text("so_dinh_danh"), row.day("ngay_hieu_luc")
            # "no `QUY_HOACH` decision with a strictly earlier `ngay_hieu_luc` (any year, any reason) for the same
            # `chuc_vu_moi` (compared as text; empty equals empty)"
            earlier = any(
                other["so_dinh_danh"] == person
                and other["chuc_vu_moi"] == row["chuc_vu_moi"]
                and other.day("ngay_hieu_luc") < effective
                for other in plannings
            )
            regular = row["ly_do"] == "THUONG_QUY"
            if regular and self._effective_this_year(row) and not earlier and self._is_par_staff(person, effective):
                people.add(person)
        return people

    def _rotated_or_appointed(self) -> set[str]:
        """I5: "a `LUAN_CHUYEN` or `BO_NHIEM` decision, `la_chuc_vu_lanh_dao = x`, `ly_do = THUONG_QUY`"."""
        return {
            row.text("so_dinh_danh")
            for row in self._state.serving["quyet_dinh.csv"]
            if row["loai"] in ("LUAN_CHUYEN", "BO_NHIEM")
            and row["la_chuc_vu_lanh_dao"] == "x"
            and row["ly_do"] == "THUONG_QUY"
            and self._effective_this_year(row)
            and self._is_par_staff(row.text("so_dinh_danh"), row.day("ngay_hieu_luc"))
        }

    def _experts(self) -> set[str]:
        """I6: "passed a `CHUYEN_GIA` course by D and were PAR staff on the date of that passing (leavers stay)"."""
        return {
            passing.person
            for passing in self._passings
            if self._is_course_of(passing.course, "CHUYEN_GIA") and self._is_par_staff(passing.person, passing.on)
        }

    def _find_candidates(self) -> None:
        """R1: "PAR staff on D, active, `nhom = CONG_CHUC`, …"."""
        for person, row in self._staff.items():
            if not (self._is_active(person) and row["nhom"] == "CONG_CHUC" and self._is_par_staff(person, self._day)):
                continue
            # "ratings decided up to D (`ngay_quyet_dinh` ≤ D, however early; `muc_xep_loai` not empty)"
            ratings = {
                rating.whole("nam"): rating.text("muc_xep_loai")
                for rating in self._state.serving["danh_gia.csv"]
                if rating["so_dinh_danh"] == person
                and rating["muc_xep_loai"] is not None
                and rating.day("ngay_quyet_dinh") <= self._day
            }
            # "an unbroken run of `HTXSNV` ending in the person's latest rated year, which is ≥ Y - 1"
            latest = max(ratings, default=0)
            first = latest + 1
            while ratings.get(first - 1) == "HTXSNV":
                first -= 1
            years = latest - first + 1
            # "≥ 2 initiatives with `ap_dung_hieu_qua = x` recognised in a year between the first year of the run and Y"
            initiatives = sum(
                1
                for initiative in self._state.serving["sang_kien.csv"]
                if initiative["so_dinh_danh"] == person
                and initiative["ap_dung_hieu_qua"] == "x"
                and first <= initiative.whole("nam_cong_nhan") <= self._day.year
            )
            if latest >= self._day.year - 1 and years >= 3 and initiatives >= 2:
                self.candidates[person] = CandidateRow(self._evidence_unit(person), years, initiatives)

    # --- rows ------------------------------------------------------------------------------------------------------

    def _percent(self, indicator: str, groups: dict[str, str | None], counts: Callable[[str], bool]) -> None:
        """Evidence first, then the roll-up of exactly that evidence."""
        evidence = {
            person: EvidenceRow(self._evidence_unit(person), group, counts(person))
            for person, group in groups.items()
            if group is not None
        }
        self.evidence[indicator] = evidence
        population_groups = ("ALL", *LEADER_GROUPS) if indicator == "I1" else ("ALL",)
        for group in population_groups:
            members = [row for row in evidence.values() if group in ("ALL", row.population_group)]
            # "for every unit in force on D that has at least one person of the denominator in itself or below it, and
            # always for the city"; "below the city only where that group has a person"
            for code, unit in self._units.items():
                inside = [row for row in members if code == CITY or code in self._unit_and_ancestors(row.org_unit_code)]
                if code == CITY or (inside and is_in_force(unit, self._day)):
                    numerator = sum(1 for row in inside if row.in_numerator)
                    self._add(indicator, code, group, numerator, len(inside))

    def _unit_and_ancestors(self, code: str) -> set[str]:
        """ "a person belongs to the unit of `nhan_su` and all its ancestors"."""
        found: set[str] = set()
        unit: Value = code
        while unit is not None:
            assert isinstance(unit, str)
            found.add(unit)
            unit = self._units[unit]["ma_don_vi_cha"]
        return found

    def _count(self, indicator: str, people: set[str]) -> None:
        self.evidence[indicator] = {person: EvidenceRow(self._evidence_unit(person), "ALL", True) for person in people}
        self._add(indicator, CITY, "ALL", len(people), None)

    def _add(self, indicator: str, unit: str, group: str, numerator: int, denominator: int | None) -> None:
        # "`value` = 100 x numerator / denominator, NULL when the denominator is 0; for person counts the numerator"
        value: float | None
        if denominator is None:
            value = float(numerator)
        elif denominator == 0:
            value = None
        else:
            value = 100 * numerator / denominator
        target = _target_in_force(indicator, self._day)
        self.indicators[self._day, indicator, unit, group] = IndicatorRow(
            numerator=numerator,
            denominator=denominator,
            value=value,
            unit="persons" if denominator is None else "percent",
            target_comparator=target.comparator if target else None,
            target_value=float(target.value) if target else None,
            target_date=target.on if target else None,
            status=_status(target, numerator, denominator, self._day),
            is_stale=any(file in self._state.stale for file in STALE_FILES[indicator]),
        )


def _target_in_force(indicator: str, day: date) -> Target | None:
    """ "for checkpoints the earliest with target date ≥ D, else the last one; for annual targets the one of year Y"."""
    targets = TARGETS[indicator]
    if targets[0].kind == "annual":
        return next((target for target in targets if target.on.year == day.year), None)
    return next((target for target in targets if target.on >= day), targets[-1])


def _status(target: Target | None, numerator: int, denominator: int | None, day: date) -> str:
    """ "`no_target` if none is in force; `no_data` if `value` is NULL; `met` if the comparator holds; else
    `in_progress` while D < target date, `missed` from the target date on"; shares are compared as integers."""
    if target is None:
        return "no_target"
    if denominator == 0:
        return "no_data"
    left, right = (numerator, target.value) if denominator is None else (100 * numerator, target.value * denominator)
    if left > right or (left == right and target.comparator == ">="):
        return "met"
    return "in_progress" if day < target.on else "missed"
