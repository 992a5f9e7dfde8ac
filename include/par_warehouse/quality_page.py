"""The operator's page: every source and file, what was unusual, the open findings, the scores of the agencies.

One static page without scripts, pictures or anything from elsewhere, made from the publication alone.
"""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from par_warehouse.settings import Settings
from par_warehouse.templates import environment

OLDEST_SHOWN = 50
"""So many open findings are listed, the oldest first; the others are counted."""

_QUERIES = {
    "files": """
        select source, file_name, state, served_from_date, date_diff('day', served_from_date, data_date) as days_old,
            rows_read, rows_accepted, rows_quarantined, parts_carried + parts_unserved as senders_behind, message
        from ops.load_file
        where data_date = $day
        order by source, file_name
    """,
    "agencies": """
        with open_finding as (
            select coalesce(agency_code, '') as agency, opened_on, days_open, state
            from ops.finding
            where state <> 'repaired'
        ),
        counted as (
            select agency, count(*) as findings, count(*) filter (opened_on = $day) as new,
                count(*) filter (days_open > 3) as older, count(*) filter (state = 'waived') as waived
            from (
                from open_finding where agency <> 'H29'
                union all
                select * replace ('H29' as agency) from open_finding
            )
            group by agency
        ),
        score as (select * exclude (as_of_date) from marts.fct_data_quality_daily where as_of_date = $day),
        told as (
            select coalesce(agency, org_unit_code) as code, coalesce(findings, 0) as findings, coalesce(new, 0) as new,
                coalesce(older, 0) as older, coalesce(waived, 0) as waived, score.* exclude (org_unit_code)
            from score
            full join counted on org_unit_code = agency
        )
        select told.code, unit.org_unit_name_vi as name, told.* exclude (code)
        from told
        left join marts.dim_org_unit_snapshot as unit on unit.as_of_date = $day and unit.org_unit_code = told.code
        order by told.code <> 'H29', told.code = '', told.quality_score_pct nulls last, told.code
    """,
    "unusual": """
        select message from ops.unusual where data_date = $day order by measure, subject
    """,
    "rules": """
        select coalesce(file_name, source) as place, rule_code, count(*) as findings, min(opened_on) as oldest,
            count(*) filter (opened_on = $day) as new
        from ops.finding
        where state = 'open'
        group by all
        order by findings desc, place, rule_code
    """,
    "oldest": f"""
        select finding_key, agency_code, coalesce(file_name, source) as place, sender, row_number, rule_code, opened_on,
            days_open, nights_seen, times_opened, message
        from ops.finding
        where state = 'open'
        order by opened_on, finding_key
        limit {OLDEST_SHOWN}
    """,
    "totals": """
        select count(*) filter (state = 'open') as open, count(*) filter (state = 'waived') as waived,
            count(*) filter (state <> 'repaired' and opened_on = $day and times_opened = 1) as new,
            count(*) filter (state <> 'repaired' and opened_on = $day and times_opened > 1) as recurred,
            count(*) filter (repaired_on = $day) as repaired
        from ops.finding
    """,
}


def quality_of(settings: Settings, data_date: date) -> dict[str, list[dict[str, Any]]]:
    """What the page shows of a published data date, as rows: files, unusual, agencies, rules, oldest, totals (one)."""
    with duckdb.connect(str(settings.current), read_only=True) as con:
        found = {}
        for name, query in _QUERIES.items():
            result = con.execute(query, {"day": data_date} if "$day" in query else {})
            columns = [column[0] for column in result.description or []]
            found[name] = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
        return found


def write_quality_page(settings: Settings, data_date: date) -> Path:
    """Write ``reports/quality/index.html`` for a published data date; the page is replaced whole."""
    version = settings.current.resolve().name
    page = (
        environment()
        .get_template("quality.html.j2")
        .render(quality_of(settings, data_date), data_date=data_date, version=version, oldest_shown=OLDEST_SHOWN)
    )
    target = settings.reports / "quality" / "index.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    partial.write_text(page, encoding="utf-8")
    partial.replace(target)
    return target
