"""Statements pulled from a real store on loopback: every page once, faults outlasted, nothing personal kept."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from par_warehouse.dialects import Context, DeliveredFile, xapi
from par_warehouse.pulls import Access, PullFailed, PullRefused, Window
from par_warehouse.pulls.xapi import pull
from tests.lrs_server import LOGIN, SECRET, Answer, Store, lrs

UNTIL = datetime(2024, 12, 31, 16, 59, 59, tzinfo=UTC)
WINDOW = Window(UNTIL - timedelta(days=1), UNTIL)
GRADE = "http://www.tincanapi.co.uk/activitytypes/grade_classification"
MAPPING = {
    "passed": [{"verb": "http://id.tincanapi.com/verb/earned", "extension": GRADE, "equals": "Pass"}],
    "viewed": [{"verb": "http://adlnet.gov/expapi/verbs/experienced"}],
    "courses": [{"activity": "https://mooc.example.vn/course/{code}"}],
    "materials": [{"activity": "https://mooc.example.vn/page/{code}"}],
}
OPTIONS = xapi.Options.model_validate({"mapping": MAPPING, "limit": 2})


class Folder:
    """Pages in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __contains__(self, name: str) -> bool:
        return (self.path / name).exists()

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        (self.path / "partial").write_bytes(content)
        (self.path / "partial").replace(self.path / name)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.glob("*.json"))

    def ids(self) -> list[str]:
        return [one["id"] for name in self.names() for one in json.loads(self.read(name))["statements"]]


def statement(number: int, hours_before_until: float) -> dict[str, Any]:
    stored = UNTIL - timedelta(hours=hours_before_until)
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "actor": {
            "objectType": "Agent",
            "name": "Nguyễn Thị Thử",
            "account": {"homePage": "https://mooc.example.vn", "name": f"013185{number:06}"},
        },
        "verb": {"id": "http://id.tincanapi.com/verb/earned", "display": {"vi": "đạt"}},
        "object": {"id": "https://mooc.example.vn/course/KN-TM", "definition": {"name": {"vi": "Kỹ năng tham mưu"}}},
        "result": {
            "score": {"scaled": 1.0},
            "response": "câu trả lời riêng",
            "extensions": {GRADE: "Pass", "x:y": "z"},
        },
        "context": {
            "instructor": {"mbox": "mailto:giang.vien@example.vn"},
            "extensions": {"https://w3id.org/xapi/openedx/extensions/session-id": "056a"},
            "contextActivities": {"parent": [{"id": "https://mooc.example.vn/course/KN-TM", "definition": {}}]},
        },
        "timestamp": (stored - timedelta(minutes=1)).isoformat(),
        "stored": stored.isoformat().replace("+00:00", "Z"),
        "authority": {"mbox": "mailto:quan.tri@example.vn"},
        "version": "1.0.3",
    }


# In the window: 1 to 5. Its beginning is not (6), its end is (1); 7 came after it.
STATEMENTS = [statement(number, hours) for number, hours in ((6, 24), (5, 23), (4, 3), (3, 2), (2, 1), (1, 0), (7, -1))]
IN_WINDOW = [one["id"] for one in STATEMENTS[1:-1]]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def store() -> Iterator[Store]:
    with lrs(STATEMENTS) as running:
        yield running


@pytest.fixture
def pages(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ask(store: Store, pages: Folder, options: xapi.Options = OPTIONS, **login: str) -> list[float]:
    """Pull; returns the seconds that it would have waited."""
    waited: list[float] = []
    access = replace(Access(store.url, LOGIN, SECRET), **login)
    pull(access, options, WINDOW, pages, sleep=waited.append)
    return waited


def test_every_statement_of_the_window_comes_once_in_pages(store: Store, pages: Folder) -> None:
    assert ask(store, pages) == []
    assert pages.names() == ["statements-00001.json", "statements-00002.json", "statements-00003.json"]
    assert pages.ids() == IN_WINDOW
    assert store.requests[0] == (
        "/xapi/statements?since=2024-12-30T16%3A59%3A59Z&until=2024-12-31T16%3A59%3A59Z&ascending=true&limit=2"
    )
    assert len(store.requests) == 3


def test_the_first_pull_has_no_beginning(store: Store, pages: Folder) -> None:
    pull(Access(store.url, LOGIN, SECRET), OPTIONS, Window(None, UNTIL), pages)
    assert pages.ids() == [STATEMENTS[0]["id"], *IN_WINDOW]


def test_version_2_is_asked_for_by_option(store: Store, pages: Folder) -> None:
    ask(store, pages, xapi.Options.model_validate({"mapping": MAPPING, "version": "2.0.0"}))
    assert pages.ids() == IN_WINDOW


def test_a_page_holds_the_needed_fields_only(store: Store, pages: Folder) -> None:
    ask(store, pages)
    assert json.loads(pages.read("statements-00003.json")) == {
        "statements": [
            {
                "id": "00000000-0000-4000-8000-000000000001",
                "actor": {
                    "objectType": "Agent",
                    "account": {"homePage": "https://mooc.example.vn", "name": "013185000001"},
                },
                "verb": {"id": "http://id.tincanapi.com/verb/earned"},
                "object": {"id": "https://mooc.example.vn/course/KN-TM", "definition": {}},
                "result": {"extensions": {GRADE: "Pass"}},
                "timestamp": "2024-12-31T16:58:59+00:00",
                "stored": "2024-12-31T16:59:59Z",
                "context": {"contextActivities": {"parent": [{"id": "https://mooc.example.vn/course/KN-TM"}]}},
            }
        ],
        "more": "",
    }


def test_the_dialect_reads_the_pages(store: Store, pages: Folder) -> None:
    ask(store, pages)
    files = [DeliveredFile(name, 0, lambda name=name: BytesIO(pages.read(name))) for name in pages.names()]
    parts = {part.table: part for part in xapi.read(files, OPTIONS, Context(date(2024, 12, 31), None, {}, "200MB", 2))}
    assert parts["mdl_user"].notes == {"statements": 5}
    (users,) = parts["mdl_user"].records(["idnumber"])
    assert users.table["idnumber"].to_pylist() == [f"013185{number:06}" for number in (5, 4, 3, 2, 1)]
    (passed,) = parts["mdl_course_completions"].records(["timecompleted"])
    # The last was passed one minute before the end of the day, 2024-12-31 23:59:59+07:00 = 1735664399.
    assert passed.table["timecompleted"].to_pylist()[-1] == str(1735664399 - 60)


KILLED = """
import sys
from pathlib import Path
from par_warehouse.pulls import Access
from par_warehouse.pulls.xapi import pull
from tests.integration.test_lrs_pull import LOGIN, OPTIONS, SECRET, WINDOW, Folder
print("asking", flush=True)
pull(Access(sys.argv[1], LOGIN, SECRET), OPTIONS, WINDOW, Folder(Path(sys.argv[2])))
"""


def test_after_a_kill_between_pages_the_pull_goes_on_behind_the_last_page(store: Store, pages: Folder) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED, store.url, str(pages.path)], stdout=subprocess.DEVNULL)
    store.on_request = lambda number: child.kill() if number == 3 else None
    assert child.wait() == -signal.SIGKILL
    assert pages.names() == ["statements-00001.json", "statements-00002.json"]
    asked_for_third = store.requests[2]
    store.on_request = lambda number: None
    ask(store, pages)
    assert store.requests[3:] == [asked_for_third]
    assert pages.ids() == IN_WINDOW


def test_a_finished_pull_asks_for_nothing(store: Store, pages: Folder) -> None:
    ask(store, pages)
    ask(store, pages)
    assert len(store.requests) == 3


def test_when_a_link_has_expired_the_pull_starts_over(store: Store, pages: Folder) -> None:
    store.faults = {3: Answer(401)}
    with pytest.raises(PullRefused):
        ask(store, pages)
    pages.write("statements-00003.json", b'{"statements":[{"id":"left behind"}],"more":"/xapi/statements/more/x"}')
    store.faults, store.forgets_links, store.largest_page = {}, True, 1000
    ask(store, pages, OPTIONS.model_copy(update={"limit": 1000}))
    # One page now holds everything; the pages of the first attempt are empty.
    assert [len(json.loads(pages.read(name))["statements"]) for name in pages.names()] == [5, 0, 0]
    assert pages.ids() == IN_WINDOW


def test_a_store_that_forgets_its_links_at_once_is_no_endless_story(store: Store, pages: Folder) -> None:
    store.forgets_links = True
    with pytest.raises(PullFailed, match="no longer knows a link"):
        ask(store, pages)
    assert len(store.requests) == 4


def test_a_busy_store_is_given_the_time_that_it_asks_for(store: Store, pages: Folder) -> None:
    store.faults = {1: Answer(429, {"Retry-After": "7"}), 3: Answer(503), 4: Answer(500), 5: Answer(502)}
    assert ask(store, pages) == [7, 2, 4, 8]
    assert pages.ids() == IN_WINDOW


def test_patience_ends(store: Store, pages: Folder) -> None:
    store.faults = {number: Answer(500) for number in range(2, 20)}
    with pytest.raises(PullFailed, match="in trouble"):
        ask(store, pages)
    assert len(store.requests) == 1 + 6
    assert pages.names() == ["statements-00001.json"]


@pytest.mark.parametrize("retry_after", ["86400", "Fri, 31 Dec 2100 00:00:00 GMT"])
def test_a_store_that_asks_for_much_time_is_left_alone(store: Store, pages: Folder, retry_after: str) -> None:
    store.faults = {1: Answer(429, {"Retry-After": retry_after})}
    with pytest.raises(PullFailed, match="much later"):
        ask(store, pages)
    assert len(store.requests) == 1


@pytest.mark.parametrize("retry_after", ["soon", "Fri, 31 Dec 2100 00:00:00 -0000", "-5"])
def test_an_unclear_retry_after_is_no_reason_to_fail(store: Store, pages: Folder, retry_after: str) -> None:
    store.faults = {1: Answer(429, {"Retry-After": retry_after})}
    assert ask(store, pages) == [2]


def test_a_retry_after_in_the_past_means_now(store: Store, pages: Folder) -> None:
    store.faults = {1: Answer(429, {"Retry-After": "Fri, 01 Jan 2010 00:00:00 GMT"})}
    assert ask(store, pages) == [0]


@pytest.mark.parametrize("status", [401, 403])
def test_expired_credentials_are_for_a_person_to_renew(store: Store, pages: Folder, status: int) -> None:
    store.faults = {2: Answer(status)}
    with pytest.raises(PullRefused, match="Renew the login and password of the connection"):
        ask(store, pages)
    assert len(store.requests) == 2


def test_a_wrong_password_is_refused_and_never_shown(store: Store, pages: Folder) -> None:
    with pytest.raises(PullRefused) as refused:
        ask(store, pages, secret="sai-mat-khau")
    assert "sai-mat-khau" not in str(refused.value)
    assert pages.names() == []


def test_a_slow_page_is_asked_for_again(store: Store, pages: Folder) -> None:
    store.faults = {2: Answer(wait=threading.Event())}
    assert ask(store, pages, OPTIONS.model_copy(update={"timeout_seconds": 0.2})) == [2]
    assert pages.ids() == IN_WINDOW


def test_a_page_that_breaks_off_is_asked_for_again(store: Store, pages: Folder) -> None:
    store.faults = {1: Answer(headers={"Content-Length": "100000", "Connection": "close"}, wait=threading.Event())}
    store.faults[1].wait.set()
    assert ask(store, pages, OPTIONS.model_copy(update={"timeout_seconds": 0.2})) == [2]
    assert pages.ids() == IN_WINDOW


def test_nobody_listens(store: Store, pages: Folder) -> None:
    with pytest.raises(PullFailed, match="cannot be reached"):
        ask(store, pages, url="http://127.0.0.1:9/xapi")


def test_links_that_lead_in_a_circle_are_noticed(store: Store, pages: Folder) -> None:
    store.faults = {2: Answer(body=b'{"statements": [], "more": "/xapi/statements/more/2"}')}
    store.faults[3] = Answer(body=b'{"statements": [], "more": "/xapi/statements/more/2"}')
    with pytest.raises(PullFailed, match="never end"):
        ask(store, pages)
    assert len(store.requests) == 3
    # The page with the wrong link was not kept: once the store is right again, so is the pull.
    store.faults = {}
    assert pages.names() == ["statements-00001.json", "statements-00002.json"]


@pytest.mark.parametrize(
    "more", ["http://localhost.invalid/more/{token}", "https://127.0.0.1/more/{token}", "//evil.invalid/{token}"]
)
def test_a_link_to_another_address_is_never_asked(store: Store, pages: Folder, more: str) -> None:
    store.more = more
    with pytest.raises(PullRefused, match="another address"):
        ask(store, pages)
    assert len(store.requests) == 1
    assert pages.names() == []


def test_an_absolute_link_to_the_same_address_is_followed(store: Store, pages: Folder) -> None:
    store.more = store.url + "/statements/more/{token}"
    ask(store, pages)
    assert pages.ids() == IN_WINDOW


def test_a_redirect_is_not_followed(store: Store, pages: Folder) -> None:
    store.faults = {1: Answer(302, {"Location": "http://other.invalid/"})}
    with pytest.raises(PullRefused, match="redirects"):
        ask(store, pages)


@pytest.mark.parametrize("through", ["2024-12-31T16:59:58.999Z", "2024-12-31", "yesterday"])
def test_a_store_that_is_not_sure_yet_is_asked_later(store: Store, pages: Folder, through: str) -> None:
    store.consistent_through = through
    with pytest.raises(PullFailed):
        ask(store, pages)
    assert pages.names() == []


@pytest.mark.parametrize("through", ["2024-12-31T16:59:59Z", "2025-01-01T00:00:00+07:00", None])
def test_a_store_that_is_sure_enough(store: Store, pages: Folder, through: str | None) -> None:
    store.consistent_through = through
    ask(store, pages)
    assert pages.ids() == IN_WINDOW


@pytest.mark.parametrize(
    "body",
    [
        b"<html>maintenance</html>",
        b'{"statements": [',
        b'{"statements": {}, "more": ""}',
        b'{"statements": [7], "more": ""}',
        b'{"statements": [], "more": 7}',
        b"[]",
        b'{"statements": [], "statements": [], "more": ""}',
        b'{"statements": [{"id": "a", "id": "b"}], "more": ""}',
        b'{"statements": [{"id": "\\ud800"}], "more": ""}',
        b'{"statements": [{"id": "\xff"}], "more": ""}',
        b'{"statements": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    ],
)
def test_an_unsound_answer_is_not_kept(store: Store, pages: Folder, body: bytes) -> None:
    store.faults = {1: Answer(body=body)}
    with pytest.raises(PullFailed):
        ask(store, pages)
    assert pages.names() == []


def test_numbers_of_any_size_do_no_harm(store: Store, pages: Folder) -> None:
    body = b'{"statements": [{"id": "a", "stored": 1e999, "result": {"score": {"raw": ' + b"9" * 9999 + b"}}}]}"
    store.faults = {1: Answer(body=body)}
    ask(store, pages)
    assert json.loads(pages.read("statements-00001.json")) == {
        "statements": [{"id": "a", "result": {}, "stored": 0}],
        "more": "",
    }


@pytest.mark.parametrize("body", [b'{"statements": [], "more": null}', b'{"statements": []}'])
def test_no_link_is_the_end(store: Store, pages: Folder, body: bytes) -> None:
    store.faults = {1: Answer(body=body)}
    ask(store, pages)
    assert json.loads(pages.read("statements-00001.json")) == {"statements": [], "more": ""}


def test_an_endless_answer_is_cut_off(store: Store, pages: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("par_warehouse.pulls.xapi.PAGE_BYTES", 1000)
    with pytest.raises(PullFailed, match="Lower the option limit"):
        ask(store, pages)


def test_an_answer_that_drips_is_given_up(store: Store, pages: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("par_warehouse.pulls.xapi.LONGEST_ANSWER_SECONDS", -1)
    with pytest.raises(PullFailed, match="too slowly"):
        ask(store, pages)
    assert len(store.requests) == 6


def test_a_question_that_is_not_understood_is_for_a_person(store: Store, pages: Folder) -> None:
    with pytest.raises(PullRefused, match="status 404"):
        ask(store, pages, url=store.url + "/wrong")
