"""Dialect ``moodle_web_service``: the pages of a pull of the same name, as Moodle's tables.

Moodle's web services have no function for three of the tables, so two of them are concluded from the answers:

``mdl_course_completions``
    The answer says for each course criterion when it was met, not when the course was completed. Moodle itself sets the
    time of completion to the latest of the criteria met at that moment. Hence: the latest time where all criteria are
    required, the earliest where any one suffices. Where activities or roles are combined in a way of their own ("any
    of these activities"), one that was finished later makes the concluded time later than Moodle's.
``mdl_course_modules_viewed``
    Neither views nor logs can be asked for. An activity whose completion requires a view, and that is complete, was
    viewed when it became complete or before: that time stands for the view. It is the time itself if the view is the
    only requirement. Activities completed by hand or without that requirement, and states set by a teacher, prove no
    view.

The ids of both are made from the ids they are about: 31 bits of each.
The answers are about those who are enrolled now: not about deleted accounts, nor about what somebody completed in a
course before leaving it. Nor do they say when an account was made or a learner enrolled.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field, ValidationError

from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.dialects import Context, DeliveredFile, DialectOptions, Part, Records, UnreadableFile

Kind = Literal["courses", "enrolments", "users", "modules", "completions", "views"]
KINDS: tuple[Kind, ...] = ("courses", "enrolments", "users", "modules", "completions", "views")
COMPLETE = "complete.json"
"""The last page of a pull: without it, the pull was interrupted."""

PAGE_BYTES = 64 << 20
"""The largest page."""

_BATCH_BYTES = 8 << 20


class Options(DialectOptions):
    """How Moodle is asked; all pages are read alike.

    ``calls_per_second`` spares the platform, ``timeout_seconds`` is how long one answer may take.
    """

    calls_per_second: float = Field(10, gt=0, le=1000, description="how often Moodle is asked at most")
    timeout_seconds: float = Field(60, gt=0, le=600, description="how long one answer may take")


# More would be no count but something else, and is not repeated in a message.
Count = Annotated[int, Field(ge=0, le=99_999_999)]


class Complete(BaseModel):
    """The content of the last page: per kind, how many pages there are and how many rows they hold together."""

    pages: dict[Kind, Count]
    rows: dict[Kind, Count]
    users_enrolled: Count


def page_name(kind: Kind, number: int) -> str:
    """The name of a page; each kind is numbered from 1."""
    return f"{kind}-{number:05d}.json"


def read(files: Sequence[DeliveredFile], options: Options, context: Context) -> list[Part]:
    """One part for each of the five tables that Moodle keeps; ``mdl_user`` has the ``email`` of the account besides.

    Records are numbered from 1, in the order of the pages. Raises UnreadableFile when a page is missing, damaged, or
    holds another number of rows than the pull says.
    """
    by_name = {PurePosixPath(file.name).name: file for file in files}
    complete = _read_complete(by_name)
    pages = {kind: _pages_of(kind, by_name, complete) for kind in KINDS}
    return [
        _part(layout, pages[layout.kind], complete, context)
        for layout in (_USERS, _COURSES, _COMPLETIONS, _MODULES, _VIEWS)
    ]


@dataclass(frozen=True)
class _Layout:
    """How the rows of one kind of page become the rows of one table.

    ``structure`` is a row of the page, in the notation of DuckDB's ``from_json``; ``columns`` are SQL over it, by
    column (those not named are not in the answers), ``condition`` says which rows belong to the table, and ``notes``
    are SQL counts over all rows.
    """

    table: str
    kind: Kind
    structure: str
    columns: Mapping[str, str]
    condition: str
    notes: Mapping[str, str]
    source: str = "answer"

    @property
    def names(self) -> tuple[str, ...]:
        contract = tuple(column.name for column in TABLES_BY_NAME[self.table].columns)
        return contract + tuple(name for name in self.columns if name not in contract)


_USERS = _Layout(
    table="mdl_user",
    kind="users",
    structure='{"id": "BIGINT", "username": "VARCHAR", "idnumber": "VARCHAR", "email": "VARCHAR",'
    ' "suspended": "BOOLEAN"}',
    columns={
        "id": "id",
        "username": "username",
        "idnumber": "idnumber",
        "suspended": "suspended::integer",
        "deleted": "0",
        "email": "email",
    },
    condition="true",
    notes={},
)
_COURSES = _Layout(
    table="mdl_course",
    kind="courses",
    structure='{"id": "BIGINT", "idnumber": "VARCHAR", "startdate": "BIGINT", "enddate": "BIGINT",'
    ' "timemodified": "BIGINT", "enablecompletion": "BOOLEAN"}',
    columns={name: name for name in ("id", "idnumber", "startdate", "enddate", "timemodified")},
    condition="idnumber <> ''",
    notes={
        "courses_without_idnumber": "count(*) filter (idnumber = '')",
        "courses_without_completion_tracking": "count(*) filter (idnumber <> '' and not enablecompletion)",
    },
)
_MODULES = _Layout(
    table="mdl_course_modules",
    kind="modules",
    structure='{"id": "BIGINT", "course": "BIGINT", "idnumber": "VARCHAR", "completion": "BIGINT",'
    ' "warnings": "UINTEGER"}',
    columns={name: name for name in ("id", "course", "idnumber", "completion")} | {"deletioninprogress": "0"},
    condition="true",
    notes={
        "materials_without_automatic_completion": "count(*) filter (idnumber <> '' and completion <> 2)",
        "warnings": "sum(warnings)",
    },
)
_COMPLETIONS = _Layout(
    table="mdl_course_completions",
    kind="completions",
    structure='{"courseid": "INTEGER", "userid": "INTEGER", "errorcode": "VARCHAR", "completed": "BOOLEAN",'
    ' "aggregation": "BIGINT", "criteria": ["BIGINT"], "warnings": "UINTEGER"}',
    columns={
        "id": "userid * 2147483648 + courseid",
        "userid": "userid",
        "course": "courseid",
        "timecompleted": "case when completed and aggregation = 2 then list_min(criteria)"
        " when completed then list_max(criteria) end",
    },
    condition="errorcode is null",
    notes={
        "learners_not_tracked": "count(*) filter (errorcode in ('usernotenroled', 'notenroled'))",
        "learners_of_courses_without_criteria": "count(*) filter (errorcode = 'nocriteriaset')",
        "accounts_not_active": "count(*) filter (errorcode not in ('usernotenroled', 'notenroled', 'nocriteriaset'))",
        "completions_without_time": "count(*) filter (completed and criteria = [])",
        "warnings": "sum(warnings)",
    },
)
# States: 1 complete, 2 with a pass, 3 with a fail. In each of them every requirement, a view among them, is met.
_VIEWS = _Layout(
    table="mdl_course_modules_viewed",
    kind="views",
    structure='{"courseid": "INTEGER", "userid": "INTEGER", "errorcode": "VARCHAR", "warnings": "UINTEGER",'
    ' "statuses": [{"cmid": "INTEGER", "state": "BIGINT", "timecompleted": "BIGINT", "overridden": "BOOLEAN",'
    ' "viewed": "BOOLEAN"}]}',
    source="(select userid, unnest(statuses, recursive := true), number, position from answer)",
    columns={
        "id": "userid * 2147483648 + cmid",
        "coursemoduleid": "cmid",
        "userid": "userid",
        "timecreated": "timecompleted",
    },
    condition="viewed and not overridden and state in (1, 2, 3) and timecompleted > 0",
    notes={
        "accounts_not_active": "count(*) filter (errorcode is not null)",
        "states_set_by_a_teacher": "sum(len(list_filter(statuses, lambda one: one.overridden)))",
        "views_without_time": "sum(len(list_filter(statuses, lambda one: one.viewed and not one.overridden"
        " and not (one.state in (1, 2, 3) and one.timecompleted > 0))))",
        "states_without_view_requirement": "sum(len(list_filter(statuses, lambda one: one.viewed is null)))",
        "warnings": "sum(warnings)",
    },
)


def _part(layout: _Layout, pages: Sequence[DeliveredFile], complete: Complete, context: Context) -> Part:
    notes: dict[str, int] = {}
    if layout.kind == "users":
        _note(notes, "accounts_not_shown", max(0, complete.users_enrolled - complete.rows["users"]))

    def records(wanted: Sequence[str]) -> Iterator[Records]:
        import duckdb

        rows_read = rows_given = 0
        columns = "".join(f", ({layout.columns.get(name, 'null')})::varchar as {name}" for name in wanted)
        counts = ", ".join(["count(*)", *layout.notes.values()])
        with duckdb.connect(config={"memory_limit": context.memory_limit, "threads": context.threads}) as con:
            for batch in _batches(pages):
                con.register("page", batch)
                con.execute(
                    "create or replace temp table page_answers as select number,"
                    f" try(from_json_strict(content, '[{layout.structure}]')) as answers from page"
                )
                if damaged := con.execute("select min(number) from page_answers where answers is null").fetchall()[0][
                    0
                ]:
                    raise _damaged(page_name(layout.kind, damaged))
                con.execute(
                    "create or replace temp table answer as select number, generate_subscripts(answers, 1) as position,"
                    " unnest(answers, max_depth := 2) from page_answers"
                )
                rows, *found = con.execute(f"select {counts} from answer").fetchall()[0]
                rows_read += rows
                for name, count in zip(layout.notes, found, strict=True):
                    _note(notes, name, count or 0)
                table = con.execute(
                    f"select number{columns} from {layout.source} where {layout.condition} order by number, position"
                ).to_arrow_table()
                numbers = np.arange(rows_given + 1, rows_given + len(table) + 1, dtype=np.int64)
                yield Records(table.select(list(wanted)), numbers)
                rows_given += len(table)
        if rows_read != complete.rows[layout.kind]:
            raise UnreadableFile(
                f"Các trang {layout.kind}-*.json có {rows_read} dòng, nhưng {COMPLETE} ghi"
                f" {complete.rows[layout.kind]} dòng. Hãy xóa các trang đã lấy và lấy lại dữ liệu từ Moodle.",
                f"The pages {layout.kind}-*.json hold {rows_read} rows, but {COMPLETE} says"
                f" {complete.rows[layout.kind]}. Remove the pages and pull from Moodle again.",
            )

    return Part(layout.table, layout.names, records, notes)


def _note(notes: dict[str, int], name: str, count: int) -> None:
    if count:
        notes[name] = notes.get(name, 0) + count


def _batches(pages: Sequence[DeliveredFile]) -> Iterator[pa.Table]:
    """The texts of the pages, some megabytes at a time."""
    numbers: list[int] = []
    texts: list[str] = []
    size = 0
    for number, page in enumerate(pages, 1):
        text = _text(page)
        numbers.append(number)
        texts.append(text)
        size += len(text)
        if size >= _BATCH_BYTES or number == len(pages):
            yield pa.table({"number": numbers, "content": texts})
            numbers, texts, size = [], [], 0


def _text(page: DeliveredFile) -> str:
    with page.open() as stream:
        content = stream.read(PAGE_BYTES + 1)
    try:
        if len(content) > PAGE_BYTES:
            raise ValueError
        return content.decode("utf-8")
    except ValueError:
        raise _damaged(page.name) from None


def _read_complete(by_name: Mapping[str, DeliveredFile]) -> Complete:
    if COMPLETE not in by_name:
        raise _incomplete(COMPLETE)
    try:
        complete = Complete.model_validate_json(_text(by_name[COMPLETE]))
    except ValidationError:
        raise _damaged(COMPLETE) from None
    if set(complete.pages) != set(KINDS) or set(complete.rows) != set(KINDS):
        raise _damaged(COMPLETE)
    return complete


def _pages_of(kind: Kind, by_name: Mapping[str, DeliveredFile], complete: Complete) -> list[DeliveredFile]:
    pages = {}
    for number in range(1, complete.pages[kind] + 1):
        name = page_name(kind, number)
        if name not in by_name:
            raise _incomplete(name)
        pages[name] = by_name[name]
    if more := sorted(name for name in by_name.keys() - pages.keys() if name.startswith(f"{kind}-")):
        raise UnreadableFile(
            f"Trang {more[0]} không thuộc lần lấy dữ liệu này. Hãy xóa các trang đã lấy và lấy lại dữ liệu từ Moodle.",
            f"The page {more[0]} does not belong to this pull. Remove the pages and pull from Moodle again.",
        )
    return list(pages.values())


def _incomplete(name: str) -> UnreadableFile:
    return UnreadableFile(
        f"Dữ liệu lấy từ Moodle chưa đủ: thiếu trang {name}. Hãy chạy lại bước lấy dữ liệu.",
        f"The pull from Moodle is incomplete: the page {name} is missing. Run the pull again.",
    )


def _damaged(name: str) -> UnreadableFile:
    return UnreadableFile(
        f"Trang {name} không đúng cấu trúc. Hãy xóa các trang đã lấy và lấy lại dữ liệu từ Moodle.",
        f"The page {name} is damaged. Remove the pages and pull from Moodle again.",
    )
