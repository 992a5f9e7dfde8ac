"""Digest: what one office is to be told after a night, out of the ledger as of a data date.

Each office has a memory of what it was told last (``ops.told``, ``ops.finding_told``). What has opened, come back or
become another fault since then is told in full, grouped by file and rule; what is open as before is a number with an
age; repairs are told once. So a quiet day, a night run again or an office that is new in ``recipients.yml`` needs no
rule of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from par_warehouse.contract import TABLES
from par_warehouse.findings import lives
from par_warehouse.ledger import last_accepted
from par_warehouse.recipients import CITY, Recipients
from par_warehouse.rules import DELIVERY_FILE_SUITE, load_suite, suite_of
from par_warehouse.settings import Settings

PLACES = 5
"""So many rows of a group are named; the spreadsheet has all."""
_SILENT = "Nơi gửi chưa giao tệp này. | The sender has not delivered this file."


@dataclass(frozen=True)
class Group:
    """Findings that are one thing to do: of one file and sender, against one rule."""

    section: str
    """``refused``: a file or a sender's file; ``late``: what was not delivered; ``rows``: rows in quarantine."""
    agency: str | None
    source: str
    file_name: str | None
    sender: str | None
    rule_code: str
    message: str
    count: int
    changes: dict[str, int]
    """How many are ``new``, ``recurred``, ``changed`` (against another rule now), ``unwaived``, ``escalated``."""
    places: Sequence[str]
    opened_on: date
    served_from: date | None
    """The delivery that serves instead of a file."""


@dataclass(frozen=True)
class Standing:
    """Findings that are open as they were told before."""

    file_name: str | None
    source: str
    rule_code: str
    count: int
    days_open: int
    """Of the oldest, the first day included."""


@dataclass(frozen=True)
class AgencyCount:
    """What is open at one agency, for the city; without a code: what belongs to no agency."""

    code: str | None
    name: str
    open: int
    new: int
    escalated: int
    days_open: int


@dataclass(frozen=True)
class Digest:
    """What one office is told on one data date."""

    scope: str
    name: str
    data_date: date
    since: date | None
    """The data date that it was told last."""
    groups: tuple[Group, ...] = ()
    standing: tuple[Standing, ...] = ()
    repaired: dict[str, int] = field(default_factory=dict)
    """Per file (or source) how many findings are repaired."""
    agencies: tuple[AgencyCount, ...] = ()
    open: dict[str, int] = field(default_factory=dict)
    """Per section, all that is open and neither waived nor only counted."""
    new: int = 0
    oldest: int = 0
    waived: int = 0
    counted: int = 0

    @property
    def is_worth_telling(self) -> bool:
        """Whether anything is open or was repaired; what is waived or only counted is no reason."""
        return bool(sum(self.open.values()) or self.repaired)


def digests(
    con: duckdb.DuckDBPyConnection, settings: Settings, recipients: Recipients, data_date: date
) -> list[Digest]:
    """What each office is to be told, worth telling or not; ``memorise`` then notes that it was.

    Nothing for an office that was told about this date or a later one already.
    """
    told: dict[str, date] = dict(con.execute("select scope, data_date from ledger.ops.told").fetchall())
    scopes = [scope for scope in recipients.offices if scope not in told or told[scope] < data_date]
    if not scopes:
        return []
    _prepare(con, recipients, data_date)
    _compare(con, recipients, scopes)
    names = _names(con, settings, data_date)
    bare = [
        Digest(scope, "Thành phố" if scope == CITY else names.get(scope, scope), data_date, told.get(scope))
        for scope in scopes
    ]
    return [_digest(con, one, names) for one in bare]


def memorise(con: duckdb.DuckDBPyConnection, told: Sequence[Digest]) -> None:
    """Remember what the offices were told; to be called on the connection on which ``digests`` has made it."""
    for one in told:
        con.execute("insert or replace into ledger.ops.told values (?, ?)", [one.scope, one.data_date])
        con.execute("delete from ledger.ops.finding_told where scope = ?", [one.scope])
        con.execute(
            "insert into ledger.ops.finding_told"
            " select scope, finding_key, person_key, state, rule_code, times_opened, is_escalated"
            " from told_finding where scope = ? and state <> 'repaired' order by finding_key",
            [one.scope],
        )


def _prepare(con: duckdb.DuckDBPyConnection, recipients: Recipients, data_date: date) -> None:
    """Create ``owned_finding``: each finding with its agency, severity, section, message of its rule and place."""
    lives(con, data_date)
    con.execute("create or replace temp table sender_agency (sender varchar, sender_agency varchar)")
    con.execute("create or replace temp table severity (rule_code varchar, severity varchar)")
    con.execute("create or replace temp table rule_message (file_name varchar, rule_code varchar, message varchar)")
    _insert(con, "sender_agency", [(s, code) for code, agency in recipients.agencies.items() for s in agency.senders])
    _insert(con, "severity", list(recipients.severities.items()))
    _insert(con, "rule_message", sorted(_rule_messages()))
    con.execute(
        """
        create or replace temp table owned_finding as
        with told as (
            select *, if(starts_with(message, rule_code || ': '), message[length(rule_code) + 3:], message) as told
            from finding
        ),
        matched as (
            select told.*, rule_message.message as of_rule
            from told
            left join rule_message
                on (rule_message.file_name = told.file_name or rule_message.file_name = '*')
                and rule_message.rule_code = told.rule_code and starts_with(told.told, rule_message.message)
            qualify row_number() over (partition by finding_key order by length(rule_message.message) desc) = 1
        ),
        served as (
            select 'file' as kind, source, file_name, '' as sender, served_from_date
            from ledger.ops.load_file where data_date = $day
            union all
            select 'source', source, '', '', min(served_from_date)
            from ledger.ops.load_file where data_date = $day group by source
            union all
            select 'sender', source, file_name, coalesce(nullif(part, ''), feed), any_value(served_from_date)
            from ledger.ops.delivery_part where data_date = $day group by all
        )
        select matched.* exclude (told, of_rule), coalesce(matched.agency_code, sender_agency) as agency,
            coalesce(severity, 'listed') as severity, served_from_date,
            case when matched.kind = 'row' then 'rows'
                when matched.rule_code in ('NOT_DELIVERED', 'MISSING_FILE') then 'late' else 'refused' end as section,
            coalesce(if(matched.kind = 'row', of_rule, null), told, $silent) as words,
            replace(trim(substr(told, length(of_rule) + 1), ' ()'), ') (', '; ') as remark
        from matched
        left join sender_agency on sender_agency.sender = matched.sender
        left join severity on severity.rule_code = matched.rule_code
        left join served
            on served.kind = matched.kind and served.source = matched.source
            and served.file_name = coalesce(matched.file_name, '')
            and served.sender = if(matched.kind = 'sender', matched.sender, '')
        """,
        {"day": data_date, "silent": _SILENT},
    )


def _compare(con: duckdb.DuckDBPyConnection, recipients: Recipients, scopes: Sequence[str]) -> None:
    """Create ``told_finding``: per office the findings that concern it, and how each has changed since it was told."""
    con.execute(
        """
        create or replace temp table told_finding as
        with concerned as (
            select scope, owned_finding.*, scope <> 'city' or agency is null or not list_contains($offices, agency)
                as is_own
            from (select unnest($scopes) as scope)
            join owned_finding on scope = 'city' or scope = agency
        ),
        compared as (
            select concerned.*, coalesce(former.is_escalated, false) as was_escalated,
                not is_own and concerned.state = 'open' and days_open >= $nights and severity <> 'counted'
                    as is_escalated,
                case
                    when concerned.state = 'waived' then 'waived'
                    when concerned.state = 'repaired' then
                        if(former.finding_key is not null or opened_on > told.data_date, 'repaired', 'past')
                    when former.finding_key is null or concerned.times_opened > former.times_opened then
                        if(concerned.times_opened > 1, 'recurred', 'new')
                    when former.state = 'waived' then 'unwaived'
                    when former.rule_code <> concerned.rule_code then 'changed'
                    else 'standing'
                end as change
            from concerned
            left join ledger.ops.told using (scope)
            left join ledger.ops.finding_told as former
                on former.scope = concerned.scope and former.finding_key = concerned.finding_key
        )
        select *, severity <> 'counted' and (
                is_own and change in ('new', 'recurred', 'unwaived', 'changed')
                or is_escalated and not was_escalated
            ) as is_listed
        from compared
        where change <> 'past'
        """,
        {"offices": list(recipients.offices), "scopes": list(scopes), "nights": recipients.escalation.after_nights},
    )


def _digest(con: duckdb.DuckDBPyConnection, bare: Digest, names: dict[str, str]) -> Digest:
    """The digest of the office whose ``told_finding`` was made last."""
    groups = con.execute(
        """
        select section, if($is_city, agency, null) as of_agency, source, file_name, nullif(sender, '') as of_sender,
            rule_code, words, count(*), histogram(if(is_own, change, 'escalated')),
            list_slice(list(coalesce(nullif(remark, ''), row_number::varchar) order by row_number)
                filter (where row_number is not null), 1, $places),
            min(opened_on), min(served_from_date)
        from told_finding
        where scope = $scope and is_listed
        group by section, of_agency, source, file_name, of_sender, rule_code, words, severity
        order by severity <> 'first', array_position(['refused', 'late', 'rows'], section), source, file_name,
            of_sender, of_agency, rule_code, words
        """,
        {"is_city": bare.scope == CITY, "scope": bare.scope, "places": PLACES},
    ).fetchall()
    standing = con.execute(
        """
        select file_name, source, rule_code, count(*), max(days_open)
        from told_finding
        where scope = ? and state = 'open' and is_own and not is_listed and severity <> 'counted'
        group by all
        order by max(days_open) desc, source, file_name, rule_code
        """,
        [bare.scope],
    ).fetchall()
    repaired = con.execute(
        "select coalesce(file_name, source) as of_file, count(*) from told_finding where scope = ?"
        " and change = 'repaired' and severity <> 'counted' group by of_file order by of_file",
        [bare.scope],
    ).fetchall()
    sections = con.execute(
        "select section, count(*) from told_finding where scope = ? and state = 'open' and severity <> 'counted'"
        " group by section order by section",
        [bare.scope],
    ).fetchall()
    counts = con.execute(
        """
        select count(*) filter (state = 'open' and severity <> 'counted' and change <> 'standing'),
            coalesce(max(days_open) filter (state = 'open' and severity <> 'counted'), 0),
            count(*) filter (state = 'waived'), count(*) filter (state = 'open' and severity = 'counted')
        from told_finding
        where scope = ?
        """,
        [bare.scope],
    ).fetchone()
    assert counts is not None
    return Digest(
        scope=bare.scope,
        name=bare.name,
        data_date=bare.data_date,
        since=bare.since,
        groups=tuple(Group(*row) for row in groups),
        standing=tuple(Standing(*row) for row in standing),
        repaired=dict(repaired),
        agencies=tuple(_agencies(con, names)) if bare.scope == CITY else (),
        open=dict(sections),
        new=counts[0],
        oldest=counts[1],
        waived=counts[2],
        counted=counts[3],
    )


def _agencies(con: duckdb.DuckDBPyConnection, names: dict[str, str]) -> Iterator[AgencyCount]:
    rows = con.execute(
        """
        select agency, count(*), count(*) filter (change <> 'standing'), count(*) filter (is_escalated), max(days_open)
        from told_finding
        where scope = 'city' and state = 'open' and severity <> 'counted'
        group by agency
        order by count(*) desc, agency nulls last
        """
    ).fetchall()
    for code, *numbers in rows:
        yield AgencyCount(code, names.get(code, code or ""), *numbers)


def _names(con: duckdb.DuckDBPyConnection, settings: Settings, data_date: date) -> dict[str, str]:
    """The names of the units on a data date, as far as the register that serves it has them."""
    register = last_accepted(con, next(table for table in TABLES if table.name == "don_vi"), data_date)
    if register is None:
        return {}
    rows = con.execute(
        f"select ma_don_vi, arg_max(ten_don_vi, hieu_luc_tu) from read_parquet('{settings.accepted / register.path}')"
        " where hieu_luc_tu <= ? group by ma_don_vi",
        [data_date],
    ).fetchall()
    return dict(rows)


def _rule_messages() -> Iterator[tuple[str, str, str]]:
    suites = [("*", load_suite(DELIVERY_FILE_SUITE)), *((table.file_name, suite_of(table)) for table in TABLES)]
    for file_name, suite in suites:
        yield from {(file_name, rule.code, rule.message) for rule in suite.rules}


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        con.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)
