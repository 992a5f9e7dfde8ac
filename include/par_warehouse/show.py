"""Tables for the terminal: indicators against their targets, loads, quarantine. Readable without colour too."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from par_warehouse.errors import ParError
from par_warehouse.quality_page import quality_of
from par_warehouse.settings import Settings

_STATUS = {
    "met": ("✓ met", "green"),
    "in_progress": ("… in progress", "yellow"),
    "missed": ("✗ missed", "red"),
    "no_target": ("- no target", "dim"),
    "no_data": ("? no data", "magenta"),
}

_CARRIED = "{0} nơi gửi dùng tệp lần trước, xem par show parts | {0} senders served by an earlier file: par show parts"
_UNSERVED = (
    "{0} nơi gửi bị từ chối và chưa có tệp nào để dùng thay, dữ liệu của họ đang thiếu, xem par show parts"
    " | {0} senders rejected with no earlier file to serve, their rows are missing: par show parts"
)


def indicators(settings: Settings, data_date: date | None, unit: str = "H29", *, wide: bool = True) -> RenderableType:
    """The indicators of one unit on one data date (the latest by default); on a narrow screen the names stand below.

    Raises ParError when there are none.
    """
    day = data_date or latest_published(settings)
    rows = _query(
        settings.current,
        """
        select indicator_code, indicator_name_vi, indicator_name_en, population_group, numerator, denominator, value,
            value_low, value_high, unit, target_comparator, target_value, target_date, status, is_stale,
            quality_score_pct, org_unit_name
        from bi.indicator_daily
        where as_of_date = ? and org_unit_code = ?
        order by indicator_code, population_group <> 'ALL', population_group
        """,
        [day, unit],
    )
    if not rows:
        raise ParError(_why_no_indicators(settings, day, unit))
    table = Table(title=f"PAR capacity, {rows[0][-1] or unit} ({unit}), as of {day}", title_justify="left")
    table.add_column("Code")
    if wide:
        table.add_column("Indicator")
    for heading in ("People", "Value", "Target"):
        table.add_column(heading, justify="right")
    table.add_column("Status", no_wrap=True)
    names = []
    for code, vi, en, group, n, d, value, low, high, unit_, comparator, target, target_date, status, stale, *_ in rows:
        label, style = _STATUS.get(status, ("(suppressed)", "dim"))
        percent = " %" if unit_ == "percent" else ""
        whole = group == "ALL"
        names += [f"{code}  {vi} [dim]({en})[/dim]"] if whole else []
        table.add_row(
            code if whole else "" if wide else f"  {group}",
            *([f"{vi}\n[dim]{en}[/dim]" if whole else f"  {group}"] if wide else []),
            f"{n:,} / {d:,}" if d is not None else "" if n is None else f"{n:,}",
            _value(value, low, high, percent),
            f"{comparator} {target:g}{percent} by {target_date}" if target_date else "",
            f"[{style}]{label}[/{style}]" + (" (stale)" if stale else ""),
        )
    score = rows[0][-2]
    quality = [f"Data quality of {'the city' if unit == 'H29' else 'its agency'}: {score:.1f} % (par quality)"]
    return Group(table, *([] if wide else names), *(quality if score is not None else []))


def _value(value: float | None, low: float | None, high: float | None, percent: str) -> str:
    """A value, and below it what the open findings could make of it where that is something else."""
    digits = 2 if percent else 0
    told = "" if value is None else f"{value:.{digits}f}{percent}"
    if low is None or high is None or (low == value and high == value):
        return told
    return f"{told}\n[dim]{low:.{digits}f} to {high:.{digits}f}[/dim]".lstrip("\n")


def _why_no_indicators(settings: Settings, day: date, unit: str) -> str:
    if _query(settings.current, "select 1 from bi.indicator_daily where as_of_date = ? limit 1", [day]):
        return f"Unit {unit} has no indicators on {day}: no such unit is in force, or none of its people is counted."
    return f"{day} is not published. Run make nightly DATE={day} first."


def loads(settings: Settings, data_date: date | None) -> Table:
    """How each file of a data date was judged, published or not (the latest taken in by default)."""
    day = data_date or _latest_taken_in(settings)
    rows = _query(
        settings.ledger,
        "select source, file_name, state, served_from_date, rows_read, rows_accepted, rows_quarantined, rows_warned,"
        " message, parts_carried, parts_unserved from ops.load_file where data_date = ? order by source, file_name",
        [day],
    )
    if not rows:
        raise ParError(f"{day} was never taken in. Run make nightly DATE={day} first.")
    table = Table(title=f"Loads of {day}", title_justify="left")
    for heading in ("Source", "File", "State", "Serves from"):
        table.add_column(heading)
    for heading in ("Read", "Accepted", "Quarantined", "Warned"):
        table.add_column(heading, justify="right")
    table.add_column("Message")
    for source, file, state, served, read, accepted, quarantined, warned, message, carried, unserved in rows:
        style = {"accepted": "green", "rejected": "red", "missing": "yellow"}[state]
        told = [message, carried and _CARRIED.format(carried), unserved and _UNSERVED.format(unserved)]
        numbers = [f"{number:,}" for number in (read, accepted, quarantined, warned)]
        table.add_row(
            source,
            file,
            f"[{style}]{state}[/{style}]",
            str(served or "nothing"),
            *numbers,
            escape("; ".join(one for one in told if one)),
        )
    return table


def parts(settings: Settings, data_date: date | None) -> Table:
    """What each sender's files gave on a data date, or why they could not be read."""
    day = data_date or _latest_taken_in(settings)
    rows = _query(
        settings.ledger,
        "select file_name, delivered_name, dialect, state, served_from_date, rows_read, forbidden_columns, notes,"
        " message from ops.delivery_part where data_date = ? order by source, file_name, feed, part",
        [day],
    )
    table = Table(title=f"Delivered parts of {day}", title_justify="left")
    for heading in ("Table", "Delivered file"):
        table.add_column(heading, overflow="fold")
    for heading in ("Dialect", "State", "Serves from"):
        table.add_column(heading)
    table.add_column("Rows", justify="right")
    table.add_column("Remarks", overflow="fold")
    for name, delivered, dialect, state, served, count, forbidden, notes, message in rows:
        style = {"read": "green", "rejected": "red", "missing": "yellow"}[state]
        remarks = [message, notes, forbidden and f"forbidden columns: {forbidden}"]
        told = escape("; ".join(remark for remark in remarks if remark))
        state = f"[{style}]{state}[/{style}]"
        table.add_row(name, escape(delivered), dialect, state, str(served or "nothing"), f"{count:,}", told)
    return table


def quarantine(settings: Settings, data_date: date | None, limit: int) -> Table:
    """Quarantined rows of a data date: where, which rule, what to do."""
    day = data_date or _latest_taken_in(settings)
    total = _query(settings.ledger, "select count(*) from ops.quarantine_row where data_date = ?", [day])[0][0]
    rows = _query(
        settings.ledger,
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
        table.add_row(file, str(number), codes, column or "", escape(message))
    return table


def findings(settings: Settings, agency: str | None, state: str, limit: int) -> Table:
    """What is wrong, oldest first: since when, how often seen, and what to do."""
    where = "(? = 'all' or state = ?) and (? is null or agency_code = ?)"
    parameters = [state, state, agency, agency]
    total = _query(settings.current, f"select count(*) from ops.finding where {where}", parameters)[0][0]
    rows = _query(
        settings.current,
        "select finding_key, coalesce(agency_code, ''), coalesce(file_name, source), row_number, rule_code, opened_on,"
        " nights_seen, times_opened, state, coalesce(repaired_on, waived_until), message from ops.finding"
        f" where {where} order by opened_on, finding_key limit ?",
        [*parameters, limit],
    )
    title = f"Findings, {state}: {total:,}" + (f", the first {limit}" if total > limit else "")
    table = Table(title=title, title_justify="left")
    for heading in ("Key", "Where", "Rule", "Open since", "What to do"):
        table.add_column(heading)
    for key, code, file, number, rule, opened, nights, times, now, until, message in rows:
        where = "\n".join([f"{file} {number}" if number else file, *([code] if code else [])])
        since = f"{opened}\n{nights} night{'s' * (nights > 1)}" + (f", {times} times" if times > 1 else "")
        since += "" if now == "open" else f"\n{now} {until}"
        table.add_row(key.replace("-", "-\n"), where, rule, since, escape(message or ""))
    return table


def quality(settings: Settings, data_date: date) -> RenderableType:
    """How good the data of a published date is: findings in numbers, agencies with their scores, the worst first."""
    found = quality_of(settings, data_date)
    totals = found["totals"][0]
    sources = Table(title=f"Sources of {data_date}", title_justify="left")
    for heading in ("Source", "File", "State", "Serves from"):
        sources.add_column(heading)
    for heading in ("Days old", "Quarantined"):
        sources.add_column(heading, justify="right")
    for file in found["files"]:
        style = {"accepted": "green", "rejected": "red", "missing": "yellow"}[file["state"]]
        served = str(file["served_from_date"] or "nothing")
        numbers = ("" if file["days_old"] is None else str(file["days_old"]), f"{file['rows_quarantined']:,}")
        sources.add_row(file["source"], file["file_name"], f"[{style}]{file['state']}[/{style}]", served, *numbers)
    agencies = Table(title="Agencies, the lowest score first (percent)", title_justify="left")
    for heading in ("Agency", "Name"):
        agencies.add_column(heading)
    for heading in (
        "Open",
        "New",
        ">3 days",
        "Complete",
        "Valid",
        "Unique",
        "Consistent",
        "In time",
        "Repair",
        "Score",
    ):
        agencies.add_column(heading, justify="right")
    for agency in found["agencies"]:
        counts = [f"{agency[name]:,}" for name in ("findings", "new", "older")]
        dimensions = ("completeness", "validity", "uniqueness", "consistency", "timeliness", "repair", "quality_score")
        shares = [agency[f"{name}_pct"] for name in dimensions]
        texts = ["-" if share is None else f"{share:.1f}" for share in shares]
        agencies.add_row(agency["code"] or "not known", escape(agency["name"] or ""), *counts, *texts)
    line = (
        f"Findings: {totals['open']:,} open ({totals['new']:,} new, {totals['recurred']:,} came back),"
        f" {totals['repaired']:,} repaired tonight, {totals['waived']:,} waived."
    )
    return Group(sources, agencies, line)


def unusual(settings: Settings, data_date: date | None) -> RenderableType:
    """The sentences about what lay outside its expected band on a data date (the latest published by default)."""
    day = data_date or latest_published(settings)
    exists = "select 1 from duckdb_tables() where schema_name = 'ops' and table_name = 'watched_measure'"
    watched = "select 1 from ops.watched_measure where data_date = ? limit 1"
    if not (_query(settings.current, exists, []) and _query(settings.current, watched, [day])):
        raise ParError(f"{day} was not watched. Run make nightly DATE={day} first.")
    rows = _query(
        settings.current,
        "select measure, message, nights_of_history from ops.unusual where data_date = ? order by measure, subject",
        [day],
    )
    if not rows:
        return f"Nothing unusual on {day}."
    table = Table(title=f"Unusual on {day}", title_justify="left")
    table.add_column("Measure")
    table.add_column("What was found and what is usual", overflow="fold")
    table.add_column("Nights", justify="right")
    for measure, message, nights in rows:
        table.add_row(measure, escape(message), str(nights))
    return table


def latest_published(settings: Settings) -> date:
    """The latest data date in the publication. Raises ParError when nothing is published."""
    day = _query(settings.current, "select max(as_of_date) from marts.fct_indicator_daily", [])[0][0]
    if day is None:
        raise ParError("The publication holds no indicators yet. Run make nightly first.")
    return date.fromisoformat(str(day))


def _latest_taken_in(settings: Settings) -> date:
    day = _query(settings.ledger, "select max(data_date) from ops.load_file", [])[0][0]
    if day is None:
        raise ParError("No delivery was taken in yet. Run make nightly first.")
    return date.fromisoformat(str(day))


def _query(database: Path, sql: str, parameters: Sequence[Any]) -> list[Any]:
    if not database.exists():
        raise ParError("Nothing is published yet. Run make nightly first.")
    try:
        with duckdb.connect(str(database), read_only=True) as con:
            return con.execute(sql, list(parameters)).fetchall()
    except duckdb.IOException as error:
        if "lock" not in str(error):
            raise
        raise ParError("A night is running. Ask again when it has ended.") from None
