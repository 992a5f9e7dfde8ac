"""Exports of Moodle's screens as Moodle writes them, byte for byte."""

import csv
import io
from collections.abc import Sequence

BOM = b"\xef\xbb\xbf"
LOG_HEADINGS = [
    "Time", "User full name", "Affected user", "Event context", "Component", "Event name", "Description", "Origin",
    "IP address",
]  # fmt: skip
LOG_HEADINGS_VI = [
    "Thời gian", "Tên đầy đủ", "người dùng bị ảnh hưởng", "Bối cảnh của sự kiện", "thành phần", "Tên sự kiện", "Mô tả",
    "Nguyên thủy", "Địa chỉ IP",
]  # fmt: skip


def course_completion(headings: Sequence[str], *rows: Sequence[str], excel: bool = False) -> bytes:
    """Report "Course completion": quotes where needed only; the download "Excel" has a byte order mark."""
    return (BOM if excel else b"") + _written([headings, *rows], csv.QUOTE_MINIMAL).encode()


def activity_completion(
    identity: Sequence[str], activities: Sequence[tuple[str, str]], *rows: Sequence[str], excel: bool = False
) -> bytes:
    """Report "Activity completion": everything quoted but the empty first heading.

    ``activities`` are names and times by which they are expected. Quotes in cells become apostrophes. The download
    "Excel" is UTF-16 with tabs.
    """
    separator = "\t" if excel else ","
    headings = [*identity, *(cell for activity in activities for cell in activity)]
    lines = [separator + separator.join(map(_quoted, headings))]
    lines += [separator.join(map(_quoted, row)) for row in rows]
    text = "".join(line + "\n" for line in lines)
    return b"\xff\xfe" + text.encode("utf-16-le") if excel else text.encode()


def log(*lines: Sequence[str], headings: Sequence[str] = LOG_HEADINGS, bom: bool = True) -> bytes:
    """Logs; ``lines`` are (time, event name, description), all other cells are made up."""
    rows = [
        [time, "Nguyễn Thị Thử", "-", "Trang: Tài liệu", "Trang", event, description, "web", "203.0.113.7"]
        for time, event, description in lines
    ]
    extra = len(headings) - len(LOG_HEADINGS)
    rows = [["Khóa học thử"] * extra + row for row in rows]
    return (BOM if bom else b"") + _written([headings, *rows], csv.QUOTE_MINIMAL).encode()


def viewed(account: int, module: int, activity: str = "page") -> str:
    """The description of a view."""
    return f"The user with id '{account}' viewed the '{activity}' activity with course module id '{module}'."


def _written(rows: Sequence[Sequence[str]], quoting: int) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows(rows)
    return text.getvalue()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', "'") + '"'
