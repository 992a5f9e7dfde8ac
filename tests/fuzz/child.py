"""The child process of a hunt: it checks deliveries under limits of time and memory, and says how that went.

It imports next to nothing, so that it starts quickly; what is checked comes with the check.
"""

import logging
import resource
import signal
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

Files = Mapping[str, bytes]

ADDRESS_SPACE = 6 << 30
GROWTH_BYTES = 300 << 20
"""By how much the memory may grow beyond what it ever was, for one delivery of a few kilobytes."""
GROWN = "MB more memory than ever before"
READY = "ready"
"""The first answer: the time to start a child is no delivery's."""

PROJECT = Path(__file__).parents[2]


class Complaint(Exception):
    """A promise that was broken, in a few words."""


def serve(check: Callable[[str, Files], str], cpu_seconds: float, requests: Connection, answers: Connection) -> None:
    """The child: check what comes until nothing comes any more."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    logging.disable()
    answers.send(READY)
    with suppress(EOFError):
        while True:
            seed, files = requests.recv()
            before = peak_bytes()
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)  # its signal ends the process, in native code too
            try:
                answer = check(seed, files)
            except Complaint as complaint:
                answer = f"! {complaint}"
            except BaseException as error:
                answer = f"! {_described(error)}"
            signal.setitimer(signal.ITIMER_PROF, 0)
            if (grown := peak_bytes() - before) > GROWTH_BYTES:
                answer = f"! {grown >> 20} {GROWN}"
            answers.send(answer)


def peak_bytes() -> int:
    """The most memory that this process ever had; what ``getrusage`` says may be that of its parent."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def _described(error: BaseException) -> str:
    """What was raised, and the last place of the warehouse that it came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if str(PROJECT) in frame.filename]
    own = [frame for frame in frames if "/include/" in frame.filename] or frames
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"
    return f"{type(error).__name__} at {place}: {' '.join(str(error).split())[:160]}"
