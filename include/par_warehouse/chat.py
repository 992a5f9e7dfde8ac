"""Chats: a short text to a webhook, by Apprise, which knows the addresses of some hundred services.

``PAR_CHAT_URLS`` has a line ``name=address`` per chat. An address lets everybody write who has it: it is a secret, and
no message, log or file of the warehouse has it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from par_warehouse.errors import Unreachable
from par_warehouse.keys import given_secret
from par_warehouse.outbox import Message, Send

CHAT_URLS = "PAR_CHAT_URLS"
_LOCAL = ("localhost", "127.0.0.1", "::1")


@contextmanager
def chats() -> Iterator[Send]:
    """The carrier of channel ``chat``. Raises Unreachable when no addresses are given."""
    urls = chat_urls()
    # Apprise logs addresses, with the secret part masked by rules of its own; ours are told by name.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)

    def hand_over(message: Message) -> None:
        if message.recipient not in urls:
            raise Unreachable(f"{CHAT_URLS} has no line {message.recipient}=…, which recipients.yml names.")
        _notify(message, urls[message.recipient])

    yield hand_over


def chat_urls() -> dict[str, str]:
    """Name and address of each chat. Raises Unreachable when none are given, ParError when their file is unreadable."""
    given = given_secret(CHAT_URLS)
    if given is None:
        raise Unreachable(f"{CHAT_URLS} is not set, which the chats of recipients.yml need.")
    lines = [line.partition("=") for line in given.splitlines() if line.strip()]
    return {name.strip(): url.strip() for name, _, url in lines}


def _notify(message: Message, url: str) -> None:
    import apprise

    asset = apprise.AppriseAsset(
        app_id="PAR", app_desc="PAR", app_url="", image_url_mask="", image_url_logo="", http_redirects=False,
        async_mode=False, storage_mode=apprise.PersistentStoreMode.MEMORY,
    )  # fmt: skip
    hook = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if hook is None:
        raise Unreachable(f"The address of the chat {message.recipient} in {CHAT_URLS} is none that Apprise knows.")
    in_the_clear = (hook.protocol,) if isinstance(hook.protocol, str) else hook.protocol or ()
    if url.partition("://")[0].lower() in in_the_clear and hook.host not in _LOCAL:
        raise Unreachable(
            f"The address of the chat {message.recipient} would send in the clear; use its form with TLS."
        )
    try:
        is_taken = hook.notify(title=message.subject, body=message.text, notify_type=apprise.NotifyType.INFO)
    except Exception:
        # A hundred services are a hundred authors: none of their errors may keep the other messages from going out.
        is_taken = False
    if not is_taken:
        raise Unreachable(f"The chat {message.recipient} did not take a message.")
