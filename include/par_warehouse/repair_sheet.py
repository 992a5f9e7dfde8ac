"""The repair spreadsheet: what an agency's quarantined rows are, and where to write what is right.

One sheet per contract table, one row per open finding: where the row stands, what is wrong, what to do, and its cells
as they were delivered. Personal values are masked as far as the repair allows; whoever fills in the sheet has the file
that was sent. A returned sheet (``resubmission``) is compared with what is shown here: a cell that still shows the same
is unchanged.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any

from par_warehouse.broken_rows import BrokenRow, DeliveredRow, delivered_rows, open_rows
from par_warehouse.config import load_configuration
from par_warehouse.contract import TABLES, TABLES_BY_NAME, Column, Kind
from par_warehouse.ledger import last_accepted, open_ledger
from par_warehouse.rules import suite_of
from par_warehouse.settings import Settings
from par_warehouse.text import clean
from par_warehouse.vault import note_read

KEY, DAY, AGENCY, ACTION = "mã_phát_hiện", "ngày_dữ_liệu", "cơ_quan", "xử_lý"
"""Headings by which a returned sheet is understood, beside the columns of the contract."""
WITHDRAW = "bỏ dòng"
EMPTY = "(trống)"
LONGEST_CELL = 2_000
"""Characters; a longer cell is shown shortened."""

_MASK = "•"
_HIDDEN = _MASK * 3
_BEFORE = (KEY, DAY, AGENCY, "tệp", "trang_tính", "dòng", "quy_tắc", "việc_cần_làm", "what_to_do", ACTION)
_WIDTHS = dict(zip(_BEFORE, (24, 12, 10, 28, 10, 8, 18, 60, 60, 10), strict=True))


def repair_sheet(settings: Settings, data_date: date, agency: str | None) -> bytes | None:
    """The workbook (.xlsx) for an agency's findings that are open on a data date; None when there are none.

    ``agency`` None means the findings that no agency could be found for. The same findings give the same bytes. Files
    that may name people are opened for it; the log of the vault says so.
    """
    with open_ledger(settings) as con:
        rows = open_rows(settings, con, data_date, agency)
        name = _agency_name(settings, con, data_date, agency)
    if not rows:
        return None
    note_read(settings, f"repair spreadsheet of {agency or 'no agency'}, {data_date}")
    delivered = delivered_rows(settings, load_configuration(settings.config_dir), rows)
    return _workbook(data_date, agency, name, rows, delivered)


def as_shown(column: Column, row: BrokenRow, cells: Mapping[str, str]) -> str:
    """A delivered cell as the sheet shows it: one line, without what could identify a person unless it is broken.

    Of a number that is no identification number the length and the last three characters are shown, of a name its
    initials, of a personal date that is none its form.
    """
    text = clean(cells.get(column.name, ""))
    text = "".join("�" if unicodedata.category(one) in ("Cc", "Cs", "Cn") else one for one in text)
    if not text:
        return ""
    is_broken = column.name in row.broken_columns
    match column.kind:
        case Kind.PERSON_ID if is_broken:
            seen = min(3, len(text) // 3)
            return f"{_MASK * min(len(text) - seen, 20)}{text[len(text) - seen :]} ({len(text)})"
        case Kind.PERSON_ID:
            return _HIDDEN
        case Kind.NAME:
            return " ".join(f"{word[0]}." for word in text.split()[:10])
        case Kind.CHECKED_DATE:
            return re.sub(r"\w", _MASK, text[:30]) if is_broken else _HIDDEN
        case Kind.DROPPED if row.table.person_column:
            return _HIDDEN
        case Kind.EPOCH | Kind.WHOLE:
            hidden = r"\d{11,}"  # seconds since 1970 have ten
        case _:
            hidden = r"\d{9,}"
    text = re.sub(hidden, lambda digits: _MASK * len(digits.group()), text)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"


def is_mask(text: str) -> bool:
    """Whether a text holds what the sheet shows in place of a personal value."""
    return _MASK in text


def _agency_name(settings: Settings, con: Any, data_date: date, agency: str | None) -> str:
    units = last_accepted(con, TABLES_BY_NAME["don_vi"], data_date)
    if agency is None or units is None:
        return ""
    row = con.execute(
        "select ten_don_vi from read_parquet(?) where ma_don_vi = ?", [str(settings.accepted / units.path), agency]
    ).fetchone()
    return str(row[0]) if row else ""


def _workbook(
    data_date: date,
    agency: str | None,
    agency_name: str,
    rows: Sequence[BrokenRow],
    delivered: Mapping[tuple[str, date], DeliveredRow],
) -> bytes:
    import xlsxwriter

    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.set_properties({"created": datetime(data_date.year, data_date.month, data_date.day)})
    # As text: Excel keeps leading zeros then, and takes nothing for a formula.
    text = {"num_format": "@", "quote_prefix": True, "valign": "top"}
    formats = {
        "head": book.add_format({"bold": True, "bg_color": "#DDDDDD", "valign": "top"}),
        "plain": book.add_format(text),
        "wrapped": book.add_format(text | {"text_wrap": True}),
        "broken": book.add_format(text | {"bg_color": "#FFD966", "border": 1}),
        "key": book.add_format(text | {"bg_color": "#FFF2CC"}),
    }
    gone = sum((row.finding_key, row.data_date) not in delivered for row in rows)
    page = book.add_worksheet("Hướng dẫn")
    page.set_column(0, 0, 70, formats["wrapped"])
    page.set_column(1, 1, 70, formats["wrapped"])
    for number, (vi, en) in enumerate(_instructions(data_date, agency, agency_name, len(rows), gone)):
        page.write_string(number, 0, vi, formats["head" if number == 0 else "wrapped"])
        page.write_string(number, 1, en, formats["head" if number == 0 else "wrapped"])
    for table in TABLES:
        of_table = [row for row in rows if row.table == table]
        if of_table:
            page = book.add_worksheet(table.name)
            headings = [*_BEFORE, *(column.name for column in table.columns)]
            for place, heading in enumerate(headings):
                page.write_string(0, place, heading, formats["head"])
                page.set_column(place, place, _WIDTHS.get(heading, 18), formats["plain"])
            page.freeze_panes(1, 1)
            action = headings.index(ACTION)
            page.data_validation(1, action, len(of_table), action, {"validate": "list", "source": [WITHDRAW]})
            for line, row in enumerate(of_table, 1):
                found = delivered.get((row.finding_key, row.data_date))
                for place, (value, style) in enumerate(_line(row, found)):
                    if value:
                        page.write_string(line, place, value, formats[style])
                    else:
                        page.write_blank(line, place, None, formats[style])
    book.close()
    return content.getvalue()


def _line(row: BrokenRow, delivered: DeliveredRow | None) -> list[tuple[str, str]]:
    """The values of one row, each with the name of its format."""
    messages = [row.message.partition(" | "), *_further_messages(row)]
    vi, en = (" ".join(one[side] for one in messages) for side in (0, 2))
    sheet, number = row.place.sheet_and_row
    if delivered is None:
        vi, en = f"{_GONE[0]} {vi}", f"{_GONE[1]} {en}"
    elif delivered.is_malformed:
        vi, en = f"{vi} Điền lại cả dòng.", f"{en} Fill in the whole row."
    values = (
        row.finding_key, row.data_date.isoformat(), row.agency_code or "", row.place.file_name,
        str(sheet or ""), str(number), " ".join(row.rule_codes), vi, en, "",
    )  # fmt: skip
    is_duplicate = "DUPLICATE_KEY" in row.rule_codes
    styles = dict.fromkeys(_BEFORE, "plain") | {"việc_cần_làm": "wrapped", "what_to_do": "wrapped"}
    styles[ACTION] = "broken" if is_duplicate else "plain"
    line = [(value, styles[heading]) for heading, value in zip(_BEFORE, values, strict=True)]
    for column in row.table.columns:
        if delivered is None:
            line.append((row.stored.get(column.name, ""), "plain"))
            continue
        is_broken = column.name in row.broken_columns or delivered.is_malformed
        style = "broken" if is_broken else "key" if is_duplicate and column.name in row.table.key else "plain"
        line.append((as_shown(column, row, delivered.cells), style))
    return line


def _further_messages(row: BrokenRow) -> list[tuple[str, str, str]]:
    """What the rules say that the row breaks beside the first."""
    further = [
        rule.message
        for code in row.rule_codes[1:]
        for rule in suite_of(row.table).rules
        if rule.code == code and rule.column in row.broken_columns
    ]
    return [message.partition(" | ") for message in dict.fromkeys(further)]


_GONE = (
    "Tệp gốc đã bị xóa theo thời hạn lưu; không sửa bằng bảng này được, hãy sửa tại hệ thống nguồn.",
    "The delivered file was deleted when its days were over; it cannot be repaired by this sheet, only at the source.",
)


def _instructions(
    data_date: date, agency: str | None, agency_name: str, count: int, gone: int
) -> list[tuple[str, str]]:
    """The first sheet: Vietnamese and English, line by line."""
    who = f"{agency} {agency_name}".strip() if agency else "không rõ | not known"
    lines = [
        ("BẢNG SỬA DỮ LIỆU", "REPAIR SHEET"),
        (f"Ngày dữ liệu: {data_date}", f"Data date: {data_date}"),
        (f"Cơ quan: {who}", f"Agency: {who}"),
        (f"Số dòng cần sửa: {count}", f"Rows to repair: {count}"),
        (
            "1. Mỗi trang tính là một bảng của hợp đồng dữ liệu, mỗi dòng là một dòng bị cách ly. Cột tệp, trang_tính,"
            " dòng cho biết dòng đó nằm ở đâu trong tệp đã gửi.",
            "1. Each sheet is a table of the export contract, each row a row that was set aside. The columns tệp,"
            " trang_tính, dòng (file, sheet, row) say where it stands in what was sent.",
        ),
        (
            "2. Ô tô màu vàng là ô sai: ghi giá trị đúng đè lên. Ngày ghi ngày trước tháng (31/12/2024 hoặc"
            " 2024-12-31); số định danh đủ 12 chữ số.",
            "2. Yellow cells are wrong: write the right value over them. Dates have the day first (31/12/2024 or"
            " 2024-12-31); identification numbers have 12 digits.",
        ),
        (
            f"3. Ô che bằng {_HIDDEN} hoặc viết tắt là dữ liệu cá nhân: để nguyên là không đổi. Ô bỏ trống cũng là"
            f" không đổi; muốn xóa giá trị thì ghi {EMPTY}.",
            f"3. Cells that show {_HIDDEN} or initials hold personal data: left as they are, they stay unchanged. So"
            f" does an empty cell; to remove a value write {EMPTY}.",
        ),
        (
            f"4. Dòng trùng lặp cần bỏ: ghi {WITHDRAW} vào cột {ACTION}.",
            f"4. To withdraw a row that is there twice, write {WITHDRAW} in the column {ACTION}.",
        ),
        (
            f"5. Không sửa ba cột {KEY}, {DAY}, {AGENCY}. Được thêm cột, đổi thứ tự dòng và cột, lưu thành .xlsx, .ods"
            " hoặc CSV UTF-8.",
            f"5. Leave the columns {KEY}, {DAY}, {AGENCY} as they are. Columns may be added, rows and columns moved;"
            " save as .xlsx, .ods or CSV UTF-8.",
        ),
        (
            "6. Gửi lại tệp vào thư mục tiếp nhận của cơ quan. Sau khoảng 15 phút có tệp trả lời bên cạnh.",
            "6. Put the file into the upload folder of your agency. The answer is beside it 15 minutes later.",
        ),
        (
            "7. Sửa cả tại hệ thống nguồn, nếu không lỗi sẽ trở lại ở lần giao sau. Xóa tệp này khi xong việc.",
            "7. Repair it at the source as well, or the next delivery has it again. Delete this file after use.",
        ),
    ]
    if gone:
        lines.append((f"{gone} dòng: {_GONE[0]}", f"{gone} rows: {_GONE[1]}"))
    return lines
