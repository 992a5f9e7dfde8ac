"""The oracle on cases small enough to be computed by hand; the working is in the comments."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from . import contract, reading
from .compare import compare_publication, leaked_identities
from .contract import ELEARNING, FILES, HR
from .expected import CandidateRow, EvidenceRow, Expected, IndicatorRow, LoadState, QuarantineRow
from .oracle import Oracle, RunOutcome, compute, person_key
from .rendering import FILE_FAULTS, Knobs
from .world import Step, apply_step, build_world

SECRET = "a secret of the tests"
D = date(2024, 12, 30)
NEXT = D + timedelta(days=1)
A, B, C, E = "013000000001", "013000000002", "013000000003", "013000000004"
SOURCE = {spec.name: spec.source for spec in FILES}
Row = dict[str, str]


def at(text: str) -> str:
    """Epoch seconds of a local time (Vietnam is UTC+7 without summer time)."""
    local = datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=7)))
    return str(int(local.astimezone(UTC).timestamp()))


def rows(columns: str, *lines: str) -> list[Row]:
    """Rows written as `a|b|c` under space-separated column names; columns not named are empty."""
    return [dict(zip(columns.split(), line.split("|"), strict=True)) for line in lines]


def base() -> dict[str, list[Row]]:
    """A valid night: units H29 - SO - PH; A and B lead SO, C works in PH for PAR; courses and two materials."""
    return {
        "don_vi.csv": rows(
            "ma_don_vi ten_don_vi loai_don_vi ma_don_vi_cha hieu_luc_tu hieu_luc_den",
            "H29|City|THANH_PHO||2000-01-01|",
            "SO|Sở|SO_NGANH|H29|2000-01-01|",
            "PH|Phòng|PHONG|SO|2000-01-01|",
            "OLD|Cũ|SO_NGANH|H29|2000-01-01|2020-12-31",
        ),
        "nhan_su.csv": rows(
            "so_dinh_danh ho_ten nhom ma_don_vi la_lanh_dao trang_thai ngay_vao_co_quan",
            f"{A}|An|CAN_BO|SO|x|DANG_CONG_TAC|2010-01-01",
            f"{B}|Ba|CONG_CHUC|SO|x|DANG_CONG_TAC|",
            f"{C}|Ca|CONG_CHUC|PH||DANG_CONG_TAC|",
        ),
        "phan_cong_cchc.csv": rows("so_dinh_danh tu_ngay ma_don_vi den_ngay", f"{C}|2022-06-01|PH|"),
        "danh_gia.csv": rows("so_dinh_danh nam muc_xep_loai ngay_quyet_dinh", f"{C}|2023|HTTNV|2023-12-31"),
        "quyet_dinh.csv": rows(
            "so_quyet_dinh so_dinh_danh loai ngay_hieu_luc chuc_vu_moi la_chuc_vu_lanh_dao ly_do",
            f"1/QD|{A}|NGHI_HUU|2030-01-01|||THUONG_QUY",
        ),
        "sang_kien.csv": rows("ma_sang_kien so_dinh_danh nam_cong_nhan ap_dung_hieu_qua", f"SK1|{C}|2023|x"),
        "lop_boi_duong.csv": rows(
            "ma_lop so_dinh_danh ma_khoa_hoc ngay_hoan_thanh ket_qua", f"L1|{A}|KH|2024-01-01|KHONG_DAT"
        ),
        "mdl_user.csv": rows("id idnumber", f"1|{A}", f"2|{B}", f"3|{C}"),
        "mdl_course.csv": rows("id idnumber", "11|KH", "21|K1", "22|K2", "23|K3", "31|CG"),
        "mdl_course_completions.csv": rows("id userid course timecompleted", "1|1|11|0"),
        "mdl_course_modules.csv": rows("id course idnumber", "101|11|HL", "102|11|MH", "103|11|"),
        "mdl_course_modules_viewed.csv": [],
        "danh_muc_khoa_hoc.csv": rows(
            "ma_khoa_hoc loai ky_nang so_tiet",
            "KH|BOI_DUONG_CCHC||7.5",
            "K1|KIEN_THUC_KY_NANG|THAM_MUU|",
            "K2|KIEN_THUC_KY_NANG|TONG_HOP|",
            "K3|KIEN_THUC_KY_NANG|HUONG_DAN|",
            "CG|CHUYEN_GIA||",
        ),
        "danh_muc_hoc_lieu.csv": rows("ma_hoc_lieu loai", "HL|TAI_LIEU", "MH|MO_HINH_NUOC_NGOAI"),
    }


def text_of(name: str, table: Iterable[Row]) -> str:
    columns = [column.name for column in next(spec for spec in FILES if spec.name == name).columns]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


class Exports:
    """Two base folders and the oracle that reads them."""

    def __init__(self, folder: Path) -> None:
        self.folders = {HR: folder / "hr", ELEARNING: folder / "elearning"}
        self.oracle = Oracle(self.folders[HR], self.folders[ELEARNING], SECRET)

    def deliver(
        self,
        day: date = D,
        tables: dict[str, list[Row]] | None = None,
        raw: dict[str, bytes | None] | None = None,
        sources: tuple[str, ...] = (HR, ELEARNING),
    ) -> Exports:
        """The base night with some tables added to or replaced (`raw`: the bytes of a file; None: no file)."""
        for source in sources:
            folder = self.folders[source] / day.isoformat()
            folder.mkdir(parents=True, exist_ok=True)
            for name, table in {**base(), **(tables or {})}.items():
                content = (raw or {}).get(name, text_of(name, table).encode())
                if SOURCE[name] == source and content is not None:
                    (folder / name).write_bytes(content)
            (folder / "_SUCCESS").touch()
        return self

    def run(self, day: date = D) -> RunOutcome:
        return self.oracle.run(day)


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path)


def published(outcome: RunOutcome) -> Expected:
    assert not outcome.failed
    assert outcome.publication is not None
    return outcome.publication


def quarantined(outcome: RunOutcome, name: str, day: date = D) -> dict[int, tuple[str, ...]]:
    found = outcome.recorded.quarantine.items()
    return {number: row.rule_codes for (on, _, file, number), row in found if on == day and file == name}


def state(outcome: RunOutcome, name: str, day: date = D) -> LoadState:
    return outcome.recorded.load_files[day, SOURCE[name], name]


def share(outcome: RunOutcome, indicator: str, unit: str = "H29", group: str = "ALL", day: date = D) -> tuple[int, int]:
    row = published(outcome).indicators[day, indicator, unit, group]
    assert row.denominator is not None
    return row.numerator, row.denominator


def count(outcome: RunOutcome, indicator: str, day: date = D) -> int:
    return published(outcome).indicators[day, indicator, "H29", "ALL"].numerator


def plus(name: str, columns: str, *lines: str) -> dict[str, list[Row]]:
    return {name: base()[name] + rows(columns, *lines)}


# --- reading ------------------------------------------------------------------------------------------------------


def test_cells_are_composed_trimmed_and_collapsed() -> None:
    assert reading.normalise("\u00a0 Phó\t\n\u3000Chu\u0309 \u2028tịch ") == "Phó Chủ tịch"
    assert reading.normalise("\u00a0\u2003") == ""


@pytest.mark.parametrize(
    ("cell", "person", "repaired"),
    [
        ("013000000001", "013000000001", False),
        ("13000000001", "013000000001", True),  # 11 digits
        ("3000000001", "003000000001", True),  # 10 digits
        ("'013000000001", "013000000001", True),  # apostrophe
        ("'13000000001", "013000000001", True),  # both
        ("300000001", None, False),  # 9 digits
        ("0130000000011", None, False),
        ("''013000000001", None, False),
        ("01300000000A", None, False),
        ("'", None, False),
    ],
)
def test_repair_of_ids(cell: str, person: str | None, repaired: bool) -> None:
    assert reading.repair_person(cell) == (person, repaired)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2024-02-29", date(2024, 2, 29)),
        ("03/04/2024", date(2024, 4, 3)),  # day first
        ("1900-01-01", date(1900, 1, 1)),
        ("31/12/2100", date(2100, 12, 31)),
        ("2023-02-29", None),
        ("12/31/2024", None),
        ("3/4/2024", None),
        ("03/04/24", None),
        ("1899-12-31", None),
        ("2101-01-01", None),
        ("2024-1-1", None),
    ],
)
def test_dates(cell: str, expected: date | None) -> None:
    assert reading.parse_date(cell) == expected


def test_an_epoch_counts_on_its_local_date() -> None:
    # 2024-12-31 17:00:00 UTC is midnight of 1 January in Vietnam; 1 735 664 400 = 20 088 days x 86 400 + 17 hours
    assert at("2025-01-01T00:00:00") == "1735664400"
    assert reading.local_date(1_735_664_400) == date(2025, 1, 1)
    assert reading.local_date(1_735_664_399) == date(2024, 12, 31)
    assert reading.parse_epoch(at("2100-12-31T23:59:59")) is not None
    assert reading.parse_epoch(at("2101-01-01T00:00:00")) is None
    assert reading.parse_epoch("1.5") is None


def test_records_are_counted_not_lines() -> None:
    text = 'a,b\r\n\r\n"x\ny","say ""hi"", you"\r\n \u00a0\n1,2\n"",\n""\n,'
    assert reading.parse_csv(text) == [["a", "b"], ["x\ny", 'say "hi", you'], ["1", "2"], ["", ""], [""], ["", ""]]


@pytest.mark.parametrize("text", ['a,"b', 'a"b,c', '"a"b,c', "a\rb,c", "a,b\r"])
def test_what_is_no_csv(text: str) -> None:
    with pytest.raises(reading.Unreadable):
        reading.parse_csv(text)


@pytest.mark.parametrize("content", [b"a\x00", b"a\xff", "a".encode("utf-16")])
def test_what_is_no_utf8(content: bytes) -> None:
    with pytest.raises(reading.Unreadable):
        reading.decode(content)


# --- row rules ----------------------------------------------------------------------------------------------------


def test_a_valid_night_has_no_quarantine(exports: Exports) -> None:
    outcome = exports.deliver().run()
    assert outcome.recorded.quarantine == {}
    assert not outcome.failed
    assert {load.state for load in outcome.recorded.load_files.values()} == {"accepted"}
    assert len(outcome.recorded.load_files) == 14
    assert state(outcome, "don_vi.csv") == LoadState("accepted", D, 4, 4, 0, 0, 0)
    assert state(outcome, "mdl_course_modules_viewed.csv") == LoadState("accepted", D)  # a header alone


STAFF = "so_dinh_danh ho_ten nhom ma_don_vi trang_thai"
ROSTER = "so_dinh_danh tu_ngay ma_don_vi den_ngay"
VIEWS = "id coursemoduleid userid timecreated"
DECISIONS = "so_quyet_dinh so_dinh_danh loai ngay_hieu_luc chuc_vu_moi la_chuc_vu_lanh_dao ly_do"


@pytest.mark.parametrize(
    ("name", "columns", "line", "codes"),
    [
        ("nhan_su.csv", STAFF, f"{E}||CAN_BO|SO|DANG_CONG_TAC", "REQUIRED"),
        ("nhan_su.csv", STAFF, f"{E}|\u00a0|CAN_BO|SO|DANG_CONG_TAC", "REQUIRED"),
        ("mdl_course_modules_viewed.csv", VIEWS, "1|101|1|0", "REQUIRED"),  # a required time of 0 is missing
        ("danh_muc_khoa_hoc.csv", "ma_khoa_hoc loai ky_nang", "X|KIEN_THUC_KY_NANG|", "REQUIRED"),
        ("nhan_su.csv", STAFF, "12345|E|CAN_BO|SO|DANG_CONG_TAC", "BAD_ID"),
        ("phan_cong_cchc.csv", ROSTER, f"{A}|2024-02-30|SO|", "BAD_DATE"),
        ("danh_gia.csv", "so_dinh_danh nam ngay_quyet_dinh", f"{A}|24|2024-01-01", "BAD_DATE"),
        ("mdl_course.csv", "id idnumber startdate", "9|X|soon", "BAD_DATE"),
        ("mdl_course.csv", "id idnumber", "1.5|X", "BAD_NUMBER"),
        ("mdl_course.csv", "id idnumber", "-1|X", "BAD_NUMBER"),
        ("danh_muc_khoa_hoc.csv", "ma_khoa_hoc loai so_tiet", "X|CHUYEN_GIA|1,5", "BAD_NUMBER"),
        ("nhan_su.csv", STAFF, f"{E}|E|can_bo|SO|DANG_CONG_TAC", "BAD_ENUM"),
        ("nhan_su.csv", f"{STAFF} la_lanh_dao", f"{E}|E|CAN_BO|SO|DANG_CONG_TAC|X", "BAD_ENUM"),
        ("danh_muc_khoa_hoc.csv", "ma_khoa_hoc loai ky_nang", "X|CHUYEN_GIA|THAM_MUU", "BAD_ENUM"),
        ("phan_cong_cchc.csv", ROSTER, f"{A}|2024-02-02|SO|2024-02-01", "BAD_PERIOD"),
        ("mdl_course.csv", "id idnumber startdate enddate", "9|X|2000000|1999999", "BAD_PERIOD"),
        ("nhan_su.csv", STAFF, f"{E}|E|CAN_BO|NONE|DANG_CONG_TAC", "UNKNOWN_UNIT"),
        ("nhan_su.csv", STAFF, f"{E}|E|CAN_BO|OLD|DANG_CONG_TAC", "UNKNOWN_UNIT"),  # closed 2020-12-31
        ("phan_cong_cchc.csv", ROSTER, f"{A}|2021-01-01|OLD|", "UNKNOWN_UNIT"),  # a day after OLD closed
        ("mdl_course_completions.csv", "id userid course", "9|1|99", "UNKNOWN_REF"),
        ("mdl_course_completions.csv", "id userid course", "9|99|11", "UNKNOWN_REF"),
        ("mdl_course_modules.csv", "id course", "9|99", "UNKNOWN_REF"),
        (
            "lop_boi_duong.csv",
            "ma_lop so_dinh_danh ma_khoa_hoc ngay_hoan_thanh ket_qua",
            f"L9|{A}|kh|2024-01-01|DAT",
            "UNKNOWN_REF",
        ),
        # several at once, in the order of the contract
        ("nhan_su.csv", f"{STAFF} ngay_sinh", "1||can_bo|NONE|X|y", "REQUIRED BAD_ID BAD_DATE BAD_ENUM UNKNOWN_UNIT"),
        ("mdl_course_completions.csv", "id userid course", "x|x|99", "BAD_NUMBER UNKNOWN_REF"),  # by course only
        ("phan_cong_cchc.csv", ROSTER, f"{A}|2024-02-02|NONE|2024-02-01", "BAD_PERIOD UNKNOWN_UNIT"),
        ("phan_cong_cchc.csv", ROSTER, f"{A}|2024-02-30|NONE|2024-02-01", "BAD_DATE"),  # period cannot be judged
        ("phan_cong_cchc.csv", ROSTER, f"{A}||NONE|2024-02-01", "REQUIRED"),
        ("phan_cong_cchc.csv", ROSTER, f"{A}|2024-02-02|NONE|x", "BAD_DATE"),
    ],
)
def test_row_rules(exports: Exports, name: str, columns: str, line: str, codes: str) -> None:
    before = len(base()[name])
    outcome = exports.deliver(tables=plus(name, columns, line)).run()
    assert quarantined(outcome, name) == {before + 1: tuple(codes.split())}
    assert outcome.recorded.quarantine[D, SOURCE[name], name, before + 1].rule_code == codes.split()[0]
    load = state(outcome, name)
    assert (load.state, load.rows_read, load.rows_accepted, load.rows_quarantined) == (
        "accepted",
        before + 1,
        before,
        1,
    )


@pytest.mark.parametrize(
    ("name", "columns", "line"),
    [
        ("phan_cong_cchc.csv", ROSTER, f"{A}|2020-12-31|OLD|"),  # overlaps OLD's last day
        ("phan_cong_cchc.csv", ROSTER, f"{A}|01/02/2024|SO|01/02/2024"),  # a period of one day
        ("mdl_course.csv", "id idnumber startdate enddate", "0|X|2000000|0"),  # 0 is "not set"; id 0 is an id
        ("mdl_course_completions.csv", "id userid course", "9|001|0011"),  # compared as numbers
        ("danh_muc_khoa_hoc.csv", "ma_khoa_hoc loai ky_nang so_tiet", "X|BOI_DUONG_CCHC| |-2"),
    ],
)
def test_rows_that_pass(exports: Exports, name: str, columns: str, line: str) -> None:
    assert quarantined(exports.deliver(tables=plus(name, columns, line)).run(), name) == {}


def test_bad_row_hides_all_other_rules(exports: Exports) -> None:
    text = text_of("danh_muc_hoc_lieu.csv", base()["danh_muc_hoc_lieu.csv"]) + '\nX,y\n\n,bad,,,\n""\n'
    outcome = exports.deliver(raw={"danh_muc_hoc_lieu.csv": text.encode()}).run()
    # rows 1 and 2 are good; the blank lines are no rows; two, five and one field instead of four
    assert quarantined(outcome, "danh_muc_hoc_lieu.csv") == {3: ("BAD_ROW",), 4: ("BAD_ROW",), 5: ("BAD_ROW",)}


def test_duplicates_keep_the_last_row(exports: Exports) -> None:
    # rows 2, 3 and 4 have one key (unit validity aside, date notations are equal); row 3 breaks a rule and is no rival
    lines = (f"{A}|2024-03-01|SO|", f"'{A}|2024-03-01|NONE|", f"{A}|01/03/2024|PH|")
    outcome = exports.deliver(tables=plus("phan_cong_cchc.csv", ROSTER, *lines)).run()
    assert quarantined(outcome, "phan_cong_cchc.csv") == {2: ("DUPLICATE_KEY",), 3: ("UNKNOWN_UNIT",)}


def test_duplicates_of_staff_keep_the_latest_entry_date(exports: Exports) -> None:
    columns = f"{STAFF} ngay_vao_co_quan"
    lines = (
        f"{E}|1|CAN_BO|SO|DANG_CONG_TAC|",  # 4: missing is earliest
        f"{E}|2|CAN_BO|SO|DANG_CONG_TAC|2020-01-01",  # 5: latest, but not the last in file order
        f"{E}|3|CAN_BO|SO|DANG_CONG_TAC|01/01/2020",  # 6: latest, the last of the tie: stays
        f"{E}|4|CAN_BO|SO|DANG_CONG_TAC|2019-12-31",  # 7
    )
    outcome = exports.deliver(tables=plus("nhan_su.csv", columns, *lines)).run()
    assert quarantined(outcome, "nhan_su.csv") == dict.fromkeys((4, 5, 7), ("DUPLICATE_KEY",))


def test_warnings_keep_the_row(exports: Exports) -> None:
    tables = {
        # two rows of people not in nhan_su, one of them and one of C repaired: 3 warned, 2 repaired
        **plus(
            "phan_cong_cchc.csv",
            ROSTER,
            f"'{E}|2024-01-01|SO|",
            "013000000009|2024-01-01|SO|",
            f"{C[1:]}|2020-01-01|SO|",
        ),
        # empty, no id, repaired, 13 digits: 4 warned, 1 repaired
        **plus("mdl_user.csv", "id idnumber", "4|", "5|guest", f"6|'{A}", "7|0130000000001"),
        # unknown module, unknown account, both known
        **plus(
            "mdl_course_modules_viewed.csv", VIEWS, "1|999|1|1700000000", "2|101|999|1700000000", "3|101|1|1700000000"
        ),
    }
    outcome = exports.deliver(tables=tables).run()
    assert outcome.recorded.quarantine == {}
    warned = {name: (state(outcome, name).rows_warned, state(outcome, name).rows_repaired) for name in tables}
    assert warned == {
        "phan_cong_cchc.csv": (3, 2),
        "mdl_user.csv": (4, 1),
        "mdl_course_modules_viewed.csv": (2, 0),
    }


def test_an_account_once_accepted_stays_known(exports: Exports) -> None:
    exports.deliver().run()
    tables = {
        "mdl_user.csv": base()["mdl_user.csv"][:-1] + rows("id idnumber", "8|"),  # account 3 is gone
        "mdl_course_modules_viewed.csv": rows(VIEWS, "1|101|3|1700000000"),
    }
    outcome = exports.deliver(NEXT, tables).run(NEXT)
    assert state(outcome, "mdl_course_modules_viewed.csv", NEXT).rows_warned == 0


# --- file level and runs --------------------------------------------------------------------------------------------


def _mangled(name: str, change: Callable[[str], str]) -> dict[str, bytes | None]:
    return {name: change(text_of(name, base()[name])).encode()}


@pytest.mark.parametrize(
    "raw",
    [
        _mangled("nhan_su.csv", lambda text: text.replace("chuc_vu,", "chucvu,")),  # a listed column is missing
        _mangled("nhan_su.csv", lambda text: text.replace("so_hieu", "nhom")),  # missing and repeated
        _mangled("nhan_su.csv", lambda text: text.replace("\n", ",ho_ten\n", 1)),  # repeated
        _mangled("nhan_su.csv", lambda text: text.split("\n")[0]),  # header alone
        _mangled("nhan_su.csv", lambda text: ""),
        _mangled("nhan_su.csv", lambda text: text + '"'),
        _mangled("nhan_su.csv", lambda text: text.replace("\n", "\r")),
        _mangled("nhan_su.csv", lambda text: text + "\x00"),
        {"nhan_su.csv": b"\xff\xfe"},
    ],
)
def test_rejected_files_are_carried_forward(exports: Exports, raw: dict[str, bytes | None]) -> None:
    exports.deliver().run()
    outcome = exports.deliver(NEXT, raw=raw).run(NEXT)
    assert state(outcome, "nhan_su.csv", NEXT) == LoadState("rejected", D)
    assert share(outcome, "I1", day=NEXT) == (0, 2)
    stale = {key[1] for key, row in published(outcome).indicators.items() if key[0] == NEXT and row.is_stale}
    assert stale == {"I1", "I2", "I3A", "I3B", "I3"}
    assert not any(row.is_stale for key, row in published(outcome).indicators.items() if key[0] == D)


def test_header_alone_is_a_delivery_of_the_increment_and_nothing_is_not(exports: Exports) -> None:
    outcome = exports.deliver(raw={"mdl_course_modules_viewed.csv": b""}).run()
    assert state(outcome, "mdl_course_modules_viewed.csv") == LoadState("rejected", None)
    assert outcome.failed
    assert outcome.unserved == ("mdl_course_modules_viewed.csv",)
    assert outcome.publication is None


def test_harmless_variation(exports: Exports) -> None:
    name = "nhan_su.csv"
    text = text_of(name, base()[name]).replace("ho_ten", ' " ho_ten"'.strip()).replace("\n", "\r\n")
    lines = [f"extra,{line}" if at_line == 0 else f"?,{line}" for at_line, line in enumerate(text.splitlines())]
    outcome = exports.deliver(raw={name: b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode()}).run()
    assert state(outcome, name) == LoadState("accepted", D, 3, 3, 0, 0, 0)


@pytest.mark.parametrize(("rows_next", "expected"), [(7, "accepted"), (6, "rejected")])
def test_thirty_percent(exports: Exports, rows_next: int, expected: str) -> None:
    # 10 rows before, two of them quarantined: 7 read are exactly 30 % fewer, 6 are 40 % fewer
    columns = "so_dinh_danh nam ngay_quyet_dinh"
    lines = [f"{A}|{year}|2024-01-01" for year in range(2010, 2018)] + ["1|2019|2024-01-01", f"{A}|x|2024-01-01"]
    exports.deliver(tables={"danh_gia.csv": rows(columns, *lines)}).run()
    outcome = exports.deliver(NEXT, {"danh_gia.csv": rows(columns, *lines[:rows_next])}).run(NEXT)
    assert state(outcome, "danh_gia.csv", NEXT).state == expected


UNITS = "ma_don_vi ten_don_vi loai_don_vi ma_don_vi_cha hieu_luc_tu"


@pytest.mark.parametrize(
    "lines",
    [
        ("H29|a|THANH_PHO||2000-01-01", "SO|a|SO_NGANH||2000-01-01", "PH|a|PHONG|SO|2000-01-01"),  # two roots
        ("H29|a|THANH_PHO||2000-01-01", "SO|a|SO_NGANH|PH|2000-01-01", "PH|a|PHONG|SO|2000-01-01"),  # cycle
        ("H29|a|THANH_PHO||2000-01-01", "SO|a|SO_NGANH|H29|2000-01-01", "PH|a|PHONG|XX|2000-01-01"),  # no such parent
        ("H29|a|THANH_PHO||2000-01-01", "SO|a|SO_NGANH|H29|x", "PH|a|PHONG|SO|2000-01-01"),  # parent quarantined
        ("H29|a|SO_NGANH||2000-01-01", "SO|a|SO_NGANH|H29|2000-01-01", "PH|a|PHONG|SO|2000-01-01"),  # type of root
        ("H30|a|THANH_PHO||2000-01-01", "SO|a|SO_NGANH|H30|2000-01-01", "PH|a|PHONG|SO|2000-01-01"),  # code of root
    ],
)
def test_units_must_be_a_tree(exports: Exports, lines: tuple[str, ...]) -> None:
    outcome = exports.deliver(tables={"don_vi.csv": rows(UNITS, *lines)}).run()
    assert state(outcome, "don_vi.csv") == LoadState("rejected", None)
    assert quarantined(outcome, "don_vi.csv") == {}
    assert outcome.failed
    # without units no member of staff has one: accepted as a file, every row quarantined
    assert state(outcome, "nhan_su.csv") == LoadState("accepted", D, 3, 0, 3, 0, 0)


def test_a_source_without_success_is_missing_and_taken_in_later(exports: Exports) -> None:
    exports.deliver().run()
    outcome = exports.deliver(NEXT, sources=(HR,)).run(NEXT)
    assert state(outcome, "mdl_user.csv", NEXT) == LoadState("missing", D)
    assert state(outcome, "nhan_su.csv", NEXT).state == "accepted"
    after = NEXT + timedelta(days=1)
    exports.deliver(NEXT, sources=(ELEARNING,)).deliver(after)
    outcome = exports.run(after)
    assert outcome.taken_in == (NEXT, after)
    assert state(outcome, "mdl_user.csv", NEXT) == LoadState("accepted", NEXT, 3, 3, 0, 0, 0)
    # what was published for that date is not changed by a run for another
    assert published(outcome).indicators[NEXT, "I1", "H29", "ALL"].is_stale
    assert exports.run(after).taken_in == (after,)


def test_a_failed_run_keeps_the_publication_and_what_it_accepted(exports: Exports) -> None:
    first = exports.deliver(raw={"don_vi.csv": None}).run()
    assert first.failed
    assert first.publication is None
    assert state(first, "don_vi.csv") == LoadState("missing", None)
    second = exports.deliver(NEXT, raw={"sang_kien.csv": None}).run(NEXT)
    assert state(second, "sang_kien.csv", NEXT) == LoadState("missing", D)  # accepted by the run that failed
    assert {key[0] for key in published(second).indicators} == {NEXT}
    assert {key[0] for key in published(second).load_files} == {D, NEXT}


def test_a_date_run_again_is_judged_against_earlier_dates_only(exports: Exports) -> None:
    exports.deliver().run()
    exports.deliver(NEXT).run(NEXT)
    outcome = exports.deliver(raw={"nhan_su.csv": b"broken"}).run()  # D again, after NEXT
    assert outcome.failed
    assert state(outcome, "nhan_su.csv") == LoadState("rejected", None)
    assert {key[0] for key in published(replace(outcome, failed=False)).indicators} == {D, NEXT}


def test_compute_runs_in_order(exports: Exports) -> None:
    exports.deliver().deliver(NEXT)
    outcomes = compute(exports.folders[HR], exports.folders[ELEARNING], [D, NEXT], SECRET)
    assert [outcome.taken_in for outcome in outcomes] == [(D,), (NEXT,)]


# --- I1 -------------------------------------------------------------------------------------------------------------

COMPLETIONS = "id userid course timecompleted"


def test_i1_groups_units_and_roll_up(exports: Exports) -> None:
    people = rows(
        "so_dinh_danh ho_ten nhom ma_don_vi la_lanh_dao trang_thai",
        f"{A}|a|CAN_BO|SO|x|DANG_CONG_TAC",  # SO_NGANH
        f"{B}|b|VIEN_CHUC|SO|x|DANG_CONG_TAC",  # in no group: a VIEN_CHUC in a department
        f"{C}|c|VIEN_CHUC|PH|x|DANG_CONG_TAC",  # PHONG_DON_VI, any nhom
        f"{E}|e|CONG_CHUC|QU|x|DANG_CONG_TAC",  # UBND_HUYEN
        "013000000005|f|CONG_CHUC|XA|x|DANG_CONG_TAC",  # commune: in no group
        "013000000006|g|CONG_CHUC|H29|x|DANG_CONG_TAC",  # city: in no group
        "013000000007|h|CONG_CHUC|SO||DANG_CONG_TAC",  # leads nothing
        "013000000008|i|CONG_CHUC|SO|x|BIET_PHAI",  # not active
    )
    tables = {
        "nhan_su.csv": people,
        **plus("don_vi.csv", UNITS, "QU|q|UBND_HUYEN|H29|2000-01-01", "XA|x|UBND_XA|QU|2000-01-01"),
        "mdl_course_completions.csv": rows(COMPLETIONS, f"1|1|11|{at('2024-12-30T23:59:59')}"),  # A, the last second
    }
    outcome = exports.deliver(tables=tables).run()
    found = {
        (unit, group): (row.numerator, row.denominator)
        for (_, indicator, unit, group), row in published(outcome).indicators.items()
        if indicator == "I1"
    }
    assert found == {
        ("H29", "ALL"): (1, 3),
        ("H29", "SO_NGANH"): (1, 1),
        ("H29", "UBND_HUYEN"): (0, 1),
        ("H29", "PHONG_DON_VI"): (0, 1),
        ("SO", "ALL"): (1, 2),  # A and, below, C
        ("SO", "SO_NGANH"): (1, 1),
        ("SO", "PHONG_DON_VI"): (0, 1),
        ("PH", "ALL"): (0, 1),
        ("PH", "PHONG_DON_VI"): (0, 1),
        ("QU", "ALL"): (0, 1),
        ("QU", "UBND_HUYEN"): (0, 1),
    }
    evidence = {key[2]: row for key, row in published(outcome).evidence.items() if key[1] == "I1"}
    assert evidence == {
        person_key(SECRET, A): EvidenceRow("SO", "SO_NGANH", True),
        person_key(SECRET, C): EvidenceRow("PH", "PHONG_DON_VI", False),
        person_key(SECRET, E): EvidenceRow("QU", "UBND_HUYEN", False),
    }


@pytest.mark.parametrize(
    ("completed", "trained"),
    [
        ("2024-12-30T23:59:59", 1),  # the last second of D
        ("2024-12-31T00:00:00", 0),
        ("2022-01-01T00:00:00", 1),  # the first second of the scheme
        ("2021-12-31T23:59:59", 0),
    ],
)
def test_i1_window(exports: Exports, completed: str, trained: int) -> None:
    tables = {"mdl_course_completions.csv": rows(COMPLETIONS, f"1|1|11|{at(completed)}")}
    assert share(exports.deliver(tables=tables).run(), "I1") == (trained, 2)


def test_i1_counts_classrooms_as_they_are_now(exports: Exports) -> None:
    columns = "ma_lop so_dinh_danh ma_khoa_hoc ngay_hoan_thanh ket_qua"
    tables = {"lop_boi_duong.csv": rows(columns, f"L1|{A}|KH|2024-12-30|DAT", f"L1|{B}|K1|2024-12-30|DAT")}
    assert share(exports.deliver(tables=tables).run(), "I1") == (1, 2)  # B passed a course of another kind
    corrected = {"lop_boi_duong.csv": rows(columns, f"L1|{A}|KH|2024-12-30|KHONG_DAT", f"L1|{B}|KH|2024-12-30|DAT")}
    exports.deliver(NEXT, corrected)
    assert share(exports.run(NEXT), "I1", day=NEXT) == (1, 2)


def test_lms_evidence_stays_and_links_are_the_latest(exports: Exports) -> None:
    on = at("2024-05-05T10:00:00")
    exports.deliver(tables={"mdl_course_completions.csv": rows(COMPLETIONS, f"1|1|11|{on}")}).run()
    # the next night the completion is reset, the account has no idnumber any more: A still counts
    users = rows("id idnumber", "1|", f"2|{B}", f"3|{C}")
    outcome = exports.deliver(NEXT, {"mdl_user.csv": users}).run(NEXT)
    assert share(outcome, "I1", day=NEXT) == (1, 2)
    # then account 1 is B's and course 11 is K1, which is no PAR training: nobody counts
    third = NEXT + timedelta(days=1)
    courses = rows("id idnumber", "11|K1", "21|K1", "22|K2", "23|K3", "31|CG")
    tables = {"mdl_user.csv": rows("id idnumber", f"1|{B}", f"2|{B}", f"3|{C}"), "mdl_course.csv": courses}
    outcome = exports.deliver(third, tables).run(third)
    assert share(outcome, "I1", day=third) == (0, 2)
    evidence = published(outcome).evidence
    assert evidence[NEXT, "I1", person_key(SECRET, A)].in_numerator
    assert not evidence[third, "I1", person_key(SECRET, B)].in_numerator


def test_units_not_in_force_pass_people_up(exports: Exports) -> None:
    # PH is below MID, which closes the day before D: MID has no row, SO above it has
    units = base()["don_vi.csv"] + rows(
        f"{UNITS} hieu_luc_den", "MID|m|PHONG|SO|2000-01-01|2024-12-29", "PX|p|PHONG|MID|2000-01-01|2024-12-30"
    )
    people = plus("nhan_su.csv", f"{STAFF} la_lanh_dao", f"{E}|e|VIEN_CHUC|PX|DANG_CONG_TAC|x")
    outcome = exports.deliver(tables={"don_vi.csv": units, **people}).run()
    units_of_i1 = {key[2] for key in published(outcome).indicators if key[1] == "I1" and key[3] == "PHONG_DON_VI"}
    assert units_of_i1 == {"PX", "SO", "H29"}  # PX is in force on its last day
    # the next night nhan_su is carried forward: E's unit is not in force, E counts above it, evidence names PX
    outcome = exports.deliver(NEXT, {"don_vi.csv": units}, raw={"nhan_su.csv": None}).run(NEXT)
    assert share(outcome, "I1", "SO", "PHONG_DON_VI", NEXT) == (0, 1)
    assert (NEXT, "I1", "PX", "PHONG_DON_VI") not in published(outcome).indicators
    assert published(outcome).evidence[NEXT, "I1", person_key(SECRET, E)].org_unit_code == "PX"


def test_a_person_of_a_vanished_unit_counts_for_the_city_only(exports: Exports) -> None:
    exports.deliver().run()
    units = {"don_vi.csv": [unit for unit in base()["don_vi.csv"] if unit["ma_don_vi"] != "PH"]}
    outcome = exports.deliver(NEXT, units, raw={"nhan_su.csv": None, "phan_cong_cchc.csv": None}).run(NEXT)
    assert {key[2] for key in published(outcome).indicators if key[:2] == (NEXT, "I2")} == {"H29"}
    assert published(outcome).evidence[NEXT, "I2", person_key(SECRET, C)].org_unit_code == "H29"


# --- I2, I3 ---------------------------------------------------------------------------------------------------------


def test_i2_needs_each_skill(exports: Exports) -> None:
    on = at("2024-05-05T10:00:00")
    two = rows(COMPLETIONS, f"1|3|21|{on}", f"2|3|22|{on}")
    assert share(exports.deliver(tables={"mdl_course_completions.csv": two}).run(), "I2") == (0, 1)
    three = two + rows(COMPLETIONS, f"3|3|23|{on}")
    outcome = exports.deliver(NEXT, {"mdl_course_completions.csv": three}).run(NEXT)
    assert share(outcome, "I2", day=NEXT) == (1, 1)
    assert {key[2] for key in published(outcome).indicators if key[:2] == (NEXT, "I2")} == {"H29", "SO", "PH"}


@pytest.mark.parametrize(
    ("category", "status", "roster", "members"),
    [
        ("CONG_CHUC", "DANG_CONG_TAC", "2024-12-30|PH|", 1),
        ("VIEN_CHUC", "DANG_CONG_TAC", "2024-12-01|PH|2024-12-30", 1),  # the last day
        ("CAN_BO", "DANG_CONG_TAC", "2024-12-30|PH|", 0),
        ("CONG_CHUC", "BIET_PHAI", "2024-12-30|PH|", 0),
        ("CONG_CHUC", "DANG_CONG_TAC", "2024-12-31|PH|", 0),  # from tomorrow
        ("CONG_CHUC", "DANG_CONG_TAC", "2024-12-01|PH|2024-12-29", 0),  # until yesterday
    ],
)
def test_par_population(exports: Exports, category: str, status: str, roster: str, members: int) -> None:
    tables = {
        "nhan_su.csv": rows(STAFF, f"{C}|c|{category}|PH|{status}"),
        "phan_cong_cchc.csv": rows(ROSTER, f"{C}|{roster}"),
    }
    outcome = exports.deliver(tables=tables).run()
    assert {share(outcome, code) for code in ("I2", "I3A", "I3B", "I3")} == {(0, members)}
    row = published(outcome).indicators[D, "I2", "H29", "ALL"]
    assert (row.value, row.status) == ((0.0, "in_progress") if members else (None, "no_data"))


def test_i3_views(exports: Exports) -> None:
    material = rows(VIEWS, f"1|101|3|{at('2024-12-30T23:59:59')}", f"2|102|3|{at('2024-12-31T00:00:00')}")
    outcome = exports.deliver(tables={"mdl_course_modules_viewed.csv": material}).run()
    assert [share(outcome, code) for code in ("I3A", "I3B", "I3")] == [(1, 1), (0, 1), (0, 1)]
    # the next increment is empty; the view of the 31st, accepted on D, counts now
    outcome = exports.deliver(NEXT).run(NEXT)
    assert [share(outcome, code, day=NEXT) for code in ("I3A", "I3B", "I3")] == [(1, 1), (1, 1), (1, 1)]


def test_a_view_of_an_unknown_account_counts_once_it_is_known(exports: Exports) -> None:
    tables = {"mdl_course_modules_viewed.csv": rows(VIEWS, "1|101|50|1700000000")}
    outcome = exports.deliver(tables=tables).run()
    assert share(outcome, "I3A") == (0, 1)
    outcome = exports.deliver(NEXT, plus("mdl_user.csv", "id idnumber", f"50|{C}")).run(NEXT)
    assert share(outcome, "I3A", day=NEXT) == (1, 1)


def test_a_reused_view_id_is_two_views(exports: Exports) -> None:
    exports.deliver(tables={"mdl_course_modules_viewed.csv": rows(VIEWS, "1|101|3|1700000000")}).run()
    outcome = exports.deliver(NEXT, {"mdl_course_modules_viewed.csv": rows(VIEWS, "1|102|3|1700000000")}).run(NEXT)
    assert share(outcome, "I3", day=NEXT) == (1, 1)


# --- I4, I5, I6 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["1|2024-01-01|X|THUONG_QUY"], 1),
        (["1|2024-12-31|X|THUONG_QUY"], 0),  # after D
        (["1|2023-12-31|X|THUONG_QUY"], 0),  # last year
        (["1|2024-01-01|X|SAP_XEP"], 0),
        (["1|2024-02-01|X|THUONG_QUY", "2|2024-03-01|Y|THUONG_QUY"], 1),  # distinct persons
        (["1|2019-01-01|X|SAP_XEP", "2|2024-03-01|X|THUONG_QUY"], 0),  # planned for that title before
        (["1|2019-01-01|Y|SAP_XEP", "2|2024-03-01|X|THUONG_QUY"], 1),  # for another title before
        (["1|2019-01-01||SAP_XEP", "2|2024-03-01||THUONG_QUY"], 0),  # empty equals empty
        (["1|2024-03-01|X|SAP_XEP", "2|2024-03-01|X|THUONG_QUY"], 1),  # the same day is not earlier
    ],
)
def test_i4(exports: Exports, lines: list[str], expected: int) -> None:
    table = [line.split("|") for line in lines]
    decisions = rows(DECISIONS, *(f"{n}|{C}|QUY_HOACH|{on}|{title}||{why}" for n, on, title, why in table))
    outcome = exports.deliver(tables={"quyet_dinh.csv": decisions}).run()
    assert count(outcome, "I4") == expected
    assert sum(key[1] == "I4" for key in published(outcome).evidence) == expected


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        ("BO_NHIEM|2024-06-01||x|THUONG_QUY", 1),
        ("LUAN_CHUYEN|2024-06-01||x|THUONG_QUY", 1),
        ("BO_NHIEM_LAI|2024-06-01||x|THUONG_QUY", 0),
        ("BO_NHIEM|2024-06-01|||THUONG_QUY", 0),
        ("BO_NHIEM|2024-06-01||x|SAP_XEP", 0),
        ("BO_NHIEM|2024-12-31||x|THUONG_QUY", 0),
        ("BO_NHIEM|2023-06-01||x|THUONG_QUY", 0),
    ],
)
def test_i5(exports: Exports, decision: str, expected: int) -> None:
    outcome = exports.deliver(tables={"quyet_dinh.csv": rows(DECISIONS, f"1|{C}|{decision}")}).run()
    assert count(outcome, "I5") == expected


def test_i4_and_i5_need_par_staff_on_the_effective_date_only(exports: Exports) -> None:
    decisions = rows(
        DECISIONS,
        f"1|{A}|BO_NHIEM|2024-03-31||x|THUONG_QUY",  # A: the last day of the roster row
        f"2|{B}|BO_NHIEM|2024-04-01||x|THUONG_QUY",  # B: the day after
        f"3|{E}|QUY_HOACH|2024-03-31|||THUONG_QUY",  # E: has left nhan_su: counts, evidence at the city
    )
    roster = rows(ROSTER, *(f"{person}|2024-01-01|SO|2024-03-31" for person in (A, B, E)))
    outcome = exports.deliver(tables={"quyet_dinh.csv": decisions, "phan_cong_cchc.csv": roster}).run()
    assert (count(outcome, "I4"), count(outcome, "I5")) == (1, 1)
    evidence = {key[1:]: row.org_unit_code for key, row in published(outcome).evidence.items()}
    assert evidence["I5", person_key(SECRET, A)] == "SO"
    assert evidence["I4", person_key(SECRET, E)] == "H29"


def test_i6_needs_par_staff_on_the_day_of_that_passing(exports: Exports) -> None:
    roster = rows(
        ROSTER, f"{A}|2024-01-01|SO|2024-03-31", f"{B}|2024-01-01|SO|2024-03-31", f"{E}|2020-01-01|SO|2023-01-01"
    )
    completions = rows(
        COMPLETIONS,
        f"1|1|31|{at('2023-05-05T00:00:00')}",  # A: before the roster row …
        f"2|1|31|{at('2024-03-31T23:59:59')}",  # … and again on its last day: a passing of its own
        f"3|2|31|{at('2024-04-01T00:00:00')}",  # B: a day too late
    )
    classroom = rows("ma_lop so_dinh_danh ma_khoa_hoc ngay_hoan_thanh ket_qua", f"L1|{E}|CG|2022-01-01|DAT")  # a leaver
    tables = {
        "phan_cong_cchc.csv": roster,
        "mdl_course_completions.csv": completions,
        "lop_boi_duong.csv": classroom,
    }
    outcome = exports.deliver(tables=tables).run()
    people = {key[2] for key in published(outcome).evidence if key[1] == "I6"}
    assert people == {person_key(SECRET, A), person_key(SECRET, E)}
    assert count(outcome, "I6") == 2


# --- R1 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratings", "initiatives", "expected"),
    [
        # Y = 2024. 2021-2023 are three years ending in Y - 1; two applied initiatives in 2021..2024
        ("2021:HTXSNV 2022:HTXSNV 2023:HTXSNV", "2021:x 2024:x", (3, 2)),
        ("2020:HTXSNV 2021:HTXSNV 2022:HTXSNV 2023:HTXSNV 2024:HTXSNV", "2020:x 2022:x 2023:x", (5, 3)),
        ("2022:HTXSNV 2023:HTXSNV", "2022:x 2023:x", None),  # two years
        ("2020:HTXSNV 2021:HTXSNV 2022:HTXSNV", "2021:x 2022:x", None),  # ends before Y - 1
        ("2020:HTXSNV 2021:HTXSNV 2023:HTXSNV", "2021:x 2022:x", None),  # a missing year
        ("2020:HTXSNV 2021:HTXSNV 2022: 2023:HTXSNV", "2021:x 2022:x", None),  # not rated is missing
        ("2020:HTXSNV 2021:HTXSNV 2022:HTXSNV 2023:HTTNV", "2021:x 2022:x", None),  # the latest year is not in the run
        ("2020:HTTNV 2021:HTXSNV 2022:HTXSNV 2023:HTXSNV", "2020:x 2021:x", None),  # 2020 is before the run
        ("2021:HTXSNV 2022:HTXSNV 2023:HTXSNV", "2021:x 2022:", None),  # not applied
        ("2021:HTXSNV 2022:HTXSNV 2023:HTXSNV", "2021:x 2025:x", None),  # after Y
    ],
)
def test_candidates(exports: Exports, ratings: str, initiatives: str, expected: tuple[int, int] | None) -> None:
    rated = [pair.split(":") for pair in ratings.split()]
    invented = [pair.split(":") for pair in initiatives.split()]
    tables = {
        "danh_gia.csv": rows(
            "so_dinh_danh nam muc_xep_loai ngay_quyet_dinh",
            *(f"{C}|{year}|{level}|2020-01-01" for year, level in rated),
        ),
        "sang_kien.csv": rows(
            "ma_sang_kien so_dinh_danh nam_cong_nhan ap_dung_hieu_qua",
            *(f"SK{number}|{C}|{year}|{flag}" for number, (year, flag) in enumerate(invented)),
        ),
    }
    found = published(exports.deliver(tables=tables).run()).candidates
    assert found == ({(D, person_key(SECRET, C)): CandidateRow("PH", *expected)} if expected else {})


def test_a_rating_counts_once_decided(exports: Exports) -> None:
    columns = "so_dinh_danh nam muc_xep_loai ngay_quyet_dinh"
    lines = [f"{C}|{year}|HTXSNV|{year}-12-31" for year in (2021, 2022, 2023)]
    late = [f"{C}|2024|KHTNV|2024-12-31"]  # decided on NEXT: on D the run still ends in 2023
    initiatives = rows("ma_sang_kien so_dinh_danh nam_cong_nhan ap_dung_hieu_qua", f"1|{C}|2023|x", f"2|{C}|2023|x")
    tables = {"danh_gia.csv": rows(columns, *lines, *late), "sang_kien.csv": initiatives}
    assert len(published(exports.deliver(tables=tables).run()).candidates) == 1
    candidates = published(exports.deliver(NEXT, tables).run(NEXT)).candidates
    assert {key[0] for key in candidates} == {D}


# --- targets --------------------------------------------------------------------------------------------------------


def five_leaders(trained: int) -> dict[str, list[Row]]:
    people = [f"01300000010{number}" for number in range(5)]
    return {
        "nhan_su.csv": rows(f"{STAFF} la_lanh_dao", *(f"{person}|p|CAN_BO|SO|DANG_CONG_TAC|x" for person in people)),
        "lop_boi_duong.csv": rows(
            "ma_lop so_dinh_danh ma_khoa_hoc ngay_hoan_thanh ket_qua",
            *(f"L1|{person}|KH|2022-01-01|DAT" for person in people[:trained]),
            f"L2|{people[0]}|KH|2022-01-01|KHONG_DAT",
        ),
    }


@pytest.mark.parametrize(
    ("day", "trained", "target", "status"),
    [
        (date(2023, 12, 30), 4, (">", 80.0, date(2023, 12, 31)), "in_progress"),  # 400 > 400 is false
        (date(2023, 12, 31), 4, (">", 80.0, date(2023, 12, 31)), "missed"),
        (date(2023, 12, 31), 5, (">", 80.0, date(2023, 12, 31)), "met"),
        (date(2024, 1, 1), 4, (">", 90.0, date(2024, 12, 31)), "in_progress"),
        (date(2025, 1, 1), 5, (">=", 100.0, date(2025, 12, 31)), "met"),
        (date(2026, 2, 1), 4, (">=", 100.0, date(2025, 12, 31)), "missed"),  # else the last one
    ],
)
def test_checkpoints(exports: Exports, day: date, trained: int, target: tuple[str, float, date], status: str) -> None:
    row = published(exports.deliver(day, five_leaders(trained)).run(day)).indicators[day, "I1", "SO", "SO_NGANH"]
    assert row == IndicatorRow(trained, 5, 20.0 * trained, "percent", *target, status, False)


@pytest.mark.parametrize(
    ("day", "target", "status"),
    [
        (date(2022, 12, 31), (None, None, None), "no_target"),
        (date(2023, 12, 30), (">=", 10.0, date(2023, 12, 31)), "in_progress"),
        (date(2024, 12, 31), (">=", 10.0, date(2024, 12, 31)), "missed"),
        (date(2026, 1, 1), (None, None, None), "no_target"),
    ],
)
def test_annual_targets(
    exports: Exports, day: date, target: tuple[str | None, float | None, date | None], status: str
) -> None:
    row = published(exports.deliver(day).run(day)).indicators[day, "I4", "H29", "ALL"]
    assert row == IndicatorRow(0, None, 0.0, "persons", *target, status, False)


def test_the_city_always_has_all_groups(exports: Exports) -> None:
    outcome = exports.deliver().run()
    row = published(outcome).indicators[D, "I1", "H29", "UBND_HUYEN"]
    assert row == IndicatorRow(0, 0, None, "percent", ">", 90.0, date(2024, 12, 31), "no_data", False)


def test_person_key_is_the_hmac_of_the_contract() -> None:
    # printf 013000000001 | openssl dgst -sha256 -hmac secret
    assert person_key("secret", A) == "ef927d2e45be7b7a565ffcad91f10796b9be447d55c6b21de95b5ce3b90f5fed"


# --- random worlds and the comparison -------------------------------------------------------------------------------


def play(seed: int, folder: Path, knobs: Knobs | None = None) -> list[tuple[Step, RunOutcome]]:
    exports = Exports(folder)
    played = []
    for step in build_world(seed, knobs):
        apply_step(step, exports.folders[HR], exports.folders[ELEARNING])
        played.append((step, exports.run(step.run_date)))
    return played


def test_equal_seeds_give_equal_worlds() -> None:
    assert build_world(5) == build_world(5)
    assert build_world(5) != build_world(6)


def test_worlds_keep_the_books(tmp_path: Path) -> None:
    """Rows read = accepted + quarantined, evidence adds up to the city's numbers, worlds mostly publish."""
    runs = publications = 0
    codes: set[str] = set()
    for seed in range(6):
        for _, outcome in play(seed, tmp_path / str(seed), Knobs(nights=2, staff=15, row_fault_rate=0.1)):
            runs += 1
            publications += not outcome.failed
            for (day, source, name), load in outcome.recorded.load_files.items():
                assert load.rows_read == load.rows_accepted + load.rows_quarantined
                quarantine = [key for key in outcome.recorded.quarantine if key[:3] == (day, source, name)]
                assert load.rows_quarantined == len(quarantine)
            codes |= {code for row in outcome.recorded.quarantine.values() for code in row.rule_codes}
            if outcome.publication is not None:
                _assert_evidence_adds_up(outcome.publication)
    assert codes == set(contract.RULE_CODES)
    assert publications > runs / 2


def _assert_evidence_adds_up(publication: Expected) -> None:
    for (day, indicator, unit, group), row in publication.indicators.items():
        if unit == "H29":
            evidence = [
                each
                for key, each in publication.evidence.items()
                if key[:2] == (day, indicator) and group in ("ALL", each.population_group)
            ]
            assert row.numerator == sum(each.in_numerator for each in evidence)
            assert row.denominator in (None, len(evidence))


def publish(path: Path, publication: Expected) -> None:
    """A publication as the contract describes it, written from what the oracle expects."""
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "ops.load_file": (
            "data_date DATE, source VARCHAR, file_name VARCHAR, state VARCHAR, served_from_date DATE, rows_read BIGINT,"
            " rows_accepted BIGINT, rows_quarantined BIGINT, rows_warned BIGINT, rows_repaired BIGINT",
            [(*key, *vars(row).values()) for key, row in publication.load_files.items()],
        ),
        "ops.quarantine_row": (
            "data_date DATE, source VARCHAR, file_name VARCHAR, row_number BIGINT, rule_code VARCHAR,"
            " rule_codes VARCHAR[]",
            [(*key, row.rule_code, list(row.rule_codes)) for key, row in publication.quarantine.items()],
        ),
        "marts.fct_indicator_daily": (
            "as_of_date DATE, indicator_code VARCHAR, org_unit_code VARCHAR, population_group VARCHAR,"
            " numerator BIGINT, denominator BIGINT, value DOUBLE, unit VARCHAR, target_comparator VARCHAR,"
            " target_value DOUBLE, target_date DATE, status VARCHAR, is_stale BOOLEAN",
            [(*key, *vars(row).values()) for key, row in publication.indicators.items()],
        ),
        "marts.fct_indicator_evidence": (
            "as_of_date DATE, indicator_code VARCHAR, person_key VARCHAR, org_unit_code VARCHAR,"
            " population_group VARCHAR, in_numerator BOOLEAN, evidence_ref VARCHAR",
            [
                (*key, *vars(row).values(), "row" if row.in_numerator else None)
                for key, row in publication.evidence.items()
            ],
        ),
        "marts.fct_leadership_candidate": (
            "as_of_date DATE, person_key VARCHAR, org_unit_code VARCHAR, excellent_years INTEGER,"
            " applied_initiatives INTEGER",
            [(*key, *vars(row).values()) for key, row in publication.candidates.items()],
        ),
    }
    with duckdb.connect(str(path)) as connection:
        for schema in ("ops", "marts", "bi"):
            connection.execute(f"CREATE SCHEMA {schema}")
        for table, (columns, values) in tables.items():
            connection.execute(f"CREATE TABLE {table} ({columns})")
            marks = ", ".join("?" * len(columns.split(", ")))
            if values:
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
        small = "org_unit_code <> 'H29' AND denominator < 5"
        connection.execute(
            "CREATE VIEW bi.indicator_daily AS SELECT * REPLACE ("
            + ", ".join(f"CASE WHEN {small} THEN NULL ELSE {c} END AS {c}" for c in ("numerator", "value", "status"))
            + f", CASE WHEN {small} THEN NULL ELSE denominator END AS denominator),"
            f" coalesce({small}, false) AS is_suppressed FROM marts.fct_indicator_daily"
        )


def test_the_comparison_finds_what_differs_and_only_that(tmp_path: Path, exports: Exports) -> None:
    tables = {**five_leaders(3), **plus("mdl_user.csv", "id idnumber", "x|")}
    publication = published(exports.deliver(tables=tables).run())
    path = tmp_path / "warehouse.duckdb"
    assert compare_publication(path, None) == []
    assert compare_publication(path, publication) == ["publication: expected one, found none"]
    publish(path, publication)
    assert compare_publication(path, publication) == []
    assert leaked_identities(path) == []

    other = publication.copy()
    key = (D, "I1", "SO", "SO_NGANH")
    other.indicators[key] = replace(other.indicators[key], status="met")
    other.quarantine[D, ELEARNING, "mdl_user.csv", 4] = QuarantineRow("REQUIRED", ("REQUIRED", "BAD_NUMBER"))
    person = person_key(SECRET, "013000000100")
    other.evidence.pop((D, "I1", person))
    other.load_files[D, HR, "don_vi.csv"] = LoadState("missing", D)
    differences = compare_publication(path, other)
    for words in (
        "status: expected met, found in_progress",
        "rule_codes: expected REQUIRED+BAD_NUMBER, found BAD_NUMBER",
        "row not expected",
        "state: expected missing, found accepted",
    ):
        assert any(words in difference for difference in differences), words
    assert not any(person in difference or "01300" in difference for difference in differences)


def test_the_comparison_finds_identities(tmp_path: Path, exports: Exports) -> None:
    path = tmp_path / "warehouse.duckdb"
    publish(path, published(exports.deliver().run()))
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE ops.note AS SELECT 'so 013000000001 bad' AS message")
    assert leaked_identities(path) == ["ops.note.message: 1 distinct values hold an identification number"]


def test_every_file_fault_can_happen() -> None:
    faults = {
        fault.split(": ")[1]
        for seed in range(4)
        for step in build_world(seed, Knobs(nights=6, staff=10, file_fault_rate=0.5, clean_first_rate=0))
        for delivery in step.deliveries
        for fault in delivery.faults
        if ": " in fault
    }
    assert faults == {*FILE_FAULTS, "not_a_tree"}


def test_knobs_are_drawn_from_the_seed() -> None:
    assert Knobs.random(random.Random(1)) == Knobs.random(random.Random(1))
