"""Held rows: runs of records of a part, kept in memory until they are typed together, each distinct text once.

Cells repeat: a million rows name a few dates, codes and values. So a run keeps the texts of a column once each, and
what a text becomes is asked of ``cells`` once for all runs. Columns of digits only become numbers at once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from par_warehouse import cells
from par_warehouse.config import Feed
from par_warehouse.contract import Column, Kind, Table
from par_warehouse.dialects import Records
from par_warehouse.person_cells import CODE, PersonCells

_NUMBERS = {Kind.WHOLE: pa.int64(), Kind.EPOCH: pa.timestamp("us")}
_DISTINCT = pa.dictionary(pa.int32(), pa.string())


@dataclass
class HeldRows:
    """Rows of one part. Columns in ``read_only`` are not typed but remain texts, as the feed's notations are read, or
    the codes of person cells.

    ``notes`` counts dates that are not exact; ``nbytes`` is what the rows held take.
    """

    con: duckdb.DuckDBPyConnection
    feed: Feed
    table: Table
    spellings: Mapping[str, Mapping[str, str]]
    read_only: Collection[str]
    notes: dict[str, int]
    nbytes: int = 0
    _runs: list[pa.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._persons = PersonCells(self.con)

    def add(self, records: Records) -> None:
        """Keep one run."""
        given, stored = records.table, self.table.stored_columns
        columns = {c.name: self._kept(c, given[c.name]) for c in stored if c.name in given.column_names}
        run = self._run(records.numbers, False, columns)
        if len(records.malformed):
            run = pa.concat_tables([run, self._run(records.malformed, True, {})]).sort_by("row_number")
        self._runs.append(run)
        self.nbytes += run.nbytes

    def take(self) -> pa.Table:
        """All rows typed, in order, and keep none: ``row_number``, ``is_malformed``, then the stored columns."""
        rows = pa.concat_tables([self._schema.empty_table(), *self._runs])
        self._runs.clear()
        self.nbytes = 0
        for place, column in enumerate(self.table.stored_columns, 2):
            if self._schema.field(column.name).type == _DISTINCT:
                rows = rows.set_column(place, column.name, self._converted(column, rows[column.name]))
        return rows

    @cached_property
    def _schema(self) -> pa.Schema:
        """What a run has: numbers typed, other texts once each; person cells, which seldom repeat, as codes."""
        types = _NUMBERS | {Kind.PERSON_ID: CODE}
        columns = [(c.name, types.get(c.kind, _DISTINCT)) for c in self.table.stored_columns]
        return pa.schema([("row_number", pa.int64()), ("is_malformed", pa.bool_()), *columns])

    def _run(
        self, numbers: npt.NDArray[np.int64], is_malformed: bool, columns: Mapping[str, pa.ChunkedArray]
    ) -> pa.Table:
        known = {"row_number": numbers, "is_malformed": np.full(len(numbers), is_malformed), **columns}
        arrays = [known[one.name] if one.name in known else pa.nulls(len(numbers), one.type) for one in self._schema]
        return pa.table(arrays, schema=self._schema)

    def _kept(self, column: Column, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column as a run has it. Numbers and persons that are written plainly need no look at each text."""
        name, kind = column.name, column.kind
        kept_type = self._schema.field(name).type
        if kept_type == _DISTINCT:
            return texts.dictionary_encode()
        if name not in self.feed.values:
            if kind is Kind.PERSON_ID and cells.are_plain(texts):
                return self._persons.codes(cells.without_empty(texts))
            if kind in _NUMBERS and (numbers := cells.whole_numbers(texts)) is not None:
                return numbers if kind is Kind.WHOLE else self._local_times(numbers)
        converted = self._converted(column, texts.dictionary_encode())
        if kind is Kind.PERSON_ID:
            return self._persons.codes(converted.cast(pa.string()))
        return converted.cast(kept_type)

    def _local_times(self, seconds: pa.ChunkedArray) -> pa.ChunkedArray:
        self.con.register("given", pa.table({"seconds": seconds}))
        times = self.con.execute(f"select {cells.local_time('seconds', 'seconds')} from given").to_arrow_table()
        self.con.unregister("given")
        return times.column(0)

    def _converted(self, column: Column, runs: pa.ChunkedArray) -> pa.ChunkedArray:
        """What the texts of some runs become; the database is asked for each distinct text once."""
        given = pa.chunked_array([run.dictionary for run in runs.chunks], pa.string())
        texts = given.dictionary_encode().combine_chunks()
        values, is_imprecise = (
            answers.take(texts.indices).combine_chunks() for answers in self._answers(column, texts.dictionary)
        )
        converted, start = [], 0
        for run in runs.chunks:
            end = start + len(run.dictionary)
            converted.append(pa.DictionaryArray.from_arrays(run.indices, values[start:end]))
            if cells.is_imprecise(column, self.feed):
                note, count = f"{column.name}_without_day", pc.sum(is_imprecise[start:end].take(run.indices)).as_py()
                self.notes[note] = self.notes.get(note, 0) + (count or 0)
            start = end
        return pa.chunked_array(converted, pa.dictionary(pa.int32(), values.type))

    def _answers(self, column: Column, texts: pa.Array) -> list[pa.ChunkedArray]:
        """The value of each text, and whether it is a date that is not exact."""
        name = column.name
        cleaned = cells.cleaned(name, cells.are_plain(texts))
        read = cells.read_as(column, self.feed, self.spellings.get(name, {}))
        is_imprecise = cells.is_imprecise(column, self.feed) or "false"
        value = name if name in self.read_only else cells.typed(column)
        self.con.register("given", pa.table({"position": np.arange(len(texts)), name: texts}))
        found = self.con.execute(
            f"with cleaned as (select position, {cleaned} as {name} from given),"
            f" read as (select position, {read} as {name}, {is_imprecise} as is_imprecise from cleaned)"
            f" select {value}, is_imprecise from read order by position"
        ).to_arrow_table()
        self.con.unregister("given")
        return list(found.columns)
