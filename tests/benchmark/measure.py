"""Measure the nights through the commands people type, and write docs/performance.md.

Usage: measure.py [--demo-nights N] [--city-nights N]. Two series of 30 nights need about 40 minutes, the
adapters (`adapters.py`) six; the data lie in a folder of their own that is removed at the end.
"""

import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path

import duckdb
import validation

from par_warehouse.findings import life_events, lives
from par_warehouse.ledger import open_ledger
from par_warehouse.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAR = ROOT / ".venv" / "bin" / "par"
LAST = date(2024, 12, 31)
STEPS = ("pull", "standardise", "validate", "build", "audit", "publish", "report", "tell", "send")
QUALITY_STEPS = ("validate", "watch", "report", "tell", "send")
QUALITY_NODES = ("bound", "quality")
"""Models and audits whose names have one of these: how far findings could move a number, the score of an agency."""


@dataclass(frozen=True)
class Night:
    """Seconds of one night as its steps report them; ``wall`` is the DAG run, Airflow included."""

    steps: dict[str, float]
    wall: float


@dataclass(frozen=True)
class Run:
    """One command: its nights, its own wall time in seconds, its peak memory in megabytes."""

    nights: list[Night]
    wall: float
    peak_mb: float


def par(data_dir: Path, *arguments: str) -> Run:
    """Run one command of ``par`` in a child whose memory is measured alone."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PAR_", "AIRFLOW"))}
    environment |= {"PAR_DATA_DIR": str(data_dir), "PAR_PERSON_KEY_SECRET": "benchmark", "COLUMNS": "200"}
    log = data_dir.parent / "output"
    with log.open("w") as output:
        started = os.times().elapsed
        child = subprocess.Popen([str(PAR), *arguments], env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
        wall = os.times().elapsed - started
    text = log.read_text()
    if status:
        raise SystemExit(f"par {' '.join(arguments)} failed:\n{text[-3000:]}")
    return Run(_nights(text), wall, usage.ru_maxrss / 1024)


def _nights(text: str) -> list[Night]:
    nights = []
    for part in text.split("Night of ")[1:]:
        steps = dict.fromkeys((*STEPS, "watch"), 0.0)
        for step, seconds in re.findall(r"\((\w+), ([0-9.]+) s\)\s*$", part, re.MULTILINE):
            steps[step] += float(seconds)
        done = re.search(r"done after ([0-9.]+) s", part)
        assert done, part
        nights.append(Night(steps, float(done.group(1))))
    return nights


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo-nights", type=int, default=30, help="length of the demo series")
    parser.add_argument("--city-nights", type=int, default=30, help="length of the city series")
    lengths = vars(parser.parse_args())
    base = Path(tempfile.mkdtemp(prefix="par-benchmark-"))
    try:
        demo = base / "first" / "data"
        demo.mkdir(parents=True)
        print("demo: the first run, set-up included ...", flush=True)
        rows = [
            _row("demo, the very first (metadata database, demo exports, three dates to take in)", par(demo, "nightly"))
        ]
        print("demo: three warm nights ...", flush=True)
        warm = sorted((par(demo, "nightly") for _ in range(3)), key=lambda run: run.wall)
        rows.append(_row("demo, warm (median of 3)", warm[1]))
        sections = []
        for size in ("demo", "city"):
            first, others = _series(base / size / "data", size, lengths[f"{size}_nights"])
            rows.append(_row(f"{size}, the first night of the series below", first))
            sections += _section(size, first, others)
            if size == "city":
                sections += _quality(base / size / "data", others.nights)
        print("validation: 5 million views in three ways ...", flush=True)
        sections += validation.section(validation.measure())
        print("adapters ...", flush=True)
        adapters = subprocess.run(
            [sys.executable, "-m", "tests.benchmark.adapters"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        page = "\n".join([*_head(), *rows, *sections, adapters])
        (ROOT / "docs" / "performance.md").write_text(page)
        print(page)
    finally:
        shutil.rmtree(base)


def _series(data_dir: Path, size: str, count: int) -> tuple[Run, Run]:
    """The first night of a series of its own, and the others in one process."""
    data_dir.mkdir(parents=True)
    print(f"{size}: writing {count} nights ...", flush=True)
    par(data_dir, "demo-exports", "--size", size, "--nights", str(count), "--to", LAST.isoformat())
    days = [LAST - timedelta(days=ago) for ago in reversed(range(count))]
    print(f"{size}: the first night ...", flush=True)
    first = par(data_dir, "nightly", "--date", days[0].isoformat())
    print(f"  {first.wall:.1f} s, {first.peak_mb:.0f} MB\n{size}: the other {count - 1} nights ...", flush=True)
    return first, par(data_dir, "backfill", "--from", days[1].isoformat(), "--to", days[-1].isoformat())


def _head() -> list[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        "# Performance",
        "",
        "Measured by `make benchmark` (`tests/benchmark/measure.py`), which runs the commands people type and rewrites",
        "this page. Seconds are wall time; peak memory is the largest resident set of the whole process, Airflow,",
        "Great Expectations and dbt included. `demo` has 2,000 staff and 20,000 views, `city` 200,000 and 2 million.",
        "",
        f"Machine: {os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory, {platform.system()},"
        f" Python {platform.python_version()}; Airflow {version('apache-airflow')}, dbt {version('dbt-core')},"
        f" DuckDB {version('duckdb')}, Great Expectations {version('great_expectations')}.",
        "",
        "| night | command | DAG run | " + " | ".join(STEPS) + " | peak memory |",
        "|---|---|---|" + "---|" * (len(STEPS) + 1),
    ]


def _section(size: str, first: Run, others: Run) -> list[str]:
    nights = [first.nights[0], *others.nights]
    early, late = _around(nights, 3), _around(nights, len(nights))
    shown = {1, 2, 3, 4, 5, 10, 15, 20, 25, len(nights) - 2, len(nights) - 1, len(nights)}
    return [
        "",
        f"## A series of {len(nights)} {size} nights",
        "",
        "| night | DAG run | " + " | ".join(STEPS) + " |",
        "|---|---|" + "---|" * len(STEPS),
        *(
            f"| {number} | {night.wall:.1f} | " + " | ".join(f"{night.steps[step]:.1f}" for step in STEPS) + " |"
            for number, night in enumerate(nights, 1)
            if number in shown
        ),
        "",
        f"The last nights cost {late / early:.2f} times what the third cost (medians of three nights around each:"
        f" {late:.1f} s and {early:.1f} s). Peak memory of all nights after the first, in one process:"
        f" {others.peak_mb:.0f} MB.",
        "",
    ]


def _quality(data_dir: Path, nights: list[Night]) -> list[str]:
    """What of the last nights was work on the quality of data."""
    log = (data_dir / "logs" / "dbt" / "dbt.log").read_text()
    found = re.findall(
        r"\d+ of \d+ (?:OK created|PASS) .*?(?:\.| )(\w+) [. ]*\[\S*?(?:OK|PASS)\S* in ([0-9.]+)s\]", log
    )
    nodes: dict[str, list[float]] = {}
    for name, seconds in found:
        if any(part in name for part in QUALITY_NODES):
            nodes.setdefault(name, []).append(float(seconds))
    assert "int_indicator__bounded" in nodes, "the log of dbt is not written as it was"
    reading, writing = _reading_findings(data_dir), _writing(data_dir)
    shares, lines = [], []
    for ago, night in enumerate(reversed(nights), 1):
        judged = sum(night.steps[step] for step in QUALITY_STEPS)
        modelled = sum(times[-ago] for times in nodes.values())
        shares.append((judged + modelled + reading - writing) / night.wall)
        seconds = " | ".join(f"{one:.1f}" for one in (night.wall, judged, modelled, reading, writing))
        lines.append(f"| {len(nights) + 2 - ago} | {seconds} | {shares[-1]:.0%} |")
    return [
        "",
        "## What quality costs a city night",
        "",
        f"Quality is {', '.join(QUALITY_STEPS)} (watch is a part of build), the models and audits of bounds",
        "and scores, and the lives of findings, but not the writing of the accepted rows, which is a part of validate.",
        "These two are measured once more after the last night and counted for all.",
        "",
        "| night | DAG run | steps | models and audits | lives of findings | writing accepted rows | share |",
        "|---|---|---|---|---|---|---|",
        *reversed(lines),
        "",
        f"Median share of these nights: {statistics.median(shares):.0%}; the highest: {max(shares):.0%}.",
        "",
    ]


def _reading_findings(data_dir: Path) -> float:
    """Seconds to work out the lives of findings as a night does."""
    with open_ledger(Settings(data_dir, "", "")) as con:
        lives(con, LAST)  # the libraries that this loads are there in a night
        started = time.perf_counter()
        lives(con, LAST)
        lives(con)
        life_events(con)
        return time.perf_counter() - started


def _writing(data_dir: Path) -> float:
    """Seconds to write the accepted rows of the last night once more."""
    with duckdb.connect(config={"threads": 2}) as con, tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        for path in sorted((data_dir / "accepted").glob(f"*/{LAST}/*.parquet")):
            con.execute(
                f"copy (from read_parquet('{path}') order by row_number) to '{folder}/rows.parquet'"
                " (format parquet, compression zstd)"
            )
        return time.perf_counter() - started


def _row(name: str, run: Run) -> str:
    night = run.nights[0]
    steps = " | ".join(f"{night.steps[step]:.1f}" for step in STEPS)
    return f"| {name} | {run.wall:.1f} | {night.wall:.1f} | {steps} | {run.peak_mb:.0f} MB |"


def _around(nights: list[Night], number: int) -> float:
    """Median of the night with this number and its neighbours, the first night of all left out."""
    last = min(number + 1, len(nights))
    return statistics.median(night.wall for night in nights[max(1, last - 3) : last])


if __name__ == "__main__":
    main()
