"""The vault: who a ``person_key`` is, in a file of its own, and a log of every look into it.

``vault/identity.duckdb`` has the table ``person``, one row per ``person_key``. Nothing but this module opens it.
"""

import json
import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import duckdb

from par_warehouse.errors import ParError
from par_warehouse.settings import Settings

_CATALOG = "vault"
_PERSON = """
create table if not exists vault.person (person_key varchar primary key, so_dinh_danh varchar, ho_ten varchar);
alter table vault.person add column if not exists ngay_sinh varchar;
"""
_AIRFLOW = {"dag": "AIRFLOW_CTX_DAG_ID", "run": "AIRFLOW_CTX_DAG_RUN_ID", "task": "AIRFLOW_CTX_TASK_ID"}


@contextmanager
def read_vault(settings: Settings, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the vault attached read-only as ``vault``, once this look is in the log ``vault/reads.jsonl``.

    The log gets a line before anything is read (when, who, which process and Airflow task, what for), and one when the
    reading ends, with the number of persons that lay open. ``purpose`` is a sentence for whoever reads the log; it
    names no person. Raises ParError when the log cannot be written: then nothing is read.
    """
    with _connection(settings) as con, _look_into(settings, con, purpose, "read_only"):
        yield con


@contextmanager
def attached_vault(settings: Settings, con: duckdb.DuckDBPyConnection, purpose: str) -> Iterator[str]:
    """Attach the vault to a connection, for what keeps tables of its own there; gives its catalog name.

    Persons that a killed step left on their way are there, too. Logged as in ``read_vault``.
    """
    remember_persons(settings)
    with _look_into(settings, con, purpose, "read_write"):
        yield _CATALOG


def note_read(settings: Settings, purpose: str) -> None:
    """Put a look at delivered bytes into the log of reads. Raises ParError when it cannot be written."""
    settings.vault.mkdir(parents=True, exist_ok=True)
    _log_read(settings, {"reading": uuid4().hex[:12], "at": _now(), **_reader(), "purpose": purpose})


def vault_path(settings: Settings) -> Path:
    """The file of the vault (mode 0600)."""
    return settings.vault / "identity.duckdb"


def incoming_persons(settings: Settings, name: str) -> Path:
    """Where a step leaves persons for the vault: Parquet of (person_key, so_dinh_danh, ho_ten, perhaps ngay_sinh)."""
    return settings.vault / "incoming" / f"{name}.parquet"


def remember_persons(settings: Settings) -> int:
    """Move the incoming persons into the vault and return how many it now knows.

    A name or day of birth that is given replaces an older one, of several files that of the latest data date; a file
    without them never erases one.
    """
    incoming = sorted((settings.vault / "incoming").glob("*.parquet"))
    whole = [str(file) for file in incoming if _is_whole(file)]
    with _connection(settings) as con:
        _attach(settings, con, "read_write")
        if whole:
            con.execute(_REMEMBER, [whole])
        persons = _count(con)
    for file in incoming:
        file.unlink()
    return persons


_REMEMBER = r"""
with given as (
    (select null::varchar as ngay_sinh limit 0)
    union all by name
    select *, (regexp_extract(filename, '\d{4}-\d{2}-\d{2}'), filename) as age
    from read_parquet(?, union_by_name = true, filename = true)
),
incoming as (
    select person_key, min(so_dinh_danh) as so_dinh_danh,
        arg_max(ho_ten, (age, ho_ten)) filter (where ho_ten is not null) as ho_ten,
        arg_max(ngay_sinh, (age, ngay_sinh)) filter (where ngay_sinh is not null) as ngay_sinh
    from given
    group by person_key
)
insert into vault.person by name
select incoming.*
from incoming
left join vault.person using (person_key)
where person.person_key is null
    or incoming.ho_ten <> coalesce(person.ho_ten, '')
    or incoming.ngay_sinh <> coalesce(person.ngay_sinh, '')
order by person_key
on conflict do update set
    ho_ten = coalesce(excluded.ho_ten, person.ho_ten),
    ngay_sinh = coalesce(excluded.ngay_sinh, person.ngay_sinh)
"""


@contextmanager
def _look_into(settings: Settings, con: duckdb.DuckDBPyConnection, purpose: str, mode: str) -> Iterator[None]:
    if not vault_path(settings).exists():
        remember_persons(settings)
    reading = uuid4().hex[:12]
    _log_read(settings, {"reading": reading, "at": _now(), **_reader(), "purpose": purpose})
    _attach(settings, con, mode)
    persons = _count(con)
    try:
        yield
    finally:
        _log_read(settings, {"reading": reading, "ended_at": _now(), "persons": persons})
        con.execute(f"detach {_CATALOG}")


def _attach(settings: Settings, con: duckdb.DuckDBPyConnection, mode: str) -> None:
    path = vault_path(settings)
    _folder(settings)
    try:
        con.execute(f"attach '{path}' as {_CATALOG} ({mode})")
    except duckdb.IOException as error:
        if "lock" not in str(error):
            raise
        raise ParError("Another process has the vault open. Wait for its end, then repeat.") from None
    if mode == "read_write":
        path.chmod(0o600)
        con.execute(_PERSON)


def _connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection that leaves what does not fit into memory beside the vault."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
        "temp_directory": str(settings.vault / "spill"),
    }
    return duckdb.connect(config=config)


def _folder(settings: Settings) -> Path:
    settings.vault.mkdir(parents=True, exist_ok=True)
    settings.vault.chmod(0o700)
    return settings.vault


def _count(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("select count(*) from vault.person").fetchone()
    assert row is not None
    return int(row[0])


def _is_whole(file: Path) -> bool:
    """Whether its writer came to the end. If not it was killed, and its delivery is standardised again."""
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - 4))
        return content.read() == b"PAR1"


def _reader() -> dict[str, str | int]:
    """Who reads: the user of the operating system, not what the environment says."""
    try:
        who = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        who = f"uid {os.geteuid()}"
    task = {name: value for name, variable in _AIRFLOW.items() if (value := os.environ.get(variable))}
    return {"who": who, "program": Path(sys.argv[0]).name, "pid": os.getpid(), **task}


def _log_read(settings: Settings, entry: dict[str, object]) -> None:
    """Append one line, and do not come back before it is on the disk."""
    path = _folder(settings) / "reads.jsonl"
    line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            written = os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ParError(
            f"The vault is not read, because {path} cannot be written ({error.strerror}). "
            "Free space on the disk or correct the file's access, then repeat."
        ) from None
    if written < len(line):
        raise ParError(f"The vault is not read, because the disk of {path} is full. Free space, then repeat.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
