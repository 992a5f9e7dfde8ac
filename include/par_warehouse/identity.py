"""Identity: old numbers, staff numbers and e-mail addresses become persons, as far as HR says whose they are.

HR says it in a map (``dinh_danh_cu``) and in its staff list. Each delivery is a full snapshot of its origin, and data
date D is served by the last snapshot up to D of every origin, so running an old date again finds the same persons.

An identifier that leads to exactly one person resolves. One that leads to several resolves to nobody, and neither does
a name: such persons are only offered, in a report for the stewards below the vault.

All tables lie in the vault. A snapshot repeats nearly everything of the one before, so a statement is stored once, with
the delivery that said it first and the first one that no longer did.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv

from par_warehouse.cells import person_digits
from par_warehouse.settings import Settings
from par_warehouse.text import WHITE_SPACE, register_fold

_FOREVER = "date '9999-12-31'"
_STATEMENTS = {
    "identifier": "kind varchar, value varchar, person_key varchar, valid_from date, valid_to date",
    "account_person": (
        "user_id bigint, person_key varchar, matched_by varchar, is_ambiguous boolean, is_deleted boolean"
    ),
    "account_offer": "user_id bigint, person_key varchar, offered_by varchar",
}
_ACCOUNTS = "mdl_user"
_OFFERED = 3

_KINDS = ("CMND", "SO_HIEU", "EMAIL")
_SINGLE = "case when count(distinct person_key) = 1 then min(person_key) end"


@dataclass(frozen=True)
class Remembered:
    """What became of the rows of a map: ``kept``, or ``refused`` because kind, value, person or dates are unusable."""

    kept: int
    refused: int


@dataclass(frozen=True)
class IdentityReport:
    """How the accounts of a data date found their persons. ``tables`` hold personal data, ``counts`` do not."""

    data_date: date
    tables: Mapping[str, pa.Table] = field(repr=False)
    counts: Mapping[str, int]


def create_identity_tables(con: duckdb.DuckDBPyConnection, vault: str) -> None:
    """Create the tables in the catalog ``vault`` where they are not there yet. All other functions need them."""
    con.execute(
        f"create table if not exists {vault}.identity_snapshot"
        " (table_name varchar, origin varchar, delivery_date date, primary key (table_name, origin, delivery_date))"
    )
    for table, columns in _STATEMENTS.items():
        con.execute(
            f"create table if not exists {vault}.{table}"
            f" (origin varchar, {columns}, delivery_date date, until_delivery_date date)"
        )


def remember_identifiers(
    con: duckdb.DuckDBPyConnection, vault: str, origin: str, data_date: date, identifiers: str
) -> Remembered:
    """Take in the whole map that ``origin`` delivered for a data date; what it delivered for it before is forgotten.

    Persons whom only the map knows enter the vault's ``person``, without a name.
    ``identifiers`` names a table or view: ``loai`` (``CMND``, ``SO_HIEU``, ``EMAIL``), ``gia_tri``, ``so_dinh_danh``
    as delivered, ``tu_ngay`` and ``den_ngay`` as dates. Needs ``pseudonym.register_hmac`` and no open transaction.
    """
    values = " ".join(f"when '{kind}' then {_value(kind, 'gia_tri')}" for kind in _KINDS)
    con.execute(
        f"""
        create or replace temp table identity_map as
        select
            upper(trim(loai)) as kind,
            case upper(trim(loai)) {values} end as value,
            {person_digits("so_dinh_danh")} as so_dinh_danh,
            keyed_hash({person_digits("so_dinh_danh")}) as person_key,
            coalesce(tu_ngay, date '1900-01-01') as valid_from,
            coalesce(den_ngay, {_FOREVER}) as valid_to
        from {identifiers}
        """
    )
    rows = _count(con, "select count(*) from identity_map")
    con.execute(
        "delete from identity_map where value is null or person_key is null"
        " or valid_from < date '1900-01-01' or valid_to < valid_from"
    )
    kept = _count(con, "select count(*) from identity_map")
    con.execute(
        f"insert into {vault}.person by name select distinct person_key, so_dinh_danh from identity_map"
        f" where person_key not in (select person_key from {vault}.person) order by person_key"
    )
    con.execute(
        "create or replace temp table identity_said as select distinct * exclude (so_dinh_danh) from identity_map"
    )
    _replace_snapshot(con, vault, "identifier", origin, data_date)
    return Remembered(kept, rows - kept)


def resolve_ids(con: duckdb.DuckDBPyConnection, vault: str, data_date: date, cells: str, into: str) -> None:
    """Create the temporary table ``into``: (cell, person_key, is_ambiguous), one row per cell that the map knows.

    ``cells`` names a table or view with the column ``cell``. A cell that the export contract reads as an identification
    number, repaired or not, is not looked up. ``person_key`` is NULL where several persons bear the identifier.
    """
    con.execute(
        f"create or replace temp table {into} as select item as cell, {_SINGLE} as person_key,"
        f" count(distinct person_key) > 1 as is_ambiguous"
        f" from ({_hits(vault, data_date, f'select distinct cell as item, cell from {cells}')})"
        " group by item order by item"
    )


def match_accounts(con: duckdb.DuckDBPyConnection, vault: str, data_date: date, accounts: str, into: str) -> None:
    """Create the temporary table ``into``: (user_id, person_key, matched_by, is_ambiguous), one row per account.

    An account whose ``idnumber`` is an identification number after the contract's repair is that person's. Another one
    is matched by the identifiers of the map, wherever in ``idnumber``, ``username`` or ``email`` they stand, if all of
    them lead to one person. The outcome is kept in the vault, with the persons offered for accounts without one.

    ``accounts`` names a table or view: ``user_id, idnumber, username, email, firstname, lastname, ngay_sinh, deleted``;
    ``ngay_sinh`` is a date, ``deleted`` 1 or 0. Needs ``pseudonym.register_hmac`` and no open transaction.
    """
    register_fold(con)
    con.execute(
        f"create or replace temp table account_hit as select user_id, 'IDNUMBER' as kind,"
        f" keyed_hash({person_digits('idnumber')}) as person_key from {accounts}"
        f" where user_id is not null and {person_digits('idnumber')} is not null"
    )
    others = (
        f"select user_id as item, unnest([idnumber, username, email]) as cell from {accounts}"
        " where user_id not in (select user_id from account_hit)"
    )
    con.execute(
        f"insert into account_hit select item as user_id, kind, person_key from ({_hits(vault, data_date, others)})"
    )
    con.execute(
        f"""
        create or replace temp table identity_said as
        with account as (
            select user_id, bool_or(coalesce(deleted, 0) = 1) as is_deleted
            from {accounts}
            where user_id is not null
            group by user_id
        )
        select
            user_id,
            {_SINGLE} as person_key,
            case
                when count(distinct person_key) = 1
                then arg_min(kind, list_position(['IDNUMBER', 'CMND', 'SO_HIEU', 'EMAIL'], kind))
            end as matched_by,
            count(distinct person_key) > 1 as is_ambiguous,
            is_deleted
        from account
        left join account_hit using (user_id)
        group by user_id, is_deleted
        """
    )
    con.execute(
        f"create or replace temp table {into} as"
        " select user_id, person_key, matched_by, is_ambiguous from identity_said order by user_id"
    )
    con.execute(_OPEN_ACCOUNT.format(accounts=accounts))
    _replace_snapshot(con, vault, "account_person", _ACCOUNTS, data_date)
    con.execute(_OFFER.format(vault=vault))
    _replace_snapshot(con, vault, "account_offer", _ACCOUNTS, data_date)


def identity_report(con: duckdb.DuckDBPyConnection, vault: str, data_date: date) -> IdentityReport:
    """The report on the accounts as ``match_accounts`` left them for this data date.

    Tables, sorted: ``matched_by`` (accounts matched by something else than their idnumber), ``unmatched`` (accounts of
    nobody, with persons to choose from), ``ambiguous`` (identifiers of several persons), ``duplicate`` (persons with
    several accounts), ``moved`` (accounts that had another person, or lost theirs, since the delivery before).
    """
    for name, query in {
        "account_now": _as_of(vault, "account_person", data_date),
        "account_before": _as_of(vault, "account_person", _delivery_before(con, vault, data_date)),
        "account_offered": _as_of(vault, "account_offer", data_date),
        "identifier_known": _known(vault, data_date),
        "person": f"select person_key, so_dinh_danh, ho_ten from {vault}.person",
    }.items():
        con.execute(f"create or replace temp view identity_{name} as {query}")
    tables = {}
    for name, query in _REPORT.items():
        columns = [column for column, *_ in con.execute(f"describe {query}").fetchall()]
        shown = ", ".join(f'{_safe(column)} as "{_HEADINGS[column]}"' for column in columns)
        tables[name] = con.execute(f"select {shown} from ({query}) order by {', '.join(columns)}").to_arrow_table()
    counts = {name: _count(con, query) for name, query in _COUNTS.items()}
    return IdentityReport(data_date, tables, counts)


def write_report(settings: Settings, report: IdentityReport) -> Path:
    """Write the report below the vault, one CSV file per table for a spreadsheet, readable by its owner only."""
    folder = settings.vault / "reports" / report.data_date.isoformat()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, table in report.tables.items():
        partial = folder / f"{name}.part"
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(b"\xef\xbb\xbf")
            csv.write_csv(table, file)
        partial.replace(folder / f"{name}.csv")
    return folder


def _value(kind: str, cell: str) -> str:
    """SQL for a cell as identifiers of this kind are compared, NULL when it does not look like one.

    White space goes, and the apostrophe that makes a number a text in a spreadsheet.
    """
    bare = f"regexp_replace(nfc_normalize({cell}), '^''|{WHITE_SPACE}', '', 'g')"
    match kind:
        case "CMND":
            return f"case when regexp_full_match({bare}, '[0-9]{{9}}') then {bare} end"
        case "SO_HIEU":
            # What is shorter, or has no digit, is as likely an ordinal number or a remark.
            return f"case when length({bare}) >= 4 and regexp_matches({bare}, '[0-9]') then upper({bare}) end"
        case "EMAIL":
            return f"case when regexp_full_match({bare}, '[^@]+@[^@]+[.][^@]+') then lower({bare}) end"
    raise ValueError(f"{kind} is no kind of identifier")


def _hits(vault: str, data_date: date, items: str) -> str:
    """A query for (item, kind, person_key): whom the cells of ``items`` (item, cell) lead to."""
    values = ", ".join(f"{{kind: '{kind}', value: {_value(kind, 'cell')}}}" for kind in _KINDS)
    return (
        "select distinct item, kind, person_key"
        f" from (select item, unnest([{values}], recursive := true) from ({items})"
        f" where {person_digits('cell')} is null)"
        f" inner join ({_known(vault, data_date)}) using (kind, value)"
    )


def _known(vault: str, data_date: date) -> str:
    """A query for (kind, value, person_key) as of a date. A CMND number never passed to another person."""
    return (
        f"select distinct kind, value, person_key from ({_as_of(vault, 'identifier', data_date)})"
        f" where kind = 'CMND' or date '{data_date}' between valid_from and valid_to"
    )


def _as_of(vault: str, table: str, data_date: date) -> str:
    return (
        f"select * exclude (origin, delivery_date, until_delivery_date) from {vault}.{table}"
        f" where delivery_date <= date '{data_date}' and until_delivery_date > date '{data_date}'"
    )


def _delivery_before(con: duckdb.DuckDBPyConnection, vault: str, data_date: date) -> date:
    (day,) = _row(
        con,
        "select coalesce(max(delivery_date), date '0001-01-01')"
        f" from {vault}.identity_snapshot where table_name = 'account_person' and delivery_date < date '{data_date}'",
    )
    assert isinstance(day, date)
    return day


def _replace_snapshot(con: duckdb.DuckDBPyConnection, vault: str, table: str, origin: str, data_date: date) -> None:
    """Let ``table`` say what ``identity_said`` says, from this delivery of ``origin`` to the next one that is known.

    Between two deliveries nothing changes, so a statement covers this time wholly or not at all: one that is gone is
    cut out of it, a new one is joined with what stands before and behind.
    """
    columns = [column.split()[0] for column in _STATEMENTS[table].split(", ")]
    listed = ", ".join(columns)
    origin = _literal(origin)
    day = f"date '{data_date}'"
    (following,) = _row(
        con,
        f"select coalesce(min(delivery_date), {_FOREVER}) from {vault}.identity_snapshot"
        f" where table_name = '{table}' and origin = {origin} and delivery_date > {day}",
    )
    until = f"date '{following}'"
    con.execute(
        "create or replace temp table identity_stored as"
        f" select rowid as stored_row, * exclude (origin) from {vault}.{table}"
        f" where origin = {origin} and delivery_date <= {until} and until_delivery_date >= {day}"
    )
    saying = f"select {listed} from identity_stored where delivery_date <= {day} and until_delivery_date > {day}"
    con.execute(
        "create or replace temp table identity_changed as"
        f" select true as is_gone, * from ({saying} except select {listed} from identity_said)"
        f" union all select false as is_gone, * from (select {listed} from identity_said except {saying})"
    )
    con.execute(
        "create or replace temp table identity_touched as"
        " select changed.*, stored_row, delivery_date, until_delivery_date"
        " from identity_changed as changed inner join identity_stored as stored"
        f" on {_same('changed', 'stored', columns)}"
        f" where if(is_gone, delivery_date <= {day} and until_delivery_date > {day},"
        f" delivery_date = {until} or until_delivery_date = {day})"
    )
    changed = ", ".join(f"changed.{column}" for column in columns)
    with _transaction(con):
        con.execute(f"delete from {vault}.{table} where rowid in (select stored_row from identity_touched)")
        con.execute(
            f"""
            insert into {vault}.{table} by name
            select {origin} as origin, {listed}, delivery_date, {day} as until_delivery_date
            from identity_touched where is_gone and delivery_date < {day}
            union all by name
            select {origin} as origin, {listed}, {until} as delivery_date, until_delivery_date
            from identity_touched where is_gone and until_delivery_date > {until}
            union all by name
            select
                {origin} as origin,
                {changed},
                least({day}, min(touched.delivery_date)) as delivery_date,
                greatest({until}, max(touched.until_delivery_date)) as until_delivery_date
            from identity_changed as changed
            left join identity_touched as touched
                on not touched.is_gone and {_same("changed", "touched", columns)}
            where not changed.is_gone
            group by all
            order by all
            """
        )
        con.execute(f"insert or ignore into {vault}.identity_snapshot values ('{table}', {origin}, {day})")


@contextmanager
def _transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _same(one: str, other: str, columns: Sequence[str]) -> str:
    return " and ".join(f"{one}.{column} is not distinct from {other}.{column}" for column in columns)


def _safe(column: str) -> str:
    """SQL for a cell that a spreadsheet neither calculates nor takes the leading zero from."""
    text = f"{column}::varchar"
    unsafe = f"regexp_matches({text}, '^\\s*[-=+@]') or regexp_full_match({text}, '[0-9]{{9,}}')"
    return f"if({unsafe}, '''', '') || {text}"


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    (count,) = _row(con, query)
    assert isinstance(count, int)
    return count


def _row(con: duckdb.DuckDBPyConnection, query: str) -> tuple[object, ...]:
    row = con.execute(query).fetchone()
    assert row is not None
    return tuple(row)


# Accounts of nobody, under their names in both orders: Moodle's two name fields are filled in either way.
_OPEN_ACCOUNT = """
create or replace temp table account_open as
select distinct
    user_id,
    unnest([folded(concat_ws(' ', firstname, lastname)), folded(concat_ws(' ', lastname, firstname))]) as name,
    ngay_sinh as born
from {accounts}
inner join identity_said using (user_id)
where person_key is null and not is_deleted
"""

# The best reason only, and nobody at all where it fits too many: a list of namesakes helps no one.
_OFFER = f"""
create or replace temp table identity_said as
with person as (
    select
        person_key,
        folded(ho_ten) as name,
        coalesce(
            try_strptime(ngay_sinh::varchar, '%Y-%m-%d'), try_strptime(ngay_sinh::varchar, '%d/%m/%Y')
        )::date as born
    from {{vault}}.person
),
fitting as (
    select user_id, account_hit.person_key, 'IDENTIFIER' as offered_by, 1 as place
    from account_hit
    inner join (select distinct user_id from account_open) using (user_id)
    union
    select
        user_id,
        person.person_key,
        if(account_open.born = person.born, 'NAME_AND_BIRTH_DATE', 'NAME') as offered_by,
        if(account_open.born = person.born, 2, 3) as place
    from account_open
    inner join person using (name)
    where name <> '' and coalesce(account_open.born = person.born, true)
),
best as (
    select distinct user_id, person_key, offered_by
    from fitting
    qualify place = min(place) over (partition by user_id)
)
from best
qualify count(*) over (partition by user_id) <= {_OFFERED}
"""

_HEADINGS = {
    "user_id": "Mã tài khoản · account",
    "matched_by": "Khớp theo · matched by",
    "so_dinh_danh": "Số định danh · identification number",
    "ho_ten": "Họ và tên · name",
    "state": "Tình trạng · state",
    "offered_by": "Gợi ý theo · offered by",
    "kind": "Loại mã · kind of identifier",
    "value": "Giá trị · value",
    "reason": "Lý do · reason",
    "former_so_dinh_danh": "Số định danh trước đây · former identification number",
    "former_ho_ten": "Họ và tên trước đây · former name",
}
_DUPLICATE = """
from identity_account_now
where person_key is not null and not is_deleted
qualify count(*) over (partition by person_key) > 1
"""
_REPORT = {
    "matched_by": """
        select user_id, matched_by, so_dinh_danh, ho_ten
        from identity_account_now
        left join identity_person using (person_key)
        where matched_by <> 'IDNUMBER'
    """,
    "unmatched": """
        select
            user_id,
            if(is_ambiguous, 'mã của nhiều người · of several persons', 'không tìm thấy · not found') as state,
            so_dinh_danh,
            ho_ten,
            offered_by
        from identity_account_now as account
        left join identity_account_offered as offered using (user_id)
        left join identity_person as person on person.person_key = offered.person_key
        where account.person_key is null and not is_deleted
    """,
    "ambiguous": """
        select kind, value, so_dinh_danh, ho_ten
        from (from identity_identifier_known qualify count(*) over (partition by kind, value) > 1)
        left join identity_person using (person_key)
    """,
    "duplicate": f"""
        select so_dinh_danh, ho_ten, user_id, matched_by
        from ({_DUPLICATE})
        left join identity_person using (person_key)
    """,
    "moved": """
        select
            user_id,
            if(now.person_key is null, 'mất mã định danh · identifier gone', 'đổi người · another person') as reason,
            former.so_dinh_danh as former_so_dinh_danh,
            former.ho_ten as former_ho_ten,
            present.so_dinh_danh,
            present.ho_ten
        from identity_account_now as now
        inner join identity_account_before as before using (user_id)
        left join identity_person as former on former.person_key = before.person_key
        left join identity_person as present on present.person_key = now.person_key
        where before.person_key is not null and before.person_key is distinct from now.person_key
    """,
}
_COUNTS = {
    "accounts": "select count(*) from identity_account_now",
    **{
        f"matched_by_{kind.lower()}": f"select count(*) from identity_account_now where matched_by = '{kind}'"
        for kind in ("IDNUMBER", *_KINDS)
    },
    "unmatched": "select count(*) from identity_account_now where person_key is null and not is_deleted",
    "unmatched_with_offer": "select count(distinct user_id) from identity_account_offered",
    "ambiguous": f"select count(distinct (kind, value)) from ({_REPORT['ambiguous']})",
    "duplicate": f"select count(distinct person_key) from ({_DUPLICATE})",
    "moved": f"select count(*) from ({_REPORT['moved']})",
}
