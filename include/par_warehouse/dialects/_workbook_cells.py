"""The values of a workbook's cells as text, read by calamine in a process of its own.

calamine is native code. A workbook that makes it crash, hang or swell then costs this process, not the night: the
process has limits of memory and time, and whatever goes wrong in it means only that the file is unreadable. Its error
output is thrown away because it may quote cells. The workbook comes through a pipe, so no unsealed copy lies on disk.

The parent calls ``read_cells``; the file itself is the program of the child, which imports nothing of the warehouse.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from io import BytesIO

MEMORY_BYTES = 2 << 30
CPU_SECONDS = 120
MAX_TEXT = 128 << 20
"""Bytes of the answer: a text that is stored once may stand in many cells."""

Cell = int | float | str | bool | date | datetime | time | timedelta


class CellsUnreadable(Exception):
    """The child failed, or ran into a limit."""


def read_cells(content: bytes, sheets: int, indexes: Iterable[int]) -> list[tuple[int, int, list[list[str]]]]:
    """Of each sheet at these indexes the first row and column (from 0) and the rows of the filled rectangle.

    ``sheets`` says how many the workbook has. Raises CellsUnreadable.
    """
    arguments = [sys.executable, "-I", __file__, *map(str, (sheets, *indexes))]
    try:
        child = subprocess.run(
            arguments,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=2 * CPU_SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise CellsUnreadable from None
    lines = iter(child.stdout.splitlines())
    read = []
    for head in lines:
        row, column, height = json.loads(head)
        read.append((row, column, [json.loads(next(lines)) for _ in range(height)]))
    return read


def as_text(value: Cell) -> str:
    """A cell as text: a whole number without ``.0``, a date as ``YYYY-MM-DD``, true as ``x`` and false as nothing."""
    match value:
        case bool():
            return "x" if value else ""
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _child() -> None:
    """Read a workbook from standard input; write each wanted sheet as a line of facts and a line per row."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    from python_calamine import CalamineWorkbook

    workbook = CalamineWorkbook.from_filelike(BytesIO(sys.stdin.buffer.read()))
    sheets, *indexes = map(int, sys.argv[1:])
    if len(workbook.sheet_names) != sheets:
        sys.exit(1)
    left = MAX_TEXT
    for index in indexes:
        sheet = workbook.get_sheet_by_index(index)
        rows = sheet.to_python()
        row, column = sheet.start or (0, 0)
        print(json.dumps([row, column, len(rows)]))
        for cells in rows:
            line = json.dumps([as_text(cell) for cell in cells])
            left -= len(line)
            if left < 0:
                sys.exit(1)
            print(line)


if __name__ == "__main__":
    _child()
