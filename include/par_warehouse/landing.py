"""Pull: copy what was delivered into the landing zone, byte for byte, sealed, hashed, never overwriting.

Layout: ``landing/<source>/<data date>/<SHA-256 of the delivered bytes>.age`` and one ``manifest.json`` that says which
of them are the present version of that delivery, under which names. A changed re-delivery adds files and renews the
manifest. What a system answered to a pull lies there in the same way, as pages named ``<feed>/<page>``.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from par_warehouse.config import Feed, Source
from par_warehouse.contract import SOURCES
from par_warehouse.copying import Place, fetch, is_there, listing, shown, subfolders
from par_warehouse.corrections import corrections_of
from par_warehouse.dialects import DeliveredFile
from par_warehouse.errors import ParError
from par_warehouse.pulls import Access, Window, pull_of
from par_warehouse.sealing import landing_key, open_sealed, seal
from par_warehouse.settings import Settings
from par_warehouse.vault import note_read

SUCCESS_MARKER = "_SUCCESS"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True)
class LandedFile:
    """One delivered file in the landing zone, sealed; ``refusal`` says (vi, en) why it was not even copied."""

    path: Path | None
    sha256: str | None
    size: int
    refusal: tuple[str, str] | None = None


@dataclass(frozen=True)
class Delivery:
    """What one source delivered for one data date; ``files`` is keyed by the name below the delivery's folder."""

    source: str
    data_date: date
    files: Mapping[str, LandedFile]
    corrections: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Changes when any delivered byte changes, and with each correction of its rows."""
        text = "\n".join(f"{name} {file.sha256}" for name, file in sorted(self.files.items()))
        text += "".join(f"\ncorrection {sha256}" for sha256 in self.corrections)
        return hashlib.sha256(text.encode()).hexdigest()

    def of_feed(self, feed: Feed) -> dict[str, list[str]]:
        """The names of a feed's files by sender (``part``), both ascending; one nameless sender without ``{part}``."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.files):
            if feed.pull is not None:
                if name.startswith(f"{feed.name}/"):
                    found.setdefault("", []).append(name)
            elif (part := feed.sender(name)) is not None:
                found.setdefault(part, []).append(name)
        return dict(sorted(found.items()))

    def delivered_file(self, settings: Settings, name: str) -> DeliveredFile:
        """One file of the delivery for a dialect. Its stream is opened, and unsealed, anew at each call of ``open``."""
        file = self.files[name]
        assert file.path is not None
        return DeliveredFile(shown(name), file.size, partial(open_sealed, file.path, landing_key(settings)))


def local_folder(settings: Settings, source: str) -> Path:
    """The folder behind a source's ``file://`` URI. Raises ParError when the URI is of another kind."""
    variable, uri = f"PAR_{source.upper()}_URI", settings.uri(source)
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise ParError(f"{variable} is not a file:/// address of a folder. Set it to file:///path/of/the/exports.")
    return Path(unquote(parts.path))


def delivered_dates(base: Place) -> list[date]:
    """Data dates whose folder carries the success marker, ascending. Raises PlaceUnreachable and PlaceRefused."""
    return [day for day in _dates(subfolders(base)) if is_delivered(base, day)]


def is_delivered(base: Place, data_date: date) -> bool:
    """Whether the source has written the success marker for this date. Raises PlaceUnreachable and PlaceRefused."""
    return is_there(base / data_date.isoformat() / SUCCESS_MARKER)


def latest_delivered_date(settings: Settings, bases: Mapping[str, Place]) -> date:
    """The latest data date that any source has delivered or landed. Raises ParError when there is none."""
    days = [day for source in SOURCES for day in landed_dates(settings, source)[-1:]]
    for base in bases.values():
        days += next(([day] for day in reversed(_dates(subfolders(base))) if is_delivered(base, day)), [])
    if not days:
        places = " nor ".join(settings.uri(source) for source in SOURCES)
        raise ParError(
            f"No delivery found: neither {places} has a folder YYYY-MM-DD with a {SUCCESS_MARKER} file. "
            "Check PAR_HR_URI and PAR_ELEARNING_URI, or unset both to use demo exports."
        )
    return max(days)


def pull(settings: Settings, source: str, feeds: Source, base: Place, data_date: date) -> list[date]:
    """Land the files of ``data_date`` and of every earlier date not landed yet; return the dates copied, ascending.

    The delivery of ``data_date`` is compared by hash, so that a changed re-delivery becomes a new version.
    Raises PlaceUnreachable and PlaceRefused.
    """
    copied = []
    for day in _dates(subfolders(base)):
        is_new = not _read_manifest(settings, source, day)["delivered"]
        if (day == data_date or (day < data_date and is_new)) and is_delivered(base, day):
            before = landed(settings, source, day)
            _land(settings, source, feeds, day, base / day.isoformat())
            after = landed(settings, source, day)
            if before is None or after is None or before.fingerprint != after.fingerprint:
                copied.append(day)
    return copied


def pull_system(settings: Settings, source: str, feed: Feed, access: Access, data_date: date) -> int:
    """Land what a system answers for ``data_date``; return the number of pages, 0 when nothing had to be asked.

    A date is asked for once, and not at all after a later one: the system knows only its present state.
    Raises PullFailed and PullRefused.
    """
    assert feed.pull is not None
    manifest = _read_manifest(settings, source, data_date)
    asked = {day: _read_manifest(settings, source, day)["pulls"] for day in landed_dates(settings, source)}
    if any(day >= data_date and feed.name in pulls for day, pulls in asked.items()):
        return 0
    earlier = [pulls[feed.name]["until"] for day, pulls in asked.items() if feed.name in pulls and day < data_date]
    until = datetime.combine(data_date, time(23, 59, 59), ZONE).astimezone(UTC)
    window = Window(datetime.fromisoformat(max(earlier)) if earlier else None, until)
    pages = _SealedPages(settings, _folder(settings, source, data_date), feed.name)
    pull_of(feed.pull)(access, feed.options, window, pages)
    manifest["files"].update(pages.entries())
    manifest["pulls"][feed.name] = {"until": until.isoformat()}
    _write_manifest(settings, source, data_date, manifest)
    pages.close()
    return len(pages.entries())


def landed(settings: Settings, source: str, data_date: date) -> Delivery | None:
    """The present version of a delivery in the landing zone, None when it has not landed (whole and sealed)."""
    folder = _folder(settings, source, data_date)
    manifest = _read_manifest(settings, source, data_date)
    if not manifest["delivered"] and not manifest["pulls"]:
        return None
    files = {
        name: LandedFile(folder / entry["stored"], entry["sha256"], entry["bytes"])
        for name, entry in manifest["files"].items()
    }
    refused = {name: LandedFile(None, None, 0, (vi, en)) for name, (vi, en) in manifest["refused"].items()}
    return Delivery(source, data_date, files | refused, corrections_of(settings, source, data_date))


def not_taken(settings: Settings, source: str, data_date: date) -> int:
    """How many delivered files of a date no feed takes; they are not copied."""
    return int(_read_manifest(settings, source, data_date)["not_taken"])


def unseal_file(settings: Settings, source: str, data_date: date, name: str, into: Path) -> int:
    """Write a delivered file as it came to the new file ``into`` (mode 0600); return its size in bytes.

    The log of the vault gets a line first, as the file may name people. Raises ParError when there is no such file.
    """
    delivery = landed(settings, source, data_date) if source in SOURCES else None
    if delivery is None or name not in delivery.files or delivery.files[name].path is None:
        known = ", ".join(shown(one) for one in sorted(delivery.files)) if delivery else "nothing"
        raise ParError(f"{source} has not delivered {shown(name)} for {data_date}; landed: {known}.")
    note_read(settings, f"look at the delivered file {shown(name)} of {source}, {data_date}")
    file = delivery.delivered_file(settings, name)
    try:
        descriptor = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ParError(f"{into} cannot be made ({error.strerror}). Name a new file in a folder that exists.") from None
    with os.fdopen(descriptor, "wb") as target, file.open() as stream:
        shutil.copyfileobj(stream, target, 1 << 20)
    return file.size


def landed_dates(settings: Settings, source: str) -> list[date]:
    """Data dates of a source that have landed, ascending."""
    folders = (settings.landing / source).glob("*/manifest.json")
    return [day for day in _dates(path.parent.name for path in folders) if landed(settings, source, day) is not None]


def _land(settings: Settings, source: str, feeds: Source, data_date: date, delivered: Place) -> None:
    """Copy the files that a feed takes; others are counted in the manifest, not copied.

    A folder that cannot be looked into is refused whatever the feeds take: nobody knows what it holds.
    """
    folder = _folder(settings, source, data_date)
    folder.mkdir(parents=True, exist_ok=True)
    settings.landing.chmod(0o700)
    manifest = _read_manifest(settings, source, data_date)
    pages = {name: entry for name, entry in manifest["files"].items() if name.split("/")[0] in manifest["pulls"]}
    manifest |= {"delivered": True, "files": pages, "refused": {}, "not_taken": 0}
    for entry in listing(delivered):
        is_taken = any(feed.files and feed.sender(entry.name) is not None for feed in feeds.feeds)
        if entry.refusal is not None and (is_taken or entry.is_closed_folder):
            manifest["refused"][entry.name] = entry.refusal
        elif not is_taken:
            manifest["not_taken"] += entry.kind != "folder" and entry.name != SUCCESS_MARKER
        else:
            partial_path = folder / "copying.part"
            copied = fetch(delivered / entry.name, partial(seal, partial_path, landing_key(settings)))
            manifest["files"][entry.name] = _keep(folder, partial_path, copied.sha256, copied.size)
    _write_manifest(settings, source, data_date, manifest)


def _keep(folder: Path, sealed: Path, sha256: str, size: int) -> dict[str, str | int]:
    """Give a finished sealed copy its name, unless these bytes are there already; return its manifest entry."""
    target = folder / f"{sha256}.age"
    if target.exists():
        sealed.unlink()
    else:
        sealed.replace(target)
    return {"sha256": sha256, "bytes": size, "stored": target.name}


class _SealedPages:
    """The pages of one pull: sealed files beside the delivery, with a list of those that are there."""

    def __init__(self, settings: Settings, folder: Path, feed: str) -> None:
        self._key = landing_key(settings)
        self._folder = folder
        self._feed = feed
        self._list = folder / f"{feed}.pages.json"
        self._entries: dict[str, Any] = json.loads(self._list.read_text()) if self._list.is_file() else {}
        folder.mkdir(parents=True, exist_ok=True)
        settings.landing.chmod(0o700)

    def __contains__(self, name: str) -> bool:
        return f"{self._feed}/{name}" in self._entries

    def read(self, name: str) -> bytes:
        entry = self._entries[f"{self._feed}/{name}"]
        with open_sealed(self._folder / entry["stored"], self._key) as stream:
            return stream.read()

    def write(self, name: str, content: bytes) -> None:
        partial_path = self._folder / "page.part"
        with seal(partial_path, self._key) as sink:
            sink.write(content)
        sha256 = hashlib.sha256(content).hexdigest()
        self._entries[f"{self._feed}/{name}"] = _keep(self._folder, partial_path, sha256, len(content))
        _write_json(self._list, self._entries)

    def entries(self) -> dict[str, Any]:
        """Manifest entries of all pages."""
        return self._entries

    def close(self) -> None:
        """The pages are in the manifest now."""
        self._list.unlink(missing_ok=True)


def _folder(settings: Settings, source: str, data_date: date) -> Path:
    return settings.landing / source / data_date.isoformat()


def _read_manifest(settings: Settings, source: str, data_date: date) -> dict[str, Any]:
    path = _folder(settings, source, data_date) / "manifest.json"
    empty: dict[str, Any] = {"delivered": False, "files": {}, "refused": {}, "pulls": {}, "not_taken": 0}
    manifest = json.loads(path.read_text()) if path.is_file() else {}
    return empty | manifest if "delivered" in manifest else empty


def _write_manifest(settings: Settings, source: str, data_date: date, manifest: dict[str, Any]) -> None:
    _write_json(_folder(settings, source, data_date) / "manifest.json", manifest)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    partial_path = path.with_suffix(".json.part")
    partial_path.write_text(json.dumps(content, indent=1, sort_keys=True))
    partial_path.replace(path)


def _dates(names: Iterable[str]) -> list[date]:
    """The names that are a date, as dates, ascending."""
    days = []
    for name in names:
        with suppress(ValueError):
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", name):
                days.append(date.fromisoformat(name))
    return sorted(days)
