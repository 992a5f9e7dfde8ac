"""What the exports of Moodle's screens have in common: headings in the language of whoever exports, local times where
the tables have epochs, identity columns that a site chooses, and no ids for much of what they tell.

An id that an export lacks is *made* from what identifies the thing: always the same one, and above all of Moodle's own.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from par_warehouse.cells import are_plain, cleaned
from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.csv_records import read_header, read_records
from par_warehouse.dialects import (
    LOWEST_MADE_ID,
    Context,
    DeliveredFile,
    DialectOptions,
    Part,
    Records,
    UnreadableFile,
    arrow_records,
)
from par_warehouse.dialects._workbook_facts import some
from par_warehouse.encodings import as_utf8, verify
from par_warehouse.text import clean, fold

if TYPE_CHECKING:
    import duckdb

LARGEST_ID = (1 << 31) - 1

# Folded headings, in English and in the versions of the Vietnamese language pack.
ID_NUMBER = ("id number", "idnumber", "ma so id", "so id")
EMAIL = ("email address", "email", "dia chi thu dien tu", "dia chi email", "thu dien tu")


class ScreenOptions(DialectOptions):
    """``time_zone`` is that of whoever exported: a screen shows local times and does not say so."""

    time_zone: str = Field("Asia/Ho_Chi_Minh", description="time zone of whoever exported")

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("expected a time zone such as Asia/Ho_Chi_Minh") from None
        return name


class Course(BaseModel):
    """The course that an export is about and does not name: Moodle's id of it, and its ma_khoa_hoc."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int = Field(ge=1, le=LARGEST_ID, description="Moodle's id of the course, as in its address (``?id=37``)")
    code: str = Field(min_length=1, description="its ``ma_khoa_hoc``")

    def part(self) -> Part:
        """The one row of ``mdl_course``."""
        return rows_part("mdl_course", [{"id": str(self.id), "idnumber": self.code}])


@dataclass(frozen=True)
class Screen:
    """An exported table: its file and how that is written, and its headings, cleaned."""

    file: DeliveredFile
    encoding: str
    delimiter: str
    headings: Sequence[str]
    time_zone: str
    context: Context

    @classmethod
    def of(
        cls,
        file: DeliveredFile,
        options: ScreenOptions,
        context: Context,
        encoding: str = "utf-8",
        delimiter: str = ",",
    ) -> Self:
        """The screen in a file. Raises UnreadableFile."""
        verify(file, encoding)
        with as_utf8(file, encoding) as stream:
            headings = [clean(name) for name in read_header(stream, delimiter)]
        return cls(file, encoding, delimiter, headings, options.time_zone, context)

    def position(self, known: Collection[str], end: int | None = None) -> int | None:
        """Where, before ``end``, one of these folded headings stands. Raises UnreadableFile if several do."""
        found = [place for place, heading in enumerate(self.headings[:end]) if fold(heading) in known]
        if len(found) > 1:
            columns = some(map(column_letters, found))
            raise UnreadableFile(
                f"các cột {columns} có tiêu đề cùng nghĩa; hãy chỉ để lại một cột",
                f"the headings of the columns {columns} mean the same; leave only one of them",
            )
        return found[0] if found else None

    def others(self, used: Collection[int], taken: Collection[str]) -> dict[str, int]:
        """Where all other columns are, by heading; their letters tell apart those whose heading is taken or empty."""
        places: dict[str, int] = {}
        for place, heading in enumerate(self.headings):
            if place not in used:
                is_free = heading and heading not in taken and heading not in places
                places[heading if is_free else f"{heading} ({column_letters(place)})"] = place
        return places

    def records(self, cells: Mapping[str, int]) -> Iterator[Records]:
        """The records below the headings; ``cells`` gives each wanted column a name for its position."""
        with as_utf8(self.file, self.encoding) as stream:
            yield from read_records(stream, cells, len(self.headings), self.delimiter)

    @contextmanager
    def connection(self) -> "Iterator[duckdb.DuckDBPyConnection]":
        """DuckDB with ``epoch_of(cell)``, the seconds of a local time (``?`` if it is none), ``made_id(text)``, and
        ``view_id(epoch, account, module)``, which is the same in whatever screen a view shows.
        """
        import duckdb

        context = self.context
        with duckdb.connect(config={"memory_limit": context.memory_limit, "threads": context.threads}) as con:
            con.execute(
                # 31/12/2024, 23:59:59 and 31/12/24, 23:59 become 2024-12-31 23:59:59 and 2024-12-31 23:59.
                "create temp macro iso_of(cell) as regexp_replace(regexp_replace(cell,"
                r" '^(\d{1,2})/(\d{1,2})/(\d{4}),? (\d)', '\3-\2-\1 \4'),"
                r" '^(\d{1,2})/(\d{1,2})/(\d{2}),? (\d)', '20\3-\2-\1 \4')"
            )
            con.execute(
                "create temp macro epoch_of(cell) as case when cell is not null then coalesce(epoch(timezone("
                f"'{self.time_zone}', try_strptime(iso_of(cell), ['%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M'])"
                "))::bigint::varchar, '?') end"
            )
            con.execute(
                "create temp macro made_id(text) as"
                f" {LOWEST_MADE_ID}::bigint + ('0x' || left(sha256(text), 15))::bigint"
            )
            con.execute(
                "create temp macro view_id(epoch, account, module) as"
                " made_id(concat_ws(' ', 'view', epoch, account, module))"
            )
            yield con


def identity_cells(screen: Screen, end: int | None = None) -> dict[str, int]:
    """Where, before ``end``, ``idnumber`` and ``email`` are: identity fields, which a site may show or not."""
    places = {"idnumber": screen.position(ID_NUMBER, end), "email": screen.position(EMAIL, end)}
    return {name: place for name, place in places.items() if place is not None}


def users_part(screen: Screen, cells: Mapping[str, int], account: str) -> Part:
    """One row of ``mdl_user`` per record; ``account`` is SQL for the id over the ``cells`` (see ``record_part``).

    All other columns of the screen come after those of the contract, under their headings.
    """
    columns = {"id": account} | {name: name for name in ("idnumber", "email") if name in cells}
    return record_part(screen, "mdl_user", cells, columns, absent={"idnumber"} - set(cells), with_others=True)


def record_part(
    screen: Screen,
    table: str,
    cells: Mapping[str, int],
    columns: Mapping[str, str],
    absent: Collection[str] = (),
    with_others: bool = False,
) -> Part:
    """One row per record. ``cells`` name columns of the screen by position, ``columns`` are SQL over them, cleaned.

    A column of the contract is empty if nothing gives it, and not there if it is ``absent``.
    """
    contract = [column.name for column in TABLES_BY_NAME[table].columns if column.name not in absent]
    names = list(dict.fromkeys([*contract, *columns]))
    others = screen.others(set(cells.values()), names) if with_others else {}

    def records(wanted: Sequence[str]) -> Iterator[Records]:
        asked = {name: f"other_{place}" for name, place in others.items() if name in wanted}
        given = {**columns, **asked}
        selected = ", ".join(f"({given.get(name, 'null')})::varchar as {quoted(name)}" for name in wanted)
        with screen.connection() as con:
            for found in screen.records({**cells, **{asked[name]: others[name] for name in asked}}):
                register_cells(con, found)
                rows = con.execute(f"select {selected} from cell").to_arrow_table() if wanted else pa.table({})
                yield Records(rows, found.numbers, found.malformed)

    return Part(table, [*names, *others], records)


def rows_part(table: str, rows: Sequence[Mapping[str, str]]) -> Part:
    """Rows that the configuration gives, numbered from 1."""
    names = [column.name for column in TABLES_BY_NAME[table].columns]
    content = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    return Part(table, names, arrow_records(content, np.arange(1, len(rows) + 1, dtype=np.int64)))


def register_cells(con: "duckdb.DuckDBPyConnection", found: Records) -> None:
    """Make the cleaned cells of a run the view ``cell``, with ``number``."""
    con.register("delivered", found.table.append_column("number", pa.array(found.numbers)))
    names = ", ".join(f"{cleaned(name, are_plain(found.table[name]))} as {name}" for name in found.table.column_names)
    con.execute(f"create or replace temp view cell as select {names}, number from delivered")


def column_letters(position: int) -> str:
    """The name of a column in a spreadsheet, from position 0: A, B, … Z, AA."""
    letters = ""
    while position >= 0:
        letters = chr(ord("A") + position % 26) + letters
        position = position // 26 - 1
    return letters


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
