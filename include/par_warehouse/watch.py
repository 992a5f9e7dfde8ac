"""Watch: measure the night, and warn of what lies outside the band that its own history expects.

A warning blocks nothing: the night is published with it. Tonight's values go to ``ops.watched_measure``, the warnings
with their sentences to ``ops.unusual``. History is what earlier data dates left there, so a rerun finds the same.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from math import ceil, floor
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from par_warehouse.contract import TABLES, TABLES_BY_NAME
from par_warehouse.copying import shown
from par_warehouse.expected_band import WINDOW_NIGHTS, Band, expected_band, usual_age
from par_warehouse.ledger import last_accepted, open_ledger
from par_warehouse.settings import Settings

log = logging.getLogger("par_warehouse")

EXCELLENT_CAP_PERCENT = 20.0
_FEWEST_GOOD = 5  # the cap on fewer is less than one person
_STEPS = 3  # so many rows or persons more or less are never unusual
_RATINGS = ("HTXSNV", "HTTNV", "HTNV", "KHTNV")
_STAFF = TABLES_BY_NAME["nhan_su"]
_TO = "\N{EN DASH}"
YEARLY_COUNTS = ("I4", "I5")  # begin anew on 1 January

_COLUMNS = "run_id varchar, data_date date, measure varchar, subject varchar, value double"
_TABLES = {
    "watched_measure": _COLUMNS,
    "unusual": f"{_COLUMNS}, expected_low double, expected_high double, nights_of_history bigint, message varchar",
}

# The unit directly below the city that each unit belongs to.
_AGENCIES = """
create temp table agency as
select unit.org_unit_code, agency.org_unit_code as agency_code, agency.org_unit_name_vi as agency_name
from build.marts.dim_org_unit_snapshot as unit
inner join build.marts.dim_org_unit_snapshot as agency
    on unit.as_of_date = agency.as_of_date and unit.agency_code = agency.org_unit_code
where agency.as_of_date = $day and agency.is_in_force and agency.parent_org_unit_code = 'H29'
"""

# Ratings of the active staff in the latest year for which half of them are rated: before, a few would stand for all.
_RATED = """
create temp table rated as
with active as (select person_key, org_unit_code from work.staging.stg_hr__staff where is_active),
rating as (
    select active.person_key, active.org_unit_code, rating.rating_year, rating.rating
    from active inner join work.staging.stg_hr__rating as rating on active.person_key = rating.person_key
    where rating.rating is not null
),
year as (
    select rating_year from rating group by rating_year having 2 * count(*) >= (select count(*) from active)
)
select org_unit_code, rating_year, rating from rating where rating_year = (select max(rating_year) from year)
"""

# What came tonight. A night's share of an incremental file can be told only if the night before came, too.
_LOADED = """
create temp table loaded as
select *
from build.ops.load_file as load
where load.data_date = $day and load.state = 'accepted' and (
    load.file_name not in (select unnest($incremental)) or exists (
        select 1 from build.ops.load_file as former
        where former.file_name = load.file_name and former.data_date = $day - 1 and former.state = 'accepted'
    )
)
"""


@dataclass(frozen=True)
class Measure:
    """What is watched.

    ``query`` gives subject, its name if it has one, value, and how much one row or person changes the value; ``vi`` and
    ``en`` say what the value is. ``least`` is the smallest change that can be unusual: of percentages in points, of
    counts as a share of the count.
    """

    query: str
    vi: str
    en: str
    least: float = 0.01
    is_percent: bool = False
    weekly: tuple[str, ...] = ()
    """Subjects that count what happened since the night before."""


_INCREMENTAL = tuple(table.file_name for table in TABLES if table.is_incremental)
_LEADER_SHARE = "100 * count_if(staff.is_leader) / count(*), 100 / count(*)"
_INDICATOR = """
select concat_ws('/', indicator_code, nullif(population_group, 'ALL')), null, value, {step}
from build.marts.fct_indicator_daily
where as_of_date = $day and org_unit_code = 'H29' and value is not null and unit = '{unit}'
"""

MEASURES = {
    "rows_read": Measure("select file_name, null, rows_read, 1 from loaded", "{} dòng", "{} rows", weekly=_INCREMENTAL),
    "rows_accepted": Measure(
        "select file_name, null, rows_accepted, 1 from loaded",
        "{} dòng được nhận",
        "{} rows accepted",
        weekly=_INCREMENTAL,
    ),
    "quarantined_share": Measure(
        "select file_name, null, 100 * rows_quarantined / rows_read, 100 / rows_read from loaded where rows_read > 0",
        "{} số dòng bị cách ly",
        "{} of the rows quarantined",
        least=1.0,
        is_percent=True,
    ),
    "people": Measure(
        "select 'nhan_su.csv', null, count(distinct person_key), 1 from work.serving.nhan_su"
        " union all select 'mdl_user.csv', null, count(distinct person_key), 1 from work.serving.mdl_user",
        "{} người khác nhau",
        "{} different people",
    ),
    "units_in_force": Measure(
        "select 'H29', null, count(*), 1 from build.marts.dim_org_unit_snapshot"
        " where as_of_date = $day and is_in_force",
        "{} đơn vị đang hiệu lực",
        "{} units in force",
    ),
    "people_moved": Measure(
        "select 'H29', null, count_if(now.ma_don_vi is distinct from former.ma_don_vi), 1"
        " from work.serving.nhan_su as now inner join former_staff as former using (person_key) having count(*) > 0",
        "{} người đổi đơn vị từ lần giao trước",
        "{} people changed their unit since the delivery before",
        weekly=("H29",),
    ),
    "leader_share": Measure(
        f"select 'H29', null, {_LEADER_SHARE} from work.staging.stg_hr__staff as staff where is_active"
        " having count(*) > 0 union all"
        f" select agency_code, any_value(agency_name), {_LEADER_SHARE} from work.staging.stg_hr__staff as staff"
        " inner join agency using (org_unit_code) where is_active group by agency_code",
        "lãnh đạo chiếm {} số người đang công tác",
        "leaders are {} of the active staff",
        least=1.0,
        is_percent=True,
    ),
    "rating_share": Measure(
        "select level, null, 100 * count_if(rating = level) / count(*), 100 / count(*)"
        " from rated, (select unnest($ratings) as level) group by level",
        "{} số người được xếp loại",
        "{} of those rated",
        least=1.0,
        is_percent=True,
    ),
    "excellent_to_good": Measure(
        "select agency_code || '/' || rating_year, any_value(agency_name),"
        " 100 * count_if(rating = 'HTXSNV') / count_if(rating = 'HTTNV'), 0"
        " from rated inner join agency using (org_unit_code)"
        f" group by agency_code, rating_year having count_if(rating = 'HTTNV') >= {_FEWEST_GOOD}",
        "số HTXSNV bằng {} số HTTNV",
        "HTXSNV are {} of HTTNV",
        least=1.0,
        is_percent=True,
    ),
    "indicator_percent": Measure(
        _INDICATOR.format(unit="percent", step="100 / denominator"), "{}", "{}", least=2.0, is_percent=True
    ),
    "indicator_persons": Measure(_INDICATOR.format(unit="persons", step="1"), "{} người", "{} persons"),
    "days_old": Measure(
        "select file_name, null, data_date - served_from_date, 1 from build.ops.load_file"
        " where data_date = $day and served_from_date is not null",
        "dữ liệu của {} ngày trước",
        "{} days old",
    ),
}
"""Every measure by its name in ``ops.watched_measure``."""


@dataclass(frozen=True)
class Measured:
    """Tonight's value of one subject, with its past."""

    measure: str
    subject: str
    name: str | None
    value: float
    step: float
    nights_ago: list[int]
    past: list[float]


def watch(settings: Settings, build_file: Path, data_date: date, run_id: str) -> int:
    """Measure ``data_date`` in the build and write what is unusual; the number of warnings.

    The build holds the finished marts and ``ops.load_file``; the scratch database serves the date still.
    """
    started = time.monotonic()
    with open_ledger(settings) as con:
        con.execute(f"attach '{build_file}' as build")
        con.execute(f"attach '{settings.work / 'scratch.duckdb'}' as work (read_only)")
        for table, columns in _TABLES.items():
            con.execute(f"create table if not exists build.ops.{table} ({columns})")
        _measure(con, settings, data_date)
        warnings = list(_warnings(_with_history(con, data_date)))
        con.execute("begin")
        for table in _TABLES:
            con.execute(f"delete from build.ops.{table} where data_date = ?", [data_date])
        con.execute(
            "insert into build.ops.watched_measure"
            " select ?, ?, measure, subject, value from measured order by measure, subject",
            [run_id, data_date],
        )
        if warnings:
            con.executemany(
                f"insert into build.ops.unusual values (?, ?{', ?' * 7})",
                [[run_id, data_date, *warning] for warning in warnings],
            )
        con.execute("commit")
    what = f"{len(warnings)} unusual values, shown by par show unusual" if warnings else "nothing unusual"
    log.info("%s (watch, %.1f s)", what, time.monotonic() - started)
    return len(warnings)


def _measure(con: duckdb.DuckDBPyConnection, settings: Settings, data_date: date) -> None:
    """Fill the temporary table ``measured``."""
    given: dict[str, Any] = {"day": data_date, "incremental": list(_INCREMENTAL), "ratings": list(_RATINGS)}

    def run(query: str) -> None:
        con.execute(query, {name: value for name, value in given.items() if f"${name}" in query})

    for query in (_AGENCIES, _RATED, _LOADED):
        run(query)
    con.execute(f"create temp view former_staff as {_former_staff(con, settings, data_date)}")
    con.execute(
        "create temp table measured (measure varchar, subject varchar, name varchar, value double, step double)"
    )
    for name, measure in MEASURES.items():
        run(f"insert into measured select '{name}', * from ({measure.query}) as found")


def _former_staff(con: duckdb.DuckDBPyConnection, settings: Settings, data_date: date) -> str:
    """SQL for the staff list before tonight's; without rows if there is none, or none came tonight."""
    now = last_accepted(con, _STAFF, data_date)
    former = last_accepted(con, _STAFF, data_date, before=True)
    if now is None or now.data_date != data_date or former is None:
        return "select * from work.serving.nhan_su where false"
    return f"select * from read_parquet('{settings.accepted / former.path}')"


def _with_history(con: duckdb.DuckDBPyConnection, data_date: date) -> Iterator[Measured]:
    """Tonight's values, each with those of the window before in the order of nights."""
    rows = con.execute(
        """
        with history as (
            select measure, subject, list(? - data_date order by data_date) as nights_ago,
                list(value order by data_date) as past
            from build.ops.watched_measure
            where data_date < ? and data_date >= ? - ? and not (subject in (select unnest(?))
                and year(data_date) < year(?))
            group by measure, subject
        )
        select measure, subject, name, value, step, coalesce(nights_ago, []), coalesce(past, [])
        from measured left join history using (measure, subject)
        order by measure, subject
        """,
        [data_date, data_date, data_date, WINDOW_NIGHTS, list(YEARLY_COUNTS), data_date],
    ).fetchall()
    return (Measured(*row) for row in rows)


def _warnings(measured: Iterable[Measured]) -> Iterator[tuple[Any, ...]]:
    """The rows of ``ops.unusual`` without run and date."""
    for one in measured:
        band = band_of(one)
        if band is not None and not band.low <= one.value <= band.high:
            yield one.measure, one.subject, one.value, band.low, band.high, band.nights, message(one, band)


def band_of(one: Measured) -> Band | None:
    """The band of a value as it is published: whole numbers of counts, hundredths of percentages."""
    measure = MEASURES[one.measure]
    ago, past = np.array(one.nights_ago, np.int64), np.array(one.past, np.float64)
    if one.measure == "days_old":
        return usual_age(ago, past)
    if one.measure == "excellent_to_good":
        # Told once, and again when it has grown: what is above the cap stays there until the next year's ratings.
        highest = past.max(initial=0.0)
        is_told = highest > EXCELLENT_CAP_PERCENT and one.value < highest + measure.least
        return None if is_told else Band(0.0, EXCELLENT_CAP_PERCENT, len(past))
    usual = 1.0 if measure.is_percent or not len(past) else float(np.median(past))
    is_weekly = one.subject in measure.weekly
    band = expected_band(ago, past, max(measure.least * usual, _STEPS * one.step), is_weekly=is_weekly)
    if band is None:
        return None
    parts = 100 if measure.is_percent else 1
    low, high = floor(band.low * parts) / parts, ceil(band.high * parts) / parts
    return Band(max(low, 0.0), min(high, 100.0) if measure.is_percent else high, band.nights)


def message(one: Measured, band: Band) -> str:
    """Subject, what it was and what was expected; the latter in Vietnamese and English."""
    measure = MEASURES[one.measure]
    subject = one.subject if one.name is None else f"{shown(one.name)} ({one.subject})"
    unit = " %" if measure.is_percent else ""
    value, low, high = (f"{number:,.{2 if unit else 0}f}" for number in (one.value, band.low, band.high))
    is_one = low == high or one.measure == "days_old"
    if one.measure == "excellent_to_good":
        expected = f"mức trần {high}", f"the cap is {high}"
    else:
        expected = (
            f"thường {high if is_one else f'{low}{_TO}{high}'}",
            f"usually {high if is_one else f'{low} to {high}'}",
        )
    vi = measure.vi.format(_vietnamese(value) + unit)
    return f"{subject}: {vi}, {_vietnamese(expected[0])}{unit} | {measure.en.format(value + unit)}, {expected[1]}{unit}"


def _vietnamese(text: str) -> str:
    """1,234.5 as it is written in Vietnamese: 1.234,5."""
    return text.translate(str.maketrans(",.", ".,"))
