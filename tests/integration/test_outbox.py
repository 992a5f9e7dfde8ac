"""The outbox: nothing is lost, nothing is sent twice without the same Message-ID, each recipient's order is kept."""

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from par_warehouse import outbox
from par_warehouse.errors import Unreachable
from par_warehouse.ledger import open_ledger
from par_warehouse.outbox import Message, Refused, Send
from par_warehouse.recipients import Recipients
from par_warehouse.settings import Settings
from tests.receivers import MailServer
from tests.small_world import settings_for

CITY, HOME_AFFAIRS, FINANCE = "quantri@par.example.vn", "thongke@sonoivu.example.vn", "thongke@sotaichinh.example.vn"
RECIPIENTS = Recipients.model_validate(
    {"city": {"mail": [CITY]}, "agencies": {"H29.01": {"mail": [HOME_AFFAIRS]}, "H29.03": {"mail": [FINANCE]}}}
)
SCOPES = {CITY: "city", HOME_AFFAIRS: "H29.01", FINANCE: "H29.03"}


class Killed(BaseException):
    """What no step can catch."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MailServer]:
    """A mail server that Airflow's connection leads to."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    server = MailServer()
    monkeypatch.setenv("AIRFLOW_CONN_PAR_SMTP", server.connection())
    server.start()
    yield server
    server.stop()


def message(recipient: str, day: int, text: str = "text") -> Message:
    return Message(date(2024, 12, day), "digest", "", SCOPES[recipient], "mail", recipient, f"Ngày {day}", text)


def send(settings: Settings, recipients: Recipients = RECIPIENTS) -> str:
    from par_airflow.mail import mail_server

    return outbox.send(settings, recipients, lambda: {"mail": mail_server})


def came(mails: MailServer) -> list[tuple[str, str]]:
    return [(mail["To"], mail["Subject"]) for mail in mails.take()]


def states(settings: Settings) -> list[tuple[str, str, int]]:
    """Scope, state and attempts, out of the ledger."""
    with open_ledger(settings) as con:
        outbox.absorb(settings, con)
        return con.execute("select scope, state, attempts from ledger.ops.message order by all").fetchall()


def carrier(hand_over: Send) -> Callable[[], object]:
    @contextmanager
    def opened() -> Iterator[Send]:
        yield hand_over

    return opened


def test_the_same_news_is_queued_once_and_lies_where_only_its_owner_reads(settings: Settings) -> None:
    assert outbox.queue(settings, [message(CITY, 2), message(FINANCE, 2)]) == 2
    assert outbox.queue(settings, [message(CITY, 2, "other words")]) == 0
    files = list(settings.outbox.glob("*.json"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600} and len(files) == 2
    assert stat.S_IMODE(settings.outbox.stat().st_mode) == 0o700


def test_a_recipient_that_cannot_be_served_now_keeps_its_order_and_stops_nobody(
    settings: Settings, mails: MailServer
) -> None:
    outbox.queue(settings, [message(CITY, 2), message(FINANCE, 2), message(CITY, 3), message(FINANCE, 3)])
    mails.refused[CITY] = "451 mailbox is full"
    assert send(settings) == "messages: 2 sent, 2 still waiting"
    assert came(mails) == [(FINANCE, "Ngày 2"), (FINANCE, "Ngày 3")]
    mails.refused.clear()
    outbox.queue(settings, [message(CITY, 4)])
    assert send(settings) == "messages: 3 sent"
    assert came(mails) == [(CITY, "Ngày 2"), (CITY, "Ngày 3"), (CITY, "Ngày 4")]
    # The first was tried twice; the second was not tried while the first waited.
    assert states(settings) == [
        ("H29.03", "sent", 1), ("H29.03", "sent", 1), ("city", "sent", 1), ("city", "sent", 1), ("city", "sent", 2),
    ]  # fmt: skip


def test_a_recipient_that_is_refused_for_good_is_told_to_the_city_once(settings: Settings, mails: MailServer) -> None:
    mails.refused[FINANCE] = "550 5.1.1 no such mailbox"
    outbox.queue(settings, [message(FINANCE, 2), message(HOME_AFFAIRS, 2)])
    assert send(settings) == "messages: 2 sent, 1 refused"
    (first, notice) = mails.take()
    assert (first["To"], notice["To"]) == (HOME_AFFAIRS, CITY)
    assert notice["Subject"] == "[PAR] 02/12/2024: không gửi được cho H29.03"
    text = notice.get_body(("plain",)).get_content()
    assert f"cho {FINANCE} (H29.03) bị từ chối vĩnh viễn" in text and "550 5.1.1 no such mailbox" in text
    assert send(settings) == "nothing waits to be sent" and mails.take() == []
    assert states(settings) == [("H29.01", "sent", 1), ("H29.03", "refused", 1), ("city", "sent", 1)]


def test_nobody_is_told_about_a_notice_that_is_refused_itself(settings: Settings, mails: MailServer) -> None:
    mails.refused |= dict.fromkeys((FINANCE, CITY), "550 no such mailbox")
    outbox.queue(settings, [message(FINANCE, 2)])
    assert send(settings) == "messages: 2 refused"
    assert mails.take() == []


def test_who_is_no_longer_a_recipient_gets_nothing_that_waited(settings: Settings, mails: MailServer) -> None:
    outbox.queue(settings, [message(FINANCE, 2), message(CITY, 2)])
    assert send(settings, Recipients.model_validate({"city": {"mail": [CITY]}})) == "messages: 1 sent, 1 withdrawn"
    assert came(mails) == [(CITY, "Ngày 2")]
    assert states(settings) == [("H29.03", "withdrawn", 0), ("city", "sent", 1)]


def test_a_kill_between_sending_and_noting_sends_again_under_the_same_id(settings: Settings, mails: MailServer) -> None:
    from par_airflow.mail import mail_server

    @contextmanager
    def killed_after() -> Iterator[Send]:
        with mail_server() as hand_over:

            def send_and_die(one: Message) -> None:
                hand_over(one)
                raise Killed

            yield send_and_die

    outbox.queue(settings, [message(CITY, 2)])
    with pytest.raises(Killed):
        outbox.send(settings, RECIPIENTS, lambda: {"mail": killed_after})
    assert send(settings) == "messages: 1 sent"
    first, second = mails.take()
    assert first["Message-ID"] == second["Message-ID"] and first["Message-ID"].endswith("@par-warehouse.invalid>")


@pytest.mark.parametrize("when", ["before the ledger", "after the ledger"])
def test_a_kill_while_queueing_queues_all_or_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    both = [message(CITY, 2), message(FINANCE, 2)]

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed), open_ledger(settings) as con:
        if when == "after the ledger":
            patch.setattr(Path, "replace", lambda path, to: killed() if path.suffix == ".new" else _replace(path, to))
        with outbox.queued_with(settings, con, both):
            if when == "before the ledger":
                raise Killed
    assert list(settings.outbox.glob("*.json")) == []
    with open_ledger(settings) as con, outbox.queued_with(settings, con, both) as new:
        pass
    # Either they are queued by the second run, or the second run completes what the first has noted.
    assert len(new) == (2 if when == "before the ledger" else 0)
    assert sorted(path.suffix for path in settings.outbox.glob("*.*")) == [".json", ".json"]


_replace = Path.replace


def test_a_server_that_lets_nobody_in_loses_nothing(settings: Settings, mails: MailServer) -> None:
    @contextmanager
    def closed() -> Iterator[Send]:
        raise Unreachable("The mail server does not accept the login.")
        yield

    outbox.queue(settings, [message(CITY, 2), message(FINANCE, 2)])
    assert outbox.send(settings, RECIPIENTS, lambda: {"mail": closed}) == "messages: 2 still waiting"
    assert outbox.send(settings, RECIPIENTS, lambda: {}) == "messages: 2 still waiting"
    assert send(settings) == "messages: 2 sent"
    assert states(settings) == [("H29.03", "sent", 3), ("city", "sent", 3)]


def test_only_one_process_sends_at_a_time(settings: Settings) -> None:
    outbox.queue(settings, [message(CITY, 2)])
    seen: list[str] = []

    def meanwhile(_: Message) -> None:
        seen.append(outbox.send(settings, RECIPIENTS, lambda: {"mail": carrier(meanwhile)}))

    assert outbox.send(settings, RECIPIENTS, lambda: {"mail": carrier(meanwhile)}) == "messages: 1 sent"
    assert seen == ["another process is sending"]


def test_a_slow_server_ends_the_round_and_not_the_messages(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PATIENCE_SECONDS", -1)
    outbox.queue(settings, [message(CITY, 2)])
    assert outbox.send(settings, RECIPIENTS, lambda: {"mail": carrier(lambda _: None)}) == "messages: 1 still waiting"


def test_a_refusal_keeps_no_content(settings: Settings) -> None:
    def refuse(_: Message) -> None:
        raise Refused("550")

    outbox.queue(settings, [message(CITY, 2, "what was told")])
    outbox.send(settings, RECIPIENTS, lambda: {"mail": carrier(refuse)})
    (path,) = settings.outbox.glob("*.json")
    assert "what was told" not in path.read_text()
