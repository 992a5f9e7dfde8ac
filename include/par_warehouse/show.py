"""Tables for the terminal: indicators against their targets, loads, quarantine. Readable without colour too."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
from rich.table import Table

from par_warehouse.errors import ParError
from par_warehouse.settings import Settings

_STATUS = {
    "met": ("✓ met", "green"),
    "in_progress": ("… in progress", "yellow"),
    "missed": ("✗ missed", "red"),
    "no_target": ("- no target", "dim"),
    "no_data": ("? no data", "magenta"),
}


def indicators(settings: Settings, data_date: date | None, unit: str = "H29") -> Table:
    """The indicators of one unit on one data date (the latest by default)."""
    day = data_date or latest_published(settings)
    rows = _query(
        settings,
        """
        select indicator_code, indicator_name_vi, indicator_name_en, population_group, numerator, denominator, value,
            unit, target_comparator, target_value, target_date, status, is_stale, org_unit_name
        from bi.indicator_daily
        where as_of_date = ? and org_unit_code = ?
        order by indicator_code, population_group <> 'ALL', population_group
        """,
        [day, unit],
    )
    if not rows:
        raise ParError(f"No indicators of unit {unit} are published for {day}. Run make nightly DATE={day} first.")
    table = Table(title=f"PAR capacity, {rows[0][-1] or unit} ({unit}), as of {day}", title_justify="left")
    for heading in ("Code", "Indicator"):
        table.add_column(heading)
    for heading in ("People", "Value", "Target"):
        table.add_column(heading, justify="right")
    table.add_column("Status", no_wrap=True)
    for code, vi, en, group, n, d, value, unit_, comparator, target, target_date, status, stale, _ in rows:
        label, style = _STATUS.get(status, ("(suppressed)", "dim"))
        percent = " %" if unit_ == "percent" else ""
        table.add_row(
            code if group == "ALL" else "",
            f"{vi}\n[dim]{en}[/dim]" if group == "ALL" else f"  {group}",
            f"{n:,} / {d:,}" if d is not None else "" if n is None else f"{n:,}",
            "" if value is None else f"{value:.2f}{percent}" if percent else f"{value:.0f}",
            f"{comparator} {target:g}{percent} by {target_date}" if target_date else "",
            f"[{style}]{label}[/{style}]" + (" (stale)" if stale else ""),
        )
    return table


def loads(settings: Settings, data_date: date | None) -> Table:
    """How each file of a data date was judged."""
    day = data_date or latest_published(settings)
    rows = _query(
        settings,
        "select source, file_name, state, served_from_date, rows_read, rows_accepted, rows_quarantined, rows_warned,"
        " message from ops.load_file where data_date = ? order by source, file_name",
        [day],
    )
    table = Table(title=f"Loads of {day}", title_justify="left")
    for heading in ("Source", "File", "State", "Serves from"):
        table.add_column(heading)
    for heading in ("Read", "Accepted", "Quarantined", "Warned"):
        table.add_column(heading, justify="right")
    table.add_column("Message")
    for source, file, state, served, read, accepted, quarantined, warned, message in rows:
        style = {"accepted": "green", "rejected": "red", "missing": "yellow"}[state]
        numbers = [f"{number:,}" for number in (read, accepted, quarantined, warned)]
        table.add_row(source, file, f"[{style}]{state}[/{style}]", str(served or "nothing"), *numbers, message or "")
    return table


def quarantine(settings: Settings, data_date: date | None, limit: int) -> Table:
    """Quarantined rows of a data date: where, which rule, what to do."""
    day = data_date or latest_published(settings)
    total = _query(settings, "select count(*) from ops.quarantine_row where data_date = ?", [day])[0][0]
    rows = _query(
        settings,
        "select file_name, row_number, array_to_string(rule_codes, ' '), column_name, message from ops.quarantine_row"
        " where data_date = ? order by file_name, row_number limit ?",
        [day, limit],
    )
    title = f"Quarantine of {day}: {total:,} rows" + (f", the first {limit}" if total > limit else "")
    table = Table(title=title, title_justify="left")
    table.add_column("File")
    table.add_column("Row", justify="right")
    for heading in ("Rules broken", "Column", "What to do"):
        table.add_column(heading)
    for file, number, codes, column, message in rows:
        table.add_row(file, str(number), codes, column or "", message)
    return table


def latest_published(settings: Settings) -> date:
    """The latest data date in the publication. Raises ParError when nothing is published."""
    day = _query(settings, "select max(as_of_date) from marts.fct_indicator_daily", [])[0][0]
    if day is None:
        raise ParError("The publication holds no indicators yet. Run make nightly first.")
    return date.fromisoformat(str(day))


def _query(settings: Settings, sql: str, parameters: Sequence[Any]) -> list[Any]:
    if not settings.current.exists():
        raise ParError("Nothing is published yet. Run make nightly first.")
    with duckdb.connect(str(settings.current), read_only=True) as con:
        return con.execute(sql, list(parameters)).fetchall()
