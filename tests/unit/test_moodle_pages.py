"""Dialect moodle_web_service: pages of a pull become Moodle's tables; a page that is missing or damaged is noticed."""

import io
import json
from datetime import date

import pytest

from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.dialects import Context, DeliveredFile, Part, UnreadableFile
from par_warehouse.dialects import moodle_web_service as dialect
from par_warehouse.dialects.moodle_web_service import KINDS, Options, read

CONTEXT = Context(date(2024, 12, 31), None, {}, "256MB", 1)
TABLES = ["mdl_user", "mdl_course", "mdl_course_completions", "mdl_course_modules", "mdl_course_modules_viewed"]


def delivered(name: str, content: bytes) -> DeliveredFile:
    return DeliveredFile(f"moodle/{name}", len(content), lambda: io.BytesIO(content))


def pull_of(pages: dict[str, list[dict]], users_enrolled: int = 0, **told: int) -> list[DeliveredFile]:
    """The files of a pull with these pages; ``told`` replaces row counts of the last page."""
    rows = {kind: sum(len(page) for name, page in pages.items() if name.startswith(kind)) for kind in KINDS}
    counts = {kind: sum(name.startswith(kind) for name in pages) for kind in KINDS}
    complete = {"pages": counts, "rows": rows | told, "users_enrolled": users_enrolled}
    files = [delivered(name, json.dumps(page).encode()) for name, page in pages.items()]
    return [*files, delivered("complete.json", json.dumps(complete).encode())]


def parts_of(files: list[DeliveredFile]) -> dict[str, Part]:
    return {part.table: part for part in read(files, Options(), CONTEXT)}


def rows_of(part: Part, *names: str) -> list[tuple]:
    found = []
    for records in part.records(names):
        assert set(map(str, records.table.schema.types)) == {"string"}
        found += [tuple(row[name] for name in names) for row in records.table.to_pylist()]
    return found


def completion(user: int, course: int, completed: bool, aggregation: int, criteria: list[int]) -> dict:
    return {"courseid": course, "userid": user, "errorcode": None, "completed": completed, "aggregation": aggregation,
            "criteria": criteria, "warnings": 0}  # fmt: skip


def view(cmid: int, state: int, time: int, overridden: bool, viewed: bool | None) -> dict:
    return {"cmid": cmid, "state": state, "timecompleted": time, "overridden": overridden, "viewed": viewed}


def views(user: int, *statuses: dict) -> dict:
    return {"courseid": 2, "userid": user, "errorcode": None, "statuses": list(statuses), "warnings": 0}


def user(id: int, **fields: object) -> dict:
    return {"id": id, "username": None, "idnumber": None, "email": None, "suspended": None} | fields


def test_every_column_of_the_contract_is_there_and_the_mail_address() -> None:
    parts = parts_of(pull_of({}))
    assert list(parts) == TABLES
    for table, part in parts.items():
        more = ["email"] if table == "mdl_user" else []
        assert list(part.names) == [column.name for column in TABLES_BY_NAME[table].columns] + more
        assert list(part.records(part.names)) == []


def test_what_moodle_leaves_out_is_empty() -> None:
    parts = parts_of(
        pull_of(
            {
                "users-00001.json": [
                    user(11, username="a", idnumber="013000000011", email="a@hoc.example.vn", suspended=True),
                    user(12, idnumber="  013 ", suspended=False),
                ]
            },
            users_enrolled=5,
        )
    )
    names = ("id", "username", "idnumber", "suspended", "deleted", "timecreated", "email")
    assert rows_of(parts["mdl_user"], *names) == [
        ("11", "a", "013000000011", "1", "0", None, "a@hoc.example.vn"),
        ("12", None, "  013 ", "0", "0", None, None),
    ]
    assert parts["mdl_user"].notes == {"accounts_not_shown": 3}


@pytest.mark.parametrize(
    ("completed", "aggregation", "criteria", "time"),
    [
        (True, 1, [1735600000, 1735664399, 1735500000], "1735664399"),  # all: the last one completes the course
        (True, 2, [1735600000, 1735664399, 1735500000], "1735500000"),  # any: the first one does
        (True, 1, [1735600000], "1735600000"),
        (False, 1, [1735600000], None),
        (False, 2, [], None),
        (True, 1, [], None),
    ],
)
def test_the_time_of_completion(completed: bool, aggregation: int, criteria: list[int], time: str | None) -> None:
    page = [completion(11, 2, completed, aggregation, criteria)]
    part = parts_of(pull_of({"completions-00001.json": page}))["mdl_course_completions"]
    # 11 * 2^31 + 2
    assert rows_of(part, "id", "userid", "course", "timecompleted") == [("23622320130", "11", "2", time)]
    assert part.notes == ({"completions_without_time": 1} if completed and not criteria else {})


def test_learners_without_completion_are_counted() -> None:
    def without(code: str) -> dict:
        return completion(12, 2, False, 1, []) | {"errorcode": code, "completed": None, "aggregation": None}

    codes = ["usernotenroled", "nocriteriaset", "nocriteriaset", "userdeleted", "invaliduser", "usernotconfirmed"]
    page = [*map(without, codes), completion(11, 2, True, 1, [5]) | {"warnings": 2}]
    part = parts_of(pull_of({"completions-00001.json": page}))["mdl_course_completions"]
    assert rows_of(part, "userid") == [("11",)]
    assert part.notes == {
        "learners_not_tracked": 1,
        "learners_of_courses_without_criteria": 2,
        "accounts_not_active": 3,
        "warnings": 2,
    }


@pytest.mark.parametrize(
    ("status", "time", "note"),
    [
        (view(21, 1, 1735000000, False, True), "1735000000", None),
        (view(21, 2, 1735000000, False, True), "1735000000", None),
        (view(21, 3, 1735000000, False, True), "1735000000", None),  # failed, yet viewed: the failing proves no view
        (view(21, 3, 1735000000, False, None), None, "states_without_view_requirement"),
        (view(21, 4, 1735000000, False, True), None, "views_without_time"),
        (view(21, 0, 1735000000, False, True), None, "views_without_time"),
        (view(21, 1, 0, False, True), None, "views_without_time"),
        (view(21, 1, 1735000000, True, True), None, "states_set_by_a_teacher"),
        (view(21, 1, 1735000000, False, False), None, None),
        (view(21, 0, 0, False, False), None, None),
    ],
)
def test_what_proves_a_view(status: dict, time: str | None, note: str | None) -> None:
    part = parts_of(pull_of({"views-00001.json": [views(11, status)]}))["mdl_course_modules_viewed"]
    rows = rows_of(part, "id", "coursemoduleid", "userid", "timecreated")
    # 11 * 2^31 + 21
    assert rows == ([("23622320149", "21", "11", time)] if time else [])
    assert part.notes == ({note: 1} if note else {})


def test_views_of_accounts_that_are_gone_are_counted() -> None:
    page = [
        views(11, view(21, 1, 7, False, True), view(22, 1, 8, False, True)),
        views(12) | {"errorcode": "userdeleted"},
    ]
    part = parts_of(pull_of({"views-00001.json": page}))["mdl_course_modules_viewed"]
    assert rows_of(part, "coursemoduleid", "timecreated") == [("21", "7"), ("22", "8")]
    assert part.notes == {"accounts_not_active": 1}


def test_courses_that_were_not_asked_about_are_counted() -> None:
    def course(id: int, idnumber: str, tracking: bool) -> dict:
        return {"id": id, "idnumber": idnumber, "startdate": 5, "enddate": 0, "timemodified": None,
                "enablecompletion": tracking}  # fmt: skip

    page = [course(2, "A", True), course(3, "", True), course(4, "", False), course(5, "B", False)]
    part = parts_of(pull_of({"courses-00001.json": page}))["mdl_course"]
    assert rows_of(part, "id", "idnumber", "shortname", "startdate", "enddate", "timemodified") == [
        ("2", "A", None, "5", "0", None),
        ("5", "B", None, "5", "0", None),
    ]
    assert part.notes == {"courses_without_idnumber": 2, "courses_without_completion_tracking": 1}


def test_materials_that_nobody_can_be_seen_to_view_are_counted() -> None:
    def module(id: int, idnumber: str, tracking: int) -> dict:
        return {"id": id, "course": 2, "idnumber": idnumber, "completion": tracking, "warnings": 0}

    page = [module(21, "TL", 2), module(22, "BG", 1), module(23, "", 0)]
    part = parts_of(pull_of({"modules-00001.json": page}))["mdl_course_modules"]
    assert rows_of(part, "id", "course", "idnumber", "completion", "deletioninprogress") == [
        ("21", "2", "TL", "2", "0"),
        ("22", "2", "BG", "1", "0"),
        ("23", "2", "", "0", "0"),
    ]
    assert part.notes == {"materials_without_automatic_completion": 1}


@pytest.mark.parametrize("batch", [1, 1 << 20])
def test_rows_keep_the_order_of_the_pages_and_are_numbered_through(monkeypatch, batch: int) -> None:
    monkeypatch.setattr(dialect, "_BATCH_BYTES", batch)
    pages = {f"users-{page:05d}.json": [user(10 * page + row) for row in (2, 1, 3)] for page in (3, 1, 2)}
    part = parts_of(pull_of(pages, users_enrolled=9))["mdl_user"]
    chunks = list(part.records(["id"]))
    assert len(chunks) == (3 if batch == 1 else 1)
    assert [row["id"] for chunk in chunks for row in chunk.table.to_pylist()] == [
        "12", "11", "13", "22", "21", "23", "32", "31", "33",
    ]  # fmt: skip
    assert [int(number) for chunk in chunks for number in chunk.numbers] == list(range(1, 10))


USERS = {"users-00001.json": [user(11)], "users-00002.json": [user(12)]}


@pytest.mark.parametrize("missing", ["complete.json", "users-00001.json", "users-00002.json"])
def test_a_missing_page_makes_the_pull_incomplete(missing: str) -> None:
    files = [file for file in pull_of(USERS) if not file.name.endswith(missing)]
    with pytest.raises(UnreadableFile, match=rf"chưa đủ: thiếu trang {missing}.*incomplete: the page {missing} is"):
        read(files, Options(), CONTEXT)


def test_a_page_of_another_pull_is_refused() -> None:
    files = [*pull_of(USERS), delivered("users-00003.json", b"[]")]
    with pytest.raises(UnreadableFile, match=r"users-00003\.json does not belong to this pull"):
        read(files, Options(), CONTEXT)


@pytest.mark.parametrize(("table", "kind"), [("mdl_user", "users"), ("mdl_course_modules_viewed", "views")])
def test_another_number_of_rows_than_told_is_refused(table: str, kind: str) -> None:
    part = parts_of(pull_of(USERS, **{kind: 3}))[table]
    with pytest.raises(UnreadableFile, match=rf"{kind}-\*\.json hold \d rows, but complete\.json says 3"):
        list(part.records(["id"]))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"{}",
        b'[{"id": 11',
        b'[{"id": 11}]',
        b"\xff\xfe",
        json.dumps([user(11) | {"id": "013000000011x"}]).encode(),
        json.dumps([user(11)]).encode() + b" " * 5000,
    ],
)
def test_a_damaged_page_is_named_without_its_content(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(dialect, "PAGE_BYTES", 5000)
    good, _, complete = pull_of(USERS)
    part = parts_of([good, delivered("users-00002.json", content), complete])["mdl_user"]
    with pytest.raises(UnreadableFile, match=r"users-00002\.json không đúng cấu trúc") as caught:
        list(part.records(["id"]))
    assert "013000000011" not in str(caught.value)


def test_ids_too_large_to_make_an_id_of_two_are_refused() -> None:
    part = parts_of(pull_of({"completions-00001.json": [completion(1 << 31, 2, True, 1, [5])]}))[
        "mdl_course_completions"
    ]
    with pytest.raises(UnreadableFile, match="completions-00001"):
        list(part.records(["id"]))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"pages": {}, "rows": {}, "users_enrolled": 0}', b"\xff"])
def test_a_damaged_last_page_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"complete\.json"):
        read([delivered("complete.json", content)], Options(), CONTEXT)
