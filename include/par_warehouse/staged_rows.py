"""Staged rows: the rows of one part become a Parquet file; the people among them are noted for the vault.

Who a person is, and which unit a name means, is asked at the end, once for the whole part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import duckdb

from par_warehouse import cells, person_cells
from par_warehouse.config import Feed
from par_warehouse.contract import UNIT_COLUMNS, Kind, Table
from par_warehouse.dialects import Records
from par_warehouse.held_rows import HeldRows
from par_warehouse.people import People
from par_warehouse.units import UnitDirectory

# When a row's unit name was in use: at the end of an assignment that is over, and when a decision took effect.
_UNIT_DATES = {"phan_cong_cchc": "den_ngay", "quyet_dinh": "ngay_hieu_luc"}

HELD_BYTES = 1 << 28
"""Rows are held up to this size, some six million. More go to a table, which DuckDB leaves on the disk if it must."""
SORTED_ROWS = 1 << 20
"""A join loses the order. Up to so many rows are sorted again; of more, only those within a row group are in order."""

# Row groups that stay in the cache of a processor until they are compressed. Keys of persons repeat too seldom for a
# dictionary to be worth the search, and nobody asks the filters that come with one.
_PARQUET = (
    "(format parquet, parquet_version v2, compression zstd, compression_level 1, row_group_size 40960,"
    " dictionary_size_limit 1000, write_bloom_filter false)"
)


@dataclass
class StagedRows:
    """A writer of one part: ``target`` gets the staged rows, ``persons`` the people for the vault.

    Nothing is written when the block ends by an exception. ``notes`` counts what the rows do not show. ``units`` and
    ``people`` are given where the feed's configuration wants unit names and known persons resolved.
    """

    con: duckdb.DuckDBPyConnection
    feed: Feed
    table: Table
    data_date: date
    spellings: Mapping[str, Mapping[str, str]]
    target: Path
    persons: Path
    units: UnitDirectory | None = None
    people: People | None = None
    notes: dict[str, int] = field(default_factory=dict)
    _rows: int = 0
    _is_moved: bool = False

    def __enter__(self) -> "StagedRows":
        self.target.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()
        self.con.unregister("staged_held")
        for table in ("staged_moved", "person_text", "person_given", "staged_person"):
            self.con.execute(f"drop table if exists {table}")

    def write(self, records: Records) -> None:
        """Take one run of records."""
        self._held.add(records)
        self._rows += len(records.numbers) + len(records.malformed)
        if self._held.nbytes >= HELD_BYTES:
            self._move_held()

    def _move_held(self) -> None:
        self.con.register("staged_held", self._held.take())
        what = "insert into staged_moved" if self._is_moved else "create or replace temp table staged_moved as"
        self.con.execute(f"{what} from staged_held")
        self.con.unregister("staged_held")
        self._is_moved = True

    @cached_property
    def _held(self) -> HeldRows:
        return HeldRows(self.con, self.feed, self.table, self.spellings, self._open, self.notes)

    @cached_property
    def _open(self) -> dict[str, str]:
        """The columns that are held as they are read, with the SQL for their values once all is known."""
        personal = (Kind.PERSON_ID, Kind.NAME, Kind.CHECKED_DATE)
        stored = self.table.stored_columns
        return {c.name: cells.typed(c) for c in stored if c.kind in personal or c.name == self._unit_column}

    @cached_property
    def _unit_column(self) -> str | None:
        return UNIT_COLUMNS.get(self.table.name) if self.units is not None else None

    def _finish(self) -> None:
        """Find persons and units, and write the rows."""
        self.con.register("staged_held", self._held.take())
        moved = "from staged_moved union all" if self._is_moved else ""
        self.con.execute(f"create or replace temp view staged_row as {moved} from staged_held")
        rows = "staged_row"
        values = {column.name: column.name for column in self.table.stored_columns} | self._open
        if self.units is not None and self._unit_column is not None:
            rows = self._with_units(self.units, self._unit_column)
            values["unit_candidates"] = "unit_candidates"
        if (person := self.table.person_column) is not None:
            self._find_persons(person)
            rows += f" left join staged_person on code = staged_row.{person}"
            values[person] = f"staged_person.{person}, person_key"
        order = "order by row_number" if rows != "staged_row" and self._rows <= SORTED_ROWS else ""
        # DuckDB takes what Arrow holds for a single row, and would build the hash table of the join from it.
        self.con.execute("set disabled_optimizers = 'build_side_probe_side'")
        try:
            selected = f"row_number, is_malformed, {', '.join(values.values())}"
            self._copy(f"select {selected} from {rows} {order}", self.target, _PARQUET)
        finally:
            self.con.execute("reset disabled_optimizers")

    def _find_persons(self, column: str) -> None:
        """Create the table ``staged_person``, one row per code with its status; note the people for the vault.

        Each person is hashed once.
        """
        kinds = {one.kind: one.name for one in self.table.columns}
        name, born = (
            f"max({kinds[kind]})" if kind in kinds else "null::varchar" for kind in (Kind.NAME, Kind.CHECKED_DATE)
        )
        self.con.execute(
            f"create or replace temp table person_given as select *,"
            f" if(code >= 0, {column}, {cells.person_digits(column)}) as so_dinh_danh_12"
            f" from (select code, {person_cells.TEXT} as {column}, name, born"
            f" from (select {column} as code, {name} as name, {born} as born from staged_row where {column} is not null"
            f" group by {column}) left join person_text using (code))"
        )
        known, join = "null::varchar", ""
        if self.people is not None:
            self.people.resolve(f"select distinct {column} as cell from person_given", "person_known")
            known, join = "person_known.person_key", f"left join person_known on cell = {column}"
            found = f"join person_given on code = staged_row.{column} join person_known on cell = person_given.{column}"
            self._note("ids_found_in_map", f"staged_row {found} where person_known.person_key is not null")
        self.con.execute(
            f"create or replace temp table staged_person as select code, {self._open[column]},"
            " so_dinh_danh_12, name, born"
            f" from (select person_given.*, coalesce(keyed_hash(so_dinh_danh_12), {known}) as person_key"
            f" from person_given {join})"
        )
        self.con.execute("drop table person_given")
        self._copy(
            "select person_key, so_dinh_danh_12 as so_dinh_danh, name as ho_ten, born as ngay_sinh from staged_person"
            " where so_dinh_danh_12 is not null",
            self.persons,
            _PARQUET,
        )

    def _with_units(self, units: UnitDirectory, column: str) -> str:
        """Unit names become codes as of the row's own date, else the data date; gives the relation that has them."""
        on_date = f"date '{self.data_date}'"
        if of_row := _UNIT_DATES.get(self.table.name):
            on_date = f"least(coalesce({of_row}, {on_date}), {on_date})"
        self.con.execute(
            f"create or replace temp view unit_cell as select {column} as cell, {on_date} as on_date from staged_row"
        )
        units.resolve("unit_cell", "unit_found")
        self._note("units_not_known", "unit_cell join unit_found using (cell, on_date) where ma_don_vi is null")
        return (
            f"(select staged_row.* replace (coalesce(unit_found.ma_don_vi, staged_row.{column}) as {column}),"
            f" candidates as unit_candidates from staged_row left join unit_found"
            f" on unit_found.cell = staged_row.{column} and unit_found.on_date = {on_date}) as staged_row"
        )

    def _note(self, name: str, rows: str) -> None:
        found = self.con.execute(f"select count(*) from {rows}").fetchone()
        self.notes[name] = found[0] if found else 0

    def _copy(self, query: str, target: Path, options: str) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        path = str(target).replace("'", "''")
        self.con.execute(f"copy ({query}) to '{path}' {options}")
