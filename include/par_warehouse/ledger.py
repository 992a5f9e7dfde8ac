"""The ledger: what was taken in, how it was judged, which rows serve a date, and the learning evidence that stays.

One DuckDB file, one writer. A data date is taken in within one transaction, so the ledger holds all of it or nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from par_warehouse.contract import TABLES, Table
from par_warehouse.errors import ParError
from par_warehouse.settings import Settings

_SCHEMA = """
create schema if not exists ops;
create schema if not exists evidence;
create table if not exists ops.taken_in (
    data_date date, source varchar, fingerprint varchar, primary key (data_date, source)
);
create table if not exists ops.load_file (
    run_id varchar, data_date date, source varchar, file_name varchar, state varchar, served_from_date date,
    rows_read bigint, rows_accepted bigint, rows_quarantined bigint, rows_warned bigint, rows_repaired bigint,
    warnings varchar, unknown_columns bigint, sha256 varchar, message varchar, accepted_path varchar,
    content_hash varchar, parts_carried bigint default 0, rule_code varchar, quarantined_path varchar,
    parts_unserved bigint default 0
);
alter table ops.load_file add column if not exists parts_carried bigint default 0;
alter table ops.load_file add column if not exists rule_code varchar;
alter table ops.load_file add column if not exists quarantined_path varchar;
alter table ops.load_file add column if not exists parts_unserved bigint default 0;
create table if not exists ops.delivery_part (
    run_id varchar, data_date date, source varchar, file_name varchar, feed varchar, part varchar,
    delivered_name varchar, dialect varchar, state varchar, served_from_date date, rows_read bigint,
    unknown_columns bigint, forbidden_columns varchar, notes varchar, sha256 varchar, message varchar
);
create table if not exists ops.quarantine_row (
    run_id varchar, data_date date, source varchar, file_name varchar, row_number bigint, rule_code varchar,
    rule_codes varchar[], column_name varchar, message varchar, finding_key varchar, agency_code varchar,
    person_key varchar
);
alter table ops.quarantine_row add column if not exists finding_key varchar;
alter table ops.quarantine_row add column if not exists agency_code varchar;
alter table ops.quarantine_row add column if not exists person_key varchar;
create table if not exists ops.finding_sighting (
    run_id varchar, data_date date, finding_key varchar, kind varchar, source varchar, file_name varchar,
    sender varchar, agency_code varchar, person_key varchar, rule_code varchar, column_name varchar,
    row_number bigint, message varchar, is_gone boolean
);
create table if not exists ops.finding_waiver (
    finding_key varchar, person_key varchar, waived_by varchar, reason varchar, until_date date, waived_at timestamp
);
create table if not exists ops.told (scope varchar primary key, data_date date);
create table if not exists ops.finding_told (
    scope varchar, finding_key varchar, person_key varchar, state varchar, rule_code varchar, times_opened bigint,
    is_escalated boolean
);
create table if not exists ops.message (
    message_id varchar primary key, data_date date, kind varchar, channel varchar, scope varchar, state varchar,
    attempts bigint, queued_at timestamp, sent_at timestamp, problem varchar
);
create table if not exists ops.dq_result (
    run_id varchar, data_date date, suite varchar, expectation varchar, column_name varchar, rule_code varchar,
    severity varchar, success boolean, observed_value varchar, unexpected_count bigint, error varchar
);
create table if not exists ops.raw_file_deletion (
    source varchar, data_date date, stored_name varchar, file_name varchar, sha256 varchar, bytes bigint, as_of date,
    keep_days bigint, state varchar, recorded_at timestamp
);
create table if not exists ops.correction (
    data_date date, source varchar, file_name varchar, row_number bigint, finding_key varchar, person_key varchar,
    agency_code varchar, delivered_on date, feed varchar, part varchar, part_row bigint, column_name varchar,
    old_value_hash varchar, new_value_hash varchar, action varchar, submitted_by varchar, submitted_at timestamp,
    file_sha256 varchar, returned_place varchar, outcome varchar, message varchar
);
create table if not exists ops.file_decision (
    data_date date, source varchar, file_name varchar, sha256 varchar, decision varchar,
    rows_last_accepted bigint, decided_by varchar, reason varchar, decided_at timestamp
);
create table if not exists evidence.completion (
    user_id bigint, course_id bigint, completed_at timestamp, delivery_date date, row_number bigint
);
create table if not exists evidence.view (
    user_id bigint, course_module_id bigint, viewed_at timestamp, delivery_date date, row_number bigint
);
create table if not exists evidence.account_link (user_id bigint, person_key varchar, delivery_date date);
create table if not exists evidence.course_link (course_id bigint, ma_khoa_hoc varchar, delivery_date date);
create table if not exists evidence.module_link (course_module_id bigint, ma_hoc_lieu varchar, delivery_date date);
"""

OPS_TABLES = {
    "load_file": "run_id, data_date, source, file_name, state, served_from_date, rows_read, rows_accepted,"
    " rows_quarantined, rows_warned, rows_repaired, warnings, unknown_columns, sha256, message, parts_carried,"
    " parts_unserved, rule_code",
    "delivery_part": "run_id, data_date, source, file_name, feed, part, delivered_name, dialect, state,"
    " served_from_date, rows_read, unknown_columns, forbidden_columns, notes, sha256, message",
    "quarantine_row": "run_id, data_date, source, file_name, row_number, rule_code, rule_codes, column_name, message,"
    " finding_key, agency_code, person_key",
    "finding_sighting": "run_id, data_date, finding_key, kind, source, file_name, sender, agency_code, person_key,"
    " rule_code, column_name, row_number, message, is_gone",
    "dq_result": "run_id, data_date, suite, expectation, column_name, rule_code, severity, success, observed_value,"
    " unexpected_count, error",
}
"""The tables of schema ``ops`` that are published, with their published columns."""

ACCEPTED_DROP, REFUSED_DROP = "accepted", "refused"
"""The decisions on a file whose only fault is that it has far fewer rows than the one before."""
DECISION_TABLES = ("correction", "file_decision")
"""What people decided about deliveries: tables of schema ``ops`` that are published whole."""


@dataclass(frozen=True)
class AcceptedFile:
    """The accepted rows of one file of one delivery.

    ``parts_not_new`` counts its senders that an earlier file of theirs serves, or that were rejected without one.
    """

    data_date: date
    path: str
    rows_read: int
    parts_not_new: int


@contextmanager
def open_ledger(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the ledger attached under the catalog name ``ledger``; everything else is in memory.

    Raises ParError when another process has it open.
    """
    settings.ledger.parent.mkdir(parents=True, exist_ok=True)
    scratch = settings.work / "spill"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
        "temp_directory": str(scratch),
        "preserve_insertion_order": "true",
    }
    with duckdb.connect(config=config) as con:
        try:
            con.execute(f"attach '{settings.ledger}' as ledger")
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise
            raise ParError("Another process is writing the warehouse. Wait for its end, then repeat.") from None
        settings.ledger.chmod(0o600)
        con.execute("use ledger")
        con.execute(_SCHEMA)
        con.execute("use memory")
        yield con


def taken_in(con: duckdb.DuckDBPyConnection) -> dict[tuple[date, str], str]:
    """Fingerprint of every delivery taken in, by data date and source."""
    rows = con.execute("select data_date, source, fingerprint from ledger.ops.taken_in").fetchall()
    return {(day, source): fingerprint for day, source, fingerprint in rows}


def last_accepted(
    con: duckdb.DuckDBPyConnection, table: Table, data_date: date, *, before: bool = False
) -> AcceptedFile | None:
    """The accepted file that serves ``data_date``; with ``before`` the last one accepted before that date."""
    row = con.execute(
        f"""
        select data_date, accepted_path, rows_read, parts_carried + parts_unserved from ledger.ops.load_file
        where source = ? and file_name = ? and state = 'accepted' and data_date {"<" if before else "<="} ?
        order by data_date desc limit 1
        """,
        [table.source, table.file_name, data_date],
    ).fetchone()
    return None if row is None else AcceptedFile(*row)


def accepted_drops(con: duckdb.DuckDBPyConnection, data_date: date) -> set[tuple[str, str]]:
    """File names and hashes of the files of a date whose low number of rows somebody has accepted."""
    return set(
        con.execute(
            "select file_name, sha256 from ledger.ops.file_decision where data_date = ? and decision = ?",
            [data_date, ACCEPTED_DROP],
        ).fetchall()
    )


def files_without_service(con: duckdb.DuckDBPyConnection, data_date: date) -> list[str]:
    """Names of the contract's files that no delivery serves on ``data_date``."""
    return [table.file_name for table in TABLES if last_accepted(con, table, data_date) is None]
