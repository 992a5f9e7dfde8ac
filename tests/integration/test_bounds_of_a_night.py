"""A whole night with findings publishes the bounds that trying every repair gives, exact or wider."""

import csv
from pathlib import Path

import duckdb
import pytest

from par_warehouse.settings import Settings
from tests.nights import run_steps
from tests.oracle.contract import FILES
from tests.oracle.repairs import Cells, D, Tables, base, brute_force, judge

NIGHTS: dict[str, dict[str, Cells]] = {
    "rows that name somebody": {
        "nhan_su.csv": {"so_dinh_danh": "013000000003", "ho_ten": "Ca", "nhom": "CAN_BO", "ma_don_vi": "GONE",
                        "la_lanh_dao": "x", "trang_thai": "DANG_CONG_TAC"},
        "phan_cong_cchc.csv": {"so_dinh_danh": "013000000004", "tu_ngay": "2022-06-01", "ma_don_vi": "QH",
                               "den_ngay": "2020-01-01"},
        "danh_muc_khoa_hoc.csv": {"ma_khoa_hoc": "K2", "loai": "KIEN_THUC_KY_NANG", "ky_nang": ""},
    },
    "rows that name nobody": {
        "lop_boi_duong.csv": {"ma_lop": "L1", "so_dinh_danh": "12", "ma_khoa_hoc": "KH",
                              "ngay_hoan_thanh": "2024-05-05", "ket_qua": "?"},
        "quyet_dinh.csv": {"so_quyet_dinh": "9", "so_dinh_danh": "x", "loai": "QUY_HOACH", "chuc_vu_moi": "T",
                           "ngay_hieu_luc": "2024-02-01", "ly_do": "THUONG_QUY"},
        "mdl_course_modules_viewed.csv": {"id": "9", "coursemoduleid": "101", "userid": "",
                                          "timecreated": "1710000000"},
    },
}  # fmt: skip


@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_publishes_its_bounds(night: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "secret of the findings")
    tables = base()
    for name, cells in NIGHTS[night].items():
        tables[name].insert(0, cells)
    deliver(tmp_path, tables)
    settings = Settings(tmp_path / "data", (tmp_path / "hr").as_uri(), (tmp_path / "elearning").as_uri())
    run_steps(settings, D)

    world = judge(tables)
    expected = brute_force(world, tables)
    assert expected is not None
    assert len(world.findings) == len(NIGHTS[night])
    with duckdb.connect(str(settings.current), read_only=True) as con:
        rows = con.execute(
            "select indicator_code, org_unit_code, population_group, value_low, value_high, is_exact, can_status_change"
            " from marts.fct_indicator_bound where as_of_date = ?",
            [D],
        ).fetchall()
        shown = con.execute("select count(*) from bi.indicator_daily where value_low < value_high").fetchone()
    found = {tuple(row[:3]): row[3:] for row in rows}
    assert found.keys() == expected.keys()
    for key, ends in expected.items():
        low, high, is_exact, _ = found[key]
        wanted = [value(end) for end in ends]
        if is_exact or wanted[0] is None:
            assert [low, high] == wanted, key
        else:
            assert low <= wanted[0] and high >= wanted[1], key
    assert sum(row[2] for row in found.values()) > len(found) / 2
    assert any(row[3] for row in found.values())
    assert shown is not None and shown[0] > 0


def value(share: tuple[int, int | None]) -> float | None:
    if share[1] is None:
        return float(share[0])
    return 100 * share[0] / share[1] if share[1] else None


def deliver(folder: Path, tables: Tables) -> None:
    for spec in FILES:
        target = folder / spec.source / D.isoformat()
        target.mkdir(parents=True, exist_ok=True)
        with (target / spec.name).open("w", newline="") as file:
            writer = csv.DictWriter(file, [column.name for column in spec.columns], restval="")
            writer.writeheader()
            writer.writerows(tables[spec.name])
        (target / "_SUCCESS").touch()
