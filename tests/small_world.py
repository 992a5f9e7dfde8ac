"""A small clean world in the export contract: a few valid rows for every file, to be changed by a test."""

import csv
import io
from copy import deepcopy
from datetime import date
from pathlib import Path

from par_warehouse.config import load_configuration
from par_warehouse.contract import TABLES, Table
from par_warehouse.landing import local_folder, pull
from par_warehouse.settings import Settings
from par_warehouse.staged import StagedFile
from par_warehouse.standardise import standardise

Row = dict[str, str]
World = dict[str, list[Row]]

NIGHT = date(2024, 12, 31)
BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}

_CLEAN: World = {
    "don_vi": [
        {"ma_don_vi": "H29", "ten_don_vi": "Thành phố", "loai_don_vi": "THANH_PHO", "hieu_luc_tu": "2020-01-01"},
        {"ma_don_vi": "H29.01", "ten_don_vi": "Sở Nội vụ", "loai_don_vi": "SO_NGANH", "ma_don_vi_cha": "H29",
         "hieu_luc_tu": "01/01/2020"},
        {"ma_don_vi": "H29.02", "ten_don_vi": "Sở cũ", "loai_don_vi": "SO_NGANH", "ma_don_vi_cha": "H29",
         "hieu_luc_tu": "2020-01-01", "hieu_luc_den": "2023-12-31"},
    ],
    "nhan_su": [
        {"so_dinh_danh": "013085000001", "so_hieu": "S1", "ho_ten": "Nguyễn Thị Một", "ngay_sinh": "01/02/1985",
         "nhom": "CONG_CHUC", "ma_don_vi": "H29.01", "la_lanh_dao": "x", "trang_thai": "DANG_CONG_TAC",
         "ngay_vao_co_quan": "2010-01-01"},
        {"so_dinh_danh": "013085000002", "ho_ten": "Trần Văn Hai", "nhom": "CONG_CHUC", "ma_don_vi": "H29.01",
         "trang_thai": "DANG_CONG_TAC"},
    ],
    "phan_cong_cchc": [
        {"so_dinh_danh": "013085000002", "tu_ngay": "2022-01-01", "ma_don_vi": "H29.01", "linh_vuc": "2",
         "hinh_thuc": "KIEM_NHIEM"},
    ],
    "danh_gia": [
        {"so_dinh_danh": "013085000002", "nam": "2023", "muc_xep_loai": "HTXSNV", "ngay_quyet_dinh": "2023-12-20"},
    ],
    "quyet_dinh": [
        {"so_quyet_dinh": "1/QĐ", "so_dinh_danh": "013085000002", "loai": "QUY_HOACH", "ngay_hieu_luc": "2024-03-01",
         "chuc_vu_moi": "Phó phòng", "ly_do": "THUONG_QUY"},
    ],
    "sang_kien": [
        {"ma_sang_kien": "SK1", "so_dinh_danh": "013085000002", "nam_cong_nhan": "2023", "cap": "CO_SO",
         "ap_dung_hieu_qua": "x"},
    ],
    "danh_muc_khoa_hoc": [
        {"ma_khoa_hoc": "K1", "loai": "BOI_DUONG_CCHC", "so_tiet": "8.5"},
        {"ma_khoa_hoc": "K2", "loai": "KIEN_THUC_KY_NANG", "ky_nang": "THAM_MUU"},
    ],
    "danh_muc_hoc_lieu": [{"ma_hoc_lieu": "M1", "loai": "TAI_LIEU"},
                          {"ma_hoc_lieu": "M2", "loai": "MO_HINH_NUOC_NGOAI"}],
    "lop_boi_duong": [
        {"ma_lop": "L1", "so_dinh_danh": "013085000001", "ma_khoa_hoc": "K1", "ngay_hoan_thanh": "2023-05-05",
         "ket_qua": "DAT"},
    ],
    "mdl_user": [{"id": "1", "username": "u1", "idnumber": "013085000001", "timecreated": "1700000000"},
                 {"id": "2", "username": "u2", "idnumber": "013085000002"}],
    "mdl_course": [{"id": "7", "idnumber": "K1", "startdate": "1700000000", "enddate": "1700003600"},
                   {"id": "8", "idnumber": "K2"}],
    "mdl_course_completions": [{"id": "1", "userid": "2", "course": "8", "timecompleted": "1735664399"}],
    "mdl_course_modules": [{"id": "5", "course": "7", "idnumber": "M1"}, {"id": "6", "course": "7", "idnumber": "M2"}],
    "mdl_course_modules_viewed": [{"id": "1", "coursemoduleid": "5", "userid": "2", "timecreated": "1735664399"}],
}  # fmt: skip


def clean_world() -> World:
    """A fresh copy of the world, one list of rows per table name."""
    return deepcopy(_CLEAN)


def csv_text(table: Table, rows: list[Row]) -> str:
    """The rows as the contract's CSV; a row's key ``*`` adds that many fields too many (or, negative, too few)."""
    names = [column.name for column in table.columns]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        cells = [row.get(name, "") for name in names]
        surplus = int(row.get("*", "0"))
        writer.writerow(cells + ["more"] * surplus if surplus >= 0 else cells[:surplus])
    return text.getvalue()


def deliver(base: Path, world: World, night: date = NIGHT, *, replace: dict[str, bytes | None] | None = None) -> None:
    """Write both sources' folders of one night; ``replace`` gives a file's bytes, or None to leave it out."""
    for table in TABLES:
        folder = base / table.source / night.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        content = (replace or {}).get(table.name, csv_text(table, world[table.name]).encode())
        if content is not None:
            (folder / table.file_name).write_bytes(content)
    for source in ("hr", "elearning"):
        (base / source / night.isoformat() / "_SUCCESS").touch()


def settings_for(base: Path) -> Settings:
    """Settings with the world's folders as sources and a data folder beside them."""
    return Settings(base / "data", (base / "hr").as_uri(), (base / "elearning").as_uri())


def land(settings: Settings, source: str, night: date = NIGHT) -> list[date]:
    """Pull one source; the dates copied."""
    feeds = load_configuration(settings.config_dir).sources.of(source)
    return pull(settings, source, feeds, local_folder(settings, source), night)


def stage(settings: Settings, source: str, night: date = NIGHT) -> dict[str, StagedFile]:
    """Pull and standardise one source; the staged files by table name."""
    land(settings, source, night)
    return standardise(settings, load_configuration(settings.config_dir), source, night)
