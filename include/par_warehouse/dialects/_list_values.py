"""Values of a list that look right in their workbook and are something else: letters of old fonts, days as numbers."""

import re
from collections.abc import Collection, Iterator, Sequence

from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._list_header import Column
from par_warehouse.dialects._workbook import Sheet
from par_warehouse.encodings import encoding_of_fonts

_SAMPLE = 200_000
"""Letters by which the fonts of a sheet are told."""


def refuse_old_fonts(sheet: Sheet, texts: Iterator[str]) -> None:
    """Raise UnreadableFile when these texts of the sheet are Vietnamese only in a font from before Unicode."""
    sample: list[str] = []
    length = 0
    for text in texts:
        sample.append(text)
        length += len(text)
        if length > _SAMPLE:
            break
    if encoding := encoding_of_fonts(" ".join(sample)):
        raise UnreadableFile(
            f"Trang tính thứ {sheet.number}: chữ được gõ bằng phông {encoding}, không phải Unicode. Chuyển mã sang"
            f" Unicode (UniKey: Ctrl+Shift+F6, nguồn {encoding}, đích Unicode), đổi sang phông Unicode, lưu lại rồi"
            " gửi.",
            f"Sheet {sheet.number}: the text was typed with {encoding} fonts, not in Unicode. Convert it (UniKey:"
            f" Ctrl+Shift+F6, from {encoding} to Unicode), choose a Unicode font, save and send it again.",
        )


def refuse_bare_days(sheet: Sheet, columns: Sequence[Column], dates: Collection[str], rows: Sequence[int]) -> None:
    """Raise UnreadableFile when a date is only a number and the workbook counts days from 1904.

    Everywhere else such a number is a day since 1900, and outside the workbook nobody could tell.
    """
    for column in columns if sheet.counts_from_1904 else ():
        for row in rows if column.name in dates else ():
            if re.fullmatch(r"[1-9]\d{4}", column.text(sheet.rows[row]).strip()):
                letters = ", ".join(map(sheet.letter, column.positions))
                number = sheet.row_number(row)
                raise UnreadableFile(
                    f"Trang tính thứ {sheet.number}, cột {letters}, dòng {number}: ngày chỉ là một con số, mà tệp này"
                    " đếm ngày từ năm 1904. Định dạng cột thành ngày (Format Cells > Date), kiểm tra, lưu lại rồi gửi.",
                    f"Sheet {sheet.number}, column {letters}, row {number}: a date is only a number, and this workbook"
                    " counts days from 1904. Format the column as dates (Format Cells > Date), check, save and send it"
                    " again.",
                )
