"""The words of a digest: subject, plain text, HTML and a line for chats; Vietnamese first, English below.

It says where something is and what to do, never what stands in a cell: nobody's name or number can get in.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from par_warehouse.digest import Digest, Group
from par_warehouse.recipients import CITY
from par_warehouse.templates import environment

if TYPE_CHECKING:
    from jinja2 import Environment

LISTED = 40
"""So many groups and lines of counts are written out; the rest is a number."""
VI, EN = 0, 1

_CHANGES = {
    "new": ("mới", "new"),
    "recurred": ("tái phát", "come back"),
    "changed": ("nay vướng lỗi khác", "now against another rule"),
    "unwaived": ("hết hạn miễn", "waiver over"),
    "escalated": ("quá hạn", "overdue"),
}
# Words that messages have in both languages with what follows them in common.
_PAIRS = (
    ("dòng | row", "dòng", "row"),
    ("trang tính | sheet", "trang tính", "sheet"),
    ("gần nhất | nearest", "gần nhất", "nearest"),
    ("thiếu cột | columns missing", "thiếu cột", "columns missing"),
)


@dataclass(frozen=True)
class Words:
    """One message in the forms in which it is sent."""

    subject: str
    text: str
    html: str
    chat: str


def words_of(digest: Digest, has_sheet: bool) -> Words:
    """Write a digest out."""
    facts: dict[str, Any] = {"digest": digest, "has_sheet": has_sheet, "is_city": digest.scope == CITY, "most": LISTED}
    text = _environment().get_template("digest.txt.j2").render(facts)
    subject = subject_of(digest)
    return Words(
        subject=subject,
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        html=_environment().get_template("digest.html.j2").render(facts),
        chat=f"{subject}\n{digest.data_date:%d/%m/%Y}: {counts_of(digest, EN)}",
    )


def subject_of(digest: Digest) -> str:
    """Date, office and what is to be done, such as ``[PAR] 31/12/2024 Sở Nội vụ: 3 dòng cần sửa (2 mới)``."""
    return f"[PAR] {digest.data_date:%d/%m/%Y} {digest.name}: {counts_of(digest, VI)}"


def counts_of(digest: Digest, language: int) -> str:
    """What is open, in a few words; what was repaired when nothing is."""
    kinds = (
        ("refused", "{} tệp bị từ chối", "refused files: {}"),
        ("late", "{} nơi chưa giao dữ liệu", "not delivered: {}"),
        ("rows", "{} dòng cần sửa", "rows to repair: {}"),
    )
    told = [forms[language].format(number(digest.open[kind])) for kind, *forms in kinds if digest.open.get(kind)]
    if not told:
        repaired = number(sum(digest.repaired.values()))
        return (f"đã sửa xong {repaired} lỗi", f"nothing open, {repaired} repaired")[language]
    new = (f" ({number(digest.new)} mới)", f" ({number(digest.new)} new)")[language] if digest.new else ""
    return ", ".join(told) + new


def number(value: int) -> str:
    """A number as it is written in Vietnam."""
    return f"{value:,}".replace(",", ".")


def rows(count: int, language: int) -> str:
    """A number of rows."""
    return f"{number(count)} {('dòng', 'row' if count == 1 else 'rows')[language]}"


def days(count: int, language: int) -> str:
    """How long something has been open."""
    return f"{number(count)} {('ngày', 'day' if count == 1 else 'days')[language]}"


def in_language(message: str, language: int) -> str:
    """One language of a message ``Vietnamese | English``; all of it where it is not so simple."""
    for both, *forms in _PAIRS:
        message = message.replace(both, forms[language])
    head, bracket, remarks = message.partition(" (") if " | " in message.partition(" (")[0] else (message, "", "")
    if bracket and remarks.endswith(")"):
        pieces = [_half(piece, language) for piece in re.split(r"; (?=[^|]* \| )", remarks[:-1])]
        return f"{_half(head, language)} ({'; '.join(pieces)})"
    return _half(message, language)


def _half(message: str, language: int) -> str:
    halves = message.split(" | ")
    return halves[language] if len(halves) == 2 else message


def changes_of(group: Group, language: int) -> str:
    """How the findings of a group have changed, such as ``2 mới, 1 tái phát``."""
    told = [(count, words[language]) for change, words in _CHANGES.items() if (count := group.changes.get(change))]
    if len(told) == 1 and group.count == told[0][0]:
        return told[0][1]
    return ", ".join(f"{number(count)} {words}" for count, words in told)


def places_of(group: Group, language: int) -> str:
    """The first rows of a group, and how many more there are."""
    places = [in_language(place, language) for place in group.places]
    if all(place.isdigit() for place in places):
        told = f"{('dòng', 'row' if len(places) == 1 else 'rows')[language]} {', '.join(places)}"
    else:
        told = "; ".join(places)
    more = group.count - len(places)
    return told + (("; và {} dòng nữa", "; and {} more")[language].format(number(more)) if more else "")


def day(value: date) -> str:
    """A date as it is written in Vietnam."""
    return f"{value:%d/%m/%Y}"


@cache
def _environment() -> "Environment":
    with_filters = environment()
    filters: tuple[Callable[..., str], ...] = (number, rows, days, day, in_language, changes_of, places_of, counts_of)
    with_filters.filters |= {one.__name__: one for one in filters}
    return with_filters
