"""Facts of an .xlsx workbook (Office Open XML)."""

import posixpath
from collections.abc import Mapping

from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._workbook_facts import (
    SheetFacts,
    check_sheet_count,
    damaged,
    has_links,
    has_macros,
    letters,
)
from par_warehouse.dialects._workbook_zip import Archive

_ERRORS = {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"}
"""Those that the reader of values knows. Later ones, such as ``#SPILL!``, only formulas of newer versions show."""


def sheet_facts(content: bytes) -> list[SheetFacts]:
    """The sheets in the order of their tabs. Raises UnreadableFile."""
    archive = Archive(content)
    archive.check()
    if archive.has_below("xl/macrosheets/", "xl/dialogsheets/") or "xl/vbaProject.bin" in archive:
        raise has_macros()
    if archive.has_below("xl/externallinks/"):
        raise has_links()
    book, links = _Book(), _Links()
    archive.parse("xl/workbook.xml", book)
    archive.parse("xl/_rels/workbook.xml.rels", links)
    check_sheet_count(len(book.sheets))
    sheets = []
    for number, (state, link) in enumerate(book.sheets, 1):
        if link not in links.targets:
            raise damaged()
        kind, part = links.targets[link]
        facts = SheetFacts(number, is_hidden=state != "visible", counts_from_1904=book.counts_from_1904)
        if kind == "worksheet":  # else a chart, which has no cells
            archive.parse(part, _Cells(facts))
        sheets.append(facts)
    return sheets


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


class _Book:
    """Collects the sheets from ``workbook.xml``: visibility and link of each; and how days are counted."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.counts_from_1904 = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if _local(tag) == "sheet":
            links = [value for name, value in attributes.items() if name.endswith("}id")]
            self.sheets.append((attributes.get("state", "visible"), links[0] if links else ""))
        elif _local(tag) == "workbookPr":
            self.counts_from_1904 = attributes.get("date1904") in ("1", "true")


class _Links:
    """Collects what the links of ``workbook.xml`` lead to: kind and name of the part."""

    def __init__(self) -> None:
        self.targets: dict[str, tuple[str, str]] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if _local(tag) == "Relationship":
            kind = posixpath.basename(attributes.get("Type", ""))
            part = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))
            self.targets[attributes.get("Id", "")] = (kind, part.lstrip("/"))


class _Cells:
    """Collects the facts of one sheet."""

    def __init__(self, facts: SheetFacts) -> None:
        self.facts = facts
        self.row = self.column = -1
        self.row_is_hidden = False
        self.in_cell = self.is_filled = self.is_formula = False
        self.error: str | None = None
        self.in_value = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        match _local(tag):
            case "c":
                self.in_cell, self.is_filled, self.is_formula = True, False, False
                self.error = "" if attributes.get("t") == "e" else None
                self.column += 1
                if "r" in attributes:
                    self.row, self.column = _address(attributes["r"])
            case "v" | "is" if self.in_cell:
                self.is_filled = self.in_value = True
            case "f" if self.in_cell:
                self.is_filled = self.is_formula = True
            case "row":
                self.row = int(attributes["r"]) - 1 if "r" in attributes else self.row + 1
                self.column = -1
                self.row_is_hidden = _is_hidden(attributes, "ht")
            case "col" if _is_hidden(attributes, "width"):
                self.facts.hide(range(int(attributes["min"]) - 1, int(attributes["max"])))
            case "mergeCell":
                first, _, last = attributes.get("ref", "").partition(":")
                self.facts.merge((*_address(first), *_address(last or first)))

    def data(self, text: str) -> None:
        if self.in_value and self.error is not None:
            self.error += text

    def end(self, tag: str) -> None:
        match _local(tag):
            case "v":
                self.in_value = False
            case "c":
                self.in_cell = self.in_value = False
                if self.is_filled:
                    self.facts.fill(
                        range(self.row, self.row + 1),
                        range(self.column, self.column + 1),
                        is_hidden=self.row_is_hidden,
                        is_formula=self.is_formula,
                    )
                    if self.error is not None:
                        self.facts.errors[self.row, self.column] = self._known_error(self.error)

    def _known_error(self, error: str) -> str:
        if error in _ERRORS:
            return error
        cell = f"{letters(self.column)}{self.row + 1}"
        raise UnreadableFile(
            f"Trang tính thứ {self.facts.number}, ô {cell}: công thức báo lỗi. Sửa hoặc xóa ô này rồi gửi lại.",
            f"Sheet {self.facts.number}, cell {cell}: a formula shows an error. Correct or delete the cell, then send"
            " the file again.",
        )


def _is_hidden(attributes: Mapping[str, str], size: str) -> bool:
    """Whether a row or column is hidden, or has no size."""
    has_none = size in attributes and attributes[size].strip("0.") == ""
    return has_none or attributes.get("hidden") in ("1", "true")


def _address(text: str) -> tuple[int, int]:
    """Row and column of ``B5``. Raises ValueError when it is none."""
    name = text.rstrip("0123456789")
    if not (name.isascii() and name.isalpha() and len(name) <= 3 and len(text) <= 12):
        raise ValueError("not an address of a cell")
    column = 0
    for letter in name.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    row = int(text[len(name) :])
    if row < 1:
        raise ValueError("not an address of a cell")
    return row - 1, column - 1
