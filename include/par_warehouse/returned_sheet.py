"""Returned sheets: a repair spreadsheet as it comes back, however it was saved.

Whoever edits it may add columns, move rows and columns, and save it as .xlsx, .xls, .ods or as CSV in the encodings and
with the separators that Excel writes. Workbooks are read as deliveries are, with the same limits and refusals.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import PurePosixPath

from par_warehouse.contract import TABLES
from par_warehouse.copying import shown
from par_warehouse.dialects import Context, DeliveredFile, Part, UnreadableFile, csv
from par_warehouse.dialects._workbook import MAX_BYTES, Sheet, read_workbook
from par_warehouse.repair_sheet import ACTION, AGENCY, DAY, KEY
from par_warehouse.text import clean, fold

MAX_ROWS = 20_000
_WORKBOOKS = (".xlsx", ".xls", ".ods")
_TEXTS = (".csv", ".txt")
_OWN = {fold(name): name for name in (KEY, DAY, AGENCY, ACTION)}
_CONTRACT = {column.name for table in TABLES for column in table.columns}


@dataclass(frozen=True)
class ReturnedRow:
    """A row that came back: cleaned texts by heading; ``sheet`` is None in a text file, ``row`` as its editor sees it.

    A malformed row of a text file has no texts.
    """

    sheet: int | None
    row: int
    texts: Mapping[str, str]

    @property
    def place(self) -> str:
        """Where it stands in the file that came back, Vietnamese and English in one."""
        return f"trang tính | sheet {self.sheet}, dòng | row {self.row}" if self.sheet else f"dòng | row {self.row}"

    def own(self, heading: str) -> str:
        """One of the columns that the sheet adds to those of the contract."""
        return self.texts.get(heading, "")


def read_returned(name: str, content: bytes) -> list[ReturnedRow]:
    """The rows of a returned sheet, in order; rows without any text are left out. Raises UnreadableFile."""
    if len(content) > MAX_BYTES:
        raise UnreadableFile(
            f"Tệp lớn hơn {MAX_BYTES >> 20} MB, không phải bảng sửa dữ liệu đã gửi.",
            f"The file is larger than {MAX_BYTES >> 20} MB; it is no repair sheet.",
        )
    file = DeliveredFile(shown(PurePosixPath(name).name), len(content), lambda: BytesIO(content))
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _WORKBOOKS:
        rows = [row for sheet in read_workbook(file) for row in _of_sheet(sheet)]
    elif suffix in _TEXTS:
        rows = list(_of_text(file, content))
    else:
        raise UnreadableFile(
            "Chỉ nhận .xlsx, .xls, .ods hoặc .csv; hãy lưu bảng sửa thành .xlsx rồi gửi lại.",
            "Only .xlsx, .xls, .ods or .csv are taken; save the repair sheet as .xlsx and send it again.",
        )
    if not rows:
        raise _no_rows()
    if len(rows) > MAX_ROWS:
        raise UnreadableFile(
            f"Tệp có {len(rows)} dòng, nhiều hơn mức cho phép là {MAX_ROWS}; hãy chia ra nhiều tệp.",
            f"The file has {len(rows)} rows, more than the {MAX_ROWS} allowed; split it.",
        )
    return rows


def as_day(text: str) -> date | None:
    """A date as sheets have it, the day first; None when it is none."""
    found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]00:00(?::00)?)?", text)
    parts = found.groups() if found else None
    if parts is None and (found := re.fullmatch(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?: 00:00(?::00)?)?", text)):
        parts = found.groups()[::-1]
    try:
        return date(*map(int, parts)) if parts else None
    except ValueError:
        return None


def _of_sheet(sheet: Sheet) -> Iterator[ReturnedRow]:
    head = next((row for row, cells in enumerate(sheet.rows) if _OWN_KEY in map(fold, cells)), None)
    if head is None:
        return
    columns = _columns(sheet.rows[head])
    if sheet.hidden_rows:
        raise UnreadableFile(
            f"Trang tính thứ {sheet.number} có dòng đang bị ẩn hoặc lọc. Bỏ lọc, bỏ ẩn rồi gửi lại.",
            f"Sheet {sheet.number} has hidden or filtered rows. Clear the filter, unhide them and send it again.",
        )
    if formula := next((one for one in columns.values() if sheet.formulas.get(one)), None):
        letter = sheet.letter(formula)
        raise UnreadableFile(
            f"Trang tính thứ {sheet.number}, cột {letter} có công thức. Chép cột đó rồi dán giá trị (Paste Special >"
            " Values).",
            f"Sheet {sheet.number}, column {letter} has formulas. Copy the column and paste it as values.",
        )
    for number, cells in enumerate(sheet.rows[head + 1 :], head + 1):
        texts = {name: clean(cells[place]) for name, place in columns.items()}
        if any(texts.values()):
            yield ReturnedRow(sheet.number, sheet.row_number(number), texts)


def _of_text(file: DeliveredFile, content: bytes) -> Iterator[ReturnedRow]:
    part = _text_part(file, content)
    columns = _columns(part.names)
    wanted = [part.names[place] for place in columns.values()]
    for records in part.records(wanted):
        # The header is the first row for whoever looks at the file in Excel.
        for number in records.malformed:
            yield ReturnedRow(None, int(number) + 1, {})
        for number, cells in zip(records.numbers, records.table.to_pylist(), strict=True):
            texts = {name: clean(cells[one] or "") for name, one in zip(columns, wanted, strict=True)}
            if any(texts.values()):
                yield ReturnedRow(None, int(number) + 1, texts)


def _text_part(file: DeliveredFile, content: bytes) -> Part:
    """The file under the first encoding and separator that give the headings of a repair sheet."""
    encodings = ["utf-16"] if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8", "windows-1258"]
    context = Context(date.min, "repair_sheet", {}, "", 1)
    for encoding in encodings:
        for delimiter in (",", ";", "\t"):
            options = csv.Options.model_validate({"encoding": encoding, "delimiter": delimiter})
            try:
                (part,) = csv.read([file], options, context)
            except UnreadableFile:
                continue
            if _OWN_KEY in map(fold, part.names):
                return part
    raise UnreadableFile(
        f"Không tìm thấy cột {KEY} ở dòng đầu của tệp, hoặc tệp bị lỗi phông chữ. Hãy lưu thành .xlsx hoặc CSV UTF-8,"
        " giữ nguyên dòng tiêu đề.",
        f"There is no column {KEY} in the first line of the file, or its letters are damaged. Save it as .xlsx or CSV"
        " UTF-8, and leave the headings as they are.",
    )


def _columns(headings: Sequence[str]) -> dict[str, int]:
    """The place of each column that is known. Raises UnreadableFile when one is there twice or is missing."""
    found: dict[str, int] = {}
    for place, heading in enumerate(headings):
        text = clean(heading)
        name = _OWN.get(fold(text)) or (text.lower() if text.lower() in _CONTRACT else None)
        if name in found:
            raise UnreadableFile(
                f"Hai cột cùng tên {name}; hãy xóa hoặc đổi tên cột đã thêm.",
                f"Two columns are called {name}; delete or rename the one that was added.",
            )
        if name is not None:
            found[name] = place
    if missing := [name for name in (KEY, DAY, AGENCY) if name not in found]:
        raise UnreadableFile(
            f"Thiếu cột {', '.join(missing)}; hãy giữ nguyên các cột này của bảng sửa.",
            f"Columns are missing: {', '.join(missing)}; leave these columns of the repair sheet as they are.",
        )
    return found


def _no_rows() -> UnreadableFile:
    return UnreadableFile(
        f"Không có trang tính nào có cột {KEY} với dòng dữ liệu; đây không phải bảng sửa dữ liệu đã gửi.",
        f"No sheet has the column {KEY} and rows below it; this is no repair sheet.",
    )


_OWN_KEY = fold(KEY)
