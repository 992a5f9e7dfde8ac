"""Receivers of messages on this machine: a mail server (aiosmtpd) and a chat's webhook."""

import json
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.real_servers import free_port


@dataclass
class MailServer:
    """A mail server that keeps what it takes; it can be down, and refuse recipients for now or for ever."""

    port: int = field(default_factory=free_port)
    mails: list[EmailMessage] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Answer by recipient."""

    def start(self) -> None:
        """Listen."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Be down."""
        self._controller.stop()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient or not."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert envelope.rcpt_tos == [mail["To"]], "every recipient gets a mail of its own"
        self.mails.append(mail)
        return "250 OK"

    def connection(self) -> str:
        """The Airflow connection to it."""
        extra = {"from_email": "par@example.vn", "disable_ssl": True, "disable_tls": True, "timeout": 5}
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": extra})

    def take(self) -> list[EmailMessage]:
        """What has come since the last time."""
        taken, self.mails = self.mails, []
        return taken


@dataclass
class Webhook:
    """An HTTP server that keeps the JSON posted to it."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Listen."""
        posts, paths = self.posts, self.paths

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                paths.append(self.path)
                posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address in Apprise's form, with a secret in it."""
        return f"json://127.0.0.1:{self._server.server_port}/hook/SECRET-OF-THE-HOOK"
