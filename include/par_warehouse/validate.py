"""Validate: judge the deliveries of a data date by the rules, file by file and row by row, and take them in.

Three answers (export contract, "What happens to bad input"): a row is accepted or quarantined, a file is accepted or
rejected, and what is rejected or missing is served by the last accepted delivery. All of a date enters the ledger in
one transaction.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from par_warehouse.contract import ROW_RULES, SOURCES, STORED_TYPE, TABLES, TABLES_BY_NAME, Table
from par_warehouse.copying import MAX_PATH, shown
from par_warehouse.dialects.spreadsheet import NUMBERS_PER_SHEET
from par_warehouse.errors import PipelineError
from par_warehouse.evidence import absorb, forget_from
from par_warehouse.findings import identify, keep_rows, place_accounts, place_people, place_units, record_sightings
from par_warehouse.landing import landed, landed_dates
from par_warehouse.ledger import accepted_drops, last_accepted, open_ledger, taken_in
from par_warehouse.quality_gate import Batch, Evaluation, evaluate
from par_warehouse.rules import DELIVERY_FILE_SUITE, Rule, Suite, load_suite, suite_of
from par_warehouse.settings import Settings
from par_warehouse.staged import StagedFile, StagedPart, read_staged, staged_folder

# Columns of a staged file that only help to explain what is wrong with a row.
BESIDE_THE_CONTRACT = ("is_malformed", "part_number", "part_row", "unit_candidates")
_SCHEMAS = ("staged", "passed", "accepted", "serving", "known", "night")


@dataclass
class FileVerdict:
    """How one file of a delivery was judged; becomes a row of ``ops.load_file``."""

    table: Table
    state: str
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_warned: int = 0
    rows_repaired: int = 0
    warnings: str | None = None
    unknown_columns: int | None = None
    sha256: str | None = None
    message: str | None = None
    rule_code: str | None = None
    accepted_path: Path | None = None
    quarantined_path: Path | None = None
    content_hash: str | None = None
    parts: tuple[StagedPart, ...] = ()

    @property
    def parts_carried(self) -> int:
        """Senders in an accepted file that an earlier file of theirs serves."""
        parts = self.parts if self.state == "accepted" else ()
        return sum(part.state != "read" and part.served_from is not None for part in parts)

    @property
    def parts_unserved(self) -> int:
        """Senders in an accepted file that were rejected and have no earlier file to serve: their rows are missing."""
        parts = self.parts if self.state == "accepted" else ()
        return sum(part.state == "rejected" and part.served_from is None for part in parts)


@dataclass(frozen=True)
class NightSummary:
    """What taking in one data date did, in numbers."""

    data_date: date
    files_accepted: int
    files_rejected: int
    files_missing: int
    rows_read: int
    rows_quarantined: int

    def __str__(self) -> str:
        return (
            f"{self.data_date}: {self.files_accepted} files accepted, {self.files_rejected} rejected,"
            f" {self.files_missing} missing; {self.rows_read:,} rows read, {self.rows_quarantined:,} quarantined"
        )


def dates_to_take_in(settings: Settings, data_date: date) -> list[date]:
    """Landed data dates before ``data_date`` that are not taken in as they landed, then ``data_date``; ascending."""
    with open_ledger(settings) as con:
        known = taken_in(con)
    pending = {data_date}
    for source in SOURCES:
        for day in landed_dates(settings, source):
            delivery = landed(settings, source, day)
            if day < data_date and delivery is not None and known.get((day, source)) != delivery.fingerprint:
                pending.add(day)
    return sorted(pending)


def take_in(settings: Settings, data_date: date, run_id: str, data_docs: Path | None = None) -> NightSummary:
    """Judge what was delivered for ``data_date`` and record it; the standardised files must be there.

    Raises PipelineError, with the results recorded, when a rule could not be evaluated.
    """
    with open_ledger(settings) as con:
        night = _Night(settings, con, data_date, run_id)
        night.judge()
        evaluations = evaluate(con, night.batches, data_date.isoformat(), data_docs)
        night.record(evaluations)
    return night.summary()


class _Night:
    """The judgement of one data date on one connection."""

    def __init__(self, settings: Settings, con: duckdb.DuckDBPyConnection, data_date: date, run_id: str) -> None:
        self.settings = settings
        self.con = con
        self.data_date = data_date
        self.run_id = run_id
        self.verdicts: list[FileVerdict] = []
        self.batches: list[Batch] = []
        self.failing_counts: dict[tuple[str, int], int] = {}
        self.not_evaluated: dict[tuple[str, int], str] = {}
        self.deliveries = {source: landed(settings, source, data_date) for source in SOURCES}
        self.standardised = {
            source: read_staged(settings, delivery) if delivery else {} for source, delivery in self.deliveries.items()
        }
        for schema in _SCHEMAS:
            con.execute(f"create schema {schema}")
        con.execute(f"create view night.run as select date '{data_date}' as data_date")
        con.execute(
            "create table quarantine (source varchar, file_name varchar, row_number bigint, rule_codes varchar[],"
            " broken_columns varchar[], column_name varchar, message varchar, sender varchar, agency_code varchar,"
            " person_key varchar, finding_key varchar)"
        )

    def judge(self) -> None:
        """Judge every file, in the order in which they refer to each other."""
        staged = {table: self.standardised[table.source].get(table.name) for table in TABLES}
        refusals = self._judge_files(staged)
        for table in TABLES:
            file = staged[table]
            if file is None:
                verdict = FileVerdict(table, "missing", message=self._why_missing(table))
            elif table in refusals:
                code, message = refusals[table]
                verdict = FileVerdict(table, "rejected", message=message, rule_code=code)
            else:
                verdict = self._judge_rows(table, file)
            if file is not None:
                verdict = replace(verdict, sha256=file.sha256, unknown_columns=file.unknown_columns)
                verdict = replace(verdict, parts=self._judged_parts(verdict, file))
            self.verdicts.append(verdict)
            self._serve(verdict)
            if table.name == "don_vi":
                place_units(self.con)
                place_people(self.con, self._last_accepted_staff())
            if file is not None and verdict.rows_quarantined:
                identify(self.con, table, file)
                verdict.quarantined_path = self._path(self.settings.quarantined, table)
                keep_rows(self.con, table, verdict.quarantined_path)
            if table.name == "nhan_su":
                place_people(self.con, "serving.nhan_su", self._last_accepted_staff())
            if table.name == "mdl_user":
                self._know("account", "user_id", "account_link", "mdl_user")
                place_accounts(self.con, self.data_date)
            if table.name == "mdl_course_modules":
                self._know("module", "course_module_id", "module_link", "mdl_course_modules")

    def _judged_parts(self, verdict: FileVerdict, file: StagedFile) -> tuple[StagedPart, ...]:
        """The parts of a file. One that is the whole of a rejected file is rejected with it, and served as it is."""
        if file.has_parts or verdict.state == "accepted":
            return file.parts
        (part,) = file.parts
        last = last_accepted(self.con, verdict.table, self.data_date, before=True)
        served_from, rows = (last.data_date.isoformat(), last.rows_read) if last else (None, 0)
        problem = part.problem or verdict.message
        return (replace(part, state="rejected", served_from=served_from, rows=rows, problem=problem),)

    def _why_missing(self, table: Table) -> str:
        if self.deliveries[table.source] is None:
            return "Nguồn chưa giao dữ liệu ngày này (không có _SUCCESS). | The source has not delivered (no _SUCCESS)."
        return f"Bản giao thiếu tệp {table.file_name}. | The delivery lacks {table.file_name}."

    def _judge_files(self, staged: dict[Table, StagedFile | None]) -> dict[Table, tuple[str, str]]:
        """Apply the rules on whole files; return rule code and message for each refused file."""
        present = [(table, file) for table, file in staged.items() if file is not None]
        self.con.execute(
            "create table delivery_file (row_number bigint, file_name varchar, problem varchar, missing_columns"
            " bigint, repeated_columns bigint, is_incremental boolean, rows_read bigint, rows_last_accepted bigint)"
        )
        drops = accepted_drops(self.con, self.data_date)
        for number, (table, file) in enumerate(present):
            last = last_accepted(self.con, table, self.data_date, before=True)
            self.con.execute(
                "insert into delivery_file values (?, ?, ?, ?, ?, ?, ?, ?)",
                [number, table.file_name, file.problem, len(file.missing_columns), file.repeated_columns,
                 file.is_incremental, file.rows_read,
                 last.rows_read if last and (table.file_name, file.sha256) not in drops else None],
            )  # fmt: skip
        suite = load_suite(DELIVERY_FILE_SUITE)
        self.batches.append(Batch(suite, "delivery_file"))
        refusals: dict[Table, tuple[str, str]] = {}
        for position, rule in enumerate(suite.rules):
            failing = self._failing_rows(suite.name, position, rule, "delivery_file")
            for number in failing:
                table, file = present[number]
                refusals.setdefault(table, (rule.code, _refusal(rule, file)))
        return refusals

    def _failing_rows(self, suite: str, position: int, rule: Rule, batch: str) -> Sequence[int]:
        """Row numbers that break a rule. For rules with few failing rows."""
        try:
            rows = self.con.execute(rule.failing_rows(batch)).fetchall()
        except duckdb.Error as error:
            self.not_evaluated[suite, position] = str(error).split("\n", 1)[0]
            return []
        self.failing_counts[suite, position] = len(rows)
        return [row[0] for row in rows]

    def _judge_rows(self, table: Table, file: StagedFile) -> FileVerdict:
        con, name, suite = self.con, table.name, suite_of(table)
        con.execute(f"create view staged.{name} as from read_parquet('{file.path}')")
        found = {row[0] for row in con.execute(f"describe staged.{name}").fetchall()}
        beside = ", ".join(column for column in BESIDE_THE_CONTRACT if column in found)
        con.execute(f"create view main.{name} as select * exclude ({beside}) from staged.{name} where not is_malformed")
        self.batches.append(Batch(suite, name))
        con.execute("create or replace table broken (row_number bigint, position integer)")
        uniqueness = [i for i, rule in enumerate(suite.rules) if rule.code == "DUPLICATE_KEY"]
        others = [i for i, rule in enumerate(suite.rules) if rule.severity == "row" and i not in uniqueness]
        self._collect_broken(suite, others, f"main.{name}")
        con.execute(f"create table passed.{name}_not as select distinct row_number from broken")
        con.execute(f"create view passed.{name} as from main.{name} anti join passed.{name}_not using (row_number)")
        self._collect_broken(suite, uniqueness, f"main.{name}")
        path = self._write_accepted(table)
        con.execute(f"create view accepted.{name} as from read_parquet('{path}')")
        for position, rule in enumerate(suite.rules):
            if rule.severity == "file" and self._failing_rows(suite.name, position, rule, f"main.{name}"):
                return FileVerdict(table, "rejected", message=_refusal(rule, file), rule_code=rule.code)
        self._quarantine(table, suite)
        self._explain(table, file, found)
        return self._count(FileVerdict(table, "accepted", rows_read=file.rows_read, accepted_path=path), suite, file)

    def _collect_broken(self, suite: Suite, positions: Sequence[int], batch: str) -> None:
        """Note every row that breaks one of these rules. All in one statement; one by one if that cannot be done."""
        queries = {i: f"select row_number, {i} from ({suite.rules[i].failing_rows(batch)})" for i in positions}
        try:
            self.con.execute(f"insert into broken {' union all '.join(queries.values())}")
        except duckdb.Error:
            for position, query in queries.items():
                try:
                    self.con.execute(f"insert into broken {query}")
                except duckdb.Error as error:
                    self.not_evaluated[suite.name, position] = str(error).split("\n", 1)[0]
        counts = dict(self.con.execute("select position, count(*) from broken group by position").fetchall())
        for position in positions:
            if (suite.name, position) not in self.not_evaluated:
                self.failing_counts[suite.name, position] = counts.get(position, 0)

    def _write_accepted(self, table: Table) -> Path:
        path = self._path(self.settings.accepted, table)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = f"* exclude ({', '.join(table.personal_columns)})" if table.personal_columns else "*"
        self.con.execute(
            f"copy (select {columns} from main.{table.name} anti join broken using (row_number) order by row_number)"
            f" to '{path}' (format parquet, compression zstd)"
        )
        return path

    def _path(self, folder: Path, table: Table) -> Path:
        """Where this run keeps its rows of a table."""
        return folder / table.source / self.data_date.isoformat() / f"{table.name}-{self.run_id}.parquet"

    def _last_accepted_staff(self) -> str:
        """The rows of ``nhan_su`` that were accepted last before this date."""
        last = last_accepted(self.con, TABLES_BY_NAME["nhan_su"], self.data_date, before=True)
        if last is None:
            return "(select null::varchar as person_key, null::varchar as ma_don_vi limit 0)"
        return f"read_parquet('{self.settings.accepted / last.path}')"

    def _quarantine(self, table: Table, suite: Suite) -> None:
        self.con.execute(
            "create or replace table rule (position integer, code varchar, precedence integer, column_name varchar,"
            " message varchar)"
        )
        self.con.executemany(
            "insert into rule values (?, ?, ?, ?, ?)",
            [
                [position, rule.code, ROW_RULES.index(rule.code), rule.column, rule.message]
                for position, rule in enumerate(suite.rules)
                if rule.severity == "row"
            ],
        )
        self.con.execute(
            """
            insert into quarantine
            with breach as (
                select row_number, code, precedence, min(position) as position, list(column_name) as column_names
                from broken join rule using (position)
                group by all
            ),
            codes as (
                select row_number, list(code order by precedence) as rule_codes,
                    arg_min(position, precedence) as position,
                    list_sort(flatten(list(column_names) filter (code not in ('BAD_ROW', 'DUPLICATE_KEY'))))
                        as broken_columns
                from breach
                group by row_number
            )
            select ?, ?, codes.row_number, codes.rule_codes, coalesce(codes.broken_columns, []), rule.column_name,
                rule.message, null, null, null, null
            from codes join rule using (position)
            """,
            [table.source, table.file_name],
        )

    def _explain(self, table: Table, file: StagedFile, columns: set[str]) -> None:
        """Add to the messages what only this delivery knows: the nearest units; the sender's file, sheet and row."""
        remarks = []
        if "unit_candidates" in columns:
            remarks.append(
                "case when rule_codes[1] = 'UNKNOWN_UNIT' and unit_candidates is not null"
                " then ' (gần nhất | nearest: ' || unit_candidates || ')' end"
            )
        if any(part.file_name != table.file_name for part in file.parts):
            part_number, row = ("part_number", "part_row") if file.has_parts else ("0", "origin.row_number")
            places = " ".join(f"when {number} then {_place(part, row)}" for number, part in enumerate(file.parts))
            remarks.append(f"' (' || case {part_number} {places} end || ')'")
        if remarks:
            self.con.execute(
                f"update quarantine set message = concat(message, {', '.join(remarks)})"
                f" from staged.{table.name} as origin where file_name = '{table.file_name}'"
                " and quarantine.row_number = origin.row_number"
            )

    def _count(self, verdict: FileVerdict, suite: Suite, file: StagedFile) -> FileVerdict:
        """Fill in the audit counts of an accepted file. Raises PipelineError if a row is lost or counted twice."""
        name = verdict.table.name
        quarantined = self._number("select count(distinct row_number) from broken")
        accepted = self._number(f"select count(*) from accepted.{name}")
        if verdict.rows_read != accepted + quarantined:
            raise PipelineError(
                f"{verdict.table.file_name}: {verdict.rows_read} rows read, but {accepted} accepted and {quarantined}"
                " quarantined. Nothing was taken in; this is a fault of the warehouse, please report it."
            )
        warnings = [(i, rule) for i, rule in enumerate(suite.rules) if rule.severity == "warning"]
        self.con.execute("create or replace table warned (row_number bigint, code varchar)")
        for position, rule in warnings:
            query = rule.failing_rows(f"main.{name}")
            try:
                self.con.execute(f"insert into warned select row_number, '{rule.code}' from ({query})")
            except duckdb.Error as error:
                self.not_evaluated[suite.name, position] = str(error).split("\n", 1)[0]
                continue
            self.failing_counts[suite.name, position] = self._number(
                f"select count(*) from warned where code = '{rule.code}'"
            )
        counts = {rule.code: self.failing_counts.get((suite.name, position), 0) for position, rule in warnings}
        refused = self.con.execute(
            "select string_agg(distinct row_number, ',' order by row_number) from broken"
        ).fetchone()
        corrections = "".join(part.corrections for part in file.parts)
        content = f"{file.sha256} {refused[0] if refused else None}{corrections}"
        return replace(
            verdict,
            rows_accepted=accepted,
            rows_quarantined=quarantined,
            rows_warned=self._number("select count(distinct row_number) from warned"),
            rows_repaired=counts.get("REPAIRED_ID", 0),
            warnings=", ".join(f"{code} {count}" for code, count in counts.items() if count) or None,
            content_hash=hashlib.sha256(content.encode()).hexdigest(),
        )

    def _serve(self, verdict: FileVerdict) -> None:
        """Make the accepted rows that serve this date readable as ``serving.<table>``."""
        table, path = verdict.table, verdict.accepted_path
        if path is None:
            last = last_accepted(self.con, table, self.data_date, before=True)
            path = self.settings.accepted / last.path if last else None
        if path is not None:
            self.con.execute(f"create view serving.{table.name} as from read_parquet('{path}')")
        else:
            columns = ", ".join(f"{column.name} {STORED_TYPE[column.kind]}" for column in table.stored_columns)
            self.con.execute(f"create table serving.{table.name} (row_number bigint, person_key varchar, {columns})")

    def _know(self, view: str, key: str, link: str, table: str) -> None:
        """Accounts or modules in any accepted delivery up to this date, as ``known.<view>``."""
        self.con.execute(
            f"create view known.{view} as select {key} from ledger.evidence.{link}"
            f" where delivery_date < date '{self.data_date}' union all select id from serving.{table}"
        )

    def record(self, evaluations: Sequence[Evaluation]) -> None:
        """Write the judgement to the ledger in one transaction. Raises PipelineError when a rule was not evaluated."""
        problems = self._problems(evaluations)
        self.con.execute("begin")
        self._record_evaluations(evaluations)
        if not problems:
            before = self._content_hashes()
            self._record_files()
            if self._content_hashes() != before:
                self._renew_evidence()
        self.con.execute("commit")
        if problems:
            raise PipelineError(
                f"{len(problems)} rules could not be evaluated on {self.data_date}, the first: {problems[0]}. "
                "Nothing was taken in. Correct the expectation (ops.dq_result has all errors) and run the night again."
            )
        self._remove_replaced_files()

    def _problems(self, evaluations: Sequence[Evaluation]) -> list[str]:
        problems = [f"{suite} #{position}: {error}" for (suite, position), error in self.not_evaluated.items()]
        for one in evaluations:
            own = self.failing_counts.get((one.suite, one.position))
            if one.error is not None:
                problems.append(f"{one.suite} #{one.position}: {one.error}")
            elif own is not None and own != one.unexpected_count:
                problems.append(
                    f"{one.suite} #{one.position}: {one.unexpected_count} rows by Great Expectations, {own} by query"
                )
        return problems

    def _record_evaluations(self, evaluations: Sequence[Evaluation]) -> None:
        rules = {batch.suite.name: batch.suite.rules for batch in self.batches}
        self.con.execute("delete from ledger.ops.dq_result where data_date = ?", [self.data_date])
        for one in evaluations:
            rule = rules[one.suite][one.position]
            error = one.error or self.not_evaluated.get((one.suite, one.position))
            self.con.execute(
                "insert into ledger.ops.dq_result values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [self.run_id, self.data_date, one.suite, rule.type, rule.column, rule.code, rule.severity,
                 None if error else one.success, one.observed_value, one.unexpected_count, error],
            )  # fmt: skip

    def _record_files(self) -> None:
        con, day = self.con, self.data_date
        for name in ("load_file", "delivery_part", "quarantine_row", "taken_in"):
            con.execute(f"delete from ledger.ops.{name} where data_date = ?", [day])
        for verdict in self.verdicts:
            table, path = verdict.table, verdict.accepted_path if verdict.state == "accepted" else None
            kept = verdict.quarantined_path
            last = last_accepted(con, table, day, before=True)
            served_from = day if path else last.data_date if last else None
            con.execute(
                "insert into ledger.ops.load_file"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [self.run_id, day, table.source, table.file_name, verdict.state, served_from, verdict.rows_read,
                 verdict.rows_accepted, verdict.rows_quarantined, verdict.rows_warned, verdict.rows_repaired,
                 verdict.warnings, verdict.unknown_columns, verdict.sha256, verdict.message,
                 str(path.relative_to(self.settings.accepted)) if path else None, verdict.content_hash,
                 verdict.parts_carried, verdict.rule_code,
                 str(kept.relative_to(self.settings.quarantined)) if kept else None, verdict.parts_unserved],
            )  # fmt: skip
        con.execute(
            "insert into ledger.ops.quarantine_row"
            " select ?, ?, source, file_name, row_number, rule_codes[1], rule_codes, column_name, message, finding_key,"
            " agency_code, person_key from quarantine order by source, file_name, row_number",
            [self.run_id, day],
        )
        self._record_parts()
        record_sightings(con, self.run_id, day)
        for source, delivery in self.deliveries.items():
            if delivery is not None:
                con.execute("insert into ledger.ops.taken_in values (?, ?, ?)", [day, source, delivery.fingerprint])

    def _record_parts(self) -> None:
        judged = {verdict.table.name: verdict.parts for verdict in self.verdicts}
        for source, tables in self.standardised.items():
            for name, file in tables.items():
                for part in judged.get(name, file.parts):
                    self.con.execute(
                        "insert into ledger.ops.delivery_part values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        [self.run_id, self.data_date, source, f"{name}.csv", part.feed, shown(part.part, MAX_PATH),
                         part.file_name, part.dialect, part.state, part.served_from, part.rows, part.unknown_columns,
                         ", ".join(part.forbidden_columns) or None,
                         ", ".join(f"{note} {count}" for note, count in part.notes.items()) or None, part.sha256,
                         part.problem],
                    )  # fmt: skip

    def _content_hashes(self) -> list[tuple[str, str]]:
        return self.con.execute(
            "select file_name, content_hash from ledger.ops.load_file"
            " where data_date = ? and source = 'elearning' and state = 'accepted' order by all",
            [self.data_date],
        ).fetchall()

    def _renew_evidence(self) -> None:
        """Absorb this delivery, and again those after it: what they prove beyond it may have changed."""
        forget_from(self.con, self.data_date)
        rows = self.con.execute(
            "select data_date, file_name, accepted_path from ledger.ops.load_file"
            " where data_date >= ? and source = 'elearning' and state = 'accepted' order by all",
            [self.data_date],
        ).fetchall()
        for day in sorted({row[0] for row in rows}):
            files = {name.removesuffix(".csv"): self.settings.accepted / path for d, name, path in rows if d == day}
            absorb(self.con, day, files)

    def _remove_replaced_files(self) -> None:
        for folder, column in (
            (self.settings.accepted, "accepted_path"),
            (self.settings.quarantined, "quarantined_path"),
        ):
            query = f"select {column} from ledger.ops.load_file where data_date = ?"
            known = {row[0] for row in self.con.execute(query, [self.data_date]).fetchall()}
            for path in folder.glob(f"*/{self.data_date.isoformat()}/*.parquet"):
                if str(path.relative_to(folder)) not in known:
                    path.unlink()
        for source in SOURCES:
            shutil.rmtree(staged_folder(self.settings, source, self.data_date), ignore_errors=True)

    def summary(self) -> NightSummary:
        """The numbers of this date."""
        states = [verdict.state for verdict in self.verdicts]
        return NightSummary(
            self.data_date,
            states.count("accepted"),
            states.count("rejected"),
            states.count("missing"),
            sum(verdict.rows_read for verdict in self.verdicts),
            sum(verdict.rows_quarantined for verdict in self.verdicts),
        )

    def _number(self, query: str) -> int:
        row = self.con.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def _place(part: StagedPart, row: str) -> str:
    """SQL that says where a row of a part is, as its sender sees it."""
    name = part.file_name.replace("'", "''")
    if part.dialect != "spreadsheet":
        return f"'{name}, dòng | row ' || {row}"
    sheet = f"if({row} < {NUMBERS_PER_SHEET}, '', 'trang tính | sheet ' || {row} // {NUMBERS_PER_SHEET} || ', ')"
    return f"'{name}, ' || {sheet} || 'dòng | row ' || {row} % {NUMBERS_PER_SHEET}"


def _refusal(rule: Rule, file: StagedFile) -> str:
    details = [file.problem] if file.problem else []
    if file.missing_columns:
        details.append("thiếu cột | columns missing: " + ", ".join(file.missing_columns))
    rows = f"{file.rows_read:,}"
    held = f"tệp có {rows} dòng | the file held {rows} rows"
    if file.problem:
        held = "không đếm được số dòng | the rows could not be counted"
    return f"{rule.code}: {rule.message} ({'; '.join([*details, held])})"
