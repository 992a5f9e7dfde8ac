"""What becomes of a sender's file is told where people look: the loads, the parts, and the mark of stale numbers."""

from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console
from rich.text import Text

from par_warehouse import show
from par_warehouse.settings import Settings
from par_warehouse.validate import take_in
from tests.configurations import with_feeds
from tests.nights import run_steps
from tests.small_world import BY_NAME, NIGHT, clean_world, csv_text, deliver, settings_for, stage

BEFORE = NIGHT - timedelta(days=1)
RATINGS = BY_NAME["danh_gia"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    return settings_for(tmp_path)


def ledger(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.ledger), read_only=True) as con:
        return con.execute(query).fetchall()


def judge(settings: Settings, night: date) -> None:
    for source in ("hr", "elearning"):
        stage(settings, source, night)
    take_in(settings, night, "run")


def message_of(settings: Settings, night: date, file: str) -> str:
    columns = [[Text.from_markup(cell).plain for cell in one.cells] for one in show.loads(settings, night).columns]
    (row,) = (row for row in zip(*columns, strict=True) if row[1] == file)
    return row[-1]


def test_a_sender_rejected_with_nothing_before_it_is_told_in_loads_and_marks_what_is_made_of_its_table(
    settings: Settings, tmp_path: Path
) -> None:
    settings = with_feeds(settings, lop_boi_duong={"files": "lop/{part}.csv"})
    deliver(tmp_path, clean_world(), replace={"lop_boi_duong": None})
    folder = tmp_path / "hr" / NIGHT.isoformat() / "lop"
    folder.mkdir()
    (folder / "a.csv").write_text(csv_text(BY_NAME["lop_boi_duong"], clean_world()["lop_boi_duong"]))
    (folder / "b.csv").write_text("so_dinh_danh,ma_lop\n013085000001,L2\n")
    run_steps(settings, NIGHT)

    loads = "select state, parts_carried, parts_unserved from ops.load_file where file_name = 'lop_boi_duong.csv'"
    assert ledger(settings, loads) == [("accepted", 0, 1)]
    message = message_of(settings, NIGHT, "lop_boi_duong.csv")
    assert message.startswith("1 nơi gửi bị từ chối và chưa có tệp nào để dùng thay")
    assert message_of(settings, NIGHT, "nhan_su.csv") == ""
    stale = "select distinct indicator_code from marts.fct_indicator_daily where is_stale order by 1"
    with duckdb.connect(str(settings.current), read_only=True) as con:
        assert con.execute(stale).fetchall() == [("I1",), ("I2",), ("I6",)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("so_dinh_danh,nam\n013085000001,2023\n", "MISSING_COLUMN"),
        (csv_text(RATINGS, []), "NO_ROWS"),
        (csv_text(RATINGS, clean_world()["danh_gia"]).replace("nam", "NUL\0"), "NUL"),
    ],
)
def test_the_only_file_of_a_rejected_table_is_rejected_and_says_what_serves(
    settings: Settings, tmp_path: Path, content: str, message: str
) -> None:
    deliver(tmp_path, clean_world(), BEFORE)
    deliver(tmp_path, clean_world(), NIGHT, replace={"danh_gia": content.encode()})
    judge(settings, BEFORE)
    judge(settings, NIGHT)
    parts = "select data_date, state, served_from_date, rows_read, message from ops.delivery_part"
    before, tonight = ledger(settings, f"{parts} where file_name = 'danh_gia.csv' order by data_date")
    assert before == (BEFORE, "read", BEFORE, 1, None)
    assert tonight[:4] == (NIGHT, "rejected", BEFORE, 1) and message in tonight[4]
    loads = f"select file_name, state, parts_carried, parts_unserved from ops.load_file where data_date = '{NIGHT}'"
    assert ledger(settings, f"{loads} and state <> 'accepted'") == [("danh_gia.csv", "rejected", 0, 0)]


def test_the_first_file_of_a_table_has_nothing_to_be_served_from(settings: Settings, tmp_path: Path) -> None:
    deliver(tmp_path, clean_world(), NIGHT, replace={"danh_gia": csv_text(RATINGS, []).encode()})
    judge(settings, NIGHT)
    parts = "select state, served_from_date, rows_read from ops.delivery_part where file_name = 'danh_gia.csv'"
    assert ledger(settings, parts) == [("rejected", None, 0)]


def test_the_name_of_a_delivered_file_is_shown_whole(settings: Settings, tmp_path: Path) -> None:
    name = f"{'phong_noi_vu_' * 12}cuoi"
    settings = with_feeds(settings, danh_gia={"files": "danh_gia/{part}/*.csv"})
    deliver(tmp_path, clean_world(), replace={"danh_gia": None})
    path = tmp_path / "hr" / NIGHT.isoformat() / "danh_gia" / "a" / f"{name}.csv"
    path.parent.mkdir(parents=True)
    path.write_text(csv_text(RATINGS, clean_world()["danh_gia"]))
    judge(settings, NIGHT)
    screen = Console(width=100, file=StringIO())
    screen.print(show.parts(settings, NIGHT))
    text = screen.file.getvalue()
    cells = "".join(line.split("│")[2].strip() for line in text.splitlines() if line.startswith("│"))
    assert f"danh_gia/a/{name}.csv" in cells and "…" not in cells
