"""A night that is killed anywhere leaves the publication whole, and the rerun gives what an undisturbed run gives."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from par_warehouse.settings import PROJECT_ROOT, Settings
from tests.nights import run_steps
from tests.small_world import NIGHT, clean_world, deliver, settings_for

LATER = NIGHT.replace(year=2025, month=1, day=1)
PLACES = 20
PARTS = 2  # so that two workers share them


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_twenty_places_and_rerun(tmp_path: Path, part: int) -> None:
    settings = settings_for(tmp_path)
    deliver(tmp_path, clean_world())
    environment = os.environ | {
        "PAR_DATA_DIR": str(settings.data_dir),
        "PAR_HR_URI": settings.hr_uri,
        "PAR_ELEARNING_URI": settings.elearning_uri,
        "PAR_PERSON_KEY_SECRET": "test",
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    command = [sys.executable, str(Path(__file__).with_name("killed_nights.py")), NIGHT.isoformat()]
    command += [str(PLACES), str(part), str(PARTS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    undisturbed, *attempts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(attempts) == PLACES // PARTS
    for attempt in attempts:
        where = f"killed at operation {attempt['limit']}"
        assert attempt["killed"], where
        assert attempt["repeated"] == 0, where
        assert attempt["rows"] == undisturbed["rows"], where
        assert attempt["leftovers"] == [], where


@contextmanager
def a_reader(settings: Settings) -> Iterator[list[str]]:
    """Query the publication in a loop meanwhile; collect every error and every mixture of two versions."""
    seen: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                with duckdb.connect(str(settings.current), read_only=True) as con:
                    rows = con.execute(
                        """
                        select as_of_date::varchar, denominator = (
                            select count(*) from marts.fct_indicator_evidence as e
                            where e.as_of_date = fct_indicator_daily.as_of_date and e.indicator_code = 'I2'
                        ) and 14 = (select count(*) from ops.load_file where data_date = as_of_date)
                        from marts.fct_indicator_daily
                        where org_unit_code = 'H29' and indicator_code = 'I2'
                        order by as_of_date
                        """
                    ).fetchall()
                seen.append(" ".join(day if whole else f"{day} mixed" for day, whole in rows))
            except Exception as error:
                seen.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def test_a_reader_sees_the_old_or_the_new_publication_and_never_an_error(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    settings = settings_for(tmp_path)
    deliver(tmp_path, clean_world())
    deliver(tmp_path, clean_world(), LATER)
    run_steps(settings, NIGHT)
    with a_reader(settings) as seen:
        run_steps(settings, LATER, "second")
        run_steps(settings, NIGHT, "third")
        while seen[-1:] != [f"{NIGHT} {LATER}"]:
            pass
    assert set(seen) == {f"{NIGHT}", f"{NIGHT} {LATER}"}
