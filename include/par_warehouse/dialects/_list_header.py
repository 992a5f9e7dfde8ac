"""The header of a list in a sheet: which row it is, and which column of the contract stands where.

The header is found by its words, not by its place: it is the row, among the first 60, with the most headings that are
known. Rows above and below belong to it where merged cells join them, or where they hold headings over or under its
empty cells. A heading over several columns is read together with what stands below it: ``Ngày sinh`` over ``Nam`` and
``Nữ`` gives "Ngày sinh Nam" and "Ngày sinh Nữ", ``Lý lịch`` over ``Chức vụ`` is simply "Chức vụ".
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._workbook import Sheet
from par_warehouse.text import clean, fold

SEARCHED_ROWS = 60
LONGEST_TEXT = 200
"""Letters of a cell that are looked at to tell what it is; headings and other words of the layout are shorter."""

_STT = {"stt", "so tt", "tt", "so thu tu", "thu tu"}
_NAMES = {"ho va ten", "ho ten", "ho va ten hoc vien", "ho ten hoc vien", "ho va chu dem ten"}
"""Headings of names, known even where the table of the contract has no names."""
_SEXES = {"nam": "Nam", "nữ": "Nữ", "nu": "Nữ"}
_SPLIT_BY_SEX = {"ngay_sinh", "gioi_tinh"}

Chain = tuple[tuple[int, int], ...]
"""The cells, from top to bottom, that together are the heading of one column."""


@dataclass(frozen=True)
class Column:
    """One column of the list, under the contract's name or, where that is not known, under its heading.

    ``positions`` are several where one heading stands over several columns, or a value stands under the sex of the
    person; ``sexes`` are the values of such positions, where the position is the value.
    """

    name: str
    is_known: bool
    positions: tuple[int, ...]
    between: str = " "
    sexes: tuple[str, ...] = ()

    def text(self, cells: list[str]) -> str:
        """The text of this column in a row of the sheet."""
        if len(self.positions) == 1 and not self.sexes:
            return cells[self.positions[0]]
        values = self.sexes or tuple(cells[position] for position in self.positions)
        return self.between.join(
            value for value, position in zip(values, self.positions, strict=True) if cells[position].strip()
        )


@dataclass(frozen=True)
class Header:
    """A header in rows ``top`` to ``bottom`` of its sheet.

    ``headings`` are the known columns by position. ``stt`` is the position of the running number, ``names`` those of
    the person's name.
    """

    top: int
    bottom: int
    columns: tuple[Column, ...]
    headings: Mapping[int, str]
    stt: int | None
    names: frozenset[int]


def find_header(sheet: Sheet, header_names: Mapping[str, str]) -> Header | None:
    """The header of the list in a sheet, None when it has none.

    Raises UnreadableFile when two headings stand for one column of the contract.
    """
    best, anchor = 1, None
    for row, cells in enumerate(sheet.rows[: max(0, SEARCHED_ROWS - sheet.top)]):
        found = len(known_headings(cells, header_names))
        if found > best:
            best, anchor = found, row
    if anchor is None:
        return None
    top, bottom = _extent(sheet, anchor, header_names)
    return _header(sheet, top, bottom, header_names)


def columns_without_heading(sheet: Sheet, header: Header, rows: Sequence[int]) -> Iterator[Column]:
    """Columns that have no heading but something in one of these rows, called by their letter."""
    headed = {position for column in header.columns for position in column.positions}
    for position in range(len(sheet.rows[0])):
        if position not in headed and any(sheet.rows[row][position].strip() for row in rows):
            yield Column(f"({sheet.letter(position)})", False, (position,))


def known_headings(cells: list[str], header_names: Mapping[str, str]) -> dict[int, str]:
    """What the cells of a row mean as headings, by position: columns of the contract, ``stt``, ``name``."""
    found = {position: _meaning([cell], header_names) for position, cell in enumerate(cells) if cell.strip()}
    return {position: meaning[0] for position, meaning in found.items() if meaning}


def folded(text: str) -> str:
    """The beginning of a cell, in the form in which words of the layout are compared."""
    return fold(text[:LONGEST_TEXT])


def _meaning(texts: list[str], header_names: Mapping[str, str]) -> tuple[str, str] | None:
    """The column that a heading stands for, with the sex whose values it holds ("" for both); None if not known.

    The words from the top downwards are tried whole first, then without the topmost, and so on; each time also
    without what stands in brackets.
    """
    for first in range(len(texts)):
        whole = clean(" ".join(texts[first:])[:LONGEST_TEXT])
        for heading in dict.fromkeys((whole, clean(re.sub(r"\([^()]*\)", " ", whole)))):
            words = re.findall(r"\w+", heading.casefold())
            sex = _SEXES.get(words[-1], "") if words else ""
            if sex and (column := header_names.get(fold(" ".join(words[:-1])))) in _SPLIT_BY_SEX:
                return str(column), sex
            plain = fold(heading)
            if plain in header_names and not (sex and first):
                return header_names[plain], ""
            if plain in _STT:
                return "stt", ""
            if plain in _NAMES:
                return "name", ""
    return None


def _extent(sheet: Sheet, anchor: int, header_names: Mapping[str, str]) -> tuple[int, int]:
    """First and last row of the header around its best row."""
    tall = [merge for merge in sheet.merges if merge[0] < merge[2] and merge[1] < len(sheet.rows[0])]

    def joined(upper: int) -> bool:
        return any(first <= upper < last for first, _, last, _ in tall)

    top = bottom = anchor
    while top > 0 and joined(top - 1):
        top -= 1
    while bottom + 1 < len(sheet.rows) and joined(bottom):
        bottom += 1
    if top == anchor > 0:
        above = known_headings(sheet.rows[anchor - 1], header_names)
        top -= any(not sheet.rows[anchor][position].strip() for position in above)
    if bottom == anchor < len(sheet.rows) - 1 and _is_second_row(sheet, top, anchor + 1, header_names):
        bottom += 1
    return top, bottom


def _is_second_row(sheet: Sheet, top: int, row: int, header_names: Mapping[str, str]) -> bool:
    """Whether a row, not joined to the header by merged cells, completes headings of it and is no person's.

    What changes a heading that is known without it is no part of the header: "Tài liệu" below "Loại" is a value.
    """
    chains = _chains(sheet, top, row)
    below = {position for position, chain in enumerate(chains) if chain and chain[-1][0] == row}
    meanings = {position: _meaning(_texts(sheet, chain), header_names) for position, chain in enumerate(chains)}
    for position in below:
        known = _meaning(_texts(sheet, chains[position][:-1]), header_names)
        completed = meanings[position]
        if known and (completed is None or completed[0] != known[0]):
            return False
    alone = known_headings(sheet.rows[row - 1], header_names)
    is_person = any(alone.get(position) in ("stt", "name", "ho_ten", "so_dinh_danh") for position in below)
    return not is_person and any(meanings[position] for position in below)


def _chains(sheet: Sheet, top: int, bottom: int) -> list[Chain]:
    """The heading of each column, as the cells that hold its words."""
    width = len(sheet.rows[0])
    origins: list[list[tuple[int, int] | None]] = [
        [(row, column) if sheet.rows[row][column].strip() else None for column in range(width)]
        for row in range(top, bottom + 1)
    ]
    for first_row, first_column, last_row, last_column in sheet.merges:
        for row in range(max(first_row, top), min(last_row, bottom) + 1):
            for column in range(first_column, min(last_column + 1, width)):
                origins[row - top][column] = (first_row, first_column) if sheet.rows[first_row][first_column] else None
    for upper, lower in pairwise(origins):
        for column in range(1, width):
            # Without merged cells a heading over several columns stands over the first of them.
            before = upper[column - 1]
            if upper[column] is None and lower[column] and lower[column - 1] not in (None, before):
                upper[column] = before
    return [
        tuple(dict.fromkeys(origin for row in origins if (origin := row[column]) is not None))
        for column in range(width)
    ]


def _texts(sheet: Sheet, chain: Chain) -> list[str]:
    return [clean(sheet.rows[row][column]) for row, column in chain]


def _header(sheet: Sheet, top: int, bottom: int, header_names: Mapping[str, str]) -> Header:
    known: dict[str, dict[int, str]] = {}
    unknown: dict[Chain, list[int]] = {}
    chains = _chains(sheet, top, bottom)
    stt: int | None = None
    names: set[int] = set()
    for position, chain in enumerate(chains):
        meaning = _meaning(_texts(sheet, chain), header_names)
        if meaning and meaning[0] not in ("stt", "name"):
            known.setdefault(meaning[0], {})[position] = meaning[1]
            continue
        if chain:
            unknown.setdefault(chain, []).append(position)
        if meaning == ("stt", "") and stt is None:
            stt = position
        if meaning == ("name", ""):
            names.add(position)
    columns = [_known_column(sheet, name, sexes, chains) for name, sexes in known.items()]
    births = known.get("ngay_sinh", {})
    if any(births.values()) and "gioi_tinh" in header_names.values() and "gioi_tinh" not in known:
        columns.append(Column("gioi_tinh", True, tuple(births), " / ", tuple(births.values())))
    columns += _unknown_columns(sheet, unknown)
    return Header(
        top=top,
        bottom=bottom,
        columns=tuple(columns),
        headings={position: name for name, found in known.items() for position in found},
        stt=stt,
        names=frozenset(names | set(known.get("ho_ten", ()))),
    )


def _known_column(sheet: Sheet, name: str, sexes: dict[int, str], chains: list[Chain]) -> Column:
    """The column of the contract at these positions, each with the sex that its heading names."""
    positions = tuple(sexes)
    if len({chains[position] for position in positions}) == 1 and not any(sexes.values()):
        return Column(name, True, positions)
    if all(sexes.values()) and len(set(sexes.values())) == len(sexes):
        return Column(name, True, positions, " / ", tuple(sexes.values()) if name == "gioi_tinh" else ())
    where = ", ".join(sheet.letter(position) for position in positions)
    raise UnreadableFile(
        f"Trang tính thứ {sheet.number}, các cột {where}: tiêu đề của các cột này cùng chỉ một nội dung ({name}). Chỉ"
        " giữ một cột, xóa hoặc đổi tiêu đề cột kia, rồi gửi lại.",
        f"Sheet {sheet.number}, columns {where}: the headings of these columns mean the same thing ({name}). Keep one"
        " of them, delete or rename the others, then send the file again.",
    )


def _unknown_columns(sheet: Sheet, unknown: dict[Chain, list[int]]) -> Iterator[Column]:
    """Columns under their own headings; where two headings read the same, the letter tells them apart."""
    headings = {chain: clean(" ".join(_texts(sheet, chain))) for chain in unknown}
    uses = Counter(headings.values())
    for chain, positions in unknown.items():
        heading = headings[chain]
        name = heading if uses[heading] == 1 else f"{heading} ({sheet.letter(positions[0])})"
        yield Column(name, False, tuple(positions))
