"""Workbooks for tests: one neutral description of a sheet, written as .xlsx, .xls or .ods; and lists as offices lay
them out. The same description always gives the same bytes.

Everybody in them is invented; identification numbers start with 013, a province code that is not in use.
"""

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

import openpyxl
import xlwt
from odf.element import Element
from odf.opendocument import OpenDocumentSpreadsheet
from odf.style import Style, TableProperties
from odf.table import CoveredTableCell, Table, TableCell, TableColumn, TableRow
from odf.text import P
from openpyxl.utils import get_column_letter

from par_warehouse.dialects import DeliveredFile


@dataclass(frozen=True)
class Formula:
    """A formula as Excel writes it, without the value that it had last."""

    text: str


@dataclass(frozen=True)
class Error:
    """A cell that shows an error, such as ``#N/A``."""

    text: str


Value = str | int | float | bool | date | datetime | Formula | Error | None
Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column, from 0."""


@dataclass
class SheetOf:
    """A sheet: rows of values, what is merged and what is hidden; rows and columns count from 0."""

    rows: list[list[Value]] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    is_hidden: bool = False

    def add(self, *values: Value) -> int:
        """Append a row and return its number as the sheet shows it."""
        self.rows.append(list(values))
        return len(self.rows)

    def merge(self, *merge: int) -> None:
        """Merge cells: first row, first column, last row, last column."""
        first_row, first_column, last_row, last_column = merge
        self.merges.append((first_row, first_column, last_row, last_column))


def xlsx(*sheets: SheetOf) -> bytes:
    """An .xlsx workbook of these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, sheet in enumerate(sheets, 1):
        page = book.create_sheet(f"Trang {number}")
        for row, values in enumerate(sheet.rows, 1):
            for column, value in enumerate(values, 1):
                cell = page.cell(row, column)
                if isinstance(value, Formula):
                    cell.value = f"={value.text}"
                elif isinstance(value, Error):
                    cell.value = value.text
                elif isinstance(value, str):
                    cell.value = value
                    cell.data_type = "s"
                elif isinstance(value, date):
                    cell.value = value
                    cell.number_format = "DD/MM/YYYY"
                elif value is not None:
                    cell.value = value
        for first_row, first_column, last_row, last_column in sheet.merges:
            corners = get_column_letter(first_column + 1), get_column_letter(last_column + 1)
            page.merge_cells(f"{corners[0]}{first_row + 1}:{corners[1]}{last_row + 1}")
        for row in sheet.hidden_rows:
            page.row_dimensions[row + 1].hidden = True
        for column in sheet.hidden_columns:
            page.column_dimensions[get_column_letter(column + 1)].hidden = True
        if sheet.is_hidden:
            page.sheet_state = "hidden"
    content = io.BytesIO()
    book.save(content)
    return _with_shared_texts(content.getvalue())


def _with_shared_texts(content: bytes) -> bytes:
    """The workbook with its texts in a table of their own, as Excel writes it; openpyxl leaves them in the cells."""
    texts: list[str] = []

    def share(text: re.Match[str]) -> str:
        texts.append(text[2])
        return f'<c{text[1]}t="s"><v>{len(texts) - 1}</v></c>'

    def shared(sheet: str) -> str:
        return re.sub(r'<c([^>]*)t="inlineStr"><is>(.*?)</is></c>', share, sheet, flags=re.DOTALL)

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = {name: shared for name in archive.namelist() if name.startswith("xl/worksheets/sheet")}
    undated = {"docProps/core.xml": lambda text: re.sub(r"\d+-\d+-\d+T[\d:]+Z", "2024-12-31T00:00:00Z", text)}
    moved = repacked(content, sheets | undated)
    items = "".join(f"<si>{text}</si>" for text in texts)
    table = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{items}</sst>'
    return repacked(moved, {}, xl__sharedStrings__xml=table.encode())


def xls(*sheets: SheetOf) -> bytes:
    """An .xls workbook (Excel 97 to 2003) of these sheets."""
    book = xlwt.Workbook()
    as_date = xlwt.easyxf(num_format_str="DD/MM/YYYY")
    for number, sheet in enumerate(sheets, 1):
        page = book.add_sheet(f"Trang {number}", cell_overwrite_ok=True)
        for first_row, first_column, last_row, last_column in sheet.merges:
            page.merge(first_row, last_row, first_column, last_column)
        for row, values in enumerate(sheet.rows):
            for column, value in enumerate(values):
                if isinstance(value, Formula):
                    page.write(row, column, xlwt.Formula(value.text))
                elif isinstance(value, Error):
                    page.row(row).set_cell_error(column, value.text.replace("#N/A", "#N/A!"))  # as xlwt calls it
                elif isinstance(value, date):
                    page.write(row, column, value, as_date)
                elif value is not None:
                    page.write(row, column, value)
        for row in sheet.hidden_rows:
            page.row(row).hidden = True
        for column in sheet.hidden_columns:
            page.col(column).hidden = True
        if sheet.is_hidden:
            page.visibility = 1
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def ods(*sheets: SheetOf) -> bytes:
    """An .ods workbook of these sheets."""
    book = OpenDocumentSpreadsheet()
    unseen = Style(name="ta2", family="table")
    unseen.addElement(TableProperties(display="false"))
    book.automaticstyles.addElement(unseen)
    for number, sheet in enumerate(sheets, 1):
        page = Table(name=f"Trang {number}", **({"stylename": unseen} if sheet.is_hidden else {}))
        spans = {merge[:2]: merge for merge in sheet.merges}
        covered = {
            (row, column)
            for first_row, first_column, last_row, last_column in sheet.merges
            for row in range(first_row, last_row + 1)
            for column in range(first_column, last_column + 1)
        } - set(spans)
        for column in range(max(sheet.hidden_columns, default=-1) + 1):
            is_hidden = column in sheet.hidden_columns
            page.addElement(TableColumn(**({"visibility": "collapse"} if is_hidden else {})))
        height = max([len(sheet.rows), *(merge[2] + 1 for merge in sheet.merges)])
        for row in range(height):
            line = TableRow(**({"visibility": "collapse"} if row in sheet.hidden_rows else {}))
            values = sheet.rows[row] if row < len(sheet.rows) else []
            width = max([len(values), *(merge[3] + 1 for merge in sheet.merges if merge[0] <= row <= merge[2])])
            for column in range(width):
                value = values[column] if column < len(values) else None
                line.addElement(_ods_cell(value, spans.get((row, column)), (row, column) in covered))
            page.addElement(line)
        book.spreadsheet.addElement(page)
    content = io.BytesIO()
    book.save(content)
    return repacked(content.getvalue(), {})


def _ods_cell(value: Value, merge: Merge | None, is_covered: bool) -> Element:
    attributes: dict[str, object] = {}
    shown = [] if value is None else str(value).split("\n")
    if merge:
        attributes = {"numberrowsspanned": merge[2] - merge[0] + 1, "numbercolumnsspanned": merge[3] - merge[1] + 1}
    match value:
        case Formula():
            attributes |= {"formula": f"of:={value.text}"}
            shown = []
        case Error():
            attributes |= {"valuetype": "string"}
            shown = [value.text]
        case str():
            attributes |= {"valuetype": "string"}
        case bool():
            attributes |= {"valuetype": "boolean", "booleanvalue": str(value).lower()}
        case int() | float():
            attributes |= {"valuetype": "float", "value": repr(value)}
        case datetime() if value.time() != time():
            attributes |= {"valuetype": "date", "datevalue": value.isoformat()}
        case date():
            attributes |= {"valuetype": "date", "datevalue": value.isoformat()[:10]}
    cell = (CoveredTableCell if is_covered else TableCell)(**attributes)
    for line in shown:
        cell.addElement(P(text=line))
    return cell


FORMATS: Mapping[str, Callable[..., bytes]] = {"xlsx": xlsx, "xls": xls, "ods": ods}


def delivered(content: bytes, name: str = "H29.07/20241231.xlsx") -> DeliveredFile:
    """A delivered file with this content."""
    return DeliveredFile(name, len(content), lambda: io.BytesIO(content))


def repacked(content: bytes, changes: Mapping[str, Callable[[str], str]], **added: bytes) -> bytes:
    """A zip archive with some of its text parts changed; of ``added`` the names are ``folder__file__ending``."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in source.infolist():
            text = source.read(part)
            if part.filename in changes:
                text = changes[part.filename](text.decode()).encode()
            kind = zipfile.ZIP_STORED if part.filename == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(part.filename), text, kind)  # dated 1980
        for name, text in added.items():
            path = re.sub(r"/(\w+)$", r".\1", name.replace("__", "/"))
            archive.writestr(zipfile.ZipInfo(path), text, zipfile.ZIP_DEFLATED)
    return target.getvalue()


STAFF_COLUMNS = (
    "so_dinh_danh", "so_hieu", "ho_ten", "ngay_sinh", "gioi_tinh", "nhom", "ma_don_vi", "chuc_vu", "la_lanh_dao",
    "trang_thai", "ngay_vao_co_quan",
)  # fmt: skip

Person = Mapping[str, Value]
"""A member of staff, by the columns of ``nhan_su``."""

PEOPLE: Sequence[Person] = (
    {"so_dinh_danh": "013185000123", "so_hieu": "HCM-SNV-0042", "ho_ten": "NGUYỄN THỊ HOÀ", "ngay_sinh": "14/03/1985",
     "gioi_tinh": "Nữ", "nhom": "CC", "ma_don_vi": "H29.07", "chuc_vu": "Giám đốc", "la_lanh_dao": "x",
     "trang_thai": "Đang công tác", "ngay_vao_co_quan": date(2010, 9, 1)},
    {"so_dinh_danh": 13079000456, "so_hieu": None, "ho_ten": "Trần Văn Út", "ngay_sinh": date(1979, 11, 30),
     "gioi_tinh": "Nam", "nhom": "CC", "ma_don_vi": "H29.07.02", "chuc_vu": None, "la_lanh_dao": None,
     "trang_thai": "Đang công tác", "ngay_vao_co_quan": "01/02/2015"},
    {"so_dinh_danh": "013090000789", "so_hieu": "HCM-SNV-0107", "ho_ten": "Đoàn Tống Nam", "ngay_sinh": 1990,
     "gioi_tinh": "Nam", "nhom": "VC", "ma_don_vi": "H29.07.02", "chuc_vu": "Trưởng phòng", "la_lanh_dao": "ü",
     "trang_thai": "Biệt phái", "ngay_vao_co_quan": date(2018, 1, 15)},
)  # fmt: skip
PEOPLE_READ: Sequence[Sequence[str]] = (
    ("013185000123", "HCM-SNV-0042", "NGUYỄN THỊ HOÀ", "14/03/1985", "Nữ", "CC", "H29.07", "Giám đốc", "x",
     "Đang công tác", "2010-09-01"),
    ("13079000456", "", "Trần Văn Út", "1979-11-30", "Nam", "CC", "H29.07.02", "", "", "Đang công tác", "01/02/2015"),
    ("013090000789", "HCM-SNV-0107", "Đoàn Tống Nam", "1990", "Nam", "VC", "H29.07.02", "Trưởng phòng", "ü",
     "Biệt phái", "2018-01-15"),
)  # fmt: skip
"""What ``PEOPLE`` become, in the order of ``STAFF_COLUMNS``."""

_STAFF_HEADER = (
    "STT", "Họ và tên", "Ngày sinh", None, "Số CCCD", "Số hiệu\nCBCCVC", "Mã định danh đơn vị", "Đơn vị",
    "Phòng/bộ phận", "Chức vụ", "Loại (CB/CC/VC)", "Là lãnh đạo (x)", "Hệ số lương", "Ngày vào cơ quan", "Trạng thái",
    "Ghi chú", "Dân tộc",
)  # fmt: skip
STAFF_UNKNOWN = ("STT", "Đơn vị", "Phòng/bộ phận", "Hệ số lương", "Ghi chú", "Dân tộc")
"""Headings of a staff list that no column of the contract has."""


def plain_list(people: Sequence[Person] = PEOPLE) -> SheetOf:
    """A list without any ornament: the contract's names, then the people."""
    sheet = SheetOf()
    sheet.add(*STAFF_COLUMNS)
    for person in people:
        sheet.add(*(person[column] for column in STAFF_COLUMNS))
    return sheet


def staff_header(sheet: SheetOf) -> None:
    """Titles, the merged header of two rows, and the row of column numbers."""
    sheet.add("ỦY BAN NHÂN DÂN THÀNH PHỐ", None, None, None, None, None, None, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
    sheet.add("SỞ NỘI VỤ", None, None, None, None, None, None, "Độc lập - Tự do - Hạnh phúc")
    sheet.add()
    sheet.add("DANH SÁCH CÁN BỘ, CÔNG CHỨC, VIÊN CHỨC")
    sheet.merge(3, 0, 3, 16)
    sheet.add("(Kèm theo Công văn số 45/SNV-CCVC ngày 30 tháng 12 năm 2024)")
    sheet.add(*_STAFF_HEADER)
    sheet.add(None, None, "Nam", "Nữ")
    sheet.merge(5, 2, 5, 3)
    for column in (0, 1, *range(4, 17)):
        sheet.merge(5, column, 6, column)
    sheet.add(*(f"({number})" for number in range(1, 18)))


def staff_row(stt: Value, person: Person) -> list[Value]:
    """A person below ``staff_header``, the date of birth in the column of the sex."""
    born, is_man = person["ngay_sinh"], person["gioi_tinh"] == "Nam"
    return [
        stt, person["ho_ten"], born if is_man else None, None if is_man else born, person["so_dinh_danh"],
        person["so_hieu"], person["ma_don_vi"], "Sở Nội vụ", "P. CCHC", person["chuc_vu"], person["nhom"],
        person["la_lanh_dao"], 3.66, person["ngay_vao_co_quan"], person["trang_thai"], None, "Kinh",
    ]  # fmt: skip


def staff_footer(sheet: SheetOf, total: int) -> None:
    """The total, twice, and the signatures."""
    sheet.add("Tổng cộng", total)
    sheet.add()
    sheet.add(f"Danh sách này có {total} người.")
    sheet.add(*[None] * 9, "TP. Hồ Chí Minh, ngày 31 tháng 12 năm 2024")
    sheet.add(None, "NGƯỜI LẬP BIỂU", *[None] * 7, "GIÁM ĐỐC")
    sheet.add(None, "(Ký, ghi rõ họ tên)")
    sheet.add()
    sheet.add(None, "Lê Thị Lập", *[None] * 7, "Phạm Văn Ký")


def staff_list(people: Sequence[Person] = PEOPLE) -> SheetOf:
    """A staff list as offices lay it out, in two sections: the first person, then the others."""
    sheet = SheetOf()
    staff_header(sheet)
    sheet.add("I", "LÃNH ĐẠO SỞ")
    for number, person in enumerate(people, 1):
        if number == 2:
            sheet.add()
            sheet.add("II. VĂN PHÒNG")
            sheet.merge(len(sheet.rows) - 1, 0, len(sheet.rows) - 1, 16)
        sheet.add(*staff_row(number, person))
    staff_footer(sheet, len(people))
    return sheet


CLASS_COLUMNS = ("ma_lop", "so_dinh_danh", "ma_khoa_hoc", "ngay_hoan_thanh", "ket_qua", "so_chung_nhan")
CLASS_TITLES = {"ma_lop": "Mã lớp", "ma_khoa_hoc": "Mã khóa học", "ngay_hoan_thanh": "Ngày kết thúc"}
"""The option ``title_fields`` for ``class_list``."""


def class_list(results: Sequence[Sequence[Value]]) -> SheetOf:
    """A class list: name, identification number, result and number of the certificate of each learner."""
    sheet = SheetOf()
    sheet.add("HỌC VIỆN CÁN BỘ THÀNH PHỐ")
    sheet.add("KẾT QUẢ LỚP BỒI DƯỠNG CẢI CÁCH HÀNH CHÍNH")
    sheet.add("Mã lớp: CCHC-07", None, None, "Mã khóa học:", "CCHC.2024")
    sheet.add("Ngày kết thúc", None, date(2024, 11, 29), "Tổng số tiết: 40")
    sheet.add("STT", "Họ và tên", "Ngày sinh", "Số CCCD", "Chức vụ", "Đơn vị", "Số tiết", "Kết quả (Đạt/Không đạt)",
              "Số chứng nhận", "Ngày cấp")  # fmt: skip
    for number, (name, id_number, result, certificate) in enumerate(results, 1):
        sheet.add(number, name, "01/01/1980", id_number, None, "Sở Nội vụ", 40, result, certificate, date(2024, 12, 5))
    return sheet
