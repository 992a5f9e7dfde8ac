"""Facts of an .ods workbook (OpenDocument)."""

from collections.abc import Mapping

from par_warehouse.dialects._workbook_facts import (
    SheetFacts,
    check_sheet_count,
    has_links,
    has_macros,
    has_password,
)
from par_warehouse.dialects._workbook_zip import Archive

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_SCRIPT = "{urn:oasis:names:tc:opendocument:xmlns:script:1.0}"
_MANIFEST = "{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}"

_CELLS = {f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"}
_GROUPS = {f"{_TABLE}table-row-group", f"{_TABLE}table-column-group"}
_LINKS = {f"{_TABLE}table-source", f"{_TABLE}cell-range-source", f"{_TABLE}dde-link", f"{_OFFICE}dde-source"}
_MACROS = {f"{_OFFICE}script", f"{_SCRIPT}event-listener"}


def sheet_facts(content: bytes) -> list[SheetFacts]:
    """The sheets in the order of their tabs. Raises UnreadableFile."""
    archive = Archive(content)
    if "META-INF/manifest.xml" in archive:
        archive.parse("META-INF/manifest.xml", _Manifest())  # first: what is encrypted is no XML any more
    archive.check()
    if archive.has_below("basic/", "scripts/"):
        raise has_macros()
    cells = _Cells()
    archive.parse("content.xml", cells)
    return cells.sheets


class _Manifest:
    """Refuses an encrypted package."""

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        if tag == f"{_MANIFEST}encryption-data":
            raise has_password()


class _Cells:
    """Collects the facts of all sheets from ``content.xml``."""

    def __init__(self) -> None:
        self.sheets: list[SheetFacts] = []
        self.hidden_styles: set[str] = set()
        self.counts_from_1904 = False
        self.style = ""
        self.path: list[str] = []
        self.rows, self.columns = range(0), range(0)
        self.row_is_hidden = False
        self.closed_groups: list[int] = []
        """Depths of the groups of rows or columns around that are folded away."""
        self.row_depth = 0
        """Of the row that is read; deeper rows belong to a table inside a cell."""
        self.is_filled = self.is_formula = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        parent = self.path[-1] if self.path else ""
        self.path.append(tag)
        depth = len(self.path)
        if tag == f"{_STYLE}style":
            self.style = attributes.get(f"{_STYLE}name", "")
        elif tag == f"{_STYLE}table-properties" and attributes.get(f"{_TABLE}display") == "false":
            self.hidden_styles.add(self.style)
        elif tag == f"{_TABLE}null-date":
            self.counts_from_1904 = attributes.get(f"{_TABLE}date-value", "").startswith("1904")
        elif tag == f"{_TABLE}table" and parent == f"{_OFFICE}spreadsheet":
            is_hidden = attributes.get(f"{_TABLE}style-name") in self.hidden_styles
            self.sheets.append(
                SheetFacts(len(self.sheets) + 1, is_hidden=is_hidden, counts_from_1904=self.counts_from_1904)
            )
            check_sheet_count(len(self.sheets))
            self.rows = self.columns = range(0)
        elif tag in _GROUPS and attributes.get(f"{_TABLE}display") == "false":
            self.closed_groups.append(depth)
        elif tag == f"{_TABLE}table-column" and self.sheets and not self.row_depth:
            self.columns = _next(self.columns, attributes, "number-columns-repeated")
            if not _is_visible(attributes) or self.closed_groups:
                self.sheets[-1].hide(self.columns)
        elif tag == f"{_TABLE}table-row" and self.sheets and not self.row_depth:
            self.row_depth = depth
            self.rows = _next(self.rows, attributes, "number-rows-repeated")
            self.columns = range(0)
            self.row_is_hidden = not _is_visible(attributes) or bool(self.closed_groups)
        elif tag in _CELLS and depth == self.row_depth + 1:
            self.columns = _next(self.columns, attributes, "number-columns-repeated")
            self.is_formula = f"{_TABLE}formula" in attributes
            self.is_filled = self.is_formula or f"{_OFFICE}value-type" in attributes
            self._merge(attributes)
        elif tag == f"{_TEXT}p" and parent in _CELLS and depth == self.row_depth + 2:
            self.is_filled = True
        elif tag in _LINKS:
            raise has_links()
        elif tag in _MACROS:
            raise has_macros()

    def end(self, tag: str) -> None:
        if tag in _CELLS and len(self.path) == self.row_depth + 1 and self.is_filled:
            self.sheets[-1].fill(self.rows, self.columns, is_hidden=self.row_is_hidden, is_formula=self.is_formula)
        if len(self.path) == self.row_depth:
            self.row_depth = 0
        if len(self.path) in self.closed_groups:
            self.closed_groups.pop()
        self.path.pop()

    def _merge(self, attributes: Mapping[str, str]) -> None:
        rows = int(attributes.get(f"{_TABLE}number-rows-spanned", "1"))
        columns = int(attributes.get(f"{_TABLE}number-columns-spanned", "1"))
        if rows > 1 or columns > 1:
            row, column = self.rows.start, self.columns.start
            self.sheets[-1].merge((row, column, row + rows - 1, column + columns - 1))


def _is_visible(attributes: Mapping[str, str]) -> bool:
    return attributes.get(f"{_TABLE}visibility", "visible") == "visible"


def _next(before: range, attributes: Mapping[str, str], repeated: str) -> range:
    """The rows or columns that follow: one, or as many as the attribute says."""
    return range(before.stop, before.stop + max(1, int(attributes.get(_TABLE + repeated, "1"))))
