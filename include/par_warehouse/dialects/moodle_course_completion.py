"""Dialect ``moodle_course_completion``: the export of Moodle's report "Course completion", for one course.

Columns: ``ID`` (of the account), ``Name``, the identity fields that the site shows, some for each criterion, and last
``Course complete``: the local time of completion, empty until then. The ID number is there only if the site shows it;
else the part ``mdl_user`` has no ``idnumber``. A time without seconds counts from the start of its minute.
"""

from collections.abc import Sequence

from pydantic import Field

from par_warehouse.dialects import Context, DeliveredFile, Part, UnreadableFile
from par_warehouse.dialects._moodle_screens import (
    Course,
    Screen,
    ScreenOptions,
    identity_cells,
    record_part,
    users_part,
)
from par_warehouse.text import fold

# Folded headings, in English and in the versions of the Vietnamese language pack.
_COURSE_COMPLETE = ("course complete", "khoa hoc hoan thanh", "hoan thanh khoa hoc")


class Options(ScreenOptions):
    """``course`` says which course the export is about."""

    course: Course = Field(description="the course that the export is about")


def read(files: Sequence[DeliveredFile], options: Options, context: Context) -> list[Part]:
    """``mdl_user`` and ``mdl_course_completions`` with a row per learner, ``mdl_course`` with its one row.

    The id of a completion holds 31 bits each of those of account and course. Raises UnreadableFile.
    """
    (file,) = files
    screen = Screen.of(file, options, context)
    last = len(screen.headings) - 1
    if last < 2 or fold(screen.headings[0]) != "id" or fold(screen.headings[last]) not in _COURSE_COMPLETE:
        raise UnreadableFile(
            "đây không phải tệp xuất từ báo cáo Hoàn thành khóa học của Moodle: cột đầu phải là ID và cột cuối phải là"
            " Hoàn thành khóa học (Course complete); hãy xuất lại và giữ nguyên các cột",
            "this is no export of Moodle's report Course completion, whose first column is ID and whose last one is"
            " Course complete; export it again and leave the columns as they are",
        )
    course = options.course.id
    completion = {
        "id": "case when regexp_full_match(account, '[0-9]{1,9}')"
        f" then (try_cast(account as bigint) << 31) | {course} when account is not null then -1 end",
        "userid": "account",
        "course": f"{course}",
        "timecompleted": "epoch_of(completed)",
    }
    return [
        users_part(screen, {"account": 0, **identity_cells(screen)}, "account"),
        options.course.part(),
        record_part(screen, "mdl_course_completions", {"account": 0, "completed": last}, completion),
    ]
