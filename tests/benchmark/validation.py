"""Validate 5 million views of learning material in three ways, and compare what each takes and finds.

The file is delivered, pulled and standardised as on any night; all three ways start from the same staged Parquet:

- the warehouse: the rows judged as ``take_in`` does, by Great Expectations and by queries of its own for every failing
  row; Data Docs and the records in the ledger are left out, writing the accepted rows is told apart;
- one query: the same rules by hand in one DuckDB statement that only counts;
- pandas: Great Expectations over a data frame, with the suite's expectations and those that are queries computed as
  columns first.

Each run is a process of its own, the three take turns, medians count. Loading libraries is told apart. Usage:
validation.py [--rows N] [--repeats N]
"""

import argparse
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROWS = 5_000_000
REPEATS = 3
ACCOUNTS, MODULES = 200_000, 600
FIRST = date(2024, 12, 30)
DAY = FIRST + timedelta(days=1)
SUITE = "mdl_course_modules_viewed"

PLANTED = {
    "BAD_ROW": (3, "{id},7"),
    "REQUIRED id": (2, ",7,7,1700000000"),
    "REQUIRED coursemoduleid": (3, "{id},,7,1700000000"),
    "REQUIRED userid": (4, "{id},7,,1700000000"),
    "REQUIRED timecreated": (5, "{id},7,7,"),
    "BAD_DATE timecreated": (6, "{id},7,7,yesterday"),
    "BAD_NUMBER id": (7, "-1,7,7,1700000000"),
    "BAD_NUMBER coursemoduleid": (8, "{id},seven,7,1700000000"),
    "BAD_NUMBER userid": (9, "{id},7,-1,1700000000"),
    "DUPLICATE_KEY id": (10, "{known_id},7,7,1700000000"),
    "UNKNOWN_VIEW": (11, "{id},7,900000007,1700000000"),
}
"""By rule and column: how many rows break it, and such a row."""


@dataclass(frozen=True)
class Way:
    """Medians of one way in seconds; ``writing`` is what writing the accepted rows adds, ``busy`` processor time."""

    name: str
    judging: float
    busy: float
    writing: float
    loading: float


@dataclass(frozen=True)
class Figures:
    """What was measured; every way found the planted rows and no others."""

    rows: int
    repeats: int
    warehouse: Way
    query: Way
    pandas: Way


def measure(rows: int = ROWS, repeats: int = REPEATS) -> Figures:
    """Measure all three ways. Raises SystemExit when one of them does not find exactly the planted rows."""
    base = Path(tempfile.mkdtemp(prefix="par-validation-"))
    try:
        _child("prepare", base, rows)
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ("warehouse", "one query", "pandas")}
        for number in range(repeats):
            for name, done in runs.items():
                done.append(_child(name, base, rows))
                counts = done[-1]["counts"]
                if counts != {rule: count for rule, (count, _) in PLANTED.items()}:
                    raise SystemExit(f"{name} found other rows than the planted ones: {counts}")
                print(f"  {number + 1}. {name}: {done[-1]['judging']:.2f} s, busy {done[-1]['busy']:.2f} s", flush=True)
        ways = [
            Way(
                name,
                *(statistics.median(run[part] for run in done) for part in ("judging", "busy", "writing", "loading")),
            )
            for name, done in runs.items()
        ]
        return Figures(rows, repeats, *ways)
    finally:
        shutil.rmtree(base)


def section(figures: Figures) -> list[str]:
    """The figures as lines of Markdown."""
    own, query, pandas = figures.warehouse, figures.query, figures.pandas
    return [
        "",
        "## Validation",
        "",
        f"{figures.rows:,} rows of `mdl_course_modules_viewed` against its suite of {len(PLANTED)} rules, from the same"
        f" staged Parquet, median of {figures.repeats} runs in turn, seconds. All three find the same planted rows.",
        "",
        "| way | judging | times one query | processor time | writing the accepted rows | loading libraries |",
        "|---|---|---|---|---|---|",
        *(
            f"| {text} | {way.judging:.2f} | {way.judging / query.judging:.1f} | {way.busy:.2f} |"
            f" {f'{way.writing:.2f}' if way is own else ''} | {way.loading:.2f} |"
            for way, text in (
                (own, "the warehouse: Great Expectations on DuckDB, and every failing row by its own queries"),
                (query, "one hand-written DuckDB query that only counts"),
                (pandas, "Great Expectations over pandas"),
            )
        ),
        "",
        f"The warehouse takes {own.judging / query.judging:.1f} times what the query takes, and is"
        f" {pandas.judging / own.judging:.1f} times as fast as Great Expectations over pandas. By processor time, which"
        " says the same on a busy machine, these are"
        f" {own.busy / query.busy:.1f} and {pandas.busy / own.busy:.1f}.",
        "",
    ]


def _child(work: str, base: Path, rows: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--rows", str(rows), "--work", work, "--base", str(base)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PAR_", "AIRFLOW"))}
    environment |= {"PAR_DATA_DIR": str(base / "data"), "PAR_ELEARNING_URI": (base / "elearning").as_uri()}
    environment |= {"PAR_HR_URI": (base / "hr").as_uri(), "PAR_PERSON_KEY_SECRET": "benchmark of validation"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{work} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def prepare(rows: int) -> dict[str, Any]:
    """Deliver and stage: accounts and modules, taken in the night before, and the views."""
    import duckdb

    from par_warehouse import landing, nightly, validate
    from par_warehouse.settings import Settings

    settings = Settings.from_environment()
    folder = landing.local_folder(settings, "elearning")
    for day in (FIRST, DAY):
        (folder / day.isoformat()).mkdir(parents=True)
        (folder / day.isoformat() / "_SUCCESS").touch()
    con = duckdb.connect()
    for name, query in {
        "mdl_user": "select i as id, '' as username, '' as idnumber, 0 as suspended, 0 as deleted,"
        f" 1700000000 as timecreated, 1700000000 as timemodified from range({ACCOUNTS}) as t (i)",
        "mdl_course": "select 1 as id, 'K1' as idnumber, '' as shortname, '' as fullname, 1700000000 as startdate,"
        " null as enddate, 1700000000 as timemodified",
        "mdl_course_modules": "select i as id, 1 as course, '' as idnumber, 2 as completion, 0 as deletioninprogress"
        f" from range({MODULES}) as t (i)",
    }.items():
        con.execute(f"copy ({query}) to '{folder / FIRST.isoformat() / name}.csv'")
    views = folder / DAY.isoformat() / f"{SUITE}.csv"
    bad = [line for count, line in PLANTED.values() for _ in range(count)]
    con.execute(
        f"copy (select i as id, hash(i) % {MODULES} as coursemoduleid, hash(i, 1) % {ACCOUNTS} as userid,"
        f" 1640995200 + hash(i, 2) % 94694400 as timecreated from range({rows - len(bad)}) as t (i)) to '{views}'"
    )
    with views.open("a") as file:
        file.writelines(f"{line.format(id=rows + i, known_id=i)}\n" for i, line in enumerate(bad))
    for day in (FIRST, DAY):
        nightly.pull(settings, "elearning", day)
        nightly.standardise_source(settings, "elearning", day)
        if day == FIRST:
            validate.take_in(settings, day, "before")
    return {}


def warehouse(_: Path) -> dict[str, Any]:
    """Judge the delivery as ``take_in`` does, up to where it is recorded."""
    started = time.perf_counter()
    import great_expectations  # noqa: F401 - loaded before the clock of the judgement starts

    from par_warehouse import gx_dialect  # noqa: F401 - likewise
    from par_warehouse.ledger import open_ledger
    from par_warehouse.quality_gate import evaluate
    from par_warehouse.settings import Settings
    from par_warehouse.validate import _Night

    loading, writing = time.perf_counter() - started, {"judging": 0.0, "busy": 0.0}

    class Night(_Night):
        def _write_accepted(self, *arguments: Any) -> Path:
            nonlocal writing
            watch = _Stopwatch()
            path = super()._write_accepted(*arguments)
            writing = watch.read()
            return path

    with open_ledger(Settings.from_environment()) as con:
        watch = _Stopwatch()
        night = Night(Settings.from_environment(), con, DAY, "benchmark")
        night.judge()
        evaluations = evaluate(con, night.batches, DAY.isoformat())
        times = {part: seconds - writing[part] for part, seconds in watch.read().items()}
    counts = {}
    for one in evaluations:
        if one.suite == SUITE:
            rule = _rules()[one.position]
            counts[rule] = one.unexpected_count
            assert one.error is None and one.unexpected_count == night.failing_counts[SUITE, one.position], rule
    return times | {"writing": writing["judging"], "loading": loading, "counts": counts}


def one_query(staged: Path) -> dict[str, Any]:
    """Count what breaks each rule."""
    started = time.perf_counter()
    import duckdb

    from par_warehouse.settings import Settings

    settings = Settings.from_environment()
    accepted = _accepted(settings)
    loading = time.perf_counter() - started
    with duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory_limit}) as con:
        watch = _Stopwatch()
        con.execute(f"attach '{settings.ledger}' as ledger (read_only)")
        found = con.execute(
            f"""
            with judged as (
                select *, not is_malformed and id >= 0 and coursemoduleid >= 0 and userid >= 0
                    and timecreated between '1900-01-01 00:00:00' and '2100-12-31 23:59:59' as is_passed
                from read_parquet('{staged}')
            ),
            superseded as (
                select row_number from judged where is_passed
                qualify row_number() over (partition by id order by row_number desc) > 1
            ),
            account as (
                select user_id from ledger.evidence.account_link
                union all select id from read_parquet('{accepted["mdl_user"]}')
            ),
            module as (
                select course_module_id from ledger.evidence.module_link
                union all select id from read_parquet('{accepted["mdl_course_modules"]}')
            )
            select
                count(*) filter (is_malformed),
                count(*) filter (not is_malformed and id is null),
                count(*) filter (not is_malformed and coursemoduleid is null),
                count(*) filter (not is_malformed and userid is null),
                count(*) filter (not is_malformed and timecreated is null),
                count(*) filter (timecreated not between '1900-01-01 00:00:00' and '2100-12-31 23:59:59'),
                count(*) filter (id < 0),
                count(*) filter (coursemoduleid < 0),
                count(*) filter (userid < 0),
                (select count(*) from superseded),
                (
                    select count(*) from judged
                    where is_passed and row_number not in (from superseded)
                    and (userid not in (from account) or coursemoduleid not in (from module))
                )
            from judged
            """
        ).fetchone()
        times = watch.read()
    assert found is not None
    return times | {"writing": 0.0, "loading": loading, "counts": dict(zip(_rules(), found, strict=True))}


def pandas(staged: Path) -> dict[str, Any]:
    """Great Expectations over a data frame; what the suite asks in SQL is computed as a column that must be false."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    started = time.perf_counter()
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from par_warehouse.settings import Settings

    accepted = _accepted(Settings.from_environment())
    loading = time.perf_counter() - started

    watch = _Stopwatch()
    every = pd.read_parquet(staged)
    frame = every[~every["is_malformed"]].copy()
    times = frame["timecreated"].between("1900-01-01 00:00:00", "2100-12-31 23:59:59")
    passed = (frame["id"] >= 0) & (frame["coursemoduleid"] >= 0) & (frame["userid"] >= 0) & times
    frame["DUPLICATE_KEY id"] = passed & frame["id"].where(passed).duplicated(keep="last")
    accounts, modules = (pd.read_parquet(path, columns=["id"])["id"] for path in accepted.values())
    is_known = frame["userid"].isin(accounts) & frame["coursemoduleid"].isin(modules)
    frame["UNKNOWN_VIEW"] = passed & ~frame["DUPLICATE_KEY id"] & ~is_known

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("frames")
    definitions, frames = [], {"every record": every, "well-formed records": frame}
    for name in frames:
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=_expectations(name)))
        data = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        definition = gx.ValidationDefinition(name=name, data=data, suite=suite)
        definitions.append(context.validation_definitions.add(definition))
    counts = {}
    for definition, one in zip(definitions, frames.values(), strict=True):
        result = definition.run(
            batch_parameters={"dataframe": one},
            result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
        )
        for outcome in result.results:
            counts[outcome.expectation_config.meta["rule"]] = outcome.result["unexpected_count"]
    return watch.read() | {"writing": 0.0, "loading": loading, "counts": {rule: counts[rule] for rule in _rules()}}


class _Stopwatch:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._busy = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {"judging": time.perf_counter() - self._wall, "busy": time.process_time() - self._busy}


def _expectations(frame: str) -> list[dict[str, Any]]:
    from par_warehouse.contract import TABLES_BY_NAME
    from par_warehouse.rules import suite_of

    expectations = []
    for name, rule in zip(_rules(), suite_of(TABLES_BY_NAME[SUITE]).rules, strict=True):
        type_, kwargs = rule.type, rule.kwargs
        if type_ == "unexpected_rows_expectation":
            column = "is_malformed" if name == "BAD_ROW" else name
            type_, kwargs = "expect_column_values_to_be_in_set", {"column": column, "value_set": [False]}
        if (kwargs["column"] == "is_malformed") == (frame == "every record"):
            expectations.append({"type": type_, "kwargs": kwargs, "meta": {"rule": name}})
    return expectations


def _accepted(settings: Any) -> dict[str, Path]:
    """The accepted rows that a rule on views refers to."""
    (accounts,) = settings.accepted.glob("elearning/*/mdl_user-*.parquet")
    (modules,) = settings.accepted.glob("elearning/*/mdl_course_modules-*.parquet")
    return {"mdl_user": accounts, "mdl_course_modules": modules}


def _rules() -> list[str]:
    """Rule and column of each expectation, in the order of the suite."""
    from par_warehouse.contract import TABLES_BY_NAME
    from par_warehouse.rules import suite_of

    return [" ".join(filter(None, (rule.code, rule.column))) for rule in suite_of(TABLES_BY_NAME[SUITE]).rules]


def main() -> None:
    """Measure and print the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is None:
        print("\n".join(section(measure(options.rows, options.repeats))))
        return
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    if options.work == "prepare":
        print(json.dumps(prepare(options.rows)))
        return
    ways: dict[str, Callable[[Path], dict[str, Any]]]
    ways = {"warehouse": warehouse, "one query": one_query, "pandas": pandas}
    staged = options.base / "data" / "staged" / "elearning" / DAY.isoformat() / f"{SUITE}.parquet"
    print(json.dumps(ways[options.work](staged)))


if __name__ == "__main__":
    main()
