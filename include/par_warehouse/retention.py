"""Retention: raw files are deleted when their days are over, and a journal says which they were.

The journal is the ledger's table ``ops.raw_file_deletion``, which only ever grows: a file gets a row ``deleting``
before it goes and a row ``deleted`` when it is gone. A run that is killed in between leaves the first row alone; the
next run finds it, and the file if it is still there. The manifest with names, hashes and sizes stays.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from par_warehouse.contract import SOURCES
from par_warehouse.copying import shown
from par_warehouse.landing import landed
from par_warehouse.ledger import open_ledger, taken_in
from par_warehouse.run_lock import run_lock
from par_warehouse.settings import Settings
from par_warehouse.vault import remember_persons

_PATIENCE_SECONDS = 1800
_MANIFEST = "manifest.json"
_PLACES = (
    *SOURCES, *(f"corrections/{source}" for source in SOURCES), "resubmissions/done", "resubmissions/refused",
)  # fmt: skip
"""The folders of the landing zone, each with one folder per date; the journal calls them sources."""


@dataclass(frozen=True)
class Deleted:
    """What was deleted: files, and their size on the disk; ``kept`` names the expired deliveries not yet taken in."""

    files: int
    bytes: int
    kept: tuple[str, ...]

    def __str__(self) -> str:
        line = f"{self.files:,} raw files deleted ({self.bytes / 1e6:,.1f} MB)"
        if self.kept:
            line += f"; kept although expired, because no night has taken them in: {', '.join(self.kept)}"
        return line


@dataclass(frozen=True)
class _RawFile:
    """A file in the landing zone as the journal names it; ``bytes`` and ``sha256`` are those of the delivered file."""

    source: str
    data_date: date
    stored_name: str
    file_name: str | None
    sha256: str | None
    bytes: int | None

    @property
    def key(self) -> tuple[str, date, str]:
        """What identifies it in the journal."""
        return self.source, self.data_date, self.stored_name


def delete_expired(settings: Settings, as_of: date, keep_days: int) -> Deleted:
    """Delete the raw files of every data date before ``as_of`` less ``keep_days``, with one journal row per file.

    A delivery that no night has taken in as it landed is kept whole. What killed runs left for such dates (staged rows,
    persons on their way to the vault, older versions of a delivery, half copies) goes too.
    """
    with run_lock(settings, wait_seconds=_PATIENCE_SECONDS), open_ledger(settings) as con:
        remember_persons(settings)
        known, files, kept = taken_in(con), list[_RawFile](), []
        for source, day, folder in _expired_folders(settings, as_of - timedelta(days=keep_days)):
            # Corrections are part of the delivery that they correct.
            delivered_by = source.removeprefix("corrections/")
            delivery = landed(settings, delivered_by, day) if delivered_by in SOURCES else None
            if delivery is not None and known.get((day, delivered_by)) != delivery.fingerprint:
                kept.append(f"{source}/{day}")
                continue
            files += _raw_files(source, day, folder)
            shutil.rmtree(settings.staged / source / day.isoformat(), ignore_errors=True)
        _announce(con, files, as_of, keep_days)
        freed = sum(_delete(settings, file) for file in files)
        _confirm(settings, con)
    return Deleted(len(files), freed, tuple(kept))


def _expired_folders(settings: Settings, limit: date) -> Iterator[tuple[str, date, Path]]:
    for source in _PLACES:
        for folder in sorted((settings.landing / source).glob("????-??-??")):
            try:
                day = date.fromisoformat(folder.name)
            except ValueError:
                continue
            if day < limit:
                yield source, day, folder


def _raw_files(source: str, data_date: date, folder: Path) -> Iterator[_RawFile]:
    """Everything in the folder of a delivery but its manifest."""
    manifest = folder / _MANIFEST
    names: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for name, entry in sorted(json.loads(manifest.read_text())["files"].items() if manifest.exists() else []):
        names.setdefault(entry["stored"], []).append(shown(name))
        sizes[entry["stored"]] = entry["bytes"]
    for path in sorted(folder.iterdir()):
        if path.is_file() and path != manifest:
            stored = path.name
            sha256 = path.stem if re.fullmatch("[0-9a-f]{64}", path.stem) else None
            file_name = "; ".join(names[stored]) if stored in names else None
            yield _RawFile(source, data_date, stored, file_name, sha256, sizes.get(stored))


def _announce(con: duckdb.DuckDBPyConnection, files: list[_RawFile], as_of: date, keep_days: int) -> None:
    """Say which files are about to go, unless a killed run has said it already."""
    con.register("raw_file", pa.Table.from_pylist([asdict(file) for file in files], _RAW_FILE))
    con.execute(
        f"""
        insert into ledger.ops.raw_file_deletion
        select raw_file.*, ?, ?, 'deleting', ?
        from raw_file anti join ({_ANNOUNCED}) using (source, data_date, stored_name)
        order by all
        """,
        [as_of, keep_days, _now()],
    )
    con.unregister("raw_file")


def _delete(settings: Settings, file: _RawFile) -> int:
    path = _path(settings, *file.key)
    size = path.stat().st_size
    path.unlink()
    return size


def _confirm(settings: Settings, con: duckdb.DuckDBPyConnection) -> None:
    """Say of every announced file that is no longer there that it is gone."""
    announced = con.execute(_ANNOUNCED).fetchall()
    gone = [file for file in announced if not _path(settings, *file).exists()]
    for folder in {_path(settings, *file).parent for file in gone}:
        _flush(folder)
    keys = [dict(zip(_KEY.names, file, strict=True)) for file in gone]
    con.register("gone", pa.Table.from_pylist(keys, _KEY))
    con.execute(
        """
        insert into ledger.ops.raw_file_deletion
        select * replace ('deleted' as state, ? as recorded_at)
        from ledger.ops.raw_file_deletion semi join gone using (source, data_date, stored_name)
        where state = 'deleting'
        qualify row_number() over (partition by source, data_date, stored_name order by recorded_at desc) = 1
        order by all
        """,
        [_now()],
    )
    con.unregister("gone")


# Announced more often than confirmed: a file may come back, when its date is delivered once more, and go again.
_ANNOUNCED = """
    select source, data_date, stored_name
    from ledger.ops.raw_file_deletion
    group by all
    having count(*) filter (state = 'deleting') > count(*) filter (state = 'deleted')
    order by all
"""
_KEY = pa.schema([("source", pa.string()), ("data_date", pa.date32()), ("stored_name", pa.string())])
_RAW_FILE = pa.schema([*_KEY, ("file_name", pa.string()), ("sha256", pa.string()), ("bytes", pa.int64())])


def _path(settings: Settings, source: str, data_date: date, stored_name: str) -> Path:
    return settings.landing / source / data_date.isoformat() / stored_name


def _flush(folder: Path) -> None:
    """Have the folder on the disk as it is: what is gone does not come back after a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _now() -> datetime:
    """Now in UTC, as DuckDB's plain timestamp."""
    return datetime.now(UTC).replace(tzinfo=None)
