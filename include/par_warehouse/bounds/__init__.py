"""Bounds: how far the open findings of a night could move each published number.

The definition is in docs/explanation/how-far-findings-could-move-a-number.md. An open row is a quarantined row of a
delivery that serves the night; each is, independently of the others, withdrawn or repaired.
"""

from datetime import date

import duckdb
import pyarrow as pa

from par_warehouse.bounds.counts import read_counts
from par_warehouse.bounds.night import CITY, SHARES, Night
from par_warehouse.bounds.shares import Shares

_COLUMNS = pa.schema(
    [
        ("indicator_code", pa.string()),
        ("org_unit_code", pa.string()),
        ("population_group", pa.string()),
        ("numerator_low", pa.int64()),
        ("denominator_low", pa.int64()),
        ("numerator_high", pa.int64()),
        ("denominator_high", pa.int64()),
        ("open_findings", pa.int64()),
        ("is_exact", pa.bool_()),
    ]
)


def bounds(con: duckdb.DuckDBPyConnection, data_date: date, scheme_start: date, access_rule: str) -> pa.Table:
    """The two ends of every published number, one row per indicator, unit and group.

    ``con`` sees the models of the dbt project in ``work``. Raises PipelineError when a rule that is also written here
    disagrees with the project's own result.
    """
    cells = con.execute(
        "select indicator_code, org_unit_code, population_group, numerator, denominator"
        " from work.intermediate.int_indicator__rolled_up order by all"
    ).fetchall()
    night = Night(con, data_date, scheme_start)
    if not night.rows:
        return _table([(*cell[:3], *cell[3:5], *cell[3:5], 0, True) for cell in cells])
    shares = Shares(night, [(code, (unit, group)) for code, unit, group, _, _ in cells if code in SHARES])
    rows: list[tuple[object, ...]] = []
    for code, cell, bound in shares.bounds():
        low, high = bound.low or (0, 0), bound.high or (0, 0)
        is_exact = bound.is_exact
        count = shares.open_findings(code, cell)
        if access_rule != "viewed" and code in ("I3A", "I3") and count:
            # All materials of the catalogue are asked for: what a repair adds there asks for more.
            low, high, is_exact = (0, 1), (1, 1), False
        # Two ends that are one value are the value, which the world as it is attains.
        is_one = low[0] * high[1] == high[0] * low[1] and (low[1] == 0) == (high[1] == 0)
        rows.append((code, *cell, *low, *high, count, is_exact or is_one))
    for code, one in read_counts(night).items():
        is_exact = one.is_exact or one.low == one.high
        rows.append((code, CITY, "ALL", one.low, None, one.high, None, one.open_findings, is_exact))
    return _table(rows)


def _table(rows: list[tuple[object, ...]]) -> pa.Table:
    return pa.table(
        {field.name: pa.array([row[i] for row in rows], field.type) for i, field in enumerate(_COLUMNS)},
        schema=_COLUMNS,
    )
