"""Dialects: how deliveries are written, and what turns each of them into the tables of the export contract.

A dialect is one module of this package, named as in ``sources.yml``. It offers two things:

``Options``
    a ``DialectOptions`` model: what may stand under ``options:`` of a feed that uses the dialect.
``read(files, options, context)``
    a list of ``Part``, one per contract table that the files hold. It raises ``UnreadableFile`` when they cannot be
    read as a whole. ``files`` is never empty; of most dialects it has one element.

A dialect gives text exactly as delivered. White space, NFC, types, pseudonyms and every rule come later, in
``standardise`` and ``validate``, for all dialects alike. It gives every column that it found, also those that no
table of the contract has: ``standardise`` drops and counts them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from types import ModuleType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from par_warehouse.errors import ParError

LOWEST_MADE_ID = 1 << 60
"""Where a delivery has no number for an account, a course or an event, a dialect makes one of at least this, and below
twice this, out of what names the thing there. ``standardise`` hides them under a key, as they could be made again."""


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the text says why and what to do, without any value of the file.

    ``vi`` is for the clerk who sent it, ``en`` says the same in English.
    """

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi} | {en}")
        self.vi = vi
        self.en = en


@dataclass(frozen=True)
class DeliveredFile:
    """One delivered file. ``name`` is its path in the delivery, safe to print; ``open`` starts at the first byte."""

    name: str
    size: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True)
class Context:
    """What a dialect may know beside its files.

    ``table`` is the contract table that the feed names (None for a dialect that fills several), ``header_names`` maps
    a folded heading (``text.fold``) to a column name of that table.
    """

    data_date: date
    table: str | None
    header_names: Mapping[str, str]
    memory_limit: str
    threads: int


@dataclass(frozen=True)
class Records:
    """A run of records.

    ``table`` has one text column per wanted column and one row per well-formed record, whose numbers are in
    ``numbers``; ``malformed`` holds the numbers of records with more or fewer fields than the header. Numbers rise
    through the part and name the record to the person who repairs it: in CSV they count from 1 after the header, in a
    spreadsheet they are the row numbers of the sheet.
    """

    table: pa.Table
    numbers: npt.NDArray[np.int64]
    malformed: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class Part:
    """The rows that the files hold for one contract table.

    ``names`` are the column names found, those of the contract where the heading is known. ``records`` takes the
    wanted names (a subset of ``names``) and yields the rows; it may raise UnreadableFile while it goes. ``notes``
    counts what a person should know of and the rows do not show (statements voided, births given as a year).
    It may still grow while ``records`` is consumed.
    """

    table: str
    names: Sequence[str]
    records: Callable[[Sequence[str]], Iterator[Records]]
    notes: dict[str, int] = field(default_factory=dict)


class DialectOptions(BaseModel):
    """Base of all options: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def dialect(name: str) -> ModuleType:
    """The module of a dialect. Raises ParError when there is none of this name."""
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise ParError(f"There is no dialect {name!r}.")
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise ParError(f"There is no dialect {name!r}.") from None


def arrow_records(table: pa.Table, numbers: npt.NDArray[np.int64]) -> Callable[[Sequence[str]], Iterator[Records]]:
    """``Part.records`` for rows that are in memory already; all columns are text."""

    def records(wanted: Sequence[str]) -> Iterator[Records]:
        yield Records(table.select(list(wanted)), numbers)

    return records
