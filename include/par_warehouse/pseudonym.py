"""Who a person is: the keyed hash that stands for an identification number, and the vault that can undo it."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import duckdb

from par_warehouse.errors import ParError
from par_warehouse.settings import Settings

_BLOCK = 64


def person_secret(settings: Settings) -> bytes:
    """The key of ``person_key``: ``PAR_PERSON_KEY_SECRET``, or a development secret made once in the data folder."""
    given = os.environ.get("PAR_PERSON_KEY_SECRET")
    return given.encode() if given else development_secret_path(settings).read_bytes()


def ensure_development_secret(settings: Settings) -> bool:
    """Make the development secret if no secret is set and none exists; True when it was made now."""
    path = development_secret_path(settings)
    if os.environ.get("PAR_PERSON_KEY_SECRET") or path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    partial.replace(path)
    return True


def development_secret_path(settings: Settings) -> Path:
    """Where the development secret lies (mode 0600)."""
    return settings.data_dir / "development-person-key-secret"


def check_secret(settings: Settings) -> None:
    """Refuse to mix two secrets in one data folder. Raises ParError.

    With another secret every person would look new, and evidence that stays would no longer reach anybody.
    """
    proof = hmac.new(person_secret(settings), b"par person key", hashlib.sha256).hexdigest()
    path = settings.vault / "secret-proof"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(proof)
    elif path.read_text() != proof:
        raise ParError(
            "PAR_PERSON_KEY_SECRET is not the secret that this data folder was made with. Set the former secret, "
            "or start with an empty PAR_DATA_DIR."
        )


def register_hmac(con: duckdb.DuckDBPyConnection, secret: bytes) -> None:
    """Create the SQL macro ``keyed_hash(text)``: lower-case hex HMAC-SHA256 (RFC 2104) under ``secret``.

    The padded keys lie in a temporary table of this connection only, so that they enter no SQL text and no file.
    """
    key = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    con.execute("create or replace temp table hmac_pad (inner_pad blob, outer_pad blob)")
    con.execute("insert into hmac_pad values (?, ?)", [bytes(b ^ 0x36 for b in key), bytes(b ^ 0x5C for b in key)])
    con.execute(
        "create or replace temp macro keyed_hash(message) as sha256((select outer_pad from hmac_pad)"
        " || unhex(sha256((select inner_pad from hmac_pad) || encode(message))))"
    )


def incoming_persons(settings: Settings, name: str) -> Path:
    """Where a step leaves persons for the vault: a Parquet file of (person_key, so_dinh_danh, ho_ten)."""
    return settings.vault / "incoming" / f"{name}.parquet"


def remember_persons(settings: Settings) -> int:
    """Move the incoming persons into the vault and return how many it now knows.

    A name that is given replaces an older one; a file without names never erases one.
    """
    settings.vault.mkdir(parents=True, exist_ok=True)
    settings.vault.chmod(0o700)
    incoming = sorted((settings.vault / "incoming").glob("*.parquet"))
    path = settings.vault / "identity.duckdb"
    with duckdb.connect(str(path), config={"memory_limit": settings.memory_limit, "threads": settings.threads}) as con:
        path.chmod(0o600)
        con.execute(
            "create table if not exists person (person_key varchar primary key, so_dinh_danh varchar, ho_ten varchar)"
        )
        if incoming:
            con.execute(
                """
                with incoming as (
                    select person_key, min(so_dinh_danh) as so_dinh_danh, max(ho_ten) as ho_ten
                    from read_parquet(?)
                    group by person_key
                )
                insert into person
                select incoming.*
                from incoming
                left join person using (person_key)
                where person.person_key is null or incoming.ho_ten <> coalesce(person.ho_ten, '')
                order by person_key
                on conflict do update set ho_ten = coalesce(excluded.ho_ten, person.ho_ten)
                """,
                [[str(file) for file in incoming]],
            )
        count = con.execute("select count(*) from person").fetchone()
    for file in incoming:
        file.unlink()
    assert count is not None
    return int(count[0])
