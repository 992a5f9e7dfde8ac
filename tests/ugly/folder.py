"""The deliveries as folders of two sources, beside the same people in the plain files of the contract."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from par_warehouse.contract import SOURCES, TABLES_BY_NAME
from par_warehouse.settings import Settings
from tests.configurations import with_feeds
from tests.ugly.delivery import BEFORE, COURSES, NIGHT, UNITS, Delivery, csv_text

_PLAIN = {"don_vi": UNITS, "danh_muc_khoa_hoc": COURSES}


def deliver_ugly(base: Path, deliveries: Mapping[str, Delivery]) -> Settings:
    """Write two nights of every delivery below ``base``; settings with its configuration."""
    for name, delivery in deliveries.items():
        for source in {_source(table) for feed in delivery.feeds for table in _tables(feed)}:
            for night, files in ((BEFORE, delivery.before), (NIGHT, delivery.files)):
                for file, content in files.items():
                    _write(base / source / night.isoformat() / name / file, content)
    feeds = [
        {"name": feed_name(name, number), **feed, "files": f"{name}/{feed['files']}"}
        for name, delivery in deliveries.items()
        for number, feed in enumerate(delivery.feeds)
    ]
    return _whole(base, feeds)


def deliver_clean(base: Path, deliveries: Mapping[str, Delivery]) -> Settings:
    """Write the night of what every delivery should become, as the contract has it; settings with its configuration."""
    feeds = []
    for name, delivery in deliveries.items():
        for table, rows in delivery.same_as.items():
            _write(
                base / _source(table) / NIGHT.isoformat() / name / f"{table}.csv", csv_text(rows, table=table).encode()
            )
            feeds.append({"table": table, "name": feed_name(name, table), "files": f"{name}/{table}.csv"})
    return _whole(base, feeds)


def feed_name(name: str, of: int | str) -> str:
    """The name of a feed of a delivery."""
    return f"d{name.replace('-', '_')}_{of}"


def _whole(base: Path, feeds: Sequence[dict[str, Any]]) -> Settings:
    for night in (BEFORE, NIGHT):
        for table, rows in _PLAIN.items():
            _write(base / _source(table) / night.isoformat() / f"{table}.csv", csv_text(rows, table=table).encode())
        for source in SOURCES:
            _write(base / source / night.isoformat() / "_SUCCESS", b"")
    plain = [{"table": "danh_muc_khoa_hoc"}]
    settings = Settings(base / "data", (base / "hr").as_uri(), (base / "elearning").as_uri())
    by_table: dict[str, list[dict[str, Any]]] = {}
    for feed in [*plain, *feeds]:
        by_table.setdefault(_tables(feed)[0], []).append(dict(feed))
    return with_feeds(settings, **by_table)


def _tables(feed: Mapping[str, Any]) -> Sequence[str]:
    tables: Sequence[str] = feed.get("tables") or [feed["table"]]
    return tables


def _source(table: str) -> str:
    return TABLES_BY_NAME[table].source if table in TABLES_BY_NAME else "hr"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
