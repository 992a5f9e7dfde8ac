"""Run the steps of a night in this process, as the tasks of the DAG do, without Airflow around them."""

import hashlib
from datetime import date
from pathlib import Path

import duckdb

from par_warehouse import nightly
from par_warehouse.contract import SOURCES
from par_warehouse.settings import Settings

RUN_COLUMNS = ("run_id",)


def run_steps(settings: Settings, data_date: date, run_id: str = "run") -> None:
    """All steps of one night, in the order of the DAG."""
    for source in SOURCES:
        nightly.pull(settings, source, data_date)
        nightly.standardise_source(settings, source, data_date)
    nightly.validate_night(settings, data_date, run_id)
    nightly.build(settings, data_date, run_id)
    nightly.audit(settings, data_date, run_id)
    nightly.publish(settings, data_date, run_id)


def published_rows(version: Path) -> dict[str, str]:
    """One digest per published table over all its rows without their run ids, whatever the order."""
    digests = {}
    with duckdb.connect(str(version), read_only=True) as con:
        tables = con.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()
        for schema, table in tables:
            names = [row[0] for row in con.execute(f"describe {schema}.{table}").fetchall()]
            columns = ", ".join(f'"{name}"' for name in names if name not in RUN_COLUMNS)
            rows = con.execute(f"select ({columns})::varchar from {schema}.{table} order by 1").fetchall()
            digests[f"{schema}.{table}"] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
    return digests
