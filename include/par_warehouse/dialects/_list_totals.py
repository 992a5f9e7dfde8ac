"""Numbers of persons that a list states itself, and whether they agree with the rows found."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._list_header import Header, folded
from par_warehouse.dialects._list_rows import COUNT, Row
from par_warehouse.dialects._workbook import Sheet

_UNITS = "nguoi|hoc vien|can bo|cong chuc|vien chuc|cbccvc|cbcc|dong chi|d c|nhan su|nhan vien|truong hop"
_SPELLED = "khong|mot|hai|ba|bon|tu|nam|lam|sau|bay|tam|chin|muoi|tram|linh|le|nghin|ngan"
_STATED = re.compile(
    rf"\b(?:danh sach|tong cong|tong so)(?: (?:nay|tren|co|gom|la|so|tong|cong|danh sach))* (\d+)(?: (?:{_SPELLED}))*"
    rf" (?:{_UNITS})\b"
    rf"|\b(?:tong so|si so|tong cong)(?: (?:{_UNITS}))+(?: (?:la|co|trong danh sach))* (\d+)\b"
)


@dataclass(frozen=True)
class _Total:
    """Numbers stated in one row, and how many persons stand above it: in the sheet, its section, since a total."""

    row: int
    stated: tuple[int, ...]
    above: int
    in_section: int
    since_total: int


def refuse_wrong_totals(sheet: Sheet, header: Header, kinds: Mapping[int, Row], everywhere: int) -> None:
    """Raise UnreadableFile when a total of the sheet is neither that of its rows nor that of the workbook.

    ``everywhere`` is the number of persons in the workbook. A total may be that of its section where there are several
    sections, or totals in several places.
    """
    persons = sum(kind is Row.PERSON for kind in kinds.values())
    totals = list(_totals(sheet, header, kinds))
    has_subtotals = len({total.above for total in totals if total.row > header.bottom}) > 1
    for total in totals:
        meant = {persons}
        if has_subtotals or total.in_section < total.above:
            meant |= {total.in_section, total.since_total}
        if not {everywhere, *meant} & set(total.stated):
            number, row, stated = sheet.number, sheet.row_number(total.row), total.stated[0]
            parts_vi, parts_en = _parts(total, persons, meant)
            raise UnreadableFile(
                f"Trang tính thứ {number}, dòng {row}: ghi tổng số {stated} nhưng tìm thấy {persons} dòng{parts_vi}."
                " Kiểm tra danh sách có thiếu hoặc thừa người không, sửa danh sách hoặc sửa tổng số, rồi gửi lại.",
                f"Sheet {number}, row {row}: the total printed is {stated} but {persons} rows were found{parts_en}."
                " Check whether anybody is missing or too many, correct the list or the total and send it again.",
            )


def _parts(total: _Total, persons: int, meant: set[int]) -> tuple[str, str]:
    """What a sentence about the rows of the sheet goes on with where the total may be that of a part of them."""
    places = (
        (total.in_section, "trong mục này", "in this section"),
        (total.since_total, "sau dòng tổng số trước", "below the total before"),
    )
    parts = {count: (vi, en) for count, vi, en in reversed(places) if count in meant - {0, persons}}
    if not parts:
        return "", ""
    vi = ", ".join(f"{count} dòng {place}" for count, (place, _) in sorted(parts.items(), reverse=True))
    en = ", ".join(f"{count} {place}" for count, (_, place) in sorted(parts.items(), reverse=True))
    return f" trong cả trang tính, {vi}", f" on the whole sheet, {en}"


def _totals(sheet: Sheet, header: Header, kinds: Mapping[int, Row]) -> Iterator[_Total]:
    """What the list states above, between and below its rows."""
    for row in range(header.top):
        if stated := _stated(sheet.rows[row]):
            yield _Total(row, stated, 0, 0, 0)
    above = in_section = since_total = 0
    for row, kind in kinds.items():
        if kind is Row.PERSON:
            above, in_section, since_total = above + 1, in_section + 1, since_total + 1
        elif kind is Row.SECTION:
            in_section = 0
        elif kind in (Row.TOTAL, Row.CLOSING):
            cells = sheet.rows[row]
            if stated := _stated(cells) or (_counted(cells, header) if kind is Row.TOTAL else ()):
                yield _Total(row, stated, above, in_section, since_total)
            since_total = 0


def _stated(cells: Sequence[str]) -> tuple[int, ...]:
    """Numbers in sentences such as "Danh sách này có 45 (bốn mươi lăm) người"."""
    lines = (re.sub(r"(?<=\d)[.,](?=\d{3}\b)", "", line) for cell in cells for line in cell.splitlines())
    return tuple(int(number) for line in lines for found in _STATED.findall(folded(line)) for number in found if number)


def _counted(cells: Sequence[str], header: Header) -> tuple[int, ...]:
    """The number of persons in a row of totals: in its label; else below the running number, name or identification
    number; else below another known column, where several may be men and women. Below other headings are sums."""
    label = folded(next(cell for cell in cells if cell.strip()))
    if match := re.search(r" (\d{1,6})$", label):
        return (int(match[1]),)
    counts = {position: int(match[1]) for position, cell in enumerate(cells) if (match := COUNT.fullmatch(cell))}
    persons = {header.stt, *header.names, *(at for at, name in header.headings.items() if name == "so_dinh_danh")}
    if first := tuple(count for position, count in counts.items() if position in persons):
        return first
    others = [count for position, count in counts.items() if position in header.headings]
    return (*others, sum(others)) if others else ()
