"""Staging by the column: what is read quickly because a whole column looks plain is what each cell alone would give."""

import csv
import hashlib
import hmac
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from par_warehouse import cells, csv_records, held_rows, staged_rows
from par_warehouse.config import load_configuration
from par_warehouse.contract import TABLES_BY_NAME, Table
from par_warehouse.dialects import LOWEST_MADE_ID, Context, DeliveredFile
from par_warehouse.dialects import csv as csv_dialect
from par_warehouse.person_cells import TEXT, PersonCells
from par_warehouse.pseudonym import register_hmac
from par_warehouse.reading_ahead import read_ahead
from par_warehouse.staged_rows import StagedRows
from par_warehouse.text import clean
from tests.configurations import SHIPPED

SECRET = b"a secret of the tests"
VIEWS, RATINGS = TABLES_BY_NAME["mdl_course_modules_viewed"], TABLES_BY_NAME["danh_gia"]
FEEDS = {
    feed.table: feed
    for table in (VIEWS, RATINGS)
    for feed in load_configuration(SHIPPED).sources.of(table.source).feeds
}

DIGITS = st.sampled_from(["0", "7", "007", "12", "1700000000", "9223372036854775807", "9223372036854775808", ""])
ODD = st.sampled_from(
    [
        "+5",
        "-5",
        " 5",
        "5\u00a0",
        "\u200b5",
        "\uff15",
        "٣",
        "1e3",
        "1.0",
        "5 6",
        "x",
        "a,b",
        '5"',
        "5\n",
        "\r\n6",
        "   ",
        "\ufeff",
    ]
)
NUMBER = DIGITS | ODD
PERSON = st.sampled_from(
    ["013000000001", "013000000002", "13000000001", "'013000000001", " 013000000001", "\u200b013000000002",
     "\uff10\uff11\uff130000000001", "013", "", "x", "013 000 000 001"]
)  # fmt: skip


def rows_of(table: Table, cell: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    """Runs of rows that are plain, odd or of another width, in any order."""
    width = len(table.columns)
    plain = st.lists(DIGITS, min_size=width, max_size=width)
    odd = st.lists(cell, min_size=width, max_size=width)
    malformed = st.lists(cell, min_size=1, max_size=width + 1).filter(
        lambda row: len(row) != width and bool("".join(row).strip())  # a blank line is no record
    )
    return st.lists(plain | odd | malformed, max_size=12)


def csv_bytes(table: Table, rows: list[list[str]], line_end: str = "\n") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerows([[column.name for column in table.columns], *rows])
    return text.getvalue().encode()


def staged(folder: Path, table: Table, content: bytes) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The rows of a delivered file as they lie in the staged one, and the persons for the vault."""
    context = Context(date(2024, 12, 31), table.name, {}, "256MB", 2)
    file = DeliveredFile("file.csv", len(content), partial(io.BytesIO, content))
    (part,) = csv_dialect.read([file], csv_dialect.Options(), context)
    target, persons = folder / "rows.parquet", folder / "persons.parquet"
    with duckdb.connect(config={"threads": 2}) as con:
        register_hmac(con, SECRET)
        register_hmac(con, SECRET, "code_hash")
        with StagedRows(con, FEEDS[table.name], table, context.data_date, {}, target, persons) as writer:
            for records in part.records([column.name for column in table.stored_columns]):
                writer.write(records)
        found = [
            con.execute("from read_parquet(?)", [str(path)]).to_arrow_table().to_pylist() if path.exists() else []
            for path in (target, persons)
        ]
    return found[0], found[1]


def whole(text: str) -> int | None:
    """Plain Python's word on a whole number: digits of ASCII, no more than 64 bits have; -1 cannot be read."""
    if not (cell := clean(text)):
        return None
    return int(cell) if re.fullmatch("[0-9]+", cell, re.ASCII) and int(cell) < 2**63 else -1


def moment(text: str) -> datetime | None:
    """Plain Python's word on seconds since 1970: the hour in Ho Chi Minh City, 0 is none, year 1 cannot be read."""
    cell = clean(text)
    if not re.fullmatch("-?[0-9]+", cell, re.ASCII):
        return datetime(1, 1, 1) if cell else None
    seconds = int(cell)
    if seconds == 0:
        return None
    if not -62135596800 <= seconds <= 253402300799:
        return datetime(1, 1, 1)
    return datetime(1970, 1, 1) + timedelta(seconds=seconds + 7 * 3600)


def is_same_number(found: object, expected: int | None) -> bool:
    """Numbers as high as those that dialects make are hidden behind others."""
    if expected is not None and expected >= LOWEST_MADE_ID:
        return isinstance(found, int) and found >= LOWEST_MADE_ID
    return found == expected


@settings(max_examples=30, deadline=None)
@given(
    rows=rows_of(VIEWS, NUMBER),
    line_end=st.sampled_from(["\n", "\r\n"]),
    chunk=st.sampled_from([1, 64, 1 << 23]),
    held=st.sampled_from([1, 1 << 28]),
)
def test_numbers_are_what_plain_python_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], line_end: str, chunk: int, held: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "CHUNK_BYTES", chunk)
        patch.setattr(staged_rows, "HELD_BYTES", held)
        found, persons = staged(tmp_path_factory.mktemp("rows"), VIEWS, csv_bytes(VIEWS, rows, line_end))
    assert persons == []
    assert [row["row_number"] for row in found] == list(range(1, len(rows) + 1))
    for given_row, row in zip(rows, found, strict=True):
        if len(given_row) != 4:
            assert row["is_malformed"]
            assert [row[column.name] for column in VIEWS.columns] == [None] * 4
        else:
            assert not row["is_malformed"]
            for column, text in zip(VIEWS.columns[:3], given_row[:3], strict=True):
                assert is_same_number(row[column.name], whole(text)), (column.name, text)
            assert row["timecreated"] == moment(given_row[3]), given_row[3]


def rating(person: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.tuples(
        person,
        st.sampled_from(["2023", "2024", " 2024 ", "24", "", "\uff12\uff10\uff12\uff14"]),
        st.sampled_from(["HTXSNV", "HTTNV", "\u200bHTTNV", "tốt", ""]),
        st.sampled_from(["1/QĐ", ""]),
        st.sampled_from(["2023-12-01", "01/12/2023", "2023-12-01\u00a0", "2023-13-01", ""]),
    ).map(list)


YEAR = {"2023": 2023, "2024": 2024, " 2024 ": 2024, "": None}
LEVEL = {"HTXSNV": "HTXSNV", "HTTNV": "HTTNV", "\u200bHTTNV": "HTTNV", "": None}
DAY = {
    "2023-12-01": date(2023, 12, 1), "01/12/2023": date(2023, 12, 1), "2023-12-01\u00a0": date(2023, 12, 1), "": None,
}  # fmt: skip


def person(text: str) -> tuple[str | None, str | None]:
    """Status and digits of an identification number."""
    if not (cell := clean(text)):
        return None, None
    bare = cell.removeprefix("'")
    if not re.fullmatch("[0-9]{10,12}", bare, re.ASCII):
        return "invalid", None
    return ("valid" if cell == bare.zfill(12) else "repaired"), bare.zfill(12)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(rating(PERSON) | rating(st.just("013000000003")) | st.just(["short"]), max_size=12),
    chunk=st.sampled_from([1, 100, 1 << 23]),
    held=st.sampled_from([1, 1000, 1 << 28]),
    is_sorted=st.booleans(),
)
def test_persons_and_texts_are_what_plain_python_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], chunk: int, held: int, is_sorted: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "CHUNK_BYTES", chunk)
        patch.setattr(staged_rows, "HELD_BYTES", held)
        patch.setattr(staged_rows, "SORTED_ROWS", 1 << 20 if is_sorted else 0)
        found, persons = staged(tmp_path_factory.mktemp("rows"), RATINGS, csv_bytes(RATINGS, rows))
    if not is_sorted:
        found.sort(key=lambda row: row["row_number"])
    assert [row["row_number"] for row in found] == list(range(1, len(rows) + 1))
    digits = set()
    for given_row, row in zip(rows, found, strict=True):
        assert row["is_malformed"] == (len(given_row) != 5)
        if len(given_row) != 5:
            assert {value for name, value in row.items() if name not in ("row_number", "is_malformed")} == {None}
            continue
        who, year, level, _, day = given_row
        status, number = person(who)
        assert (row["so_dinh_danh"], row["person_key"]) == (status, number and key(number))
        assert row["nam"] == YEAR.get(year, -1)
        assert row["muc_xep_loai"] == LEVEL.get(level, "?")
        assert row["ngay_quyet_dinh"] == DAY.get(day, date(1, 1, 1))
        digits.add(number)
    assert {one["so_dinh_danh"] for one in persons} == digits - {None}
    assert all(one["person_key"] == key(one["so_dinh_danh"]) for one in persons)


def key(number: str) -> str:
    return hmac.new(SECRET, number.encode(), hashlib.sha256).hexdigest()


@settings(max_examples=30, deadline=None)
@given(rows=rows_of(VIEWS, NUMBER), chunk=st.sampled_from([1, 64, 1 << 23]))
def test_the_quick_ways_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], chunk: int
) -> None:
    content = csv_bytes(VIEWS, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "CHUNK_BYTES", chunk)
        quick = staged(tmp_path_factory.mktemp("quick"), VIEWS, content)
        patch.setattr(csv_records, "_parse_regular", lambda *_: None)
        patch.setattr(cells, "whole_numbers", lambda _: None)
        patch.setattr(cells, "are_plain", lambda _: False)
        assert staged(tmp_path_factory.mktemp("slow"), VIEWS, content) == quick


@pytest.mark.parametrize("run_bytes", [1, 1 << 23])
def test_a_line_with_only_a_byte_order_mark_is_malformed_wherever_a_run_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_bytes: int
) -> None:
    monkeypatch.setattr(csv_records, "CHUNK_BYTES", run_bytes)
    found, _ = staged(tmp_path, VIEWS, csv_bytes(VIEWS, [["1", "2", "3", "0"], ["\ufeff"], ["4", "5", "6", "0"]]))
    assert [(row["row_number"], row["is_malformed"]) for row in found] == [(1, False), (2, True), (3, False)]


def test_plain_files_do_go_the_quick_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: of the second run no record is looked for, and no text of it asked of the database."""
    monkeypatch.setattr(csv_records, "CHUNK_BYTES", 40)
    looked_at: list[bytes] = []
    split = csv_records._split
    monkeypatch.setattr(csv_records, "_split", lambda data, by: looked_at.append(data) or split(data, by))
    monkeypatch.setattr(held_rows.HeldRows, "_answers", None)
    found, _ = staged(tmp_path, VIEWS, csv_bytes(VIEWS, [["1", "2", "3", "0"], ["04", "5", "6", "1640970000"]]))
    assert [tuple(row.values()) for row in found] == [
        (1, False, 1, 2, 3, None), (2, False, 4, 5, 6, datetime(2022, 1, 1)),
    ]  # fmt: skip
    assert not any(b"1640970000" in data for data in looked_at)


def test_a_part_of_many_row_groups_comes_out_in_order(tmp_path: Path) -> None:
    rows = [[str(number), "1", "2", "1700000000"] for number in range(1, 100_001)]
    rows[70_000] = ["short"]
    found, _ = staged(tmp_path, VIEWS, csv_bytes(VIEWS, rows))
    assert [row["row_number"] for row in found] == list(range(1, 100_001))
    assert [row["id"] for row in found if not row["is_malformed"]] == [n for n in range(1, 100_001) if n != 70_001]
    assert found[0]["timecreated"] == datetime.fromtimestamp(1700000000 + 25200, UTC).replace(tzinfo=None)


def test_runs_read_ahead_keep_their_order_and_their_failure() -> None:
    def runs() -> Iterator[int]:
        yield from range(5)
        raise ValueError("broken at 5")

    taken = []
    with pytest.raises(ValueError, match="broken at 5"):
        for run in read_ahead(runs()):
            taken.append(run)
    assert taken == [0, 1, 2, 3, 4]


def test_what_is_read_ahead_is_closed_when_nobody_wants_more() -> None:
    closed: list[bool] = []

    def runs() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    ahead = read_ahead(runs())
    assert next(ahead) == 0
    ahead.close()
    assert closed == [True]


def test_person_cells_are_numbers_that_lead_back_to_their_texts() -> None:
    """By hand: twelve digits of ASCII are their number; any other text goes below zero and into the table."""
    with duckdb.connect() as con:
        persons = PersonCells(con)
        first = persons.codes(pa.chunked_array([["013000000001", None, "13000000001"], ["13000000001", "x"]]))
        second = persons.codes(pa.chunked_array([["013000000001", "\uff1013", "\u0661" * 6]]))
        assert first.to_pylist() == [13_000_000_001, None, -1, -1, -2]
        assert second.to_pylist() == [13_000_000_001, -3, -4]
        given = pa.table({"code": pa.concat_arrays([*first.chunks, *second.chunks])})
        con.register("given", given)
        texts = con.execute(
            f"select {TEXT} from given left join person_text using (code) where code is not null order by code desc"
        ).fetchall()
    found = ["013000000001", "013000000001", "13000000001", "13000000001", "x", "\uff1013", "\u0661" * 6]
    assert [text for (text,) in texts] == found
