"""One writer at a time: a lock on the data folder that the operating system releases with its holder's life."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from par_warehouse.errors import ParError
from par_warehouse.settings import Settings

_held: set[str] = set()


@contextmanager
def run_lock(settings: Settings, *, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the data folder; within the same process a second holder joins the first.

    Raises ParError when another process holds it for longer than ``wait_seconds``.
    """
    path = settings.data_dir / "run.lock"
    if str(path) in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        _acquire(file.fileno(), time.monotonic() + wait_seconds)
        _held.add(str(path))
        try:
            yield
        finally:
            _held.discard(str(path))


def _acquire(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise ParError(
                    "Another run is writing this data folder. Wait until it has ended, then repeat the command."
                ) from None
            time.sleep(0.5)
        else:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            return
