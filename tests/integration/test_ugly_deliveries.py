"""A folder of deliberately ugly deliveries loads to exactly the rows of its clean twin, or is rejected or quarantined
with a message that a clerk can act on.

All deliveries come in one night, each from senders of its own; the clean twin lies in another data folder with the
same secret. ``tests/ugly`` makes both.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from par_warehouse.config import load_configuration
from par_warehouse.contract import SOURCES, TABLES_BY_NAME
from par_warehouse.settings import Settings
from par_warehouse.staged import StagedFile, StagedPart
from par_warehouse.standardise import standardise
from par_warehouse.validate import take_in
from tests.small_world import land
from tests.ugly.deliveries import made, names
from tests.ugly.delivery import BEFORE, HEADINGS, NIGHT, Delivery, Staff, csv_text, spoken
from tests.ugly.folder import deliver_clean, deliver_ugly, feed_name

SECRET = "secret of the ugly deliveries"
CORRECTED = csv_text(spoken(Staff(0)(2)), HEADINGS).encode()


@dataclass(frozen=True)
class StagedRow:
    """A staged row: its number in the whole table, its number as its sender knows it, and its stored cells."""

    row_number: int
    part_row: int
    cells: Mapping[str, object]

    @property
    def is_repaired(self) -> bool:
        """Whether its identification number was."""
        return "repaired" in self.cells.values()

    @property
    def compared(self) -> tuple[str, ...]:
        """The cells, a repaired number being one like any other."""
        return tuple(str("valid" if cell == "repaired" else cell) for cell in self.cells.values())


@dataclass(frozen=True)
class Night:
    """What one data folder has staged for the night, by feed and table, and the people it knows."""

    parts: Mapping[tuple[str, str], Sequence[StagedPart]]
    rows: Mapping[tuple[str, str], Sequence[StagedRow]]
    people: Mapping[str, tuple[str | None, date | None]]


@dataclass(frozen=True)
class Folder:
    """The night of the ugly deliveries and of the clean twin; ``quarantine`` gives (code, message) by table and row."""

    deliveries: Mapping[str, Delivery]
    ugly: Night
    clean: Night
    quarantine: Mapping[tuple[str, int], tuple[str, str]]
    settings: Settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    base, deliveries = tmp_path_factory.mktemp("ugly"), made()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAR_PERSON_KEY_SECRET", SECRET)
        ugly = deliver_ugly(base / "ugly", deliveries)
        stage(ugly, BEFORE)
        ugly_night = night_of(ugly, stage(ugly, NIGHT))
        take_in(ugly, NIGHT, "run", ugly.reports / "data_docs")
        clean = deliver_clean(base / "clean", deliveries)
        clean_night = night_of(clean, stage(clean, NIGHT))
    with duckdb.connect(str(ugly.ledger), read_only=True) as con:
        refused = con.execute("select file_name, row_number, rule_code, message from ops.quarantine_row").fetchall()
    quarantine = {(name.removesuffix(".csv"), number): (code, message) for name, number, code, message in refused}
    yield Folder(deliveries, ugly_night, clean_night, quarantine, ugly)


def stage(settings: Settings, night: date) -> dict[str, StagedFile]:
    staged: dict[str, StagedFile] = {}
    for source in SOURCES:
        land(settings, source, night)
        staged |= standardise(settings, load_configuration(settings.config_dir), source, night)
    return staged


def night_of(settings: Settings, staged: Mapping[str, StagedFile]) -> Night:
    parts: dict[tuple[str, str], list[StagedPart]] = {}
    rows: dict[tuple[str, str], list[StagedRow]] = {}
    for table, file in staged.items():
        for part in file.parts:
            parts.setdefault((part.feed, table), []).append(part)
        if table in TABLES_BY_NAME and Path(file.path).exists():
            names = [column.name for column in TABLES_BY_NAME[table].stored_columns]
            names += ["person_key"] if TABLES_BY_NAME[table].person_column else []
            numbers = "part_number, part_row" if file.has_parts else "0, row_number"
            found = duckdb.execute(f"select row_number, {numbers}, {', '.join(names)} from read_parquet('{file.path}')")
            for number, part_number, part_row, *cells in found.fetchall():
                feed = file.parts[part_number].feed
                row = StagedRow(number, part_row, dict(zip(names, cells, strict=True)))
                rows.setdefault((feed, table), []).append(row)
    with duckdb.connect(str(settings.vault / "identity.duckdb"), read_only=True) as con:
        people = con.execute("select so_dinh_danh, ho_ten, ngay_sinh from person").fetchall()
    return Night(parts, rows, {number: (name, day_of(born)) for number, name, born in people})


def day_of(text: str | None) -> date | None:
    for notation in ("%Y-%m-%d", "%d/%m/%Y"):
        with suppress(ValueError):
            return datetime.strptime(text or "", notation).date()
    return None


@pytest.mark.parametrize("name", names())
def test_a_delivery_becomes_its_clean_twin_or_says_why_not(folder: Folder, name: str) -> None:
    delivery = folder.deliveries[name]
    feeds = {feed_name(name, number) for number in range(len(delivery.feeds))}
    parts = {key: found for key, found in folder.ugly.parts.items() if key[0] in feeds}
    every = [part for found in parts.values() for part in found]
    assert every

    states = Counter(part.state for part in every)
    assert states["missing"] == delivery.silent
    if delivery.rejected:
        assert set(states) == {"rejected"}
        assert {part.problem for part in every if delivery.rejected not in str(part.problem)} == set()
    else:
        assert [part.problem for part in every if part.state == "rejected"] == []

    refused = {}
    accepted: dict[str, list[StagedRow]] = {}
    for (_, table), rows in ((key, folder.ugly.rows.get(key, [])) for key in parts):
        for row in rows:
            if (table, row.row_number) in folder.quarantine:
                refused[row.part_row] = folder.quarantine[table, row.row_number]
            else:
                accepted.setdefault(table, []).append(row)
    assert {row: code for row, (code, _) in refused.items()} == {
        row: code for row, (code, _) in delivery.quarantined.items()
    }
    for row, (_, message) in delivery.quarantined.items():
        assert message in refused[row][1]

    for table in {table for _, table in parts} | set(delivery.same_as):
        twin = folder.clean.rows.get((feed_name(name, table), table), [])
        assert len(twin) == len(delivery.same_as.get(table, []))
        assert sorted(row.compared for row in accepted.get(table, [])) == sorted(row.compared for row in twin), table
    assert sum(row.is_repaired for rows in accepted.values() for row in rows) == delivery.repaired
    for person in delivery.same_as.get("nhan_su", []):
        number = person["so_dinh_danh"]
        assert folder.ugly.people[number] == folder.clean.people[number]

    notes: Counter[str] = Counter()
    for part in every:
        notes.update(part.notes)
    assert +notes == delivery.notes
    assert {kind for part in every for kind in part.forbidden_columns} == set(delivery.forbidden)


def test_a_list_that_is_corrected_the_same_day_replaces_the_rejected_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", SECRET)
    (name,) = chosen = ["04-windows-1258-undeclared"]
    delivery = made(chosen)[name]
    settings = deliver_ugly(tmp_path, {name: delivery})
    (refused,) = stage(settings, NIGHT)["nhan_su"].parts
    assert (refused.state, refused.rows) == ("rejected", 0)
    deliver_ugly(tmp_path, {name: replace(delivery, files={"danh_sach.csv": CORRECTED})})
    (read,) = stage(settings, NIGHT)["nhan_su"].parts
    assert (read.state, read.rows, read.problem) == ("read", 2, None)
