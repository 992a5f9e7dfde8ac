"""Who follows "Add a source" word for word gets what the page says: its commands, snippets, module and sample files."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

import par_warehouse.dialects
from par_warehouse import cli, show, validate
from par_warehouse.config import load_configuration
from par_warehouse.contract import SOURCES
from par_warehouse.ledger import open_ledger
from par_warehouse.settings import PROJECT_ROOT, Settings
from par_warehouse.staged import StagedFile, StagedPart
from tests.small_world import stage
from tests.spreadsheets import SheetOf, xlsx
from tests.unit.test_encodings import tcvn3

PAGE = PROJECT_ROOT / "docs" / "how-to" / "add-a-source.md"
NIGHT = date(2024, 12, 31)
DIALECT = "academy_json"


class Reader:
    """Somebody who follows the page in a folder of their own."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.page = PAGE.read_text("utf-8").replace("/tmp/par-try", str(base))
        self.capsys = capsys
        self.patch = monkeypatch
        commands = self.block("after its first `make nightly`:").replace(
            ".venv/bin/par", f"{sys.executable} -m par_warehouse.cli"
        )
        outer = {name: value for name, value in os.environ.items() if not name.startswith("PAR_")}
        done = subprocess.run(
            ["bash", "-euc", f"{commands}\nenv -0"], cwd=PROJECT_ROOT, env=outer, capture_output=True, check=True
        )
        for entry in done.stdout.decode().split("\0"):
            name, _, value = entry.rpartition("\n")[2].partition("=")
            if name.startswith("PAR_"):
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "a secret of the tests")
        self.settings = Settings.from_environment()
        self.delivery = base / "exports" / "hr" / NIGHT.isoformat()
        self.sources = self.settings.config_dir / "sources.yml"
        assert self.settings.data_dir == base / "data" and self.delivery.is_dir()

    def block(self, words: str) -> str:
        """The first code block after these words."""
        found = re.match(r".*?^```\w*\n(.*?)^```$", self.after(words), re.DOTALL | re.MULTILINE)
        assert found is not None
        return found[1]

    def rows(self, words: str) -> list[list[str]]:
        """The cells of the first table after these words, without its head and without code marks."""
        lines = re.search(r"(?:^\|.*\n)+", self.after(words), re.MULTILINE)
        assert lines is not None
        cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[0].splitlines()[2:]]
        return [[re.sub(r"^`([^`]*)`$", r"\1", cell.strip()).replace("\\|", "|") for cell in row] for row in cells]

    def after(self, words: str) -> str:
        assert self.page.count(words) == 1, words
        return self.page.split(words)[1]

    def add_feed(self, table: str) -> str:
        """Put the page's feed below that of the contract's own file; returns what is written now."""
        line = f"    - table: {table}\n"
        written = self.sources.read_text("utf-8").replace(line, line + self.block(f"elow `- table: {table}`"))
        self.sources.write_text(written, encoding="utf-8")
        return written

    def screen(self, *words: str) -> str:
        """What a command prints."""
        self.patch.setattr(sys, "argv", ["par", *words])
        try:
            cli.main()
        except SystemExit as end:
            assert end.code == 1
        return self.capsys.readouterr().out

    def staged(self, table: str) -> StagedFile:
        return stage(self.settings, "hr", NIGHT)[table]

    def part(self, table: str, feed: str) -> StagedPart:
        (part,) = (one for one in self.staged(table).parts if one.feed == feed)
        return part

    def take_in(self) -> None:
        for source in SOURCES:
            stage(self.settings, source, NIGHT)
        validate.take_in(self.settings, NIGHT, "run")

    def ledger(self, query: str) -> list[tuple[Any, ...]]:
        with open_ledger(self.settings) as con:
            con.execute("use ledger")
            return con.execute(query).fetchall()

    def parts(self) -> list[list[str]]:
        """What `par show parts` shows of the new senders."""
        columns = [map(Text.from_markup, column.cells) for column in show.parts(self.settings, NIGHT).columns]
        rows = [[cell.plain for cell in row] for row in zip(*columns, strict=True)]
        return [row for row in rows if "/" in row[1]]

    def deliver_ratings(self) -> None:
        path = self.delivery / "so_y_te" / "danh_gia.csv"
        path.parent.mkdir()
        path.write_bytes(tcvn3(self.block("with headings of its own:")))

    def deliver_workbook(self, total: str = "2") -> None:
        sheet = SheetOf()
        for line in self.block("The sheet is laid out for people:").splitlines():
            sheet.add(*(cell.strip() or None for cell in line.replace("có 2 người", f"có {total} người").split("|")))
        path = self.delivery / "nhan_su" / "so_y_te" / "thang_12.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(xlsx(sheet))

    def deliver_class(self, length: int | None = None) -> None:
        path = self.delivery / "hoc_vien" / "lop_07.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.block("`hoc_vien/lop_07.json`:")[:length], encoding="utf-8")


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Reader:
    return Reader(tmp_path / "par-try", monkeypatch, capsys)


@pytest.fixture
def dialect_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose modules are dialects, too."""
    folder = tmp_path / "dialects"
    folder.mkdir()
    par_warehouse.dialects.__path__.append(str(folder))
    yield folder
    par_warehouse.dialects.__path__.remove(str(folder))
    sys.modules.pop(f"{par_warehouse.dialects.__name__}.{DIALECT}", None)
    vars(par_warehouse.dialects).pop(DIALECT, None)


def test_a_csv_file_by_configuration_only(reader: Reader) -> None:
    reader.deliver_ratings()
    right = reader.add_feed("danh_gia")
    assert reader.screen("check-config") == reader.block(".venv/bin/par check-config\n```")

    mistakes = reader.rows("Each of these says:")
    assert len(mistakes) > 5
    for instead_of, written, message in mistakes:
        assert right.count(instead_of) == 1
        reader.sources.write_text(right.replace(instead_of, written), encoding="utf-8")
        assert reader.screen("check-config") == f"Not done: {message}\n"

    refusals = reader.rows("with the feed described wrongly:")
    assert len(refusals) > 2
    for left_out, message in refusals:
        assert right.count(left_out) == 1
        reader.sources.write_text(right.replace(left_out, ""), encoding="utf-8")
        part = reader.part("danh_gia", "danh_gia_so_y_te")
        assert (part.state, part.problem) == ("rejected", message)

    reader.sources.write_text(right, encoding="utf-8")
    reader.take_in()
    assert reader.ledger("select rows_read, rows_quarantined from ops.load_file where file_name = 'danh_gia.csv'") == [
        (10_621 + 3, 2)
    ]
    quarantine = reader.ledger("select row_number, rule_code, message from ops.quarantine_row order by row_number")
    promised = reader.rows("2 of them in quarantine:")
    assert [[str(number), code] for number, code, _ in quarantine] == [row[:2] for row in promised]
    assert "(so_y_te/danh_gia.csv, dòng | row 3)" in promised[1][2]
    assert quarantine[1][2].endswith("(so_y_te/danh_gia.csv, dòng | row 3)")

    values = reader.settings.config_dir / "values.yml"
    lines = reader.block("list `rating`:").splitlines(keepends=True)
    assert len(lines) == 1
    kept = [line for line in values.read_text("utf-8").splitlines(keepends=True) if not line.startswith("  HTXSNV:")]
    kept.insert(kept.index("rating:\n") + 1, lines[0])
    values.write_text("".join(kept), encoding="utf-8")
    query = f"select muc_xep_loai from read_parquet('{reader.staged('danh_gia').path}') where part_number = 1"
    assert reader.ledger(f"{query} order by part_row") == [("HTTNV",), ("HTXSNV",), ("HTXSNV",)]


def test_a_workbook_per_unit_by_configuration_only(reader: Reader) -> None:
    right = reader.add_feed("nhan_su")
    absent = re.search(r" +absent: .*\n", right)
    assert absent is not None
    (_, without_column), (_, wrong_total) = reader.rows("What it is told otherwise:")

    reader.deliver_workbook()
    reader.sources.write_text(right.replace(absent[0], ""), encoding="utf-8")
    assert reader.part("nhan_su", "nhan_su_don_vi").problem == without_column
    reader.sources.write_text(right, encoding="utf-8")
    reader.deliver_workbook(total="3")
    assert reader.part("nhan_su", "nhan_su_don_vi").problem == wrong_total

    reader.deliver_workbook()
    rows = reader.ledger(
        "select part_row, nhom, ma_don_vi, la_lanh_dao, trang_thai, ngay_vao_co_quan"
        f" from read_parquet('{reader.staged('nhan_su').path}') where part_number = 1 order by row_number"
    )
    assert rows == [
        (6, "CONG_CHUC", "H29.18", "x", "DANG_CONG_TAC", date(2010, 7, 1)),
        (7, "VIEN_CHUC", "H29.18.04", None, "DANG_CONG_TAC", date(2015, 9, 1)),
    ]


def test_a_format_of_its_own_by_one_small_module(reader: Reader, dialect_folder: Path) -> None:
    reader.deliver_ratings()
    reader.deliver_workbook()
    for table in ("danh_gia", "nhan_su", "lop_boi_duong"):
        reader.add_feed(table)
    assert reader.screen("check-config") == reader.block("is a mistake:")

    module = reader.block("Save as `include/par_warehouse/dialects/academy_json.py`:")
    (dialect_folder / f"{DIALECT}.py").write_text(module, encoding="utf-8")
    assert "hr 10 feeds" in reader.screen("check-config")
    assert len(load_configuration(reader.settings.config_dir).sources.hr.feeds) == 10

    reader.deliver_class(length=100)
    assert f"{reader.part('lop_boi_duong', 'lop_hoc_vien').problem}\n" == reader.block("A class file that is cut off:")

    reader.deliver_class()
    reader.take_in()
    parts = reader.parts()
    assert parts == reader.rows("all three stand side by side:")
    assert [parts[0]] == reader.rows("`par show parts` a line per sender's file:")
    assert [parts[2]] == reader.rows("After the next night:")
    assert "dropped (4)" in reader.page
    assert reader.ledger("select unknown_columns from ops.delivery_part where feed = 'danh_gia_so_y_te'") == [(4,)]
    assert reader.ledger(
        "select rows_read, rows_quarantined from ops.load_file where file_name = 'lop_boi_duong.csv'"
    ) == [(459 + 2, 0)]
