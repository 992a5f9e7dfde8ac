"""Pull ``xapi``: the statements that a Learning Record Store has stored in the window, page by page.

A store answers with some statements and a link to more. Each answer is kept as one page, cut down to the fields that
the dialect looks at, with its link: so an interrupted pull goes on behind the last page. Such links expire. When the
store no longer knows one, the pull starts over once from the first page, and pages left behind it are emptied.
"""

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from par_warehouse.dialects._xapi_mapping import MappingOfStatements
from par_warehouse.dialects._xapi_sql import needed_fields
from par_warehouse.dialects.xapi import PAGE_BYTES, Options
from par_warehouse.pulls import Access, Pages, PullFailed, PullRefused, Window

ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 300
LONGEST_ANSWER_SECONDS = 600
MOST_PAGES = 99_999
_CONNECT_SECONDS = 10

Shape = dict[str, "Shape"]
"""The keys to keep, and what to keep below each; nothing below: the value itself, if it is text or a truth value."""


def pull(
    access: Access, options: Options, window: Window, pages: Pages, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Bring all statements stored after ``window.since``, up to and including ``window.until``.

    Raises PullFailed when the store does not answer soundly or is not sure yet to know all statements of the window,
    PullRefused when it does not let us in or does not understand the question.
    """
    with httpx.Client(
        headers={"X-Experience-API-Version": options.version, "Accept": "application/json"},
        auth=(access.login, access.secret or "") if access.login else None,
        timeout=httpx.Timeout(options.timeout_seconds, connect=min(_CONNECT_SECONDS, options.timeout_seconds)),
    ) as client:
        store = _Store(client, access, options.mapping, window, sleep)
        first = f"{access.url.rstrip('/')}/statements?{_query(options, window)}"
        try:
            count = _follow(store, first, pages, keep=True)
        except _LinkExpired:
            count = _follow(store, first, pages, keep=False)
    for number in itertools.count(count + 1):
        if _page_name(number) not in pages:
            break
        pages.write(_page_name(number), _encoded([], ""))


class _LinkExpired(PullFailed):
    """The store no longer knows a link that it gave."""


class _Again(PullFailed):
    """A failure that may pass in seconds; the store may have said how many (``after``)."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


def _follow(store: "_Store", first: str, pages: Pages, keep: bool) -> int:
    """Fetch page after page; with ``keep``, pages that are there are not asked for again. Returns their number.

    A page is kept only when its link is sound: whatever stops the pull, the next one can go on behind the last page.
    """
    address, seen, number = first, set[str](), 0
    while address:
        number += 1
        name = _page_name(number)
        is_there = keep and name in pages
        content = pages.read(name) if is_there else store.page(address, is_first=number == 1)
        seen.add(address)
        address = store.linked(address, json.loads(content)["more"])
        if address in seen or (address and number == MOST_PAGES):
            raise PullFailed(f"{store.name}: its links to more statements never end. Have the store repaired.")
        if not is_there:
            pages.write(name, content)
    return number


def _page_name(number: int) -> str:
    return f"statements-{number:05d}.json"


def _encoded(statements: list[Any], more: str) -> bytes:
    return json.dumps({"statements": statements, "more": more}, ensure_ascii=False, separators=(",", ":")).encode()


def _query(options: Options, window: Window) -> httpx.QueryParams:
    asked = {"until": _rfc_3339(window.until), "ascending": "true", "limit": str(options.limit)}
    return httpx.QueryParams(({"since": _rfc_3339(window.since)} if window.since else {}) | asked)


def _rfc_3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class _Store:
    """A Learning Record Store, asked with patience."""

    client: httpx.Client
    access: Access
    mapping: MappingOfStatements
    window: Window
    sleep: Callable[[float], None]

    @property
    def name(self) -> str:
        """How messages name the store."""
        return f"The record store at {urlsplit(self.access.url).hostname}"

    def page(self, address: str, is_first: bool) -> bytes:
        """One answer, cut down to the needed fields: ``statements`` and ``more`` (empty: none), as JSON."""
        retrying = Retrying(
            retry=retry_if_exception_type(_Again),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_patience,
            sleep=self.sleep,
            reraise=True,
        )
        statements, more = retrying(self._ask, address, is_first)
        shape = _shape(needed_fields(self.mapping))
        try:
            return _encoded([_cut(one, shape) for one in statements], more)
        except UnicodeEncodeError:
            raise PullFailed(f"{self.name} gave text that is no Unicode. Have the store repaired.") from None

    def linked(self, address: str, more: str) -> str:
        """The address behind a link, empty if there is none. Credentials go to the configured address only."""
        if not more:
            return ""
        target = urljoin(address, more)
        if _origin(target) != _origin(self.access.url):
            raise PullRefused(
                f"{self.name} links to more statements at another address, which is never asked."
                " Have the store's public address corrected, or correct the host of the connection."
            )
        return target

    def _ask(self, address: str, is_first: bool) -> tuple[list[Any], str]:
        try:
            with self.client.stream("GET", address) as response:
                self._judge(response, is_first)
                content = self._read(response)
        except httpx.TimeoutException:
            raise _Again(f"{self.name} does not answer in time. It is asked again later.") from None
        except httpx.DecodingError:
            raise PullFailed(f"{self.name} gave an answer that cannot be decoded. It is asked again later.") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise PullRefused(f"{self.name}: the host of the connection is not a usable https address.") from None
        except httpx.TransportError:
            raise _Again(f"{self.name} cannot be reached. Check the network and the host of the connection.") from None
        return self._parsed(content)

    def _judge(self, response: httpx.Response, is_first: bool) -> None:
        """Whether the answer may be read, by its status and headers."""
        status = response.status_code
        if status in (401, 403):
            raise PullRefused(
                f"{self.name} refuses the login (status {status}). Renew the login and password of the connection,"
                " or have the right to read all statements given to it."
            )
        if status == 429 or status >= 500:
            raise _Again(
                f"{self.name} is busy or in trouble (status {status}). It is asked again later.",
                _seconds_to_wait(response.headers.get("Retry-After")),
            )
        if response.is_redirect:
            raise PullRefused(
                f"{self.name} redirects to another address, which is never followed."
                " Enter its final address as the host of the connection."
            )
        if status in (400, 404, 410) and not is_first:
            raise _LinkExpired(f"{self.name} no longer knows a link that it gave. It is asked again later.")
        if status != 200:
            raise PullRefused(
                f"{self.name} does not understand the question (status {status}). Check that the host of the connection"
                " is the xAPI endpoint, and the option version of the feed."
            )
        if through := response.headers.get("X-Experience-API-Consistent-Through"):
            try:
                is_sure = datetime.fromisoformat(through) >= self.window.until
            except (ValueError, TypeError):
                raise PullFailed(f"{self.name} does not say clearly up to when its statements are complete.") from None
            if not is_sure:
                raise PullFailed(f"{self.name} does not have all statements of the day yet. It is asked again later.")

    def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        started = time.monotonic()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > PAGE_BYTES:
                size = f"{PAGE_BYTES >> 20} MB"
                raise PullFailed(f"{self.name} gave an answer of more than {size}. Lower the option limit of the feed.")
            if time.monotonic() - started > LONGEST_ANSWER_SECONDS:
                raise _Again(f"{self.name} answers too slowly. It is asked again later.")
        return bytes(content)

    def _parsed(self, content: bytes) -> tuple[list[Any], str]:
        """The statements of an answer and the link to more, as they are."""
        try:
            # No needed field is a number, so none is made: huge ones do no harm.
            answer = json.loads(content, object_pairs_hook=_object, parse_int=_any_number, parse_float=_any_number)
        except (ValueError, RecursionError):
            raise PullFailed(f"{self.name} gave an answer that is not sound JSON. It is asked again later.") from None
        if isinstance(answer, dict):
            statements, more = answer.get("statements"), answer.get("more")
            more = "" if more is None else more
            if isinstance(statements, list) and isinstance(more, str) and all(isinstance(s, dict) for s in statements):
                return statements, more
        raise PullFailed(f"{self.name} gave an answer that is no list of statements. Is it an xAPI endpoint?")


def _patience(state: RetryCallState) -> float:
    """Seconds until the next attempt: what the store asked for, else 2, 4, 8, ..."""
    failure = state.outcome.exception() if state.outcome else None
    if isinstance(failure, _Again) and failure.after is not None:
        return failure.after
    return wait_exponential(multiplier=2, max=LONGEST_WAIT_SECONDS)(state)


def _seconds_to_wait(header: str | None) -> float | None:
    """``Retry-After``, in seconds or as a date. Raises PullFailed when that is too long."""
    if header is None:
        return None
    try:
        seconds = float(header) if header.isdecimal() else _seconds_until(parsedate_to_datetime(header))
    except (ValueError, TypeError):
        return None
    if seconds > LONGEST_WAIT_SECONDS:
        raise PullFailed("The record store asks to come back much later. It is asked again later.")
    return max(seconds, 0.0)


def _seconds_until(moment: datetime) -> float:
    return (moment - datetime.now(UTC)).total_seconds()


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key is repeated")
    return content


def _any_number(_: str) -> int:
    return 0


def _shape(fields: list[tuple[str, ...]]) -> Shape:
    shape: Shape = {}
    for field in fields:
        below = shape
        for key in field:
            below = below.setdefault(key, {})
    return shape


def _cut(value: Any, shape: Shape) -> Any:
    """What is to be kept of a value. 0 stands for a value of another form than expected: that it is there matters."""
    if value is None or (not shape and isinstance(value, str | bool)):
        return value
    if shape and isinstance(value, dict):
        return {key: _cut(value[key], below) for key, below in shape.items() if key in value}
    if shape and isinstance(value, list):
        return [_cut(item, shape) for item in value if isinstance(item, dict)]
    return 0
