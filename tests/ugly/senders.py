"""Problem 26: senders who send late, twice, too little, or nothing."""

from tests.spreadsheets import staff_list, xlsx
from tests.ugly.delivery import HEADINGS, STAFF_VALUES, Delivery, Row, Staff, csv_text, spoken, ugly, with_cells

LIST = "so_noi_vu/danh_sach.csv"
FEED = {"table": "nhan_su", "files": "{part}/*.csv", "options": {"headings": "known"}, "values": STAFF_VALUES,
        "dates": "day_first"}  # fmt: skip


def _list(rows: list[Row]) -> bytes:
    return csv_text(spoken(rows), HEADINGS).encode()


@ugly("26-same-file-again")
def same_file_again(staff: Staff) -> Delivery:
    """26: last night's file once more: the rows are the same, and so is what the folder of parts says of the file."""
    rows = staff(3)
    return Delivery(feeds=[FEED], before={LIST: _list(rows)}, files={LIST: _list(rows)}, same_as={"nhan_su": rows})


@ugly("26-silent")
def silent(staff: Staff) -> Delivery:
    """26: nothing tonight: the rows of last night serve, and nobody is gone."""
    rows = staff(3)
    return Delivery(feeds=[FEED], before={LIST: _list(rows)}, files={}, same_as={"nhan_su": rows}, silent=1)


@ugly("26-no-rows")
def no_rows(staff: Staff) -> Delivery:
    """26: headings alone."""
    rows = staff(3)
    return Delivery(
        feeds=[FEED],
        before={LIST: _list(rows)},
        files={LIST: _list([])},
        same_as={"nhan_su": rows},
        rejected="tệp không có dòng dữ liệu nào; hãy kiểm tra, xuất lại rồi gửi lại",
    )


@ugly("26-staff-numbers-stay")
def staff_numbers_stay(staff: Staff) -> Delivery:
    """26: a class list by staff numbers, on the night on which the list of staff has lost its rows: still known."""
    rows = staff(2)
    learners: list[Row] = [
        {"ma_lop": "L26", "so_dinh_danh": row["so_hieu"], "ma_khoa_hoc": "CCHC-2024", "ngay_hoan_thanh": "2024-11-29",
         "ket_qua": "DAT"}
        for row in rows
    ]  # fmt: skip
    clean = with_cells(learners, so_dinh_danh=[row["so_dinh_danh"] for row in rows])
    return Delivery(
        feeds=[FEED, {"table": "lop_boi_duong", "files": "lop.csv", "persons": "number_or_known"}],
        before={LIST: _list(rows)},
        files={LIST: _list([]), "lop.csv": csv_text(learners, table="lop_boi_duong").encode()},
        same_as={"nhan_su": rows, "lop_boi_duong": clean},
        rejected="tệp không có dòng dữ liệu nào",
        notes={"ids_found_in_map": 2},
    )


@ugly("26-empty-file")
def empty_file(staff: Staff) -> Delivery:
    """26: no byte at all."""
    rows = staff(3)
    return Delivery(
        feeds=[FEED], before={LIST: _list(rows)}, files={LIST: b""}, same_as={"nhan_su": rows}, rejected="tệp rỗng"
    )


@ugly("26-partial")
def partial(staff: Staff) -> Delivery:
    """26: six of ten people: more than 30 % fewer."""
    rows = staff(10)
    return Delivery(
        feeds=[FEED],
        before={LIST: _list(rows)},
        files={LIST: _list(rows[:6])},
        same_as={"nhan_su": rows},
        rejected="tệp có 6 dòng, ít hơn quá 30 % so với 10 dòng của lần trước; hãy kiểm tra và gửi lại",
    )


@ugly("26-few-have-left")
def few_have_left(staff: Staff) -> Delivery:
    """26: seven of ten people are still believed."""
    rows = staff(10)
    return Delivery(
        feeds=[FEED], before={LIST: _list(rows)}, files={LIST: _list(rows[:7])}, same_as={"nhan_su": rows[:7]}
    )


@ugly("26-cut-off")
def cut_off(staff: Staff) -> Delivery:
    """26: a file that ends in the middle of a quoted cell."""
    rows = staff(10)
    named = [row | {"chuc_vu": "Trưởng phòng, phụ trách"} for row in rows]
    text = csv_text(spoken(named), HEADINGS)
    return Delivery(
        feeds=[FEED],
        before={LIST: text.encode()},
        files={LIST: text[: text.rindex(", phụ trách")].encode()},
        same_as={"nhan_su": rows},
        rejected="một dấu ngoặc kép mở mà không đóng",
    )


@ugly("26-cut-off-workbook")
def cut_off_workbook(staff: Staff) -> Delivery:
    """26: half a workbook."""
    rows = staff(3)
    content = xlsx(staff_list(spoken(rows)))
    book = "so_noi_vu/danh_sach.xlsx"
    return Delivery(
        feeds=[{"table": "nhan_su", "files": "{part}/*.xlsx", "dialect": "spreadsheet", "values": STAFF_VALUES,
                "dates": "day_first"}],
        before={book: content},
        files={book: content[: len(content) // 2]},
        same_as={"nhan_su": rows},
        rejected="Tệp bị hỏng hoặc chưa tải lên đủ",
    )  # fmt: skip


@ugly("26-twice-the-same")
def twice_the_same(staff: Staff) -> Delivery:
    """26: one list under two names is one list."""
    rows = staff(3)
    return Delivery(
        feeds=[FEED],
        files={LIST: _list(rows), "so_noi_vu/danh_sach (1).csv": _list(rows)},
        same_as={"nhan_su": rows},
    )


@ugly("26-twice-different")
def twice_different(staff: Staff) -> Delivery:
    """26: two lists of one day: nobody can know which one is meant."""
    rows = staff(4)
    return Delivery(
        feeds=[FEED],
        before={LIST: _list(rows[:3])},
        files={LIST: _list(rows), "so_noi_vu/danh_sach moi.csv": _list(rows[:3])},
        same_as={"nhan_su": rows[:3]},
        rejected="có 2 tệp khác nhau của cùng một nơi gửi; hãy chỉ gửi một tệp",
    )


@ugly("26-half-are-missing")
def half_are_missing(staff: Staff) -> Delivery:
    """26: of four senders two are silent tonight."""
    rows = staff(4)
    lists = {f"don_vi_{number}/danh_sach.csv": _list([row]) for number, row in enumerate(rows)}
    return Delivery(
        feeds=[FEED], before=lists, files=dict(list(lists.items())[:2]), same_as={"nhan_su": rows}, silent=2
    )
