"""Pull: copy delivered bytes as they are into the landing zone, hashed, never overwriting.

Layout: ``landing/<source>/<data date>/<name>.<first 12 hex digits of SHA-256>.csv`` and one ``manifest.json`` that says
which bytes are the present version of that delivery. A changed re-delivery adds files and renews the manifest.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

from par_warehouse.contract import SOURCES, tables_of
from par_warehouse.errors import ParError
from par_warehouse.settings import Settings

SUCCESS_MARKER = "_SUCCESS"


@dataclass(frozen=True)
class LandedFile:
    """One delivered file in the landing zone."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Delivery:
    """What one source delivered for one data date; ``files`` is keyed by file name, absent files are absent."""

    source: str
    data_date: date
    files: dict[str, LandedFile]

    @property
    def fingerprint(self) -> str:
        """Changes when any delivered byte changes."""
        text = "\n".join(f"{name} {file.sha256}" for name, file in sorted(self.files.items()))
        return hashlib.sha256(text.encode()).hexdigest()


def source_folder(settings: Settings, source: str) -> Path:
    """The folder behind a source's URI. Raises ParError when the URI is of no supported kind."""
    variable, uri = f"PAR_{source.upper()}_URI", settings.uri(source)
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise ParError(f"{variable} is not a file:/// address of a folder. Set it to file:///path/of/the/exports.")
    return Path(unquote(parts.path))


def delivered_dates(settings: Settings, source: str) -> list[date]:
    """Data dates whose folder carries the success marker, ascending."""
    base = source_folder(settings, source)
    if not base.is_dir():
        return []
    return sorted(day for day, folder in _dated_folders(base) if (folder / SUCCESS_MARKER).is_file())


def is_delivered(settings: Settings, source: str, data_date: date) -> bool:
    """Whether the source has written the success marker for this date."""
    return (source_folder(settings, source) / data_date.isoformat() / SUCCESS_MARKER).is_file()


def latest_delivered_date(settings: Settings) -> date:
    """The latest data date that any source has delivered. Raises ParError when there is none."""
    days = [day for source in SOURCES for day in delivered_dates(settings, source)]
    if not days:
        places = " nor ".join(settings.uri(source) for source in SOURCES)
        raise ParError(
            f"No delivery found: neither {places} has a folder YYYY-MM-DD with a {SUCCESS_MARKER} file. "
            "Check PAR_HR_URI and PAR_ELEARNING_URI, or unset both to use demo exports."
        )
    return max(days)


def pull(settings: Settings, source: str, data_date: date) -> list[date]:
    """Land ``data_date`` and every earlier delivered date not landed yet; return the dates copied, ascending.

    The delivery of ``data_date`` is compared by hash, so that a changed re-delivery becomes a new version.
    """
    base = source_folder(settings, source)
    copied = []
    for day in delivered_dates(settings, source):
        if day == data_date or (day < data_date and landed(settings, source, day) is None):
            before = landed(settings, source, day)
            after = _land(settings, source, day, base / day.isoformat())
            if before is None or before.fingerprint != after.fingerprint:
                copied.append(day)
    return copied


def landed(settings: Settings, source: str, data_date: date) -> Delivery | None:
    """The present version of a delivery in the landing zone, None when it has not landed."""
    folder = settings.landing / source / data_date.isoformat()
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError:
        return None
    files = {
        name: LandedFile(folder / _landed_name(name, entry["sha256"]), entry["sha256"])
        for name, entry in manifest["files"].items()
    }
    return Delivery(source, data_date, files)


def landed_dates(settings: Settings, source: str) -> list[date]:
    """Data dates of a source that have landed, ascending."""
    base = settings.landing / source
    if not base.is_dir():
        return []
    return sorted(day for day, folder in _dated_folders(base) if (folder / "manifest.json").is_file())


def _land(settings: Settings, source: str, data_date: date, delivered: Path) -> Delivery:
    folder = settings.landing / source / data_date.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    settings.landing.chmod(0o700)
    files = {}
    for table in tables_of(source):
        original = delivered / table.file_name
        if original.is_file():
            sha256 = _copy(original, folder, table.file_name)
            files[table.file_name] = {"sha256": sha256, "bytes": original.stat().st_size}
    partial = folder / "manifest.json.part"
    partial.write_text(json.dumps({"data_date": data_date.isoformat(), "files": files}, indent=1, sort_keys=True))
    partial.replace(folder / "manifest.json")
    delivery = landed(settings, source, data_date)
    assert delivery is not None
    return delivery


def _copy(original: Path, folder: Path, name: str) -> str:
    partial = folder / f"{name}.part"
    with original.open("rb") as reader, partial.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 22)
    with partial.open("rb") as copy:
        sha256 = hashlib.file_digest(copy, "sha256").hexdigest()
    target = folder / _landed_name(name, sha256)
    if target.exists():
        partial.unlink()
    else:
        partial.replace(target)
    return sha256


def _landed_name(name: str, sha256: str) -> str:
    stem, suffix = name.rsplit(".", 1)
    return f"{stem}.{sha256[:12]}.{suffix}"


def _dated_folders(base: Path) -> Iterator[tuple[date, Path]]:
    for folder in base.iterdir():
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", folder.name) and folder.is_dir():
            try:
                yield date.fromisoformat(folder.name), folder
            except ValueError:
                continue
