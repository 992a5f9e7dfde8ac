"""Values that a list states once, above its header: ``Mã lớp: CCHC-07``."""

import re

from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._list_header import Header, folded
from par_warehouse.dialects._workbook import Sheet
from par_warehouse.text import clean, fold


def title_value(sheet: Sheet, header: Header, label: str) -> str:
    """The value beside a label above the header: after it in the same cell, or in the next filled cell of the row.

    Raises UnreadableFile when the label or its value is missing, stands there twice with different values, or is made
    by a formula.
    """
    found = set()
    for row in range(header.top):
        for column, cell in enumerate(sheet.rows[row]):
            for text in re.split(r"[\n\r\t;]|\s{3,}", cell):
                if (value := _after(label, text)) is None:
                    continue
                place = column
                if not value:
                    place = next(
                        (at for at in range(column + 1, len(sheet.rows[row])) if sheet.rows[row][at].strip()), -1
                    )
                    value = sheet.rows[row][place].strip() if place >= 0 else ""
                if any(row in sheet.formulas.get(at, ()) for at in range(column, place + 1)):
                    raise _unusable(sheet, label, "ghi bằng công thức", "is made by a formula")
                if value:
                    found.add(value)
    if not found:
        raise _unusable(sheet, label, "không tìm thấy hoặc chưa điền", "is missing or has no value")
    if len(found) > 1:
        raise _unusable(sheet, label, "có nhiều giá trị khác nhau", "has several different values")
    return found.pop()


def _after(label: str, text: str) -> str | None:
    """What follows the label in a text, None when the text does not start with it."""
    words = fold(label).split()
    beginning, colon, rest = text.partition(":")
    if colon and folded(beginning).split() == words:
        return rest.strip()
    return "" if not colon and clean(text) and folded(text).split() == words else None


def _unusable(sheet: Sheet, label: str, vi: str, en: str) -> UnreadableFile:
    return UnreadableFile(
        f"Trang tính thứ {sheet.number}: mục “{label}” phía trên danh sách {vi}. Ghi “{label}: …” vào một ô phía trên"
        " dòng tiêu đề cột rồi gửi lại.",
        f"Sheet {sheet.number}: “{label}” above the list {en}. Write “{label}: …” into a cell above the row of headings"
        " and send it again.",
    )
