"""Chats: what is wrong with an address is said by its name, never by the address."""

from datetime import date
from pathlib import Path

import pytest

from par_warehouse.chat import chat_urls, chats
from par_warehouse.errors import Unreachable
from par_warehouse.outbox import Message

MESSAGE = Message(date(2024, 12, 31), "digest", "", "city", "chat", "room", "subject", "text")


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ("other=jsons://chat.example.vn/SECRET", "PAR_CHAT_URLS has no line room=…, which recipients.yml names."),
        ("room=SECRET", "The address of the chat room in PAR_CHAT_URLS is none that Apprise knows."),
        ("room=json://chat.example.vn/SECRET", "The address of the chat room would send in the clear; use its form"),
        ("room=xml://chat.example.vn/SECRET", "The address of the chat room would send in the clear; use its form"),
        # Nothing listens there.
        ("room=json://127.0.0.1:9/SECRET", "The chat room did not take a message."),
    ],
)
def test_what_is_wrong_is_said_without_the_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, urls: str, expected: str
) -> None:
    monkeypatch.setenv("PAR_CHAT_URLS", urls)
    with chats() as hand_over, pytest.raises(Unreachable) as caught:
        hand_over(MESSAGE)
    assert str(caught.value).startswith(expected)
    assert "SECRET" not in str(caught.value) + caplog.text


def test_without_addresses_the_channel_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PAR_CHAT_URLS", raising=False)
    with pytest.raises(Unreachable, match="PAR_CHAT_URLS is not set"), chats():
        pass


def test_addresses_come_from_a_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PAR_CHAT_URLS", raising=False)
    (tmp_path / "urls").write_text("\nroom = jsons://x\n")
    monkeypatch.setenv("PAR_CHAT_URLS_FILE", str(tmp_path / "urls"))
    assert chat_urls() == {"room": "jsons://x"}
