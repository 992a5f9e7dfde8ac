"""Standardise: turn a landed file into a contract table without personal data.

Each cell is cleaned (NFC, white space), then turned into the type of its column. A value that cannot be turned becomes
the *unreadable mark* of its type, which lies outside every allowed set and range, so that the rule in
``expectations/`` finds it and no delivered text travels on. From here on a person is a ``person_key``.

Staged file: one row per record, ``row_number`` (from 1, after the header), ``is_malformed`` (another number of fields
than the header; all other cells are then NULL), then the stored columns of the contract.
"""

import json
import unicodedata
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import parquet

from par_warehouse.contract import STORED_TYPE, Column, Kind, Table, tables_of
from par_warehouse.csv_records import Records, UnreadableFile, read_header, read_records
from par_warehouse.landing import LandedFile, landed
from par_warehouse.pseudonym import incoming_persons, person_secret, register_hmac, remember_persons
from par_warehouse.settings import Settings

UNREADABLE = {
    "VARCHAR": "'?'",
    "DATE": "date '0001-01-01'",
    "TIMESTAMP": "timestamp '0001-01-01'",
    "INTEGER": "-1",
    "BIGINT": "-1",
    "DOUBLE": "'-infinity'::double",
}
"""The unreadable mark of each stored type, as SQL."""

# White space as Unicode defines it (property White_Space).
_WHITE_SPACE = r"[\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+"
# What could be an identification number, an old one of 9 digits included, inside another text.
_LIKE_A_NUMBER_OF_A_PERSON = "[0-9]{9,}"


@dataclass(frozen=True)
class StagedFile:
    """What ``standardise`` found in one delivered file. ``problem`` names why the file cannot be read, else None."""

    path: str
    sha256: str
    rows_read: int
    problem: str | None
    missing_columns: tuple[str, ...]
    repeated_columns: int
    unknown_columns: int


def standardise(settings: Settings, source: str, data_date: date) -> dict[str, StagedFile]:
    """Stage every landed file of a delivery; return the staged files by file name (none if nothing has landed)."""
    delivery = landed(settings, source, data_date)
    if delivery is None:
        return {}
    staged = {}
    for table in tables_of(source):
        file = delivery.files.get(table.file_name)
        if file is None:
            continue
        known = read_staged(settings, table, data_date, file.sha256)
        staged[table.file_name] = known or _stage(settings, table, data_date, file)
    remember_persons(settings)
    return staged


def read_staged(settings: Settings, table: Table, data_date: date, sha256: str) -> StagedFile | None:
    """The staged form of these very bytes, None when they are not staged."""
    try:
        facts = json.loads(_facts_path(settings, table, data_date).read_text())
    except FileNotFoundError:
        return None
    if facts["sha256"] != sha256:
        return None
    facts["missing_columns"] = tuple(facts["missing_columns"])
    return StagedFile(**facts)


def _stage(settings: Settings, table: Table, data_date: date, file: LandedFile) -> StagedFile:
    facts_path = _facts_path(settings, table, data_date)
    facts_path.parent.mkdir(parents=True, exist_ok=True)
    facts_path.unlink(missing_ok=True)
    target = facts_path.with_suffix(".parquet")
    names: list[str] = []
    rows_read, problem = 0, None
    try:
        names = [clean(name) for name in read_header(file.path)]
        rows_read = _write_rows(settings, table, data_date, file.path, names, target)
    except UnreadableFile as error:
        problem = str(error)
    missing = tuple(column.name for column in table.columns if column.name not in names) if names else ()
    staged = StagedFile(
        path=str(target),
        sha256=file.sha256,
        rows_read=rows_read,
        problem=problem,
        missing_columns=missing,
        repeated_columns=len(names) - len(set(names)),
        unknown_columns=len(set(names) - {column.name for column in table.columns}),
    )
    partial = facts_path.with_suffix(".part")
    partial.write_text(json.dumps(asdict(staged)))
    partial.replace(facts_path)
    return staged


def clean(text: str) -> str:
    """NFC, white space collapsed and trimmed: what the contract does to every text before anything else."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _write_rows(settings: Settings, table: Table, data_date: date, path: Path, names: list[str], target: Path) -> int:
    """Write the staged rows (none when a listed column is missing or repeated) and count the records."""
    columns = {column.name for column in table.columns}
    usable = columns <= set(names) and len(set(names)) == len(names)
    wanted = {column.name: names.index(column.name) for column in table.stored_columns} if usable else {}
    rows = 0
    with duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": settings.threads}) as con:
        register_hmac(con, person_secret(settings))
        with _Writers(settings, table, data_date, target) as writers:
            for records in read_records(path, wanted, len(names)):
                rows += len(records.numbers) + len(records.malformed)
                if usable:
                    writers.write(con, records)
    return rows


class _Writers:
    """Parquet files that grow chunk by chunk: the staged rows, and the persons for the vault."""

    def __init__(self, settings: Settings, table: Table, data_date: date, target: Path) -> None:
        self.table = table
        self.target = target
        name = f"{table.source}-{data_date.isoformat()}-{table.name}"
        self.persons = incoming_persons(settings, name) if table.person_column else None
        self.writers: dict[Path, parquet.ParquetWriter] = {}

    def __enter__(self) -> "_Writers":
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self.writers.values():
            writer.close()

    def write(self, con: duckdb.DuckDBPyConnection, records: Records) -> None:
        """Convert one run of records and append it to the files."""
        chunk = records.table.append_column("row_number", pa.array(records.numbers))
        con.register("chunk", chunk)
        con.register("malformed", pa.table({"row_number": pa.array(records.malformed)}))
        cleaned = [_cleaned(column.name, records.is_plain) for column in self.table.stored_columns]
        con.execute(f"create or replace temp table cells as select row_number, {', '.join(cleaned)} from chunk")
        cells = "cells"
        if person := self.table.person_column:
            con.execute(_persons_sql(self.table, person))
            cells += f" left join person on so_dinh_danh_12 = {person_digits(person)}"
        converted = ", ".join(_conversion(column) for column in self.table.stored_columns)
        rows = con.execute(
            f"select row_number, false as is_malformed, {converted} from {cells} union all by name"
            " select row_number, true as is_malformed from malformed order by row_number"
        ).to_arrow_table()
        self._append(self.target, rows)
        if self.persons is not None:
            persons = "select person_key, so_dinh_danh_12 as so_dinh_danh, name as ho_ten from person order by all"
            self._append(self.persons, con.execute(persons).to_arrow_table())
        con.unregister("chunk")
        con.unregister("malformed")

    def _append(self, path: Path, rows: pa.Table) -> None:
        if path not in self.writers:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.writers[path] = parquet.ParquetWriter(path, rows.schema, compression="zstd")
        self.writers[path].write_table(rows)


def _cleaned(name: str, is_plain: bool) -> str:
    if is_plain:
        return f"nullif({name}, '') as {name}"
    collapsed = f"regexp_replace(nfc_normalize({name}), '{_WHITE_SPACE}', ' ', 'g')"
    return f"nullif(trim({collapsed}), '') as {name}"


def _conversion(column: Column) -> str:
    """SQL that gives the stored value of a cleaned cell; a person's column gives a status and the ``person_key``."""
    name, kind = column.name, column.kind
    if kind is Kind.PERSON_ID:
        return (
            f"case when {name} is null then null when so_dinh_danh_12 is null then 'invalid'"
            f" when so_dinh_danh_12 = {name} then 'valid' else 'repaired' end as {name}, person_key"
        )
    unreadable = UNREADABLE[STORED_TYPE[kind]]
    return f"{_typed(name, kind, unreadable)} as {name}"


def _typed(cell: str, kind: Kind, unreadable: str) -> str:
    match kind:
        case Kind.NAME:
            return f"case when {cell} is not null then 'x' end"
        case Kind.TEXT:
            return f"regexp_replace({cell}, '{_LIKE_A_NUMBER_OF_A_PERSON}', '…', 'g')"
        case Kind.CODE:
            # A code that looks like a person's number or name is hashed: still equal to itself, readable to nobody.
            return (
                f"case when {cell} is null then null when regexp_full_match({cell}, '[^ ]{{1,40}}')"
                f" and not regexp_full_match({cell}, '''?[0-9]{{9,12}}') then {cell}"
                f" else '#' || left(keyed_hash({cell}), 32) end"
            )
        case Kind.TOKEN:
            return f"left(keyed_hash({cell}), 32)"
        case Kind.LIST:
            return (
                f"case when {cell} is null or (regexp_full_match({cell}, '[A-Za-z0-9_]{{1,20}}')"
                f" and not regexp_matches({cell}, '{_LIKE_A_NUMBER_OF_A_PERSON}')) then {cell} else {unreadable} end"
            )
        case Kind.DATE | Kind.CHECKED_DATE:
            return (
                f"case when {cell} is null then null else coalesce("
                f"case when regexp_full_match({cell}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
                f" then try_strptime({cell}, '%Y-%m-%d')::date"
                f" when regexp_full_match({cell}, '[0-9]{{2}}/[0-9]{{2}}/[0-9]{{4}}')"
                f" then try_strptime({cell}, '%d/%m/%Y')::date end, {unreadable}) end"
            )
        case Kind.YEAR:
            digits = f"regexp_full_match({cell}, '[0-9]{{4}}')"
            return f"case when {cell} is null then null when {digits} then {cell}::integer else {unreadable} end"
        case Kind.EPOCH:
            # Asia/Ho_Chi_Minh has been UTC+7 without daylight saving since 1975; 0 means "not set".
            seconds = f"case when regexp_full_match({cell}, '-?[0-9]+') then try_cast({cell} as bigint) end"
            local = (
                f"case when ({seconds}) between -62135596800 and 253402300799"
                f" then make_timestamp((({seconds}) + 25200) * 1000000) else {unreadable} end"
            )
            return f"case when {cell} is null or ({seconds}) = 0 then null else {local} end"
        case Kind.WHOLE:
            whole = f"case when regexp_full_match({cell}, '[0-9]+') then try_cast({cell} as bigint) end"
            return f"case when {cell} is null then null else coalesce({whole}, {unreadable}) end"
        case Kind.DECIMAL:
            decimal = f"case when regexp_full_match({cell}, '-?[0-9]+([.][0-9]+)?') then try_cast({cell} as double) end"
            return f"case when {cell} is null then null else coalesce({decimal}, {unreadable}) end"
    raise ValueError(f"{kind} is not stored")


def person_digits(cell: str) -> str:
    """SQL for the 12 digits of an identification number after the contract's repair, NULL when it is invalid."""
    stripped = f"regexp_replace({cell}, '^''', '')"
    return f"case when regexp_full_match({stripped}, '[0-9]{{10,12}}') then lpad({stripped}, 12, '0') end"


def _persons_sql(table: Table, person_column: str) -> str:
    """SQL that makes the table ``person`` of a run of cells: each person is hashed once, however many rows it has."""
    digits = person_digits(person_column)
    name = "ho_ten" if any(column.kind is Kind.NAME for column in table.columns) else "null::varchar"
    return (
        "create or replace temp table person as"
        f" with known as (select {digits} as so_dinh_danh_12, max({name}) as name from cells group by all)"
        " select so_dinh_danh_12, keyed_hash(so_dinh_danh_12) as person_key, name"
        " from known where so_dinh_danh_12 is not null"
    )


def _facts_path(settings: Settings, table: Table, data_date: date) -> Path:
    return settings.staged / table.source / data_date.isoformat() / f"{table.name}.json"
