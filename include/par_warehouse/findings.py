"""Findings: what is wrong with the deliveries, each under a key that stays the same from night to night.

Each take-in of a data date leaves *sightings*: rows quarantined, files and senders rejected or missing, sources that
did not deliver. A finding is all sightings with one key. It is repaired when what it is about is judged again and not
seen; a file that is carried forward is not judged, so its findings stay open. What an earlier run of the same date saw
and a later one does not (delivered anew, corrected) stays as a sighting that is gone.

A key is 12 hexadecimal digits over what identifies the row, and, where that is a person, 8 digits of the
``person_key`` behind a hyphen, which a rotation replaces.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from par_warehouse.contract import TABLES, UNIT_COLUMNS, Kind, Table
from par_warehouse.copying import shown
from par_warehouse.errors import ParError
from par_warehouse.ledger import open_ledger
from par_warehouse.run_lock import run_lock
from par_warehouse.settings import Settings
from par_warehouse.signing import check_account, check_reason
from par_warehouse.staged import StagedFile

_ACCOUNT_COLUMNS = {"mdl_course_completions": "userid", "mdl_course_modules_viewed": "userid"}
_INCREMENTAL = ", ".join(f"'{table.file_name}'" for table in TABLES if table.is_incremental)


def place_units(con: duckdb.DuckDBPyConnection) -> None:
    """Create ``night.agency`` from ``serving.don_vi``: for each unit the one directly below the city, or the city."""
    con.execute(
        """
        create or replace table night.agency as
        with recursive below as (
            select city.ma_don_vi, city.ma_don_vi as agency_code, true as is_city
            from serving.don_vi as city
            where ma_don_vi_cha is null
            union all
            select unit.ma_don_vi, if(is_city, unit.ma_don_vi, agency_code), false
            from below join serving.don_vi as unit on unit.ma_don_vi_cha = below.ma_don_vi
        )
        select ma_don_vi, agency_code from below
        """
    )


def place_people(con: duckdb.DuckDBPyConnection, *staff: str) -> None:
    """Create ``night.person_agency`` over accepted rows of ``nhan_su``; of several, the first that has one."""
    rows = " union all ".join(
        f"select person_key, ma_don_vi, {number} as number from {one}" for number, one in enumerate(staff)
    )
    con.execute(
        f"create or replace table night.person_agency as select person_key, min_by(agency_code, number) as agency_code"
        f" from ({rows}) as staff join night.agency using (ma_don_vi) group by person_key"
    )


def place_accounts(con: duckdb.DuckDBPyConnection, data_date: date) -> None:
    """Create ``night.account_agency``: the agency of the person to whom an account was linked last."""
    con.execute(
        f"""
        create table night.account_agency as
        with link as (
            select user_id, person_key, delivery_date from ledger.evidence.account_link
            where delivery_date < date '{data_date}' and person_key is not null
            union all
            select id, person_key, date '{data_date}' from serving.mdl_user where person_key is not null
        ),
        latest as (select user_id, max_by(person_key, delivery_date) as person_key from link group by user_id)
        select user_id, agency_code from latest join night.person_agency using (person_key)
        """
    )


def identify(con: duckdb.DuckDBPyConnection, table: Table, file: StagedFile) -> None:
    """Say for each row of ``main.quarantine`` that is of this table who sent it, which agency it is of, and its key."""
    person = table.person_column
    part = "origin.part_number" if file.has_parts else "0"
    senders = " ".join(f"when {number} then {_text(sender_of(file, number))}" for number in range(len(file.parts)))
    stored = [c.name for c in table.stored_columns if c.name not in (*table.personal_columns, person)]
    key = [name for name in table.key if name != person]
    is_by_person = f"not is_known or {str(person in table.key).lower()}"
    con.execute(
        f"""
        create or replace temp table identified as
        with origin as (
            select quarantine.row_number, rule_codes, broken_columns, case {part} {senders} else '' end as sender,
                {_agency_of(table)} as agency_code, {"origin.person_key" if person else "null::varchar"} as person_key,
                not list_contains(rule_codes, 'BAD_ROW') and not list_has_any(broken_columns, {list(table.key)})
                    as is_known,
                to_json([{_columns(key)}])::varchar as named, to_json([{_columns(stored)}])::varchar as whole
            from quarantine join staged.{table.name} as origin using (row_number)
            where file_name = '{table.file_name}'
        ),
        identity as (
            select *, if(is_known, named, 'row ' || whole) as identity,
                if({is_by_person}, person_key, null) as key_person
            from origin
        )
        select row_number, sender, agency_code, person_key,
            left(sha256(concat_ws('|', '{table.source}', '{table.file_name}', sender, identity,
                row_number() over (partition by sender, identity, key_person order by row_number))), 12)
            || coalesce('-' || left(key_person, 8), '') as finding_key
        from identity
        """
    )
    con.execute(
        f"""
        update quarantine
        set sender = identified.sender, agency_code = identified.agency_code, person_key = identified.person_key,
            finding_key = identified.finding_key
        from identified
        where file_name = '{table.file_name}' and quarantine.row_number = identified.row_number
        """
    )


def keep_rows(con: duckdb.DuckDBPyConnection, table: Table, target: Path) -> None:
    """Write the quarantined rows as they are staged, with their key, their agency and the columns to repair."""
    target.parent.mkdir(parents=True, exist_ok=True)
    personal = ", ".join(table.personal_columns)
    # What stands where one of a few values belongs may be anything, a name among them.
    lists = ", ".join(
        f"if(list_contains(broken_columns, '{c.name}'), null, {c.name}) as {c.name}"
        for c in table.stored_columns
        if c.kind is Kind.LIST
    )
    con.execute(
        f"""
        copy (
            select finding_key, sender, agency_code, rule_codes, broken_columns,
                origin.* {f"exclude ({personal})" if personal else ""} {f"replace ({lists})" if lists else ""}
            from quarantine join staged.{table.name} as origin using (row_number)
            where file_name = '{table.file_name}'
            order by row_number
        ) to '{target}' (format parquet, compression zstd)
        """
    )


def sender_of(file: StagedFile, number: int) -> str:
    """The name of one of several senders of a table; empty where there is only one."""
    part = file.parts[number]
    return shown(part.part or part.feed) if file.has_parts else ""


def record_sightings(con: duckdb.DuckDBPyConnection, run_id: str, data_date: date) -> None:
    """Write what was seen on a data date, once its loads, parts and quarantined rows are in the ledger."""
    con.execute(
        "create or replace temp table former as from ledger.ops.finding_sighting where data_date = ?", [data_date]
    )
    con.execute("delete from ledger.ops.finding_sighting where data_date = ?", [data_date])
    con.execute(
        f"""
        insert into ledger.ops.finding_sighting
        with load as (from ledger.ops.load_file where data_date = $day and state <> 'accepted'),
        silent as (
            select source, any_value(message) as message
            from ledger.ops.load_file
            where data_date = $day
            group by source
            having bool_and(state = 'missing')
        ),
        seen as (
            select finding_key, 'row' as kind, source, file_name, sender, agency_code, person_key,
                rule_codes[1] as rule_code, column_name, row_number, message
            from quarantine
            union all by name
            select {_key("'source', source")} as finding_key, 'source' as kind, source, 'NOT_DELIVERED' as rule_code,
                message
            from silent
            union all by name
            select {_key("'file', source, file_name")} as finding_key, 'file' as kind, source, file_name,
                coalesce(rule_code, 'MISSING_FILE') as rule_code, message
            from load
            where source not in (select source from silent)
            union all by name
            select {_key("'sender', source, file_name, feed, part")} as finding_key,
                'sender' as kind, source, file_name, coalesce(nullif(part, ''), feed) as sender,
                if(state = 'missing', 'MISSING_FILE', 'UNUSABLE') as rule_code, message
            from (
                select *, count(*) over (partition by source, file_name) as senders
                from ledger.ops.delivery_part where data_date = $day
            )
            where state <> 'read' and (part <> '' or senders > 1)
        )
        select $run, $day, finding_key, kind, source, file_name, sender, agency_code, person_key, rule_code,
            column_name, row_number, message, false
        from seen
        union all
        select * replace ($run as run_id, true as is_gone)
        from former
        where finding_key not in (select finding_key from seen)
        order by all
        """,
        {"day": data_date, "run": run_id},
    )


def lives(con: duckdb.DuckDBPyConnection, as_of: date | None = None) -> None:
    """Create the temporary table ``finding``, one row each, from the ledger, as of a data date.

    States: ``open``; ``waived``: open, but accepted by somebody until a day; ``repaired``.
    """
    row = con.execute("select max(data_date) from ledger.ops.load_file").fetchone()
    day = as_of or (row[0] if row else None)
    con.execute(
        f"""
        create or replace temp table finding_seen as
        with judged as (
            select 'row' as kind, source, file_name, '' as sender, data_date
            from ledger.ops.load_file where state = 'accepted' and file_name not in ({_INCREMENTAL})
            union all
            select 'file', source, file_name, '', data_date from ledger.ops.load_file where state = 'accepted'
            union all
            select 'source', source, '', '', data_date from ledger.ops.load_file where state <> 'missing' group by all
            union all
            select distinct 'sender', source, file_name, coalesce(nullif(part, ''), feed), data_date
            from ledger.ops.delivery_part where state = 'read'
        ),
        judged_by_then as (from judged where data_date <= $day),
        sighting as (
            select *, coalesce(file_name, '') as of_file, if(kind = 'sender', sender, '') as of_sender,
                lag(data_date) over same as seen_before, lag(is_gone) over same as gone_before,
                lead(data_date) over same as seen_next
            from ledger.ops.finding_sighting
            where data_date <= $day
            window same as (partition by finding_key order by data_date)
        )
        select sighting.* exclude (of_file, of_sender),
            seen_before is null or gone_before or coalesce(former.data_date > seen_before, false) as is_opening,
            case when is_gone then sighting.data_date
                when following.data_date < seen_next or seen_next is null then following.data_date end as cleared_on
        from sighting
        asof left join judged_by_then as former
            on former.kind = sighting.kind and former.source = sighting.source and former.file_name = of_file
            and former.sender = of_sender and sighting.data_date > former.data_date
        asof left join judged_by_then as following
            on following.kind = sighting.kind and following.source = sighting.source and following.file_name = of_file
            and following.sender = of_sender and sighting.data_date < following.data_date
        """,
        {"day": day},
    )
    con.execute(
        """
        create or replace temp table finding as
        with waiver as (
            select finding_key, until_date as waived_until, waived_by, reason as waiver_reason
            from ledger.ops.finding_waiver
            qualify row_number() over (partition by finding_key order by waived_at desc) = 1
        ),
        life as (
            select finding_key, kind, source, file_name, sender, agency_code, person_key, rule_code, column_name,
                row_number, message, min(data_date) over same as first_seen, data_date as last_seen,
                max(data_date) filter (is_opening) over same as opened_on, cleared_on as repaired_on,
                count(*) over same as nights_seen, count(*) filter (is_opening) over same as times_opened
            from finding_seen
            window same as (partition by finding_key)
            qualify data_date = max(data_date) over same
        )
        select life.*,
            case when repaired_on is not null then 'repaired' when waived_until >= $day then 'waived' else 'open' end
                as state,
            if(repaired_on is null, date_diff('day', opened_on, $day) + 1, null) as days_open,
            waived_until, waived_by, waiver_reason
        from life left join waiver using (finding_key)
        order by finding_key
        """,
        {"day": day},
    )


def life_events(con: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary table ``finding_event`` beside ``finding``.

    Events: ``opened``, ``recurred`` (opened after a repair), ``repaired``, ``waived``.
    """
    con.execute(
        """
        create or replace temp table finding_event as
        select finding_key, person_key, data_date as event_date,
            if(seen_before is null, 'opened', 'recurred') as event, null::varchar as done_by, message as detail
        from finding_seen where is_opening
        union all
        select finding_key, person_key, cleared_on, 'repaired', null, null
        from finding_seen where cleared_on is not null
        union all
        select finding_key, person_key, waived_at::date, 'waived', waived_by, reason from ledger.ops.finding_waiver
        order by all
        """
    )


@dataclass(frozen=True)
class Waiver:
    """A finding that is accepted as it is, until the end of a day."""

    finding_key: str
    waived_by: str
    reason: str
    until_date: date

    def __post_init__(self) -> None:
        """Raises ParError when the words could not be published."""
        check_account(self.waived_by)
        check_reason(self.reason)


def waive(settings: Settings, waiver: Waiver) -> None:
    """Note a waiver; the next publication shows it. Raises ParError when no such finding was ever seen."""
    with run_lock(settings), open_ledger(settings) as con:
        found = con.execute(
            "select any_value(person_key), count(*) from ledger.ops.finding_sighting where finding_key = ?",
            [waiver.finding_key],
        ).fetchone()
        if found is None or not found[1]:
            raise ParError(f"There is no finding {waiver.finding_key}. par show findings lists the keys.")
        con.execute(
            "insert into ledger.ops.finding_waiver values (?, ?, ?, ?, ?, ?)",
            [waiver.finding_key, found[0], waiver.waived_by, waiver.reason, waiver.until_date,
             datetime.now(UTC).replace(tzinfo=None)],
        )  # fmt: skip


def _agency_of(table: Table) -> str:
    """SQL for the agency of a staged row: by the unit it names, by its person, by the person of its account."""
    by_person = "(select any_value(agency_code) from night.person_agency as of where of.person_key = origin.person_key)"
    if table.name == "don_vi":
        return f"coalesce({_agency_of_unit('ma_don_vi')}, {_agency_of_unit('ma_don_vi_cha')})"
    if column := _ACCOUNT_COLUMNS.get(table.name):
        return f"(select any_value(agency_code) from night.account_agency as of where of.user_id = origin.{column})"
    if table.person_column is None:
        return "null::varchar"
    if column := UNIT_COLUMNS.get(table.name):
        by_unit = _agency_of_unit(column)
        return f"coalesce({by_unit}, {by_person})" if table.name == "nhan_su" else f"coalesce({by_person}, {by_unit})"
    return by_person


def _agency_of_unit(column: str) -> str:
    return f"(select any_value(agency_code) from night.agency as of where of.ma_don_vi = origin.{column})"


def _columns(names: list[str]) -> str:
    return ", ".join(f"origin.{name}::varchar" for name in names)


def _key(parts: str) -> str:
    return f"left(sha256(concat_ws('|', {parts})), 12)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
