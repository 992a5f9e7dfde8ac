"""Compare a published DuckDB file with what the oracle expects. A difference never prints an identification number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date
from math import isclose
from pathlib import Path
from typing import Any

import duckdb

from .expected import CandidateRow, EvidenceRow, Expected, IndicatorRow, LoadState, QuarantineRow
from .facts import CITY

SMALLEST_PUBLISHED_CELL = 5

# Twelve digits from 0, an apostrophe before them or not, or eleven digits from 13: how a world writes its people.
_IDENTITY = re.compile(r"(?<![0-9A-Za-z])(0[0-9]{11}|13[0-9]{9})(?![0-9A-Za-z])")


def compare_publication(duckdb_path: str | Path, expected: Expected | None) -> list[str]:
    """Readable differences between the publication and the expectation; empty when they agree.

    `expected` is `RunOutcome.publication`; None expects that there is no publication at all.
    """
    path = Path(duckdb_path)
    if expected is None:
        return ["publication: expected none, found one"] if path.exists() else []
    if not path.exists():
        return ["publication: expected one, found none"]
    with duckdb.connect(str(path), read_only=True) as connection:
        return [
            *_compare_table(
                connection,
                "ops.load_file",
                ("data_date", "source", "file_name"),
                tuple(column.name for column in fields(LoadState)),
                {key: _values(row) for key, row in expected.load_files.items()},
            ),
            *_compare_table(
                connection,
                "ops.quarantine_row",
                ("data_date", "source", "file_name", "row_number"),
                tuple(column.name for column in fields(QuarantineRow)),
                {key: _values(row) for key, row in expected.quarantine.items()},
            ),
            *_compare_table(
                connection,
                "marts.fct_indicator_daily",
                ("as_of_date", "indicator_code", "org_unit_code", "population_group"),
                tuple(column.name for column in fields(IndicatorRow)),
                {key: _values(row) for key, row in expected.indicators.items()},
            ),
            *_compare_table(
                connection,
                "marts.fct_indicator_evidence",
                ("as_of_date", "indicator_code", "person_key"),
                (*(column.name for column in fields(EvidenceRow)), "evidence_ref IS NOT NULL AND evidence_ref <> ''"),
                # "evidence_ref … NULL when not in the numerator"
                {key: (*_values(row), row.in_numerator) for key, row in expected.evidence.items()},
            ),
            *_compare_table(
                connection,
                "marts.fct_leadership_candidate",
                ("as_of_date", "person_key"),
                tuple(column.name for column in fields(CandidateRow)),
                {key: _values(row) for key, row in expected.candidates.items()},
            ),
            *_compare_table(
                connection,
                "bi.indicator_daily",
                ("as_of_date", "indicator_code", "org_unit_code", "population_group"),
                ("numerator", "denominator", "value", "status", "is_suppressed"),
                {key: _suppressed(key[2], row) for key, row in expected.indicators.items()},
            ),
        ]


def leaked_identities(duckdb_path: str | Path) -> list[str]:
    """ "Identification numbers and names are only in landing/ and vault/": columns of the publication that hold one."""
    leaks: list[str] = []
    with duckdb.connect(str(duckdb_path), read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns ORDER BY ALL"
        ).fetchall()
        for schema, table, column in columns:
            cells = connection.execute(
                f'SELECT DISTINCT CAST("{column}" AS VARCHAR) FROM "{schema}"."{table}" WHERE "{column}" IS NOT NULL'
            ).fetchall()
            found = sum(1 for (cell,) in cells if _IDENTITY.search(cell))
            if found:
                leaks.append(f"{schema}.{table}.{column}: {found} distinct values hold an identification number")
    return leaks


def _values(row: LoadState | QuarantineRow | IndicatorRow | EvidenceRow | CandidateRow) -> tuple[Any, ...]:
    return tuple(getattr(row, column.name) for column in fields(row))


def _suppressed(unit: str, row: IndicatorRow) -> tuple[Any, ...]:
    """ "below the city, rows whose denominator is under 5 have `numerator`, `denominator`, `value`, `status` NULL"."""
    if unit != CITY and row.denominator is not None and row.denominator < SMALLEST_PUBLISHED_CELL:
        return (None, None, None, None, True)
    return (row.numerator, row.denominator, row.value, row.status, False)


def _compare_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    key_columns: tuple[str, ...],
    value_columns: tuple[str, ...],
    expected: Mapping[tuple[Any, ...], tuple[Any, ...]],
) -> list[str]:
    try:
        rows = connection.execute(f"SELECT {', '.join((*key_columns, *value_columns))} FROM {table}").fetchall()
    except duckdb.Error as error:
        return [f"{table}: cannot be read as the contract says ({_masked(str(error).splitlines()[0])})"]
    differences: list[str] = []
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        key = tuple(row[: len(key_columns)])
        if key in found:
            differences.append(f"{table} {_named(key_columns, key)}: more than one row for this key")
        found[key] = tuple(row[len(key_columns) :])
    for key in sorted(set(expected) | set(found), key=repr):
        name = f"{table} {_named(key_columns, key)}"
        if key not in found:
            differences.append(f"{name}: row missing, expected {_named(value_columns, expected[key])}")
        elif key not in expected:
            differences.append(f"{name}: row not expected, found {_named(value_columns, found[key])}")
        else:
            differences.extend(
                f"{name} {column}: expected {_shown(want)}, found {_shown(got)}"
                for column, want, got in zip(value_columns, expected[key], found[key], strict=True)
                if not _same(want, got)
            )
    return differences


def _same(want: Any, got: Any) -> bool:
    if isinstance(want, tuple):
        return got is not None and list(want) == list(got)
    if isinstance(want, float) and isinstance(got, (int, float)) and not isinstance(got, bool):
        return isclose(want, got, rel_tol=1e-12, abs_tol=1e-12)
    return type(want) is type(got) and bool(want == got)


def _named(columns: Iterable[str], values: Iterable[Any]) -> str:
    return "[" + ", ".join(f"{column}={_shown(value)}" for column, value in zip(columns, values, strict=True)) + "]"


def _shown(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return f"{value[:8]}…"
    if isinstance(value, (tuple, list)):
        return "+".join(_shown(each) for each in value)
    return _masked(str(value))


def _masked(text: str) -> str:
    return _IDENTITY.sub("<id>", text)
