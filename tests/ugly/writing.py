"""Problems 1 to 10 and 14 to 16: how letters, spaces, numbers and columns are written."""

import unicodedata

from tests.ugly.delivery import HEADINGS, STAFF_VALUES, Delivery, Staff, csv_text, spoken, ugly, with_cells, without
from tests.unit.test_encodings import tcvn3, twice, utf16, vni, windows_1258

LIST = "danh_sach.csv"


def _known(**options: str) -> dict[str, object]:
    """A feed of a staff list with the headings, values and dates of offices."""
    return {
        "table": "nhan_su", "files": LIST, "options": {"headings": "known", **options}, "values": STAFF_VALUES,
        "dates": "day_first",
    }  # fmt: skip


@ugly("01-byte-order-mark")
def byte_order_mark(staff: Staff) -> Delivery:
    """1: a UTF-8 byte order mark before the first heading, as Excel writes it."""
    rows = staff(3)
    return Delivery(
        feeds=[{"table": "nhan_su", "files": LIST}],
        files={LIST: b"\xef\xbb\xbf" + csv_text(rows).encode()},
        same_as={"nhan_su": rows},
    )


@ugly("02-unicode-text")
def unicode_text(staff: Staff) -> Delivery:
    """2: Excel's "Unicode text": UTF-16 with tabs, under the name .csv."""
    rows = staff(3)
    text = csv_text(spoken(rows), HEADINGS, delimiter="\t")
    return Delivery(
        feeds=[_known(encoding="utf-16", delimiter="\t")], files={LIST: utf16(text)}, same_as={"nhan_su": rows}
    )


@ugly("03-encoded-twice")
def encoded_twice(staff: Staff) -> Delivery:
    """3: UTF-8 that was opened as Windows-1252 and saved again."""
    return Delivery(
        feeds=[_known()],
        files={LIST: twice(csv_text(spoken(staff(3)), HEADINGS))},
        rejected="mã hoá hai lần); hãy xuất lại tệp từ phần mềm gốc",
    )


@ugly("04-windows-1258")
def windows(staff: Staff) -> Delivery:
    """4: Windows-1258, whose tones stand behind their letters."""
    rows = staff(4)
    return Delivery(
        feeds=[_known(encoding="windows-1258", delimiter=";")],
        files={LIST: windows_1258(csv_text(spoken(rows), HEADINGS, delimiter=";"))},
        same_as={"nhan_su": rows},
    )


@ugly("04-windows-1258-undeclared")
def windows_undeclared(staff: Staff) -> Delivery:
    """4: the same from a sender who is configured to write UTF-8: the message names the likely encoding."""
    return Delivery(
        feeds=[_known()],
        files={LIST: windows_1258(csv_text(spoken(staff(4)), HEADINGS))},
        rejected="khai báo là UTF-8 nhưng có vẻ là Windows-1258; hãy lưu lại thành CSV UTF-8",
    )


@ugly("05-tcvn3")
def tcvn3_fonts(staff: Staff) -> Delivery:
    """5: TCVN3 (fonts .VnTime)."""
    rows = staff(4)
    return Delivery(
        feeds=[_known(encoding="tcvn3")],
        files={LIST: tcvn3(csv_text(spoken(rows), HEADINGS))},
        same_as={"nhan_su": rows},
    )


@ugly("05-tcvn3-capitals")
def tcvn3_capitals(staff: Staff) -> Delivery:
    """5: capitals with tones (fonts .VnTimeH) lose their case, and nothing else."""
    rows = with_cells(staff(2), ho_ten=["NGUYỄN THỊ HOÀ", "Trần Ánh Út"])
    return Delivery(
        feeds=[_known(encoding="tcvn3")],
        files={LIST: tcvn3(csv_text(spoken(rows), HEADINGS))},
        same_as={"nhan_su": with_cells(rows, ho_ten=["NGUYễN THị HOà", "Trần ánh út"])},
    )


@ugly("05-tcvn3-undeclared")
def tcvn3_undeclared(staff: Staff) -> Delivery:
    """5: TCVN3 from a sender who is configured to write Windows-1258."""
    return Delivery(
        feeds=[_known(encoding="windows-1258")],
        files={LIST: tcvn3(csv_text(spoken(staff(6)), HEADINGS))},
        rejected="khai báo là Windows-1258 nhưng có vẻ là TCVN3 (ABC)",
    )


@ugly("06-vni")
def vni_windows(staff: Staff) -> Delivery:
    """6: VNI-Windows, with two bytes for a toned letter, capitals too."""
    rows = with_cells(staff(4), ho_ten=["NGUYỄN THỊ HOÀ", "Trần Văn Út", "Đỗ Ngọc Ánh", "Lý Mỹ Ỷ"])
    return Delivery(
        feeds=[_known(encoding="vni", delimiter="|")],
        files={LIST: vni(csv_text(spoken(rows), HEADINGS, delimiter="|"))},
        same_as={"nhan_su": rows},
    )


@ugly("06-vni-undeclared")
def vni_undeclared(staff: Staff) -> Delivery:
    """6: VNI from a sender who is configured to write TCVN3."""
    return Delivery(
        feeds=[_known(encoding="tcvn3")],
        files={LIST: vni(csv_text(spoken(staff(8)), HEADINGS))},
        rejected="khai báo là TCVN3 (ABC) nhưng có vẻ là VNI-Windows",
    )


@ugly("07-decomposed")
def decomposed(staff: Staff) -> Delivery:
    """7: headings, names and values in NFD, as macOS writes them."""
    rows = staff(4)
    text = unicodedata.normalize("NFD", csv_text(spoken(rows), HEADINGS))
    return Delivery(feeds=[_known()], files={LIST: text.encode()}, same_as={"nhan_su": rows})


@ugly("07-decomposed-file-name")
def decomposed_file_name(staff: Staff) -> Delivery:
    """7: last night a folder and a file named on Windows, tonight on macOS: one and the same sender."""
    rows = staff(3)
    content, name = csv_text(spoken(rows), HEADINGS).encode(), "Sở Nội vụ/danh sách.csv"
    return Delivery(
        feeds=[_known() | {"files": "{part}/danh sách.csv"}],
        before={name: content},
        files={unicodedata.normalize("NFD", name): content},
        same_as={"nhan_su": rows},
    )


@ugly("08-tone-placement")
def tone_placement(staff: Staff) -> Delivery:
    """8: Hoà and Hòa: one unit, one value, one heading; a person's name stays as its sender writes it."""
    rows = staff(3)
    written = with_cells(
        spoken(rows),
        ma_don_vi=["UBND xã Phú Hòa Đông", "Xã Phú Hoà Đông", "ủy ban nhân dân XÃ PHÚ HÒA ĐÔNG"],
        ho_ten=["Lê Thị Hoà", "Lê Thị Hòa", "Lê Thị Thúy"],
        trang_thai=["Ðang công tác", "Đang công tác", "đang Công tác"],
    )
    clean = with_cells(rows, ma_don_vi=["H29.27541"] * 3, ho_ten=["Lê Thị Hoà", "Lê Thị Hòa", "Lê Thị Thúy"])
    return Delivery(
        feeds=[_known() | {"units": "code_or_name"}],
        files={LIST: csv_text(written, HEADINGS).replace("Loại", "Lọai").encode()},
        same_as={"nhan_su": clean},
    )


@ugly("09-look-alikes")
def look_alikes(staff: Staff) -> Delivery:
    """9: Eth and African D in place of Đ, in units, values and headings."""
    rows = staff(3)
    eth, african = "\u00d0", "\u0189"
    written = with_cells(
        spoken(rows),
        ma_don_vi=[f"Sở Giáo dục và {eth}ào tạo", f"Sở GD&{eth}T", f"Xã Phú Hoà {african}ông"],
        trang_thai=[f"{eth}ang công tác", f"{african}ang công tác", "\u00f0ang công tác"],
    )
    text = csv_text(written, HEADINGS).replace("Mã đơn vị", "Mã \u00f0ơn vị").replace("lãnh đạo", "lãnh \u0256ạo")
    return Delivery(
        feeds=[_known() | {"units": "code_or_name"}],
        files={LIST: text.encode()},
        same_as={"nhan_su": with_cells(rows, ma_don_vi=["H29.17", "H29.17", "H29.27541"])},
    )


@ugly("09-i-and-y")
def i_and_y(staff: Staff) -> Delivery:
    """9: Mĩ is perhaps Mỹ: the unit is offered, never taken. What is read with y goes on."""
    rows = staff(2)
    written = with_cells(spoken(rows), ma_don_vi=["UBND xã Bình Mĩ", "UBND xã Bình Mỹ"])
    return Delivery(
        feeds=[_known() | {"units": "code_or_name"}],
        files={LIST: csv_text(written, HEADINGS).encode()},
        same_as={"nhan_su": with_cells(rows[1:], ma_don_vi=["H29.27544"])},
        quarantined={1: ("UNKNOWN_UNIT", "gần nhất | nearest: H29.27544 Ủy ban nhân dân Xã Bình Mỹ")},
        notes={"units_not_known": 1},
    )


@ugly("10-spaces")
def spaces(staff: Staff) -> Delivery:
    """10: no-break, double, trailing and ideographic spaces, tabs, in every kind of cell and in headings."""
    rows = staff(3)
    written = with_cells(
        spoken(rows),
        so_dinh_danh=[f" {row['so_dinh_danh']}\u00a0" for row in rows],
        ho_ten=["Nguyễn\u00a0Thị  Hồng ", "\tTrần Văn\u3000Tường", "Lê \u2009Quốc Việt"],
        ma_don_vi=["H29.02\u00a0", "  Sở  Nội\u00a0vụ", "\u202fH29.02"],
        trang_thai=["Đang\u00a0công tác", " Đang  công tác ", "DANG_CONG_TAC "],
        nhom=["CC\u00a0", " VC", "\u2003CB"],
    )
    text = csv_text(written, HEADINGS).replace("Họ và tên", "Họ\u00a0và  tên ").replace("Số CCCD", " Số\u00a0CCCD")
    return Delivery(
        feeds=[_known() | {"units": "code_or_name"}], files={LIST: text.encode()}, same_as={"nhan_su": rows}
    )


@ugly("10-invisible")
def invisible(staff: Staff) -> Delivery:
    """10: characters without width: spaces, joiners, marks of direction and order, soft hyphens."""
    rows = staff(3)
    written = with_cells(
        spoken(rows),
        so_dinh_danh=["\u200b{so_dinh_danh}", "{so_dinh_danh}\u200e\ufeff", "\u202a{so_dinh_danh}\u202c"],
        ho_ten=["Nguyễn Thị\u200b Hồng", "\u200fTrần Văn Tường", "Lê Quốc\u2060 Việt"],
        ma_don_vi=["H29.02\u200b", "Sở Nội\u00ad vụ", "\u200bH29.02"],
        trang_thai=["Đang công tác\u200b"] * 3,
        nhom=["\u200bCC", "VC\ufeff", "CB\u200d"],
    )
    written = [row | {"so_dinh_danh": row["so_dinh_danh"].format(**clean)} for row, clean in
               zip(written, rows, strict=True)]  # fmt: skip
    text = csv_text(written, HEADINGS).replace("Họ và tên", "Họ và tên\u200b")
    return Delivery(
        feeds=[_known() | {"units": "code_or_name"}], files={LIST: text.encode()}, same_as={"nhan_su": rows}
    )


@ugly("14-other-delimiter")
def other_delimiter(staff: Staff) -> Delivery:
    """14: where the comma stands in decimals, Excel sets columns apart by semicolons."""
    return Delivery(
        feeds=[_known()],
        files={LIST: csv_text(spoken(staff(2)), HEADINGS, delimiter=";").encode()},
        rejected="các cột ngăn cách bằng dấu chấm phẩy nhưng tệp được khai báo là ngăn cách bằng dấu phẩy",
    )


@ugly("14-decimal-comma")
def decimal_comma(_: Staff) -> Delivery:
    """14: hours with a comma. A unit behind the number, or a point that may be one of thousands, is not guessed at."""
    catalogue = [
        {"ma_khoa_hoc": f"K14-{number}", "loai": "BOI_DUONG_CCHC", "so_tiet": hours}
        for number, hours in enumerate(("8,5", "40", "0,75", "12 tiết", "1.234"))
    ]
    clean = with_cells(catalogue[:3], so_tiet=["8.5", "40", "0.75"])
    number = ("BAD_NUMBER", "Cột so_tiet phải là số thập phân")
    return Delivery(
        feeds=[{"table": "danh_muc_khoa_hoc", "files": LIST, "options": {"delimiter": ";"}, "decimals": "comma"}],
        files={LIST: csv_text(catalogue, table="danh_muc_khoa_hoc", delimiter=";").encode()},
        same_as={"danh_muc_khoa_hoc": clean},
        quarantined={4: number, 5: number},
    )


@ugly("15-lost-zeros")
def lost_zeros(staff: Staff) -> Delivery:
    """15: numbers that Excel took for numbers: a zero is put back; digits that are gone are not."""
    rows = staff(2)
    broken = staff(4)
    written = with_cells(rows, so_dinh_danh=[rows[0]["so_dinh_danh"][1:], rows[1]["so_dinh_danh"]])
    written += with_cells(broken, so_dinh_danh=["1.30850E+10", "13085000001.0", "308500123", "0130850000012"])
    wrong = ("BAD_ID", "không đủ 12 chữ số và không sửa được")
    return Delivery(
        feeds=[_known()],
        files={LIST: csv_text(spoken(written), HEADINGS).encode()},
        same_as={"nhan_su": rows},
        repaired=1,
        quarantined={3: wrong, 4: wrong, 5: wrong, 6: wrong},
    )


@ugly("16-apostrophes")
def apostrophes(staff: Staff) -> Delivery:
    """16: an apostrophe before the number, which tells Excel that it is a text."""
    rows = staff(2)
    written = with_cells(rows, so_dinh_danh=[f"'{rows[0]['so_dinh_danh']}", f"'{rows[1]['so_dinh_danh'][1:]}"])
    return Delivery(
        feeds=[{"table": "nhan_su", "files": LIST}],
        files={LIST: csv_text(written).encode()},
        same_as={"nhan_su": rows},
        repaired=2,
    )


@ugly("30-forbidden-columns")
def forbidden_columns(staff: Staff) -> Delivery:
    """Ethnicity, religion, Party membership, addresses and telephones are dropped and told by kind."""
    rows = staff(2)
    more = {"dan_toc": "Dân tộc", "ton_giao": "TÔN GIÁO", "dang": "Ngày vào Đảng", "que": "Quê quán",
            "sdt": "Số điện thoại", "ghi_chu": "Ghi chú"}  # fmt: skip
    secret = {"dan_toc": "Người Mạ-thử", "ton_giao": "Đạo-thử", "dang": "03/02/1999", "que": "Làng-thử",
              "sdt": "0900000999", "ghi_chu": "Chuyện-thử"}  # fmt: skip
    return Delivery(
        feeds=[_known()],
        files={LIST: csv_text([row | secret for row in spoken(rows)], HEADINGS | more).encode()},
        same_as={"nhan_su": rows},
        forbidden=("contact", "ethnicity", "home", "party", "religion"),
    )


@ugly("31-everything-in-one-text")
def everything_in_one_text(staff: Staff) -> Delivery:
    """Several at once: TCVN3, semicolons, lost zeros, years alone, aliases and old codes of units, ethnicity."""
    rows = staff(5)
    written = with_cells(
        spoken(rows),
        so_dinh_danh=[row["so_dinh_danh"].removeprefix("0") for row in rows],
        ngay_sinh=["1971", "7-1-1972", "1.12.1973", "5/1974", "13/13/1975"],
        ma_don_vi=["  Sở NV", "000.00.02.H29", "P. Cải cách hành chính - sở nội vụ", "UBND phường Xuân Hòa", "H29.02"],
        la_lanh_dao=["X", "có", "Không", "1", "-"],
    )
    text = csv_text([row | {"dan_toc": "Người Mạ-thử"} for row in written], HEADINGS | {"dan_toc": "Dân tộc"},
                    delimiter=";")  # fmt: skip
    clean = with_cells(
        rows[:4],
        ngay_sinh=["", "1972-01-07", "1973-12-01", ""],
        ma_don_vi=["H29.02", "H29.02", "H29.02.01", "H29.27139"],
        la_lanh_dao=["x", "x", "", "x"],
    )
    return Delivery(
        feeds=[_known(encoding="tcvn3", delimiter=";") | {"units": "code_or_name"}],
        files={LIST: tcvn3(text)},
        same_as={"nhan_su": clean},
        quarantined={5: ("BAD_DATE", "Cột ngay_sinh phải là")},
        repaired=4,
        notes={"ngay_sinh_without_day": 2},
        forbidden=("ethnicity",),
    )


@ugly("32-everything-hidden")
def everything_hidden(staff: Staff) -> Delivery:
    """Several at once: NFD, no-break spaces, Eth, apostrophes, rows too long and too short, nothing in a cell."""
    rows = without(staff(5), "so_hieu")
    written = with_cells(
        spoken(rows),
        so_dinh_danh=[f"'\u00a0{rows[0]['so_dinh_danh']}", rows[1]["so_dinh_danh"], rows[2]["so_dinh_danh"], "", "x"],
        ma_don_vi=["Sở Nội vụ", "\u00d0ơn vị không có thật", "H29.02", "H29.02", ""],
        trang_thai=["\u00d0ang\u00a0công tác", "nghỉ đẻ", "Nghỉ việc", "Đang công tác", "Đang công tác"],
    )
    text = unicodedata.normalize("NFD", csv_text(written, HEADINGS))
    lines = text.splitlines(keepends=True)
    too_long, too_short = lines[3].replace("\r\n", ",thừa\r\n"), "một ô\r\n"
    return Delivery(
        feeds=[_known() | {"units": "code_or_name"}],
        files={LIST: "".join([*lines, too_long, too_short]).encode()},
        same_as={"nhan_su": with_cells([rows[2]], trang_thai=["THOI_VIEC"])},
        quarantined={
            1: ("BAD_ID", "không đủ 12 chữ số"),
            2: ("BAD_ENUM", "Cột trang_thai phải là một trong"),
            4: ("REQUIRED", "Thiếu giá trị bắt buộc ở cột so_dinh_danh"),
            5: ("REQUIRED", "Thiếu giá trị bắt buộc ở cột ma_don_vi"),
            6: ("BAD_ROW", "Dòng có số ô khác với dòng tiêu đề"),
            7: ("BAD_ROW", "Dòng có số ô khác với dòng tiêu đề"),
        },
        notes={"units_not_known": 1},
    )
