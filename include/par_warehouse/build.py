"""Build: one dbt run into a file aside, which starts as a copy of the present publication.

``work/`` holds one build at a time: the build file, the scratch database with the accepted rows that serve the data
date, and ``build.json`` that says what is being built on which publication.
"""

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from par_warehouse.contract import STORED_TYPE, TABLES, Table
from par_warehouse.errors import ParError, PipelineError
from par_warehouse.findings import life_events, lives
from par_warehouse.ledger import DECISION_TABLES, OPS_TABLES, last_accepted, open_ledger
from par_warehouse.settings import PROJECT_ROOT, Settings
from par_warehouse.watch import watch

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_RESULT_COLUMNS = "run_id varchar, data_date date, node varchar, kind varchar, status varchar, failures bigint"

_DELETIONS = """
create or replace table build.ops.raw_file_deletion as
select source, data_date, file_name, sha256, bytes, as_of, keep_days, recorded_at as deleted_at
from ledger.ops.raw_file_deletion
where state = 'deleted'
order by all
"""

_MESSAGES = """
create or replace table build.ops.message as
select data_date, kind, channel, scope,
    row_number() over (partition by data_date, kind, channel, scope order by queued_at, message_id) as number, state,
    attempts, queued_at, sent_at
from ledger.ops.message
order by all
"""


@dataclass(frozen=True)
class Build:
    """A version of the publication in the making."""

    data_date: str
    run_id: str
    base: str | None
    """File name of the published version it started from, None for the first."""
    is_audited: bool = False

    @property
    def version_name(self) -> str:
        """File name of the version once it is published."""
        slug = "".join(character if character.isalnum() else "-" for character in self.run_id)
        return f"{self.data_date}-{slug}.duckdb"


def build_file(settings: Settings) -> Path:
    """The version in the making. Its path never changes, or dbt would parse the whole project anew each night."""
    return settings.work / "par.duckdb"


def build(settings: Settings, data_date: date, run_id: str) -> Build:
    """Compute the marts of ``data_date`` into a new version aside; earlier dates are kept as published.

    Raises PipelineError when a model or a test of a model fails.
    """
    shutil.rmtree(settings.work, ignore_errors=True)
    settings.work.mkdir(parents=True)
    base = settings.current.resolve() if settings.current.exists() else None
    present = Build(data_date.isoformat(), run_id, base.name if base else None)
    if base is not None:
        shutil.copyfile(base, build_file(settings))
    note_build(settings, present)
    _serve(settings, data_date)
    results = run_dbt(settings, present, ["build", "--exclude-resource-types", "unit_test", "test"])
    _copy_ops(settings, present, results)
    watch(settings, build_file(settings), data_date, run_id)
    return present


def note_build(settings: Settings, present: Build) -> None:
    """Write down what ``work/`` holds."""
    (settings.work / "build.json").write_text(json.dumps(asdict(present)))


def present_build(settings: Settings, data_date: date, run_id: str) -> Build:
    """The build of this run in ``work/``. Raises ParError when there is none, or when it is another run's."""
    try:
        present = Build(**json.loads((settings.work / "build.json").read_text()))
    except FileNotFoundError:
        raise ParError("There is no build to go on with. Run this night again from the step build.") from None
    if (present.data_date, present.run_id) != (data_date.isoformat(), run_id):
        raise ParError(
            f"Another run, of {present.data_date}, has begun to build meanwhile; this run publishes nothing. "
            "Let one run end before the next begins, and run this night again from the step build."
        )
    return present


def run_dbt(settings: Settings, present: Build, command: list[str]) -> list[dict[str, Any]]:
    """Run one dbt command in this process on the present build; return one result per node.

    Raises PipelineError naming the first node that failed.
    """
    os.environ.update(
        PAR_BUILD_FILE=str(build_file(settings)),
        PAR_WORK_FILE=str(settings.work / "scratch.duckdb"),
        PAR_LEDGER_FILE=str(settings.ledger),
        PAR_AS_OF_DATE=present.data_date,
        PAR_DUCKDB_MEMORY_LIMIT=settings.memory_limit,
        DO_NOT_TRACK="1",
    )
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    options = {
        "--project-dir": DBT_PROJECT,
        "--profiles-dir": DBT_PROJECT,
        "--target-path": settings.data_dir / "dbt" / "target",
        "--log-path": settings.logs / "dbt",
        "--log-level": "none",
        "--log-level-file": "info",
    }
    outcome = dbtRunner().invoke(
        [*command, "--no-write-json", *(str(part) for option in options.items() for part in option)]
    )
    if not isinstance(outcome.result, RunExecutionResult):
        log = options["--log-path"]
        raise PipelineError(f"dbt could not run: {_first_line(outcome.exception)}. Its log is in {log}.")
    results = [
        {
            "node": result.node.name,
            "kind": str(result.node.resource_type),
            "status": str(result.status),
            "failures": result.failures,
            "message": result.message,
        }
        for result in outcome.result.results
    ]
    bad = [result for result in results if result["status"] not in ("success", "pass")]
    if bad:
        raise PipelineError(
            f"dbt {command[0]} failed at {bad[0]['kind']} {bad[0]['node']}: {_first_line(bad[0]['message'])}"
            f" ({len(bad)} of {len(results)} nodes not good). The publication is unchanged."
        )
    return results


def _serve(settings: Settings, data_date: date) -> None:
    """Write the scratch database: a view per contract file on the rows that serve the date, and ``file_serving``;
    the rows that were quarantined in these deliveries, and the findings as of the date."""
    scratch = settings.work / "scratch.duckdb"
    with open_ledger(settings) as con:
        con.execute(f"attach '{scratch}' as scratch")
        con.execute("create schema scratch.serving")
        con.execute(
            "create table scratch.serving.file_serving (source varchar, file_name varchar, served_from_date date,"
            " is_carried_forward boolean)"
        )
        lives(con, data_date)
        con.execute("create table scratch.serving.finding as from finding")
        con.execute(
            "create table scratch.serving.quarantined_row as select row.* from ledger.ops.quarantine_row as row"
            " semi join ("
            "   select source, file_name, served_from_date as data_date from ledger.ops.load_file where data_date = ?"
            " ) as served using (source, file_name, data_date)",
            [data_date],
        )
        for table in TABLES:
            file = last_accepted(con, table, data_date)
            assert file is not None, "a run without a file to serve ends in validate"
            con.execute(
                "insert into scratch.serving.file_serving values (?, ?, ?, ?)",
                [table.source, table.file_name, file.data_date, file.data_date != data_date or file.parts_not_new > 0],
            )
            con.execute(
                f"create view scratch.serving.{table.name} as"
                f" select date '{file.data_date}' as delivery_date, *"
                f" from read_parquet('{settings.accepted / file.path}')"
            )
            _serve_quarantined(settings, con, table, data_date, file.data_date)


def _serve_quarantined(
    settings: Settings, con: duckdb.DuckDBPyConnection, table: Table, data_date: date, served_from: date
) -> None:
    """Make the quarantined rows of the deliveries that serve the date readable as ``quarantined_<table>``.

    Of an incremental file every delivery serves; its accepted rows are ``delivered_<table>``.
    """
    files = con.execute(
        "select data_date, accepted_path, quarantined_path from ledger.ops.load_file"
        " where file_name = ? and state = 'accepted' and data_date between ? and ? order by data_date",
        [table.file_name, date.min if table.is_incremental else served_from, data_date],
    ).fetchall()
    kept = [(day, settings.quarantined / path) for day, _, path in files if path]
    con.execute(f"create view scratch.serving.quarantined_{table.name} as {_rows_of(kept, _empty(table))}")
    if table.is_incremental:
        accepted = [(day, settings.accepted / path) for day, path, _ in files]
        con.execute(f"create view scratch.serving.delivered_{table.name} as {_rows_of(accepted, '')}")


def _rows_of(files: list[tuple[date, Path]], empty: str) -> str:
    """A query for the rows of Parquet files, each with the date of its delivery; ``empty`` gives the columns."""
    parts = [f"select date '{day}' as delivery_date, * from read_parquet('{path}')" for day, path in files]
    return " union all by name ".join([*([empty] if empty else []), *parts])


def _empty(table: Table) -> str:
    """A query for no quarantined rows of a table, with all columns."""
    kept = [column for column in table.stored_columns if column.name not in table.personal_columns]
    columns = [f"null::{STORED_TYPE[column.kind]} as {column.name}" for column in kept]
    return (
        "select null::date as delivery_date, null::varchar as finding_key, null::varchar as agency_code,"
        " null::varchar[] as rule_codes, null::varchar[] as broken_columns, null::bigint as row_number,"
        f" null::varchar as person_key, {', '.join(columns)} where false"
    )


def _copy_ops(settings: Settings, present: Build, results: Iterable[dict[str, Any]]) -> None:
    """Bring ``ops`` of the build up to the ledger: only data dates whose last run it does not show yet are copied."""
    with open_ledger(settings) as con:
        con.execute(f"attach '{build_file(settings)}' as build")
        con.execute("create schema if not exists build.ops")
        for table, columns in OPS_TABLES.items():
            con.execute(
                f"create table if not exists build.ops.{table} as select {columns} from ledger.ops.{table} limit 0"
            )
            _add_columns(con, table, columns)
        con.execute(f"create table if not exists build.ops.model_result ({_RESULT_COLUMNS})")
        con.execute(
            "create temp table changed as select data_date, run_id from ledger.ops.load_file"
            " except select data_date, run_id from build.ops.load_file"
        )
        lives(con)
        life_events(con)
        con.execute("begin")
        for table, columns in OPS_TABLES.items():
            con.execute(f"delete from build.ops.{table} where data_date in (select data_date from changed)")
            con.execute(
                f"insert into build.ops.{table} by name select {columns} from ledger.ops.{table}"
                " where data_date in (select data_date from changed) order by all"
            )
        con.execute(_DELETIONS)
        con.execute(_MESSAGES)
        for table in ("finding", "finding_event"):
            con.execute(f"create or replace table build.ops.{table} as from {table}")
        for table in DECISION_TABLES:
            con.execute(f"create or replace table build.ops.{table} as from ledger.ops.{table} order by all")
        con.execute("delete from build.ops.model_result where data_date = ?", [present.data_date])
        con.executemany(
            "insert into build.ops.model_result values (?, ?, ?, ?, ?, ?)",
            [
                [present.run_id, present.data_date, one["node"], one["kind"], one["status"], one["failures"]]
                for one in sorted(results, key=lambda result: (result["kind"], result["node"]))
            ],
        )
        con.execute("commit")


def _add_columns(con: duckdb.DuckDBPyConnection, table: str, columns: str) -> None:
    """A publication begun by an earlier version of the warehouse gets the columns that have come since."""
    types = dict(con.execute(f"select column_name, column_type from (describe ledger.ops.{table})").fetchall())
    for column in columns.split(", "):
        con.execute(f"alter table build.ops.{table} add column if not exists {column} {types[column]}")


def _first_line(message: object) -> str:
    return str(message).strip().split("\n", 1)[0]
