"""The whole way of a repair: quarantine, spreadsheet, corrections, judgement, publication.

Worlds come in pairs: one with broken rows, and its clean twin, whose accepted rows are those after the repair.
"""

import csv
import hashlib
import hmac
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from par_warehouse import resubmission
from par_warehouse.contract import ROW_RULES
from par_warehouse.dialects import UnreadableFile
from par_warehouse.errors import ParError
from par_warehouse.findings import life_events, lives
from par_warehouse.ledger import open_ledger
from par_warehouse.repair_sheet import repair_sheet
from par_warehouse.resubmission import Answer, resubmit
from par_warehouse.retention import delete_expired
from par_warehouse.rotation import rotate
from par_warehouse.settings import Settings
from par_warehouse.validate import dates_to_take_in, take_in
from tests.repairs import Cells, filled, places, rows_of, saved, sheet_rows
from tests.small_world import NIGHT, Row, World, clean_world, deliver, settings_for, stage
from tests.spreadsheets import SheetOf, ods, xlsx
from tests.ugly.leaks import leaks
from tests.unit.test_encodings import windows_1258

BY = "steward.h29.01"
STAFF = {"nhom": "CONG_CHUC", "ma_don_vi": "H29.01", "trang_thai": "DANG_CONG_TAC"}


def staff(number: int, **cells: str) -> Row:
    return STAFF | {"so_dinh_danh": f"0130850001{number:02d}", "ho_ten": f"Người Thử {number}"} | cells


# Table, the row as it should have been, what is wrong in the delivery, what the steward writes.
REPAIRS: dict[str, tuple[str, Row, Row, Cells]] = {
    "REQUIRED": ("nhan_su", staff(1), {"ho_ten": ""}, {"ho_ten": "Người Thử 1"}),
    "BAD_ID": ("nhan_su", staff(2), {"so_dinh_danh": "123456789"}, {"so_dinh_danh": "013085000102"}),
    "BAD_DATE": ("nhan_su", staff(3, ngay_vao_co_quan="2020-02-01"), {"ngay_vao_co_quan": "1/2/2020"},
                 {"ngay_vao_co_quan": "01/02/2020"}),
    "BAD_ENUM": ("nhan_su", staff(4), {"nhom": "CC"}, {"nhom": "CONG_CHUC"}),
    "UNKNOWN_UNIT": ("nhan_su", staff(5), {"ma_don_vi": "H29.02"}, {"ma_don_vi": "H29.01"}),
    "BAD_PERIOD": (
        "phan_cong_cchc",
        {"so_dinh_danh": "013085000001", "tu_ngay": "2022-03-01", "ma_don_vi": "H29.01", "den_ngay": "2022-06-30"},
        {"den_ngay": "2022-02-01"}, {"den_ngay": "30/06/2022"}),
    "UNKNOWN_REF": (
        "lop_boi_duong",
        {"ma_lop": "L2", "so_dinh_danh": "013085000002", "ma_khoa_hoc": "K1", "ngay_hoan_thanh": "2023-05-05",
         "ket_qua": "DAT"},
        {"ma_khoa_hoc": "K9"}, {"ma_khoa_hoc": "K1"}),
    "BAD_ROW": (
        "sang_kien",
        {"ma_sang_kien": "SK2", "so_dinh_danh": "013085000001", "nam_cong_nhan": "2023", "cap": "CO_SO"},
        {"*": "1"},
        {"ma_sang_kien": "SK2", "so_dinh_danh": "013085000001", "nam_cong_nhan": "2023", "cap": "CO_SO"}),
    "BAD_NUMBER": ("danh_muc_khoa_hoc", {"ma_khoa_hoc": "K3", "loai": "BOI_DUONG_CCHC", "so_tiet": "12.5"},
                   {"so_tiet": "12 tiết"}, {"so_tiet": 12.5}),
}  # fmt: skip


def worlds() -> tuple[World, World, dict[tuple[str, str], Cells]]:
    """The broken world, its clean twin, and what to write where; one row for each rule."""
    broken, twin, cells = clean_world(), clean_world(), {}
    for table, right, wrong, written in REPAIRS.values():
        twin[table].append(right)
        broken[table].append(right | wrong)
        cells[table, str(len(broken[table]))] = written
    # Of two rows with one key the last stays, and the first is withdrawn.
    broken["quyet_dinh"].insert(0, dict(broken["quyet_dinh"][0]))
    cells["quyet_dinh", "1"] = {"xử_lý": "bỏ dòng"}
    return broken, twin, cells


def judged(base: Path, world: World) -> Settings:
    deliver(base, world)
    settings = settings_for(base)
    for source in ("hr", "elearning"):
        stage(settings, source)
    take_in(settings, NIGHT, "run")
    return settings


@pytest.fixture(autouse=True, scope="module")
def _secret() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAR_PERSON_KEY_SECRET", "test")
        yield


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One judged night with a broken row for each rule; not to be changed."""
    return judged(tmp_path_factory.mktemp("broken"), worlds()[0])


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return judged(tmp_path_factory.mktemp("twin"), worlds()[1])


@pytest.fixture
def settings(broken: Settings, tmp_path: Path) -> Settings:
    copy = replace(broken, data_dir=tmp_path / "data")
    shutil.copytree(broken.data_dir, copy.data_dir)
    return copy


def accepted_rows(settings: Settings) -> dict[str, list[Any]]:
    """The accepted rows that serve the night, without their numbers: a withdrawn row leaves a gap."""
    with open_ledger(settings) as con:
        paths = con.execute("select file_name, accepted_path from ledger.ops.load_file where data_date = ?",
                            [NIGHT]).fetchall()  # fmt: skip
    return {
        name: duckdb.sql(f"select * exclude (row_number) from '{settings.accepted / path}' order by all").fetchall()
        for name, path in paths
    }


def ledger(settings: Settings, query: str, *parameters: object) -> list[Any]:
    with open_ledger(settings) as con:
        return con.execute(query, list(parameters)).fetchall()


AGENCIES = ("H29.01", "H29.02", None)


def sheets(settings: Settings, cells: dict[tuple[str, str], Cells]) -> list[bytes]:
    """The repair sheets of all agencies, filled in."""
    found = []
    for agency in AGENCIES:
        content = repair_sheet(settings, NIGHT, agency)
        own = {place: written for place, written in cells.items() if place in places(content)}
        found.append(filled(content, own))
    return found


def one_sheet(settings: Settings, table: str, row: int, agency: str | None = "H29.01", **cells: object) -> bytes:
    """The repair sheet of an agency with one row filled in."""
    return filled(repair_sheet(settings, NIGHT, agency), {(table, str(row)): cells})


def outcomes(answer: Answer) -> list[str]:
    return sorted(row.outcome for row in answer.rows)


def test_a_row_for_every_rule_is_repaired_and_the_rows_are_those_of_the_clean_twin(
    settings: Settings, twin: Settings
) -> None:
    codes = {
        code for (found,) in ledger(settings, "select rule_codes from ledger.ops.quarantine_row") for code in found
    }
    assert codes == {*REPAIRS, "DUPLICATE_KEY"} == set(ROW_RULES)
    answers = [resubmit(settings, "sua.xlsx", content, BY) for content in sheets(settings, worlds()[2])]
    assert [one for answer in answers for one in outcomes(answer)] == ["accepted"] * 10
    assert ledger(settings, "from ledger.ops.quarantine_row") == []
    assert accepted_rows(settings) == accepted_rows(twin)

    with open_ledger(settings) as con:
        lives(con)
        life_events(con)
        assert con.execute("select state, count(*) from finding group by all").fetchall() == [("repaired", 10)]
        assert con.execute("select event, count(*) from finding_event group by all order by 1").fetchall() == [
            ("opened", 10), ("repaired", 10)]  # fmt: skip
    noted = ledger(settings, "select action, outcome, submitted_by, count(*) from ledger.ops.correction group by all"
                             " order by all")  # fmt: skip
    assert noted == [("changed", "accepted", BY, 12), ("withdrawn", "accepted", BY, 1)]
    notes = ledger(settings, "select notes from ledger.ops.delivery_part where notes is not null order by all")
    assert notes == [("corrected_rows 1",)] * 4 + [("corrected_rows 5",), ("withdrawn_rows 1",)]


def test_a_rerun_gives_the_same_rows_and_the_same_file_twice_is_no_work(settings: Settings, twin: Settings) -> None:
    contents = sheets(settings, worlds()[2])
    for content in contents:
        resubmit(settings, "sua.xlsx", content, BY)
    runs = ledger(settings, "select distinct run_id from ledger.ops.load_file")
    again = [resubmit(settings, "sua-2.xlsx", content, BY) for content in contents]
    assert all(answer.was_known and set(outcomes(answer)) == {"accepted"} for answer in again)
    assert ledger(settings, "select distinct run_id from ledger.ops.load_file") == runs
    assert dates_to_take_in(settings, NIGHT.replace(day=30)) == [NIGHT.replace(day=30)]
    for source in ("hr", "elearning"):
        stage(settings, source)
    take_in(settings, NIGHT, "again")
    assert accepted_rows(settings) == accepted_rows(twin)


def test_nobodys_number_or_name_is_outside_landing_and_vault(settings: Settings) -> None:
    for content in sheets(settings, worlds()[2]):
        resubmit(settings, "sua.xlsx", content, BY)
    secrets = ["123456789", *(f"0130850001{number:02d}" for number in range(1, 6)), "Người Thử 1", "Người Thử 5"]
    assert leaks(settings, secrets) == []
    hashes = ledger(settings, "select new_value_hash from ledger.ops.correction where new_value_hash <> ''")
    assert len(hashes) > 8 and all(re.fullmatch("[0-9a-f]{32}", one) for (one,) in hashes)
    guesses = {hashlib.sha256(text.encode()).hexdigest()[:32] for text in ("CONG_CHUC", "K1", "H29.01")}
    assert not guesses & {one for (one,) in hashes}


def test_a_wrong_repair_stays_open_and_is_repaired_once_more(settings: Settings, twin: Settings) -> None:
    place = ("nhan_su", 6)
    answer = resubmit(settings, "sua.xlsx", one_sheet(settings, *place, nhom="VC"), BY)
    assert outcomes(answer).count("still broken") == 1 and "BAD_ENUM" in str(answer) and "nhom" in str(answer)
    (row,) = [row for row in sheet_rows(repair_sheet(settings, NIGHT, "H29.01"), "nhan_su") if row["dòng"] == "6"]
    assert row["nhom"] == "VC"  # as it is corrected, not as it was delivered
    answer = resubmit(settings, "sua.xlsx", one_sheet(settings, *place, nhom="CONG_CHUC"), BY)
    assert outcomes(answer).count("accepted") == 1
    noted = ledger(settings, "select outcome from ledger.ops.correction order by submitted_at")
    assert noted == [("still BAD_ENUM",), ("accepted",)]
    number = REPAIRS["BAD_ENUM"][1]["so_dinh_danh"]
    assert staff_row(settings, number) == staff_row(twin, number) != []


def staff_row(settings: Settings, number: str) -> list[Any]:
    """The accepted row of a person."""
    key = hmac.new(b"test", number.encode(), hashlib.sha256).hexdigest()
    return [row for row in accepted_rows(settings)["nhan_su.csv"] if key in row]


REFUSED: dict[str, tuple[Cells, str]] = {
    "unknown key": ({"mã_phát_hiện": "0123456789ab"}, "has no such key"),
    "another agency": ({"cơ_quan": "H29.02"}, "belongs to another agency"),
    "another date": ({"ngày_dữ_liệu": "2024-12-30"}, "this key is not of 2024-12-30"),
    "no date": ({"ngày_dữ_liệu": "hôm qua"}, "is no date"),
    "half a mask": ({"so_dinh_danh": "••••••102"}, "partly masked"),
    "not there twice": ({"xử_lý": "bỏ dòng"}, "may be withdrawn"),
    "another word": ({"xử_lý": "xóa"}, "may be empty or say"),
    "too long": ({"nhom": "x" * 3000}, "too long"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_clear_is_refused_with_a_sentence(settings: Settings, case: str) -> None:
    cells, told = REFUSED[case]
    before = accepted_rows(settings)
    sheet = filled(repair_sheet(settings, NIGHT, "H29.01"), {("nhan_su", "6"): cells})
    # The agency is that of the folder, so that a sheet cannot claim another.
    answer = resubmit(settings, "sua.xlsx", sheet, BY, "H29.01")
    (row,) = [row for row in answer.rows if row.outcome == "refused"]
    assert told in row.en and row.vi and not answer.is_taken
    assert accepted_rows(settings) == before
    ((outcome, message),) = ledger(settings, "select outcome, message from ledger.ops.correction")
    assert outcome == "refused" and told in message


def test_a_key_of_another_agency_is_refused_by_the_folder_it_comes_through(settings: Settings) -> None:
    sheet = one_sheet(settings, "nhan_su", 6, nhom="CONG_CHUC")
    answer = resubmit(settings, "sua.xlsx", sheet, BY, "H29.02")
    assert set(outcomes(answer)) == {"refused"} and "another agency" in str(answer)


def test_a_sheet_nobody_filled_in_changes_nothing(settings: Settings) -> None:
    content = repair_sheet(settings, NIGHT, "H29.01")
    assert content is not None
    answer = resubmit(settings, "sua.xlsx", content, BY)
    assert set(outcomes(answer)) == {"unchanged"} and len(answer.rows) == 7
    assert ledger(settings, "from ledger.ops.correction") == []


def test_a_finding_that_is_repaired_already_is_not_open(settings: Settings) -> None:
    first = one_sheet(settings, "nhan_su", 6, nhom="CONG_CHUC")
    second = one_sheet(settings, "nhan_su", 6, nhom="VIEN_CHUC")
    resubmit(settings, "sua.xlsx", first, BY)
    answer = resubmit(settings, "sua.xlsx", second, BY)
    assert "no longer open" in str(answer) and not answer.is_taken


def test_a_value_can_be_removed(settings: Settings) -> None:
    resubmit(settings, "sua.xlsx", one_sheet(settings, "nhan_su", 5, ngay_vao_co_quan="(trống)"), BY)
    (row,) = staff_row(settings, REPAIRS["BAD_DATE"][1]["so_dinh_danh"])
    assert row[-1] is None and ledger(settings, "select new_value_hash from ledger.ops.correction") == [(None,)]


def edited(content: bytes | None, **cells: object) -> list[list[object]]:
    """A sheet of staff as a person leaves it: columns in another order, some added, rows the other way round."""
    headings, *rows = rows_of(content, "nhan_su")
    place = headings.index("dòng")
    changed = [[cells.get(str(headings[i]), value) if row[place] == "5" else value for i, value in enumerate(row)]
               for row in rows]  # fmt: skip
    table = [[*headings, "Ghi chú"], *([*row, "đã xem"] for row in reversed(changed))]
    return [row[::-1] for row in table]


def as_csv(table: list[list[object]], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(table)
    return text.getvalue()


SAVED = {
    "UTF-8": ("sua.csv", lambda table: as_csv(table, ",").encode("utf-8-sig")),
    "Windows-1258": (
        "sua.csv",
        lambda table: windows_1258(as_csv(table, ";").replace("•", "\0")).replace(b"\0", b"\x95"),
    ),
    "Unicode text": ("sua.txt", lambda table: as_csv(table, "\t").encode("utf-16")),
    "another workbook": ("sua.ods", lambda table: ods(SheetOf(rows=[[cell or None for cell in row] for row in table]))),
}


@pytest.mark.parametrize("form", SAVED)
def test_a_sheet_edited_and_saved_by_a_person_is_understood(settings: Settings, twin: Settings, form: str) -> None:
    name, save = SAVED[form]
    joined: object = date(2020, 2, 1) if form == "another workbook" else "1.2.2020"
    table = edited(repair_sheet(settings, NIGHT, "H29.01"), ngay_vao_co_quan=joined)
    answer = resubmit(settings, name, save(table), BY)
    assert outcomes(answer) == ["accepted", *["unchanged"] * 3], str(answer)
    number = REPAIRS["BAD_DATE"][1]["so_dinh_danh"]
    assert staff_row(settings, number) == staff_row(twin, number) != []


def test_dates_that_excel_has_turned_into_dates_are_unchanged(settings: Settings) -> None:
    sheet = one_sheet(settings, "phan_cong_cchc", 2, tu_ngay=date(2022, 3, 1), den_ngay=date(2022, 6, 30))
    resubmit(settings, "sua.xlsx", sheet, BY)
    assert ledger(settings, "select column_name, outcome from ledger.ops.correction") == [("den_ngay", "accepted")]


def hidden_row(content: bytes) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(content))
    book["nhan_su"].row_dimensions[2].hidden = True
    return saved(book)


HOSTILE = {
    "not a workbook": ("sua.xlsx", lambda _: b"%PDF-1.7 and more", "a PDF"),
    "a program": ("sua.exe", lambda _: b"MZ", "Only .xlsx"),
    "another list": ("sua.csv", lambda _: b"a,b\n1,2\n", "no column"),
    "only the first sheet": ("sua.xlsx", lambda _: xlsx(SheetOf(rows=[["BẢNG SỬA"]])), "no repair sheet"),
    "rows hidden": ("sua.xlsx", hidden_row, "hidden or filtered"),
    "formulas": ("sua.xlsx", lambda content: filled(content, {("nhan_su", "6"): {"nhom": '="CONG"&"_CHUC"'}}),
                 "has formulas"),
    "a column twice": ("sua.csv", lambda _: "mã_phát_hiện,ngày_dữ_liệu,cơ_quan,nhom,nhom\n1,2,3,4,5\n".encode(),
                       "Two columns"),
    "empty": ("sua.xlsx", lambda _: b"", "empty"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_cannot_be_trusted_is_refused(settings: Settings, case: str) -> None:
    name, make, told = HOSTILE[case]
    content = repair_sheet(settings, NIGHT, "H29.01")
    assert content is not None
    with pytest.raises(UnreadableFile) as refused:
        resubmit(settings, name, make(content), BY)
    assert told in refused.value.en and refused.value.vi


def test_only_an_account_signs(settings: Settings) -> None:
    with pytest.raises(ParError, match="account"):
        resubmit(settings, "sua.xlsx", one_sheet(settings, "nhan_su", 6, nhom="CONG_CHUC"), "Nguyễn Văn An")


def test_corrections_of_a_row_that_was_delivered_anew_are_stale(settings: Settings, tmp_path: Path) -> None:
    resubmit(settings, "sua.xlsx", one_sheet(settings, "nhan_su", 6, nhom="CONG_CHUC"), BY)
    resubmit(settings, "sua.xlsx", one_sheet(settings, "nhan_su", 5, ngay_vao_co_quan="01/02/2020"), BY)
    world = worlds()[0]
    world["nhan_su"][5]["nhom"] = "VIEN_CHUC"
    base = tmp_path / "again"
    deliver(base, world)
    settings = replace(settings, hr_uri=(base / "hr").as_uri(), elearning_uri=(base / "elearning").as_uri())
    for source in ("hr", "elearning"):
        stage(settings, source)
    take_in(settings, NIGHT, "again")
    ((notes,),) = ledger(settings, "select notes from ledger.ops.delivery_part where file_name = 'nhan_su.csv'")
    assert notes == "corrected_rows 1, stale_corrections 1"
    (row,) = staff_row(settings, REPAIRS["BAD_ENUM"][1]["so_dinh_danh"])
    assert "VIEN_CHUC" in row


def test_corrections_that_would_cost_the_whole_file_are_taken_back(tmp_path: Path) -> None:
    world = clean_world()
    world["don_vi"].append({"ma_don_vi": "H29.04", "ten_don_vi": "Sở mới", "loai_don_vi": "SO_NGANH",
                            "ma_don_vi_cha": "H29.02", "hieu_luc_tu": "1/1/2020"})  # fmt: skip
    settings = judged(tmp_path, world)
    before = accepted_rows(settings)
    sheet = one_sheet(settings, "don_vi", 4, agency="H29.02", hieu_luc_tu="2020-01-01", ma_don_vi_cha="H29.404")
    answer = resubmit(settings, "sua.xlsx", sheet, BY)
    assert outcomes(answer) == ["refused"] and "NOT_A_TREE" in str(answer)
    assert accepted_rows(settings) == before
    good = one_sheet(settings, "don_vi", 4, agency="H29.02", hieu_luc_tu="2020-01-01")
    assert outcomes(resubmit(settings, "sua.xlsx", good, BY)) == ["accepted"]


def test_a_resubmission_that_was_killed_goes_on_where_it_stopped(settings: Settings, twin: Settings) -> None:
    content = one_sheet(settings, "nhan_su", 6, nhom="CONG_CHUC")
    with pytest.MonkeyPatch.context() as patch:
        # Not an Exception, so that nothing is cleaned up, as after a kill.
        patch.setattr(resubmission, "judge_dependent", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            resubmit(settings, "sua.xlsx", content, BY)
    assert ledger(settings, "select outcome from ledger.ops.correction") == [("pending",)]
    answer = resubmit(settings, "sua.xlsx", content, BY)
    assert outcomes(answer) == ["accepted"] and not answer.was_known
    number = REPAIRS["BAD_ENUM"][1]["so_dinh_danh"]
    assert staff_row(settings, number) == staff_row(twin, number)


def test_corrections_expire_with_the_raw_files_and_a_rotation_passes_them(settings: Settings) -> None:
    for content in sheets(settings, worlds()[2]):
        resubmit(settings, "sua.xlsx", content, BY)
    keys = ledger(settings, "select distinct finding_key from ledger.ops.correction where person_key is not null")
    rotate(settings, b"another secret than before")
    assert not set(keys) & set(ledger(settings, "select distinct finding_key from ledger.ops.correction"))
    assert set(settings.landing.glob("corrections/*/*/*.age"))
    deleted = delete_expired(settings, NIGHT.replace(year=2026), 90)
    assert deleted.kept == () and not set(settings.landing.rglob("*.age"))
    journal = ledger(settings, "select distinct source from ledger.ops.raw_file_deletion where state = 'deleted'")
    assert ("corrections/hr",) in journal and ("hr",) in journal
