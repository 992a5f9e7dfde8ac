"""Dialect ``xapi``: statements of the Experience API (1.0.x and 2.0) as the tables of a Moodle.

A file is JSON Lines, one statement a line, or a page that the pull of the same name has brought. All files together are
one delivery; statements are numbered through it from 1 (in JSON Lines by line). A statement counts when the mapping
gives it a meaning: its verb says *passed* and its object is a course, or its verb says *viewed* and its object is a
material. Every other statement is counted by kind, so that nothing goes unseen::

    statements = rows of mdl_course_completions + rows of mdl_course_modules_viewed + all other notes

``duplicates``
    The id occurred before, with the same content.
``conflicting_ids``
    The id occurred before, with another content. The first stands, as the specification demands of a record store.
``voided``, ``voiding``, ``voided_elsewhere``
    Statements taken back by a voiding statement, wherever the two stand; voiding statements; voiding statements whose
    target is not in this delivery (what an earlier delivery proved stays proved).
``statements_unusable``
    No verb, or no object.
``other_verbs``, ``activities_not_mapped``
    The mapping knows no such verb (or not for this kind of activity), or no such activity.
``not_passed``
    The verb says passed, the result does not: ``success`` or ``completion`` is not true, the grade is another.
``actors_unusable``
    The statement would count, but its actor is missing, a group, or has not exactly one identifier.

Ids are Moodle's own where the mapping names the site (``moodle_site``). Every other id is made (``LOWEST_MADE_ID``): it
is 2**60 plus the first 60 bits of the SHA-256 of a text: of ``account <homePage> <name>``, ``mbox <IRI>``,
``mbox_sha1sum <hex digits>`` or ``openid <URI>`` for accounts, of the IRI for courses and materials, of the id in lower
case for statements (of all that is used of it, where it has none). Two accounts, courses or materials of one id make
the delivery unreadable.

An account name of 12 digits is an identification number; of all other accounts the name (or mail address without
``mailto:``, or hash, or URI) goes to ``username``. Moodle's user ids go to neither: who they are, another feed says.
"""

import re
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.dialects import Context, DeliveredFile, DialectOptions, Part, Records, UnreadableFile
from par_warehouse.dialects import _xapi_sql as sql
from par_warehouse.dialects._spill_folder import SpillFolder
from par_warehouse.dialects._xapi_mapping import MappingOfStatements

LONGEST_LINE_BYTES = 16 << 20
PAGE_BYTES = 64 << 20
"""The largest page of a pull."""

_BLOCK_BYTES = 16 << 20
_BATCH_ROWS = 100_000
_LINES_AT_ONCE = 4096
_PAGE_START = re.compile(rb'\s*\{\s*"(statements|more)"\s*:')


class Options(DialectOptions):
    """What the statements mean, and how a record store is asked for them (by the pull of the same name).

    ``version`` is the version of the interface, ``limit`` the number of statements asked for at once,
    ``timeout_seconds`` how long the store may be silent.
    """

    mapping: MappingOfStatements = Field(description="what the statements mean")
    version: Literal["1.0.3", "2.0.0"] = Field("1.0.3", description="version of the interface of the record store")
    limit: int = Field(1000, ge=1, le=10_000, description="number of statements asked for at once")
    timeout_seconds: float = Field(60, gt=0, le=600, description="how long the record store may be silent")


def read(files: Sequence[DeliveredFile], options: Options, context: Context) -> list[Part]:
    """One part for each of the five tables of a Moodle, about those whom the counting statements name.

    A row is numbered as the (first) statement that it comes from. A time that cannot be read, or has no zone, is given
    as ``?``. All parts carry the same notes. Raises UnreadableFile when a file is cut off or is not JSON of this form.
    """
    with ExitStack() as stack:
        statements = _Statements(options.mapping, context)
        stack.callback(statements.close)
        for file in files:
            statements.take(file, is_last=file is files[-1])
        notes = statements.settle()
        stack.pop_all()
    return [
        Part(table, [column.name for column in TABLES_BY_NAME[table].columns], partial(statements.rows, table), notes)
        for table in sql.ROWS_SQL
    ]


class _Statements:
    """The statements of one delivery, cut down to numbers, in a DuckDB that spills to a private folder.

    Both go when the last part that reads from them is gone.
    """

    def __init__(self, mapping: MappingOfStatements, context: Context) -> None:
        folder = SpillFolder()
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": context.memory_limit,
            "threads": context.threads,
            "temp_directory": str(folder.path),
        }
        self._con = duckdb.connect(config=config)
        self.close = weakref.finalize(self, _close, self._con, folder)
        self._con.register("listed", sql.listed(mapping))
        self._con.execute(sql.TABLES_SQL)
        self._take_sql = sql.take_sql(mapping)
        self._read = 0

    def take(self, file: DeliveredFile, is_last: bool) -> None:
        """Add the statements of one file. Raises UnreadableFile."""
        self._con.execute(f"set variable before = {self._read}")
        with file.open() as stream:
            block = stream.read(_BLOCK_BYTES).removeprefix(b"\xef\xbb\xbf")
            is_page = _PAGE_START.match(block) is not None
            chunks = self._page(file, block, stream, is_last) if is_page else _lines(file, block, stream)
            for chunk in chunks:
                self._con.register("chunk", chunk)
                self._check(file, ("bản ghi", "record") if is_page else ("dòng", "line"))
                for step in self._take_sql:
                    self._con.execute(step)
                self._read += len(chunk)

    def _page(self, file: DeliveredFile, block: bytes, stream: BinaryIO, is_last: bool) -> Iterator[pa.Table]:
        """The statements of one page of a pull."""
        content = block + stream.read(PAGE_BYTES)
        if len(content) > PAGE_BYTES:
            raise UnreadableFile(
                f"{file.name}: trang dữ liệu lớn hơn {PAGE_BYTES >> 20} MB; hãy giảm số bản ghi mỗi trang (limit)",
                f"{file.name}: the page is larger than {PAGE_BYTES >> 20} MB; ask for fewer statements at once (limit)",
            )
        self._con.register("page", pa.table({"page": _as_strings(file, content, np.array([0, len(content)]), 0)}))
        found = self._con.execute(
            "select json_extract(page, '$.statements[*]')::varchar[], json_extract_string(page, '$.more') from page"
            " where json_valid(page) and json_type(page, '$.statements') = 'ARRAY'"
            " and list_unique(json_keys(page)) = len(json_keys(page))"
        ).fetchone()
        if found is None or (is_last and found[1]):
            raise UnreadableFile(
                f"{file.name}: kết quả lấy từ kho xAPI không trọn vẹn (trang bị cắt cụt hoặc thiếu trang tiếp theo);"
                " hãy lấy lại dữ liệu",
                f"{file.name}: the pages of the record store are not whole (one is cut off, or the next one is"
                " missing); pull the data again",
            )
        yield _numbered(pa.array(found[0], pa.string()), 0)

    def _check(self, file: DeliveredFile, word: tuple[str, str]) -> None:
        """Every line of the chunk is one JSON object without repeated keys, or blank."""
        ((broken, repeated),) = self._con.execute(sql.CHECK_SQL).fetchall()
        vi, en = word
        if broken is not None:
            raise UnreadableFile(
                f"{file.name}: {vi} {broken} không phải là một đối tượng JSON trọn vẹn (tệp có thể bị cắt cụt);"
                " hãy xuất lại từ hệ thống và gửi lại cả tệp",
                f"{file.name}: {en} {broken} is not one whole JSON object (the file may be cut off);"
                " export it again and send the whole file",
            )
        if repeated is not None:
            raise UnreadableFile(
                f"{file.name}: {vi} {repeated} có một khóa JSON bị lặp lại; hãy báo đơn vị vận hành hệ thống học tập"
                " sửa phần xuất dữ liệu rồi gửi lại",
                f"{file.name}: {en} {repeated} has the same JSON key twice; have the export corrected",
            )

    def settle(self) -> dict[str, int]:
        """Apply duplicates and voiding over all files; return the notes. Raises UnreadableFile for equal ids."""
        if self._con.execute(sql.COLLISION_SQL).fetchone():
            raise UnreadableFile(
                "hai tài khoản, khóa học hoặc học liệu khác nhau nhận cùng một mã số; hãy báo quản trị kho dữ liệu",
                "two different accounts, courses or materials get the same id; tell the warehouse's administrators",
            )
        self._con.execute(sql.SETTLE_SQL)
        counts = self._con.execute("select kind, count(*) from judged group by kind order by kind").fetchall()
        self._con.execute("drop table judged")
        others = {kind: count for kind, count in counts if kind not in ("passed", "viewed")}
        return {"statements": sum(count for _, count in counts)} | others

    def rows(self, table: str, wanted: Sequence[str]) -> Iterator[Records]:
        """The rows of one table in the order of their numbers."""
        cells = "".join(f"coalesce({name}::varchar, '') as {name}, " for name in wanted)
        found = self._con.cursor().execute(f"select {cells}position from ({sql.ROWS_SQL[table]}) order by position")
        for batch in found.to_arrow_reader(_BATCH_ROWS):
            rows = pa.Table.from_batches([batch])
            yield Records(rows.select(list(wanted)), rows["position"].to_numpy())


def _close(con: duckdb.DuckDBPyConnection, folder: SpillFolder) -> None:
    con.close()
    folder.close()


def _lines(file: DeliveredFile, block: bytes, stream: BinaryIO) -> Iterator[pa.Table]:
    """The lines of a file, numbered from 1, many at a time. Raises UnreadableFile."""
    number, rest = 0, b""
    while block:
        following = stream.read(_BLOCK_BYTES)
        text = rest + block
        end = text.rfind(b"\n") + 1 if following else len(text)
        line_ends = np.flatnonzero(np.frombuffer(text, np.uint8, end) == ord("\n")) + 1
        offsets = np.unique(np.concatenate(([0], line_ends, [end])))
        rest, block = text[end:], following
        if max(np.diff(offsets).max(initial=0), len(rest)) > LONGEST_LINE_BYTES:
            raise UnreadableFile(
                f"{file.name}: có một dòng dài hơn {LONGEST_LINE_BYTES >> 20} MB; mỗi dòng phải là một bản ghi xAPI,"
                " hãy xuất lại theo dạng JSON Lines",
                f"{file.name}: a line is longer than {LONGEST_LINE_BYTES >> 20} MB; each line must be one statement,"
                " export the file as JSON Lines",
            )
        if end:
            yield _numbered(_as_strings(file, text[:end], offsets, number), number)
        number += len(offsets) - 1


def _as_strings(file: DeliveredFile, text: bytes, offsets: npt.NDArray[np.int64], before: int) -> pa.Array:
    """The pieces of a text between offsets, not copied. Raises UnreadableFile when it is not UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = before + text.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(
            f"{file.name}: dòng {line} không phải mã UTF-8; hãy xuất lại tệp bằng UTF-8",
            f"{file.name}: line {line} is not in UTF-8; export the file in UTF-8",
        ) from None
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(text))


def _numbered(lines: pa.Array, before: int) -> pa.Table:
    table = pa.table({"number": pa.array(np.arange(before + 1, before + 1 + len(lines))), "line": lines})
    # DuckDB gives each batch to one thread.
    return pa.Table.from_batches(table.to_batches(max_chunksize=_LINES_AT_ONCE), table.schema)
