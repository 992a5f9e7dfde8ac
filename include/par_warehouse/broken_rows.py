"""Broken rows: the quarantined rows of findings, where each stands in what was delivered, and its cells there.

Nothing of a row's cells is kept outside the landing zone. Whoever has to see them (a repair spreadsheet, a correction)
has the files read again by their dialect, for the wanted rows only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from par_warehouse.config import Configuration, Feed
from par_warehouse.contract import TABLES, TABLES_BY_NAME, Table
from par_warehouse.copying import shown
from par_warehouse.corrections import Correction, Corrections, contract_columns, files_digest, row_digest
from par_warehouse.dialects import Part, UnreadableFile
from par_warehouse.dialects.spreadsheet import NUMBERS_PER_SHEET
from par_warehouse.findings import lives
from par_warehouse.landing import Delivery, landed
from par_warehouse.settings import Settings
from par_warehouse.standardise import read_files, without_lock_files

_ORDER = {table: number for number, table in enumerate(TABLES)}


@dataclass(frozen=True)
class Place:
    """Where a row stands: ``number`` counts as its sender sees it, in the delivery of ``delivered_on``.

    ``part`` is the sender as it may be printed; ``file_name`` is that of the delivered file.
    """

    feed: str
    part: str
    dialect: str
    file_name: str
    delivered_on: date
    number: int

    @property
    def sheet_and_row(self) -> tuple[int | None, int]:
        """The number of the sheet, None where there are no sheets, and of the row in it."""
        if self.dialect != "spreadsheet":
            return None, self.number
        return max(1, self.number // NUMBERS_PER_SHEET), self.number % NUMBERS_PER_SHEET


@dataclass(frozen=True)
class BrokenRow:
    """A quarantined row as the ledger knows it; ``data_date`` is the date on which it was seen."""

    finding_key: str
    person_key: str | None
    agency_code: str | None
    table: Table
    data_date: date
    row_number: int
    rule_codes: tuple[str, ...]
    broken_columns: tuple[str, ...]
    message: str
    place: Place
    stored: Mapping[str, str]
    """What the warehouse keeps of its cells: nobody's name or number; ``?`` where a cell was unreadable."""


@dataclass(frozen=True)
class DeliveredRow:
    """The text of a row's cells, by the columns of the contract that its file has; none of a malformed row.

    Cells that were corrected already are as corrected. ``digest`` changes when anything of the row as delivered
    changes; of a malformed row, when its file does.
    """

    cells: Mapping[str, str]
    columns: tuple[str, ...]
    digest: str
    is_malformed: bool = False


def open_rows(
    settings: Settings, con: duckdb.DuckDBPyConnection, data_date: date, agency: str | None
) -> list[BrokenRow]:
    """The rows of an agency's findings that are open on a data date, by table, sender and row."""
    lives(con, data_date)
    con.execute(
        "create or replace temp table wanted as select finding_key, last_seen as data_date from finding"
        " where kind = 'row' and state = 'open' and agency_code is not distinct from ?",
        [agency],
    )
    return _wanted_rows(settings, con)


def rows_seen(
    settings: Settings, con: duckdb.DuckDBPyConnection, keys: Iterable[tuple[str, date]]
) -> dict[tuple[str, date], BrokenRow]:
    """The quarantined rows among these finding keys and data dates."""
    pairs = sorted(set(keys))
    given = pa.table(
        {
            "finding_key": pa.array([key for key, _ in pairs], pa.string()),
            "data_date": pa.array([day for _, day in pairs], pa.date32()),
        }
    )
    con.register("given", given)
    con.execute("create or replace temp table wanted as from given")
    con.unregister("given")
    return {(row.finding_key, row.data_date): row for row in _wanted_rows(settings, con)}


def rows_on(
    settings: Settings, con: duckdb.DuckDBPyConnection, files: set[tuple[date, str]]
) -> dict[tuple[date, str, str, str, int], BrokenRow]:
    """All quarantined rows of these data dates and files, by date, file, feed, sender and row of the sender."""
    given = pa.table({"data_date": pa.array([day for day, _ in sorted(files)], pa.date32()),
                      "file_name": pa.array([name for _, name in sorted(files)], pa.string())})  # fmt: skip
    con.register("given", given)
    con.execute(
        "create or replace temp table wanted as select finding_key, data_date"
        " from ledger.ops.quarantine_row semi join given using (data_date, file_name)"
    )
    con.unregister("given")
    return {
        (row.data_date, row.table.file_name, row.place.feed, row.place.part, row.place.number): row
        for row in _wanted_rows(settings, con)
    }


def delivered_rows(
    settings: Settings, configuration: Configuration, rows: Sequence[BrokenRow]
) -> dict[tuple[str, date], DeliveredRow]:
    """The cells of rows as they were delivered, by finding key and data date; a row whose file is gone is left out."""
    groups: dict[tuple[str, date, str, str], list[BrokenRow]] = {}
    for row in rows:
        place = row.place
        groups.setdefault((row.table.source, place.delivered_on, place.feed, place.part), []).append(row)
    found: dict[tuple[str, date], DeliveredRow] = {}
    for (source, day, feed_name, part_name), wanted in groups.items():
        delivery = landed(settings, source, day)
        feed = next((one for one in configuration.sources.of(source).feeds if one.name == feed_name), None)
        names = files_of(delivery, feed, part_name) if delivery and feed else None
        if delivery is None or feed is None or names is None:
            continue
        whole = files_digest([delivery.files[name].sha256 for name in names])
        corrections = Corrections(settings, source, day)
        try:
            for part in read_files(settings, configuration, delivery, feed, names):
                of_table = [row for row in wanted if row.table.name == part.table]
                chosen = _chosen(part, [row.place.number for row in of_table], whole)
                for row in of_table:
                    if row.place.number in chosen:
                        one = chosen[row.place.number]
                        known = corrections.of_row(feed_name, part_name, part.table, row.place.number, one.digest)
                        found[row.finding_key, row.data_date] = _as_corrected(one, known)
        except UnreadableFile:
            continue
    return found


def files_of(delivery: Delivery, feed: Feed, part: str) -> list[str] | None:
    """The landed files of one sender, None when they are gone or when senders cannot be told apart by that name."""
    groups = [names for name, names in delivery.of_feed(feed).items() if shown(name) == part]
    if len(groups) != 1:
        return None
    names = list(without_lock_files(groups[0]))
    paths = [delivery.files[name].path for name in names]
    return names if all(path is not None and path.exists() for path in paths) else None


def _as_corrected(row: DeliveredRow, correction: Correction | None) -> DeliveredRow:
    if correction is None:
        return row
    return replace(row, cells={**dict.fromkeys(row.columns, ""), **row.cells, **correction.cells}, is_malformed=False)


def _chosen(part: Part, numbers: list[int], whole: str) -> dict[int, DeliveredRow]:
    columns = contract_columns(part)
    found: dict[int, DeliveredRow] = {}
    for records in part.records(columns):
        for number in np.intersect1d(records.malformed, numbers):
            found[int(number)] = DeliveredRow({}, columns, whole, is_malformed=True)
        positions = np.flatnonzero(np.isin(records.numbers, numbers))
        texts = records.table.take(pa.array(positions)).to_pylist()
        for position, cells in zip(positions, texts, strict=True):
            cells = {name: text or "" for name, text in cells.items()}
            found[int(records.numbers[position])] = DeliveredRow(cells, columns, row_digest(columns, cells))
    return found


def _wanted_rows(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[BrokenRow]:
    """The quarantined rows that the temporary table ``wanted`` (finding_key, data_date) names."""
    rows = con.execute(
        """
        select finding_key, person_key, agency_code, quarantine.file_name, data_date, row_number, rule_codes,
            column_name, quarantine.message, quarantined_path
        from wanted
        join ledger.ops.quarantine_row as quarantine using (finding_key, data_date)
        join ledger.ops.load_file using (data_date, source, file_name)
        order by all
        """
    ).fetchall()
    kept: dict[str, dict[int, dict[str, object]]] = {}
    parts: dict[tuple[date, str], list[tuple[str, str, str, str, date]]] = {}
    found = []
    for key, person_key, agency, file_name, day, number, codes, column, message, path in rows:
        table = TABLES_BY_NAME[file_name.removesuffix(".csv")]
        if path is not None and path not in kept:
            kept[path] = _kept_rows(con, settings.quarantined / path)
        facts = kept.get(path, {}).get(number, {})
        if (day, file_name) not in parts:
            parts[day, file_name] = con.execute(
                "select feed, part, dialect, delivered_name, served_from_date from ledger.ops.delivery_part"
                " where data_date = ? and file_name = ? order by rowid",
                [day, file_name],
            ).fetchall()
        feed, part, dialect, delivered_name, served_from = parts[day, file_name][int(str(facts.get("part_number", 0)))]
        place = Place(feed, part, dialect, delivered_name, served_from, int(str(facts.get("part_row", number))))
        broken = facts.get("broken_columns", [column] if column else [])
        assert isinstance(broken, list)
        stored = {c.name: str(facts.get(c.name) or "") for c in table.stored_columns}
        found.append(
            BrokenRow(key, person_key, agency, table, day, number, tuple(codes), tuple(broken), message, place, stored)
        )
    return sorted(found, key=lambda row: (_ORDER[row.table], row.place.feed, row.place.part, row.place.number))


def _kept_rows(con: duckdb.DuckDBPyConnection, path: Path) -> dict[int, dict[str, object]]:
    """What the warehouse keeps of the quarantined rows of one file, by row number, as text."""
    if not path.exists():
        return {}
    marks = "('?', '-1', '0001-01-01', '0001-01-01 00:00:00', '-inf')"
    texts = ", ".join(
        f"if({name}::varchar in {marks}, '?', {name}::varchar) as {name}"
        for name in parquet.read_schema(path).names
        if name not in ("row_number", "broken_columns")
    )
    rows = con.execute(f"select row_number, broken_columns, {texts} from read_parquet('{path}')").to_arrow_table()
    return {row.pop("row_number"): row for row in rows.to_pylist()}
