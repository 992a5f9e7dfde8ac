"""Run something in a forked process that kills itself with SIGKILL at one of its file operations."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod"}


def killed_at(operation: int, work: Callable[[], object], below: Path) -> bool:
    """Run ``work``, killed just before its file operation of this number (from 1) below a folder.

    True when it was killed, False when it came to its end with fewer operations; raises when it failed.
    """
    child = os.fork()
    if child == 0:
        _die_at(operation, str(below))
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "the work failed"
    return False


def _die_at(operation: int, below: str) -> None:
    count = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in _EVENTS and any(str(one).startswith(below) for one in arguments if isinstance(one, str | Path)):
            count += 1
            if count == operation:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
