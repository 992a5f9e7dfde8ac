"""The hunt: deliveries are checked in a child process, whose end, size and silence are findings too."""

import multiprocessing
import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from random import Random
from types import TracebackType

from tests.fuzz.checks import check
from tests.fuzz.child import GROWN, READY, Files, serve
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import seeds

CPU_SECONDS = 5.0
WAIT_SECONDS = 60.0
"""Only for what waits without working; a busy machine must not make findings."""


@dataclass(frozen=True)
class Finding:
    """A delivery and what is wrong with how it was read."""

    seed: str
    files: Mapping[str, bytes]
    complaint: str


def numbered(seed: str, number: int) -> dict[str, bytes]:
    """The damaged delivery of a number."""
    others = [content for _, other in sorted(seeds().items()) for content in other.files.values()]
    return mutated(seeds()[seed].files, others, Random(f"{seed} {number}"))


class Hunt:
    """A child process in which deliveries are checked; it is started when it is needed, and anew when it ends.

    ``check`` is importable by its name, as it is called in the child.
    """

    def __init__(
        self,
        check: Callable[[str, Files], str] = check,
        cpu_seconds: float = CPU_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._check = check
        self._cpu_seconds = cpu_seconds
        self._wait_seconds = wait_seconds
        self._child: tuple[BaseProcess, Connection, Connection] | None = None

    def __enter__(self) -> "Hunt":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def outcome(self, seed: str, files: Files) -> str:
        """``read``, ``refused``, or a complaint, which begins with ``!``."""
        process, requests, answers = self._child = self._child or self._start()
        try:
            requests.send((seed, dict(files)))
            if answers.poll(self._wait_seconds):
                answer: str = answers.recv()
                if answer.endswith(GROWN):
                    self._end()  # what it ever was must not hide the next growth
                return answer
            complaint = f"! no answer within {self._wait_seconds:.0f} seconds"
        except (EOFError, BrokenPipeError):
            process.join()
            code = process.exitcode or 0
            complaint = f"! the process ended by {signal.Signals(-code).name if code < 0 else f'exit {code}'}"
            if code == -signal.SIGPROF:
                complaint = f"! more than {self._cpu_seconds:g} seconds of work"
        self._end()
        return complaint

    def findings(self, seed: str, numbers: Iterable[int]) -> Iterator[Finding]:
        """What is found among the damaged deliveries of these numbers."""
        for number in numbers:
            files = numbered(seed, number)
            if (outcome := self.outcome(seed, files)).startswith("!"):
                yield Finding(seed, files, outcome[2:])

    def _start(self) -> tuple[BaseProcess, Connection, Connection]:
        context = multiprocessing.get_context("spawn")
        requests_in, requests = context.Pipe(duplex=False)
        answers, answers_in = context.Pipe(duplex=False)
        arguments = (self._check, self._cpu_seconds, requests_in, answers_in)
        process = context.Process(target=serve, args=arguments, daemon=True)
        process.start()
        requests_in.close()
        answers_in.close()
        assert answers.recv() == READY
        return process, requests, answers

    def _end(self) -> None:
        if self._child is not None:
            process, *pipes = self._child
            self._child = None
            for pipe in pipes:
                pipe.close()
            process.kill()
            process.join()


def key_of(complaint: str) -> str:
    """What findings of one cause have in common: the place, or what is said without its numbers."""
    what, at, place = complaint.partition(": ")[0].partition(" at ")
    return re.sub(r"\d+", "0", what) + at + place
