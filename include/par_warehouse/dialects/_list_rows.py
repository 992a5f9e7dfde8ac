"""The rows below the header of a list: which of them are persons, and which are only layout.

A row is certainly a person's when its running number (STT) is whole and anything else stands in it, or when it has an
identification number. Layout is recognised by what it looks like: blank rows, running numbers without a person, the row
of column numbers, headings printed again on the next page, titles of sections, totals, and what follows the last
certain person from a signature on. **A row that is neither counts as a person's**, so that the rules judge it and
nobody disappears.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._list_header import Header, folded, known_headings
from par_warehouse.dialects._workbook import Sheet
from par_warehouse.dialects._workbook_facts import some
from par_warehouse.text import clean


class Row(Enum):
    """What a row below the header is."""

    PERSON = "person"
    BLANK = "blank"
    NUMBERED = "numbered"  # a running number alone
    COLUMN_NUMBERS = "column_numbers"
    HEADING = "heading"
    SECTION = "section"
    TOTAL = "total"
    CLOSING = "closing"  # signatures, place and date, remarks


_NOTES = {
    Row.NUMBERED: "numbered_rows_without_person",
    Row.HEADING: "repeated_headings",
    Row.SECTION: "section_rows",
}
"""The note that counts each kind of skipped row; the other kinds hold nothing that a person could miss."""

COUNT = re.compile(r"\s*(\d{1,6})(?:[.,]\d+)?\s*(?:người|đ/c|đồng chí|học viên)?\s*", re.IGNORECASE)
"""A cell that holds a number of persons, or a sum."""

_STT = re.compile(r"\s*0*(\d{1,6})\s*[.)]?\s*")
_LONG_NUMBER = re.compile(r"(?:\d[\s.']*){6}")
_COLUMN_NUMBER = re.compile(r"\(?(?:\d{1,2}|[A-D])\)?(?:\s*=.*)?")
_SECTION_START = re.compile(
    r"(?:[ivxlc]+|[a-zđ]|\d{1,2})\s*[.)/:-]\s*\S|(?:phần|mục|phòng|văn phòng|ban|khối|lãnh đạo|bộ phận|đơn vị|chi cục"
    r"|trung tâm|thanh tra|tổ|nhóm|ubnd|ủy ban|uỷ ban|hội đồng|đảng ủy|đảng uỷ|sở|quận|huyện|xã|phường)\b"
)
_TOTAL = re.compile(
    r"(?:tong cong|tong so)\b.*|(?:tong|cong)(?: \d.*)?"
    r"|cong (?:muc|phan|phong|khoi|nhom|ban|don vi|trang|danh sach)\b.*"
    r"|(?:an dinh |danh sach (?:nay |tren )?(?:co|gom)\b).*\d.*"
)
_CLOSING = re.compile(
    r"(?:.*\b)?ngay\b.*\bthang\b.*\bnam\b.*"
    r"|(?:nguoi|can bo|chuyen vien) (?:lap|tong hop|ky)\b.*|(?:thu truong|xac nhan|phe duyet|noi nhan|ky ten)\b.*"
    r"|ky (?:va )?ghi ro.*|(?:tm|kt|tl|tuq|q) .*"
    r"|(?:pho )?(?:giam doc|chu tich|truong phong|chanh van phong|hieu truong|cuc truong)|(?:ghi chu|luu y)\b.*"
)


@dataclass(frozen=True)
class ListRows:
    """The rows of one list: what each row below the header is, by its place in ``Sheet.rows``.

    ``last_stt`` is the last running number, None where there is none.
    """

    kinds: Mapping[int, Row]
    last_stt: int | None
    notes: Counter[str]

    @property
    def persons(self) -> list[int]:
        """The rows that are persons."""
        return [row for row, kind in self.kinds.items() if kind is Row.PERSON]


def list_rows(sheet: Sheet, header: Header, header_names: Mapping[str, str], last_stt: int | None) -> ListRows:
    """The rows below the header; ``last_stt`` is the last running number of the list before, 0 for the first list.

    Raises UnreadableFile when the sheet holds a second list, or hides persons or their values.
    """
    kinds = _kinds(_RowReader(sheet, header, header_names))
    _refuse_hidden(sheet, header, kinds)
    _refuse_formulas(sheet, header, kinds)
    notes = Counter(_NOTES[kind] for kind in kinds.values() if kind in _NOTES)
    gaps, last_stt = _gaps(sheet, header, kinds, last_stt)
    if gaps:
        notes["stt_gaps"] = gaps
    return ListRows(kinds, last_stt, notes)


def looks_like_list(sheet: Sheet) -> bool:
    """Whether a sheet without a header holds persons all the same: an identification number, or numbered rows."""
    numbered = 0
    for cells in sheet.rows:
        filled = [cell.strip() for cell in cells if cell.strip()]
        if any(re.fullmatch(r"'?(?:\d{12}|[1-9]\d{9,10})", cell) for cell in filled):
            return True
        match = _STT.fullmatch(filled[0]) if len(filled) >= 3 else None
        numbered += match is not None and int(match[1]) == numbered + 1
    return numbered >= 3


class _RowReader:
    """Answers what a row of one list looks like."""

    def __init__(self, sheet: Sheet, header: Header, header_names: Mapping[str, str]) -> None:
        self.sheet = sheet
        self.header = header
        self.header_names = header_names
        self.ids = [position for position, name in header.headings.items() if name == "so_dinh_danh"]
        self.wide = {(row, column) for row, column, _, last in sheet.merges if last > column}

    def is_blank(self, row: int) -> bool:
        """Nothing in any cell."""
        return not any(cell.strip() for cell in self.sheet.rows[row])

    def is_certain(self, row: int) -> bool:
        """A whole running number with anything beside it, or an identification number; in a list without such columns
        a name with anything known beside it, in one without names two known values."""
        cells, stt = self.sheet.rows[row], self.header.stt
        if any(_LONG_NUMBER.search(cells[position]) for position in self.ids):
            return True
        if stt is not None:
            others = (cell for position, cell in enumerate(cells) if position != stt)
            return _STT.fullmatch(cells[stt]) is not None and any(cell.strip() for cell in others)
        is_entry = self._is_named(row) if self.header.names else self._is_thing(row)
        return not self.ids and is_entry and not self.is_total(row)

    def is_numbered(self, row: int) -> bool:
        """A whole running number."""
        return self.header.stt is not None and _STT.fullmatch(self.sheet.rows[row][self.header.stt]) is not None

    def has_column_numbers(self, row: int) -> bool:
        """``(1) (2) (3)``, ``A B 1 2 3`` and the like, below most headings."""
        cells = [cell.strip() for cell in self.sheet.rows[row] if cell.strip()]
        if 2 * len(cells) < len(self.header.columns) or not all(_COLUMN_NUMBER.fullmatch(cell) for cell in cells):
            return False
        numbers = [int(match[0]) for cell in cells if (match := re.match(r"\d+", cell.lstrip("(")))]
        return len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    def is_heading(self, row: int) -> bool:
        """The header printed again. Raises UnreadableFile when it is the header of another list."""
        cells = self.sheet.rows[row]
        above = self.sheet.rows[self.header.top : self.header.bottom + 1]
        if all(
            any(heading[position].strip() and folded(cell) == folded(heading[position]) for heading in above)
            for position, cell in enumerate(cells)
            if cell.strip()
        ):
            return True
        found = known_headings(cells, self.header_names)
        if len(found) < 2:
            return False
        columns = {position: name for position, name in found.items() if name not in ("stt", "name")}
        if all(self.header.headings.get(position) == name for position, name in columns.items()):
            return True
        number, place = self.sheet.number, self.sheet.row_number(row)
        raise UnreadableFile(
            f"Trang tính thứ {number}, dòng {place}: có thêm một bảng với tiêu đề khác. Mỗi trang tính chỉ được có một"
            " danh sách; tách bảng thứ hai sang trang hoặc tệp riêng rồi gửi lại.",
            f"Sheet {number}, row {place}: another table with other headings starts here. A sheet may hold one list"
            " only; move the second table to its own sheet or file and send it again.",
        )

    def is_total(self, row: int) -> bool:
        """``Tổng cộng``, ``Cộng``, ``Danh sách này có … người``; not the surname Tống."""
        label = clean(next(cell for cell in self.sheet.rows[row] if cell.strip()))
        return not label.casefold().startswith(("tống", "công")) and _TOTAL.fullmatch(folded(label)) is not None

    def starts_closing(self, row: int) -> bool:
        """The first line below a list: a signature, place and date, a remark. A title beside a name is a person's."""
        cells = self.sheet.rows[row]
        if self._is_named(row):
            cells = [cells[position] for position in self.header.names]
        lines = (line for cell in cells for line in cell.splitlines() if line.strip())
        return any(_CLOSING.fullmatch(folded(line)) for line in lines)

    def is_section(self, row: int) -> bool:
        """One text, beside it at most a label in the place of the running number and small counts."""
        cells, stt = self.sheet.rows[row], self.header.stt
        label = "" if stt is None else cells[stt].strip()
        texts = {
            position: cell
            for position, cell in enumerate(cells)
            if position != stt and cell.strip() and not COUNT.fullmatch(cell)
        }
        if len(texts) > 1 or any(_LONG_NUMBER.search(cell) for cell in texts.values()):
            return False
        if label and not label.startswith("#"):  # not an error such as #REF!
            return True
        return any(
            (row, position) in self.wide or _SECTION_START.match(clean(text).casefold())
            for position, text in texts.items()
        )

    def _is_thing(self, row: int) -> bool:
        """Two known values, not both of them lines of a signature."""
        values = [self.sheet.rows[row][position] for position in self.header.headings]
        filled = [folded(value) for value in values if value.strip()]
        return len(filled) > 1 and not all(_CLOSING.fullmatch(value) for value in filled)

    def _is_named(self, row: int) -> bool:
        """A name and another known value."""
        cells = self.sheet.rows[row]
        others = (position for position in self.header.headings if position not in self.header.names)
        return any(cells[name].strip() for name in self.header.names) and any(cells[at].strip() for at in others)


def _kinds(reader: _RowReader) -> dict[int, Row]:
    """What each row below the header is."""
    below = range(reader.header.bottom + 1, len(reader.sheet.rows))
    filled = [row for row in below if not reader.is_blank(row)]
    certain = {row for row in filled if reader.is_certain(row)}
    last_certain = max(certain, default=reader.header.bottom)
    kinds = dict.fromkeys(below, Row.BLANK)
    below_heading, closing = True, False
    for row in filled:
        closing = closing or (row > last_certain and reader.starts_closing(row))
        if below_heading and reader.has_column_numbers(row):
            kinds[row] = Row.COLUMN_NUMBERS
        elif row in certain:
            kinds[row] = Row.PERSON
        elif reader.is_numbered(row):
            kinds[row] = Row.NUMBERED
        elif reader.is_heading(row):
            kinds[row] = Row.HEADING
        elif reader.is_total(row):
            kinds[row] = Row.TOTAL
        elif closing:
            kinds[row] = Row.CLOSING
        elif reader.is_section(row):
            kinds[row] = Row.SECTION
        else:
            kinds[row] = Row.PERSON
        below_heading = kinds[row] is Row.HEADING
    return kinds


def _refuse_hidden(sheet: Sheet, header: Header, kinds: Mapping[int, Row]) -> None:
    persons = [row for row, kind in kinds.items() if kind is Row.PERSON]
    if hidden := [sheet.row_number(row) for row in persons if row in sheet.hidden_rows]:
        raise UnreadableFile(
            f"Trang tính thứ {sheet.number}: các dòng {some(hidden)} của danh sách đang bị ẩn hoặc bị lọc. Bỏ lọc"
            " (Data > Clear), bỏ ẩn mọi dòng (chọn tất cả > Unhide), xóa dòng không thuộc danh sách, rồi gửi lại.",
            f"Sheet {sheet.number}: rows {some(hidden)} of the list are hidden or filtered out. Clear the filter (Data"
            " > Clear), unhide all rows (select all > Unhide), delete rows that are not of the list, send it again.",
        )
    unseen = [
        sheet.letter(column)
        for column in sorted(sheet.hidden_columns & set(header.headings))
        if any(sheet.rows[row][column].strip() for row in persons)
    ]
    if unseen:
        raise UnreadableFile(
            f"Trang tính thứ {sheet.number}: các cột {some(unseen)} của danh sách đang bị ẩn. Bỏ ẩn mọi cột (chọn tất"
            " cả > Unhide Columns), kiểm tra, xóa cột không thuộc danh sách, rồi gửi lại.",
            f"Sheet {sheet.number}: columns {some(unseen)} of the list are hidden. Unhide all columns (select all >"
            " Unhide Columns), check them, delete those that are not of the list, send it again.",
        )


def _refuse_formulas(sheet: Sheet, header: Header, kinds: Mapping[int, Row]) -> None:
    """A formula may have lost its value, or show another one elsewhere: none may make a value, or a row look blank."""
    layout = {row for row, kind in kinds.items() if kind in (Row.SECTION, Row.TOTAL, Row.HEADING)}
    closing = min((row for row, kind in kinds.items() if kind is Row.CLOSING), default=None)
    for column in sorted(header.headings):
        rows = [
            sheet.row_number(row)
            for row in sorted(sheet.formulas.get(column, ()))
            if row > header.bottom and row not in layout and (closing is None or row < closing)
        ]
        if rows:
            raise UnreadableFile(
                f"Trang tính thứ {sheet.number}, cột {sheet.letter(column)}, dòng {some(rows)}: có công thức. Chép cột"
                " này rồi dán dạng giá trị (Paste Special > Values), lưu lại rồi gửi.",
                f"Sheet {sheet.number}, column {sheet.letter(column)}, rows {some(rows)}: there are formulas. Copy the"
                " column and paste it as values (Paste Special > Values), save and send it again.",
            )


def _gaps(sheet: Sheet, header: Header, kinds: Mapping[int, Row], last: int | None) -> tuple[int, int | None]:
    """How many running numbers do not follow the one before, and the last; sections and sheets may start again at 1."""
    if header.stt is None:
        return 0, None
    gaps, may_restart = 0, True
    for row, kind in kinds.items():
        if kind is Row.SECTION:
            may_restart = True
        elif kind is Row.PERSON:
            match = _STT.fullmatch(sheet.rows[row][header.stt])
            number = int(match[1]) if match else None
            follows = number is None or last is None or number == last + 1 or (may_restart and number == 1)
            gaps += not follows
            last, may_restart = number, False
    return gaps, last
