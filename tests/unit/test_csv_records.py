"""RFC 4180 from bytes: well-formed records survive as they are, the others are known by number."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from par_warehouse import csv_records
from par_warehouse.csv_records import read_header, read_records
from par_warehouse.dialects import UnreadableFile


def read(path: Path) -> tuple[list[list[str]], list[int], list[int]]:
    """Rows, their numbers, and the numbers of malformed records."""
    with path.open("rb") as stream:
        names = read_header(stream)
    rows, numbers, malformed = [], [], []
    with path.open("rb") as stream:
        for records in read_records(stream, {f"c{i}": i for i in range(len(names))}, len(names)):
            rows += [list(row.values()) for row in records.table.to_pylist()]
            numbers += records.numbers.tolist()
            malformed += records.malformed.tolist()
    return rows, numbers, malformed


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content)
    return path


CELL = st.text(alphabet=st.sampled_from('ab,"\n\r ếđ x'), max_size=6)
ROWS = st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=12)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, line_end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans(), chunk=st.sampled_from([1, 7, 1 << 23]))
def test_reads_what_a_csv_writer_wrote(tmp_path_factory, rows, line_end, bom, chunk) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([["h1", "h2"], *rows])
    content = (b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode()
    path = written(tmp_path_factory.mktemp("csv"), content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "CHUNK_BYTES", chunk)
        good, numbers, malformed = read(path)
    # A lone quoted cell of white space is a record with one field, not a blank line.
    assert good == [row for row in rows if len(row) == 2]
    assert numbers == [i for i, row in enumerate(rows, 1) if len(row) == 2]
    assert malformed == [i for i, row in enumerate(rows, 1) if len(row) != 2]


def test_blank_lines_are_not_rows_and_not_numbered(tmp_path: Path) -> None:
    path = written(tmp_path, b"\n a,b\n\n1,2\r\n  \t \n\xc2\xa0\n3\n4,5,6\n7,8")
    assert read(path) == ([["1", "2"], ["7", "8"]], [1, 4], [2, 3])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"a,b\n1,\x00\n", "NUL"),
        (b"\x00a,b\n1,2\n", "NUL"),
        ("a,b\n1,é\n".encode("latin-1"), "UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "NUL"),
        (b'a,b\n"1,2\n', "never closed"),
        (b'a,b\n1,x"y"\n', "inside a field"),
        (b'a,b\n1,"x"y\n', "inside a field"),
        (b"a,b\r1,2\r", "carriage return"),
        (b"a,b\n1,2\r3,4\n", "carriage return"),
    ],
)
def test_unreadable_files_say_why(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        read(written(tmp_path, content))


def test_an_endless_record_is_refused_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "LONGEST_RECORD_BYTES", 1000)
    monkeypatch.setattr(csv_records, "CHUNK_BYTES", 100)
    with pytest.raises(UnreadableFile, match="longer than"):
        read(written(tmp_path, b'a,b\n"' + b"x\n" * 5000))
