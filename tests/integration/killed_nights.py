"""A helper of ``test_killed``: run one night many times, killed by SIGKILL at one file operation after the other.

Usage: killed_nights.py DATE PLACES PART PARTS. Of so many places spread over the whole night it takes every PARTS-th,
from the PART-th on. Every attempt starts from a fresh data folder, dies, and is repeated undisturbed;
the digests of what each repetition published are printed as JSON lines, the first one of a night never disturbed.
"""

import json
import os
import shutil
import signal
import sys
from datetime import date
from importlib import import_module
from pathlib import Path

from par_warehouse.settings import Settings
from tests.nights import published_rows, run_steps

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod", "shutil.copyfile"}


def main() -> None:
    settings, day = Settings.from_environment(), date.fromisoformat(sys.argv[1])
    places, part, parts = map(int, sys.argv[2:])
    for library in ("dbt.cli.main", "great_expectations"):
        import_module(library)  # once, so that the forked nights start at once
    operations_file = settings.data_dir.parent / "operations"
    attempt(settings, day, 0, operations_file)
    start_afresh(settings.data_dir)
    attempt(settings, day, 0, operations_file)  # counted with dbt's parse already there, as in every later attempt
    operations = int(operations_file.read_text())
    say(limit=0, killed=False, rows=published_rows(settings.current))
    for place in range(part, places, parts):
        limit = 1 + place * (operations - 1) // (places - 1)
        start_afresh(settings.data_dir)
        status = attempt(settings, day, limit, operations_file)
        repeated = attempt(settings, day, 0, operations_file)
        leftovers = sorted(path.name for path in settings.data_dir.rglob("*.part")) + ["work"] * settings.work.exists()
        say(
            limit=limit,
            killed=os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
            repeated=os.waitstatus_to_exitcode(repeated),
            rows=published_rows(settings.current),
            leftovers=leftovers,
        )


def attempt(settings: Settings, day: date, limit: int, operations_file: Path) -> int:
    """Run the night in a forked process that kills itself at the given operation (0: never); give its wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    operations = 0
    below = str(settings.data_dir)

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal operations
        if event in EVENTS and any(str(one).startswith(below) for one in arguments if isinstance(one, str | Path)):
            operations += 1
            if operations == limit:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        run_steps(settings, day)
        operations_file.write_text(str(operations))
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def start_afresh(data_dir: Path) -> None:
    """An empty data folder but for dbt's parse of the project, which no night changes."""
    for path in data_dir.iterdir():
        if path.is_dir() and path.name != "dbt":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


main()
