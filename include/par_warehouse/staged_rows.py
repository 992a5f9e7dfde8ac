"""Staged rows: runs of text cells become typed rows in Parquet; the people among them are noted for the vault."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from par_warehouse import cells
from par_warehouse.config import Feed
from par_warehouse.contract import Kind, Table
from par_warehouse.dialects import Records
from par_warehouse.people import People
from par_warehouse.units import UnitDirectory

UNIT_COLUMNS = {"nhan_su": "ma_don_vi", "phan_cong_cchc": "ma_don_vi", "quyet_dinh": "ma_don_vi_moi"}
"""The column of each table that names a unit."""
# When a row's unit name was in use: at the end of an assignment that is over, and when a decision took effect.
_UNIT_DATES = {"phan_cong_cchc": "den_ngay", "quyet_dinh": "ngay_hieu_luc"}

_INCOMING = (
    "select person_key, so_dinh_danh_12 as so_dinh_danh, name as ho_ten, born as ngay_sinh from person"
    " where so_dinh_danh_12 is not null order by all"
)


@dataclass
class StagedRows:
    """A writer of one part: ``target`` gets the staged rows, ``persons`` the people for the vault.

    ``notes`` counts what the rows do not show. ``units`` and ``people`` are given where the feed's configuration wants
    unit names and known persons resolved.
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
    _writers: dict[Path, parquet.ParquetWriter] = field(default_factory=dict)

    def __enter__(self) -> "StagedRows":
        self.target.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and not self._writers:
            self.write(Records(pa.table({"row_number": pa.array([], pa.int64())}).select([]), np.empty(0, np.int64)))
        for writer in self._writers.values():
            writer.close()

    def write(self, records: Records) -> None:
        """Convert one run of records and append it to the files."""
        con, stored = self.con, self.table.stored_columns
        con.register("chunk", records.table.append_column("row_number", pa.array(records.numbers)))
        con.register("malformed", pa.table({"row_number": pa.array(records.malformed)}))
        present = set(records.table.column_names)
        cleaned = [
            f"{cells.cleaned(c.name, records.is_plain) if c.name in present else 'null::varchar'} as {c.name}"
            for c in stored
        ]
        con.execute(f"create or replace temp table cleaned as select row_number, {', '.join(cleaned)} from chunk")
        read = [f"{cells.read_as(c, self.feed, self.spellings.get(c.name, {}))} as {c.name}" for c in stored]
        con.execute(f"create or replace temp table cells as select row_number, {', '.join(read)} from cleaned")
        self._count_imprecise()
        rows, beside = "cells", ""
        if self.units is not None and (column := UNIT_COLUMNS.get(self.table.name)):
            rows, beside = self._resolve_units(self.units, column), ", unit_candidates"
        if self.table.person_column:
            con.execute(self._persons_sql(rows, self.table.person_column))
            rows += f" left join person on cell = {self.table.person_column}"
        typed = ", ".join(cells.typed(column) for column in stored)
        converted = con.execute(
            f"select row_number, false as is_malformed, {typed}{beside} from {rows} union all by name"
            " select row_number, true as is_malformed from malformed order by row_number"
        ).to_arrow_table()
        self._append(self.target, converted)
        if self.table.person_column:
            self._append(self.persons, con.execute(_INCOMING).to_arrow_table())
        con.unregister("chunk")
        con.unregister("malformed")

    def _count_imprecise(self) -> None:
        for column in self.table.stored_columns:
            if condition := cells.is_imprecise(column, self.feed):
                self._note(f"{column.name}_without_day", f"select count(*) from cleaned where {condition}")

    def _resolve_units(self, units: UnitDirectory, column: str) -> str:
        """Unit names become codes as of the row's own date, else the data date; gives the relation that has them."""
        on_date = f"date '{self.data_date}'"
        if of_row := _UNIT_DATES.get(self.table.name):
            on_date = f"least(coalesce({cells.as_date(of_row)}, {on_date}), {on_date})"
        self.con.execute(
            f"create or replace temp view unit_cell as select {column} as cell, {on_date} as on_date from cells"
        )
        units.resolve("unit_cell", "unit_found")
        self._note(
            "units_not_known",
            "select count(*) from unit_cell join unit_found using (cell, on_date) where ma_don_vi is null",
        )
        found = "unit_found.ma_don_vi"
        return (
            f"(select cells.* replace (coalesce({found}, cells.{column}) as {column}),"
            f" candidates as unit_candidates from cells left join unit_found"
            f" on unit_found.cell = cells.{column} and unit_found.on_date = {on_date})"
        )

    def _persons_sql(self, rows: str, column: str) -> str:
        """SQL for the table ``person`` of a run: one row per cell, each person hashed once."""
        kinds = {one.kind: one.name for one in self.table.columns}
        name, born = kinds.get(Kind.NAME, "null::varchar"), kinds.get(Kind.CHECKED_DATE, "null::varchar")
        known, join = "null::varchar", ""
        if self.people is not None:
            self.people.resolve(f"select distinct {column} as cell from {rows}", "person_known")
            self._note("ids_found_in_map", f"select count(*) from {rows} join person_known on cell = {column}"
                       " where person_known.person_key is not null")  # fmt: skip
            known, join = "person_known.person_key", "left join person_known using (cell)"
        return (
            "create or replace temp table person as with given as ("
            f"select {column} as cell, {cells.person_digits(column)} as so_dinh_danh_12, max({name}) as name,"
            f" max({born}) as born from {rows} where {column} is not null group by all)"
            f" select cell, so_dinh_danh_12, name, born, coalesce(keyed_hash(so_dinh_danh_12), {known}) as person_key"
            f" from given {join}"
        )

    def _note(self, name: str, query: str) -> None:
        row = self.con.execute(query).fetchone()
        self.notes[name] = self.notes.get(name, 0) + (row[0] if row else 0)

    def _append(self, path: Path, rows: pa.Table) -> None:
        if path not in self._writers:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writers[path] = parquet.ParquetWriter(path, rows.schema, compression="zstd")
        self._writers[path].write_table(rows)
