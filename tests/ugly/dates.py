"""Problems 11 to 13 and 27: how dates are written, and dates that cannot be."""

from datetime import date

from tests.spreadsheets import SheetOf, repacked, xlsx
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
    with_cells,
)

LIST = "danh_sach.csv"
BOOK = "danh_sach.xlsx"
DAY_FIRST = {"table": "nhan_su", "files": LIST, "options": {"headings": "known"}, "values": STAFF_VALUES,
             "dates": "day_first"}  # fmt: skip
SERIAL = DAY_FIRST | {"dates": "day_first_or_serial"}
WORKBOOK = {"table": "nhan_su", "files": BOOK, "dialect": "spreadsheet", "values": STAFF_VALUES,
            "dates": "day_first"}  # fmt: skip
BAD_BIRTH = ("BAD_DATE", "Cột ngay_sinh phải là YYYY-MM-DD hoặc DD/MM/YYYY")


@ugly("11-notations")
def notations(staff: Staff) -> Delivery:
    """11: every notation that has one reading, with the day first; of a birth a year or a month alone is no date."""
    rows = staff(8)
    births = ["31/12/1985", "31-12-1985", "31.12.1985", "1985-12-31", "1985-12-31 00:00:00", "1/2/1985", "1985",
              "12/1985"]  # fmt: skip
    joined = ["01/09/2010", "1-9-2010", "1.9.2010", "2010-09-01", "2010-09-01 00:00", "01/9/2010 00:00", "", "1/9/2010"]
    read = ["1985-12-31"] * 5 + ["1985-02-01", "", ""]
    return Delivery(
        feeds=[DAY_FIRST],
        files={LIST: csv_text(with_cells(spoken(rows), ngay_sinh=births, ngay_vao_co_quan=joined), HEADINGS).encode()},
        same_as={"nhan_su": with_cells(rows, ngay_sinh=read, ngay_vao_co_quan=["2010-09-01"] * 6 + ["", "2010-09-01"])},
        notes={"ngay_sinh_without_day": 2},
    )


@ugly("11-not-guessed")
def not_guessed(staff: Staff) -> Delivery:
    """11: months first, years of two digits, a month where a day is needed: quarantined, not guessed at."""
    rows = spoken(staff(6))
    births = ["12/31/1985", "31/12/85", "khoảng 1985", "31/12/1985", "31/02/1985", "31/12/1985"]
    joined = ["01/09/2010", "01/09/2010", "01/09/2010", "10/2019", "01/09/2010", "2019"]
    bad_start = ("BAD_DATE", "Cột ngay_vao_co_quan phải là YYYY-MM-DD hoặc DD/MM/YYYY")
    return Delivery(
        feeds=[DAY_FIRST],
        files={LIST: csv_text(with_cells(rows, ngay_sinh=births, ngay_vao_co_quan=joined), HEADINGS).encode()},
        same_as={"nhan_su": []},
        quarantined={1: BAD_BIRTH, 2: BAD_BIRTH, 3: BAD_BIRTH, 4: bad_start, 5: BAD_BIRTH, 6: bad_start},
    )


@ugly("11-until-now")
def until_now(staff: Staff) -> Delivery:
    """11: "01/2022 - nay" is no day; the roster says the first one."""
    first, second = staff.ids(2)
    rows: list[Row] = [
        {"so_dinh_danh": first, "tu_ngay": "01/2022 - nay", "ma_don_vi": "H29.02", "linh_vuc": "TTHC",
         "hinh_thuc": "Kiêm nhiệm"},
        {"so_dinh_danh": second, "tu_ngay": "1/1/2022", "ma_don_vi": "H29.02", "linh_vuc": "Chính quyền số",
         "hinh_thuc": "CHUYÊN TRÁCH"},
    ]  # fmt: skip
    values = {"linh_vuc": "par_field", "hinh_thuc": "assignment"}
    clean = rows[1] | {"tu_ngay": "2022-01-01", "linh_vuc": "6", "hinh_thuc": "CHUYEN_TRACH"}
    return Delivery(
        feeds=[{"table": "phan_cong_cchc", "files": LIST, "dates": "day_first", "values": values}],
        files={LIST: csv_text(rows, table="phan_cong_cchc").encode()},
        same_as={"phan_cong_cchc": [clean]},
        quarantined={1: ("BAD_DATE", "Cột tu_ngay phải là YYYY-MM-DD hoặc DD/MM/YYYY")},
    )


@ugly("12-serials")
def serials(staff: Staff) -> Delivery:
    """12: days as Excel counts them, in CSV; a number that can be no day of a living person's is quarantined."""
    rows = staff(5)
    births = ["31412", "29221", "60000", "60", "31412,5"]
    joined = ["45000", "44927", "45657", "45000", "45000"]
    clean = with_cells(
        rows[:3],
        ngay_sinh=["1985-12-31", "1980-01-01", "2064-04-08"],
        ngay_vao_co_quan=["2023-03-15", "2023-01-01", "2024-12-31"],
    )
    return Delivery(
        feeds=[SERIAL],
        files={LIST: csv_text(with_cells(spoken(rows), ngay_sinh=births, ngay_vao_co_quan=joined), HEADINGS).encode()},
        same_as={"nhan_su": clean},
        quarantined={4: BAD_BIRTH, 5: BAD_BIRTH},
    )


@ugly("12-serials-undeclared")
def serials_undeclared(staff: Staff) -> Delivery:
    """12: the same number from a sender who is not configured to send such: no date."""
    rows = staff(2)
    written = with_cells(spoken(rows), ngay_sinh=["31412", "31/12/1985"])
    return Delivery(
        feeds=[DAY_FIRST],
        files={LIST: csv_text(written, HEADINGS).encode()},
        same_as={"nhan_su": with_cells(rows[1:], ngay_sinh=["1985-12-31"])},
        quarantined={1: BAD_BIRTH},
    )


def _date_cells(staff: Staff) -> tuple[list[Row], SheetOf]:
    rows = staff(3)
    dated = [
        {name: date.fromisoformat(cell) if name.startswith("ngay_") else cell for name, cell in row.items()}
        for row in rows
    ]
    return rows, sheet_of([dated[0], spoken(rows)[1], dated[2] | {"ngay_sinh": 1967}], HEADINGS)


@ugly("12-date-cells")
def date_cells(staff: Staff) -> Delivery:
    """12: real date cells beside dates that are text, and a year alone."""
    rows, sheet = _date_cells(staff)
    return Delivery(
        feeds=[WORKBOOK],
        files={BOOK: xlsx(sheet)},
        same_as={"nhan_su": with_cells(rows, ngay_sinh=[rows[0]["ngay_sinh"], rows[1]["ngay_sinh"], ""])},
        notes={"ngay_sinh_without_day": 1},
    )


@ugly("12-days-from-1904")
def days_from_1904(staff: Staff) -> Delivery:
    """12: a workbook of an old Mac, whose days count from 1904: its date cells are the days that it shows."""
    rows = with_cells(staff(1), ngay_vao_co_quan=["2014-09-02"])
    four_years_less = rows[0] | {"ngay_sinh": date(1960, 12, 30), "ngay_vao_co_quan": date(2010, 9, 1)}
    shown = with_cells(rows, ngay_sinh=["1964-12-31"])  # 1462 days later
    content = repacked(
        xlsx(sheet_of([four_years_less], HEADINGS)),
        {"xl/workbook.xml": lambda text: text.replace("<workbookPr/>", '<workbookPr date1904="1"/>')},
    )
    return Delivery(feeds=[WORKBOOK], files={BOOK: content}, same_as={"nhan_su": shown})


@ugly("12-serials-from-1904")
def serials_from_1904(staff: Staff) -> Delivery:
    """12: in such a workbook a day that is only a number would be read four years off: not guessed at."""
    content = repacked(
        xlsx(sheet_of([staff(1)[0] | {"ngay_sinh": 29950}], HEADINGS)),
        {"xl/workbook.xml": lambda text: text.replace("<workbookPr/>", '<workbookPr date1904="1"/>')},
    )
    return Delivery(
        feeds=[WORKBOOK | {"dates": "day_first_or_serial"}],
        files={BOOK: content},
        rejected="1904",
    )


@ugly("13-two-birth-columns")
def two_birth_columns(staff: Staff) -> Delivery:
    """13: the date of birth in the column of the sex; both filled is a mistake of the sender."""
    rows = staff(4)
    columns = {name: heading for name, heading in HEADINGS.items() if name not in ("ngay_sinh", "gioi_tinh")}
    sheet = SheetOf()
    sheet.add(*columns.values(), "Ngày sinh", None)
    sheet.add(*[None] * len(columns), "Nam", "Nữ")
    for column in range(len(columns)):
        sheet.merge(0, column, 1, column)
    sheet.merge(0, len(columns), 0, len(columns) + 1)
    for row in spoken(rows):
        is_man = row["gioi_tinh"] == "Nam"
        cells = [row["ngay_sinh"] if is_man else None, None if is_man else row["ngay_sinh"]]
        if row["so_dinh_danh"] == rows[3]["so_dinh_danh"]:
            cells = ["01/01/1968", "02/01/1968"]
        sheet.add(*(row[column] or None for column in columns), *cells)
    return Delivery(
        feeds=[WORKBOOK],
        files={BOOK: xlsx(sheet)},
        same_as={"nhan_su": rows[:3]},
        quarantined={6: BAD_BIRTH},
    )


@ugly("27-impossible")
def impossible(staff: Staff) -> Delivery:
    """27: days that never were, centuries that cannot be, periods that end before they begin."""
    people = staff.ids(5)
    rows: list[Row] = [
        {"so_dinh_danh": who, "tu_ngay": start, "ma_don_vi": "H29.02", "den_ngay": end}
        for who, start, end in zip(
            people,
            ("2024-01-01", "2024-02-30", "1024-01-01", "2024-01-01", "2024-01-01"),
            ("2023-12-31", "", "", "2204-01-01", "2024-01-01"),
            strict=True,
        )
    ]
    start, end = (
        ("BAD_DATE", f"Cột {name} phải là YYYY-MM-DD hoặc DD/MM/YYYY, từ 1900 đến 2100")
        for name in ("tu_ngay", "den_ngay")
    )
    return Delivery(
        feeds=[{"table": "phan_cong_cchc", "files": LIST}],
        files={LIST: csv_text(rows, table="phan_cong_cchc").encode()},
        same_as={"phan_cong_cchc": rows[4:]},
        quarantined={1: ("BAD_PERIOD", "den_ngay sớm hơn tu_ngay"), 2: start, 3: start, 4: end},
    )
