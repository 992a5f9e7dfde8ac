"""Each kind of cell: what a delivered text becomes, and that no personal value travels on."""

import hashlib
import hmac
import unicodedata
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from par_warehouse.contract import TABLES
from par_warehouse.pseudonym import register_hmac
from par_warehouse.settings import Settings
from par_warehouse.staged import StagedFile
from par_warehouse.text import clean
from tests.small_world import BY_NAME, clean_world, csv_text, deliver, settings_for
from tests.small_world import stage as stage_source

SECRET = "bí mật"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", SECRET)
    return settings_for(tmp_path)


def stage(settings: Settings, tmp_path: Path, table: str, *rows: dict[str, str]) -> tuple[StagedFile, list[dict]]:
    """Stage one file with these rows beside a clean world; return what was found and the staged rows."""
    world = clean_world()
    world[table] = list(rows)
    deliver(tmp_path, world)
    staged = stage_source(settings, BY_NAME[table].source)[table]
    return staged, duckdb.sql(f"from read_parquet('{staged.path}') order by row_number").to_arrow_table().to_pylist()


def column(settings: Settings, tmp_path: Path, table: str, name: str, *texts: str) -> list[object]:
    return [row[name] for row in stage(settings, tmp_path, table, *({name: text} for text in texts))[1]]


def test_person_key_is_the_contracts_hmac_and_repairs_are_marked(settings: Settings, tmp_path: Path) -> None:
    given = [
        "013085000001",
        "13085000001",
        "1308500001",
        "'013085000001",
        "'13085000001",
        "308500001",
        "0130850000012",
        "x",
        "",
    ]
    _, rows = stage(settings, tmp_path, "nhan_su", *({"so_dinh_danh": one} for one in given))
    assert [row["so_dinh_danh"] for row in rows] == [
        "valid", "repaired", "repaired", "repaired", "repaired", "invalid", "invalid", "invalid", None,
    ]  # fmt: skip
    key = hmac.new(SECRET.encode(), b"013085000001", hashlib.sha256).hexdigest()
    assert [row["person_key"] == key for row in rows] == [True, True, False, True, True, False, False, False, False]
    other = hmac.new(SECRET.encode(), b"001308500001", hashlib.sha256).hexdigest()
    assert rows[2]["person_key"] == other
    assert rows[5]["person_key"] is None


@pytest.mark.parametrize("secret", [b"", b"short", b"k" * 64, b"k" * 65])
def test_keyed_hash_equals_the_standard_librarys(secret: bytes) -> None:
    with duckdb.connect() as con:
        register_hmac(con, secret)
        found = con.execute("select keyed_hash('đo lường'), keyed_hash(null::varchar)").fetchone()
    assert found == (hmac.new(secret, "đo lường".encode(), hashlib.sha256).hexdigest(), None)


def test_dates_in_both_notations_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    bad = date(1, 1, 1)
    assert column(
        settings, tmp_path, "nhan_su", "ngay_vao_co_quan",
        "2024-02-29", "29/02/2024", "1900-01-01", "2101-01-01", "31/02/2024", "2023-02-29", "1/2/2024", "01/02/24",
        "12/31/2024", "2024-1-02", "45000", "2024-01-02 00:00:00", "",
    ) == [date(2024, 2, 29)] * 2 + [date(1900, 1, 1), date(2101, 1, 1)] + [bad] * 8 + [None]  # fmt: skip


def test_epochs_become_local_time_and_zero_is_not_set(settings: Settings, tmp_path: Path) -> None:
    bad = datetime(1, 1, 1)
    assert column(
        settings, tmp_path, "mdl_course", "timemodified",
        "1735664399", "1735664400", "0", "00", "-1", "12.0", "1e9", "abc", "9" * 30, "",
    ) == [
        datetime(2024, 12, 31, 23, 59, 59), datetime(2025, 1, 1), None, None, datetime(1970, 1, 1, 6, 59, 59),
        bad, bad, bad, bad, None,
    ]  # fmt: skip


def test_numbers(settings: Settings, tmp_path: Path) -> None:
    assert column(settings, tmp_path, "mdl_user", "suspended", "007", "0", "-1", "1.0", "+1", "", "9" * 25) == [
        7, 0, -1, -1, -1, None, -1,
    ]  # fmt: skip
    hours = column(settings, tmp_path, "danh_muc_khoa_hoc", "so_tiet", "8.5", "-2", "8,5", "1e3", "")
    assert hours == [8.5, -2.0, float("-inf"), float("-inf"), None]
    assert column(settings, tmp_path, "danh_gia", "nam", "2024", "24", "2024.0", "") == [2024, -1, -1, None]


def test_text_is_cleaned_before_anything_else(settings: Settings, tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "  Sở\u00a0 Nội \u3000\n vụ ")
    assert column(settings, tmp_path, "don_vi", "ten_don_vi", name, "\u00a0 \t", "Sở A 079085000001") == [
        "Sở Nội vụ", None, "Sở A …",
    ]  # fmt: skip
    assert clean(name) == "Sở Nội vụ"
    assert column(settings, tmp_path, "nhan_su", "trang_thai", " THOI_VIEC ", "thoi_viec") == ["THOI_VIEC", "thoi_viec"]


def test_codes_that_look_like_a_person_are_hidden_but_stay_equal(settings: Settings, tmp_path: Path) -> None:
    code, again, name, plain = column(
        settings, tmp_path, "nhan_su", "ma_don_vi", "013085000009", "013085000009", "Lê Thị Ba", "000.00.01.H29"
    )
    assert code == again != "013085000009"
    assert str(name).startswith("#") and plain == "000.00.01.H29"


def test_no_personal_value_is_staged(settings: Settings, tmp_path: Path) -> None:
    row = {"so_hieu": "SH-77", "ho_ten": "Phạm Văn Bốn", "nhom": "Phạm Văn Bốn", "trang_thai": "013085000004",
           "so_dinh_danh": "013085000004", "ma_don_vi": "H29.01", "gioi_tinh": "Nam"}  # fmt: skip
    _, rows = stage(settings, tmp_path, "nhan_su", row)
    text = str(rows)
    assert "013085000004" not in text and "Phạm" not in text and "SH-77" not in text
    assert rows[0]["ho_ten"] == "x"
    with duckdb.connect(str(settings.vault / "identity.duckdb"), read_only=True) as vault:
        known = vault.execute("select so_dinh_danh, ho_ten from person order by 1").fetchall()
    assert ("013085000004", "Phạm Văn Bốn") in known
    assert (settings.vault / "identity.duckdb").stat().st_mode & 0o777 == 0o600
    assert settings.vault.stat().st_mode & 0o777 == 0o700


def test_header_is_judged(settings: Settings, tmp_path: Path) -> None:
    table = BY_NAME["danh_gia"]
    text = csv_text(table, clean_world()["danh_gia"])
    header, rest = text.split("\n", 1)
    for new_header, found in (
        (header + ",ton_giao", (1, (), 0)),
        (header.replace("nam", "năm"), (1, ("nam",), 0)),
        (header.replace("muc_xep_loai", "nam"), (0, ("muc_xep_loai",), 1)),
        ("\ufeff" + header.replace("nam", ' " nam\u00a0" ').replace(' "', '"').replace('" ', '"'), (0, (), 0)),
    ):
        deliver(tmp_path, clean_world(), replace={"danh_gia": f"{new_header}\n{rest}".encode()})
        staged = stage_source(settings, "hr")["danh_gia"]
        assert (staged.unknown_columns, staged.missing_columns, staged.repeated_columns) == found, new_header
        assert staged.rows_read == 1


def test_every_stored_column_is_staged_for_every_table(settings: Settings, tmp_path: Path) -> None:
    deliver(tmp_path, clean_world())
    for source in ("hr", "elearning"):
        staged = stage_source(settings, source)
        for table in TABLES:
            if table.source == source:
                names = set(duckdb.sql(f"from read_parquet('{staged[table.name].path}')").columns)
                assert {column.name for column in table.stored_columns} <= names
                assert not names & {"username", "so_hieu", "fullname"}
