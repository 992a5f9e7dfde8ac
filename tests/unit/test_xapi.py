"""Statements of the Experience API become accounts, courses, completions and views; every one is accounted for."""

import gc
import hashlib
import json
import signal
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.dialects import Context, DeliveredFile, Part, UnreadableFile, _xapi_sql, xapi
from par_warehouse.pulls.xapi import _cut, _shape

CONTEXT = Context(date(2024, 12, 31), None, {}, "300MB", 2)
ADL = "http://adlnet.gov/expapi/verbs/"
CMI5 = "https://w3id.org/xapi/adl/verbs/"
MOODLE, LIBRARY, MOOC = "https://lms.example.vn", "https://hoc-lieu.example.vn", "https://mooc.example.vn"
GRADE = "http://www.tincanapi.co.uk/activitytypes/grade_classification"
EXAMPLE = yaml.safe_load((Path(__file__).parents[2] / "include/config/xapi.yml").read_text(encoding="utf-8"))

COURSE = f"{LIBRARY}/cmi5/khoa-hoc/KN-TM"
MATERIAL = f"{LIBRARY}/thu-vien/TL-07"


def number_of(text: str) -> str:
    """An id as documented: 2**60 and the first 60 bits of the SHA-256."""
    return str(2**60 + (int.from_bytes(hashlib.sha256(text.encode()).digest()) >> (256 - 60)))


def agent(name: str = "013185000123", site: str = LIBRARY) -> dict[str, Any]:
    return {"account": {"homePage": site, "name": name}}


def statement(number: int, **changes: Any) -> dict[str, Any]:
    """A passing of KN-TM at 2024-12-31 23:59:59 in Ho Chi Minh City, changed as wanted (None: the key is absent)."""
    whole = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "actor": agent(),
        "verb": {"id": f"{CMI5}satisfied"},
        "object": {"id": COURSE, "definition": {"type": "https://w3id.org/xapi/cmi5/activitytype/course"}},
        "timestamp": "2024-12-31T16:59:59Z",
        "stored": "2025-01-01T00:00:00Z",
        "version": "1.0.3",
    } | changes
    return {key: value for key, value in whole.items() if value is not None}


def view(number: int, **changes: Any) -> dict[str, Any]:
    return statement(number, **{"verb": {"id": f"{ADL}experienced"}, "object": {"id": MATERIAL}} | changes)


def voiding(number: int, target: int) -> dict[str, Any]:
    reference = {"objectType": "StatementRef", "id": f"00000000-0000-4000-8000-{target:012}"}
    return statement(number, verb={"id": f"{ADL}voided"}, object=reference)


def json_lines(statements: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in statements).encode()


def page(statements: Sequence[Any], more: str = "") -> bytes:
    return json.dumps({"statements": statements, "more": more}).encode()


def delivered(*contents: bytes) -> list[DeliveredFile]:
    return [
        DeliveredFile(f"xapi/{number}.jsonl", len(content), lambda content=content: BytesIO(content))
        for number, content in enumerate(contents, 1)
    ]


def parts_of(*contents: bytes, mapping: Any = EXAMPLE) -> dict[str, Part]:
    options = xapi.Options.model_validate({"mapping": mapping})
    return {part.table: part for part in xapi.read(delivered(*contents), options, CONTEXT)}


def rows_of(part: Part, *wanted: str) -> list[tuple[str, ...]]:
    return [
        tuple(row.values())
        for records in part.records(wanted or part.names)
        for row in records.table.to_pylist()
    ]  # fmt: skip


def numbers_of(part: Part) -> list[int]:
    return [number for records in part.records([]) for number in records.numbers.tolist()]


def unreadable(*contents: bytes) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as raised:
        parts_of(*contents)
    return raised.value


def test_a_moodle_keeps_its_ids() -> None:
    completed = {
        "id": "6f1c2ab0-0000-4000-8000-000000000001",
        "actor": {"objectType": "Agent", "account": {"homePage": MOODLE, "name": "412"}},
        "verb": {"id": f"{ADL}completed", "display": {"vi": "hoàn thành"}},
        "object": {
            "id": f"{MOODLE}/course/view.php?id=37",
            "definition": {"type": "https://w3id.org/xapi/cmi5/activitytype/course"},
        },
        "timestamp": "2024-12-31T16:59:59Z",
        "version": "1.0.3",
    }
    viewed = statement(
        2,
        actor=agent("413", MOODLE + "/"),
        verb={"id": "http://id.tincanapi.com/verb/viewed"},
        object={"id": f"{MOODLE}/mod/page/view.php?id=105"},
        context={"contextActivities": {"grouping": [{"id": MOODLE}, {"id": f"{MOODLE}/course/view.php?id=38"}]}},
    )
    parts = parts_of(json_lines([completed, viewed]))
    assert rows_of(parts["mdl_user"]) == [("412", "", "", "", "", "", ""), ("413", "", "", "", "", "", "")]
    assert rows_of(parts["mdl_course"], "id", "idnumber") == [("37", "CCHC-2024"), ("38", "")]
    assert rows_of(parts["mdl_course_completions"]) == [
        (number_of("6f1c2ab0-0000-4000-8000-000000000001"), "412", "37", "", "", "1735664399", "")
    ]
    assert rows_of(parts["mdl_course_modules"]) == [("105", "38", "TL-01", "", "")]
    assert rows_of(parts["mdl_course_modules_viewed"], "coursemoduleid", "userid", "timecreated") == [
        ("105", "413", "1735664399")
    ]


def test_the_parts_have_the_columns_of_the_contract_and_the_same_notes() -> None:
    parts = parts_of(json_lines([statement(1)]))
    assert list(parts) == [
        "mdl_user", "mdl_course", "mdl_course_completions", "mdl_course_modules", "mdl_course_modules_viewed"
    ]  # fmt: skip
    for table, part in parts.items():
        assert list(part.names) == [column.name for column in TABLES_BY_NAME[table].columns]
        assert part.notes == {"statements": 1}


def test_other_ids_are_made_of_what_they_stand_for() -> None:
    parts = parts_of(json_lines([statement(1, id="ABCDEF00-0000-4000-8000-00000000000A"), view(2)]))
    user, course = number_of(f"account {LIBRARY} 013185000123"), number_of(COURSE)
    shelf = number_of(f"{LIBRARY}/cmi5/khoa-hoc/KN-TD")
    assert rows_of(parts["mdl_user"], "id", "idnumber", "username") == [(user, "013185000123", "")]
    assert rows_of(parts["mdl_course"], "id", "idnumber") == [(course, "KN-TM"), (shelf, "KN-TD")]
    assert rows_of(parts["mdl_course_completions"], "id", "userid", "course") == [
        (number_of("abcdef00-0000-4000-8000-00000000000a"), user, course)
    ]
    assert rows_of(parts["mdl_course_modules"], "id", "course", "idnumber") == [(number_of(MATERIAL), shelf, "TL-07")]
    assert all(0 < int(cell) < 2**62 for part in parts.values() for (cell,) in rows_of(part, "id"))


@pytest.mark.parametrize(
    ("verb", "result", "is_passed"),
    [
        (f"{ADL}completed", None, True),
        (f"{ADL}passed", {"success": True, "completion": True, "score": {"scaled": 0.9}}, True),
        (f"{ADL}passed", {"success": None, "completion": None}, True),
        (f"{ADL}passed", {"success": False}, False),
        (f"{ADL}completed", {"completion": False}, False),
        (f"{ADL}completed", {"success": "true"}, False),
        (f"{ADL}completed", {"success": 1}, False),
        (f"{CMI5}satisfied", None, True),
        (f"{CMI5}waived", {"extensions": {"https://w3id.org/xapi/cmi5/result/extensions/reason": "Tested Out"}}, True),
        ("http://id.tincanapi.com/verb/earned", {"extensions": {GRADE: "Pass"}}, True),
        ("http://id.tincanapi.com/verb/earned", {"extensions": {GRADE: "Fail"}}, False),
        ("http://id.tincanapi.com/verb/earned", {"score": {"scaled": 1.0}}, False),
        ("http://id.tincanapi.com/verb/earned", {"extensions": {GRADE: "Pass"}, "success": False}, False),
    ],
)
def test_what_passed_means(verb: str, result: dict[str, Any] | None, is_passed: bool) -> None:
    parts = parts_of(json_lines([statement(1, verb={"id": verb}, result=result)]))
    assert len(rows_of(parts["mdl_course_completions"])) == is_passed
    assert parts["mdl_user"].notes == {"statements": 1} | ({} if is_passed else {"not_passed": 1})


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"verb": {"id": f"{ADL}failed"}}, "other_verbs"),
        ({"verb": {"id": f"{ADL}experienced"}}, "other_verbs"),  # of a course: it is no material
        ({"verb": {"id": f"{CMI5}waived"}, "object": {"id": MATERIAL}}, "other_verbs"),
        ({"object": {"id": COURSE, "definition": {"type": "https://w3id.org/xapi/cmi5/activitytype/block"}}},
         "other_verbs"),
        ({"object": {"id": COURSE}}, "other_verbs"),  # satisfied counts of courses only, and the type is not known
        ({"object": {"id": COURSE + "/bai-1"}}, "activities_not_mapped"),
        ({"object": {"id": "https://other.example.vn/course/view.php?id=37"}}, "activities_not_mapped"),
        ({"object": {"id": COURSE, "objectType": "SubStatement"}}, "activities_not_mapped"),
        ({"object": {"objectType": "Agent", "mbox": "mailto:an@example.vn"}}, "activities_not_mapped"),
        ({"object": {"definition": {}}}, "statements_unusable"),
        ({"object": None}, "statements_unusable"),
        ({"object": "course"}, "statements_unusable"),
        ({"object": {"id": 37}}, "statements_unusable"),
        ({"verb": None}, "statements_unusable"),
        ({"verb": {"id": 7}}, "statements_unusable"),
        ({"verb": {"id": f"{ADL}voided"}}, "statements_unusable"),
        ({"actor": None}, "actors_unusable"),
    ],
)  # fmt: skip
def test_what_does_not_count_is_counted_by_kind(changes: dict[str, Any], note: str) -> None:
    parts = parts_of(json_lines([statement(1, **changes)]))
    assert parts["mdl_user"].notes == {"statements": 1, note: 1}
    assert [rows_of(part) for part in parts.values()] == [[], [], [], [], []]


def test_a_view_counts_whatever_its_result() -> None:
    started = view(1, verb={"id": f"{ADL}progressed"}, result={"completion": False, "success": False})
    assert len(rows_of(parts_of(json_lines([started]))["mdl_course_modules_viewed"])) == 1


def test_open_edx_courses_and_blocks() -> None:
    run = f"{MOOC}/course/course-v1:HCM+KN-HD+2024_T1"
    block = f"{MOOC}/xblock/block-v1:HCM+KN-HD+2024_T1+type@html+block@BG-03"
    learner = agent("32e08e30-f8ae-4ce2-94a8-c2bfe38a70cb", MOOC)
    passed = statement(1, actor=learner, verb={"id": f"{ADL}passed"}, object={"id": run},
                       timestamp="2024-12-31T23:59:59.917775+07:00")  # fmt: skip
    seen = view(2, actor=learner, verb={"id": f"{ADL}progressed"}, object={"id": block},
                context={"contextActivities": {"parent": [{"id": run, "objectType": "Activity"}]}})  # fmt: skip
    parts = parts_of(json_lines([passed, seen]))
    user = number_of(f"account {MOOC} 32e08e30-f8ae-4ce2-94a8-c2bfe38a70cb")
    assert rows_of(parts["mdl_user"], "id", "username", "idnumber") == [
        (user, "32e08e30-f8ae-4ce2-94a8-c2bfe38a70cb", "")
    ]
    assert rows_of(parts["mdl_course"], "id", "idnumber") == [(number_of(run), "KN-HD")]
    assert rows_of(parts["mdl_course_modules"], "id", "course", "idnumber") == [
        (number_of(block), number_of(run), "BG-03")
    ]
    assert rows_of(parts["mdl_course_completions"], "timecompleted") == [("1735664399",)]


@pytest.mark.parametrize(
    ("context", "course"),
    [
        (None, ""),
        ({"contextActivities": {"parent": [{"id": f"{MOODLE}/course/view.php?id=38"}]}}, "38"),
        ({"contextActivities": {"grouping": {"id": f"{MOODLE}/course/view.php?id=38"}}}, "38"),
        ({"contextActivities": {"grouping": [{"id": f"{MOODLE}/course/view.php?id=38"}],
                                "parent": {"id": f"{MOODLE}/course/view.php?id=37"}}}, "37"),
        ({"contextActivities": {"category": [{"id": f"{MOODLE}/course/view.php?id=38"}]}}, ""),
        ({"contextActivities": {"parent": [{"id": MATERIAL}, {}, 7, "x"]}}, ""),
        ({"contextActivities": "none"}, ""),
    ],
)  # fmt: skip
def test_the_course_of_a_module_is_the_first_in_its_context(context: Any, course: str) -> None:
    seen = view(1, object={"id": f"{MOODLE}/mod/book/view.php?id=55"}, context=context)
    parts = parts_of(json_lines([seen]))
    # Without a course the row stays and the rule REQUIRED sets it aside.
    assert rows_of(parts["mdl_course_modules"]) == [("55", course, "", "", "")]
    assert rows_of(parts["mdl_course"], "id") == ([(course,)] if course else [])


@pytest.mark.parametrize(
    ("actor", "identity", "idnumber", "username"),
    [
        (agent("013185000123"), f"account {LIBRARY} 013185000123", "013185000123", ""),
        (agent("0901234567"), f"account {LIBRARY} 0901234567", "", "0901234567"),  # a telephone number, not padded
        (agent("413"), f"account {LIBRARY} 413", "", "413"),  # not of the Moodle
        (agent("013185000123", MOODLE), f"account {MOODLE} 013185000123", "013185000123", ""),
        (agent("Nguyễn Văn Thử"), f"account {LIBRARY} Nguyễn Văn Thử", "", "Nguyễn Văn Thử"),
        ({"mbox": "mailto:thu@hcm.example.vn"}, "mbox mailto:thu@hcm.example.vn", "", "thu@hcm.example.vn"),
        ({"mbox_sha1sum": "EBD31E95054C018B10727CCFFD2EF2EC3A016EE9"},
         "mbox_sha1sum ebd31e95054c018b10727ccffd2ef2ec3a016ee9", "", "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"),
        ({"openid": "https://id.example.vn/thu"}, "openid https://id.example.vn/thu", "", "https://id.example.vn/thu"),
        ({"objectType": "Agent", "name": "Thử", "mbox": "mailto:thu@hcm.example.vn", "account": None},
         "mbox mailto:thu@hcm.example.vn", "", "thu@hcm.example.vn"),
    ],
)  # fmt: skip
def test_who_an_actor_is(actor: dict[str, Any], identity: str, idnumber: str, username: str) -> None:
    parts = parts_of(json_lines([statement(1, actor=actor)]))
    assert rows_of(parts["mdl_user"], "id", "idnumber", "username") == [(number_of(identity), idnumber, username)]


@pytest.mark.parametrize(
    "actor",
    [
        {},
        "413",
        [agent()],
        {"objectType": "Group", "member": [agent()]},
        {"objectType": "Group"} | agent(),
        agent(413),  # type: ignore[arg-type]
        agent(""),
        {"account": {"name": "413"}},
        {"account": {"homePage": LIBRARY}},
        {"account": {"homePage": "two words", "name": "413"}},
        agent() | {"mbox": "mailto:thu@hcm.example.vn"},
        {"mbox": "thu@hcm.example.vn"},
        {"mbox_sha1sum": "ebd31e95"},
        {"openid": ["https://id.example.vn/thu"]},
    ],
)
def test_actors_that_are_nobody(actor: Any) -> None:
    parts = parts_of(json_lines([statement(1, actor=actor), view(2, actor=actor), statement(3)]))
    assert parts["mdl_user"].notes == {"statements": 3, "actors_unusable": 2}
    assert rows_of(parts["mdl_user"], "idnumber") == [("013185000123",)]


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"timestamp": "2024-12-31T16:59:59Z"}, "1735664399"),
        ({"timestamp": "2024-12-31T23:59:59+07:00"}, "1735664399"),
        ({"timestamp": "2024-12-31T23:59:59.999999999+07:00"}, "1735664399"),
        ({"timestamp": "2024-12-31t16:59:59,5z"}, "1735664399"),
        ({"timestamp": "2024-12-31T23:59:59+0700"}, "1735664399"),
        ({"timestamp": "2024-12-31T23:59:59+07"}, "1735664399"),
        ({"timestamp": "2024-12-31T11:29:59-05:30"}, "1735664399"),
        ({"timestamp": "2025-01-01T00:00:00+07:00"}, "1735664400"),
        ({"timestamp": "2024-02-29T00:00:00Z"}, "1709164800"),
        ({"timestamp": "1969-12-31T23:59:58.5Z"}, "-2"),
        ({"timestamp": None}, "1735689600"),  # stored, 2025-01-01T00:00:00Z
        ({"timestamp": None, "stored": None}, "?"),
        ({"timestamp": "2024-12-31T23:59:59"}, "?"),  # no zone
        ({"timestamp": "2024-12-31"}, "?"),
        ({"timestamp": "2024-12-31 23:59:59+07:00"}, "?"),
        ({"timestamp": "2023-02-29T00:00:00Z"}, "?"),
        ({"timestamp": "2024-12-31T24:00:00Z"}, "?"),
        ({"timestamp": "2024-12-31T23:59:59+24:00"}, "?"),
        ({"timestamp": "1735664399"}, "?"),
        ({"timestamp": 1735664399}, "?"),
        ({"timestamp": ""}, "?"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "?"),  # 0 would mean "not set"
    ],
)
def test_times(changes: dict[str, Any], seconds: str) -> None:
    parts = parts_of(json_lines([statement(1, **changes), view(2, **changes)]))
    assert rows_of(parts["mdl_course_completions"], "timecompleted") == [(seconds,)]
    assert rows_of(parts["mdl_course_modules_viewed"], "timecreated") == [(seconds,)]


def test_a_repeated_id_counts_once_and_the_first_stands() -> None:
    again = statement(1, stored="2025-06-01T00:00:00Z", version="2.0.0")
    louder = statement(1, id=again["id"].upper())
    other = statement(1, timestamp="2024-12-30T16:59:59Z")
    failed = statement(1, result={"success": False})
    parts = parts_of(json_lines([statement(1), again]), json_lines([louder, other, failed, statement(2)]))
    assert rows_of(parts["mdl_course_completions"], "timecompleted") == [("1735664399",), ("1735664399",)]
    assert numbers_of(parts["mdl_course_completions"]) == [1, 6]
    assert parts["mdl_user"].notes == {"statements": 6, "duplicates": 2, "conflicting_ids": 2}


def test_without_ids_equal_statements_are_one() -> None:
    parts = parts_of(json_lines([statement(1, id=None), statement(2, id=None), view(3, id=None), statement(4, id=7)]))
    assert len(rows_of(parts["mdl_course_completions"])) == 1
    assert parts["mdl_user"].notes == {"statements": 4, "duplicates": 2}


def test_a_voided_statement_does_not_count_wherever_the_voiding_stands() -> None:
    first = [voiding(91, 1), statement(1), view(2), statement(3)]
    second = [voiding(92, 2), voiding(93, 77), voiding(94, 93), voiding(91, 1), voiding(92, 3)]
    parts = parts_of(json_lines(first), json_lines(second))
    # 77 is elsewhere; a voiding statement (93) cannot be voided; the second 92 has another target and does not stand.
    assert numbers_of(parts["mdl_course_completions"]) == [4]
    assert rows_of(parts["mdl_course_modules_viewed"]) == []
    assert parts["mdl_user"].notes == {
        "statements": 9, "voided": 2, "voiding": 3, "voided_elsewhere": 1, "duplicates": 1, "conflicting_ids": 1,
    }  # fmt: skip
    # Who is named by voided statements only does not appear.
    assert rows_of(parts["mdl_course_modules"]) == []


KINDS = {
    "passed": lambda number: statement(number),
    "viewed": lambda number: view(number),
    "not_passed": lambda number: statement(number, result={"success": False}),
    "other_verbs": lambda number: statement(number, verb={"id": f"{ADL}answered"}),
    "activities_not_mapped": lambda number: view(number, object={"id": "https://other.example.vn/1"}),
    "actors_unusable": lambda number: view(number, actor={"objectType": "Group"}),
    "statements_unusable": lambda number: statement(number, verb={}),
}
DRAWN = st.lists(st.tuples(st.integers(1, 9), st.sampled_from([*KINDS, "void"]), st.integers(1, 9)), max_size=25)


def judged(drawn: Sequence[tuple[int, str, int]]) -> Counter[str]:
    """The account of drawn statements, told one by one."""
    original: dict[int, tuple[str, int]] = {}
    kinds: list[tuple[int, str]] = []
    for number, kind, target in drawn:
        content = (kind, target if kind == "void" else 0)
        if number in original:
            kinds.append((number, "duplicates" if original[number] == content else "conflicting_ids"))
        else:
            original[number] = content
            kinds.append((number, kind))
    targets = {target for kind, target in original.values() if kind == "void"}
    found = Counter[str]()
    for number, kind in kinds:
        if kind == "void":
            kind = "voiding" if original[number][1] in original else "voided_elsewhere"
        elif number in targets and kind not in ("duplicates", "conflicting_ids"):
            kind = "voided"
        found[kind] += 1
    return found


@settings(max_examples=20, deadline=None)
@given(drawn=DRAWN, cut=st.integers(0, 25), as_pages=st.booleans())
def test_every_statement_is_accounted_for(drawn: list[tuple[int, str, int]], cut: int, as_pages: bool) -> None:
    made = [voiding(n, target) if kind == "void" else KINDS[kind](n) for n, kind, target in drawn]
    files = (
        [page(made[:cut], "more"), page(made[cut:])] if as_pages else [json_lines(made[:cut]), json_lines(made[cut:])]
    )
    parts = parts_of(*files)
    expected = judged(drawn)
    passed, viewed = (len(rows_of(parts[f"mdl_course_{name}"])) for name in ("completions", "modules_viewed"))
    notes = dict(parts["mdl_user"].notes)
    assert notes.pop("statements") == len(drawn) == passed + viewed + sum(notes.values())
    assert Counter(notes) + Counter(passed=passed, viewed=viewed) == expected


FIELDS = _xapi_sql.needed_fields(xapi.Options.model_validate({"mapping": EXAMPLE}).mapping)
PLACES = sorted({field[:depth] for field in FIELDS for depth in range(1, len(field) + 1)})
LEAVES = st.sampled_from(
    [None, True, False, 0, 1.5, "", "x", COURSE, MATERIAL, LIBRARY, "Agent", "Activity", "StatementRef", "Pass",
     "mailto:thu@hcm.example.vn", f"{ADL}voided", f"{ADL}passed", f"{ADL}experienced", "2024-12-31T16:59:59Z"]
)  # fmt: skip
KEYS = st.sampled_from(sorted({key for field in FIELDS for key in field}))
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3))
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), max_size=3)


def changed(whole: dict[str, Any], changes: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    for place, value in changes:
        below = whole
        for key in place[:-1]:
            if not isinstance(below.get(key), dict):
                below[key] = {}
            below = below[key]
        below[place[-1]] = value
    return whole


@settings(max_examples=20, deadline=None)
@given(drawn=st.lists(st.tuples(st.sampled_from([statement, view]), CHANGES), max_size=12))
def test_any_json_is_judged_and_the_cut_of_a_pull_changes_nothing(drawn: list[Any]) -> None:
    made = [changed(base(number), changes) for number, (base, changes) in enumerate(drawn)]
    parts = parts_of(json_lines(made))
    passed, viewed = (len(rows_of(parts[f"mdl_course_{name}"])) for name in ("completions", "modules_viewed"))
    notes = dict(parts["mdl_user"].notes)
    assert notes.pop("statements") == len(made) == passed + viewed + sum(notes.values())
    cut = parts_of(page([_cut(one, _shape(FIELDS)) for one in made]))
    assert {table: (rows_of(part), part.notes) for table, part in cut.items()} == {
        table: (rows_of(part), part.notes) for table, part in parts.items()
    }


def test_rows_are_numbered_by_line_and_come_in_that_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xapi, "_BATCH_ROWS", 2)
    other = view(3, actor=agent("013185000124"))
    content = b"\xef\xbb\xbf" + json_lines([view(1)]) + b"\r\n  \n" + json_lines([statement(2), other]) + b"\n\n"
    parts = parts_of(content.replace(b"}\n", b"}\r\n"), json_lines([view(4), view(5)]).rstrip(b"\n"))
    assert parts["mdl_user"].notes == {"statements": 5}
    assert numbers_of(parts["mdl_user"]) == [1, 5]
    assert numbers_of(parts["mdl_course_completions"]) == [4]
    # The first file has 7 lines.
    assert numbers_of(parts["mdl_course_modules_viewed"]) == [1, 5, 8, 9]


@pytest.mark.parametrize("block", [1, 2, 100, 433, 1000])
def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    content = json_lines([statement(1), view(2), view(2), view(3, actor=agent("Đỗ Thị Thử")), voiding(4, 3)])
    whole = {table: (rows_of(part), part.notes) for table, part in parts_of(content).items()}
    monkeypatch.setattr(xapi, "_BLOCK_BYTES", block)
    assert {table: (rows_of(part), part.notes) for table, part in parts_of(content).items()} == whole


def test_an_empty_delivery_has_no_rows() -> None:
    for content in (b"", b"\n\n", page([])):
        assert [rows_of(part) for part in parts_of(content).values()] == [[], [], [], [], []]


@pytest.mark.parametrize(
    "line",
    [
        json_lines([statement(2)])[:-30],  # cut off
        b"[]\n",
        b"7\n",
        b'"text"\n',
        b"null\n",
        b"[" + json_lines([statement(2)])[:-1] + b"]\n",
        json_lines([statement(2)])[:-1] + b",\n",
        b"{'id': 1}\n",
        b'{"id": "a\x00b"}\n',
        b'{"id": "\\ud800"}\n',
    ],
)
def test_a_broken_line_rejects_the_file(line: bytes) -> None:
    error = unreadable(json_lines([statement(1)]), json_lines([statement(1)]) + b"\n" + line)
    assert error.vi.startswith("xapi/2.jsonl: dòng 3 không phải là một đối tượng JSON trọn vẹn")
    assert error.en.startswith("xapi/2.jsonl: line 3 is not one whole JSON object")


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "a", "id": "b"}',
        '{"verb": {"id": "a", "\\u0069d": "b"}}',
        '{"actor": {"account": {"name": "013185000123", "name": "013185000124"}}}',
        '{"result": {"success": false, "success": true}}',
        '{"result": {"extensions": {"x:a": "Fail", "x:a": "Pass"}}}',
        '{"context": {"contextActivities": {"parent": [], "parent": []}}}',
    ],
)
def test_a_repeated_key_rejects_the_file(line: str) -> None:
    error = unreadable(json_lines([statement(1)]) + line.encode())
    assert error.vi.startswith("xapi/1.jsonl: dòng 2 có một khóa JSON bị lặp lại")
    assert "013185" not in str(error)


def test_invalid_utf_8_is_named_by_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json_lines([statement(1), statement(2)]) + b'{"id": "Nguy\xea\xden"}\n'
    assert unreadable(content).en.startswith("xapi/1.jsonl: line 3 is not in UTF-8")
    monkeypatch.setattr(xapi, "_BLOCK_BYTES", 64)
    assert unreadable(content).en.startswith("xapi/1.jsonl: line 3 is not in UTF-8")


def test_an_endless_line_rejects_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xapi, "_BLOCK_BYTES", 100)
    monkeypatch.setattr(xapi, "LONGEST_LINE_BYTES", 1000)
    assert "longer than" in unreadable(b"x" * 1001).en
    assert "longer than" in unreadable(json_lines([statement(1)]) + b" " * 1001 + b"\n").en
    assert len(rows_of(parts_of(json_lines([statement(1)])[:-1] + b" " * 400)["mdl_course_completions"])) == 1


def test_depth_and_large_numbers_do_no_harm() -> None:
    text = json.dumps(statement(1))[:-1]
    content = (
        f'{text}, "result": {{"score": {{"raw": {"9" * 10_000}, "min": -1e9999}}}},'
        f' "context": {{"extensions": {"[" * 100_000}{"]" * 100_000}}}}}'
    ).encode()
    assert len(rows_of(parts_of(content)["mdl_course_completions"])) == 1


def test_pages_are_one_delivery() -> None:
    parts = parts_of(page([statement(1), view(2)], "/xapi/more/2"), page([voiding(3, 1)], "/xapi/more/3"), page([]))
    assert parts["mdl_user"].notes == {"statements": 3, "voided": 1, "voiding": 1}
    assert numbers_of(parts["mdl_course_modules_viewed"]) == [2]


def test_a_page_may_be_written_in_any_way() -> None:
    content = json.dumps({"more": "", "statements": [statement(1)]}, indent=2).encode()
    assert len(rows_of(parts_of(content)["mdl_course_completions"])) == 1


@pytest.mark.parametrize(
    "content",
    [
        page([statement(1)])[:-20],
        page([statement(1)], "/xapi/more/2"),
        b'{"statements": {}, "more": ""}',
        b'{"statements": [], "statements": [], "more": ""}',
    ],
)
def test_pages_that_are_not_whole(content: bytes) -> None:
    error = unreadable(page([], "/xapi/more/1"), content)
    assert error.vi.startswith("xapi/2.jsonl: kết quả lấy từ kho xAPI không trọn vẹn")
    assert error.en.startswith("xapi/2.jsonl: the pages of the record store are not whole")


def test_what_is_no_statement_in_a_page() -> None:
    assert unreadable(page([statement(1), 7])).en.startswith("xapi/1.jsonl: record 2 is not one whole JSON object")


def test_a_page_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xapi, "PAGE_BYTES", 500)
    assert "larger than" in unreadable(page([statement(1), statement(2)])).en


def test_two_accounts_of_one_id_make_the_delivery_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    # With ids of two bits instead of 60, five accounts cannot all have their own.
    few = _xapi_sql.TABLES_SQL.replace("left(hex, 15))::bigint", "left(hex, 1))::bigint % 4")
    monkeypatch.setattr(_xapi_sql, "TABLES_SQL", few)
    content = json_lines([statement(number, actor=agent(f"01318500000{number}")) for number in range(5)])
    assert "the same id" in unreadable(content).en
    courses = [statement(number, object={"id": f"{LIBRARY}/cmi5/khoa-hoc/K{number}"}, verb={"id": f"{ADL}completed"})
               for number in range(5)]  # fmt: skip
    assert "the same id" in unreadable(json_lines(courses)).en


def test_two_addresses_of_one_moodle_module_are_one() -> None:
    views = [view(n, object={"id": f"{MOODLE}/mod/{kind}/view.php?id=55"}) for n, kind in ((1, "hvp"), (2, "book"))]
    assert rows_of(parts_of(json_lines(views))["mdl_course_modules"], "id") == [("55",)]


def test_a_moodle_module_that_is_mapped_as_a_course_is_no_course_of_the_moodle() -> None:
    scorm = f"{MOODLE}/mod/scorm/view.php?id=55"
    mapping = EXAMPLE | {"courses": [{"activity": scorm, "code": "KN-HD"}], "materials": []}
    parts = parts_of(json_lines([statement(1, verb={"id": f"{ADL}passed"}, object={"id": scorm})]), mapping=mapping)
    assert rows_of(parts["mdl_course"], "id", "idnumber") == [(number_of(scorm), "KN-HD")]


def test_the_course_in_the_mapping_comes_before_the_context() -> None:
    seen = view(1, context={"contextActivities": {"parent": [{"id": COURSE}]}})
    shelf = number_of(f"{LIBRARY}/cmi5/khoa-hoc/KN-TD")
    assert rows_of(parts_of(json_lines([seen]))["mdl_course_modules"], "course") == [(shelf,)]


def test_temporary_files_are_private_and_go_with_the_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    parts = parts_of(json_lines([statement(1)]))
    (folder,) = tmp_path.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    rows_of(parts["mdl_user"])
    del parts
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    error = unreadable(b"{")
    assert list(tmp_path.iterdir()) == [], error


KILLED = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[1]
from par_warehouse.dialects._spill_folder import SpillFolder
(SpillFolder().path / "spilled").write_text("013185000123")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_spilled_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    running = parts_of(json_lines([statement(1)]))
    (used,) = tmp_path.iterdir()
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == -signal.SIGKILL
    (left,) = set(tmp_path.iterdir()) - {used}
    assert (left / "spilled").exists()
    parts_of(json_lines([statement(1)]))
    assert list(tmp_path.iterdir()) == [used]
    assert len(rows_of(running["mdl_user"])) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"courses": [{"activity": COURSE}]}, "expected either code, or {code} once in activity"),
        ({"courses": [{"activity": "https://x.vn/{code}", "code": "K"}]}, "expected either code, or {code} once"),
        ({"courses": [{"activity": COURSE, "code": "KN TM"}]}, "String should match pattern"),
        ({"courses": [{"activity": "no iri", "code": "K"}]}, "String should match pattern"),
        ({"courses": [{"activity": COURSE, "code": "A"}, {"activity": COURSE, "code": "B"}]}, f"{COURSE} is repeated"),
        (
            {"materials": [{"activity": MATERIAL, "code": "A", "course": "https://x.vn/"}]},
            "expected a course that courses",
        ),
        ({"passed": [{"verb": f"{ADL}failed"}]}, "expected no verb failed"),
        ({"viewed": [{"verb": f"{ADL}voided"}]}, "expected another verb"),
        ({"passed": [{"verb": f"{ADL}passed", "equals": "Pass"}]}, "expected extension and equals together"),
        ({"verbs": []}, "Extra inputs are not permitted"),
    ],
)
def test_mistakes_in_the_mapping(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        xapi.Options.model_validate({"mapping": change})
    assert message in str(raised.value)


def test_exact_addresses_come_before_patterns_and_the_first_pattern_stands() -> None:
    mapping = {
        "passed": [{"verb": f"{ADL}passed"}],
        "courses": [
            {"activity": "https://x.vn/{code}"},
            {"activity": "https://x.vn/K*", "code": "never"},
            {"activity": "https://x.vn/K1", "code": "it's (exact) + 1"[:4]},
            {"activity": "https://y.vn/*?run=*", "code": "any-run"},
        ],
    }
    objects = [
        "https://x.vn/K1",
        "https://x.vn/K2",
        "https://x.vn/K2/3",
        "https://y.vn/a?run=7",
        "https://y.vn/a&run=7",
    ]
    passed = [statement(n, verb={"id": f"{ADL}passed"}, object={"id": iri}) for n, iri in enumerate(objects)]
    parts = parts_of(json_lines(passed), mapping=mapping)
    assert rows_of(parts["mdl_course"], "idnumber") == [("it's",), ("K2",), ("any-run",)]
    assert parts["mdl_user"].notes == {"statements": 5, "activities_not_mapped": 2}
