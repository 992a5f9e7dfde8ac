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
from typing import Any

import duckdb
import pytest

from par_warehouse.config import load_configuration
from par_warehouse.contract import SOURCES, TABLES_BY_NAME
from par_warehouse.settings import Settings
from par_warehouse.staged import StagedFile, StagedPart
from par_warehouse.standardise import standardise
from par_warehouse.validate import take_in
from tests.nights import run_steps
from tests.small_world import land
from tests.ugly.deliveries import made, names
from tests.ugly.delivery import BEFORE, HEADINGS, NIGHT, Delivery, Staff, csv_text, spoken
from tests.ugly.folder import deliver_clean, deliver_ugly, feed_name
from tests.ugly.leaks import leaks
from tests.ugly.whole_night import (
    CITY_NUMERATORS,
    REJECTED,
    SILENT,
    STALE,
    City,
    deliver_clean_night,
    deliver_ugly_night,
)

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
    refusals = [(part.feed, part.problem or "") for part in every if part.state == "rejected"]
    if delivery.rejected:
        first = [part for part in every if part.feed == feed_name(name, 0)]
        assert len(refusals) == len(first)
        assert [refusal for refusal in refusals if delivery.rejected not in refusal[1]] == []
    else:
        assert refusals == []

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


def test_every_row_and_every_sender_of_the_night_is_accounted_for(folder: Folder) -> None:
    expected = sum(len(delivery.quarantined) for delivery in folder.deliveries.values())
    with duckdb.connect(str(folder.settings.ledger), read_only=True) as con:
        (quarantined,) = con.execute("select count(*) from ops.quarantine_row").fetchall()[0]
        lost = con.execute("from ops.load_file where rows_read <> rows_accepted + rows_quarantined").fetchall()
        senders = con.execute(
            "select count(*) filter (state = 'rejected'), count(*) filter (state = 'missing') from ops.delivery_part"
            " where file_name = 'nhan_su.csv'"
        ).fetchall()[0]
    assert (quarantined, lost) == (expected, [])
    # Screens that are refused are refused for every table that they fill; those of people are counted here.
    rejected = [name for name, one in folder.deliveries.items() if one.rejected and one.feeds[0]["table"] == "nhan_su"]
    assert senders == (len(rejected), sum(delivery.silent for delivery in folder.deliveries.values()))


def test_nobody_and_nothing_forbidden_is_found_outside_landing_and_vault(folder: Folder) -> None:
    secrets = {"203.0.113.7", "bi-mat-thu", "0900000999", "013300001", "snv-2904", "so-noi-vu.example.vn"}
    secrets |= {"Người Mạ-thử", "Đạo-thử", "Làng-thử", "Chuyện-thử", "1999-02-03", "03/02/1999"}
    secrets |= {"CB-0"}  # all staff numbers
    for number, (name, born) in folder.ugly.people.items():
        secrets |= {number, number[1:], *((name,) if name else ()), *((f"{born}", f"{born:%d/%m/%Y}") if born else ())}
    assert len(secrets) > 400
    assert leaks(folder.settings, secrets) == []


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


def test_a_whole_ugly_night_publishes_what_its_clean_twin_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", SECRET)
    city = City()
    ugly, clean = deliver_ugly_night(tmp_path / "ugly", city), deliver_clean_night(tmp_path / "clean", city)
    for settings in (ugly, clean):
        run_steps(settings, NIGHT)

    for query in PUBLISHED:
        found, expected = (published(settings, query) for settings in (ugly, clean))
        assert len(expected) > 1 and found == expected, query
    numerators = "select indicator_code, numerator from marts.fct_indicator_daily where org_unit_code = 'H29' and"
    city_numbers = dict(published(clean, f"{numerators} population_group = 'ALL'"))
    assert {code: city_numbers[code] for code in CITY_NUMERATORS} == CITY_NUMERATORS

    stale = "select distinct indicator_code, is_stale from marts.fct_indicator_daily"
    assert published(ugly, stale) == sorted((code, code in STALE) for code in CITY_NUMERATORS)
    assert published(clean, stale) == sorted((code, False) for code in CITY_NUMERATORS)
    senders = "select part, state, served_from_date from ops.delivery_part where state <> 'read'"
    assert published(ugly, senders) == [(SILENT, "missing", BEFORE), (REJECTED, "rejected", BEFORE)]
    tonight = f"where data_date = date '{NIGHT}'"
    refused = published(ugly, f"select file_name, rule_code, message from ops.quarantine_row {tonight}")
    assert [(file, code) for file, code, _ in refused] == [("nhan_su.csv", "BAD_ID")]
    assert "nhan_su/so_noi_vu/danh_sach.csv, dòng | row 4" in refused[0][2]

    people = [person for staff in city.staff.values() for person in staff]
    secrets = {cell for row in people for name, cell in row.items() if name in ("so_dinh_danh", "so_hieu", "ho_ten")}
    secrets |= {person["so_dinh_danh"][1:] for person in people} | {person["ngay_sinh"] for person in people}
    assert leaks(ugly, secrets | {"013300091", "013300092", "203.0.113.7", "Kinh"}) == []


PUBLISHED = (
    "select columns(* exclude (is_stale)) from marts.fct_indicator_daily",
    "select columns(* exclude (evidence_ref)) from marts.fct_indicator_evidence",
    "from marts.fct_leadership_candidate",
    "from marts.dim_org_unit",
)


def published(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query to the publication, sorted."""
    with duckdb.connect(str(settings.current), read_only=True) as con:
        return sorted(con.execute(query).fetchall(), key=str)
