"""A Learning Record Store on loopback: as much of one as a consumer of statements meets, faults included.

It keeps statements with their ``stored`` times and answers ``GET /xapi/statements`` as the specification says: basic
authentication, version header, ``since`` (exclusive) and ``until`` (inclusive) on ``stored``, ``limit``, ``ascending``,
links to more, and the header that says up to when its statements are complete.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOGIN, SECRET = "par", "mot-mat-khau"


@dataclass
class Answer:
    """An answer given instead of the right one. ``wait`` holds it back after half of the body is out."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"statements": [], "more": ""}'
    wait: threading.Event | None = None


@dataclass
class Store:
    """What the server holds and does; tests change it, and read ``requests`` afterwards."""

    statements: list[dict[str, Any]]
    url: str = ""
    largest_page: int = 1000
    more: str = "/xapi/statements/more/{token}"
    consistent_through: str | None = "2100-01-01T00:00:00Z"
    faults: dict[int, Answer] = field(default_factory=dict)
    """Answers by number of the request, from 1."""
    forgets_links: bool = False
    on_request: Callable[[int], None] = lambda number: None
    requests: list[str] = field(default_factory=list)
    """Paths with queries, in the order of arrival."""


@contextmanager
def lrs(statements: list[dict[str, Any]]) -> Iterator[Store]:
    """A running store; its address is ``url``."""
    store = Store(statements)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(store))
    server.daemon_threads = True
    store.url = f"http://127.0.0.1:{server.server_port}/xapi"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        for fault in store.faults.values():
            if fault.wait is not None:
                fault.wait.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(store: Store) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):  # a client may give up, or be killed
                super().handle()

        def do_GET(self) -> None:
            with lock:
                store.requests.append(self.path)
                number = len(store.requests)
            store.on_request(number)
            self._send(store.faults.get(number) or self._answer())

        def _answer(self) -> Answer:
            expected = "Basic " + base64.b64encode(f"{LOGIN}:{SECRET}".encode()).decode()
            if self.headers.get("Authorization") != expected:
                return Answer(401, {"WWW-Authenticate": 'Basic realm="LRS"'}, b"{}")
            if self.headers.get("X-Experience-API-Version") not in ("1.0.3", "2.0.0"):
                return Answer(400, body=b'{"error": "version"}')
            parts = urlsplit(self.path)
            if parts.path == "/xapi/statements":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                limit = min(int(query.get("limit", 0)) or store.largest_page, store.largest_page)
                return _page(store, query, limit, 0)
            if parts.path.startswith("/xapi/statements/more/") and not store.forgets_links:
                asked = json.loads(base64.urlsafe_b64decode(parts.path.rsplit("/", 1)[1]))
                return _page(store, asked["query"], asked["limit"], asked["start"])
            return Answer(404, body=b"{}")

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            if store.consistent_through is not None:
                self.send_header("X-Experience-API-Consistent-Through", store.consistent_through)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            half = len(answer.body) // 2 if answer.wait is not None else 0
            try:
                self.wfile.write(answer.body[:half])
                if answer.wait is not None:
                    answer.wait.wait()
                self.wfile.write(answer.body[half:])
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _page(store: Store, query: dict[str, str], limit: int, start: int) -> Answer:
    since, until = (_time(query[name]) if name in query else None for name in ("since", "until"))
    found = [
        statement
        for statement in sorted(store.statements, key=lambda one: _time(one["stored"]))
        if (since is None or _time(statement["stored"]) > since)
        and (until is None or _time(statement["stored"]) <= until)
    ]
    if query.get("ascending") != "true":
        found.reverse()
    more = ""
    if start + limit < len(found):
        asked = {"query": query, "limit": limit, "start": start + limit}
        more = store.more.format(token=base64.urlsafe_b64encode(json.dumps(asked).encode()).decode())
    return Answer(body=json.dumps({"statements": found[start : start + limit], "more": more}).encode())


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
