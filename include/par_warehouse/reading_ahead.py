"""Reading ahead: a thread reads the next run of a file while the present one is converted."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Run = TypeVar("_Run")
RUNS_AHEAD = 2


def read_ahead(runs: Generator[_Run, None, None]) -> Iterator[_Run]:
    """The same runs, two of them read in advance; what ``runs`` raises is raised after the runs before it.

    ``runs`` goes on in the thread alone. It is closed when the caller stops early.
    """
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(next, runs, None) for _ in range(RUNS_AHEAD))
        try:
            while (run := coming.popleft().result()) is not None:
                coming.append(thread.submit(next, runs, None))
                yield run
        finally:
            thread.shutdown(cancel_futures=True)
            runs.close()
