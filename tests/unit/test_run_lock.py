"""One writer at a time; a dead writer holds nothing."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from par_warehouse.errors import ParError
from par_warehouse.run_lock import run_lock
from par_warehouse.settings import Settings


def hold(data_dir: Path, ready) -> None:
    with run_lock(Settings(data_dir, "", "")):
        ready.set()
        signal.pause()


def test_the_second_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    settings = Settings(tmp_path, "", "")
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready))
    process.start()
    assert ready.wait(20)
    with pytest.raises(ParError, match="Another run is writing"), run_lock(settings, wait_seconds=0.1):
        pass
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    with run_lock(settings), run_lock(settings):
        assert (tmp_path / "run.lock").read_text() == f"{os.getpid()}\n"
