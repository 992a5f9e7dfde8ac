"""Workbooks: the visible sheets of an .xlsx, .xls or .ods file as text, with what a reader of the list must know.

A workbook is opened in three steps, each only if the one before found nothing wrong: what it really is and how large
(``_workbook_kind``), what its sheets have beside values (``_workbook_facts`` and the reader of the format), and the
values themselves (``_workbook_cells``). Messages call a sheet by its number: its name could be that of a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from par_warehouse.dialects import DeliveredFile, UnreadableFile, _workbook_ods, _workbook_xls, _workbook_xlsx
from par_warehouse.dialects._workbook_cells import CellsUnreadable, read_cells
from par_warehouse.dialects._workbook_facts import MAX_CELLS, Merge, SheetFacts, letters, too_large
from par_warehouse.dialects._workbook_kind import kind_of

MAX_BYTES = 50 << 20

_SHEET_FACTS = {
    "xlsx": _workbook_xlsx.sheet_facts,
    "xls": _workbook_xls.sheet_facts,
    "ods": _workbook_ods.sheet_facts,
}


@dataclass(frozen=True)
class Sheet:
    """The filled rectangle of a visible sheet: ``rows`` of texts, all of one length, "" where a cell is empty.

    ``number`` is the sheet's place among the tabs, from 1. All other rows and columns here count from 0 at the first
    cell of ``rows``; ``row_number`` and ``letter`` say what a person sees.
    """

    number: int
    rows: list[list[str]]
    merges: list[Merge]
    formulas: Mapping[int, set[int]]
    """Rows with a formula, by column; some may lie outside ``rows`` because they have no value."""
    hidden_rows: frozenset[int]
    hidden_columns: frozenset[int]
    counts_from_1904: bool
    top: int
    left: int

    def row_number(self, row: int) -> int:
        """The number that the sheet shows for a row."""
        return self.top + row + 1

    def letter(self, column: int) -> str:
        """The letters that the sheet shows for a column."""
        return letters(self.left + column)


def read_workbook(file: DeliveredFile) -> list[Sheet]:
    """The visible sheets that are not empty. Raises UnreadableFile when any part of the workbook cannot be trusted."""
    content = _content(file)
    facts = _SHEET_FACTS[kind_of(file.name, content)](content)
    for sheet in facts:
        if sheet.is_hidden and sheet.area:
            raise UnreadableFile(
                f"Trang tính thứ {sheet.number} đang bị ẩn mà có dữ liệu. Bỏ ẩn trang (nhấp chuột phải vào tên trang >"
                " Unhide), kiểm tra; nếu không thuộc danh sách thì xóa trang đó, rồi gửi lại.",
                f"Sheet {sheet.number} is hidden but holds data. Unhide it (right-click the tab of any sheet > Unhide)"
                " and check it; delete it if it is no part of the list, then send the file again.",
            )
    if sum(sheet.area for sheet in facts) > MAX_CELLS:
        raise too_large(
            len(facts), f"cùng các trang trước hơn {MAX_CELLS:,} ô", f"with those before {MAX_CELLS:,} cells"
        )
    filled = [sheet for sheet in facts if sheet.area]
    try:
        cells = read_cells(content, len(facts), [sheet.number - 1 for sheet in filled])
    except CellsUnreadable:
        raise UnreadableFile(
            "Không đọc được các ô của tệp: tệp bị hỏng hoặc chứa quá nhiều chữ. Mở tệp bằng Excel, chép riêng danh sách"
            " sang tệp mới, lưu lại rồi gửi.",
            "The cells of the file cannot be read: it is damaged or holds too much text. Open it in Excel, copy the"
            " list alone to a new file, save and send that.",
        ) from None
    return [_sheet(fact, *read) for fact, read in zip(filled, cells, strict=True) if read[2]]


def _content(file: DeliveredFile) -> bytes:
    if PurePosixPath(file.name).name.startswith(("~$", ".~lock.")):
        raise UnreadableFile(
            "Đây là tệp khóa tạm của Excel, có khi tệp đang mở. Đóng tệp danh sách rồi gửi chính tệp đó.",
            "This is a temporary lock file, made while a workbook is open. Close the list and send the list itself.",
        )
    with file.open() as stream:
        content = stream.read(MAX_BYTES + 1)
    if not content:
        raise UnreadableFile("Tệp rỗng (0 byte). Gửi lại tệp.", "The file is empty (0 bytes). Send it again.")
    if len(content) > MAX_BYTES:
        raise UnreadableFile(
            f"Tệp lớn hơn {MAX_BYTES >> 20} MB. Xóa ảnh và dữ liệu thừa, hoặc tách danh sách, rồi gửi lại.",
            f"The file is larger than {MAX_BYTES >> 20} MB. Delete images and other data, or split the list, then send"
            " it again.",
        )
    return content


def _sheet(facts: SheetFacts, top: int, left: int, rows: list[list[str]]) -> Sheet:
    for (row, column), error in facts.errors.items():
        if 0 <= row - top < len(rows) and 0 <= column - left < len(rows[0]):
            rows[row - top][column - left] = error
    return Sheet(
        number=facts.number,
        rows=rows,
        merges=[
            (first_row - top, first_column - left, last_row - top, last_column - left)
            for first_row, first_column, last_row, last_column in facts.merges
            if first_row >= top and first_column >= left
        ],
        formulas={column - left: {row - top for row in rows} for column, rows in facts.formulas.items()},
        hidden_rows=frozenset(row - top for row in facts.hidden_rows),
        hidden_columns=frozenset(column - left for column in facts.hidden_columns),
        counts_from_1904=facts.counts_from_1904,
        top=top,
        left=left,
    )
