"""Outbox: messages wait as files until they are handed over, so that a mail server which is down delays them only.

``outbox/<message id>.json`` (mode 0600) is one message with its state. The id follows from what the message is about,
so a night that runs again queues nothing twice; a message that may have been sent before the process was killed goes
out again under the same Message-ID. Each recipient gets its messages in the order in which they were queued.
``ops.message`` of the ledger remembers them all, without their content.
"""

import base64
import fcntl
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from par_warehouse.errors import ParError, Unreachable
from par_warehouse.keys import write_private
from par_warehouse.recipients import CITY, Recipients
from par_warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger("par_warehouse")
PATIENCE_SECONDS = 600
"""After so long no further message is begun; the rest waits for the next time."""


class Refused(ParError):
    """This recipient will never take this message; the text says why, without a password or an address of a hook."""


@dataclass(frozen=True)
class Message:
    """One message to one recipient."""

    data_date: date
    kind: str
    """``digest``; ``failed`` and ``late``: a night that was not published; ``refused``: another message was refused."""
    about: str
    """What tells messages of one kind, date and recipient apart, such as a run."""
    scope: str
    channel: str
    recipient: str
    """A mail address, or the name of a chat."""
    subject: str
    text: str
    html: str | None = None
    sheet_name: str | None = None
    sheet: bytes | None = None
    state: str = "queued"
    """``queued``, ``sent``, ``refused``, ``withdrawn`` (its recipient is no longer in ``recipients.yml``)."""
    attempts: int = 0
    queued_at: datetime | None = None
    sent_at: datetime | None = None
    problem: str | None = None

    @property
    def message_id(self) -> str:
        """The same for the same news to the same recipient."""
        parts = (self.recipient, self.channel, self.scope, self.data_date.isoformat(), self.kind, self.about)
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]


Send = Callable[[Message], None]
"""Hands one message over. Raises Refused for ever, Unreachable for now."""
Carrier = Callable[[], AbstractContextManager[Send]]
"""Opens a way to send; raises Unreachable when there is none now."""


def queue(settings: Settings, messages: Iterable[Message]) -> int:
    """Let messages wait for their hand-over; how many of them were not known before."""
    files = [_write(settings, one, ".json") for one in messages if not _path(settings, one.message_id).exists()]
    return len(files)


@contextmanager
def queued_with(
    settings: Settings, con: "duckdb.DuckDBPyConnection", messages: Sequence[Message]
) -> Iterator[list[Message]]:
    """Queue messages and note them in the ledger, together with what the block writes there: all of it or nothing.

    Yields the messages that are not known yet.
    """
    _recover(settings, con)
    known = {row[0] for row in con.execute("select message_id from ledger.ops.message").fetchall()}
    new = [one for one in messages if one.message_id not in known and not _path(settings, one.message_id).exists()]
    files = [_write(settings, one, ".new") for one in new]
    con.execute("begin")
    yield new
    for file in files:
        _note(con, _read(file))
    con.execute("commit")
    for file in files:
        file.replace(file.with_suffix(".json"))


def send(settings: Settings, recipients: Recipients, carriers_of: Callable[[], Mapping[str, Carrier]]) -> str:
    """Hand over what waits, and say in one line what became of it; what cannot be handed over waits for the next time.

    ``carriers_of`` gives a carrier per channel, and is only asked when something waits. One process sends at a time; a
    second one leaves it to the first.
    """
    if not _waiting(settings):
        return "nothing waits to be sent"
    carriers = carriers_of()
    with _only_sender(settings) as is_only:
        if not is_only:
            return "another process is sending"
        until = time.monotonic() + PATIENCE_SECONDS
        done: list[Message] = []
        while waiting := [one for one in _waiting(settings) if one.message_id not in {was.message_id for was in done}]:
            for channel in dict.fromkeys(one.channel for one in waiting):
                ours = [one for one in waiting if one.channel == channel]
                done += _send_all(settings, recipients, carriers.get(channel), ours, until)
    counts = {state: sum(one.state == state for one in done) for state in ("sent", "queued", "refused", "withdrawn")}
    names = {"sent": "sent", "queued": "still waiting", "refused": "refused", "withdrawn": "withdrawn"}
    return "messages: " + ", ".join(f"{count} {names[state]}" for state, count in counts.items() if count)


def absorb(settings: Settings, con: "duckdb.DuckDBPyConnection") -> None:
    """Bring ``ops.message`` up to the files, and remove those that are done with."""
    _recover(settings, con)
    done = []
    con.execute("begin")
    for path in _files(settings):
        message = _read(path)
        _note(con, message)
        done += [path] if message.state != "queued" else []
    con.execute("commit")
    for path in done:
        path.unlink()


def as_mail(message: Message, sender: str) -> MIMEMultipart:
    """The message as a mail: plain text, HTML, the spreadsheet."""
    mail = MIMEMultipart("mixed")
    mail["From"], mail["To"] = sender, message.recipient
    # EmailMessage would lose a space wherever it folds a subject that is not ASCII.
    mail["Subject"] = Header(message.subject, "utf-8", header_name="Subject").encode()
    mail["Message-ID"] = f"<{message.message_id}@par-warehouse.invalid>"
    mail["Date"] = format_datetime(message.queued_at or datetime.now(UTC))
    mail["Auto-Submitted"] = "auto-generated"
    words = MIMEMultipart("alternative")
    words.attach(MIMEText(message.text, "plain", "utf-8"))
    if message.html is not None:
        words.attach(MIMEText(message.html, "html", "utf-8"))
    mail.attach(words)
    if message.sheet is not None:
        sheet = MIMEApplication(message.sheet, "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        sheet.add_header("Content-Disposition", "attachment", filename=message.sheet_name or "")
        mail.attach(sheet)
    return mail


def _send_all(
    settings: Settings, recipients: Recipients, carrier: Carrier | None, messages: Sequence[Message], until: float
) -> list[Message]:
    """Try every message of one channel once, in order; how each stands then."""
    tried: list[Message] = []
    try:
        if carrier is None:
            raise Unreachable(f"There is no way to send to the channel {messages[0].channel} from here.")
        with carrier() as hand_over:
            stuck: set[str] = set()
            for message in messages:
                if not recipients.is_told(message.scope, message.channel, message.recipient):
                    tried.append(_keep(settings, replace(message, state="withdrawn")))
                elif message.recipient in stuck or time.monotonic() > until:
                    tried.append(message)
                else:
                    tried.append(_try(settings, hand_over, message))
                    stuck |= {message.recipient} if tried[-1].state == "queued" else set()
                    if tried[-1].state == "refused":
                        queue(settings, _notices(recipients, tried[-1]))
    except Unreachable as error:
        log.error("%s %d messages wait in the outbox and are tried again.", error, len(messages) - len(tried))
        waiting = messages[len(tried) :]
        tried += [_keep(settings, replace(one, attempts=one.attempts + 1, problem=str(error))) for one in waiting]
    return tried


def _try(settings: Settings, hand_over: Send, message: Message) -> Message:
    message = replace(message, attempts=message.attempts + 1)
    try:
        hand_over(message)
    except Unreachable as error:
        log.error("%s The message waits in the outbox and is tried again.", error)
        return _keep(settings, replace(message, problem=str(error)))
    except Refused as error:
        log.error("%s The message is not tried again.", error)
        return _keep(settings, replace(message, state="refused", problem=str(error)))
    return _keep(settings, replace(message, state="sent", sent_at=datetime.now(UTC), problem=None))


def _notices(recipients: Recipients, refused: Message) -> list[Message]:
    """What the city's administrators are told about a recipient that takes no messages."""
    if refused.kind == "refused":
        return []
    day = f"{refused.data_date:%d/%m/%Y}"
    text = (
        f"Thông báo ngày {day} cho {refused.recipient} ({refused.scope}) bị từ chối vĩnh viễn: {refused.problem}\n"
        "Hãy kiểm tra địa chỉ này trong recipients.yml.\n\n"
        f"The message of {day} for {refused.recipient} ({refused.scope}) was refused for good: {refused.problem}\n"
        "Check this address in recipients.yml.\n"
    )
    return [
        Message(
            refused.data_date, "refused", refused.message_id, CITY, channel, recipient,
            f"[PAR] {day}: không gửi được cho {refused.scope}", text,
        )
        for channel, recipient in recipients.city.ways if (channel, recipient) != (refused.channel, refused.recipient)
    ]  # fmt: skip


def _recover(settings: Settings, con: "duckdb.DuckDBPyConnection") -> None:
    """Complete or undo what a killed process left: the ledger says which."""
    for path in sorted(settings.outbox.glob("*.new")):
        if con.execute("select 1 from ledger.ops.message where message_id = ?", [path.stem]).fetchone():
            path.replace(path.with_suffix(".json"))
        else:
            path.unlink()


def _note(con: "duckdb.DuckDBPyConnection", one: Message) -> None:
    con.execute(
        "insert or replace into ledger.ops.message values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [one.message_id, one.data_date, one.kind, one.channel, one.scope, one.state, one.attempts,
         *(moment.replace(tzinfo=None) if moment else None for moment in (one.queued_at, one.sent_at)), one.problem],
    )  # fmt: skip


def _waiting(settings: Settings) -> list[Message]:
    """What is to be handed over, in the order in which it was queued."""
    messages = [message for path in _files(settings) if (message := _read(path)).state == "queued"]
    return sorted(messages, key=lambda one: (one.queued_at or datetime.now(UTC), one.data_date, one.message_id))


def _files(settings: Settings) -> list[Path]:
    return sorted(settings.outbox.glob("*.json"))


def _path(settings: Settings, message_id: str) -> Path:
    return settings.outbox / f"{message_id}.json"


def _write(settings: Settings, message: Message, suffix: str) -> Path:
    path = _path(settings, message.message_id).with_suffix(suffix)
    _store(path, replace(message, queued_at=datetime.now(UTC)))
    return path


def _keep(settings: Settings, message: Message) -> Message:
    """Note how a message stands; what is done with is kept without its content."""
    is_open = message.state == "queued"
    bare = message if is_open else replace(message, text="", html=None, sheet=None)
    _store(_path(settings, message.message_id), bare)
    return message


def _store(path: Path, message: Message) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    sheet = None if message.sheet is None else base64.b64encode(message.sheet).decode()
    write_private(path, json.dumps(asdict(message) | {"sheet": sheet}, default=str, ensure_ascii=False).encode())


def _read(path: Path) -> Message:
    stored: dict[str, Any] = json.loads(path.read_bytes())
    moments = {
        name: datetime.fromisoformat(stored[name]) for name in ("queued_at", "sent_at") if stored[name] is not None
    }
    sheet = None if stored["sheet"] is None else base64.b64decode(stored["sheet"])
    return Message(**stored | moments | {"data_date": date.fromisoformat(stored["data_date"]), "sheet": sheet})


@contextmanager
def _only_sender(settings: Settings) -> Iterator[bool]:
    with (settings.outbox / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
