"""Rebuild: when a past delivery reads otherwise than before, judge and publish anew the dates that depend on it.

A later date depends on an earlier delivery when it is served by it (carry forward, of a file or of one sender), when a
rule compares with it (rows that refer to a carried file, the number of rows of the file before), and when its learning
evidence is made of it. Dates are judged in order, and only what really changed goes on to the next.
"""

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb

from par_warehouse import nightly
from par_warehouse.config import Configuration, load_configuration
from par_warehouse.contract import SOURCES, TABLES, Table
from par_warehouse.ledger import open_ledger
from par_warehouse.publish import published_dates
from par_warehouse.settings import Settings
from par_warehouse.standardise import standardise
from par_warehouse.validate import take_in

log = logging.getLogger("par_warehouse")

_REFERRED = ("don_vi", "nhan_su", "danh_muc_khoa_hoc", "mdl_user", "mdl_course", "mdl_course_modules")
"""Tables that the rules of others look into; carried forward, they are part of how a later date is judged."""
_LINKS = ("mdl_user", "mdl_course_modules")
"""Tables of which every accepted row stays known to all later dates."""
_PERSONS = ("nhan_su", "mdl_user")
"""Tables that tell who a person is where feeds look persons up."""

_EVIDENCE = ("mdl_user", "mdl_course", "mdl_course_completions", "mdl_course_modules", "mdl_course_modules_viewed")
"""Tables whose rows stay as evidence for all later dates."""

Changed = dict[str, set[date]]
"""Per table: the dates whose accepted rows are others than before."""


@dataclass(frozen=True)
class Verdict:
    """How a table was judged on a date, as far as other dates can depend on it."""

    state: str
    rows_read: int
    content: str | None
    parts_from: frozenset[date]
    """Dates of the deliveries whose rows are in it, of several senders."""

    @property
    def judgement(self) -> tuple[str, int, str | None] | None:
        """What later dates can depend on: nothing unless it was accepted."""
        return (self.state, self.rows_read, self.content) if self.state == "accepted" else None


class Verdicts:
    """All that the ledger holds, by data date and table, at one moment."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        parts: dict[tuple[date, str], set[date]] = {}
        for day, file_name, served_from in con.execute(
            "select distinct data_date, file_name, served_from_date from ledger.ops.delivery_part"
            " where served_from_date is not null"
        ).fetchall():
            parts.setdefault((day, file_name), set()).add(served_from)
        self._found: dict[tuple[date, str], Verdict] = {}
        self._accepted: dict[str, list[date]] = {table.name: [] for table in TABLES}
        for day, file_name, state, rows_read, content in con.execute(
            "select data_date, file_name, state, rows_read, content_hash from ledger.ops.load_file order by data_date"
        ).fetchall():
            name, parts_from = file_name.removesuffix(".csv"), frozenset(parts.get((day, file_name), ()))
            self._found[day, name] = Verdict(state, rows_read, content, parts_from)
            if state == "accepted":
                self._accepted[name].append(day)

    @property
    def days(self) -> list[date]:
        """Data dates that were taken in, ascending."""
        return sorted({day for day, _ in self._found})

    def of(self, day: date, table: Table) -> Verdict | None:
        """How a table was judged on a date, None when the date was not taken in."""
        return self._found.get((day, table.name))

    def last_accepted(self, table: Table, day: date, *, or_on: bool = False) -> date | None:
        """The last date before ``day`` (``or_on`` it) on which the table was accepted."""
        days = self._accepted[table.name]
        place = bisect_right(days, day) if or_on else bisect_left(days, day)
        return days[place - 1] if place else None


def judge(settings: Settings, configuration: Configuration, data_date: date, run_id: str) -> None:
    """Standardise and take in one date as it landed."""
    for source in SOURCES:
        standardise(settings, configuration, source, data_date)
    with open_ledger(settings) as con:
        latest = con.execute("select max(data_date) from ledger.ops.load_file").fetchone()
    is_latest = latest is None or latest[0] is None or data_date >= latest[0]
    summary = take_in(settings, data_date, run_id, settings.reports / "data_docs" if is_latest else None)
    log.info("judged again: %s", summary)


def judge_dependent(
    settings: Settings, before: Verdicts, judged: Iterable[date], run_id: str, *, is_resumed: bool = False
) -> list[date]:
    """Judge again what depends on the dates that were ``judged``; return the published dates to build anew, ascending.

    ``before`` are the verdicts before the first of them. With ``is_resumed`` every date that is judged again counts as
    changed, because a run that was killed may have judged it already.
    """
    configuration = load_configuration(settings.config_dir)
    done = sorted(set(judged))
    changed: Changed = {table.name: set() for table in TABLES}
    stale: list[date] = []
    with open_ledger(settings) as con:
        now = Verdicts(con)
    for day in (day for day in now.days if day >= done[0]):
        if day not in done and _must_be_judged(day, before, now, changed, configuration):
            judge(settings, configuration, day, run_id)
            done.append(day)
            with open_ledger(settings) as con:
                now = Verdicts(con)
        if day in done:
            for table in TABLES:
                if is_resumed or _judgement(before, day, table) != _judgement(now, day, table):
                    changed[table.name].add(day)
        if _must_be_built(day, before, now, changed):
            stale.append(day)
    published = published_dates(settings.current.resolve()) if settings.current.exists() else []
    return [day for day in stale if day in published]


def publish_again(settings: Settings, days: Iterable[date], run_id: str) -> None:
    """Build, audit and publish these dates, as their nights did."""
    for day in days:
        nightly.build(settings, day, run_id)
        nightly.audit(settings, day, run_id)
        nightly.publish(settings, day, run_id)


def _must_be_judged(day: date, before: Verdicts, now: Verdicts, changed: Changed, configuration: Configuration) -> bool:
    """Whether a rule, or a sender's rows, of this date can have another outcome because of an earlier date."""
    for table in TABLES:
        verdict = now.of(day, table)
        prior, former = now.last_accepted(table, day), before.last_accepted(table, day)
        is_other = prior != former or prior in changed[table.name]
        is_counted = verdict is not None and verdict.state != "missing" and not table.is_incremental
        if is_other and is_counted and _rows(before, table, former) != _rows(now, table, prior):
            return True
        is_carried = verdict is None or verdict.state != "accepted"
        if is_other and is_carried and table.name in _REFERRED:
            return True
        # Whose a row is that names a person who is no longer on the staff list: of the list before.
        if is_other and table.name == "nhan_su":
            return True
        if verdict is not None and verdict.parts_from & changed[table.name]:
            return True
    always = _LINKS + (_PERSONS if configuration.sources.looks_up_persons else ())
    return any(one < day for name in always for one in changed[name])


def _must_be_built(day: date, before: Verdicts, now: Verdicts, changed: Changed) -> bool:
    """Whether the rows that serve this date, or its evidence, are others than before."""
    if any(one <= day for name in _EVIDENCE for one in changed[name]):
        return True
    serving = {table: now.last_accepted(table, day, or_on=True) for table in TABLES}
    return any(
        serves != before.last_accepted(table, day, or_on=True) or serves in changed[table.name]
        for table, serves in serving.items()
    )


def _judgement(known: Verdicts, day: date, table: Table) -> tuple[str, int, str | None] | None:
    verdict = known.of(day, table)
    return verdict.judgement if verdict else None


def _rows(known: Verdicts, table: Table, day: date | None) -> int | None:
    """Rows that a delivery was read to have; the next one is compared with that."""
    verdict = known.of(day, table) if day else None
    return verdict.rows_read if verdict else None
