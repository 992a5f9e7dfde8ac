"""Publish: one atomic switch of a symbolic link to an immutable version; rollback is switching it back."""

import os
import shutil
from datetime import date
from pathlib import Path

import duckdb

from par_warehouse.build import Build, build_file, present_build
from par_warehouse.errors import ParError
from par_warehouse.settings import Settings


def publish(settings: Settings, data_date: date, run_id: str) -> Path:
    """Make the audited build of this run the publication and remove the oldest versions; return the new version.

    Raises ParError when the build is not audited, or another version was published since it began: its dates would be
    lost.
    """
    present = present_build(settings, data_date, run_id)
    if not present.is_audited:
        raise ParError("The build is not audited yet. Run this night again from the step audit.")
    _check_base(settings, present)
    built = build_file(settings)
    with duckdb.connect(str(built)) as con:
        con.execute("checkpoint")
    _flush(built)
    built.chmod(0o444)
    settings.builds.mkdir(parents=True, exist_ok=True)
    version = settings.builds / present.version_name
    built.replace(version)
    _switch(settings, version)
    shutil.rmtree(settings.work, ignore_errors=True)
    _prune(settings)
    return version


def versions(settings: Settings) -> list[Path]:
    """Published versions that are kept and were not withdrawn by a rollback, oldest first."""
    kept = [path for path in settings.builds.glob("*.duckdb") if not _withdrawn(path).exists()]
    return sorted(kept, key=lambda path: (path.stat().st_mtime_ns, path.name))


def rollback(settings: Settings) -> Path:
    """Switch the publication back to the version before the present one. Raises ParError when there is none."""
    if not settings.current.exists():
        raise ParError("Nothing is published yet, so there is nothing to roll back.")
    present = settings.current.resolve()
    kept = versions(settings)
    earlier = kept[: kept.index(present)] if present in kept else []
    if not earlier:
        raise ParError("No earlier version is kept. Run the night again instead: make nightly DATE=...")
    _switch(settings, earlier[-1])
    _withdrawn(present).touch()
    return earlier[-1]


def published_dates(version: Path) -> list[date]:
    """Data dates whose indicators a version holds, ascending."""
    with duckdb.connect(str(version), read_only=True) as con:
        rows = con.execute("select distinct as_of_date from marts.fct_indicator_daily order by 1").fetchall()
    return [row[0] for row in rows]


def _check_base(settings: Settings, present: Build) -> None:
    now = settings.current.resolve().name if settings.current.exists() else None
    if now != present.base:
        raise ParError("Another run has published since this build began. Run the night again from the step build.")


def _switch(settings: Settings, version: Path) -> None:
    link = settings.current.with_suffix(".link")
    link.unlink(missing_ok=True)
    link.symlink_to(version.relative_to(settings.current.parent))
    link.replace(settings.current)
    _flush(settings.current.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _withdrawn(version: Path) -> Path:
    return version.with_suffix(".withdrawn")


def _prune(settings: Settings) -> None:
    """Remove all but the last versions, and what was withdrawn before the present one."""
    kept = versions(settings)[-settings.keep_versions :]
    for version in settings.builds.glob("*.duckdb"):
        if version not in kept:
            version.unlink()
            _withdrawn(version).unlink(missing_ok=True)
