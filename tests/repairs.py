"""Repair spreadsheets as stewards send them back."""

import io
from collections.abc import Mapping

import openpyxl

Cells = Mapping[str, object]


def filled(content: bytes | None, cells: Mapping[tuple[str, str], Cells]) -> bytes:
    """A repair sheet with some cells written over: by (table, row as its sender sees it), then by heading."""
    assert content is not None
    book = openpyxl.load_workbook(io.BytesIO(content))
    left = set(cells)
    for page in book.worksheets[1:]:
        headings = {str(cell.value): cell.column for cell in page[1]}
        for row in range(2, page.max_row + 1):
            place = page.title, str(page.cell(row, headings["dòng"]).value)
            for heading, value in cells.get(place, {}).items():
                page.cell(row, headings[heading]).value = value
            left.discard(place)
    assert not left, f"no such rows in the sheet: {left}"
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def rows_of(content: bytes | None, table: str) -> list[list[object]]:
    """The values of one sheet, the headings first."""
    assert content is not None
    page = openpyxl.load_workbook(io.BytesIO(content))[table]
    return [list(row) for row in page.iter_rows(values_only=True)]


def places(content: bytes | None) -> set[tuple[str, str]]:
    """(table, row as its sender sees it) of all rows of a repair sheet."""
    if content is None:
        return set()
    pages = openpyxl.load_workbook(io.BytesIO(content)).worksheets[1:]
    found = set()
    for page in pages:
        headings, *rows = page.iter_rows(values_only=True)
        found |= {(page.title, str(row[headings.index("dòng")])) for row in rows}
    return found


def sheet_rows(content: bytes | None, table: str) -> list[dict[str, object]]:
    """The rows of one sheet by heading."""
    headings, *rows = rows_of(content, table)
    return [dict(zip(map(str, headings), row, strict=True)) for row in rows]
