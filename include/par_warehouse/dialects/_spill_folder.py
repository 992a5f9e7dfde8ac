"""A private folder for what does not fit into memory. What a killed process left there, the next one removes."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "par-spill-"


class SpillFolder:
    """A new folder below the temporary directory that only its owner may enter (0700), until ``close``.

    It is locked as long as it is in use; the operating system gives the lock back with the life of the process.
    """

    def __init__(self) -> None:
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            _remove_unless_used(folder)
        unlocked = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
        self._lock = os.open(unlocked, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Only now, locked, does it get the name under which others would remove it.
        self.path = unlocked.rename(unlocked.with_name(unlocked.name[1:]))

    def close(self) -> None:
        """Remove the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_unless_used(folder: Path) -> None:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return  # gone meanwhile, or another user's
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(lock)
