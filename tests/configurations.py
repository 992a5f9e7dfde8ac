"""Configurations for tests: the shipped one with the feeds of some tables replaced."""

import shutil
from dataclasses import replace
from typing import Any

import yaml

from par_warehouse.settings import PROJECT_ROOT, Settings

SHIPPED = PROJECT_ROOT / "include" / "config"


def with_feeds(settings: Settings, **feeds: dict[str, Any] | list[dict[str, Any]]) -> Settings:
    """Settings with a configuration of their own beside the data folder, in which these tables have other feeds.

    A keyword is the name of a table; its value is one feed or several. ``table`` is filled in where neither it nor
    ``tables`` is given; a feed of several tables replaces the shipped feeds of all of them.
    """
    folder = settings.data_dir.parent / "config"
    shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    document = yaml.safe_load((SHIPPED / "sources.yml").read_text())
    given = {
        table: [
            one if "tables" in one else {"table": table, **one} for one in (feed if isinstance(feed, list) else [feed])
        ]
        for table, feed in feeds.items()
    }
    replaced = {name for new in given.values() for one in new for name in one.get("tables", [one.get("table")])}
    for source in document.values():
        kept = [feed for feed in source["feeds"] if feed["table"] not in replaced]
        own = {feed["table"] for feed in source["feeds"]}
        new = [one for ones in given.values() for one in ones if {*one.get("tables", []), one.get("table")} & own]
        source["feeds"] = kept + new
    extra = [one for ones in given.values() for one in ones if one.get("table") == "dinh_danh_cu"]
    document["hr"]["feeds"] += extra
    (folder / "sources.yml").write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    return replace(settings, config_dir=folder)
