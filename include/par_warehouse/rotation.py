"""Rotation: give every person a new ``person_key``, under a new secret, wherever a key stands.

The vault knows the identification numbers, so old and new key of everybody can be computed at any time. Each place is
rewritten aside and put in place by a rename, and a key that is new already stays. So a rotation that was killed is
simply repeated; until it is done the proofs of both secrets say so, and no night runs (``check_secret``).
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
from pyarrow import parquet

from par_warehouse.build import Build, build_file, note_build
from par_warehouse.errors import ParError
from par_warehouse.keys import PERSON_KEY, given_secret, write_private
from par_warehouse.ledger import open_ledger
from par_warehouse.pseudonym import (
    code_secret,
    code_secret_path,
    keep_proofs,
    kept_proofs,
    person_secret,
    register_hmac,
    secret_proof,
)
from par_warehouse.publish import publish, published_dates
from par_warehouse.run_lock import run_lock
from par_warehouse.settings import Settings
from par_warehouse.vault import read_vault, remember_persons, vault_path


@dataclass(frozen=True)
class RotationSummary:
    """What a rotation did: persons with a new key, files rewritten, former versions of the publication removed."""

    persons: int
    files: int
    versions_removed: int

    def __str__(self) -> str:
        if not self.files:
            return "The data folder has this person key already; nothing was changed."
        return (
            f"New keys for {self.persons:,} persons in {self.files:,} files; former versions of the publication"
            f" removed: {self.versions_removed}. From now on PAR_PERSON_KEY_SECRET has to be the new secret."
        )


def new_secret() -> bytes:
    """The secret to rotate to: ``PAR_PERSON_KEY_SECRET_NEW``. Raises ParError when it is not set."""
    given = given_secret("PAR_PERSON_KEY_SECRET_NEW")
    if given is None:
        raise ParError(
            "PAR_PERSON_KEY_SECRET_NEW is not set. Set it to the new secret, for example one that "
            "openssl rand -hex 32 prints, and leave PAR_PERSON_KEY_SECRET as it is until the rotation is done."
        )
    return given.encode()


def rotate(settings: Settings, secret: bytes) -> RotationSummary:
    """Replace every ``person_key`` of the data folder by the one under ``secret``; nothing else changes.

    The publication becomes a new version; the former ones, which have the old keys, are removed. Raises ParError, with
    nothing changed, when a key stands somewhere that nobody in the vault has.
    """
    with run_lock(settings):
        if kept_proofs(settings) == [secret_proof(secret)]:
            _forget_development_secret(settings, secret)
            return RotationSummary(0, 0, 0)
        former = _former_secret(settings, secret)
        remember_persons(settings)
        with open_ledger(settings) as con:
            con.execute("checkpoint ledger")
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": str(settings.vault / "spill"),
        }
        with duckdb.connect(config=config) as con:
            persons = _keys(settings, con, former, secret)
            files = _files_to_rewrite(settings, con)
            databases = _databases_to_rewrite(settings, con)
            _begin(settings, former, secret)
            for file in files:
                _rewrite_file(con, file)
            for database in databases:
                if database == _publication(settings):
                    _publish(settings, con, database, secret)
                else:
                    _rewrite_database(con, database)
        removed = _remove_former_versions(settings)
        keep_proofs(settings, secret_proof(secret))
        _forget_development_secret(settings, secret)
    return RotationSummary(persons, len(files) + len(databases), removed)


def _former_secret(settings: Settings, secret: bytes) -> bytes:
    """The secret to rotate from. Raises ParError when the two secrets are not those of this rotation."""
    kept = kept_proofs(settings)
    if not kept:
        raise ParError("Nothing was taken in yet, so nothing has to be rotated. Set PAR_PERSON_KEY_SECRET as you like.")
    former = person_secret(settings)
    if kept[0] != secret_proof(former):
        raise ParError(
            "PAR_PERSON_KEY_SECRET is not the secret that this data folder was made with. It has to be the former one "
            "until the rotation is done."
        )
    if kept[1:] not in ([], [secret_proof(secret)]):
        raise ParError(
            "A rotation to another secret was stopped half-way. Set PAR_PERSON_KEY_SECRET_NEW to that one, and rotate "
            "once more when it is done."
        )
    return former


def _keys(settings: Settings, con: duckdb.DuckDBPyConnection, former: bytes, secret: bytes) -> int:
    """Make the table ``keys``, the old and the new key of everybody in the vault; return how many they are."""
    with read_vault(settings, "rotation of the person key: the new key of every person") as vault:
        register_hmac(vault, former, "old_hash")
        register_hmac(vault, secret, "new_hash")
        people = vault.execute(
            "select old_hash(so_dinh_danh) as old_key, new_hash(so_dinh_danh) as new_key from vault.person"
        ).to_arrow_table()
    con.register("people", people)
    con.execute("create table keys as from people")
    con.execute(
        "create view known as select old_key as key, true as is_old from keys union all select new_key, false from keys"
    )
    con.unregister("people")
    return int(people.num_rows)


def _files_to_rewrite(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[Path]:
    """The Parquet files that have old keys, ascending."""
    folders = (settings.accepted, settings.parts, settings.quarantined)
    files = sorted(file for folder in folders for file in folder.rglob("*.parquet"))
    return [
        file
        for file in files
        if "person_key" in parquet.read_schema(file).names and _has_old_keys(con, f"read_parquet('{file}')", file)
    ]


def _databases_to_rewrite(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[Path]:
    """Of the ledger, the vault and the publication those that have old keys."""
    found = []
    for database in (settings.ledger, vault_path(settings), _publication(settings)):
        if database is not None:
            con.execute(f"attach '{database}' as old (read_only)")
            has_old = [_has_old_keys(con, f"old.{table}", database) for table in _tables(con, "person_key")]
            con.execute("detach old")
            if any(has_old):
                found.append(database)
    return found


def _has_old_keys(con: duckdb.DuckDBPyConnection, relation: str, place: Path) -> bool:
    """Whether there is something to rotate. Raises ParError when a key is neither an old nor a new one of anybody."""
    row = con.execute(
        f"""
        with present as (select distinct person_key from {relation} where person_key is not null)
        select count(*) filter (where key is null), coalesce(bool_or(is_old), false)
        from present left join known on key = person_key
        """
    ).fetchone()
    assert row is not None
    unknown, has_old = row
    if unknown:
        raise ParError(
            f"{unknown} person keys in {place} belong to nobody in the vault, so they cannot be rotated. Nothing was "
            "changed. Restore the vault that belongs to this data folder, or start with an empty PAR_DATA_DIR."
        )
    return bool(has_old)


def _begin(settings: Settings, former: bytes, secret: bytes) -> None:
    """From here on no night runs, and what a stopped night left is made anew after the rotation."""
    if not code_secret_path(settings).exists():
        write_private(code_secret_path(settings), code_secret(settings))
    keep_proofs(settings, secret_proof(former), secret_proof(secret))
    for folder in (settings.staged, settings.work):
        shutil.rmtree(folder, ignore_errors=True)


def _rewrite_file(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    partial = file.with_suffix(".part")
    rows = _rotated(f"read_parquet('{file}', file_row_number = true)", "finding_key" in parquet.read_schema(file).names)
    con.execute(
        f"copy (select * exclude (file_row_number) from ({rows}) order by file_row_number) to '{partial}'"
        " (format parquet, compression zstd)"
    )
    _put_in_place(partial, file)


def _rewrite_database(con: duckdb.DuckDBPyConnection, database: Path) -> None:
    partial = database.with_suffix(".part")
    _copy_database(con, database, partial)
    partial.chmod(0o600)
    _put_in_place(partial, database)


def _publish(settings: Settings, con: duckdb.DuckDBPyConnection, version: Path, secret: bytes) -> None:
    """Publish a copy of the present version with the new keys; it was audited as it is."""
    day, run_id = published_dates(version)[-1], f"rotation-{secret_proof(secret)[:12]}"
    settings.work.mkdir(parents=True, exist_ok=True)
    _copy_database(con, version, build_file(settings))
    note_build(settings, Build(day.isoformat(), run_id, version.name, is_audited=True))
    publish(settings, day, run_id)


def _copy_database(con: duckdb.DuckDBPyConnection, source: Path, target: Path) -> None:
    """Copy a database with the new keys into a new file, in which no trace of an old one is left."""
    target.unlink(missing_ok=True)
    Path(f"{target}.wal").unlink(missing_ok=True)
    con.execute(f"attach '{source}' as old (read_only)")
    con.execute(f"attach '{target}' as new")
    con.execute("copy from database old to new (schema)")
    with_persons, with_findings = _tables(con, "person_key"), _tables(con, "finding_key")
    for table in _tables(con):
        rows = _rotated(f"old.{table}", table in with_findings) if table in with_persons else f"from old.{table}"
        con.execute(f"insert into new.{table} {rows}")
    con.execute("detach old")
    con.execute("detach new")


def _rotated(relation: str, has_findings: bool) -> str:
    """SQL for the rows of a relation with the new keys; a key that is new already stays.

    The key of a finding about a person ends in the beginning of the ``person_key``.
    """
    columns = ["coalesce(keys.new_key, present.person_key) as person_key"]
    if has_findings:
        columns.append(
            "if(keys.new_key is null or length(finding_key) = 12, finding_key,"
            " left(finding_key, 13) || left(keys.new_key, 8)) as finding_key"
        )
    return (
        f"select present.* replace ({', '.join(columns)})"
        f" from {relation} as present left join keys on keys.old_key = present.person_key"
    )


def _tables(con: duckdb.DuckDBPyConnection, column: str | None = None) -> list[str]:
    """The tables of the attached database ``old``, all or those with a column."""
    query = "select schema_name, table_name from duckdb_tables() where database_name = 'old'"
    if column is not None:
        query += f" intersect select schema_name, table_name from duckdb_columns() where column_name = '{column}'"
    return [f'"{schema}"."{table}"' for schema, table in con.execute(f"{query} order by all").fetchall()]


def _publication(settings: Settings) -> Path | None:
    return settings.current.resolve() if settings.current.exists() else None


def _remove_former_versions(settings: Settings) -> int:
    """Remove every version but the present one: the others have the old keys, so nobody may go back to them."""
    former = [version for version in settings.builds.glob("*.duckdb") if version != _publication(settings)]
    for version in former:
        version.unlink()
    for mark in settings.builds.glob("*.withdrawn"):
        mark.unlink()
    return len(former)


def _forget_development_secret(settings: Settings, secret: bytes) -> None:
    path = PERSON_KEY.development_path(settings)
    if path.exists() and path.read_bytes() != secret:
        path.unlink()


def _put_in_place(partial: Path, target: Path) -> None:
    """Replace a file by a finished one that is on the disk before the old one goes."""
    for path, move in ((partial, True), (target.parent, False)):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if move:
            partial.replace(target)
