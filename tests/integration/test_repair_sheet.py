"""The repair spreadsheet: whose rows it holds, what it shows of them, and what it hides."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from par_warehouse.dialects._workbook import read_workbook
from par_warehouse.repair_sheet import repair_sheet
from par_warehouse.retention import delete_expired
from par_warehouse.settings import Settings
from par_warehouse.validate import take_in
from tests.small_world import NIGHT, clean_world, deliver, settings_for, stage
from tests.spreadsheets import delivered

NUMBER, NAME = "013085000003", "Đỗ Thị Ba"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A night on which two agencies have rows in quarantine; not to be changed."""
    base = tmp_path_factory.mktemp("sheet")
    world = clean_world()
    world["don_vi"].append({"ma_don_vi": "H29.03", "ten_don_vi": "Sở Y tế", "loai_don_vi": "SO_NGANH",
                            "ma_don_vi_cha": "H29", "hieu_luc_tu": "2020-01-01"})  # fmt: skip
    staff = {"ho_ten": NAME, "nhom": "CONG_CHUC", "ma_don_vi": "H29.01", "trang_thai": "DANG_CONG_TAC"}
    world["nhan_su"] += [
        staff | {"so_dinh_danh": "123456789", "ngay_sinh": "31/13/1985", "so_hieu": "HCM-0042"},
        staff | {"so_dinh_danh": NUMBER, "ngay_sinh": "14/03/1985", "nhom": "=HYPERLINK(1)"},
        staff | {"so_dinh_danh": "013085000004", "ma_don_vi": "H29.03", "nhom": "CC"},
    ]
    world["quyet_dinh"].append(dict(world["quyet_dinh"][0]))
    world["sang_kien"].append(world["sang_kien"][0] | {"*": "1"})
    deliver(base, world)
    made = settings_for(base)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAR_PERSON_KEY_SECRET", "test")
        for source in ("hr", "elearning"):
            stage(made, source)
        take_in(made, NIGHT, "run")
    return made


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")


def sheets(content: bytes | None) -> dict[str, list[dict[str, openpyxl.cell.Cell]]]:
    """The rows of each table's sheet, by heading."""
    assert content is not None
    found = {}
    for page in openpyxl.load_workbook(io.BytesIO(content)).worksheets[1:]:
        head, *rows = page.iter_rows()
        found[page.title] = [{str(h.value): cell for h, cell in zip(head, row, strict=True)} for row in rows]
    return found


def test_holds_the_open_rows_of_one_agency_only(settings: Settings) -> None:
    of = {agency: sheets(repair_sheet(settings, NIGHT, agency)) for agency in ("H29.01", "H29.03", None)}
    rows = {agency: {name: [row["dòng"].value for row in rows] for name, rows in s.items()} for agency, s in of.items()}
    assert rows == {
        "H29.01": {"nhan_su": ["3", "4"], "quyet_dinh": ["1"]},
        "H29.03": {"nhan_su": ["5"]},
        None: {"sang_kien": ["2"]},
    }
    assert repair_sheet(settings, NIGHT, "H29") is None
    assert repair_sheet(settings, NIGHT.replace(day=30), "H29.01") is None


def test_shows_what_is_broken_and_hides_the_person(settings: Settings) -> None:
    first, second = sheets(repair_sheet(settings, NIGHT, "H29.01"))["nhan_su"]
    shown = {name: cell.value for name, cell in first.items()}
    assert (shown["so_dinh_danh"], shown["ho_ten"], shown["ngay_sinh"]) == ("••••••789 (9)", "Đ. T. B.", "••/••/••••")
    assert (shown["so_hieu"], shown["ma_don_vi"], shown["quy_tắc"]) == ("•••", "H29.01", "BAD_ID BAD_DATE")
    assert "12 chữ số" in shown["việc_cần_làm"] and "ngay_sinh" in shown["việc_cần_làm"]
    assert "12 digits" in shown["what_to_do"]
    colours = {name for name, cell in first.items() if cell.fill.fgColor.rgb == "FFFFD966"}
    assert colours == {"so_dinh_danh", "ngay_sinh"}
    assert (second["so_dinh_danh"].value, second["ngay_sinh"].value) == ("•••", "•••")


def test_nothing_in_it_is_a_formula_and_our_own_reader_takes_it(settings: Settings) -> None:
    content = repair_sheet(settings, NIGHT, "H29.01")
    cell = sheets(content)["nhan_su"][1]["nhom"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == ("=HYPERLINK(1)", "s", True)
    assert content is not None
    assert [sheet.formulas for sheet in read_workbook(delivered(content))] == [{}, {}, {}]


def test_a_row_there_twice_can_be_withdrawn_and_a_malformed_one_is_filled_in(settings: Settings) -> None:
    (twice,) = sheets(repair_sheet(settings, NIGHT, "H29.01"))["quyet_dinh"]
    assert twice["xử_lý"].fill.fgColor.rgb == "FFFFD966"
    (malformed,) = sheets(repair_sheet(settings, NIGHT, None))["sang_kien"]
    assert malformed["ma_sang_kien"].value is None and malformed["ma_sang_kien"].fill.fgColor.rgb == "FFFFD966"
    assert "Fill in the whole row" in malformed["what_to_do"].value


def test_the_same_findings_give_the_same_bytes_and_each_look_is_logged(settings: Settings) -> None:
    assert repair_sheet(settings, NIGHT, "H29.01") == repair_sheet(settings, NIGHT, "H29.01")
    log = (settings.vault / "reads.jsonl").read_text()
    assert "repair spreadsheet of H29.01, 2024-12-31" in log and NAME not in log


def test_says_that_raw_files_are_gone(settings: Settings, tmp_path: Path) -> None:
    copy = replace(settings, data_dir=tmp_path / "data")
    shutil.copytree(settings.data_dir, copy.data_dir)
    delete_expired(copy, NIGHT.replace(year=2026), 90)
    first, second = sheets(repair_sheet(copy, NIGHT, "H29.01"))["nhan_su"]
    assert "deleted when its days were over" in first["what_to_do"].value
    values = [cell.value for cell in (*first.values(), *second.values())]
    assert not {NUMBER, NAME, "123456789"} & set(values)
    assert (first["so_dinh_danh"].value, first["nhom"].value, second["nhom"].value) == ("invalid", "CONG_CHUC", None)
