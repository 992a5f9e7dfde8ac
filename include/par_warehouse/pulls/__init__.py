"""Pulls: how the warehouse asks a system that offers an interface instead of files.

A pull is one module of this package, named as in ``sources.yml``. It offers two things:

``Options``
    a ``DialectOptions`` model: what may stand under ``options:`` of a feed that uses the pull.
``pull(access, options, window, pages)``
    asks until everything of the window is there, and leaves each answer as one page. A page that is there already is
    not asked for again, so an interrupted pull goes on where it stopped.

The dialect of the same name reads the pages. Pages hold the answers cut down to the fields that the warehouse may
have; they are landed, hashed and encrypted like delivered files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from par_warehouse.dialects import DialectOptions
from par_warehouse.errors import ParError, Unreachable


class PullFailed(Unreachable):
    """The system cannot be asked now (unreachable, answers with errors); asking again later may help."""


class PullRefused(ParError):
    """The system refuses (token expired, no right to a function); a person has to change something."""


@dataclass(frozen=True)
class Access:
    """Where the system is and how to sign in. Never printed: ``repr`` shows the address only."""

    url: str
    login: str | None
    secret: str | None

    def __repr__(self) -> str:
        return f"Access({self.url!r})"


@dataclass(frozen=True)
class Window:
    """The time that a pull is about: after ``since`` (None: from the beginning) up to and including ``until``."""

    since: datetime | None
    until: datetime


class Pages(Protocol):
    """What a pull has brought so far, by page name (``users-00001.json``); kept across interruptions."""

    def __contains__(self, name: str) -> bool: ...

    def read(self, name: str) -> bytes:
        """A page that is there."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Keep a page; it is there wholly or not at all."""
        ...


def pull_names() -> list[str]:
    """The modules of this package, ascending."""
    return sorted(module.name for module in iter_modules(__path__))


def pull_of(name: str) -> Callable[[Access, DialectOptions, Window, Pages], None]:
    """The function ``pull`` of one module of this package."""
    pull: Callable[[Access, DialectOptions, Window, Pages], None] = import_module(f"{__name__}.{name}").pull
    return pull
