"""Secrets: where the key of ``person_key`` and the key of the landing zone come from.

A secret is given by an environment variable, or by the file that ``<variable>_FILE`` names (a secret of a container).
Without either, a development secret is made once in the data folder; that is for trying.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from par_warehouse.errors import ParError
from par_warehouse.settings import Settings

log = logging.getLogger("par_warehouse")


@dataclass(frozen=True)
class Secret:
    """One secret: the variable that gives it, and how to make one for development."""

    variable: str
    development_name: str
    make: Callable[[], str]

    def value(self, settings: Settings) -> str:
        """The secret that is given, else the development secret, made now if need be. Raises ParError."""
        given = given_secret(self.variable)
        if given is not None:
            return given
        path = self.development_path(settings)
        if self.ensure_development(settings):
            log.warning("%s is not set: made a development secret in %s.", self.variable, path)
        return path.read_text()

    def ensure_development(self, settings: Settings) -> bool:
        """Make the development secret if no secret is given and none exists; True when it was made now."""
        path = self.development_path(settings)
        if given_secret(self.variable) is not None or path.exists():
            return False
        write_private(path, self.make().encode())
        return True

    def development_path(self, settings: Settings) -> Path:
        """Where the development secret lies (mode 0600)."""
        return settings.data_dir / self.development_name


def given_secret(variable: str) -> str | None:
    """What a variable, or the file named by ``<variable>_FILE``, gives; None when neither is set.

    Raises ParError when the file cannot be read or is empty.
    """
    if given := os.environ.get(variable):
        return given
    name = os.environ.get(f"{variable}_FILE")
    if not name:
        return None
    try:
        # An editor or `echo` ends the file with a line break; it is no part of the secret.
        given = Path(name).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ParError(f"{variable}_FILE names {name}, which cannot be read. Correct the path or its access.") from None
    if not given:
        raise ParError(f"{variable}_FILE names {name}, which is empty. Write the secret into it.")
    return given


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads (mode 0600); it is there wholly, on the disk, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _age_identity() -> str:
    from pyrage import x25519

    return str(x25519.Identity.generate())


PERSON_KEY = Secret("PAR_PERSON_KEY_SECRET", "development-person-key-secret", lambda: token_hex(32))
LANDING_KEY = Secret("PAR_LANDING_KEY", "development-landing-key", _age_identity)
