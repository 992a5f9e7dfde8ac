"""Checks that break their promises in every way that a hunt has to notice."""

import os
import time

from tests.fuzz.child import Complaint, Files


def misbehave(kind: str, _files: Files) -> str:
    """``read``, unless the kind says otherwise."""
    match kind:
        case "raises":
            return str(1 // 0)
        case "complains":
            raise Complaint("no promise is kept")
        case "works for ever":
            while True:
                pass
        case "waits for ever":
            time.sleep(3600)
        case "grows":
            assert len(b"x" * (500 << 20)) > 0
        case "dies":
            os.abort()
    return "read"


def dislike_bells(_seed: str, files: Files) -> str:
    """A complaint about every file that holds the control character BEL."""
    if any(b"\a" in content for content in files.values()):
        raise Complaint("a bell rings")
    return "read"
