"""The alias table of units: names that the register does not have, the unit each means, and from when to when."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain, combinations
from pathlib import Path

from par_warehouse.unit_names import names

ALIAS_COLUMNS = ("ten_goi", "ma_don_vi", "hieu_luc_tu", "hieu_luc_den")

_ALWAYS, _NEVER = date(1, 1, 1), date(9999, 12, 31)


@dataclass(frozen=True)
class Alias:
    """One line of the alias table: a unit bears the name from ``valid_from`` to ``valid_to``, both included."""

    line: int
    name: str
    unit: str
    valid_from: date
    valid_to: date


def read_aliases(path: Path) -> tuple[list[Alias], list[str]]:
    """The aliases of the table, and its mistakes, each ``file:line: what was expected``."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return [], [f"{path.name}: expected this file in the configuration folder"]
    except UnicodeDecodeError:
        return [], [f"{path.name}: expected a text file in UTF-8"]
    lines = csv.reader(text.splitlines(keepends=True))
    try:
        rows = [(lines.line_num, row) for row in lines]
    except csv.Error:
        return [], [f"{path.name}:{lines.line_num}: expected shorter names; a double quote may not be closed"]
    if not rows or tuple(rows[0][1]) != ALIAS_COLUMNS:
        return [], [f"{path.name}:1: expected the columns {','.join(ALIAS_COLUMNS)}"]
    aliases, mistakes = [], []
    for line, row in rows[1:]:
        cells = [" ".join(cell.split()) for cell in row]
        if any(cells):
            alias, expected = _alias(line, cells)
            aliases += [alias] if alias else []
            mistakes += [f"{path.name}:{line}: {one}" for one in expected]
    mistakes += [
        f"{path.name}:{second.line}: expected one unit for a name at a time;"
        f" line {first.line} gives this name, or one spelled out alike, to another unit"
        for first, second in _contradictions(aliases)
    ]
    return aliases, mistakes


def _alias(line: int, cells: list[str]) -> tuple[Alias | None, list[str]]:
    if len(cells) != len(ALIAS_COLUMNS):
        return None, [f"expected {len(ALIAS_COLUMNS)} fields, found {len(cells)}; quote a name that holds a comma"]
    name, unit, *ends = cells
    start, end = (_day(cell, when_empty) for cell, when_empty in zip(ends, (_ALWAYS, _NEVER), strict=True))
    expected = [] if names(name, True) else ["expected a name with letters or digits in ten_goi"]
    expected += [] if unit else ["expected the code of a unit in ma_don_vi"]
    expected += [
        f"expected a date such as 2025-03-01 or 01/03/2025, or nothing, in {column}"
        for column, day in zip(ALIAS_COLUMNS[2:], (start, end), strict=True)
        if day is None
    ]
    if start and end and start > end:
        expected.append("expected hieu_luc_den not before hieu_luc_tu")
    if expected or start is None or end is None:
        return None, expected
    return Alias(line, name, unit, start, end), []


def _day(cell: str, when_empty: date) -> date | None:
    if not cell:
        return when_empty
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{2})/([0-9]{2})/([0-9]{4})", cell)
    try:
        return date(*map(int, found.groups()[:3] if found[1] else found.groups()[:2:-1])) if found else None
    except ValueError:
        return None


def _contradictions(aliases: list[Alias]) -> Iterator[tuple[Alias, Alias]]:
    by_key: dict[str, list[Alias]] = {}
    for alias in aliases:
        for key in names(alias.name, True):
            by_key.setdefault(key, []).append(alias)
    pairs = chain.from_iterable(combinations(found, 2) for found in by_key.values())
    for first, second in sorted(set(pairs), key=lambda pair: (pair[1].line, pair[0].line)):
        overlap = first.valid_from <= second.valid_to and second.valid_from <= first.valid_to
        if overlap and first.unit != second.unit:
            yield first, second
