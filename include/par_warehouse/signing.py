"""Who decided, and why, as it may be published: an account and a reason, nobody's name or number."""

import re

from par_warehouse.errors import ParError

_ACCOUNT = r"[A-Za-z0-9._@-]{2,60}"


def is_account(given: str) -> bool:
    """Whether a text is an account or mail address."""
    return re.fullmatch(_ACCOUNT, given) is not None


def check_account(given: str) -> None:
    """Raises ParError when a text is no account or mail address."""
    if not is_account(given):
        raise ParError("--by must be an account or mail address without spaces: no names of people are published.")


def check_reason(given: str) -> None:
    """Raises ParError when a text is no reason that could be published."""
    if not 5 <= len(given) <= 500 or re.search(r"\d{9}", given):
        raise ParError("--why must be a reason of 5 to 500 characters, without anybody's number.")
