"""Tell: from the ledger to messages in the outbox, one digest per office and recipient."""

from datetime import date, timedelta

from par_warehouse.digest import Digest, digests, memorise
from par_warehouse.digest_text import Words, words_of
from par_warehouse.ledger import open_ledger
from par_warehouse.outbox import Message, absorb, queued_with
from par_warehouse.recipients import CITY, Office, Recipients
from par_warehouse.repair_sheet import repair_sheet
from par_warehouse.settings import Settings

MAX_SHEET_BYTES = 8_000_000
"""Mail servers refuse mails of more than 10 MB, and an attachment grows by a third on the way."""


def tell(settings: Settings, recipients: Recipients, data_date: date) -> str:
    """Queue the digests of a data date, and say in one line how many.

    On a quiet day, or when an office was told about this date already, nothing: the next digest tells it.
    """
    if not recipients.offices:
        return "nobody is told: recipients.yml names nobody"
    if recipients.is_quiet(morning := data_date + timedelta(days=1)):
        return f"nobody is told: {morning} is a quiet day"
    with open_ledger(settings) as con:
        absorb(settings, con)
        found = digests(con, settings, recipients, data_date)
    messages = [
        message
        for digest in found
        if digest.is_worth_telling
        for message in _messages(recipients.offices[digest.scope], digest, _sheet(settings, digest))
    ]
    with open_ledger(settings) as con, queued_with(settings, con, messages) as new:
        memorise(con, digests(con, settings, recipients, data_date))
    offices = len({message.scope for message in new})
    return f"{len(new)} messages queued for {offices} of {len(recipients.offices)} offices"


def _messages(office: Office, digest: Digest, sheet: bytes | None) -> list[Message]:
    words = words_of(digest, sheet is not None)
    return [_message(digest, words, channel, recipient, sheet) for channel, recipient in office.ways]


def _message(digest: Digest, words: Words, channel: str, recipient: str, sheet: bytes | None) -> Message:
    bare = Message(digest.data_date, "digest", "", digest.scope, channel, recipient, words.subject, words.chat)
    if channel == "chat":
        return bare
    name = f"PAR-{digest.data_date}-{digest.scope}.xlsx" if sheet else None
    return Message(
        bare.data_date, bare.kind, bare.about, bare.scope, channel, recipient, bare.subject,
        words.text, words.html, name, sheet,
    )  # fmt: skip


def _sheet(settings: Settings, digest: Digest) -> bytes | None:
    """The spreadsheet with the rows to repair; None when there are none or it is too large to be mailed.

    The city's has the rows of which no agency is known.
    """
    if not digest.open.get("rows"):
        return None
    agency = None if digest.scope == CITY else digest.scope
    sheet = repair_sheet(settings, digest.data_date, agency)
    return sheet if sheet is not None and len(sheet) <= MAX_SHEET_BYTES else None
