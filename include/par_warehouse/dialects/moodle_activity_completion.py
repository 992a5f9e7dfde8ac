"""Dialect ``moodle_activity_completion``: the export of Moodle's report "Activity completion", for one course.

Columns: the learner's name under an empty heading, the identity fields that the site shows, then two for each activity:
its state in words and the local time of that, under the activity's name and the time by which it is expected (may be
empty). Written in UTF-8 with commas, or in UTF-16 with tabs (the download "Excel").

A completed activity proves that the learner viewed it, at that time or before. One completed without the pass grade
proves nothing, and neither does a state that somebody else set.

The export has no ids of accounts. They are made from the ID number; for a learner without one from the e-mail address,
so that the account is seen among those that match nobody. A row with neither lacks its ``id``. Nobody is known by name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from par_warehouse.cells import person_digits
from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.dialects import Context, DeliveredFile, Part, Records, UnreadableFile
from par_warehouse.dialects._moodle_screens import (
    LARGEST_ID,
    Course,
    Screen,
    ScreenOptions,
    column_letters,
    identity_cells,
    register_cells,
    rows_part,
    users_part,
)
from par_warehouse.dialects._workbook_facts import some
from par_warehouse.text import fold

if TYPE_CHECKING:
    import duckdb

# Folded texts, in English and in the versions of the Vietnamese language pack. "Set by" is followed by a name.
_STATES = {
    "completed": r"completed( achieved pass grade)?|da hoan thanh( duoc diem dat| dat diem chuan)?",
    "failed": r"completed did not achieve pass grade|da hoan thanh khong (duoc diem dat|dat diem chuan)",
    "set_by_others": r"(completed set by|da hoan thanh (set by|duoc dat boi|do))( .*)?",
    "not_completed": r"not completed( set by.*)?|chua hoan thanh( (set by|duoc dat boi|do)( .*)?)?",
}
_EXPECTED = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})?")


class Material(BaseModel):
    """Learning material that is an activity: Moodle's id of the course module, and its ma_hoc_lieu."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    module: int = Field(ge=1, le=LARGEST_ID, description="Moodle's id of the activity, as in its address (``?id=105``)")
    code: str = Field(min_length=1, description="its ``ma_hoc_lieu``")


class Options(ScreenOptions):
    """``course`` says which course the export is about, ``materials`` which activities count, by name."""

    course: Course = Field(description="the course that the export is about")
    materials: Mapping[str, Material] = Field(min_length=1, description="the activities that count, by their names")

    @field_validator("materials")
    @classmethod
    def _distinct(cls, materials: Mapping[str, Material]) -> Mapping[str, Material]:
        if len({fold(name) for name in materials}) < len(materials):
            raise ValueError("expected names that differ by more than tones, marks, case and punctuation")
        if len({material.module for material in materials.values()}) < len(materials):
            raise ValueError("expected another module for each activity")
        return materials


def read(files: Sequence[DeliveredFile], options: Options, context: Context) -> list[Part]:
    """``mdl_user`` with a row per learner, ``mdl_course`` with its one row, ``mdl_course_modules`` with a row per
    configured material, ``mdl_course_modules_viewed`` with a row per material that a learner completed.

    The records of views are numbered by the cells they come from: those of the configured activities, row after row.
    Raises UnreadableFile.
    """
    (file,) = files
    with file.open() as stream:
        is_utf16 = stream.read(2) in (b"\xff\xfe", b"\xfe\xff")
    screen = Screen.of(file, options, context, *(("utf-16", "\t") if is_utf16 else ("utf-8", ",")))
    activities = _activities(screen.headings)
    identity = identity_cells(screen, end=activities[0])
    if "idnumber" not in identity:
        raise UnreadableFile(
            "thiếu cột Mã số ID (ID number), nên không biết người học là ai; hãy nhờ quản trị Moodle cho hiện trường"
            " này (showuseridentity) rồi xuất lại",
            "the column ID number is missing, so learners cannot be told; have the site show that field"
            " (showuseridentity) and export again",
        )
    materials = _placed(screen.headings, activities, options.materials)
    notes = {
        "activities_not_mapped": len(activities) - len(materials),
        "materials_not_found": len(options.materials) - len(materials),
    }
    course = str(options.course.id)
    modules = sorted(options.materials.values(), key=lambda material: material.module)
    account = _account(identity)
    return [
        users_part(screen, identity, account),
        options.course.part(),
        rows_part(
            "mdl_course_modules",
            [{"id": str(material.module), "course": course, "idnumber": material.code} for material in modules],
        ),
        _Views(screen, identity, account, materials, notes).part(),
    ]


def _activities(headings: Sequence[str]) -> range:
    """Where the names of activities are: every second heading, from the end up to the last identity field, which has a
    heading where an activity has a time or nothing.
    """
    first = len(headings)
    while first > 2 and _EXPECTED.fullmatch(headings[first - 1]):
        first -= 2
    if headings[0] or first == len(headings):
        raise UnreadableFile(
            "đây không phải tệp xuất từ báo cáo Hoàn thành hoạt động của Moodle: ô đầu tiên phải để trống và mỗi hoạt"
            " động phải có hai cột; hãy xuất lại và giữ nguyên các cột",
            "this is no export of Moodle's report Activity completion, whose first cell is empty and which has two"
            " columns for each activity; export it again and leave the columns as they are",
        )
    return range(first, len(headings), 2)


def _placed(headings: Sequence[str], activities: range, materials: Mapping[str, Material]) -> dict[int, Material]:
    """The configured materials by the position of their activity, as far as the export has it."""
    placed = {}
    for name, material in materials.items():
        found = [place for place in activities if fold(headings[place]) == fold(name)]
        if len(found) > 1:
            columns = some(map(column_letters, found))
            raise UnreadableFile(
                f"các cột {columns} là những hoạt động cùng tên, không biết hoạt động nào là học liệu; hãy đổi tên"
                " trong Moodle rồi xuất lại",
                f"the columns {columns} are activities of one name, and it is not known which of them is the material;"
                " rename them in Moodle and export again",
            )
        if found:
            placed[found[0]] = material
    return dict(sorted(placed.items()))


def _account(identity: Mapping[str, int]) -> str:
    """SQL for the made id of an account; NULL for a learner of whom only the name is known."""
    number = f"made_id('idnumber ' || coalesce({person_digits('idnumber')}, idnumber))"
    email = "made_id('email ' || lower(email))" if "email" in identity else "null"
    return f"case when idnumber is null then {email} else {number} end"


@dataclass(frozen=True)
class _Views:
    """The part ``mdl_course_modules_viewed``."""

    screen: Screen
    identity: Mapping[str, int]
    account: str
    materials: Mapping[int, Material]
    notes: dict[str, int]

    def part(self) -> Part:
        names = [column.name for column in TABLES_BY_NAME["mdl_course_modules_viewed"].columns]
        return Part("mdl_course_modules_viewed", names, self.records, self.notes)

    def records(self, wanted: Sequence[str]) -> Iterator[Records]:
        self.notes.update(dict.fromkeys(_NOTES, 0))
        if not self.materials:
            return
        cells = dict(self.identity)
        answers = []
        for item, (place, material) in enumerate(self.materials.items(), 1):
            cells |= {f"state_{place}": place, f"time_{place}": place + 1}
            answers.append(
                f"{{place: {place}, item: {item}, module: {material.module}, state: state_{place}, time: time_{place}}}"
            )
        with self.screen.connection() as con:
            for found in self.screen.records(cells):
                register_cells(con, found)
                con.execute(
                    f"create or replace temp table answer as select number, {self.account} as account,"
                    f" unnest([{', '.join(answers)}], recursive := true) from cell"
                )
                states = [row[0] for row in con.execute("select distinct state from answer").fetchall()]
                meanings = [_meaning(state or "") for state in states]
                con.register("meaning", pa.table({"state": pa.array(states, pa.string()), "meaning": meanings}))
                con.execute(
                    "create or replace temp table told as select answer.*, meaning"
                    " from answer join meaning on answer.state is not distinct from meaning.state"
                )
                self._check(con)
                rows = con.execute(_VIEWS.format(items=len(answers))).to_arrow_table()
                yield Records(rows.select(list(wanted)), rows["number"].to_numpy())

    def _check(self, con: "duckdb.DuckDBPyConnection") -> None:
        """Refuse states that are not known; count those that are complete and prove no view."""
        first = con.execute(
            "select number, place from told where meaning = '' order by number, place limit 1"
        ).fetchone()
        if first:
            row, column = first[0], column_letters(first[1])
            raise UnreadableFile(
                f"dòng dữ liệu {row}, cột {column}: không rõ trạng thái hoàn thành; hãy xuất lại bằng tiếng Việt hoặc"
                " tiếng Anh, nếu vẫn vậy thì báo quản trị viên",
                f"record {row}, column {column}: unknown state of completion; export again in Vietnamese or English,"
                " and if that does not help, tell the administrator",
            )
        for note, condition in _NOTES.items():
            count = con.execute(f"select count(*) from told where {condition}").fetchall()[0][0]
            self.notes[note] += count


_VIEWS = """
    with view as (
        select (number - 1) * {items} + item as number, account, module, epoch_of(time) as epoch
        from told
        where meaning = 'completed' and time is not null
    )
    select
        number,
        view_id(epoch, account, module)::varchar as id,
        module::varchar as coursemoduleid,
        account::varchar as userid,
        epoch as timecreated
    from view
    order by number
"""
_NOTES = {
    "completed_without_pass": "meaning = 'failed'",
    "completed_without_time": "meaning = 'completed' and time is null",
    "states_set_by_others": "meaning = 'set_by_others'",
}


def _meaning(state: str) -> str:
    """Which of the known states a text is; empty if none."""
    folded = fold(state)
    return next((meaning for meaning, texts in _STATES.items() if re.fullmatch(texts, folded)), "")
