"""The spreadsheet dialect: lists as offices lay them out come out exactly, and nobody in them is lost or guessed."""

import io
import random
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msoffcrypto.format.ooxml import OOXMLFile

from par_warehouse.config import load_configuration
from par_warehouse.dialects import Context, Part, UnreadableFile
from par_warehouse.dialects._workbook_cells import as_text
from par_warehouse.dialects._workbook_facts import letters
from par_warehouse.dialects.spreadsheet import Options, read
from tests.spreadsheets import (
    CLASS_COLUMNS,
    CLASS_TITLES,
    FORMATS,
    PEOPLE,
    PEOPLE_READ,
    STAFF_COLUMNS,
    STAFF_UNKNOWN,
    Error,
    Formula,
    SheetOf,
    Value,
    class_list,
    delivered,
    ods,
    plain_list,
    repacked,
    staff_footer,
    staff_header,
    staff_list,
    staff_row,
    xls,
    xlsx,
)

HEADINGS = load_configuration(Path(__file__).parents[2] / "include" / "config").headings
NAMES = ("Hoà", "HOÀ", "Trần Văn Út", "Đoàn Tống", "Lê Thị Lập", "Phạm Văn Ký")
SHEET, BOOK = "xl/worksheets/sheet1.xml", "xl/workbook.xml"


def part_of(content: bytes, name: str, table: str = "nhan_su", **options: Mapping[str, str]) -> Part:
    """The one part that a workbook gives."""
    context = Context(date(2024, 12, 31), table, HEADINGS[table], "1GB", 1)
    (part,) = read([delivered(content, name)], Options.model_validate(options), context)
    assert part.table == table
    return part


def read_list(
    *sheets: SheetOf, columns: Sequence[str] = STAFF_COLUMNS, form: str = "xlsx", table: str = "nhan_su",
    **options: Mapping[str, str],
) -> tuple[list[tuple[str, ...]], list[int], Part]:  # fmt: skip
    """Rows, their numbers, and the part."""
    part = part_of(FORMATS[form](*sheets), f"H29.07/20241231.{form}", table, **options)
    rows, numbers = [], []
    for records in part.records(columns):
        assert records.table.column_names == list(columns)
        rows += [tuple(row.values()) for row in records.table.to_pylist()]
        numbers += records.numbers.tolist()
        assert not len(records.malformed)
    return rows, numbers, part


def refusal(content: bytes, name: str = "H29.07/20241231.xlsx", **more: object) -> UnreadableFile:
    """How a workbook is refused; no message may quote a person."""
    with pytest.raises(UnreadableFile) as refused:
        part_of(content, name, **more)  # type: ignore[arg-type]
    text = str(refused.value)
    assert not any(person in text for person in NAMES)
    assert not re.search(r"\d{9}", text.replace(".", "").replace(" ", ""))
    assert refused.value.vi.rstrip().endswith(".") and refused.value.en.endswith(".")
    return refused.value


def simple(*rows: Sequence[Value], header: Sequence[Value] = ("STT", "Họ và tên", "Số CCCD", "Chức vụ")) -> SheetOf:
    """A list with a header of one row."""
    sheet = SheetOf()
    sheet.add(*header)
    for row in rows:
        sheet.add(*row)
    return sheet


SIMPLE = ("ho_ten", "so_dinh_danh", "chuc_vu")
A: list[Value] = [1, "Người A", "013185000123", "Chuyên viên"]
B: list[Value] = [2, "Người B", "013185000124", None]
A_READ, B_READ = ("Người A", "013185000123", "Chuyên viên"), ("Người B", "013185000124", "")


# The three formats


@pytest.mark.parametrize("form", FORMATS)
def test_the_plain_and_the_ugly_list_give_the_same_people_in_every_format(form: str) -> None:
    plain, plain_numbers, plain_part = read_list(plain_list(), form=form)
    ugly, ugly_numbers, ugly_part = read_list(staff_list(), form=form)
    assert plain == ugly == list(PEOPLE_READ)
    assert plain_numbers == [2, 3, 4]
    assert ugly_numbers == [10, 13, 14]
    assert plain_part.notes == {}
    assert ugly_part.notes == {"section_rows": 2}
    assert list(plain_part.names) == list(STAFF_COLUMNS)
    assert sorted(ugly_part.names) == sorted((*STAFF_COLUMNS, *STAFF_UNKNOWN))


@pytest.mark.parametrize("form", FORMATS)
def test_values_become_text(form: str) -> None:
    values = {
        "text as delivered": ("  Nguyễn  ", "  Nguyễn  "),
        "whole number": (13185000123, "13185000123"),
        "whole float": (3.0, "3"),
        "other float": (5.08, "5.08"),
        "date": (date(1985, 3, 14), "1985-03-14"),
        "midnight": (datetime(2024, 12, 31), "2024-12-31"),
        "time of day": (datetime(2024, 12, 31, 13, 5), "2024-12-31 13:05:00"),
        "true": (True, "x"),
        "false": (False, ""),
        "error": (Error("#N/A"), "#N/A"),
        "another error": (Error("#REF!"), "#REF!"),
        "tick of Wingdings": ("ü", "ü"),
        "two lines": ("một\nhai", "một\nhai"),
        "number typed as text": ("'013185000123", "'013185000123"),
        "looks like a formula": ("=1+1", "=1+1"),
        "a zero": (0, "0"),
    }  # fmt: skip
    sheet = simple(*([number, "A", "013185000123", value] for number, (value, _) in enumerate(values.values(), 1)))
    rows, _, _ = read_list(sheet, columns=["chuc_vu"], form=form)
    assert {name: row[0] for name, row in zip(values, rows, strict=True)} == {
        name: text for name, (_, text) in values.items()
    }


def test_numbers_and_times_become_the_shortest_text() -> None:
    assert [as_text(value) for value in (1e20, 0.1, 1e-7, -2.0, 7)] == ["1" + "0" * 20, "0.1", "1e-07", "-2", "7"]
    assert as_text(time(5, 6)) == "05:06:00"
    assert as_text(timedelta(hours=30)) == "1 day, 6:00:00"


def test_cells_as_other_programs_write_them() -> None:
    rows = (
        '<row r="5"><c r="A5"><v>2</v></c><c r="B5" t="inlineStr"><is><r><t xml:space="preserve">Nguyễn </t></r><r>'
        '<rPr><b/></rPr><t>Văn An</t></r></is></c><c r="C5" t="str"><v>013185000124</v></c>'
        '<c r="D5" t="d"><v>2024-12-31</v></c></row>'
        '<row><c><v>3</v></c><c t="inlineStr"><is><t>B</t></is></c><c><v>1.3185000125E10</v></c></row>'
    )
    content = repacked(xlsx(simple(A)), {SHEET: lambda text: text.replace("</sheetData>", rows + "</sheetData>")})
    (records,) = part_of(content, "a.xlsx").records(SIMPLE)
    assert [tuple(row.values()) for row in records.table.to_pylist()] == [
        A_READ,
        ("Nguyễn Văn An", "013185000124", "2024-12-31"),
        ("B", "13185000125", ""),
    ]
    assert records.numbers.tolist() == [2, 5, 6]


def test_an_error_of_a_newer_excel_is_refused_with_its_cell() -> None:
    rows = '<row r="3"><c r="B3" t="e"><v>#SPILL!</v></c></row>'
    content = repacked(xlsx(simple(A)), {SHEET: lambda text: text.replace("</sheetData>", rows + "</sheetData>")})
    assert "thứ 1, ô B3: công thức báo lỗi" in refusal(content).vi


def test_a_workbook_that_counts_days_from_1904() -> None:
    content = xlsx(simple([1, "A", "013185000123", date(2024, 12, 31)]))
    moved = repacked(content, {BOOK: lambda text: text.replace("<workbookPr/>", '<workbookPr date1904="1"/>')})
    (records,) = part_of(moved, "a.xlsx").records(["chuc_vu"])
    assert records.table.to_pylist() == [{"chuc_vu": "2029-01-01"}]  # 1462 days later


def test_letters_of_columns() -> None:
    assert [letters(column) for column in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


# The header


def test_a_header_without_merged_cells() -> None:
    sheet = SheetOf()
    sheet.add("SỞ NỘI VỤ")
    sheet.add("STT", "Họ và tên", "Năm sinh", None, "CCCD")
    sheet.add(None, None, "Nam", "Nữ")
    sheet.add(1, "A", "1979", None, "013079000456")
    sheet.add(2, "B", None, "14/03/1985", "013185000123")
    rows, numbers, part = read_list(sheet, columns=["ho_ten", "ngay_sinh", "gioi_tinh", "so_dinh_danh"])
    assert rows == [("A", "1979", "Nam", "013079000456"), ("B", "14/03/1985", "Nữ", "013185000123")]
    assert numbers == [4, 5]
    assert part.notes == {}


def test_a_header_without_merged_cells_whose_lower_row_says_more() -> None:
    sheet = SheetOf()
    sheet.add("DANH SÁCH")
    sheet.add("STT", "Họ và tên", "CÔNG TÁC", None, None, None)
    sheet.add(None, None, "Số CCCD", "Chức vụ", "Mã đơn vị", "Trạng thái")
    sheet.add(1, "Người A", "013185000123", "Chuyên viên", "H29.07", None)
    rows, numbers, part = read_list(sheet, columns=SIMPLE)
    assert rows == [A_READ]
    assert numbers == [4]
    assert set(part.names) == {"STT", *SIMPLE, "ma_don_vi", "trang_thai"}


def test_a_heading_is_not_read_with_that_of_its_neighbour() -> None:
    sheet = SheetOf()
    sheet.add("STT", "Họ và tên", None, "Số CCCD", None)
    sheet.add(None, None, "Nam", None, "Ghi chú")
    sheet.merge(0, 0, 1, 0)
    sheet.merge(0, 1, 1, 1)
    sheet.add(1, "A", "x", "013185000123", None)
    assert set(read_list(sheet, columns=[])[2].names) == {"STT", "ho_ten", "Nam", "so_dinh_danh", "Ghi chú"}


def test_the_sex_nam_is_not_the_year_nam() -> None:
    sheet = SheetOf()
    sheet.add("STT", "Họ và tên", "Ngày sinh", None, "Số CCCD", "Năm", "Xếp loại")
    sheet.add(None, None, "Nam", "Nữ")
    sheet.merge(0, 2, 0, 3)
    for column in (0, 1, 4, 5, 6):
        sheet.merge(0, column, 1, column)
    sheet.add(1, "A", "01/01/1980", None, "013080000123", 2024, "HTTNV")
    rows, _, part = read_list(sheet, columns=["so_dinh_danh", "nam", "muc_xep_loai"], table="danh_gia")
    assert rows == [("013080000123", "2024", "HTTNV")]
    assert {"Ngày sinh Nam", "Ngày sinh Nữ"} < set(part.names)


@pytest.mark.parametrize("form", FORMATS)
def test_a_header_of_three_rows_with_groups(form: str) -> None:
    sheet = SheetOf()
    sheet.add("STT", "THÔNG TIN CÁ NHÂN", None, None, None, "CÔNG TÁC", None)
    sheet.add(None, "Họ và tên", "Ngày sinh", None, "Số định danh cá nhân", "Chức vụ", "Mã đơn vị")
    sheet.add(None, None, "Nam", "Nữ")
    for merge in ((0, 0, 2, 0), (0, 1, 0, 4), (0, 5, 0, 6), (1, 2, 1, 3), (1, 1, 2, 1), (1, 4, 2, 4), (1, 5, 2, 5)):
        sheet.merge(*merge)
    sheet.merge(1, 6, 2, 6)
    sheet.add(1, "A", None, date(1985, 3, 14), "013185000123", "Giám đốc", "H29.07")
    columns = ["ho_ten", "ngay_sinh", "gioi_tinh", "so_dinh_danh", "chuc_vu", "ma_don_vi"]
    rows, numbers, part = read_list(sheet, columns=columns, form=form)
    assert rows == [("A", "1985-03-14", "Nữ", "013185000123", "Giám đốc", "H29.07")]
    assert numbers == [4]
    assert set(part.names) == {"STT", *columns}


def test_dates_of_birth_under_both_sexes_keep_the_row_for_the_rule_on_dates() -> None:
    sheet = SheetOf()
    sheet.add("STT", "Họ và tên", "Ngày sinh (Nam)", "Ngày sinh (Nữ)", "Số CCCD")
    sheet.add(1, "A", "01/01/1980", "02/02/1981", "013185000123")
    sheet.add(2, "B", None, None, "013185000124")
    rows, _, _ = read_list(sheet, columns=["ngay_sinh", "gioi_tinh"])
    assert rows == [("01/01/1980 / 02/02/1981", "Nam / Nữ"), ("", "")]


def test_the_sex_as_a_tick_under_nam_or_nu() -> None:
    sheet = SheetOf()
    sheet.add("STT", "Họ và tên", "Giới tính", None, "Số CCCD")
    sheet.add(None, None, "Nam", "Nữ")
    sheet.merge(0, 2, 0, 3)
    sheet.add(1, "A", None, "x", "013185000123")
    rows, _, _ = read_list(sheet, columns=["gioi_tinh"])
    assert rows == [("Nữ",)]


def test_a_name_below_one_heading_over_two_columns() -> None:
    sheet = SheetOf()
    sheet.add("STT", "Họ và tên", None, "Số CCCD", "Chức vụ")
    sheet.merge(0, 1, 0, 2)
    sheet.add(1, "Nguyễn Văn", "An", "013185000123", None)
    assert read_list(sheet, columns=["ho_ten"])[0] == [("Nguyễn Văn An",)]


def test_spellings_of_headings_agree() -> None:
    sheet = simple(A, header=["SỐ TT", "HỌ VÀ  TÊN", "số\ncccd", "Chức vụ (nếu có)"])
    assert read_list(sheet, columns=SIMPLE)[0] == [A_READ]


def test_unknown_columns_are_given_and_told_apart() -> None:
    sheet = simple([*A, "a", "b", "c"], header=["STT", "Họ và tên", "Số CCCD", "Chức vụ", "Ghi chú", " ghi  CHÚ", None])
    sheet.rows[0][5] = "Ghi chú"
    rows, _, part = read_list(sheet, columns=["Ghi chú (E)", "Ghi chú (F)", "(G)"])
    assert rows == [("a", "b", "c")]
    assert set(part.names) == {"STT", *SIMPLE, "Ghi chú (E)", "Ghi chú (F)", "(G)"}


def test_a_row_of_labels_above_is_not_taken_for_the_header() -> None:
    sheet = SheetOf()
    sheet.add("Mã lớp", "L1", "Mã khóa học", "K1")
    sheet.add("STT", "Họ và tên", "Số CCCD", "Kết quả")
    sheet.add(1, "A", "013185000123", "Đạt")
    titles = {"ma_lop": "Mã lớp", "ma_khoa_hoc": "Mã khóa học"}
    rows, _, _ = read_list(
        sheet, columns=["ma_lop", "ma_khoa_hoc", "so_dinh_danh"], table="lop_boi_duong", title_fields=titles
    )
    assert rows == [("L1", "K1", "013185000123")]


def test_two_headings_of_one_column_are_refused_with_their_letters() -> None:
    sheet = simple([*A, "013185000123"], header=["STT", "Họ và tên", "Số CCCD", "Chức vụ", "Số định danh cá nhân"])
    error = refusal(xlsx(sheet))
    assert "các cột C, E" in error.vi and "columns C, E" in error.en


def test_no_header_is_refused_with_the_headings_looked_for() -> None:
    sheet = SheetOf()
    sheet.add("Kính gửi", "Sở Nội vụ")
    assert "ho ten" in refusal(xlsx(sheet)).vi
    far = SheetOf(rows=[["dòng"] for _ in range(60)])
    far.add("STT", "Họ và tên", "Số CCCD")
    assert "60 dòng đầu" in refusal(xlsx(far)).vi


# The rows


def test_layout_between_and_below_the_people() -> None:
    sheet = simple(
        ["(1)", "(2)", "(3)", "(4)"],
        ["A", "KHỐI VĂN PHÒNG"],
        A,
        [],
        ["STT", "Họ và tên", "Số CCCD", "Chức vụ"],
        [1, 2, 3, 4],
        ["II.", "Phòng Tổ chức", None, "12 người"],
        ["1.", "Người B", "013185000124", None],
        [2],
        ["Cộng", 1],
        ["Tổng số", 2],
        [None, "Ghi chú: số liệu đến 31/12/2024"],
    )
    rows, numbers, part = read_list(sheet, columns=SIMPLE)
    assert rows == [A_READ, B_READ]
    assert numbers == [4, 9]
    assert part.notes == {"section_rows": 2, "repeated_headings": 1, "numbered_rows_without_person": 1}


@pytest.mark.parametrize(
    "row",
    [
        [None, "Người C", "013185000125", None],
        [None, None, "013185000125", None],
        [None, "Người C", None, "Chuyên viên"],
        [None, "Tống Công Cộng", None, "Trưởng phòng"],
        [None, "Đoàn Văn Ban", None, "Giám đốc"],
        ["3a", "Người C", None, "Chuyên viên"],
        ["-", None, "013185000125", None],
        [None, "Người C", None, None],
        [None, None, None, "Chuyên viên"],
        [None, None, None, None, "chỉ có ghi chú"],
        [Error("#REF!"), "Người C", None, None],
        [3, None, None, "x"],
        [Formula("ROW()-1"), "Người C", "013185000125", None],
    ],
    ids=lambda row: str([str(cell)[:10] for cell in row]),
)
def test_whoever_may_be_a_person_is_kept(row: list[Value]) -> None:
    expected = tuple("" if cell is None else str(cell) for cell in row[1:4])
    for at in (1, 2, 3):
        people = [A, B]
        people.insert(at - 1, row)
        rows, numbers, _ = read_list(simple(*people), columns=SIMPLE)
        assert rows[at - 1] == expected
        assert numbers == [2, 3, 4]


def test_signatures_are_no_people() -> None:
    people = [*PEOPLE[:1]]
    sheet = SheetOf()
    staff_header(sheet)
    sheet.add(*staff_row(1, people[0]))
    staff_footer(sheet, 1)
    sheet.add()
    sheet.add(None, "Nơi nhận:\n- Như trên;\n- Lưu: VT", *[None] * 7, "Phạm Văn Ký")
    rows, numbers, part = read_list(sheet)
    assert rows == [PEOPLE_READ[0]]
    assert numbers == [9]
    assert part.notes == {}


def test_people_below_a_signature_are_people() -> None:
    sheet = simple(A, [None, "NGƯỜI LẬP BIỂU", None, "GIÁM ĐỐC"], [2, "Người B", "013185000124"])
    rows, numbers, _ = read_list(sheet, columns=SIMPLE)
    assert (rows[0], rows[-1], numbers[-1]) == (A_READ, B_READ, 4)


def test_a_list_without_running_numbers() -> None:
    sheet = simple(
        ["Người A", "013185000123", "Chuyên viên"],
        ["Phòng Cải cách hành chính"],
        ["Người B", "013185000124"],
        ["Tổng cộng: 2 người"],
        ["TP. Hồ Chí Minh, ngày 31 tháng 12 năm 2024"],
        ["Người ký", None, "Giám đốc"],
        header=["Họ và tên", "Số CCCD", "Chức vụ"],
    )
    rows, _, part = read_list(sheet, columns=SIMPLE)
    assert rows == [A_READ, B_READ]
    assert part.notes == {"section_rows": 1}


def test_gaps_and_repetitions_of_running_numbers_are_counted() -> None:
    def gaps(*numbers: Value) -> int:
        rows = [[number, "A", "013185000123", None] if number != "I" else ["I", "KHỐI"] for number in numbers]
        return read_list(simple(*rows), columns=SIMPLE)[2].notes.get("stt_gaps", 0)

    assert gaps(1, 2, 3) == 0
    assert gaps(2, 3) == 1
    assert gaps(1, 3, 3, 4) == 2
    assert gaps(1, 2, "I", 1, 2) == 0
    assert gaps(1, 2, 1, 2) == 1
    assert gaps("01", "02.", "3)") == 0


@pytest.mark.parametrize("form", FORMATS)
def test_running_numbers_may_be_formulas(form: str) -> None:
    sheet = simple([Formula("ROW()-1"), *A[1:]], [Formula("ROW()-1"), *B[1:]])
    rows, _, part = read_list(sheet, columns=SIMPLE, form=form)
    assert rows == [A_READ, B_READ]
    assert part.notes == {}


TOTALS: Sequence[tuple[list[Value], int]] = [
    (["Tổng cộng", 3], 3),
    (["Tổng cộng: 3 người"], 3),
    (["TỔNG CỘNG", None, 3], 3),
    (["Cộng:", None, None, 3], 3),
    ([None, "Tổng số: 3"], 3),
    (["Danh sách này có 3 người"], 3),
    (["Danh sách gồm có 03 (ba) đồng chí./."], 3),
    (["Ấn định danh sách có 3 công chức"], 3),
    (["Tổng số học viên: 3"], 3),
    (["Tổng cộng có 1.003 người"], 1003),
]


@pytest.mark.parametrize(("row", "printed"), TOTALS, ids=lambda value: str(value))
def test_a_printed_total_that_differs_is_refused_with_both_numbers(row: list[Value], printed: int) -> None:
    error = refusal(xlsx(simple(A, B, row)))
    assert f"dòng 4: ghi tổng số {printed} nhưng tìm thấy 2 dòng" in error.vi
    assert f"row 4: the total printed is {printed} but 2 rows were found" in error.en


@pytest.mark.parametrize(("row", "printed"), [total for total in TOTALS if total[1] == 3], ids=lambda value: str(value))
def test_a_printed_total_that_agrees_is_accepted(row: list[Value], printed: int) -> None:
    rows, _, _ = read_list(simple(A, B, [printed, "Người C", "013185000125"], row), columns=SIMPLE)
    assert len(rows) == printed


def test_totals_above_the_list_and_of_sections() -> None:
    sheet = SheetOf()
    sheet.add("DANH SÁCH CÁN BỘ, CÔNG CHỨC NĂM 2024")
    sheet.add("(Danh sách gồm 3 người, Tổng số tiết: 40)")
    sheet.add("STT", "Họ và tên", "Số CCCD", "Chức vụ")
    sheet.add("I", "KHỐI A")
    sheet.add(*A)
    sheet.add("Cộng", 1)
    sheet.add("II", "KHỐI B")
    sheet.add(1, "Người B", "013185000124")
    sheet.add(2, "Người C", "013185000125")
    subtotal = sheet.add("Cộng", 2)
    sheet.add("Tổng cộng", 3)
    assert len(read_list(sheet, columns=SIMPLE)[0]) == 3
    sheet.rows[subtotal - 1][1] = 4
    error = refusal(xlsx(sheet))
    assert (
        "dòng 10: ghi tổng số 4 nhưng tìm thấy 3 dòng trong cả trang tính, 2 dòng trong mục này. Kiểm tra" in error.vi
    )
    assert "is 4 but 3 rows were found on the whole sheet, 2 in this section. Check" in error.en
    sheet.rows[subtotal - 1][1], sheet.rows[1][0] = 2, "(Danh sách gồm 5 người)"
    assert "dòng 2: ghi tổng số 5 nhưng tìm thấy 3 dòng. Kiểm tra" in refusal(xlsx(sheet)).vi


def test_sums_in_the_row_of_totals_are_no_count_of_people() -> None:
    header = ["STT", "Họ và tên", "Số CCCD", "Chức vụ", "Hệ số lương"]
    assert len(read_list(simple(A, B, ["Tổng cộng", None, None, None, 7], header=header), columns=SIMPLE)[0]) == 2
    men_and_women = simple(
        [1, "A", "1980", None], [2, "B", None, "1981"], [3, "C", None, "1982"], ["Cộng", None, 1, 2],
        header=["STT", "Họ và tên", "Ngày sinh Nam", "Ngày sinh Nữ"],
    )  # fmt: skip
    assert len(read_list(men_and_women, columns=["ho_ten"])[0]) == 3


def test_a_second_table_in_the_sheet_is_refused() -> None:
    sheet = simple(A, [], ["STT", "Số CCCD", "Họ và tên"], [1, "013185000124", "Người B"])
    assert "dòng 4: có thêm một bảng" in refusal(xlsx(sheet)).vi


# What could hide or change a person


@pytest.mark.parametrize("form", FORMATS)
def test_hidden_rows_of_people_are_refused_and_hidden_layout_is_not(form: str) -> None:
    name = f"a.{form}"
    sheet = simple(["(1)", "(2)", "(3)", "(4)"], A, [], B)
    sheet.hidden_rows = {1, 3}
    assert read_list(sheet, columns=SIMPLE, form=form)[0] == [A_READ, B_READ]
    sheet.hidden_rows = {2, 4}
    error = refusal(FORMATS[form](sheet), name)
    assert "thứ 1: các dòng 3, 5 của danh sách đang bị ẩn hoặc bị lọc" in error.vi


def test_rows_without_height_and_folded_groups_are_hidden_too() -> None:
    content = xlsx(simple(A, B))
    flat = repacked(content, {SHEET: lambda text: text.replace('<row r="3"', '<row r="3" ht="0" customHeight="1"')})
    assert "dòng 3" in refusal(flat).vi
    assert part_of(content, "a.xlsx")

    def folded(text: str) -> str:
        first, second, third = re.findall(r"<table:table-row>.*?</table:table-row>", text)
        group = f'<table:table-row-group table:display="false">{second}</table:table-row-group>'
        return text.replace(first + second + third, first + group + third)

    assert "dòng 2 của" in refusal(repacked(ods(simple(A, B)), {"content.xml": folded}), "a.ods").vi


@pytest.mark.parametrize("form", FORMATS)
def test_hidden_columns_that_are_read_are_refused_and_others_are_not(form: str) -> None:
    sheet = simple(A, B)
    sheet.rows = [["Ghi chú", *values] for values in sheet.rows]
    sheet.hidden_columns = {0}
    assert read_list(sheet, columns=SIMPLE, form=form)[0] == [A_READ, B_READ]
    sheet.hidden_columns = {0, 3}
    error = refusal(FORMATS[form](sheet), f"a.{form}")
    assert "thứ 1: các cột D của danh sách đang bị ẩn" in error.vi
    assert "columns D of the list are hidden" in error.en


def test_columns_without_width_and_folded_groups_are_hidden_too() -> None:
    sheet = simple(A, B)
    sheet.hidden_columns = {2}
    unhidden = {SHEET: lambda text: text.replace('hidden="1"', "")}
    assert part_of(repacked(xlsx(sheet), unhidden), "a.xlsx")
    flat = {SHEET: lambda text: re.sub(r'hidden="1"( width="[^"]*")?', 'width="0"', text)}
    assert "các cột C " in refusal(repacked(xlsx(sheet), flat)).vi

    def folded(text: str) -> str:
        columns = '<table:table-column table:number-columns-repeated="2"/>'
        group = '<table:table-column-group table:display="false"><table:table-column/></table:table-column-group>'
        return text.replace("<table:table-row>", f"{columns}{group}<table:table-row>", 1)

    assert "các cột C " in refusal(repacked(ods(simple(A, B)), {"content.xml": folded}), "a.ods").vi


@pytest.mark.parametrize("form", FORMATS)
def test_hidden_sheets_with_data_are_refused_and_empty_ones_are_not(form: str) -> None:
    empty, full = SheetOf(is_hidden=True), SheetOf([["Kinh", "Hoa"]], is_hidden=True)
    assert len(read_list(plain_list(), empty, form=form)[0]) == 3
    assert "Trang tính thứ 2 đang bị ẩn" in refusal(FORMATS[form](plain_list(), full), f"a.{form}").vi


def test_very_hidden_sheets_are_hidden() -> None:
    content = xlsx(plain_list(), SheetOf([["Kinh"]], is_hidden=True))
    hidden = repacked(content, {BOOK: lambda text: text.replace('"hidden"', '"veryHidden"')})
    assert "thứ 2 đang bị ẩn" in refusal(hidden).vi


@pytest.mark.parametrize("form", FORMATS)
def test_formulas_in_known_columns_are_refused(form: str) -> None:
    error = refusal(FORMATS[form](simple(A, [2, "Người B", Formula("1+1"), None])), f"a.{form}")
    assert "thứ 1, cột C, dòng 3: có công thức" in error.vi and "column C, rows 3" in error.en


def test_formulas_below_the_list_could_be_people_too() -> None:
    assert "dòng 5" in refusal(xlsx(simple(A, B, [], [None, Formula('"Người"&" C"')]))).vi


def test_formulas_in_layout_and_in_columns_not_kept_are_tolerated() -> None:
    sheet = simple(
        [*A, Formula("3.66*1")],
        ["Tổng cộng", Formula("COUNTA(B2:B2)")],
        [None, "Người lập biểu", None, Formula("TODAY()")],
        header=["STT", "Họ và tên", "Số CCCD", "Chức vụ", "Hệ số lương"],
    )
    assert read_list(sheet, columns=SIMPLE)[0] == [A_READ]


# Several sheets


def test_every_sheet_of_the_list_is_read_and_numbered_by_its_sheet() -> None:
    cover, remarks = (
        SheetOf([["Kính gửi: Sở Nội vụ"]]),
        SheetOf([["Liên hệ", "0901 234 567"], ["Điện thoại", "0901234567"]]),
    )
    second = simple(
        [3, "013185000125", "Người C"], ["Tổng cộng", 3], header=["STT", "CCCD", "Họ tên", "Chức vụ", "Ghi chú"]
    )
    rows, numbers, part = read_list(cover, simple(A, B), SheetOf(), second, remarks, columns=[*SIMPLE, "Ghi chú"])
    assert rows == [(*A_READ, ""), (*B_READ, ""), ("Người C", "013185000125", "", "")]
    assert numbers == [20_000_002, 20_000_003, 40_000_002]
    assert part.notes == {"skipped_sheets": 2}


def test_sheets_with_other_columns_are_refused() -> None:
    other = simple([1, "Người B", "013185000124"], header=["STT", "Họ và tên", "Số CCCD"])
    assert "Trang tính thứ 1 và thứ 2 có tiêu đề khác nhau (chuc_vu)" in refusal(xlsx(simple(A), other)).vi


@pytest.mark.parametrize(
    "rows",
    [
        [["Người B", "013185000124"]],
        [["Người B", 13185000124]],
        [[1, "B", "P. A"], [2, "C", "P. A"], [3, "D", "P. B"]],
    ],
)
def test_a_sheet_with_people_but_without_header_is_refused(rows: list[list[Value]]) -> None:
    assert (
        "Trang tính thứ 2 có danh sách nhưng không tìm thấy dòng tiêu đề" in refusal(xlsx(simple(A), SheetOf(rows))).vi
    )


# Titles


RESULTS = [("Người A", "013185000123", "Đạt", "CN-1"), ("Người B", 13185000124, "Không đạt", None)]


@pytest.mark.parametrize("form", FORMATS)
def test_a_class_list_takes_class_course_and_date_from_its_titles(form: str) -> None:
    rows, numbers, part = read_list(
        class_list(RESULTS), columns=CLASS_COLUMNS, form=form, table="lop_boi_duong", title_fields=CLASS_TITLES
    )
    assert rows == [
        ("CCHC-07", "013185000123", "CCHC.2024", "2024-11-29", "Đạt", "CN-1"),
        ("CCHC-07", "13185000124", "CCHC.2024", "2024-11-29", "Không đạt", ""),
    ]
    assert numbers == [6, 7]
    assert {"Họ và tên", "Ngày sinh", "Ngày cấp", "Số tiết"} < set(part.names)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (["KẾT QUẢ"], "không tìm thấy"),
        (["Mã lớp:"], "không tìm thấy hoặc chưa điền"),
        (["Mã lớp: A", "Mã lớp: B"], "có nhiều giá trị khác nhau"),
        (["Mã lớp:", Formula("1+1"), "A"], "ghi bằng công thức"),
    ],
)
def test_a_title_that_is_missing_or_unclear_is_refused_by_its_label(cells: list[Value], problem: str) -> None:
    sheet = SheetOf([list(cells)])
    sheet.add("STT", "Họ và tên", "Số CCCD", "Kết quả")
    sheet.add(1, "Người A", "013185000123", "Đạt")
    error = refusal(xlsx(sheet), table="lop_boi_duong", title_fields={"ma_lop": "Mã lớp"})
    assert f"mục “Mã lớp” phía trên danh sách {problem}" in error.vi


def test_several_titles_in_one_cell() -> None:
    sheet = SheetOf([["Lớp bồi dưỡng\nMã lớp : L1; MÃ KHÓA HỌC:K1     Ngày kết thúc: 29/11/2024"]])
    sheet.add("STT", "Họ và tên", "Số CCCD", "Kết quả")
    sheet.add(1, "Người A", "013185000123", "Đạt")
    rows, _, _ = read_list(sheet, columns=CLASS_COLUMNS[:4], table="lop_boi_duong", title_fields=CLASS_TITLES)
    assert rows == [("L1", "013185000123", "K1", "29/11/2024")]


def test_a_title_that_is_also_a_column_is_refused() -> None:
    sheet = class_list(RESULTS)
    sheet.rows[4][9] = "Mã lớp"
    assert "ma_lop vừa là cột" in refusal(xlsx(sheet), table="lop_boi_duong", title_fields=CLASS_TITLES).vi


# Files that are not what they should be

PLAIN = {form: write(plain_list()) for form, write in FORMATS.items()}


@pytest.mark.parametrize(
    ("content", "name", "is_really"),
    [
        (b"<html><body><table><tr><td>STT</td></tr></table></body></html>", "a.xls", "trang web HTML"),
        ("\ufeff\r\n<!DOCTYPE HTML>\n<html>".encode(), "a.xls", "trang web HTML"),
        (b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="urn:schemas-microsoft-com:'
         b'office:spreadsheet">', "a.xls", "bảng tính XML 2003"),
        (b"<?xml version='1.0'?><a/>", "a.ods", "tệp XML"),
        ("STT,Họ và tên\n1,A\n".encode(), "a.xlsx", "tệp văn bản (CSV)"),
        ("STT\tHọ và tên\n".encode("utf-16"), "a.xls", "tệp văn bản (CSV)"),
        (b"%PDF-1.7\n", "a.xlsx", "tệp PDF"),
        (b"{\\rtf1 a}", "a.xls", "văn bản RTF"),
        (b"MIME-Version: 1.0\n", "a.xls", "trang web lưu trữ"),
        (b"\x89PNG\r\n\x1a\n\x00", "a.xlsx", "tệp ảnh"),
        (b"\x00\x01\x02\x03", "a.xlsx", "không nhận ra được"),
        (repacked(PLAIN["ods"], {"mimetype": lambda _: "application/vnd.oasis.opendocument.text"}), "a.ods", ".zip"),
    ],
)  # fmt: skip
def test_another_kind_of_file_is_called_by_its_name(content: bytes, name: str, is_really: str) -> None:
    assert is_really in refusal(content, name).vi


def as_zip(*names: str) -> bytes:
    """An archive of empty parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return target.getvalue()


@pytest.mark.parametrize(
    ("part", "is_really"),
    [
        ("word/document.xml", ".docx"),
        ("xl/workbook.bin", ".xlsb"),
        ("ppt/presentation.xml", ".pptx"),
        ("a.csv", ".zip"),
    ],
)
def test_other_archives_are_called_by_their_name(part: str, is_really: str) -> None:
    assert is_really in refusal(as_zip(part)).vi


def renamed_stream(content: bytes, name: str) -> bytes:
    """An OLE2 file whose stream ``Workbook`` is called otherwise."""
    entry = content.index("Workbook".encode("utf-16-le"))
    encoded = name.encode("utf-16-le").ljust(64, b"\x00")
    return content[:entry] + encoded + (2 * len(name) + 2).to_bytes(2, "little") + content[entry + 66 :]


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        ("WordDocument", "văn bản Word (.doc)"),
        ("Book", "Excel 95"),
        ("EncryptedPackage", "có mật khẩu"),
        ("x", "không nhận"),
    ],
)
def test_other_ole_files_are_called_by_their_name(stream: str, problem: str) -> None:
    assert problem in refusal(renamed_stream(PLAIN["xls"], stream), "a.xls").vi


@pytest.mark.parametrize(
    ("form", "name"), [("xls", "a.xlsx"), ("xlsx", "a.xls"), ("ods", "a.xlsx"), ("xlsx", "a.xlsm")]
)
def test_a_name_that_does_not_fit_the_content_is_refused(form: str, name: str) -> None:
    error = refusal(PLAIN[form], name)
    assert f"đuôi tên thành .{form}" in error.vi and f"(.{form})" in error.en


@pytest.mark.parametrize("name", ["H29.07/~$20241231.xlsx", "H29.07/.~lock.a.ods#"])
def test_lock_files_are_refused(name: str) -> None:
    assert "tệp khóa tạm" in refusal(b"\x05admin", name).vi


def test_empty_and_huge_files_are_refused() -> None:
    assert "Tệp rỗng" in refusal(b"").vi
    assert "lớn hơn 50 MB" in refusal(bytes((50 << 20) + 1)).vi
    assert "không nhận ra" in refusal(bytes(1000)).vi


def test_passwords_are_refused_in_every_format() -> None:
    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(PLAIN["xlsx"])).encrypt("bí mật", locked)
    old = PLAIN["xls"].replace(b"\x42\x00\x02\x00", b"\x2f\x00\x02\x00", 1)  # CODEPAGE becomes FILEPASS
    data = '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>'
    manifest = {
        "META-INF/manifest.xml": lambda text: text.replace("</manifest:manifest>", data + "</manifest:manifest>")
    }
    open_document = repacked(PLAIN["ods"], {**manifest, "content.xml": lambda _: "\x01\x02"})
    flags = bytearray(as_zip("xl/workbook.xml"))
    flags[flags.index(b"PK\x01\x02") + 8] |= 1
    for content, name in (
        (locked.getvalue(), "a.xlsx"), (old, "a.xls"), (open_document, "a.ods"), (bytes(flags), "a.xlsx"),
    ):  # fmt: skip
        assert "Bỏ mật khẩu" in refusal(content, name).vi


def test_macros_are_refused_in_every_format() -> None:
    entry = PLAIN["xls"].index("Workbook".encode("utf-16-le")) + 128
    project = "_VBA_PROJECT_CUR".encode("utf-16-le").ljust(64, b"\x00") + (34).to_bytes(2, "little") + b"\x01"
    sheet = PLAIN["xls"].index(b"\x85\x00")
    script = {
        "content.xml": lambda text: text.replace(
            "<office:body>", "<office:scripts><office:script/></office:scripts><office:body>"
        )
    }
    for content, name in (
        (repacked(PLAIN["xlsx"], {}, xl__vbaProject__bin=b"x"), "a.xlsx"),
        (repacked(PLAIN["xlsx"], {}, xl__macrosheets__sheet1__xml=b"<a/>"), "a.xlsx"),
        (PLAIN["xls"][:entry] + project + PLAIN["xls"][entry + 67 :], "a.xls"),
        (PLAIN["xls"][: sheet + 9] + b"\x01" + PLAIN["xls"][sheet + 10 :], "a.xls"),
        (repacked(PLAIN["ods"], {}, Basic__Standard__Module1__xml=b"<a/>"), "a.ods"),
        (repacked(PLAIN["ods"], script), "a.ods"),
    ):
        assert "Tệp có chứa macro" in refusal(content, name).vi


def test_links_to_elsewhere_are_refused_in_every_format() -> None:
    two = xls(plain_list(), SheetOf([[Formula("'Trang 1'!A1")]]))
    elsewhere = two.replace(b"\xae\x01\x04\x00\x02\x00\x01\x04", b"\xae\x01\x04\x00\x02\x00\x05\x00")
    assert elsewhere != two
    source = {
        "content.xml": lambda text: text.replace(
            "<table:table-row>",
            '<table:table-source xlink:href="b.ods" xmlns:xlink="http://www.w3.org/1999/xlink"/><table:table-row>',
            1,
        )
    }
    for content, name in (
        (repacked(PLAIN["xlsx"], {}, xl__externalLinks__externalLink1__xml=b"<a/>"), "a.xlsx"),
        (elsewhere, "a.xls"),
        (repacked(PLAIN["ods"], source), "a.ods"),
    ):
        assert "Break Link" in refusal(content, name).vi
    (records,) = part_of(two, "a.xls").records(["ho_ten"])  # linked to its own sheets only
    assert records.numbers.tolist() == [2, 3, 4]


ENTITY = '<!DOCTYPE a [<!ENTITY b "b">]>'


@pytest.mark.parametrize(
    ("form", "part"),
    [("xlsx", SHEET), ("xlsx", "xl/sharedStrings.xml"), ("xlsx", "xl/styles.xml"), ("ods", "content.xml"),
     ("ods", "META-INF/manifest.xml")],
)  # fmt: skip
def test_document_types_and_entities_are_refused_in_every_part(form: str, part: str) -> None:
    def declared(text: str) -> str:
        start = text.index("?>") + 2 if text.startswith("<?") else 0
        return text[:start] + ENTITY + text[start:]

    assert "DTD" in refusal(repacked(PLAIN[form], {part: declared}), f"a.{form}").vi


# Limits


def with_rows(rows: str) -> bytes:
    """The plain list with rows of XML below."""
    return repacked(PLAIN["xlsx"], {SHEET: lambda text: text.replace("</sheetData>", rows + "</sheetData>")})


def with_ods_row(row: str) -> bytes:
    """The plain list with a row of XML below."""
    return repacked(PLAIN["ods"], {"content.xml": lambda text: text.replace("</table:table>", row + "</table:table>")})


OF_TEXT = 'office:value-type="string"><text:p>a</text:p></table:table-cell>'


@pytest.mark.parametrize(
    ("content", "name", "limit"),
    [
        (with_rows('<row r="200001"><c r="A200001"><v>1</v></c></row>'), "a.xlsx", "200,000 dòng"),
        (with_rows('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "a.xlsx", "200,000 dòng"),
        (with_rows('<row r="9"><c r="SG9"><v>1</v></c></row>'), "a.xlsx", "500 cột"),
        (with_rows('<row r="200000"><c r="SF200000"><v>1</v></c></row>'), "a.xlsx", "4,000,000 ô"),
        (with_ods_row(f'<table:table-row table:number-rows-repeated="1000000000"><table:table-cell {OF_TEXT}'
                      "</table:table-row>"), "a.ods", "200,000 dòng"),
        (with_ods_row(f'<table:table-row><table:table-cell table:number-columns-repeated="1000000000" {OF_TEXT}'
                      "</table:table-row>"), "a.ods", "500 cột"),
        (xlsx(*(SheetOf([["a"]]) for _ in range(101))), "a.xlsx", "101 trang tính"),
        (xls(*(SheetOf([["a"]]) for _ in range(101))), "a.xls", "101 trang tính"),
        (ods(*(SheetOf([["a"]]) for _ in range(101))), "a.ods", "101 trang tính"),
        (as_zip("xl/workbook.xml", *(f"xl/{number}" for number in range(2000))), "a.xlsx", "khi giải nén quá lớn"),
    ],
)  # fmt: skip
def test_sizes_beyond_the_limits_are_refused(content: bytes, name: str, limit: str) -> None:
    assert limit in refusal(content, name).vi


def test_sheets_together_keep_the_limit_of_cells() -> None:
    wide = SheetOf([["a"], *([] for _ in range(149_998)), [*[None] * 13, "a"]])
    wide.rows[-1][0] = "b"
    sheets = [wide, wide]
    assert "4,000,000 ô" in refusal(xlsx(*sheets)).vi


@pytest.mark.parametrize(
    ("rows", "form"),
    [
        ('<row r="1048576"><c r="XFD1048576" s="1"/></row>', "xlsx"),
        ('<table:table-row table:number-rows-repeated="1048000"><table:table-cell'
         ' table:number-columns-repeated="16384"/></table:table-row>', "ods"),
    ],
)  # fmt: skip
def test_formatted_empty_cells_cost_nothing(rows: str, form: str) -> None:
    content = with_rows(rows) if form == "xlsx" else with_ods_row(rows)
    (records,) = part_of(content, f"a.{form}").records(["ho_ten"])
    assert records.numbers.tolist() == [2, 3, 4]


def test_a_zip_bomb_is_refused_whatever_size_it_states() -> None:
    target = io.BytesIO(PLAIN["xlsx"])
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", bytes(64 << 20))
    honest = target.getvalue()
    assert "khi giải nén quá lớn" in refusal(honest).vi
    stated = (64 << 20).to_bytes(4, "little")
    assert honest.count(stated) == 2
    assert "khi giải nén quá lớn" in refusal(honest.replace(stated, (100).to_bytes(4, "little"))).vi


def test_one_long_text_in_many_cells_swells_only_the_process_that_reads_cells() -> None:
    rows = "".join(f'<row r="{row}">' + '<c t="s"><v>0</v></c>' * 20 + "</row>" for row in range(10, 600))
    text = {"xl/sharedStrings.xml": lambda strings: strings.replace("<t>", f"<t>{'a' * 32_000}", 1)}
    assert "chứa quá nhiều chữ" in refusal(repacked(with_rows(rows), text)).vi


def test_a_chain_of_short_sectors_without_end_is_refused() -> None:
    content = bytearray(PLAIN["xls"])
    assert len(content) == 512 + 10 * 512  # the stream in sectors 0 to 7, allocation table, directory

    def put(at: int, *numbers: int) -> None:
        content[at : at + 4 * len(numbers)] = b"".join(number.to_bytes(4, "little", signed=True) for number in numbers)

    put(56, 1 << 30)  # all smaller streams are short
    put(60, 10, 1)  # the chains of short sectors are told by sector 10
    put(512 + 8 * 512 + 4 * 10, -2)  # which is the only one
    put(512 + 9 * 512 + 116, 0, 4096)  # short sectors lie in the sectors from 0 on
    put(len(content), *range(128))  # and each is followed by itself
    assert "bị hỏng" in refusal(bytes(content), "a.xls").vi


def test_two_parts_of_one_name_are_refused() -> None:
    target = io.BytesIO(PLAIN["xlsx"])
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(SHEET.upper(), b"<worksheet/>")
    assert "bị hỏng" in refusal(target.getvalue()).vi


# Everything at once

LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậéèẻẽẹíìỉĩịóòỏõọúùủũụ ABĐTỐNG.-/(),'&"
TEXTS = st.text(LETTERS, min_size=1, max_size=12).map(lambda text: " ".join(text.split())).filter(bool)
POSTS = st.sampled_from([None, "Trưởng phòng", "Giám đốc", "Tổng cộng", "Ghi chú", "I", "STT", "Họ và tên", "(1)"])
BIRTHS = st.one_of(st.dates(date(1950, 1, 1), date(2005, 12, 31)), st.sampled_from(["1985", "14/03/1985", "12/1985"]))
STAFF = st.fixed_dictionaries(
    {
        "ho_ten": st.one_of(TEXTS, st.sampled_from(["Tống Cộng", "Nam", "Cộng", "I. Phòng", "Giám đốc"])),
        "so_dinh_danh": st.integers(10**9, 10**10 - 1).map(lambda number: f"01{number}"),
        "so_hieu": st.one_of(st.none(), TEXTS),
        "ngay_sinh": BIRTHS,
        "gioi_tinh": st.sampled_from(["Nam", "Nữ"]),
        "nhom": st.sampled_from(["CC", "VC", "CB"]),
        "ma_don_vi": st.sampled_from(["H29.07", "000.00.07.H29"]),
        "chuc_vu": POSTS,
        "la_lanh_dao": st.sampled_from([None, "x", "ü", "✓"]),
        "trang_thai": st.sampled_from(["Đang công tác", None]),
        "ngay_vao_co_quan": st.one_of(st.none(), BIRTHS),
    }
)
SECTIONS = st.lists(
    st.tuples(st.sampled_from(["label", "merged", "none"]), TEXTS, st.lists(STAFF, max_size=4), st.integers(0, 2)),
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(SECTIONS, st.sampled_from(sorted(FORMATS)), st.sampled_from(["running", "restarting", "formula"]))
def test_any_people_come_out_of_the_full_layout_exactly(
    sections: list[tuple[str, str, list[dict[str, Value]], int]], form: str, stt: str
) -> None:
    sheet = SheetOf()
    staff_header(sheet)
    expected, numbers, titles = [], [], 0
    for style, title, people, blanks in sections:
        if style == "label":
            sheet.add("II", title)
        if style == "merged":
            sheet.add(None, title)
            sheet.merge(len(sheet.rows) - 1, 1, len(sheet.rows) - 1, 16)
        titles += style != "none"
        for place, person in enumerate(people, 1):
            restarts = stt == "restarting" and style != "none"
            number: Value = place if restarts else len(expected) + 1
            numbers.append(sheet.add(*staff_row(Formula("ROW()-8") if stt == "formula" else number, person)))
            expected.append(tuple("" if person[column] is None else str(person[column]) for column in STAFF_COLUMNS))
        for _ in range(blanks):
            sheet.add()
    staff_footer(sheet, len(expected))
    rows, found, part = read_list(sheet, form=form)
    assert rows == expected
    assert found == numbers
    assert part.notes.get("section_rows", 0) == titles


def damage(content: bytes, dice: random.Random) -> bytes:
    """The content cut off, with flipped bits, with other numbers, or with a hole."""
    damaged = bytearray(content)
    match dice.randrange(4):
        case 0:
            del damaged[dice.randrange(len(damaged)) :]
        case 1:
            for _ in range(dice.randrange(1, 9)):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        case 2:
            for _ in range(dice.randrange(1, 4)):
                at = dice.randrange(len(damaged))
                damaged[at : at + 4] = dice.choice([b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f", b"\x01\x00\x00\x80"])
        case _:
            at = dice.randrange(len(damaged))
            del damaged[at : at + dice.randrange(1, 400)]
    return bytes(damaged)


def damage_inside(content: bytes, dice: random.Random) -> bytes:
    """An archive with one damaged part, whose checksums are right."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        victim = dice.choice(source.namelist())
        for name in source.namelist():
            archive.writestr(name, damage(source.read(name), dice) if name == victim else source.read(name))
    return target.getvalue()


def other_values(content: bytes, dice: random.Random) -> bytes:
    """An archive with well-formed parts, where a few attributes and texts are nonsense."""
    nonsense = ["0", "-1", "99999999999", "XFD1048576", "A0", "", "e", "s", "d", "1e400", "#N/A", "PT", "date", "float"]

    def changed(text: str) -> str:
        places = list(re.finditer(r'(?<==")[^"]*(?=")|(?<=>)[^<]+(?=<)', text))
        for place in sorted(dice.sample(places, min(3, len(places))), key=lambda place: -place.start()):
            text = text[: place.start()] + dice.choice(nonsense) + text[place.end() :]
        return text

    parts = ["content.xml", "META-INF/manifest.xml"]
    if SHEET.encode() in content:
        parts = [SHEET, BOOK, "xl/styles.xml", "xl/sharedStrings.xml"]
    return repacked(content, {dice.choice(parts): changed})


@pytest.mark.parametrize(
    ("form", "harm", "times"),
    [("xlsx", damage, 60), ("xls", damage, 100), ("ods", damage, 60), ("xlsx", damage_inside, 40),
     ("ods", damage_inside, 40), ("xlsx", other_values, 40), ("ods", other_values, 40)],
)  # fmt: skip
def test_damaged_workbooks_are_read_or_refused(
    form: str, harm: Callable[[bytes, random.Random], bytes], times: int
) -> None:
    content, dice = FORMATS[form](staff_list()), random.Random(f"{form} {harm.__name__}")
    refused = 0
    for _ in range(times):
        try:
            part = part_of(harm(content, dice), f"a.{form}")
            assert len(list(part.records(part.names))) == 1
        except UnreadableFile:
            refused += 1
    assert refused > times // 6


def test_names_that_come_from_the_file_keep_the_refusals_clean() -> None:
    """A sheet may be called after a person: refusals speak of sheets by their place."""
    content = xlsx(simple(A), SheetOf([["a"]], is_hidden=True))
    named = {BOOK: lambda text: text.replace("Trang 2", "Trần Văn Út 013185000123")}
    assert "Trang tính thứ 2" in refusal(repacked(content, named)).vi
