"""Dialect ``spreadsheet``: a list in an .xlsx, .xls or .ods workbook, laid out as offices lay out lists.

Above the list stand titles, below it totals and signatures; its header has one to three rows with merged cells; titles
of sections, blank rows and a row of column numbers stand between. What is a header is told by the headings of
``headings.yml`` (``_list_header``), what is a person by the row itself (``_list_rows``), what a workbook may be by
``_workbook``. Whatever could hide or change a person's row makes the file unreadable: hidden rows, columns and sheets,
filters, formulas, links, passwords, letters of old fonts, a printed total that differs from the rows found.

Every visible sheet that has the header is read, one after the other; all must have the same columns of the contract.
Sheets without a list (a cover, remarks) are skipped and counted.

``Records.numbers`` are row numbers as the sheet shows them. On the first sheet of the workbook they stand alone, on
sheet n they are n x 10,000,000 + row: 30000015 is row 15 of the third sheet. Hidden sheets count as sheets.

``Part.notes``: ``skipped_sheets``; ``section_rows``, ``repeated_headings``, ``numbered_rows_without_person``: rows that
are layout; ``stt_gaps``: running numbers that do not follow the one before.

Values are text: whole numbers without ``.0``, dates as ``YYYY-MM-DD``, true as ``x`` and false as nothing, errors such
as ``#N/A`` as they are. A date of birth under ``Nam`` or ``Nữ`` also gives ``gioi_tinh``; two dates in one row are
joined by `` / ``, which no rule takes for a date. Columns without a heading are called by their letter.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field

from par_warehouse.contract import TABLES_BY_NAME, Kind
from par_warehouse.dialects import Context, DeliveredFile, DialectOptions, Part, UnreadableFile, arrow_records
from par_warehouse.dialects._list_header import SEARCHED_ROWS, Column, Header, columns_without_heading, find_header
from par_warehouse.dialects._list_rows import ListRows, list_rows, looks_like_list
from par_warehouse.dialects._list_titles import title_value
from par_warehouse.dialects._list_totals import refuse_wrong_totals
from par_warehouse.dialects._list_values import refuse_bare_days, refuse_old_fonts
from par_warehouse.dialects._workbook import Sheet, read_workbook

NUMBERS_PER_SHEET = 10_000_000


class Options(DialectOptions):
    """``title_fields`` names the label, above the list, of what is one value for all its rows."""

    title_fields: Mapping[str, str] = Field({}, description="column: label in the rows above the header")


@dataclass(frozen=True)
class _List:
    """The list of one sheet."""

    sheet: Sheet
    header: Header
    rows: ListRows
    columns: Sequence[Column]
    titles: Mapping[str, str]

    @property
    def known(self) -> set[str]:
        """The columns of the contract that it has."""
        return {column.name for column in self.columns if column.is_known}

    @property
    def numbers(self) -> Iterator[int]:
        """The numbers of its persons' rows."""
        before = 0 if self.sheet.number == 1 else self.sheet.number * NUMBERS_PER_SHEET
        return (before + self.sheet.row_number(row) for row in self.rows.persons)

    def texts(self, name: str) -> Iterator[str]:
        """One column of its persons, "" where it has no such column."""
        column = next((column for column in self.columns if column.name == name), None)
        for row in self.rows.persons:
            yield column.text(self.sheet.rows[row]) if column else self.titles.get(name, "")


def read(files: Sequence[DeliveredFile], options: Options, context: Context) -> list[Part]:
    """One part for the table of the feed, one row per person of the list. Raises UnreadableFile."""
    (file,) = files
    assert context.table is not None
    lists: list[_List] = []
    notes: Counter[str] = Counter()
    for sheet in read_workbook(file):
        header = find_header(sheet, context.header_names)
        if header is None:
            _refuse_headless_list(sheet)
            notes["skipped_sheets"] += 1
            continue
        rows = list_rows(sheet, header, context.header_names, lists[-1].rows.last_stt if lists else 0)
        titles = {column: title_value(sheet, header, label) for column, label in options.title_fields.items()}
        columns = [*header.columns, *columns_without_heading(sheet, header, rows.persons)]
        lists.append(_List(sheet, header, rows, columns, titles))
        notes += rows.notes
    _refuse_unusable(lists, context.header_names)
    table = TABLES_BY_NAME.get(context.table)
    dates = {column.name for column in table.columns if column.kind in (Kind.DATE, Kind.CHECKED_DATE)} if table else ()
    for one in lists:
        refuse_old_fonts(one.sheet, (text for name in one.known for text in one.texts(name)))
        refuse_bare_days(one.sheet, one.columns, dates, one.rows.persons)
        refuse_wrong_totals(one.sheet, one.header, one.rows.kinds, sum(len(each.rows.persons) for each in lists))
    names = list(dict.fromkeys([*options.title_fields, *(column.name for one in lists for column in one.columns)]))
    texts = pa.table(
        {name: pa.array([text for one in lists for text in one.texts(name)], pa.string()) for name in names}
    )
    numbers = np.array([number for one in lists for number in one.numbers], np.int64)
    return [Part(context.table, names, arrow_records(texts, numbers), dict(notes))]


def _refuse_headless_list(sheet: Sheet) -> None:
    if looks_like_list(sheet):
        refuse_old_fonts(sheet, (cell for cells in sheet.rows for cell in cells))
        raise UnreadableFile(
            f"Trang tính thứ {sheet.number} có danh sách nhưng không tìm thấy dòng tiêu đề cột trong {SEARCHED_ROWS}"
            " dòng đầu. Thêm dòng tiêu đề (STT, Họ và tên, Số CCCD…) ngay trên danh sách, hoặc xóa trang này, rồi gửi"
            " lại.",
            f"Sheet {sheet.number} holds a list but no row of headings was found in the first {SEARCHED_ROWS} rows. Put"
            " the headings (STT, Họ và tên, Số CCCD…) right above the list, or delete the sheet, and send it again.",
        )


def _refuse_unusable(lists: Sequence[_List], header_names: Mapping[str, str]) -> None:
    """Raise UnreadableFile when there is no list, or the lists contradict each other or the titles above them."""
    if not lists:
        first_headings = {column: heading for heading, column in reversed(list(header_names.items()))}
        looked_for = ", ".join(sorted(first_headings.values()))
        raise UnreadableFile(
            f"Không tìm thấy dòng tiêu đề cột trong {SEARCHED_ROWS} dòng đầu của trang tính nào. Cần ít nhất hai trong"
            f" các tiêu đề (có dấu hay không dấu đều được): stt, {looked_for}.",
            f"No row of headings was found in the first {SEARCHED_ROWS} rows of any sheet. At least two of these"
            f" headings are needed (with or without tone marks): stt, {looked_for}.",
        )
    for one in lists:
        if different := ", ".join(sorted(one.known ^ lists[0].known)):
            raise UnreadableFile(
                f"Trang tính thứ {lists[0].sheet.number} và thứ {one.sheet.number} có tiêu đề khác nhau ({different})."
                " Dùng cùng một mẫu cho mọi trang, hoặc gửi danh sách khác trong tệp riêng.",
                f"Sheets {lists[0].sheet.number} and {one.sheet.number} have different headings ({different}). Use one"
                " form for all sheets, or send another list in its own file.",
            )
        if twice := ", ".join(sorted(one.known & set(one.titles))):
            raise UnreadableFile(
                f"Trang tính thứ {one.sheet.number}: {twice} vừa là cột của danh sách vừa ghi phía trên danh sách. Chỉ"
                " giữ một nơi rồi gửi lại.",
                f"Sheet {one.sheet.number}: {twice} is a column of the list and also stands above it. Keep one of the"
                " two and send it again.",
            )
