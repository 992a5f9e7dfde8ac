"""Measure each adapter, from sealed files to pseudonymous Parquet, beside the bare read of the same files.

Usage: python -m tests.benchmark.adapters [NAME ...] prints a table; `measure.py` puts it into docs/performance.md. All
files are invented here, lie in a temporary folder and go with it. Every run is a process of its own, so that its memory
is measured alone; runs of an adapter and of the bare read alternate. The clock starts after the libraries are loaded.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
from python_calamine import CalamineWorkbook

from par_warehouse.config import load_configuration
from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.dialects import Context, DeliveredFile, dialect
from par_warehouse.pseudonym import register_hashes
from par_warehouse.sealing import landing_key, open_sealed, seal
from par_warehouse.settings import Settings
from par_warehouse.staged_rows import StagedRows
from tests import moodle_screens as screens
from tests import spreadsheets
from tests.unit import test_moodle_pages as pages
from tests.unit import test_xapi as xapi

ROOT = Path(__file__).resolve().parents[2]
NIGHT = date(2024, 12, 31)
COURSE = {"id": 12, "code": "K1"}
MATERIALS = {f"Tài liệu {number}": {"module": 100 + number, "code": f"TL-{number}"} for number in range(1, 6)}


@dataclass(frozen=True)
class Adapter:
    """A case. ``write`` makes the files of ``rows`` records in a folder; ``bare`` reads them and keeps nothing else."""

    dialect: str
    rows: int
    write: Callable[[Path, int], None]
    bare: Callable[[Path], None]
    compared_with: str
    table: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    runs: int = 3


def _query(sql: str) -> Callable[[Path, int], None]:
    """A writer of one CSV file by DuckDB."""

    def write(folder: Path, rows: int) -> None:
        duckdb.execute(f"copy ({sql.format(rows=rows)}) to '{folder / 'file.csv'}' (header)")

    return write


def _number(i: str) -> str:
    return f"'013' || lpad((({i} * 7919) % 1200000)::varchar, 9, '0')"


VIEWS = _query(
    "select i as id, 1 + (i * 7919) % 4000 as coursemoduleid, 1 + (i * 104729) % 200000 as userid,"
    " 1640970000 + (i * 31) % 90000000 as timecreated from range({rows}) as one(i)"
)
RATINGS = _query(
    f"select {_number('i')} as so_dinh_danh, 2018 + (i % 7) as nam,"
    " ['HTXSNV', 'HTTNV', 'HTNV', 'KHTNV'][1 + i % 4] as muc_xep_loai, (i % 900) || '/QĐ-SNV' as so_quyet_dinh,"
    " date '2023-12-01' + (i % 30)::int as ngay_quyet_dinh from range({rows}) as one(i)"
)
COMPLETIONS = _query(
    f"""select i + 1 as "ID", 'Nguyễn Thị Thử' as "Name", {_number("i")} as "ID number",
    'u' || i || '@so.example.vn' as "Email address", 'Completed' as "Bài 1",
    '2024-12-31 23:59:59' as "Course complete" from range({{rows}}) as one(i)"""
)


def _workbook(form: str) -> Callable[[Path, int], None]:
    def write(folder: Path, rows: int) -> None:
        people = [spreadsheets.PEOPLE[0] | {"so_dinh_danh": f"0131{number:08}"} for number in range(rows)]
        (folder / f"file.{form}").write_bytes(spreadsheets.FORMATS[form](spreadsheets.plain_list(people)))

    return write


def _activities(folder: Path, rows: int) -> None:
    done = ("Completed", "2024-12-30 08:00:00") * len(MATERIALS)
    learners = (
        ["Nguyễn Thị Thử", f"0131{number:08}", f"u{number}@so.example.vn", *done]
        for number in range(rows // len(MATERIALS))
    )
    content = screens.activity_completion(["ID number", "Email address"], [(name, "") for name in MATERIALS], *learners)
    (folder / "file.csv").write_bytes(content)


def _log(folder: Path, rows: int) -> None:
    lines = (
        (f"31/12/24, {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}", "Course module viewed",
         screens.viewed(1 + n % 20_000, 1 + n % 4000))
        for n in range(rows)
    )  # fmt: skip
    (folder / "file.csv").write_bytes(screens.log(*lines))


def _pull(folder: Path, rows: int) -> None:
    learners = range(1, rows // 20 + 1)
    modules = [{"id": 100 + n, "course": 2, "idnumber": f"TL-{n}", "completion": 2, "warnings": 0} for n in range(20)]
    seen = [pages.view(module["id"], 1, 1735600000, False, True) for module in modules]
    course = {"id": 2, "idnumber": "K1", "startdate": 1700000000, "enddate": 0, "timemodified": 1735600000,
              "enablecompletion": True}  # fmt: skip
    pull = {
        "users-00001.json": [pages.user(n, username=f"u{n}", idnumber=f"0131{n:08}") for n in learners],
        "courses-00001.json": [course],
        "modules-00001.json": modules,
        "completions-00001.json": [],
    } | {
        f"views-{page:05}.json": [pages.views(n, *seen) for n in learners[first : first + 1000]]
        for page, first in enumerate(range(0, len(learners), 1000), 1)
    }
    for file in pages.pull_of(pull, users_enrolled=len(learners)):
        (folder / Path(file.name).name).write_bytes(file.open().read())


def _statements(folder: Path, rows: int) -> None:
    with (folder / "file.jsonl").open("wb") as target:
        for number in range(rows):
            target.write(xapi.json_lines([xapi.view(number, actor=xapi.agent(f"0131{number % 20_000:08}"))]))


def _copied(reader: str, folder: Path) -> None:
    """DuckDB's own way from files to Parquet."""
    source = reader.format(folder=folder)
    with duckdb.connect(config={"threads": 2, "memory_limit": "1GB"}) as con:
        con.execute(f"copy (from {source}) to '{folder.parent / 'bare.parquet'}' (format parquet)")


def _by_calamine(folder: Path) -> None:
    (path,) = folder.iterdir()
    CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()


_CSV, _CSV_TO_PARQUET = partial(_copied, "read_csv('{folder}/file.csv')"), "DuckDB `read_csv` to Parquet"
_AS_TEXT = partial(_copied, "read_csv('{folder}/file.csv', all_varchar = true)")
_BOOKS = {"bare": _by_calamine, "compared_with": "calamine `to_python`", "table": "nhan_su"}

ADAPTERS = {
    "csv, views": Adapter(
        "csv", 5_000_000, VIEWS, _CSV, _CSV_TO_PARQUET, "mdl_course_modules_viewed", runs=5
    ),
    "csv, ratings of persons": Adapter("csv", 5_000_000, RATINGS, _CSV, _CSV_TO_PARQUET, "danh_gia", runs=5),
    "spreadsheet, .xlsx": Adapter("spreadsheet", 10_000, _workbook("xlsx"), **_BOOKS),
    "spreadsheet, .xls": Adapter("spreadsheet", 10_000, _workbook("xls"), **_BOOKS),
    "spreadsheet, .ods": Adapter("spreadsheet", 10_000, _workbook("ods"), **_BOOKS),
    "moodle_course_completion": Adapter(
        "moodle_course_completion", 200_000, COMPLETIONS, _AS_TEXT, _CSV_TO_PARQUET, options={"course": COURSE}
    ),
    "moodle_activity_completion": Adapter(
        "moodle_activity_completion", 200_000, _activities, _AS_TEXT, _CSV_TO_PARQUET,
        options={"course": COURSE, "materials": MATERIALS},
    ),
    "moodle_log": Adapter("moodle_log", 200_000, _log, _AS_TEXT, _CSV_TO_PARQUET),
    "moodle_web_service": Adapter(
        "moodle_web_service", 200_000, _pull,
        partial(_copied, "(select unnest(statuses) from read_json('{folder}/views-*.json'))"),
        "DuckDB `read_json` to Parquet",
    ),
    "xapi, lines": Adapter(
        "xapi", 100_000, _statements, partial(_copied, "read_json('{folder}/file.jsonl')"),
        "DuckDB `read_json` to Parquet", options={"mapping": xapi.EXAMPLE},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """Seconds on the clock, seconds of the processors, and megabytes at the peak."""

    wall: float
    cpu: float
    peak: float

    @classmethod
    def median(cls, runs: Sequence["Run"]) -> "Run":
        """The median of each."""
        return cls(*(statistics.median(getattr(run, one) for run in runs) for one in ("wall", "cpu", "peak")))


def section(names: Iterable[str] = ADAPTERS) -> list[str]:
    """Measure, and give the lines of Markdown."""
    return [
        "## Adapters",
        "",
        "From the sealed files to pseudonymous Parquet, persons for the vault included, beside the bare read of the",
        "same files unsealed (`python -m tests.benchmark.adapters`). Medians of alternating runs, each in its own",
        "process. `cpu` is what all processors worked, in seconds. Other work on the machine spoils it less than the",
        "clock. Memory counts the process and, for workbooks, the one that reads the cells.",
        "",
        "| adapter | rows | seconds | cpu | rows a second | peak memory | compared with | seconds | cpu | peak memory"
        " | ratio of seconds | of cpu |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_measured(name, ADAPTERS[name]) for name in names),
        "",
        "About 200 MB of each peak are the libraries. What costs more than a bare read, and why:",
        "",
        "- The bare reads of CSV and JSON unseal nothing, check nothing and know no persons. Ratings name 1.2 million",
        "  persons: each is hashed once (HMAC-SHA256), and each row gets a key of 64 characters.",
        "- The cells of workbooks are looked at one by one in Python, in a process of their own.",
        "- Texts with letters outside ASCII, such as names in the reports of Moodle, are cleaned one by one. A report",
        "  is read once for each table that it fills; that of activities becomes a row for each cell.",
        "- Statements of xAPI are settled (repeated, voided) before the first row comes out.",
    ]


def _measured(name: str, adapter: Adapter) -> str:
    with tempfile.TemporaryDirectory(prefix="par-adapters-") as folder:
        print(f"{name}: {adapter.rows:,} rows ...", file=sys.stderr, flush=True)
        _child(name, "write", folder)
        runs: dict[str, list[Run]] = {"bare": [], "adapter": []}
        for _ in range(adapter.runs):
            for way, done in runs.items():
                done.append(Run(**json.loads(_child(name, way, folder))))
                print(f"  {way} {done[-1].wall:.2f} s, cpu {done[-1].cpu:.2f} s", file=sys.stderr, flush=True)
    bare, own = Run.median(runs["bare"]), Run.median(runs["adapter"])
    return (
        f"| {name} | {adapter.rows:,} | {own.wall:.2f} | {own.cpu:.2f} | {adapter.rows / own.wall:,.0f}"
        f" | {own.peak:.0f} MB | {adapter.compared_with} | {bare.wall:.2f} | {bare.cpu:.2f} | {bare.peak:.0f} MB"
        f" | {own.wall / bare.wall:.1f} | {own.cpu / bare.cpu:.1f} |"
    )


def _child(name: str, way: str, folder: str) -> str:
    """What a process of its own prints; this one stays small, because a child starts with its parent's peak."""
    environment = os.environ | {"PAR_PERSON_KEY_SECRET": "a secret of the benchmark"}
    command = [sys.executable, "-m", "tests.benchmark.adapters", "--run", name, way, folder]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _settings(folder: Path) -> Settings:
    return Settings(folder / "data", "", "")


def _seal(files: Path, folder: Path) -> None:
    key = landing_key(_settings(folder))
    (folder / "sealed").mkdir()
    for path in files.iterdir():
        with path.open("rb") as source, seal(folder / "sealed" / path.name, key) as target:
            while block := source.read(1 << 20):
                target.write(block)


def _run(name: str, way: str, folder: Path) -> None:
    """One run, in the child."""
    adapter, files = ADAPTERS[name], folder / "files"
    if way == "write":
        files.mkdir()
        adapter.write(files, adapter.rows)
        _seal(files, folder)
        return
    for library in ("pandas", "pyarrow.csv", "pyarrow.compute"):
        import_module(library)  # pyarrow loads pandas where it is installed; in a night it is there already
    before, started = _usage()[0], time.perf_counter()
    if way == "bare":
        adapter.bare(files)
    else:
        _stage(adapter, folder)
    wall = time.perf_counter() - started
    cpu, peak = _usage()
    print(json.dumps({"wall": wall, "cpu": cpu - before, "peak": peak}))


def _usage() -> tuple[float, float]:
    """Seconds of the processors and peak megabytes until now, of this process and its children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usages), sum(one.ru_maxrss for one in usages) / 1024


def _stage(adapter: Adapter, folder: Path) -> None:
    settings = _settings(folder)
    configuration = load_configuration(settings.config_dir)
    sources = [configuration.sources.of(source) for source in ("hr", "elearning")]
    feeds = {feed.table: feed for source in sources for feed in source.feeds}
    key = landing_key(settings)
    delivered = [
        DeliveredFile(path.name, path.stat().st_size, partial(open_sealed, path, key))
        for path in sorted((folder / "sealed").iterdir())
    ]
    headings = configuration.headings.get(adapter.table or "", {})
    context = Context(NIGHT, adapter.table, headings, settings.memory_limit, settings.threads)
    module = dialect(adapter.dialect)
    config: dict[str, Any] = {
        "threads": settings.threads, "memory_limit": settings.memory_limit, "temp_directory": str(folder / "spill"),
    }  # fmt: skip
    rows = 0
    with duckdb.connect(config=config) as con:
        register_hashes(con, settings)
        for part in module.read(delivered, module.Options.model_validate(adapter.options), context):
            table = TABLES_BY_NAME[part.table]
            wanted = [column.name for column in table.stored_columns if column.name in part.names]
            target, persons = (folder / f"{name}-{table.name}.parquet" for name in ("rows", "persons"))
            with StagedRows(con, feeds[table.name], table, NIGHT, {}, target, persons) as writer:
                for records in part.records(wanted):
                    rows = max(rows, int(records.numbers.max(initial=0)))
                    writer.write(records)
    if rows < adapter.rows:
        raise SystemExit(f"{rows} rows came out, {adapter.rows} went in")


def main() -> None:
    """Measure what is named, or everything, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {'; '.join(ADAPTERS)}")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        name, way, folder = given.run
        _run(name, way, Path(folder))
    else:
        print("\n".join(section(given.names or ADAPTERS)))


if __name__ == "__main__":
    main()
