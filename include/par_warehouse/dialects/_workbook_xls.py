"""Facts of an .xls workbook (Excel 97 to 2003): a stream of binary records in an OLE2 container.

Only xlrd's container is used. Its sheets do not tell a formula from a value, so the records are read here: each is a
code and a size, two bytes each, then the body.
"""

from collections.abc import Iterator
from io import StringIO
from struct import error as StructError
from struct import unpack_from

from xlrd.compdoc import CompDoc, CompDocError  # type: ignore[import-untyped]

from par_warehouse.dialects._workbook_facts import (
    SheetFacts,
    check_sheet_count,
    damaged,
    has_links,
    has_macros,
    has_password,
    too_old,
)

_BOF, _EOF, _FILEPASS, _DATEMODE, _BOUNDSHEET, _SUPBOOK = 0x809, 0x0A, 0x2F, 0x22, 0x85, 0x1AE
_BIFF8 = 0x0600
_ROW, _COLINFO, _MERGEDCELLS, _MULRK, _BOOLERR = 0x208, 0x7D, 0xE5, 0xBD, 0x205
_FORMULAS = {0x06, 0x206, 0x406}
_VALUES = {0xFD, 0x204, 0xD6, 0x203, 0x27E, _BOOLERR}  # LABELSST, LABEL, RSTRING, NUMBER, RK
_WORKSHEET, _MACRO_SHEET, _VBA_SHEET = 0, 1, 6
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
_OWN_SHEETS, _ADD_INS = 0x0401, 0x3A01
"""What a SUPBOOK record may refer to without being a link to elsewhere."""
_BROKEN = (CompDocError, StructError, AssertionError, LookupError, RecursionError, ValueError, TypeError)


class Container:
    """The streams of an OLE2 file. Raises UnreadableFile when it is damaged."""

    def __init__(self, content: bytes) -> None:
        try:
            self._document = CompDoc(content, logfile=StringIO())
        except _BROKEN:
            raise damaged() from None
        self.names = {node.name for node in self._document.dirlist}

    def stream(self, name: str) -> bytes:
        """The bytes of a stream."""
        node = next(node for node in self._document.dirlist if node.name == name)
        if node.tot_size < self._document.min_size_std_stream:
            # The reader of short streams does not notice a chain that bites its own tail.
            following = [sector for sector in self._document.SSAT if sector >= 0]
            if len(set(following)) < len(following) or node.first_SID in following:
                raise damaged()
        try:
            content, start, size = self._document.locate_named_stream(name)
        except _BROKEN:
            raise damaged() from None
        if content is None:
            raise damaged()
        return bytes(content[start : start + size])


def sheet_facts(content: bytes) -> list[SheetFacts]:
    """The sheets in the order of their tabs. Raises UnreadableFile."""
    container = Container(content)
    if "_VBA_PROJECT_CUR" in container.names:
        raise has_macros()
    stream = container.stream("Workbook")
    try:
        return [_read_sheet(stream, *sheet) for sheet in _sheets(stream)]
    except _BROKEN:
        raise damaged() from None


def _sheets(stream: bytes) -> list[tuple[int, int, SheetFacts]]:
    """Where each sheet starts, its kind, and its facts so far."""
    sheets: list[tuple[int, int, SheetFacts]] = []
    counts_from_1904 = False
    for code, body in _records(stream, 0):
        if code == _BOF and unpack_from("<H", body)[0] != _BIFF8:
            raise too_old()
        elif code == _FILEPASS:
            raise has_password()
        elif code == _SUPBOOK and (len(body) != 4 or unpack_from("<2xH", body)[0] not in (_OWN_SHEETS, _ADD_INS)):
            raise has_links()
        elif code == _DATEMODE:
            counts_from_1904 = unpack_from("<H", body)[0] == 1
        elif code == _BOUNDSHEET:
            start, visibility, kind = unpack_from("<IBB", body)
            if kind in (_MACRO_SHEET, _VBA_SHEET):
                raise has_macros()
            facts = SheetFacts(len(sheets) + 1, is_hidden=visibility & 3 != 0, counts_from_1904=counts_from_1904)
            sheets.append((start, kind, facts))
            check_sheet_count(len(sheets))
    return sheets


def _read_sheet(stream: bytes, start: int, kind: int, facts: SheetFacts) -> SheetFacts:
    if kind != _WORKSHEET:  # a chart, which has no cells
        return facts
    hidden: set[int] = set()
    for code, body in _records(stream, start):
        if code in _VALUES or code in _FORMULAS:
            row, column = unpack_from("<HH", body)
            facts.fill(
                range(row, row + 1),
                range(column, column + 1),
                is_hidden=row in hidden,
                is_formula=code in _FORMULAS,
            )
            if code == _BOOLERR and body[7]:
                facts.errors[row, column] = _ERRORS.get(body[6], "#N/A")
        elif code == _MULRK:
            row, column = unpack_from("<HH", body)
            facts.fill(range(row, row + 1), range(column, column + (len(body) - 6) // 6), is_hidden=row in hidden)
        elif code == _ROW:
            row, height, flags = unpack_from("<H4xH4xH", body)
            if flags & 0x20 or height & 0x7FFF == 0:
                hidden.add(row)
        elif code == _COLINFO:
            first, last, width, flags = unpack_from("<HHH2xH", body)
            if flags & 1 or width == 0:
                facts.hide(range(first, last + 1))
        elif code == _MERGEDCELLS:
            for index in range(unpack_from("<H", body)[0]):
                first_row, last_row, first_column, last_column = unpack_from("<4H", body, 2 + 8 * index)
                facts.merge((first_row, first_column, last_row, last_column))
    return facts


def _records(stream: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """The records of the part of the stream that starts here, without those of parts inside it (charts)."""
    depth = 0
    while True:
        code, size = unpack_from("<HH", stream, position)
        position += 4
        if position + size > len(stream):
            raise damaged()
        if code == _BOF:
            depth += 1
        if depth <= 1:
            yield code, stream[position : position + size]
        if code == _EOF:
            depth -= 1
            if depth <= 0:
                return
        position += size
