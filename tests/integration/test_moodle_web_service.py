"""A pull from Moodle's web service, over HTTP: the five tables as they should be, in one go or after interruptions."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest

from par_warehouse.dialects import Context, DeliveredFile
from par_warehouse.dialects.moodle_web_service import Options, read
from par_warehouse.pulls import Access, PullFailed, PullRefused, Window
from par_warehouse.pulls import moodle_web_service as moodle
from par_warehouse.pulls.moodle_web_service import RIGHTS, pull
from tests.moodle_server import (
    FUNCTIONS,
    Course,
    Module,
    MoodleServer,
    Reply,
    Site,
    User,
    exception,
    page_of_maintenance,
)

WINDOW = Window(None, datetime(2024, 12, 31, 17, tzinfo=UTC))
VIEW = ("completionview",)
BOTH = ("completionview", "completionusegrade")
STATUS = "core_completion_get_course_completion_status"
STATES = "core_completion_get_activities_completion_status"
ENROLLED = "core_enrol_get_enrolled_users"


def small_site() -> Site:
    """Courses 2 (all criteria), 3 (no criteria), 4 (no idnumber), 5 (no completion tracking), 6 (any criterion).

    Learners 11, 12 (suspended), 13 (no idnumber); 14 was deleted, 15 teaches, 16 never confirmed the account.
    """
    return Site(
        courses=[
            Course(2, "CCHC-01", 1, (11, 12, 13, 15, 16), (11, 12, 13), 1, {
                11: (True, [(True, 1735600000), (True, 1735664399)]),
                12: (False, [(True, 1735600001), (False, None)]),
                13: (True, [(True, 0), (True, None)]),
            }, 1704042000, 1735664399, 1703000000),
            Course(3, "KNS-02", 1, (11, 13, 14), (11,)),
            Course(4, " \u00a0", 1, (11, 12), (11, 12), 1, {}),
            Course(5, "CG-05", 0, (12,), (12,)),
            Course(6, "KNS-06", 1, (12,), (12,), 2, {12: (True, [(True, 1735700000), (True, 1730000000)])}),
        ],
        users=[
            User(11, "013000000011"),
            User(12, "013000000012", suspended=True),
            User(13),
            User(14, deleted=True),
            User(15, "013000000015"),
            User(16, "013000000016", confirmed=False),
        ],
        modules=[
            Module(21, 2, "TL-21", 2, VIEW, {
                11: (1, 1735000000, None, VIEW),
                13: (1, 1735000001, 15, ()),
            }),
            Module(22, 2, "BG-22", 2, BOTH, {
                11: (3, 1735100000, None, BOTH),
                12: (1, None, None, BOTH),
                13: (2, 1735200000, None, BOTH),
            }),
            Module(23, 2, "", 2, VIEW, {11: (1, 1735000002, None, VIEW)}),
            Module(24, 2, "TL-24", 1, (), {11: (1, 1735000003, None, ())}),
            Module(31, 3, "MH-31", 2, ("completionusegrade",), {11: (2, 1735000004, None, ("completionusegrade",))}),
            Module(51, 5, "TL-51", 0),
        ],
    )  # fmt: skip


# What the site above is in the export contract, by hand. Ids: 2^31 times the user plus the course or the module.
TABLES = {
    "mdl_user": [
        ("11", "taikhoan11", "013000000011", "0", "0", None, None, "hoc.vien.11@hoc.example.vn"),
        ("12", "taikhoan12", "013000000012", "1", "0", None, None, "hoc.vien.12@hoc.example.vn"),
        ("13", "taikhoan13", None, "0", "0", None, None, "hoc.vien.13@hoc.example.vn"),
        ("15", "taikhoan15", "013000000015", "0", "0", None, None, "hoc.vien.15@hoc.example.vn"),
        ("16", "taikhoan16", "013000000016", "0", "0", None, None, "hoc.vien.16@hoc.example.vn"),
    ],
    "mdl_course": [
        ("2", "CCHC-01", None, None, "1704042000", "1735664399", "1703000000"),
        ("3", "KNS-02", None, None, "0", "0", "0"),
        ("5", "CG-05", None, None, "0", "0", "0"),
        ("6", "KNS-06", None, None, "0", "0", "0"),
    ],
    "mdl_course_completions": [
        ("23622320130", "11", "2", None, None, "1735664399", None),
        ("25769803778", "12", "2", None, None, None, None),
        ("27917287426", "13", "2", None, None, None, None),
        ("25769803782", "12", "6", None, None, "1730000000", None),
    ],
    "mdl_course_modules": [
        ("21", "2", "TL-21", "2", "0"),
        ("22", "2", "BG-22", "2", "0"),
        ("23", "2", "", "2", "0"),
        ("24", "2", "TL-24", "1", "0"),
        ("31", "3", "MH-31", "2", "0"),
        ("51", "5", "TL-51", "0", "0"),
    ],
    "mdl_course_modules_viewed": [
        ("23622320149", "21", "11", "1735000000"),
        ("23622320150", "22", "11", "1735100000"),
        ("27917287446", "22", "13", "1735200000"),
    ],
}
NOTES = {
    "mdl_user": {},
    "mdl_course": {"courses_without_idnumber": 1, "courses_without_completion_tracking": 1},
    "mdl_course_completions": {
        "learners_not_tracked": 1,
        "learners_of_courses_without_criteria": 2,
        "accounts_not_active": 1,
        "completions_without_time": 1,
    },
    "mdl_course_modules": {"materials_without_automatic_completion": 2},
    "mdl_course_modules_viewed": {
        "accounts_not_active": 1,
        "states_set_by_a_teacher": 1,
        "views_without_time": 1,
        "states_without_view_requirement": 2,
    },
}
# Learners and courses asked about: 5 in course 2, 2 in course 3, 1 in course 6. Course 3 says at once that it has no
# criteria; no course but 2 and 3 has materials.
CALLS = {
    "core_webservice_get_site_info": 1,
    "core_course_get_courses": 1,
    ENROLLED: 4 * 2,
    "core_user_get_users_by_field": 1,
    "core_course_get_contents": 4,
    "core_course_get_course_module": 6,
    STATUS: 5 + 1 + 1,
    STATES: 5 + 2,
}


class FolderPages:
    """Pages as files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __contains__(self, name: str) -> bool:
        return (self.folder / name).exists()

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        with (self.folder / name).open("xb") as file:
            file.write(content)

    def all(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.folder.iterdir())}


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[MoodleServer]:
    with MoodleServer(small_site()) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ask(server: MoodleServer, clock: Clock, tmp_path: Path) -> Callable[..., FolderPages]:
    """Pulls into the folder of the test."""

    def ask(token: str | None = server.site.token, url: str = server.url, **options: float) -> FolderPages:
        pages = FolderPages(tmp_path)
        given = Options(**({"calls_per_second": 1000} | options))
        pull(Access(url, None, token), given, WINDOW, pages, sleep=clock.sleep, monotonic=clock.monotonic)
        return pages

    return ask


def tables_of(pages: FolderPages) -> tuple[dict[str, list[tuple]], dict[str, dict[str, int]]]:
    """Rows by table, and the notes."""
    files = [
        DeliveredFile(path.name, path.stat().st_size, partial(path.open, "rb"))
        for path in sorted(pages.folder.iterdir())
    ]
    tables, notes = {}, {}
    for part in read(files, Options(), Context(date(2024, 12, 31), None, {}, "256MB", 1)):
        chunks = [records.table.to_pylist() for records in part.records(part.names)]
        tables[part.table] = [tuple(row.values()) for chunk in chunks for row in chunk]
        notes[part.table] = part.notes
    return tables, notes


def test_the_tables_are_those_of_the_site(server: MoodleServer, ask) -> None:
    tables, notes = tables_of(ask())
    assert tables == TABLES
    assert notes == NOTES
    assert Counter(function for function, _ in server.calls) == CALLS


def test_pages_hold_no_more_than_they_should_and_the_token_is_in_no_address(server: MoodleServer, ask) -> None:
    pages = ask()
    assert set(server.targets) == {"/hoc/webservice/rest/server.php"}
    everything = b"".join(pages.all().values()).decode()
    for unwanted in (server.site.token, "Nguyễn", "Thử", "0280000000", "pluginfile", "cccd", "Hoạt động", "Khóa"):
        assert unwanted not in everything
    users = json.loads(pages.read("users-00001.json"))
    assert {key for user in users for key in user} == {"id", "username", "idnumber", "email", "suspended"}


def test_a_finished_pull_asks_nothing(server: MoodleServer, ask) -> None:
    ask()
    server.calls.clear()
    ask()
    assert server.calls == []


def test_an_interrupted_pull_goes_on_where_it_stopped(monkeypatch, tmp_path: Path, clock: Clock) -> None:
    """Wherever the site goes down, nothing that a page holds is asked for again, and the pages are the same."""
    monkeypatch.setattr(moodle, "_LEARNERS_PER_PAGE", 2)
    monkeypatch.setattr(moodle, "_USERS_PER_CALL", 2)

    def pulled(server: MoodleServer, folder: Path) -> None:
        access = Access(server.url, None, server.site.token)
        options = Options(calls_per_second=1000)
        pull(access, options, WINDOW, FolderPages(folder), sleep=clock.sleep, monotonic=clock.monotonic)

    whole = tmp_path / "whole"
    whole.mkdir()
    with MoodleServer(small_site()) as server:
        pulled(server, whole)
        calls_at_once = len(server.calls)
        expected = FolderPages(whole).all()
    assert len(expected) == 1 + 4 + 3 + 4 + 4 + 4 + 1
    assert calls_at_once == sum(CALLS.values()) + 2

    for last_call in range(1, calls_at_once):
        folder = tmp_path / str(last_call)
        folder.mkdir()
        with MoodleServer(small_site()) as server:
            server.instead = lambda number, _, last=last_call: Reply(hang_up=True) if number > last else None
            with pytest.raises(PullFailed, match="cannot be reached"):
                pulled(server, folder)
            kept = FolderPages(folder).all()
            assert "complete.json" not in kept
            assert kept.items() <= expected.items()
            server.calls.clear()
            server.instead = lambda number, function: None
            pulled(server, folder)
            # Once more the site itself; of a page that was not finished, the calls before the interruption: of a course
            # with 4 activities 1 + 4, of the other pages 2 at most. A course without criteria may say so once more.
            assert len(server.calls) <= calls_at_once - last_call + 1 + 5
            again = {function for function, _ in server.calls}
            assert ("core_course_get_courses" in again) == ("courses-00001.json" not in kept)
            assert ("core_user_get_users_by_field" in again) == ("users-00003.json" not in kept)
        assert FolderPages(folder).all() == expected


def test_an_expired_token_is_refused_in_the_middle_and_a_new_one_goes_on(server: MoodleServer, ask, tmp_path) -> None:
    first = server.site.token

    def expire(number: int, function: str) -> None:
        if number == 25:
            server.site.token = "00112233445566778899aabbccddeeff"

    server.instead = expire
    with pytest.raises(PullRefused, match=r"refuses the token for \w+ \(invalidtoken\)") as caught:
        ask(first)
    assert first not in str(caught.value)
    assert "users-00001.json" in FolderPages(tmp_path)
    assert tables_of(ask(server.site.token)) == (TABLES, NOTES)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("invalidtoken", PullRefused, "refuses the token"),
        ("accessexception", PullRefused, "refuses the token"),
        ("wsaccessusersuspended", PullRefused, "refuses the token"),
        ("nopermissions", PullRefused, "has no right"),
        ("errorcoursecontextnotvalid", PullRefused, "has no right"),
        ("invalidparameter", PullFailed, "error invalidparameter"),
        ("dmlreadexception", PullFailed, "error dmlreadexception"),
        ("013000000011 Nguyễn Văn Thử", PullFailed, "error unknown"),
    ],
)
def test_exceptions_of_moodle_say_their_code_only(server, ask, caplog, function, code, error, said) -> None:
    server.instead = lambda _, asked: exception(code, "taikhoan11 Nguyễn Văn Thử") if asked == function else None
    with caplog.at_level(0), pytest.raises(error, match=said) as caught:
        ask()
    for text in (str(caught.value), caplog.text):
        for unwanted in ("taikhoan11", "Nguyễn", "013000000011", server.site.token):
            assert unwanted not in text


@pytest.mark.parametrize(
    ("right", "function"),
    [
        ("moodle/course:view", "core_course_get_courses"),
        ("moodle/course:update", "core_course_get_courses"),
        ("moodle/course:viewparticipants", ENROLLED),
        ("moodle/user:viewdetails", "core_user_get_users_by_field"),
        ("moodle/course:manageactivities", "core_course_get_course_module"),
        ("report/completion:view", STATUS),
        ("report/progress:view", STATES),
        ("moodle/site:accessallgroups", STATES),
    ],
)
def test_a_missing_right_is_named(server: MoodleServer, ask, right: str, function: str) -> None:
    server.site.lacking = (right,)
    with pytest.raises(PullRefused, match=rf"no right to all that {function} .*{right}"):
        ask()


def test_missing_functions_are_listed(server: MoodleServer, ask) -> None:
    server.site.functions = tuple(name for name in FUNCTIONS if name not in (STATUS, ENROLLED))
    with pytest.raises(PullRefused, match=rf"lacks {STATUS}, {ENROLLED}; add them"):
        ask()
    assert len(server.calls) == 1


def test_the_functions_are_those_that_need_rights() -> None:
    assert set(RIGHTS) == set(FUNCTIONS)


def test_passing_failures_are_asked_again(server: MoodleServer, ask, clock: Clock) -> None:
    failing = {3: Reply(500), 4: Reply(503, page_of_maintenance().body), 5: Reply(hang_up=True)}
    failing |= {9: Reply(429, headers={"Retry-After": "7"}), 12: Reply(429, headers={"Retry-After": "9999"})}
    server.instead = lambda number, _: failing.get(number)
    assert tables_of(ask()) == (TABLES, NOTES)
    assert [seconds for seconds in clock.slept if seconds >= 1] == [1, 2, 4, 7, 60]
    assert len(server.calls) == sum(CALLS.values()) + len(failing)


def test_a_failure_that_stays_ends_the_pull(server: MoodleServer, ask, clock: Clock) -> None:
    server.instead = lambda number, _: Reply(502) if number > 2 else None
    with pytest.raises(PullFailed, match=f"{ENROLLED} answered with HTTP 502"):
        ask()
    assert len(server.calls) == 2 + 5
    assert [seconds for seconds in clock.slept if seconds >= 1] == [1, 2, 4, 8]


def test_a_slow_answer_is_given_up_and_asked_for_again(server: MoodleServer, ask, clock: Clock) -> None:
    never = threading.Event()
    server.instead = lambda number, _: Reply(wait=never) if number == 4 else None
    pages = ask(timeout_seconds=0.3)
    never.set()
    assert tables_of(pages) == (TABLES, NOTES)
    assert [seconds for seconds in clock.slept if seconds >= 1] == [1]


def test_an_answer_that_trickles_in_is_given_up(server: MoodleServer, tmp_path: Path) -> None:
    """Each part of it is in time; the whole is not."""
    ticks = iter(range(0, 10**6, 40))
    with pytest.raises(PullFailed, match="core_webservice_get_site_info took longer than 60 seconds"):
        pull(Access(server.url, None, server.site.token), Options(), WINDOW, FolderPages(tmp_path),
             sleep=lambda _: None, monotonic=lambda: float(next(ticks)) * 2)  # fmt: skip
    assert len(server.calls) == 5


@pytest.mark.parametrize(
    "body", [page_of_maintenance().body, b"", b'[{"id": 2, "categ', b"<br /><b>Notice</b>[]", b"\xff"]
)
def test_something_other_than_json_ends_the_pull_at_once(server: MoodleServer, ask, body: bytes) -> None:
    server.instead = lambda number, _: Reply(body=body) if number == 2 else None
    with pytest.raises(PullFailed, match="something other than JSON, such as a page for maintenance"):
        ask()
    assert len(server.calls) == 2


@pytest.mark.parametrize("body", [b"null", b"{}", b"[5]", b'[{"id": "x", "categoryid": 7}]', b'{"users": []}'])
def test_json_that_moodle_does_not_send_ends_the_pull(server: MoodleServer, ask, body: bytes) -> None:
    server.instead = lambda number, _: Reply(body=body) if number == 2 else None
    with pytest.raises(PullFailed, match="the answer of core_course_get_courses is not that of Moodle"):
        ask()


def test_too_large_an_answer_is_not_read_to_its_end(server: MoodleServer, ask, monkeypatch) -> None:
    monkeypatch.setattr(moodle, "PAGE_BYTES", 100_000)
    server.instead = lambda number, _: Reply(body=b" " * 1_000_000) if number == 2 else None
    with pytest.raises(PullFailed, match="core_course_get_courses is larger"):
        ask()


def test_a_redirect_is_not_followed(server: MoodleServer, ask) -> None:
    with MoodleServer(small_site()) as other:
        server.instead = lambda number, _: Reply(307, headers={"Location": f"{other.url}/webservice/rest/server.php"})
        with pytest.raises(PullRefused, match="leads to another one"):
            ask()
        assert other.calls == []
    assert len(server.calls) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_closed_door_is_for_a_person_to_open(server: MoodleServer, ask, status: int) -> None:
    server.instead = lambda number, _: Reply(status, b"<html>")
    with pytest.raises(PullRefused, match=f"HTTP {status}"):
        ask()
    assert len(server.calls) == 1


def test_a_wrong_path_is_refused(server: MoodleServer, ask) -> None:
    with pytest.raises(PullRefused, match="HTTP 404"):
        ask(url=f"{server.url}/lms")


@pytest.mark.parametrize(
    ("url", "error"),
    [("hoc.example.invalid", PullRefused), ("ftp://127.0.0.1", PullRefused), ("http://127.0.0.1:hoc", PullRefused)],
)
def test_what_is_no_web_address_is_refused(ask, url: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="not a web address"):
        ask(url=url)


def test_a_site_that_is_down_fails_the_pull(ask) -> None:
    with MoodleServer(small_site()) as gone:
        pass
    with pytest.raises(PullFailed, match="cannot be reached"):
        ask(url=gone.url)


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nothing_is_asked(server: MoodleServer, ask, token: str | None) -> None:
    with pytest.raises(PullRefused, match="has no token"):
        ask(token)
    assert server.calls == []


def test_a_page_of_learners_may_be_short_and_not_the_last(server: MoodleServer, ask, monkeypatch) -> None:
    """12 is hidden: the first page of two shows one learner, the second two, the third one, the fourth none."""
    monkeypatch.setattr(moodle, "_ENROLLED_PER_CALL", 2)
    server.site.users[1].hidden = True
    pages = ask()
    assert [row["userid"] for row in json.loads(pages.read("enrolments-00001.json"))] == [11, 13, 15, 16]
    starts = [form["options[2][value]"] for function, form in server.calls if function == ENROLLED]
    assert starts[:4] == ["0", "2", "4", "6"]


def test_a_site_that_ignores_the_limits_does_not_keep_the_pull_busy(server: MoodleServer, ask) -> None:
    answer = json.dumps([{"id": user, "fullname": "Thử"} for user in (11, 12)]).encode()
    server.instead = lambda _, function: Reply(body=answer) if function == ENROLLED else None
    pages = ask()
    assert json.loads(pages.read("enrolments-00001.json")) == [
        {"courseid": 2, "userid": 11},
        {"courseid": 2, "userid": 12},
    ]


def test_accounts_that_go_away_meanwhile_are_counted(server: MoodleServer, ask) -> None:
    def delete(number: int, function: str) -> None:
        if function == "core_user_get_users_by_field":
            server.site.users[0].deleted = True

    server.instead = delete
    tables, notes = tables_of(ask())
    assert tables["mdl_user"] == TABLES["mdl_user"][1:]
    assert tables["mdl_course_completions"] == TABLES["mdl_course_completions"][1:]
    assert tables["mdl_course_modules_viewed"] == TABLES["mdl_course_modules_viewed"][2:]
    assert notes["mdl_user"] == {"accounts_not_shown": 1}
    # 11 in courses 2 and 3, and 16; now nobody is left to say that course 3 has no criteria: 13 is not tracked there.
    assert notes["mdl_course_completions"] == {
        "accounts_not_active": 3,
        "learners_not_tracked": 2,
        "completions_without_time": 1,
    }


def test_warnings_in_answers_are_counted(server: MoodleServer, ask) -> None:
    server.site.warnings = [{"item": "course", "itemid": 2, "warningcode": "1", "message": "taikhoan11"}]
    pages = ask()
    _, notes = tables_of(pages)
    assert notes["mdl_course_modules"]["warnings"] == 6
    assert notes["mdl_course_completions"]["warnings"] == 4
    assert notes["mdl_course_modules_viewed"]["warnings"] == 6
    assert b"taikhoan11" not in pages.read("modules-00001.json") + pages.read("completions-00001.json")


def test_calls_keep_their_distance(server: MoodleServer, ask, clock: Clock) -> None:
    ask(calls_per_second=4)
    assert set(clock.slept) == {0.25}
    assert len(clock.slept) == sum(CALLS.values()) - 1


def test_a_site_without_courses_gives_empty_tables(server: MoodleServer, ask) -> None:
    server.site.courses = []
    tables, notes = tables_of(ask())
    assert tables == {name: [] for name in TABLES}
    assert notes == {name: {} for name in TABLES}
