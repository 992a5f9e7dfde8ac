"""From delivered bytes to records, and from a cell to a value: the "Delivery" part of `exports.md`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")
EARLIEST = date(1900, 1, 1)
LATEST = date(2100, 12, 31)
LARGEST_WHOLE = 2**63 - 1

# Unicode's White_Space property, spelled out so that it does not depend on a library's reading of it.
WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


Value = str | int | float | date | None


@dataclass(frozen=True)
class Row:
    """An accepted row: its number in the file and its values; a missing cell is None, an unset time too."""

    number: int
    values: dict[str, Value]

    def __getitem__(self, column: str) -> Value:
        return self.values[column]

    def text(self, column: str) -> str:
        value = self.values[column]
        assert isinstance(value, str)
        return value

    def whole(self, column: str) -> int:
        value = self.values[column]
        assert isinstance(value, int)
        return value

    def day(self, column: str) -> date:
        value = self.values[column]
        assert isinstance(value, date)
        return value

    def day_or(self, column: str, default: date) -> date:
        return default if self.values[column] is None else self.day(column)


class Unreadable(Exception):
    """The file is not the contract's CSV."""


def decode(content: bytes) -> str:
    """ "UTF-8 with or without byte order mark"; "wrong encoding, NUL bytes" reject the file."""
    if b"\x00" in content:
        raise Unreadable("NUL byte")
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("not UTF-8") from error


def parse_csv(text: str) -> list[list[str]]:
    """ "CSV (RFC 4180): comma, double quotes, LF or CRLF; blank lines are not rows". Character by character."""
    records: list[list[str]] = []
    at = 0
    while at < len(text):
        line_end = text.find("\n", at)
        line = text[at:] if line_end < 0 else text[at:line_end]
        blank = line.removesuffix("\r") if line_end >= 0 else line
        if all(character in WHITE_SPACE for character in blank) and "\r" not in blank:
            at = len(text) if line_end < 0 else line_end + 1
            continue
        record, at = _parse_record(text, at)
        records.append(record)
    return records


def _parse_record(text: str, at: int) -> tuple[list[str], int]:
    record: list[str] = []
    while True:
        field, at = _parse_quoted(text, at) if text[at : at + 1] == '"' else _parse_unquoted(text, at)
        record.append(field)
        if at == len(text):
            return record, at
        if text[at] == ",":
            at += 1
            continue
        if text[at] == "\n":
            return record, at + 1
        if text.startswith("\r\n", at):
            return record, at + 2
        raise Unreadable("a bare carriage return outside quotes" if text[at] == "\r" else "text after a closing quote")


def _parse_unquoted(text: str, at: int) -> tuple[str, int]:
    start = at
    while at < len(text) and text[at] not in ",\r\n":
        if text[at] == '"':
            raise Unreadable("a double quote inside an unquoted field")
        at += 1
    return text[start:at], at


def _parse_quoted(text: str, at: int) -> tuple[str, int]:
    at += 1
    field: list[str] = []
    while at < len(text):
        if text.startswith('""', at):
            field.append('"')
            at += 2
        elif text[at] == '"':
            return "".join(field), at + 1
        else:
            field.append(text[at])
            at += 1
    raise Unreadable("an unclosed quote")


def normalise(cell: str) -> str:
    """ "Text is NFC-normalised, trimmed, and its white space collapsed before anything else"."""
    composed = unicodedata.normalize("NFC", cell)
    spaced = "".join(" " if character in WHITE_SPACE else character for character in composed)
    return re.sub(" +", " ", spaced).strip(" ")


def repair_person(cell: str) -> tuple[str | None, bool]:
    """The 12-digit number or None, and whether it was repaired: "10 or 11 digits are left-padded with zeros to 12 and
    flagged as repaired; a leading apostrophe is stripped; anything else is invalid"."""
    digits = cell[1:] if cell.startswith("'") else cell
    if not re.fullmatch("[0-9]{10,12}", digits):
        return None, False
    return digits.zfill(12), digits.zfill(12) != cell


def parse_date(cell: str) -> date | None:
    """ "`YYYY-MM-DD` or `DD/MM/YYYY` (day first, always; two-digit day and month)", 1900-01-01 … 2100-12-31."""
    if iso := re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", cell):
        year, month, day = (int(part) for part in iso.groups())
    elif vietnamese := re.fullmatch("([0-9]{2})/([0-9]{2})/([0-9]{4})", cell):
        day, month, year = (int(part) for part in vietnamese.groups())
    else:
        return None
    try:
        parsed = date(year, month, day)
    except ValueError:
        return None
    return parsed if EARLIEST <= parsed <= LATEST else None


def parse_year(cell: str) -> int | None:
    """ "Years have four digits"."""
    if not re.fullmatch("[0-9]{4}", cell):
        return None
    return int(cell) if EARLIEST.year <= int(cell) <= LATEST.year else None


def is_unset_epoch(cell: str) -> bool:
    """ "`0` means "not set", so a required time of `0` is missing"."""
    return re.fullmatch("-?[0-9]+", cell) is not None and int(cell) == 0


def parse_epoch(cell: str) -> int | None:
    """Unix seconds whose local date lies in 1900-01-01 … 2100-12-31."""
    if not re.fullmatch("-?[0-9]+", cell):
        return None
    seconds = int(cell)
    if not -3_000_000_000 < seconds < 5_000_000_000:
        return None
    return seconds if EARLIEST <= local_date(seconds) <= LATEST else None


def local_date(seconds: int) -> date:
    """ "An epoch time counts on its local date"."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(LOCAL).date()


def parse_whole(cell: str) -> int | None:
    """ "whole numbers ≥ 0, compared as numbers"."""
    return int(cell) if re.fullmatch("[0-9]+", cell) and int(cell) <= LARGEST_WHOLE else None


def parse_decimal(cell: str) -> float | None:
    """ "a decimal number with a point"."""
    return float(cell) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell) else None
