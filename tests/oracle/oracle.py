"""What the contracts say a sequence of runs must give, computed row by row, slowly and plainly.

`Oracle(hr, elearning, secret).run(D)` reads the delivered folders as they are at that moment and answers with a
`RunOutcome`; call it once per run, in the order of the runs. `compute` does so for folders that no longer change.

Interpretations, where the contract is open
-------------------------------------------
Reading
 1. A line of only white space is a blank line, before the header too. A record `""` is a row (and a BAD_ROW).
 2. A double quote inside an unquoted field, text after a closing quote, an unclosed quote and a bare CR outside quotes
    make the file unreadable. LF and CRLF may be mixed.
 3. Header names are normalised like cells and compared case-sensitively; any repeated name rejects the file, an
    unlisted one too. A file of 0 bytes or blank lines has no header, so its listed columns are missing.
 4. A record whose field count differs is BAD_ROW and nothing else is judged on it.
 5. White space is Unicode's White_Space property (not U+001C..U+001F, which Python's isspace adds).
 6. Epochs are `-?[0-9]+` (any spelling of 0 is "not set"), years `[0-9]{4}`, whole numbers `[0-9]+` up to 2^63-1,
    decimals `-?[0-9]+(\\.[0-9]+)?`; digits are ASCII.
 7. In an id only one ASCII apostrophe is stripped; nothing is trimmed after it. REPAIRED_ID is judged on the delivered
    id, 12 digits behind an apostrophe included, and only if the id is valid in the end.
Row rules
 8. BAD_DATE covers "does not parse" and "out of range" alike; every rule that needs a date (BAD_PERIOD,
    UNKNOWN_UNIT of the roster) is judged only on dates that passed BAD_DATE.
 9. BAD_PERIOD compares startdate/enddate as seconds, not as local dates.
10. UNKNOWN_UNIT of the roster: judged if `ma_don_vi` and a good `tu_ngay` are there and `den_ngay` is good or missing;
    overlap is unit.from <= coalesce(den_ngay, +inf) and coalesce(unit.to, +inf) >= tu_ngay, also on a reversed period.
11. UNKNOWN_UNIT and UNKNOWN_REF compare with the accepted rows of the file serving the date (accepted this date or
    carried forward); with nothing serving, every row that names a value breaks the rule. UNKNOWN_REF on a number that
    does not parse is not judged; it compares numbers as numbers and codes as text.
12. A bad enum and a bad date (or any rules of one row) are all listed, except where a rule needs the invalid value.
13. `ky_nang` not in the list is BAD_ENUM for any kind; filled in for BOI_DUONG_CCHC or CHUYEN_GIA is BAD_ENUM; missing
    for KIEN_THUC_KY_NANG is REQUIRED.
14. DUPLICATE_KEY compares keys after repair, parsing and normalisation; it is that row's only rule.
15. rows_warned counts accepted rows with at least one warning, REPAIRED_ID included; rows_repaired counts accepted rows
    with REPAIRED_ID (`so_dinh_danh` and `mdl_user.idnumber`).
16. An account or module is "known" if it was in any accepted delivery up to the date.
Files
17. A don_vi that is not a tree is rejected: all counts 0, no quarantine rows. The tree is judged on the accepted rows.
    A THANH_PHO below another unit is not forbidden by the tree rule.
18. The 30 % rule compares rows read (quarantined ones included) with rows read of the last delivery of that file
    accepted for an earlier date. A file whose every row is quarantined is accepted.
Runs
19. A date is delivered if a source has `_SUCCESS` for it; the other source's files are then missing for it. A run for a
    date that nobody delivered takes it in with all files missing.
20. A date D' < D is taken in by the run for D if some source of it was delivered and not taken in yet; then the whole
    date is judged anew, from the folders as they are now. D itself is always judged (again).
21. A date is judged against what was accepted for earlier dates only. Judging a date again replaces all it had given
    before, its evidence included, also when the new delivery is worse. Later dates are not judged again.
22. Every date taken in gets load states and quarantine, whether the run fails or not; the next publication shows them.
    A failed run counts as having taken in.
23. A run fails if any of the 14 files has nothing serving D (not for an earlier date it takes in).
Facts
24. Views are evidence per accepted row of a delivery: a re-used view id with other content counts as both.
25. A person of nhan_su whose unit is not in the don_vi serving D is in no leader group, counts in I2/I3 for the city
    only, evidence unit H29. A unit that is there but not in force on D still gives its type and passes people up.
26. Evidence unit of I4-I6 and of candidates: the nhan_su unit if the person is in the nhan_su serving D (any state)
    and the unit is known, else H29.
27. I4 and I5 are "effective in Y and <= D" without the scheme start; "by D" elsewhere starts on 2022-01-01.
28. A target "in force" with no_data keeps its target columns. is_stale: see STALE_FILES; a file is carried forward if
    it was not accepted for D itself.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from . import contract, reading
from .contract import ELEARNING, HR, RULE_CODES, Column, FileSpec
from .expected import Expected, LoadState, QuarantineRow
from .facts import CITY, Facts, State, is_in_force
from .reading import Row, Value


@dataclass(frozen=True)
class RunOutcome:
    """What one run must do.

    `publication` is what `current.duckdb` holds after the run (after a failed run the former one; None if there never
    was one); `recorded` holds the load states and the quarantine of all dates taken in so far, failed runs included.
    """

    data_date: date
    failed: bool
    unserved: tuple[str, ...]
    taken_in: tuple[date, ...]
    publication: Expected | None
    recorded: Expected


@dataclass(frozen=True)
class _Accepted:
    rows_read: int
    rows: tuple[Row, ...]


def compute(hr: Path, elearning: Path, runs: Sequence[date], secret: str) -> list[RunOutcome]:
    """The outcomes of runs over folders that do not change between the runs."""
    oracle = Oracle(hr, elearning, secret)
    return [oracle.run(day) for day in runs]


def person_key(secret: str, person: str) -> str:
    """ "lower-case hex HMAC-SHA256; message: the 12 ASCII digits after repair; key: the UTF-8 bytes of the secret"."""
    return hmac.new(secret.encode("utf-8"), person.encode("ascii"), hashlib.sha256).hexdigest()


class Oracle:
    """Remembers what was accepted, run after run."""

    def __init__(self, hr: Path, elearning: Path, secret: str) -> None:
        self._folders = {HR: hr, ELEARNING: elearning}
        self._secret = secret
        self._accepted: dict[str, dict[date, _Accepted]] = {spec.name: {} for spec in contract.FILES}
        self._taken_in: set[tuple[str, date]] = set()
        self._recorded = Expected()
        self._publication: Expected | None = None

    def run(self, day: date) -> RunOutcome:
        taken_in = [*(earlier for earlier in self._delivered_dates() if earlier < day and self._is_new(earlier)), day]
        for each in taken_in:
            self._take_in(each)
        unserved = tuple(spec.name for spec in contract.FILES if self._serving_date(spec, day) is None)
        if not unserved:
            self._publish(day)
        publication = None if self._publication is None else self._publication.copy()
        return RunOutcome(day, bool(unserved), unserved, tuple(taken_in), publication, self._recorded.copy())

    # --- which dates and files -------------------------------------------------------------------------------------

    def _delivered(self, source: str, day: date) -> bool:
        """ "The marker file `_SUCCESS` is written last; a folder without it is not delivered yet"."""
        return (self._folders[source] / day.isoformat() / "_SUCCESS").is_file()

    def _delivered_dates(self) -> list[date]:
        days: set[date] = set()
        for folder in self._folders.values():
            for entry in folder.iterdir() if folder.is_dir() else ():
                day = reading.parse_date(entry.name)
                if day is not None and day.isoformat() == entry.name and (entry / "_SUCCESS").is_file():
                    days.add(day)
        return sorted(days)

    def _is_new(self, day: date) -> bool:
        return any(self._delivered(source, day) and (source, day) not in self._taken_in for source in self._folders)

    def _serving_date(self, spec: FileSpec, day: date) -> date | None:
        """ "the last accepted delivery of that file is carried forward"."""
        return max((accepted for accepted in self._accepted[spec.name] if accepted <= day), default=None)

    def _serving(self, spec: FileSpec, day: date) -> tuple[Row, ...]:
        serving_date = self._serving_date(spec, day)
        return () if serving_date is None else self._accepted[spec.name][serving_date].rows

    def _ever_accepted(self, spec: FileSpec, day: date) -> Iterator[Row]:
        """Rows of every accepted delivery up to the day, oldest first, each in file order."""
        for accepted in sorted(self._accepted[spec.name]):
            if accepted <= day:
                yield from self._accepted[spec.name][accepted].rows

    # --- taking in -------------------------------------------------------------------------------------------------

    def _take_in(self, day: date) -> None:
        recorded = self._recorded
        recorded.quarantine = {key: row for key, row in recorded.quarantine.items() if key[0] != day}
        for deliveries in self._accepted.values():
            deliveries.pop(day, None)
        for source in self._folders:
            if self._delivered(source, day):
                self._taken_in.add((source, day))
        for spec in contract.FILES:
            recorded.load_files[day, spec.source, spec.name] = self._take_in_file(spec, day)

    def _take_in_file(self, spec: FileSpec, day: date) -> LoadState:
        path = self._folders[spec.source] / day.isoformat() / spec.name
        carried = self._serving_date(spec, day)
        # "A source without `_SUCCESS` for D: each of its files is missing"
        if not self._delivered(spec.source, day) or not path.is_file():
            return LoadState("missing", carried)
        try:
            header, records = _read(spec, path.read_bytes())
        except reading.Unreadable:
            return LoadState("rejected", carried)
        if not spec.incremental:
            # "no rows, or more than 30 % fewer rows read than the last accepted delivery had" (exactly 30 % is not)
            before = 0 if carried is None else self._accepted[spec.name][carried].rows_read
            if not records or 10 * len(records) < 7 * before:
                return LoadState("rejected", carried)
        judged = [_Judged(spec, number, header, record) for number, record in enumerate(records, start=1)]
        for row in judged:
            self._judge_against_other_files(spec, row, day)
        _judge_duplicates(spec, judged)
        accepted = [row for row in judged if not row.broken]
        if spec is contract.DON_VI and not _is_tree([row.row() for row in accepted]):
            return LoadState("rejected", carried)
        warnings = [self._warnings(spec, row, day) for row in accepted]
        for row in judged:
            if row.broken:
                codes = tuple(code for code in RULE_CODES if code in row.broken)
                key = (day, spec.source, spec.name, row.number)
                self._recorded.quarantine[key] = QuarantineRow(codes[0], codes)
        self._accepted[spec.name][day] = _Accepted(len(judged), tuple(row.row() for row in accepted))
        return LoadState(
            "accepted",
            day,
            rows_read=len(judged),
            rows_accepted=len(accepted),
            rows_quarantined=len(judged) - len(accepted),
            rows_warned=sum(1 for found in warnings if found),
            rows_repaired=sum(1 for found in warnings if "REPAIRED_ID" in found),
        )

    def _judge_against_other_files(self, spec: FileSpec, row: _Judged, day: date) -> None:
        if "BAD_ROW" in row.broken:
            return
        if spec is contract.NHAN_SU and row.has("ma_don_vi"):
            # "`nhan_su.ma_don_vi` is not an accepted unit in force on D"
            units = [unit for unit in self._serving(contract.DON_VI, day) if unit["ma_don_vi"] == row["ma_don_vi"]]
            if not any(is_in_force(unit, day) for unit in units):
                row.broken.add("UNKNOWN_UNIT")
        if (
            spec is contract.PHAN_CONG
            and row.has("ma_don_vi")
            and row.has("tu_ngay")
            and "den_ngay" not in row.unparsed
        ):
            # "`phan_cong_cchc.ma_don_vi` is not an accepted unit whose validity overlaps the row's own period"
            units = [unit for unit in self._serving(contract.DON_VI, day) if unit["ma_don_vi"] == row["ma_don_vi"]]
            start, end = row.day("tu_ngay"), row.day_or("den_ngay", date.max)
            if not any(
                unit.day("hieu_luc_tu") <= end and unit.day_or("hieu_luc_den", date.max) >= start for unit in units
            ):
                row.broken.add("UNKNOWN_UNIT")
        # "no accepted row of the file serving D: `course` and `userid` of `mdl_course_completions`, `course` of
        # `mdl_course_modules`, `ma_khoa_hoc` of `lop_boi_duong` (in the course catalogue)"
        references: tuple[tuple[str, FileSpec, str], ...] = ()
        if spec is contract.MDL_COMPLETIONS:
            references = (("course", contract.MDL_COURSE, "id"), ("userid", contract.MDL_USER, "id"))
        elif spec is contract.MDL_MODULES:
            references = (("course", contract.MDL_COURSE, "id"),)
        elif spec is contract.LOP_BOI_DUONG:
            references = (("ma_khoa_hoc", contract.KHOA_HOC, "ma_khoa_hoc"),)
        for column, other, other_column in references:
            known = {found[other_column] for found in self._serving(other, day)}
            if row.has(column) and row[column] not in known:
                row.broken.add("UNKNOWN_REF")

    def _warnings(self, spec: FileSpec, row: _Judged, day: date) -> set[str]:
        """ "Warnings keep the row and count it in the file's audit record"."""
        warnings: set[str] = set()
        if spec.source == HR and spec not in (contract.DON_VI, contract.NHAN_SU):
            staff = {person["so_dinh_danh"] for person in self._serving(contract.NHAN_SU, day)}
            if row["so_dinh_danh"] not in staff:
                warnings.add("UNKNOWN_PERSON")
        if spec is contract.MDL_USER:
            cell = row["idnumber"]
            person, repaired = (None, False) if cell is None else reading.repair_person(str(cell))
            if person is None:
                warnings.add("UNMATCHED_LEARNER")
            if repaired:
                warnings.add("REPAIRED_ID")
        if spec is contract.MDL_VIEWS:
            accounts = {account["id"] for account in self._ever_accepted(contract.MDL_USER, day)}
            modules = {module["id"] for module in self._ever_accepted(contract.MDL_MODULES, day)}
            if row["userid"] not in accounts or row["coursemoduleid"] not in modules:
                warnings.add("UNKNOWN_VIEW")
        if row.repaired:
            warnings.add("REPAIRED_ID")
        return warnings

    # --- facts -----------------------------------------------------------------------------------------------------

    def _publish(self, day: date) -> None:
        """ "A rerun of a date replaces that date's rows and changes no other date"."""
        former = self._publication or Expected()
        state = self._state(day)
        facts = Facts(state)
        publication = Expected(dict(self._recorded.load_files), dict(self._recorded.quarantine))
        publication.indicators = {key: row for key, row in former.indicators.items() if key[0] != day}
        publication.evidence = {key: row for key, row in former.evidence.items() if key[0] != day}
        publication.candidates = {key: row for key, row in former.candidates.items() if key[0] != day}
        publication.indicators.update(facts.indicators)
        for indicator, evidence in facts.evidence.items():
            for person, evidence_row in evidence.items():
                publication.evidence[day, indicator, person_key(self._secret, person)] = evidence_row
        for person, candidate in facts.candidates.items():
            publication.candidates[day, person_key(self._secret, person)] = candidate
        self._publication = publication

    def _state(self, day: date) -> State:
        serving = {spec.name: self._serving(spec, day) for spec in contract.FILES}
        ever = {spec.name: tuple(self._ever_accepted(spec, day)) for spec in contract.FILES if spec.source == ELEARNING}
        stale = frozenset(spec.name for spec in contract.FILES if self._serving_date(spec, day) != day)
        return State(day, serving, ever, stale)


def _read(spec: FileSpec, content: bytes) -> tuple[list[str], list[list[str]]]:
    """Header and rows; Unreadable if the file level of the contract rejects the file by itself."""
    records = reading.parse_csv(reading.decode(content))
    header = [reading.normalise(name) for name in records[0]] if records else []
    # "Every column listed below must be in the header, else the file is rejected (so is a repeated header name)"
    if any(column.name not in header for column in spec.columns):
        raise reading.Unreadable("a listed column is missing")
    if len(set(header)) != len(header):
        raise reading.Unreadable("a header name is repeated")
    return header, records[1:]


class _Judged:
    """One delivered row under judgement: its values, the columns that do not parse, the rules it breaks."""

    def __init__(self, spec: FileSpec, number: int, header: list[str], record: list[str]) -> None:
        self.number = number
        self.broken: set[str] = set()
        self.unparsed: set[str] = set()
        self.repaired = False
        self._values: dict[str, Value] = {}
        # BAD_ROW: "more or fewer fields than the header"
        if len(record) != len(header):
            self.broken.add("BAD_ROW")
            return
        cells = {name: reading.normalise(cell) for name, cell in zip(header, record, strict=True)}
        for column in spec.columns:
            self._judge_cell(column, cells[column.name])
        # "`ky_nang` required for `KIEN_THUC_KY_NANG` (else `REQUIRED`) and empty for the other kinds (else `BAD_ENUM`)"
        if spec is contract.KHOA_HOC:
            if cells["loai"] == "KIEN_THUC_KY_NANG" and not cells["ky_nang"]:
                self.broken.add("REQUIRED")
            if cells["loai"] in ("BOI_DUONG_CCHC", "CHUYEN_GIA") and cells["ky_nang"]:
                self.broken.add("BAD_ENUM")
        # BAD_PERIOD: "an end before its start, when both are set"
        for start, end in spec.periods:
            if self.has(start) and self.has(end) and _before(self[end], self[start]):
                self.broken.add("BAD_PERIOD")

    def _judge_cell(self, column: Column, cell: str) -> None:
        self._values[column.name] = None
        # REQUIRED: "a key or required value is missing"; "a required time of `0` is missing"
        if not cell or (column.kind == "epoch" and reading.is_unset_epoch(cell)):
            if column.mandatory:
                self.broken.add("REQUIRED")
            return  # "A rule on a missing cell is not judged."
        value: Value
        match column.kind:
            case "person":  # BAD_ID: "`so_dinh_danh` is not 12 digits after the repair above"
                value, self.repaired = reading.repair_person(cell)
                rule = "BAD_ID"
            case "date":  # BAD_DATE: "a date (or epoch, or year) does not parse, or lies outside the range"
                value, rule = reading.parse_date(cell), "BAD_DATE"
            case "year":
                value, rule = reading.parse_year(cell), "BAD_DATE"
            case "epoch":
                value, rule = reading.parse_epoch(cell), "BAD_DATE"
            case "whole":  # BAD_NUMBER: "a number does not parse"
                value, rule = reading.parse_whole(cell), "BAD_NUMBER"
            case "decimal":
                value, rule = reading.parse_decimal(cell), "BAD_NUMBER"
            case "enum" | "flag":  # BAD_ENUM: "a value is not in the allowed set"; "Flags are `x` or empty"
                value, rule = (cell if cell in column.allowed else None), "BAD_ENUM"
            case _:
                value, rule = cell, ""
        self._values[column.name] = value
        if value is None:
            self.broken.add(rule)
            self.unparsed.add(column.name)

    def __getitem__(self, column: str) -> Value:
        return self._values[column]

    def has(self, column: str) -> bool:
        """The cell is there and parses."""
        return self._values[column] is not None

    def day(self, column: str) -> date:
        value = self._values[column]
        assert isinstance(value, date)
        return value

    def day_or(self, column: str, default: date) -> date:
        return self.day(column) if self.has(column) else default

    def row(self) -> Row:
        return Row(self.number, self._values)


def _before(first: Value, second: Value) -> bool:
    if isinstance(first, date) and isinstance(second, date):
        return first < second
    assert isinstance(first, int) and isinstance(second, int)
    return first < second


def _judge_duplicates(spec: FileSpec, judged: Iterable[_Judged]) -> None:
    """ "the key occurs more than once among the rows that passed all other rules: one stays, the rest are not"."""
    by_key: dict[tuple[Value, ...], list[_Judged]] = defaultdict(list)
    for row in judged:
        if not row.broken:
            by_key[tuple(row[key] for key in spec.keys)].append(row)
    for same in by_key.values():
        stays = same[-1]  # "the last in file order"
        if spec is contract.NHAN_SU:
            # "the latest `ngay_vao_co_quan` stays (missing is earliest), ties: the last in file order"
            stays = max(same, key=lambda row: (row.day_or("ngay_vao_co_quan", date.min), row.number))
        for row in same:
            if row is not stays:
                row.broken.add("DUPLICATE_KEY")


def _is_tree(units: list[Row]) -> bool:
    """ "exactly one root `H29` of type `THANH_PHO` without parent, every other parent an accepted unit, no cycle"."""
    parents = {unit.text("ma_don_vi"): unit["ma_don_vi_cha"] for unit in units}
    roots = [unit for unit in units if unit["ma_don_vi_cha"] is None]
    if len(roots) != 1 or roots[0]["ma_don_vi"] != CITY or roots[0]["loai_don_vi"] != "THANH_PHO":
        return False
    for start in parents:
        seen: set[str] = set()
        unit: Value = start
        while unit is not None:
            if unit in seen or unit not in parents:
                return False
            assert isinstance(unit, str)
            seen.add(unit)
            unit = parents[unit]
    return True
