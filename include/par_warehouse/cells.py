"""Cells: SQL that turns the text of a cell into the stored value of its column.

Three steps, each an expression over the one before: *cleaned* (NFC, white space), *read* (the notations that a feed is
configured to have become the contract's), *typed* (the stored type, or the unreadable mark of that type). Where the
bytes of a whole column show at once that it is plain text or whole numbers, steps are spared; the results are the same.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from par_warehouse.config import Feed
from par_warehouse.contract import STORED_TYPE, Column, Kind
from par_warehouse.dialects import LOWEST_MADE_ID
from par_warehouse.text import INVISIBLE, WHITE_SPACE

UNREADABLE = {
    "VARCHAR": "'?'",
    "DATE": "date '0001-01-01'",
    "TIMESTAMP": "timestamp '0001-01-01'",
    "INTEGER": "-1",
    "BIGINT": "-1",
    "DOUBLE": "'-infinity'::double",
}
"""The unreadable mark of each stored type, as SQL: outside every allowed set and range, so that the rule finds it."""

# What could be an identification number, an old one of 9 digits included, inside another text.
_LIKE_A_NUMBER_OF_A_PERSON = "[0-9]{9,}"
# From here up to 2**61 lie the numbers that dialects make.
_MADE_IDS = f"{LOWEST_MADE_ID}::bigint"
_DAY_FIRST = "([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})( 00:00(:00)?)?"
_ISO_MIDNIGHT = "([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00(:00)?"
_SERIAL = "[2-5][0-9]{4}|60000"
_IMPRECISE = "([0-9]{1,2}[-/.])?(19|20)[0-9]{2}"


def cleaned(name: str, is_plain: bool) -> str:
    """The cell as the contract wants every text: NFC, trimmed, white space collapsed, empty is NULL."""
    if is_plain:
        return f"nullif({name}, '')"
    visible = f"regexp_replace(nfc_normalize({name}), '{INVISIBLE}', '', 'g')"
    return f"nullif(trim(regexp_replace({visible}, '{WHITE_SPACE}', ' ', 'g')), '')"


def are_plain(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether the cells hold printable ASCII without white space: none of them needs cleaning."""
    return _within(column, "!", "~")


def whole_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The cells as numbers, NULL where empty; None unless all are digits only, and none is as high as a made id."""
    if not _within(column, "0", "9"):
        return None
    try:
        numbers = without_empty(column).cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return numbers if (pc.max(numbers).as_py() or 0) < LOWEST_MADE_ID else None


def without_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells with NULL for the empty ones: all that is to be cleaned of plain cells."""
    is_empty = pc.equal(column, "")
    return pc.if_else(is_empty, None, column) if pc.any(is_empty).as_py() else column


def _within(column: pa.Array | pa.ChunkedArray, lowest: str, highest: str) -> bool:
    """Whether all bytes of a column of text are in a range; it may be denied because of bytes beside a slice."""
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        text = chunk.buffers()[2]
        data = np.frombuffer(text, np.uint8) if text else np.empty(0, np.uint8)
        if len(data) and (data.min() < ord(lowest) or data.max() > ord(highest)):
            return False
    return True


def read_as(column: Column, feed: Feed, spellings: Mapping[str, str]) -> str:
    """The cleaned cell in the contract's notation, as far as the feed is configured to have another one.

    ``spellings`` (folded) gives the values of the feed's list for this column. A cell that fits no notation stays as it
    is, for the rules to judge.
    """
    name = column.name
    if name in feed.values:
        pairs = ", ".join(f"{_literal(one)}: {_literal(value)}" for one, value in sorted(spellings.items()))
        return f"nullif(coalesce(map {{{pairs}}}[folded_value({name})], {name}), '')"
    if column.kind in (Kind.DATE, Kind.CHECKED_DATE) and feed.dates != "contract":
        return _date_read(name, feed.dates == "day_first_or_serial", column.kind is Kind.CHECKED_DATE)
    if column.kind is Kind.DECIMAL and feed.decimals == "comma":
        return (
            f"case when regexp_full_match({name}, '-?[0-9]+,[0-9]+') then replace({name}, ',', '.')"
            # In these files 1.234 may be one and a bit, or more than a thousand.
            f" when regexp_full_match({name}, '-?[0-9]{{1,3}}([.][0-9]{{3}})+') then '?' else {name} end"
        )
    return name


def is_imprecise(column: Column, feed: Feed) -> str | None:
    """SQL for "this personal date is only a year or a month"; None for a column to which it cannot happen."""
    if column.kind is Kind.CHECKED_DATE and feed.dates != "contract":
        return f"coalesce(regexp_full_match({column.name}, '{_IMPRECISE}'), false)"
    return None


def _date_read(name: str, serials: bool, imprecise_is_missing: bool) -> str:
    day_first = f"regexp_extract({name}, '{_DAY_FIRST}', ['d', 'm', 'y'])"
    cases = [
        f"when regexp_full_match({name}, '{_DAY_FIRST}') then"
        f" {day_first}.y || '-' || lpad({day_first}.m, 2, '0') || '-' || lpad({day_first}.d, 2, '0')",
        f"when regexp_full_match({name}, '{_ISO_MIDNIGHT}') then {name}[:10]",
    ]
    if serials:
        # Excel counts days from 1899-12-30 (for dates after its 29 February 1900, which never was).
        cases.append(f"when regexp_full_match({name}, '{_SERIAL}') then (date '1899-12-30' + {name}::integer)::varchar")
    if imprecise_is_missing:
        cases.append(f"when regexp_full_match({name}, '{_IMPRECISE}') then null")
    return f"case {' '.join(cases)} else {name} end"


def typed(column: Column) -> str:
    """The stored value of a read cell; a person's column gives a status, and the ``person_key`` beside it."""
    name, kind = column.name, column.kind
    if kind is Kind.PERSON_ID:
        return (
            f"case when {name} is null then null when person_key is null then 'invalid'"
            f" when coalesce(so_dinh_danh_12, {name}) = {name} then 'valid' else 'repaired' end as {name}, person_key"
        )
    unreadable = UNREADABLE[STORED_TYPE[kind]]
    return f"{_typed(name, kind, unreadable)} as {name}"


def local_time(cell: str, seconds: str) -> str:
    """The stored value of an epoch; ``seconds`` is SQL for its number, NULL when it is none."""
    # Asia/Ho_Chi_Minh has been UTC+7 without daylight saving since 1975; 0 means "not set".
    return (
        f"case when {cell} is null or ({seconds}) = 0 then null"
        f" when ({seconds}) between -62135596800 and 253402300799"
        f" then make_timestamp((({seconds}) + 25200) * 1000000) else {UNREADABLE['TIMESTAMP']} end"
    )


def as_date(name: str) -> str:
    """The read cell as a date, the unreadable mark when it is none."""
    return _typed(name, Kind.DATE, UNREADABLE["DATE"])


def _typed(cell: str, kind: Kind, unreadable: str) -> str:
    match kind:
        case Kind.NAME:
            return f"case when {cell} is not null then 'x' end"
        case Kind.TEXT:
            return f"regexp_replace({cell}, '{_LIKE_A_NUMBER_OF_A_PERSON}', '…', 'g')"
        case Kind.CODE:
            # A code that looks like a person's number or name is hashed: still equal to itself, readable to nobody.
            return (
                f"case when {cell} is null then null when regexp_full_match({cell}, '[^ ]{{1,40}}')"
                f" and not regexp_full_match({cell}, '''?[0-9]{{9,12}}') then {cell}"
                f" else '#' || left(code_hash({cell}), 32) end"
            )
        case Kind.TOKEN:
            return f"left(code_hash({cell}), 32)"
        case Kind.LIST:
            return (
                f"case when {cell} is null or (regexp_full_match({cell}, '[A-Za-z0-9_]{{1,20}}')"
                f" and not regexp_matches({cell}, '{_LIKE_A_NUMBER_OF_A_PERSON}')) then {cell} else {unreadable} end"
            )
        case Kind.CHECKED_DATE:
            # Whether it is a date is all that goes on; the date itself is in the vault.
            return (
                f"case when {cell} is null then null"
                f" when {_typed(cell, Kind.DATE, unreadable)} between date '1900-01-01' and date '2100-12-31'"
                f" then date '2000-01-01' else {unreadable} end"
            )
        case Kind.DATE:
            return (
                f"case when {cell} is null then null else coalesce("
                f"case when regexp_full_match({cell}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
                f" then try_strptime({cell}, '%Y-%m-%d')::date"
                f" when regexp_full_match({cell}, '[0-9]{{2}}/[0-9]{{2}}/[0-9]{{4}}')"
                f" then try_strptime({cell}, '%d/%m/%Y')::date end, {unreadable}) end"
            )
        case Kind.YEAR:
            digits = f"regexp_full_match({cell}, '[0-9]{{4}}')"
            return f"case when {cell} is null then null when {digits} then {cell}::integer else {unreadable} end"
        case Kind.EPOCH:
            seconds = f"case when regexp_full_match({cell}, '-?[0-9]+') then try_cast({cell} as bigint) end"
            return local_time(cell, seconds)
        case Kind.WHOLE:
            whole = f"case when regexp_full_match({cell}, '[0-9]+') then try_cast({cell} as bigint) end"
            # Made by a dialect out of what names a person or a thing: without a key anybody could make them again.
            hidden = f"{_MADE_IDS} + ('0x' || left(code_hash(({whole})::varchar), 15))::bigint"
            return (
                f"case when {cell} is null then null when ({whole}) >= {_MADE_IDS} then {hidden}"
                f" else coalesce({whole}, {unreadable}) end"
            )
        case Kind.DECIMAL:
            decimal = f"case when regexp_full_match({cell}, '-?[0-9]+([.][0-9]+)?') then try_cast({cell} as double) end"
            return f"case when {cell} is null then null else coalesce({decimal}, {unreadable}) end"
    raise ValueError(f"{kind} is not stored")


def person_digits(cell: str) -> str:
    """SQL for the 12 digits of an identification number after the contract's repair, NULL when it is invalid."""
    stripped = f"regexp_replace({cell}, '^''', '')"
    return (
        f"case when regexp_full_match({cell}, '[0-9]{{12}}') then {cell}"
        f" when regexp_full_match({stripped}, '[0-9]{{10,12}}') then lpad({stripped}, 12, '0') end"
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
