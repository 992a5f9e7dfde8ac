"""Who a person is: the keyed hash that stands for an identification number, and the secret it is made with."""

import hashlib
import hmac
import logging
from pathlib import Path

import duckdb

from par_warehouse.errors import ParError
from par_warehouse.keys import PERSON_KEY, write_private
from par_warehouse.settings import Settings

log = logging.getLogger("par_warehouse")

_BLOCK = 64
_SHORT = 16


def person_secret(settings: Settings) -> bytes:
    """The key of ``person_key``: ``PAR_PERSON_KEY_SECRET``, or a development secret made once in the data folder."""
    return PERSON_KEY.value(settings).encode()


def code_secret(settings: Settings) -> bytes:
    """The key of codes and texts that are only compared with each other.

    It comes from the person key that a data folder began with, and outlives it: such hashes are compared across files
    and nights, and unlike a ``person_key`` they cannot be made anew, because nobody keeps their text.
    """
    kept = code_secret_path(settings)
    return kept.read_bytes() if kept.exists() else hmac.digest(person_secret(settings), b"par code key", "sha256")


def code_secret_path(settings: Settings) -> Path:
    """Where the key of codes lies once the person key was rotated (mode 0600)."""
    return settings.vault / "code-key"


def check_secret(settings: Settings) -> None:
    """Refuse to mix two secrets in one data folder. Raises ParError.

    With another secret every person would look new, and evidence that stays would no longer reach anybody.
    """
    secret = person_secret(settings)
    if len(secret) < _SHORT:
        log.warning("PAR_PERSON_KEY_SECRET has fewer than %d characters and could be guessed: rotate it.", _SHORT)
    kept = kept_proofs(settings)
    if not kept:
        keep_proofs(settings, secret_proof(secret))
    elif len(kept) > 1:
        raise ParError(
            "A rotation of the person key was stopped half-way. Run par rotate-person-key again with the same two "
            "secrets; after that the nights go on."
        )
    elif kept != [secret_proof(secret)]:
        raise ParError(
            "PAR_PERSON_KEY_SECRET is not the secret that this data folder was made with. Set the former secret, "
            "or start with an empty PAR_DATA_DIR."
        )


def secret_proof(secret: bytes) -> str:
    """What tells a secret from another without revealing it."""
    return hmac.new(secret, b"par person key", hashlib.sha256).hexdigest()


def kept_proofs(settings: Settings) -> list[str]:
    """The proof of this data folder's secret; two, of the former and the new one, while a rotation goes on."""
    path = settings.vault / "secret-proof"
    return path.read_text().split() if path.exists() else []


def keep_proofs(settings: Settings, *proofs: str) -> None:
    """Renew what ``kept_proofs`` gives, wholly or not at all."""
    write_private(settings.vault / "secret-proof", "\n".join(proofs).encode())


def register_hashes(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create the SQL macros ``keyed_hash(text)``, which makes a ``person_key``, and ``code_hash(text)`` for codes."""
    register_hmac(con, person_secret(settings))
    register_hmac(con, code_secret(settings), "code_hash")


def register_hmac(con: duckdb.DuckDBPyConnection, secret: bytes, name: str = "keyed_hash") -> None:
    """Create the SQL macro ``name(text)``: lower-case hex HMAC-SHA256 (RFC 2104) under ``secret``.

    The padded keys lie in a temporary table of this connection only, so that they enter no SQL text and no file.
    """
    key = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    pads = [bytes(b ^ 0x36 for b in key), bytes(b ^ 0x5C for b in key)]
    con.execute(f"create or replace temp table {name}_pad (inner_pad blob, outer_pad blob)")
    con.execute(f"insert into {name}_pad values (?, ?)", pads)
    con.execute(
        f"create or replace temp macro {name}(message) as sha256((select outer_pad from {name}_pad)"
        f" || unhex(sha256((select inner_pad from {name}_pad) || encode(message))))"
    )
