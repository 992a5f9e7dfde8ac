"""Corrections: what stewards sent back for single rows, sealed in the landing zone, applied whenever the rows are read.

The delivery itself stays as it came. Layout: ``landing/corrections/<source>/<data date>/<SHA-256>.age``, one file per
submission, and a ``manifest.json`` that gives their order. They belong to the delivery of that date: its fingerprint
changes with them, so a rerun of the date gives the same rows, and they expire with its raw files.

A correction names the row by sender and number and holds a digest of it as it was delivered. When another version is
delivered, the corrections of rows that are no longer the same are stale: they are counted, and not applied.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.copying import shown
from par_warehouse.dialects import Part, Records
from par_warehouse.sealing import landing_key, open_sealed, seal
from par_warehouse.settings import Settings

_Key = tuple[int, str]  # number and digest of a row


@dataclass(frozen=True)
class Correction:
    """What is right of one delivered row: ``cells`` replace those of the row, or it is withdrawn.

    ``part`` is the sender as it may be printed, ``number`` the row as the dialect numbers it.
    """

    table: str
    feed: str
    part: str
    number: int
    digest: str
    is_withdrawn: bool = False
    cells: Mapping[str, str] = field(default_factory=dict)


class Corrections:
    """The corrections of one delivery; later ones add to earlier ones of the same row."""

    def __init__(self, settings: Settings, source: str, data_date: date) -> None:
        self._rows: dict[tuple[str, str, str], dict[_Key, Correction]] = {}
        folder = _folder(settings, source, data_date)
        for _, entry in sorted(_read_manifest(folder).items()):
            with open_sealed(folder / entry["stored"], landing_key(settings)) as stream:
                for facts in json.loads(stream.read()):
                    self._add(Correction(**facts))

    def _add(self, new: Correction) -> None:
        rows = self._rows.setdefault((new.feed, new.part, new.table), {})
        former = rows.get((new.number, new.digest))
        rows[new.number, new.digest] = replace(new, cells={**former.cells, **new.cells}) if former else new

    def digest(self, feed: str, part: str, table: str) -> str:
        """Changes with the corrections of one sender's rows of a table; empty when there are none."""
        rows = self._rows.get((feed, shown(part), table))
        return _sha256([asdict(one) for _, one in sorted(rows.items())]) if rows else ""

    def of_row(self, feed: str, part: str, table: str, number: int, digest: str) -> Correction | None:
        """The correction of one row as it was delivered."""
        return self._rows.get((feed, shown(part), table), {}).get((number, digest))

    def applied(self, feed: str, part: str, whole: str, given: Part) -> Part:
        """A part of a sender with its corrections; ``whole`` is the digest of the sender's files.

        The notes of the part count ``corrected_rows``, ``withdrawn_rows`` and ``stale_corrections``.
        """
        rows = self._rows.get((feed, shown(part), given.table))
        if not rows:
            return given
        columns = contract_columns(given)

        def records(wanted: Sequence[str]) -> Iterator[Records]:
            merge = _Merge(rows, columns, whole)
            for one in given.records(list(dict.fromkeys([*wanted, *columns]))):
                merged = merge.records(one)
                yield replace(merged, table=merged.table.select(list(wanted)))
            given.notes.update(merge.notes())

        return replace(given, records=records)


@dataclass
class _Merge:
    """One pass over the rows of a part."""

    rows: Mapping[_Key, Correction]
    columns: tuple[str, ...]
    whole: str
    used: set[_Key] = field(default_factory=set)

    def records(self, given: Records) -> Records:
        wanted = list({number for number, _ in self.rows})
        hits = np.flatnonzero(np.isin(given.numbers, wanted))
        delivered = given.table.take(pa.array(hits)).to_pylist()
        former = [
            (int(given.numbers[hit]), row_digest(self.columns, cells), cells)
            for hit, cells in zip(hits, delivered, strict=True)
        ]
        former += [(int(number), self.whole, {}) for number in np.intersect1d(given.malformed, wanted)]
        replaced = [(number, self.rows[number, digest], cells) for number, digest, cells in former
                    if (number, digest) in self.rows]  # fmt: skip
        if not replaced:
            return given
        self.used |= {(number, correction.digest) for number, correction, _ in replaced}
        gone = [number for number, _, _ in replaced]
        new = [(number, cells | correction.cells) for number, correction, cells in replaced
               if not correction.is_withdrawn]  # fmt: skip
        names = given.table.column_names
        rows = [{name: cells.get(name) or "" for name in names} for _, cells in new]
        stays = ~np.isin(given.numbers, gone)
        numbers = np.concatenate([given.numbers[stays], np.array([number for number, _ in new], np.int64)])
        order = np.argsort(numbers, kind="stable")
        table = pa.concat_tables(
            [given.table.filter(pa.array(stays)), pa.Table.from_pylist(rows, schema=given.table.schema)]
        )
        malformed = given.malformed[~np.isin(given.malformed, gone)]
        return Records(table.take(pa.array(order)), numbers[order], malformed)

    def notes(self) -> dict[str, int]:
        withdrawn = sum(self.rows[key].is_withdrawn for key in self.used)
        counts = {
            "corrected_rows": len(self.used) - withdrawn,
            "withdrawn_rows": withdrawn,
            "stale_corrections": len(self.rows) - len(self.used),
        }
        return {name: count for name, count in counts.items() if count}


def keep(settings: Settings, source: str, data_date: date, submission: str, rows: Sequence[Correction]) -> None:
    """Add the corrections of one submission (its SHA-256) to a delivery, unless they are there."""
    folder = _folder(settings, source, data_date)
    files = _read_manifest(folder)
    if any(entry["submission"] == submission for entry in files.values()):
        return
    folder.mkdir(parents=True, exist_ok=True)
    settings.landing.chmod(0o700)
    content = json.dumps([asdict(row) for row in rows]).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    partial = folder / "copying.part"
    with seal(partial, landing_key(settings)) as sink:
        sink.write(content)
    target = folder / f"{sha256}.age"
    partial.replace(target)
    number = max((int(name.split("-")[0]) for name in files), default=0) + 1
    files[f"{number:04}-{submission[:16]}"] = {
        "submission": submission, "sha256": sha256, "bytes": len(content), "stored": target.name,
    }  # fmt: skip
    _write_manifest(folder, files)


def forget(settings: Settings, source: str, data_date: date, submission: str) -> None:
    """Take the corrections of one submission back, as if it had never come."""
    folder = _folder(settings, source, data_date)
    files = _read_manifest(folder)
    kept = {name: entry for name, entry in files.items() if entry["submission"] != submission}
    if kept != files:
        _write_manifest(folder, kept)
        for path in {files[name]["stored"] for name in files} - {entry["stored"] for entry in kept.values()}:
            (folder / path).unlink(missing_ok=True)


def corrections_of(settings: Settings, source: str, data_date: date) -> tuple[str, ...]:
    """What the corrections of a delivery are, in order: the hash of each; it enters the delivery's fingerprint."""
    return tuple(entry["sha256"] for _, entry in sorted(_read_manifest(_folder(settings, source, data_date)).items()))


def is_kept(settings: Settings, source: str, data_date: date, submission: str) -> bool:
    """Whether a submission is among the corrections of a delivery."""
    files = _read_manifest(_folder(settings, source, data_date))
    return any(entry["submission"] == submission for entry in files.values())


def contract_columns(part: Part) -> tuple[str, ...]:
    """The columns of the contract that a part has, in the contract's order."""
    return tuple(column.name for column in TABLES_BY_NAME[part.table].columns if column.name in part.names)


def row_digest(columns: Sequence[str], cells: Mapping[str, str | None]) -> str:
    """What tells a delivered row from any other content in its place."""
    return _sha256([[name, cells[name] or ""] for name in columns])


def files_digest(hashes: Sequence[str | None]) -> str:
    """The same for a row whose cells cannot be told apart: it is what it is as long as its files are the same."""
    return _sha256(list(hashes))


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _folder(settings: Settings, source: str, data_date: date) -> Path:
    return settings.landing / "corrections" / source / data_date.isoformat()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    return dict(json.loads(path.read_text())["files"]) if path.exists() else {}


def _write_manifest(folder: Path, files: Mapping[str, Any]) -> None:
    partial = folder / "manifest.json.part"
    partial.write_text(json.dumps({"files": files}, indent=1, sort_keys=True))
    partial.replace(folder / "manifest.json")
