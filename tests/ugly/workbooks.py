"""Problems 17 to 19: how offices lay out lists in workbooks, and workbooks that hide something."""

import io
from datetime import date

from msoffcrypto.format.ooxml import OOXMLFile

from tests.spreadsheets import (
    CLASS_TITLES,
    FORMATS,
    Formula,
    SheetOf,
    class_list,
    staff_footer,
    staff_header,
    staff_list,
    staff_row,
    xls,
    xlsx,
)
from tests.ugly.delivery import (
    HEADINGS,
    STAFF_VALUES,
    Delivery,
    Row,
    Staff,
    csv_text,
    sheet_of,
    spoken,
    ugly,
    without,
)
from tests.unit.test_encodings import tcvn3, vni

BOOK = "danh_sach.xlsx"
FEED = {"table": "nhan_su", "files": BOOK, "dialect": "spreadsheet", "values": STAFF_VALUES, "dates": "day_first"}


@ugly("05-tcvn3-in-a-workbook")
def tcvn3_in_a_workbook(staff: Staff) -> Delivery:
    """5: names typed with the font .VnTime, all else in Unicode: the file is Unicode, its names are not."""
    rows = spoken(staff(4))
    typed = [row | {"ho_ten": tcvn3(row["ho_ten"]).decode("cp1252")} for row in rows]
    return Delivery(
        feeds=[FEED],
        files={BOOK: xlsx(staff_list(typed))},
        rejected="chữ được gõ bằng phông TCVN3 (ABC), không phải Unicode. Chuyển mã sang Unicode (UniKey",
    )


@ugly("06-vni-in-a-workbook")
def vni_in_a_workbook(staff: Staff) -> Delivery:
    """6: a whole list, headings too, typed with VNI fonts."""
    headings = {column: vni(heading).decode("cp1252") for column, heading in HEADINGS.items()}
    rows = [{column: vni(cell).decode("cp1252") for column, cell in row.items()} for row in spoken(staff(4))]
    return Delivery(
        feeds=[FEED | {"files": "danh_sach.xls"}],
        files={"danh_sach.xls": xls(sheet_of(rows, headings))},
        rejected="chữ được gõ bằng phông VNI-Windows, không phải Unicode",
    )


@ugly("17-office-layout")
def office_layout(staff: Staff) -> Delivery:
    """17: titles, a header of two rows, column numbers, sections, blank rows, totals and signatures, in all formats."""
    rows = staff(9)
    files = {
        f"{form}/danh_sach.{form}": FORMATS[form](staff_list(spoken(rows[3 * at : 3 * at + 3])))
        for at, form in enumerate(FORMATS)
    }
    return Delivery(
        feeds=[FEED | {"files": "{part}/danh_sach.*"}],
        files=files,
        same_as={"nhan_su": rows},
        notes={"section_rows": 6},
        forbidden=("ethnicity",),
    )


@ugly("17-class-list")
def class_list_with_titles(staff: Staff) -> Delivery:
    """17: a class list that states class, course and date once, above the list."""
    people = staff(3)
    marks = ("Đạt", "đạt yêu cầu", "KHÔNG ĐẠT")
    results = [(row["ho_ten"], row["so_dinh_danh"], mark, "CN-1") for row, mark in zip(people, marks, strict=True)]
    clean: list[Row] = [
        {"ma_lop": "CCHC-07", "ma_khoa_hoc": "CCHC.2024", "ngay_hoan_thanh": "2024-11-29", "ket_qua": result,
         "so_dinh_danh": row["so_dinh_danh"]}
        for row, result in zip(people, ("DAT", "DAT", "KHONG_DAT"), strict=True)
    ]  # fmt: skip
    return Delivery(
        feeds=[
            {
                "table": "lop_boi_duong",
                "files": "*.xlsx",
                "dialect": "spreadsheet",
                "values": {"ket_qua": "course_result"},
                "options": {"title_fields": CLASS_TITLES},
            }
        ],
        files={"CCHC-07.xlsx": xlsx(class_list(results))},
        same_as={"lop_boi_duong": clean},
    )


@ugly("17-list-of-things")
def list_of_things(_: Staff) -> Delivery:
    """17: a list without people and running numbers: no row is taken for a heading ("Loại" over "Tài liệu") or, as it
    begins with TL, for a signature; signatures are none of its rows."""
    rows: list[Row] = [{"ma_hoc_lieu": code, "loai": "TAI_LIEU"} for code in ("TL-01", "TL 17", "Q-3")]
    sheet = sheet_of(rows, {"ma_hoc_lieu": "Mã học liệu", "loai": "Loại", "ten": "Tên", "quoc_gia": "Nước"})
    sheet.add("NGƯỜI LẬP BIỂU", "GIÁM ĐỐC")
    return Delivery(
        feeds=[{"table": "danh_muc_hoc_lieu", "files": BOOK, "dialect": "spreadsheet"}],
        files={BOOK: xlsx(sheet)},
        same_as={"danh_muc_hoc_lieu": rows},
    )


@ugly("17-no-header")
def no_header(staff: Staff) -> Delivery:
    """17: people without any headings."""
    sheet = SheetOf()
    for number, row in enumerate(staff(3), 1):
        sheet.add(number, row["ho_ten"], row["so_dinh_danh"], "H29.02")
    return Delivery(
        feeds=[FEED],
        files={BOOK: xlsx(sheet)},
        rejected="có danh sách nhưng không tìm thấy dòng tiêu đề cột",
    )


@ugly("17-wrong-total")
def wrong_total(staff: Staff) -> Delivery:
    """17: fewer people than the list itself says."""
    sheet = staff_list(spoken(staff(3)))
    sheet.rows = [[4 if cell == 3 and row[0] == "Tổng cộng" else cell for cell in row] for row in sheet.rows]
    return Delivery(
        feeds=[FEED],
        files={BOOK: xlsx(sheet)},
        rejected="dòng 15: ghi tổng số 4 nhưng tìm thấy 3",
    )


@ugly("17-missing-column")
def missing_column(staff: Staff) -> Delivery:
    """17: a list without a column that the warehouse needs."""
    sheet = staff_list(spoken(staff(3)))
    sheet.rows[5] = ["Tình hình" if cell == "Trạng thái" else cell for cell in sheet.rows[5]]
    return Delivery(feeds=[FEED], files={BOOK: xlsx(sheet)}, rejected="thiếu cột trang_thai", forbidden=("ethnicity",))


@ugly("18-running-numbers")
def running_numbers(staff: Staff) -> Delivery:
    """18: running numbers that start anew, stand there twice, jump, or are formulas: never a key, gaps are counted."""
    rows = staff(6)
    people = spoken(rows)
    sheet = SheetOf()
    staff_header(sheet)
    for title, numbered in (
        ("I. LÃNH ĐẠO SỞ", [(1, people[0]), (2, people[1])]),
        ("II. VĂN PHÒNG", [(1, people[2]), (1, people[3]), (4, people[4])]),
        ("III. PHÒNG CẢI CÁCH HÀNH CHÍNH", [(Formula("ROW()-7"), people[5])]),
    ):
        sheet.add(title)
        for number, person in numbered:
            sheet.add(*staff_row(number, person))
    staff_footer(sheet, 6)
    return Delivery(
        feeds=[FEED],
        files={BOOK: xlsx(sheet)},
        same_as={"nhan_su": rows},
        notes={"section_rows": 3, "stt_gaps": 2},
        forbidden=("ethnicity",),
    )


@ugly("18-formulas")
def formulas(staff: Staff) -> Delivery:
    """18: a formula where a value of a person should be."""
    sheet = staff_list(spoken(staff(3)))
    sheet.rows[9][14] = Formula('IF(TRUE,"Đang công tác","")')
    return Delivery(
        feeds=[FEED],
        files={BOOK: xlsx(sheet)},
        rejected="cột O, dòng 10: có công thức. Chép cột này rồi dán dạng giá trị",
    )


@ugly("19-several-sheets")
def several_sheets(staff: Staff) -> Delivery:
    """19: a sheet per office, and a cover sheet without a list; whoever is quarantined is found by sheet and row."""
    rows = staff(6)
    cover, wrong = SheetOf([["SỞ NỘI VỤ"], ["Kính gửi: Phòng CCHC"]]), spoken(rows)
    wrong[5]["trang_thai"] = "chờ xử lý"
    return Delivery(
        feeds=[FEED],
        files={BOOK: xlsx(cover, staff_list(wrong[:3]), staff_list(wrong[3:]))},
        same_as={"nhan_su": rows[:5]},
        quarantined={30000014: ("BAD_ENUM", "19-several-sheets/danh_sach.xlsx, trang tính | sheet 3, dòng | row 14")},
        notes={"section_rows": 4, "skipped_sheets": 1},
        forbidden=("ethnicity",),
    )


@ugly("19-hidden-rows")
def hidden_rows(staff: Staff) -> Delivery:
    """19: a filter that was left on."""
    sheet = staff_list(spoken(staff(3)))
    sheet.hidden_rows = {9}
    return Delivery(
        feeds=[FEED], files={BOOK: xlsx(sheet)}, rejected="các dòng 10 của danh sách đang bị ẩn hoặc bị lọc. Bỏ lọc"
    )


@ugly("19-hidden-sheet")
def hidden_sheet(staff: Staff) -> Delivery:
    """19: a sheet that nobody sees."""
    hidden = staff_list(spoken(staff(3)))
    hidden.is_hidden = True
    return Delivery(
        feeds=[FEED],
        files={BOOK: xlsx(staff_list(spoken(staff(3))), hidden)},
        rejected="Trang tính thứ 2 đang bị ẩn mà có dữ liệu. Bỏ ẩn trang",
    )


@ugly("19-lock-file")
def lock_file(staff: Staff) -> Delivery:
    """19: Excel's lock file instead of the list."""
    lock = "~$danh_sach.xlsx"
    return Delivery(
        feeds=[FEED | {"files": "{part}/*.xlsx"}],
        files={f"so_noi_vu/{lock}": b"\x09Nguoi dung" + b" " * 154},
        rejected="Đây là tệp khóa tạm của Excel",
    )


@ugly("19-lock-file-beside")
def lock_file_beside(staff: Staff) -> Delivery:
    """19: the list, copied while it was open: its lock file came with it and is no second list."""
    rows = staff(3)
    return Delivery(
        feeds=[FEED | {"files": "{part}/*.xlsx"}],
        files={
            "so_noi_vu/~$danh_sach.xlsx": b"\x09Nguoi dung" + b" " * 154,
            "so_noi_vu/danh_sach.xlsx": xlsx(staff_list(spoken(rows))),
        },
        same_as={"nhan_su": rows},
        notes={"section_rows": 2},
        forbidden=("ethnicity",),
    )


@ugly("19-renamed")
def renamed(staff: Staff) -> Delivery:
    """19: an .xls that was given the name .xlsx."""
    return Delivery(
        feeds=[FEED],
        files={BOOK: xls(staff_list(spoken(staff(3))))},
        rejected="Nội dung tệp là sổ tính Excel 97-2003 (.xls) nhưng đuôi tên tệp ghi khác",
    )


@ugly("19-web-page")
def web_page(staff: Staff) -> Delivery:
    """19: a web page that was saved as .xls."""
    cells = "".join(f"<tr><td>{row['ho_ten']}</td><td>{row['so_dinh_danh']}</td></tr>" for row in staff(2))
    page = f"<html><head><meta charset='utf-8'></head><body><table>{cells}</table></body></html>"
    return Delivery(
        feeds=[FEED | {"files": "danh_sach.xls"}],
        files={"danh_sach.xls": page.encode()},
        rejected="Tệp này thực ra là trang web HTML",
    )


@ugly("19-csv-as-workbook")
def csv_as_workbook(staff: Staff) -> Delivery:
    """19: a text that was given the name of a workbook."""
    return Delivery(
        feeds=[FEED],
        files={BOOK: csv_text(staff(2)).encode()},
        rejected="Tệp này thực ra là tệp văn bản (CSV)",
    )


@ugly("19-workbook-as-csv")
def workbook_as_csv(staff: Staff) -> Delivery:
    """19: a workbook from a sender who is configured to send CSV."""
    return Delivery(
        feeds=[{"table": "nhan_su", "files": "danh_sach.csv"}],
        files={"danh_sach.csv": xlsx(staff_list(spoken(staff(2))))},
        rejected="khai báo là UTF-8 nhưng thực ra là sổ tính Excel",
    )


@ugly("19-password")
def password(staff: Staff) -> Delivery:
    """19: a workbook with a password."""
    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(xlsx(staff_list(spoken(staff(3)))))).encrypt("mat khau", locked)
    return Delivery(feeds=[FEED], files={BOOK: locked.getvalue()}, rejected="Tệp có mật khẩu. Bỏ mật khẩu")


@ugly("33-everything-in-one-workbook")
def everything_in_one_workbook(staff: Staff) -> Delivery:
    """Several at once: the whole layout, numbers that lost their zero, births of three kinds, NBSP, units by name."""
    rows = without(staff(4), "so_hieu")
    people = spoken(rows)
    people[0] |= {"so_dinh_danh": int(rows[0]["so_dinh_danh"]), "ngay_sinh": date(1965, 1, 1)}
    people[1] |= {"ngay_sinh": 1966, "ma_don_vi": "UBND xã\u00a0Phú  Hòa Đông", "la_lanh_dao": 1}
    people[2] |= {"so_dinh_danh": f"'{rows[2]['so_dinh_danh']}", "la_lanh_dao": True, "ma_don_vi": "H29.02\n"}
    people[3] |= {"ngay_sinh": "31/12/68", "ma_don_vi": "Quận Một"}
    clean = [
        rows[0],
        rows[1] | {"ngay_sinh": "", "ma_don_vi": "H29.27541", "la_lanh_dao": "x"},
        rows[2],
    ]
    return Delivery(
        feeds=[FEED | {"units": "code_or_name"}],
        files={BOOK: xlsx(staff_list(people))},
        same_as={"nhan_su": clean},
        quarantined={15: ("BAD_DATE", "Cột ngay_sinh phải là")},
        repaired=2,
        notes={"ngay_sinh_without_day": 1, "section_rows": 2, "units_not_known": 1},
        forbidden=("ethnicity",),
    )
