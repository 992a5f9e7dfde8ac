"""The audit for identities finds a planted number or name in any text column, and nothing where there is none."""

from pathlib import Path

import duckdb
import pytest

from par_warehouse.audit import identity_leaks
from par_warehouse.settings import Settings

DAY = "2024-12-31"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(tmp_path, "", "")
    settings.vault.mkdir()
    with duckdb.connect(str(settings.vault / "identity.duckdb")) as vault:
        vault.execute("create table person (person_key varchar, so_dinh_danh varchar, ho_ten varchar)")
        vault.execute("insert into person values ('ab013085000001cd', '013085000001', 'Lê Thị Ba'), ('x', '1', null)")
    return settings


def build(folder: Path, text: str, codes: str = "BAD_ID", day: str = DAY) -> str:
    """A build with one text and one list of codes."""
    path = folder / "build.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("create schema ops")
        con.execute("create table ops.quarantine_row (data_date date, message varchar, rule_codes varchar[], n bigint)")
        con.execute("insert into ops.quarantine_row values (?, ?, [?], 13085000001)", [day, text, codes])
        con.execute("create table ops.fact (person_key varchar, code varchar)")
        con.execute("insert into ops.fact values ('ab013085000001cd', 'H29.01')")
    return str(path)


@pytest.mark.parametrize(
    ("text", "codes", "leaks"),
    [
        ("the number 013085000001 stands here", "BAD_ID", ["ops.quarantine_row.message"]),
        ("lê thị ba", "BAD_ID", ["ops.quarantine_row.message"]),
        ("nothing", "013085000001", ["ops.quarantine_row.rule_codes"]),
        ("Lê Thị Ba", "x 013085000001", ["ops.quarantine_row.message", "ops.quarantine_row.rule_codes"]),
        ("the number 013085000002 is nobody's", "BAD_ID", []),
    ],
)
def test_a_planted_identity_is_found_where_it_stands(
    settings: Settings, tmp_path: Path, text: str, codes: str, leaks: list[str]
) -> None:
    assert identity_leaks(settings, build(tmp_path, text, codes), DAY) == leaks


def test_only_the_rows_of_the_date_are_looked_at(settings: Settings, tmp_path: Path) -> None:
    assert identity_leaks(settings, build(tmp_path, "013085000001", day="2024-12-30"), DAY) == []
