"""The vault lies in a private file of its own, keeps the newest name of everybody, and is never read unlogged."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from par_warehouse.errors import ParError
from par_warehouse.settings import PROJECT_ROOT, Settings
from par_warehouse.vault import attached_vault, incoming_persons, read_vault, remember_persons, vault_path

AN, BINH = "013085000001", "013085000002"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", "", "")


def leave(settings: Settings, name: str, *persons: tuple[str, str | None, str | None], births: bool = True) -> None:
    """Leave persons for the vault as a step does; without ``births`` as an older step did."""
    columns = ["so_dinh_danh", "ho_ten", "ngay_sinh"]
    rows = [dict(zip(columns, person, strict=True), person_key=f"key of {person[0]}") for person in persons]
    table = pa.Table.from_pylist(rows, pa.schema([(column, pa.string()) for column in ["person_key", *columns]]))
    path = incoming_persons(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table if births else table.drop_columns("ngay_sinh"), path)


def persons(settings: Settings) -> list[tuple[str, ...]]:
    with read_vault(settings, "test: everybody") as con:
        return con.execute("select so_dinh_danh, ho_ten, ngay_sinh from vault.person order by all").fetchall()


def log_lines(settings: Settings) -> list[dict]:
    return [json.loads(line) for line in (settings.vault / "reads.jsonl").read_text().splitlines()]


def test_is_private(settings: Settings) -> None:
    leave(settings, "hr-2024-12-31-nhan_su", (AN, "Lê An", None))
    assert remember_persons(settings) == 1
    persons(settings)
    assert settings.vault.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in settings.vault.iterdir() if path.is_file()} == {
        "identity.duckdb": 0o600,
        "reads.jsonl": 0o600,
    }
    assert list((settings.vault / "incoming").iterdir()) == []


def test_the_newest_name_and_birth_stay_and_none_erases_one(settings: Settings) -> None:
    leave(settings, "hr-2024-12-30-nhan_su-Z", (AN, "Lê Thị An", "01/02/1985"), (BINH, None, "1990"))
    leave(settings, "hr-2024-12-31-nhan_su-A", (AN, "Lê An", None), (AN, "Lê An", None))
    leave(settings, "elearning-2024-12-31-mdl_user", (AN, None, None), (BINH, None, None))
    assert remember_persons(settings) == 2
    assert persons(settings) == [(AN, "Lê An", "01/02/1985"), (BINH, None, "1990")]
    leave(settings, "hr-2025-01-01-nhan_su", (AN, "Lê Hoài An", "1985-02-01"), (BINH, "Trần Bình", None))
    remember_persons(settings)
    assert persons(settings) == [(AN, "Lê Hoài An", "1985-02-01"), (BINH, "Trần Bình", "1990")]


def test_takes_files_and_vaults_from_before_births_were_kept(settings: Settings) -> None:
    settings.vault.mkdir(parents=True)
    with duckdb.connect(str(vault_path(settings))) as con:
        con.execute("create table person (person_key varchar primary key, so_dinh_danh varchar, ho_ten varchar)")
        con.execute(f"insert into person values ('key of {AN}', '{AN}', 'Lê An')")
    leave(settings, "hr-2024-12-30-nhan_su", (BINH, "Trần Bình", None), births=False)
    remember_persons(settings)
    leave(settings, "hr-2024-12-31-nhan_su", (AN, None, "1985-02-01"))
    leave(settings, "hr-2024-12-31-sang_kien", (BINH, None, None), births=False)
    remember_persons(settings)
    assert persons(settings) == [(AN, "Lê An", "1985-02-01"), (BINH, "Trần Bình", None)]


def test_a_file_that_a_killed_step_left_half_is_thrown_away(settings: Settings) -> None:
    leave(settings, "hr-2024-12-30-nhan_su", (AN, "Lê An", None))
    whole = incoming_persons(settings, "hr-2024-12-30-nhan_su").read_bytes()
    for name, size in (("hr-2024-12-31-nhan_su", len(whole) - 10), ("hr-2024-12-31-sang_kien", 0)):
        incoming_persons(settings, name).write_bytes(whole[:size])
    assert remember_persons(settings) == 1
    assert list((settings.vault / "incoming").iterdir()) == []


def test_every_reading_is_logged_before_and_after(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(settings, "hr-2024-12-31-nhan_su", (AN, "Lê An", None), (BINH, "Trần Bình", None))
    remember_persons(settings)
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "par_nightly")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "manual__1")
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", "warehouse.audit")
    monkeypatch.setenv("LOGNAME", "somebody else")
    with read_vault(settings, "to see whether this is logged"):
        (begun,) = log_lines(settings)
    assert begun["purpose"] == "to see whether this is logged"
    assert datetime.now(UTC) - datetime.fromisoformat(begun["at"]) < timedelta(minutes=1)
    assert begun["who"] != "somebody else" and begun["pid"] == os.getpid() and begun["program"]
    assert (begun["dag"], begun["run"], begun["task"]) == ("par_nightly", "manual__1", "warehouse.audit")
    first, ended = log_lines(settings)
    assert first == begun
    assert (ended["reading"], ended["persons"]) == (begun["reading"], 2)
    with pytest.raises(ZeroDivisionError), read_vault(settings, "a reading that fails"):
        _ = 1 / 0
    with duckdb.connect() as con, attached_vault(settings, con, "a reading beside other tables"):
        assert len(log_lines(settings)) == 5
    assert len(log_lines(settings)) == 6
    text = (settings.vault / "reads.jsonl").read_text()
    assert AN not in text and "Lê An" not in text


def test_without_a_log_nothing_is_read(settings: Settings) -> None:
    remember_persons(settings)
    (settings.vault / "reads.jsonl").mkdir()
    with pytest.raises(ParError, match=r"The vault is not read, because .*reads\.jsonl cannot be written"):
        persons(settings)


def test_a_reader_cannot_write_and_who_attaches_it_can(settings: Settings) -> None:
    with read_vault(settings, "test") as con, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        con.execute("insert into vault.person values ('key', '1', null, null)")
    with duckdb.connect() as con:
        with attached_vault(settings, con, "test") as catalog:
            con.execute(f"create table {catalog}.more (id integer)")
        assert con.execute("select database_name from duckdb_databases() where not internal").fetchall() == [
            ("memory",)
        ]
    with read_vault(settings, "test") as con:
        assert con.execute("select count(*) from vault.more").fetchall() == [(0,)]


def test_only_this_module_knows_the_file() -> None:
    code = [path for folder in ("include", "dags") for path in (PROJECT_ROOT / folder).rglob("*.py")]
    assert [path.name for path in code if re.search("identity[.]duckdb|vault_path", path.read_text())] == [
        "rotation.py",
        "vault.py",
    ]
