"""Problems 20 to 25 and 28: what a cell means: ticks, persons, units, levels; and identifiers of former times."""

from tests.ugly.delivery import HEADINGS, STAFF_VALUES, Delivery, Row, Staff, csv_text, spoken, ugly, with_cells

LIST = "danh_sach.csv"
FEED = {"table": "nhan_su", "files": LIST, "options": {"headings": "known"}, "values": STAFF_VALUES,
        "dates": "day_first", "units": "code_or_name"}  # fmt: skip
ROSTER = {"table": "phan_cong_cchc", "files": LIST, "dates": "day_first", "units": "code_or_name"}
DECISIONS = {"table": "quyet_dinh", "files": LIST, "dates": "day_first", "units": "code_or_name",
             "values": {"loai": "decision", "ly_do": "decision_reason", "la_chuc_vu_lanh_dao": "tick"}}  # fmt: skip
RATINGS = {"table": "danh_gia", "files": LIST, "dates": "day_first", "values": {"muc_xep_loai": "rating"}}


@ugly("20-tick-marks")
def tick_marks(staff: Staff) -> Delivery:
    """20: everything that means yes, Wingdings' ü included, and everything that means no. A mark not known is asked."""
    yes, no, unknown = ("x", "X", "✓", "✔", "☑", "1", "Có", "CÓ", "ü", "đúng"), ("", "0", "Không", "-"), ("v", "?")
    rows = staff(len(yes) + len(no) + len(unknown))
    written = with_cells(spoken(rows), la_lanh_dao=[*yes, *no, *unknown])
    clean = with_cells(rows[: -len(unknown)], la_lanh_dao=["x"] * len(yes) + [""] * len(no))
    wrong = ("BAD_ENUM", "Cột la_lanh_dao chỉ nhận x hoặc để trống")
    return Delivery(
        feeds=[FEED],
        files={LIST: csv_text(written, HEADINGS).encode()},
        same_as={"nhan_su": clean},
        quarantined={len(clean) + 1: wrong, len(clean) + 2: wrong},
    )


@ugly("21-two-units")
def two_units(staff: Staff) -> Delivery:
    """21: a person in the last list of the old unit and the first one of the new: the latest entry stays."""
    moved, other = staff(2)
    old = moved | {"ngay_vao_co_quan": "2015-09-01", "ma_don_vi": "H29.04"}
    new = moved | {"ngay_vao_co_quan": "2025-07-01", "ma_don_vi": "H29.27541"}
    lists = {"so_tai_chinh": [old, other], "xa_phu_hoa_dong": [new]}
    return Delivery(
        feeds=[FEED | {"files": "{part}/danh_sach.csv"}],
        files={f"{unit}/{LIST}": csv_text(spoken(rows), HEADINGS).encode() for unit, rows in lists.items()},
        same_as={"nhan_su": [other, new]},
        quarantined={1: ("DUPLICATE_KEY", "dòng có ngay_vao_co_quan mới nhất được giữ")},
    )


@ugly("22-namesakes")
def namesakes(staff: Staff) -> Delivery:
    """22: two persons of one name, one day of birth and one unit: two persons, as their numbers differ."""
    first, second = staff(2)
    rows = [first, second | {"ho_ten": first["ho_ten"], "ngay_sinh": first["ngay_sinh"]}]
    return Delivery(feeds=[FEED], files={LIST: csv_text(spoken(rows), HEADINGS).encode()}, same_as={"nhan_su": rows})


@ugly("23-name-variants")
def name_variants(staff: Staff) -> Delivery:
    """23: one name spelled in five ways, under five numbers: five persons."""
    variants = [
        "Nguyễn Thị Thanh Hà",
        "Nguyễn T. Thanh Hà",
        "NGUYỄN THỊ THANH HÀ",
        "Nguyễn Thị Hà",
        "nguyen thi thanh ha",
    ]
    rows = with_cells(staff(5), ho_ten=variants, ngay_sinh=["1980-05-05"] * 5)
    return Delivery(feeds=[FEED], files={LIST: csv_text(spoken(rows), HEADINGS).encode()}, same_as={"nhan_su": rows})


@ugly("24-names-of-units")
def names_of_units(staff: Staff) -> Delivery:
    """24: abbreviations, aliases, rooms with their office, codes of both notations."""
    units = {
        "Sở NV": "H29.02", "sở nội vụ": "H29.02", "SO NOI VU": "H29.02", "Sở GD&ĐT": "H29.17", "Sở GDĐT": "H29.17",
        "Sở NN&MT": "H29.22", "Phòng CCHC, Sở Nội vụ": None, "Phòng Cải cách hành chính thuộc Sở Nội vụ": "H29.02.01",
        "000.00.02.H29": "H29.02", "000.01.02.H29": "H29.02.01", "02.H29": "H29.02", "h29.02": "H29.02",
        "P. Sài Gòn": "H29.26740", "UBND P.Bàn Cờ": "H29.27154", "X. Phú Hòa Đông": "H29.27541",
        "UBND TP.HCM": "H29",
    }  # fmt: skip
    rows = staff(len(units))
    written = with_cells(spoken(rows), ma_don_vi=list(units))
    clean = [row | {"ma_don_vi": code} for row, code in zip(rows, units.values(), strict=True) if code]
    unknown = list(units.values()).index(None) + 1
    return Delivery(
        feeds=[FEED],
        files={LIST: csv_text(written, HEADINGS).encode()},
        same_as={"nhan_su": clean},
        quarantined={unknown: ("UNKNOWN_UNIT", "gần nhất | nearest: H29.02")},
        notes={"units_not_known": 1},
    )


@ugly("24-units-in-their-time")
def units_in_their_time(staff: Staff) -> Delivery:
    """24, and the re-organisations of 2025: what a unit was called when an assignment ended."""
    assignments = [
        # Dissolved into Thành phố Thủ Đức at the end of 2020.
        ("Quận 2", "2018-01-01", "2020-12-31", "H29.769"),
        ("UBND TPTĐ", "2021-01-01", "2025-06-30", "H29.769"),
        ("UBND Q.1", "2018-01-01", "2025-06-30", "H29.760"),
        ("UBND Quận I", "2018-01-01", "2025-06-30", "H29.760"),
        # Until 31/12/2024, 28/02/2025, 30/06/2025.
        ("Phường 10, Quận 3", "2018-01-01", "2024-12-31", "H29.770.27151"),
        ("P.9 Q.3", "2018-01-01", "2025-06-30", "H29.770.27148"),
        ("Sở KH&ĐT", "2018-01-01", "2025-02-28", "H29.05"),
        ("Sở KHĐT", "2018-01-01", "2024-06-30", "H29.05"),
        ("P.15 Quận 10", "2018-01-01", "2025-06-30", "H29.771.27201"),
        ("Phường 15", "2018-01-01", "2025-06-30", "H29.771.27201"),
        ("Phường Xuân Hòa", "2025-07-01", "", "H29.27139"),
    ]
    rows: list[Row] = [
        {"so_dinh_danh": who, "tu_ngay": start, "ma_don_vi": unit, "den_ngay": end}
        for who, (unit, start, end, _) in zip(staff.ids(len(assignments)), assignments, strict=True)
    ]
    clean = [row | {"ma_don_vi": code} for row, (*_, code) in zip(rows, assignments, strict=True)]
    return Delivery(
        feeds=[ROSTER],
        files={LIST: csv_text(rows, table="phan_cong_cchc").encode()},
        same_as={"phan_cong_cchc": clean},
    )


@ugly("24-decisions-in-their-time")
def decisions_in_their_time(staff: Staff) -> Delivery:
    """24: a decision names the unit as of the day on which it takes effect."""
    decisions = [
        ("Bổ nhiệm", "31/12/2024", "Phường 10, Quận 3", "H29.770.27151"),
        ("Luân chuyển", "28/02/2025", "Sở Kế hoạch và Đầu tư", "H29.05"),
        ("Điều động", "01/03/2025", "Sở Tài chính", "H29.04"),
        ("BỔ NHIỆM LẠI", "30/06/2025", "TP. Thủ Đức", "H29.769"),
        ("Quy hoạch", "01/07/2025", "Phường Thủ Đức", "H29.26824"),
        ("Giao phụ trách", "1/7/2025", "", ""),
    ]
    rows: list[Row] = [
        {"so_quyet_dinh": f"24-{number}/QĐ", "so_dinh_danh": who, "loai": kind, "ngay_ky": day, "ngay_hieu_luc": day,
         "chuc_vu_moi": "Phó Chủ tịch", "la_chuc_vu_lanh_dao": "có", "ma_don_vi_moi": unit,
         "ly_do": "Sắp xếp tổ chức bộ máy" if number > 3 else "Thường xuyên"}
        for number, (who, (kind, day, unit, _)) in enumerate(zip(staff.ids(len(decisions)), decisions, strict=True))
    ]  # fmt: skip
    kinds = ("BO_NHIEM", "LUAN_CHUYEN", "DIEU_DONG", "BO_NHIEM_LAI", "QUY_HOACH", "GIAO_PHU_TRACH")
    clean = [
        row | {"loai": kind, "la_chuc_vu_lanh_dao": "x", "ma_don_vi_moi": code, "ngay_ky": day, "ngay_hieu_luc": day,
               "ly_do": "SAP_XEP" if number > 3 else "THUONG_QUY"}
        for number, (row, kind, (_, day, _, code)) in enumerate(zip(rows, kinds, decisions, strict=True))
    ]  # fmt: skip
    clean[5] |= {"ngay_ky": "01/07/2025", "ngay_hieu_luc": "01/07/2025"}
    return Delivery(
        feeds=[DECISIONS],
        files={LIST: csv_text(rows, table="quyet_dinh").encode()},
        same_as={"quyet_dinh": clean},
    )


@ugly("24-units-that-are-gone")
def units_that_are_gone(staff: Staff) -> Delivery:
    """24: today's staff in units of yesterday: quarantined, with those that took over."""
    units = {
        "Sở Kế hoạch và Đầu tư": "gần nhất | nearest: H29.04 Sở Tài chính",
        "Quận 2": "H29.26824 Ủy ban nhân dân Phường Thủ Đức",
        "H29.760": "H29.26740 Ủy ban nhân dân Phường Sài Gòn",
        "P.9 Q.3": "H29.27139 Ủy ban nhân dân Phường Xuân Hoà",
        "Sở Vũ trụ": "không có trong don_vi.csv hoặc không còn hiệu lực vào ngày dữ liệu",
    }
    rows = with_cells(spoken(staff(len(units))), ma_don_vi=list(units))
    return Delivery(
        feeds=[FEED],
        files={LIST: csv_text(rows, HEADINGS).encode()},
        same_as={"nhan_su": []},
        quarantined={at: ("UNKNOWN_UNIT", part) for at, part in enumerate(units.values(), 1)},
        notes={"units_not_known": 4},
    )


@ugly("25-numbered-wards")
def numbered_wards(staff: Staff) -> Delivery:
    """25: wards that are called by a number: with zeros, with a district or without. A name that fits two is asked."""
    cells = [
        ("Phường 01, Quận 3", "H29.770.27160"),
        ("P.01 Q.10", "H29.771.27200"),
        ("phường 1 quận III", "H29.770.27160"),
        ("P15", "H29.771.27201"),
        ("Phường 1", None),
        ("1", None),
    ]
    rows: list[Row] = [
        {"so_dinh_danh": who, "tu_ngay": "2020-01-01", "ma_don_vi": cell, "den_ngay": "2024-12-31"}
        for who, (cell, _) in zip(staff.ids(len(cells)), cells, strict=True)
    ]
    clean = [row | {"ma_don_vi": code} for row, (_, code) in zip(rows, cells, strict=True) if code]
    unknown = "không có trong don_vi.csv hoặc không có hiệu lực trong thời gian phân công"
    return Delivery(
        feeds=[ROSTER],
        files={LIST: csv_text(rows, table="phan_cong_cchc").encode()},
        same_as={"phan_cong_cchc": clean},
        quarantined={5: ("UNKNOWN_UNIT", "nearest: H29.770.27160"), 6: ("UNKNOWN_UNIT", unknown)},
        notes={"units_not_known": 2},
    )


@ugly("28-levels")
def levels(staff: Staff) -> Delivery:
    """28: the levels of the annual rating as offices write them; "not rated" is no level; what is unclear is asked."""
    spellings = {
        "HTXSNV": "HTXSNV", "Hoàn thành XSNV": "HTXSNV", "Xuất sắc": "HTXSNV", "HT xuất sắc": "HTXSNV",
        "Hoàn thành xuất sắc chức trách, nhiệm vụ": "HTXSNV", "HOÀN THÀNH TỐT NHIỆM VỤ": "HTTNV",
        "hoàn thành tốt": None, "Hoàn thành nhiệm vụ": "HTNV", "Chưa hoàn thành nhiệm vụ": "KHTNV",
        "Không hoàn thành nhiệm vụ": "KHTNV", "Không xếp loại": "", "Chưa đánh giá": "", "": "", "Khá": None,
        "Chưa hoàn thành": None,
    }  # fmt: skip
    rows: list[Row] = [
        {"so_dinh_danh": who, "nam": "2024", "muc_xep_loai": spelling, "ngay_quyet_dinh": "31/12/2024"}
        for who, spelling in zip(staff.ids(len(spellings)), spellings, strict=True)
    ]
    wrong = ("BAD_ENUM", "Cột muc_xep_loai phải là một trong: HTXSNV, HTTNV, HTNV, KHTNV")
    return Delivery(
        feeds=[RATINGS],
        files={LIST: csv_text(rows, table="danh_gia").encode()},
        same_as={
            "danh_gia": [
                row | {"muc_xep_loai": level}
                for row, level in zip(rows, spellings.values(), strict=True)
                if level is not None
            ]
        },
        quarantined={at: wrong for at, level in enumerate(spellings.values(), 1) if level is None},
    )


@ugly("29-former-numbers")
def former_numbers(staff: Staff) -> Delivery:
    """Numbers of old identity cards and staff numbers in a class list, known by the map that HR keeps."""
    first, second, third, fourth = staff(4)
    known = [
        {"loai": "CMND", "gia_tri": "013300001", "so_dinh_danh": first["so_dinh_danh"]},
        {"loai": "SO_HIEU", "gia_tri": "SNV-2904", "so_dinh_danh": second["so_dinh_danh"]},
        # Two persons bear it, so nobody is meant.
        {"loai": "SO_HIEU", "gia_tri": "SNV-2905", "so_dinh_danh": third["so_dinh_danh"]},
        {"loai": "SO_HIEU", "gia_tri": "SNV-2905", "so_dinh_danh": fourth["so_dinh_danh"]},
        {"loai": "SO_HIEU", "gia_tri": "SNV-2906", "so_dinh_danh": third["so_dinh_danh"], "den_ngay": "2024-12-31"},
        {"loai": "THE_NHA_BAO", "gia_tri": "1", "so_dinh_danh": third["so_dinh_danh"]},
    ]
    written = [f"{number}" for number in ("013300001", "snv-2904", "SNV-2905", "SNV-2906", "013300002")]
    results: list[Row] = [
        {"ma_lop": "L29", "so_dinh_danh": who, "ma_khoa_hoc": "CCHC-2024", "ngay_hoan_thanh": "2024-11-29",
         "ket_qua": "DAT"}
        for who in [*written, third["so_dinh_danh"]]
    ]  # fmt: skip
    clean = [
        results[0] | {"so_dinh_danh": first["so_dinh_danh"]},
        results[1] | {"so_dinh_danh": second["so_dinh_danh"]},
        results[5],
    ]
    wrong = ("BAD_ID", "không đủ 12 chữ số")
    columns = {name: name for name in ("loai", "gia_tri", "so_dinh_danh", "tu_ngay", "den_ngay")}
    return Delivery(
        feeds=[
            {"table": "dinh_danh_cu", "files": "dinh_danh_cu.csv"},
            {"table": "lop_boi_duong", "files": LIST, "persons": "number_or_known"},
        ],
        files={
            "dinh_danh_cu.csv": csv_text(known, columns).encode(),
            LIST: csv_text(results, table="lop_boi_duong").encode(),
        },
        same_as={"lop_boi_duong": clean},
        quarantined={3: wrong, 4: wrong, 5: wrong},
        notes={"identifiers_kept": 5, "identifiers_refused": 1, "ids_found_in_map": 2},
    )
