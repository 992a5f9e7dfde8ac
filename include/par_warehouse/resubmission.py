"""Resubmission: a repaired spreadsheet comes back, its corrections are taken, and what depends on them is made anew.

Each row is matched by the key of its finding. A cell that is empty, or still shows what the sheet showed, is unchanged;
nothing is guessed, and each row gets an answer. The rules judge corrected rows as they judge all others, so a wrong
repair leaves its finding open. ``ops.correction`` says who changed what, without any value.
"""

import hashlib
import hmac
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from par_warehouse.broken_rows import BrokenRow, DeliveredRow, delivered_rows, rows_on, rows_seen
from par_warehouse.config import load_configuration
from par_warehouse.contract import TABLES_BY_NAME, Column, Kind
from par_warehouse.corrections import Correction, forget, is_kept, keep
from par_warehouse.errors import ParError
from par_warehouse.ledger import open_ledger
from par_warehouse.pseudonym import check_secret, code_secret
from par_warehouse.rebuild import Verdicts, judge, judge_dependent, publish_again
from par_warehouse.repair_sheet import ACTION, AGENCY, DAY, EMPTY, KEY, LONGEST_CELL, WITHDRAW, as_shown, is_mask
from par_warehouse.returned_sheet import ReturnedRow, as_day, read_returned
from par_warehouse.run_lock import run_lock
from par_warehouse.settings import Settings
from par_warehouse.signing import check_account
from par_warehouse.text import fold
from par_warehouse.vault import note_read

PATIENCE_SECONDS = 1800
_PENDING = "pending"
_WITHDRAWABLE = ("DUPLICATE_KEY", "BAD_ROW")


@dataclass(frozen=True)
class RowAnswer:
    """What became of one row: ``accepted``, ``still broken``, ``refused`` or ``unchanged``; why, in two languages."""

    place: str
    finding_key: str | None
    outcome: str
    vi: str
    en: str

    def __str__(self) -> str:
        key = f" [{self.finding_key}]" if self.finding_key else ""
        return f"{self.place}{key}: {_OUTCOMES[self.outcome]}: {self.vi} | {self.en}"


_OUTCOMES = {
    "accepted": "ĐÃ NHẬN | ACCEPTED",
    "still broken": "CÒN LỖI | STILL BROKEN",
    "refused": "TỪ CHỐI | REFUSED",
    "unchanged": "CHƯA SỬA | UNCHANGED",
}


@dataclass(frozen=True)
class Answer:
    """What became of a returned sheet; ``rebuilt`` are the data dates that were published anew."""

    rows: Sequence[RowAnswer]
    data_dates: Sequence[date] = ()
    rebuilt: Sequence[date] = ()
    was_known: bool = False

    @property
    def is_taken(self) -> bool:
        """Whether any of its rows was."""
        return any(row.outcome in ("accepted", "still broken") for row in self.rows)

    def __str__(self) -> str:
        counts = {name: sum(row.outcome == name for row in self.rows) for name in _OUTCOMES}
        lines = [", ".join(f"{_OUTCOMES[name]} {count}" for name, count in counts.items() if count)]
        if self.was_known:
            lines.append("Tệp này đã được nhận trước đây, không có gì thay đổi. | This file was taken before.")
        if self.rebuilt:
            days = ", ".join(map(str, self.rebuilt))
            lines.append(f"Đã tính lại và công bố lại: {days}. | Published anew: {days}.")
        return "\n".join([*lines, "", *map(str, self.rows), ""])


def resubmit(settings: Settings, name: str, content: bytes, submitted_by: str, agency: str | None = None) -> Answer:
    """Take a returned sheet: correct the rows, judge and publish anew what depends on them, and answer for each row.

    ``submitted_by`` is an account; ``agency`` the one that may repair (None: the one that the sheet itself names). The
    same file once more changes nothing; after a kill it goes on where it stopped. Raises UnreadableFile when the sheet
    cannot be read, ParError when the work could not be done.
    """
    check_account(submitted_by)
    rows = read_returned(name, content)
    with run_lock(settings, wait_seconds=PATIENCE_SECONDS):
        check_secret(settings)
        return _Submission(settings, hashlib.sha256(content).hexdigest(), submitted_by).answer(rows, agency)


@dataclass(frozen=True)
class _Repair:
    """What a returned row changes."""

    returned: ReturnedRow
    row: BrokenRow
    before: DeliveredRow
    cells: Mapping[str, str]
    is_withdrawn: bool = False


class _Refused(Exception):
    """Why a row is not taken; the outcome may also be that nothing was changed."""

    def __init__(self, vi: str, en: str, outcome: str = "refused", row: BrokenRow | None = None) -> None:
        super().__init__(en)
        self.vi, self.en, self.outcome, self.row = vi, en, outcome, row


class _Submission:
    """The work on one returned sheet; the data folder is held."""

    def __init__(self, settings: Settings, sha256: str, submitted_by: str) -> None:
        self.settings = settings
        self.sha256 = sha256
        self.submitted_by = submitted_by
        now = datetime.now(UTC)
        self.run_id = f"correction-{sha256[:12]}-{now:%Y%m%dT%H%M%S}"
        self.submitted_at = now.replace(tzinfo=None)

    def answer(self, rows: Sequence[ReturnedRow], agency: str | None) -> Answer:
        recorded = self._recorded()
        taken = [one for one in recorded if one["outcome"] != "refused"]
        if taken and all(one["outcome"] != _PENDING for one in taken):
            return Answer(_answers(recorded), _days(recorded), was_known=True)
        is_resumed = bool(taken) and all(self._is_kept(one) for one in taken)
        if not is_resumed:
            with open_ledger(self.settings) as con:
                con.execute("delete from ledger.ops.correction where file_sha256 = ?", [self.sha256])
            unchanged = self._take(rows, agency)
            recorded = self._recorded()
            if not any(one["outcome"] == _PENDING for one in recorded):
                return Answer([*_answers(recorded), *unchanged], _days(recorded))
        else:
            unchanged = []
        rebuilt = self._rebuild(recorded, is_resumed)
        recorded = self._recorded()
        return Answer([*_answers(recorded), *unchanged], _days(recorded), rebuilt)

    def _take(self, rows: Sequence[ReturnedRow], agency: str | None) -> list[RowAnswer]:
        """Match the rows, record the answers, and keep the corrections; gives the rows that nobody changed."""
        agency = _agency_of(rows) if agency is None else agency
        wanted = [(row.own(KEY), day) for row in rows if (day := as_day(row.own(DAY)))]
        with open_ledger(self.settings) as con:
            known = rows_seen(self.settings, con, wanted)
            seen = _sightings(con, {row.own(KEY) for row in rows})
        note_read(self.settings, f"corrections of {agency or 'no agency'} by {self.submitted_by}")
        own = [row for row in known.values() if (row.agency_code or "") == agency]
        delivered = delivered_rows(self.settings, load_configuration(self.settings.config_dir), own)
        repairs: list[_Repair] = []
        refused: list[tuple[ReturnedRow, _Refused]] = []
        keys = Counter((row.own(KEY), row.own(DAY)) for row in rows)
        for row in rows:
            try:
                if row.own(KEY) and keys[row.own(KEY), row.own(DAY)] > 1:
                    raise _Refused("mã này có nhiều dòng trong tệp; chỉ để lại một", "the file has this key more than"
                                   " once; leave one row")  # fmt: skip
                repairs.append(_repair(row, agency, known, seen, delivered))
            except _Refused as reason:
                refused.append((row, reason))
        self._record(repairs, [one for one in refused if one[1].outcome == "refused"])
        corrections: dict[tuple[str, date], list[Correction]] = {}
        for one in repairs:
            place = one.row.place
            corrections.setdefault((one.row.table.source, place.delivered_on), []).append(
                Correction(one.row.table.name, place.feed, place.part, place.number, one.before.digest,
                           one.is_withdrawn, one.cells)
            )  # fmt: skip
        for (source, day), given in sorted(corrections.items()):
            keep(self.settings, source, day, self.sha256, sorted(given, key=lambda one: (one.table, one.number)))
        return [
            RowAnswer(row.place, _key_of(reason.row), "unchanged", reason.vi, reason.en)
            for row, reason in refused
            if reason.outcome == "unchanged"
        ]

    def _record(self, repairs: Iterable[_Repair], refused: Iterable[tuple[ReturnedRow, _Refused]]) -> None:
        """Write what was asked for into ``ops.correction``: a row per changed cell, withdrawn or refused row."""
        lines: list[dict[str, Any]] = []
        for one in repairs:
            head = self._line(one.returned, one.row) | {"outcome": _PENDING}
            if one.is_withdrawn:
                lines.append(head | {"action": "withdrawn"})
            for column, text in one.cells.items():
                hashes = self._hash(column, one.before.cells.get(column, "")), self._hash(column, text)
                lines.append(head | {"action": "changed", "column_name": column, "old_value_hash": hashes[0],
                                     "new_value_hash": hashes[1]})  # fmt: skip
        for returned, reason in refused:
            message = f"{reason.vi} | {reason.en}"
            line = self._line(returned, reason.row) | {"outcome": "refused", "message": message}
            lines.append(line | {"action": "withdrawn" if returned.own(ACTION) else "changed"})
        with open_ledger(self.settings) as con:
            con.register("line", pa.Table.from_pylist(lines, _schema(con)))
            con.execute("insert into ledger.ops.correction by name from line")
            con.unregister("line")

    def _line(self, returned: ReturnedRow, row: BrokenRow | None) -> dict[str, Any]:
        line: dict[str, Any] = {
            "returned_place": returned.place, "submitted_by": self.submitted_by, "submitted_at": self.submitted_at,
            "file_sha256": self.sha256,
        }  # fmt: skip
        if row is not None:
            line |= {
                "data_date": row.data_date, "source": row.table.source, "file_name": row.table.file_name,
                "row_number": row.row_number, "finding_key": row.finding_key, "person_key": row.person_key,
                "agency_code": row.agency_code, "delivered_on": row.place.delivered_on, "feed": row.place.feed,
                "part": row.place.part, "part_row": row.place.number,
            }  # fmt: skip
        return line

    def _hash(self, column: str, text: str) -> str | None:
        """Tells a value from another, to nobody who does not have the key of codes: few values would be a guess."""
        if not text:
            return None
        return hmac.digest(code_secret(self.settings), f"correction|{column}|{text}".encode(), "sha256").hex()[:32]

    def _recorded(self) -> list[dict[str, Any]]:
        """What the ledger says of this file."""
        with open_ledger(self.settings) as con:
            rows = con.execute(
                "select * from ledger.ops.correction where file_sha256 = ? order by rowid", [self.sha256]
            ).to_arrow_table()
        found: list[dict[str, Any]] = rows.to_pylist()
        return found

    def _is_kept(self, line: Mapping[str, Any]) -> bool:
        return is_kept(self.settings, line["source"], line["delivered_on"], self.sha256)

    def _rebuild(self, recorded: Sequence[Mapping[str, Any]], is_resumed: bool) -> list[date]:
        """Judge what the corrections change, note how each row fared, and publish anew."""
        pending = [one for one in recorded if one["outcome"] == _PENDING]
        days = sorted({one["delivered_on"] for one in pending})
        with open_ledger(self.settings) as con:
            before = Verdicts(con)
        configuration = load_configuration(self.settings.config_dir)
        judged: list[date] = []
        try:
            for day in days:
                judge(self.settings, configuration, day, self.run_id)
                judged.append(day)
        except Exception:
            # Whatever it was must not stop every night from now on; the sheet can be sent again.
            for source, day in {(one["source"], one["delivered_on"]) for one in pending}:
                forget(self.settings, source, day, self.sha256)
            for day in judged:
                judge(self.settings, configuration, day, self.run_id)
            raise
        lost = self._lost(before, pending)
        for (source, day), message in lost.items():
            self._refuse(source, day, message)
            forget(self.settings, source, day, self.sha256)
        for day in sorted({day for _, day in lost}):
            judge(self.settings, configuration, day, self.run_id)
        stale = judge_dependent(self.settings, before, days, self.run_id, is_resumed=is_resumed)
        self._settle()
        publish_again(self.settings, stale, self.run_id)
        return stale

    def _lost(self, before: Verdicts, pending: Sequence[Mapping[str, Any]]) -> dict[tuple[str, date], str]:
        """Deliveries of which a whole file is refused now because of the corrections, and why."""
        lost: dict[tuple[str, date], str] = {}
        with open_ledger(self.settings) as con:
            now = Verdicts(con)
            for source, day in sorted({(one["source"], one["delivered_on"]) for one in pending}):
                for table in (table for table in TABLES_BY_NAME.values() if table.source == source):
                    former, present = before.of(day, table), now.of(day, table)
                    if former and former.state == "accepted" and (present is None or present.state != "accepted"):
                        row = con.execute(
                            "select message from ledger.ops.load_file where data_date = ? and file_name = ?",
                            [day, table.file_name],
                        ).fetchone()
                        lost[source, day] = f"{table.file_name}: {row[0] if row else ''}"
        return lost

    def _refuse(self, source: str, day: date, why: str) -> None:
        message = (
            f"cả tệp sẽ bị từ chối nếu nhận các sửa đổi này, nên không nhận sửa đổi nào ({why})"
            f" | the whole file would be refused with these corrections, so none is taken ({why})"
        )
        with open_ledger(self.settings) as con:
            con.execute(
                "update ledger.ops.correction set outcome = 'refused', message = ?"
                " where file_sha256 = ? and source = ? and delivered_on = ? and outcome = ?",
                [message, self.sha256, source, day, _PENDING],
            )

    def _settle(self) -> None:
        """Note of every pending row whether the rules accept it now."""
        with open_ledger(self.settings) as con:
            pending = con.execute(
                "select distinct data_date, file_name, feed, part, part_row, finding_key from ledger.ops.correction"
                " where file_sha256 = ? and outcome = ?",
                [self.sha256, _PENDING],
            ).fetchall()
            broken = rows_on(self.settings, con, {(day, file_name) for day, file_name, *_ in pending})
            for day, file_name, feed, part, number, key in pending:
                now = broken.get((day, file_name, feed, part, number))
                later = con.execute(
                    "select max(data_date) from ledger.ops.finding_sighting"
                    " where finding_key = ? and data_date > ? and not is_gone",
                    [key, day],
                ).fetchone()
                outcome = f"still {' '.join(now.rule_codes)}" if now else "accepted"
                message = now.message if now else _later(later[0] if later else None)
                con.execute(
                    "update ledger.ops.correction set outcome = ?, message = ? where file_sha256 = ? and data_date = ?"
                    " and file_name = ? and feed = ? and part = ? and part_row = ? and outcome = ?",
                    [outcome, message, self.sha256, day, file_name, feed, part, number, _PENDING],
                )


def _repair(
    returned: ReturnedRow,
    agency: str,
    known: Mapping[tuple[str, date], BrokenRow],
    seen: Mapping[str, Sequence[tuple[date, bool]]],
    delivered: Mapping[tuple[str, date], DeliveredRow],
) -> _Repair:
    """What a returned row changes. Raises _Refused."""
    if not returned.texts:
        raise _Refused("số ô khác với dòng tiêu đề; kiểm tra dấu ngăn cách và dấu ngoặc kép", "it has more or fewer"
                       " fields than the header; check separators and quotes")  # fmt: skip
    key, day = returned.own(KEY), as_day(returned.own(DAY))
    if not key or key not in seen:
        raise _Refused(f"cột {KEY} trống hoặc không có mã này; hãy xin bảng sửa mới", f"the column {KEY} is empty or"
                       " has no such key; ask for a new repair sheet")  # fmt: skip
    row = known.get((key, day)) if day else None
    if row is None or day is None:
        raise _not_open(day, seen[key])
    if (row.agency_code or "") != agency or returned.own(AGENCY) != agency:
        raise _Refused("dòng này thuộc cơ quan khác", "this row belongs to another agency")
    if (key, day) not in delivered:
        raise _Refused("tệp gốc không còn trong kho (đã hết hạn lưu) nên không sửa được", "the delivered file is no"
                       " longer kept, so it cannot be repaired", row=row)  # fmt: skip
    before = delivered[key, day]
    cells = _changes(returned, row, before)
    action = fold(returned.own(ACTION))
    if action == fold(WITHDRAW):
        if not set(_WITHDRAWABLE) & set(row.rule_codes):
            raise _Refused(f"chỉ được {WITHDRAW} khi dòng bị trùng (DUPLICATE_KEY) hoặc hỏng (BAD_ROW)",
                           "only a row that is there twice (DUPLICATE_KEY) or is no row (BAD_ROW) may be withdrawn",
                           row=row)  # fmt: skip
        if cells:
            raise _Refused("vừa bỏ dòng vừa sửa ô; chỉ làm một trong hai", "the row is both withdrawn and changed; do"
                           " one of the two", row=row)  # fmt: skip
        return _Repair(returned, row, before, {}, is_withdrawn=True)
    if action:
        raise _Refused(f"cột {ACTION} chỉ được để trống hoặc ghi {WITHDRAW}", f"the column {ACTION} may be empty or say"
                       f" {WITHDRAW}", row=row)  # fmt: skip
    if not cells:
        raise _Refused("không có ô nào được sửa", "no cell was changed", outcome="unchanged", row=row)
    return _Repair(returned, row, before, cells)


def _not_open(day: date | None, sightings: Sequence[tuple[date, bool]]) -> _Refused:
    if day is None:
        return _Refused(f"cột {DAY} không phải là ngày", f"the column {DAY} is no date")
    if any(seen == day for seen, _ in sightings):
        return _Refused("lỗi này của ngày đó không còn mở: đã được sửa", "this finding is no longer open on that date:"
                        " it was repaired")  # fmt: skip
    latest = max(seen for seen, _ in sightings)
    return _Refused(f"mã này không thuộc ngày {day} (gần nhất là {latest}); giữ nguyên cột {DAY}", f"this key is not of"
                    f" {day} (last seen {latest}); leave the column {DAY} as it is")  # fmt: skip


def _changes(returned: ReturnedRow, row: BrokenRow, before: DeliveredRow) -> dict[str, str]:
    """The cells that were changed, in the notation of the contract. Raises _Refused."""
    cells: dict[str, str] = {}
    for column in row.table.columns:
        name, given = column.name, returned.texts.get(column.name, "")
        shown_before = as_shown(column, row, before.cells)
        if not given or _is_same(column, given, shown_before):
            continue
        if name not in before.columns:
            raise _Refused(f"tệp gốc không có cột {name}", f"the delivered file has no column {name}", row=row)
        if fold(given) == fold(EMPTY) and given.startswith("("):
            if before.cells.get(name):
                cells[name] = ""
            continue
        if is_mask(given):
            raise _Refused(f"ô {name} còn dấu che; ghi giá trị đầy đủ hoặc để nguyên", f"the cell {name} is still"
                           " partly masked; write the whole value or leave it", row=row)  # fmt: skip
        if len(given) > LONGEST_CELL or any(unicodedata.category(one) in ("Cc", "Cs", "Cn") for one in given):
            raise _Refused(f"ô {name} quá dài hoặc có ký tự không dùng được", f"the cell {name} is too long or has"
                           " characters that cannot be used", row=row)  # fmt: skip
        text = _in_contract_notation(column, given)
        if text != before.cells.get(name):
            cells[name] = text
    return cells


def _is_same(column: Column, given: str, shown_before: str) -> bool:
    """Whether a cell still says what the sheet showed, in whatever form it was saved."""
    if given == shown_before:
        return True
    match column.kind:
        case Kind.NAME:  # initials
            return re.findall(r"\w", given) == re.findall(r"\w", shown_before)
        case Kind.DATE | Kind.CHECKED_DATE:
            # A date that the contract does not take was meant to be changed, even when it is the same day.
            is_read = re.fullmatch(r"\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4}", shown_before)
            return bool(is_read) and as_day(given) is not None and as_day(given) == as_day(shown_before)
        case Kind.WHOLE | Kind.EPOCH | Kind.YEAR | Kind.DECIMAL:
            return _number(given) is not None and _number(given) == _number(shown_before)
        case _:
            return False


def _in_contract_notation(column: Column, given: str) -> str:
    if column.kind in (Kind.DATE, Kind.CHECKED_DATE) and (day := as_day(given)):
        return day.isoformat()
    if column.kind is Kind.DECIMAL:
        return re.sub(r"^(-?\d+),(\d+)$", r"\1.\2", given)
    return given


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", text) else None


def _agency_of(rows: Sequence[ReturnedRow]) -> str:
    """The agency that a sheet names. Raises ParError when it names several: whose repair it is has to be clear."""
    named = {row.own(AGENCY) for row in rows if row.own(KEY)}
    if len(named) > 1:
        raise ParError(
            "The sheet holds rows of several agencies. Send one file for each agency, as the sheets were given out."
        )
    return named.pop() if named else ""


def _sightings(con: duckdb.DuckDBPyConnection, keys: set[str]) -> dict[str, list[tuple[date, bool]]]:
    """For each key that is known: the data dates on which it was seen, and whether it is gone there."""
    con.register("asked", pa.table({"finding_key": pa.array(sorted(keys), pa.string())}))
    found: dict[str, list[tuple[date, bool]]] = {}
    for key, day, is_gone in con.execute(
        "select finding_key, data_date, is_gone from ledger.ops.finding_sighting semi join asked using (finding_key)"
        " where kind = 'row' order by all"
    ).fetchall():
        found.setdefault(key, []).append((day, is_gone))
    con.unregister("asked")
    return found


def _schema(con: duckdb.DuckDBPyConnection) -> pa.Schema:
    return con.execute("from ledger.ops.correction limit 0").to_arrow_table().schema


def _answers(recorded: Sequence[Mapping[str, Any]]) -> list[RowAnswer]:
    """One answer per row of the returned sheet."""
    found: dict[str, RowAnswer] = {}
    for one in recorded:
        outcome = "still broken" if one["outcome"].startswith("still ") else one["outcome"]
        vi, _, en = (one["message"] or "").partition(" | ")
        if outcome == "still broken":
            vi = f"{one['outcome'].removeprefix('still ')}: {vi}"
        found[one["returned_place"]] = RowAnswer(one["returned_place"], one["finding_key"], outcome, vi, en)
    return list(found.values())


def _later(day: date | None) -> str:
    if day is None:
        return "dòng đã đúng | the row is right now"
    return (
        f"dòng đã đúng; lỗi này còn trong bản giao ngày {day}, hãy sửa cả ở đó"
        f" | the row is right now; the delivery of {day} still has this finding, repair it there as well"
    )


def _days(recorded: Sequence[Mapping[str, Any]]) -> list[date]:
    return sorted({one["data_date"] for one in recorded if one["data_date"]})


def _key_of(row: BrokenRow | None) -> str | None:
    return row.finding_key if row else None


def refusal(vi: str, en: str) -> Answer:
    """The answer to a file that is refused as a whole."""
    return Answer([RowAnswer("tệp | file", None, "refused", vi, en)])
