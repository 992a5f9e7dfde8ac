"""Senders: the parts of a table that several senders fill, kept so that each silent sender is served by its last one.

Layout: ``parts/<source>/<table>/<feed>/<sender>/<data date>.parquet`` with the staged rows and a ``.json`` beside it.
A part is kept only if it is usable. A night looks only at nights before it, so an old date run again sees the same.
"""

import hashlib
import json
import re
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

from par_warehouse.config import Feed
from par_warehouse.contract import Table
from par_warehouse.copying import MAX_PATH, shown
from par_warehouse.settings import Settings
from par_warehouse.staged import StagedPart, part_from, write_json


class Senders:
    """The parts of one source, seen from one data date."""

    def __init__(self, settings: Settings, source: str, day: str) -> None:
        self._folder = settings.parts / source
        self._day = day
        self._date = date.fromisoformat(day)

    def forget_tonight(self) -> None:
        """Remove what an earlier run of this data date has kept."""
        for kept in self._folder.glob(f"*/*/*/{self._day}.*"):
            kept.unlink()

    def silent(self, feed: Feed, table: str, heard: set[str]) -> list[StagedPart]:
        """A part that is missing for each sender of the past that is not among those ``heard`` tonight, nor retired."""
        folders = (self._folder / table / feed.name).glob("*")
        known = {last.part for folder in folders if (last := self._last_in(folder)) is not None}
        known = {part for part in known if not feed.is_retired(part, self._date)}
        names = {part: shown(feed.files.replace("{part}", part) or feed.name, MAX_PATH) for part in known - heard}
        return [StagedPart(feed.name, feed.dialect, part, name, "missing") for part, name in names.items()]

    def problem(self, feed: Feed, table: Table, part: StagedPart) -> str | None:
        """Why a part that was read cannot be used, None when it can."""
        is_increment = table.is_incremental or feed.increments
        last = None if is_increment else self._last(feed, table.name, part.part)
        return _problem(part, last, is_increment)

    def serve(self, feed: Feed, table: Table, part: StagedPart, rows: Path) -> StagedPart:
        """Keep a usable part, whose staged rows are ``rows``; serve another by the last usable one of its sender.

        A part with no rows, or with more than 30 % fewer than the sender's last one, is not usable, as the export
        contract has it for whole files; increments are exempt from that, and nothing serves in their place.
        """
        folder = self._sender(feed, table.name, part.part)
        last, is_increment = self._last(feed, table.name, part.part), table.is_incremental or feed.increments
        if part.state == "read" and (problem := self.problem(feed, table, part)):
            part = replace(part, state="rejected", served_from=None, rows=0, problem=problem)
        if part.state == "read":
            folder.mkdir(parents=True, exist_ok=True)
            rows.replace(folder / f"{self._day}.parquet")
            write_json(folder / f"{self._day}.json", asdict(part))
            return part
        if is_increment or last is None:
            return part
        return replace(part, served_from=last.served_from, rows=last.rows, corrections=last.corrections)

    def rows(self, feed: Feed, table: str, part: StagedPart) -> Path:
        """The staged rows that serve a part."""
        return self._sender(feed, table, part.part) / f"{part.served_from}.parquet"

    def _last(self, feed: Feed, table: str, part: str) -> StagedPart | None:
        """What could serve in place of a part: the last usable one of its sender, unless that has retired."""
        return None if feed.is_retired(part, self._date) else self._last_in(self._sender(feed, table, part))

    def _last_in(self, folder: Path) -> StagedPart | None:
        earlier = max((path for path in folder.glob("*.json") if path.stem < self._day), default=None)
        return None if earlier is None else part_from(json.loads(earlier.read_text()))

    def _sender(self, feed: Feed, table: str, part: str) -> Path:
        return self._folder / table / feed.name / folder_name(part)


def folder_name(part: str) -> str:
    """A file name for a sender: readable where it can be, unique always."""
    digest = hashlib.sha256(part.encode(errors="surrogateescape")).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9.-]', '_', shown(part))[:40]}-{digest}"


def _problem(part: StagedPart, last: StagedPart | None, may_be_empty: bool) -> str | None:
    """Why a part that was read cannot be used, None when it can."""
    if part.missing_columns:
        columns = ", ".join(part.missing_columns)
        return (
            f"thiếu cột {columns}; hãy giữ nguyên dòng tiêu đề của mẫu và gửi lại đủ các cột, hoặc báo quản trị viên"
            f" nếu mẫu đã đổi | columns missing: {columns}; keep the headings of the form and send all columns again,"
            " or tell the administrator that the form was changed"
        )
    if part.repeated_columns:
        return (
            "dòng tiêu đề có hai cột cùng tên; hãy xóa hoặc đổi tên một cột rồi gửi lại"
            " | two columns of the header have one name; delete or rename one of them and send the file again"
        )
    if part.rows == 0 and not may_be_empty:
        return (
            "tệp không có dòng dữ liệu nào; hãy kiểm tra, xuất lại rồi gửi lại"
            " | the file has no rows; check it, export it anew and send it again"
        )
    if last is not None and part.rows * 10 < last.rows * 7:
        return (
            f"tệp có {part.rows} dòng, ít hơn quá 30 % so với {last.rows} dòng của lần trước; hãy kiểm tra và gửi lại"
            f" | the file has {part.rows} rows, more than 30 % fewer than the {last.rows} of last time;"
            " check it and send it again"
        )
    return None
