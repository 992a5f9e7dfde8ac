"""Units over time: what a delivery writes for a unit becomes the code of the unit as of a date, or stays unresolved.

A cell is a code in either notation, or it says a name. Names are those of the delivery's own ``don_vi`` and of the
alias table, each within its validity; how they are compared is in ``unit_names``. A cell may name a line of units,
"Phòng Tư pháp, UBND Q.3, TP.HCM"; then the lowest is meant.

Only what fits exactly one unit on the date is resolved. Everything else is left to a person, with the nearest units to
choose from.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from par_warehouse.errors import ParError
from par_warehouse.text import fold
from par_warehouse.unit_aliases import read_aliases
from par_warehouse.unit_names import has_marks, names, notation, spelled

_CANDIDATES = 3
# Below this nearness two names have nothing in common but a few letters.
_NEAR = 0.8
# So many unresolved cells are compared with every name: a second or two in a city of 5,000 units.
_COMPARED_CELLS = 2_000
_MOST_WORDS = 30

_CODE_COLUMNS = {"code": pa.string(), "unit": pa.string()}
_NAME_COLUMNS = {
    "key": pa.string(),
    "has_marks": pa.bool_(),
    "unit": pa.string(),
    "valid_from": pa.date32(),
    "valid_to": pa.date32(),
}
_WRITTEN_COLUMNS = {"cell": pa.string(), "code": pa.string()}
_SPOKEN_COLUMNS = {"cell": pa.string(), "key": pa.string(), "has_marks": pa.bool_()}


class UnitDirectory:
    """The units of one delivery by code and by name, in temporary tables ``unit_…`` of one connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, units: str, aliases: Path) -> None:
        """Take in the units and the alias table. Raises ParError when the alias table has mistakes.

        ``units`` names a table or view with the typed staged ``don_vi``: ``ma_don_vi, ten_don_vi, ma_don_vi_cha,
        hieu_luc_tu, hieu_luc_den, ke_thua_boi``. A row whose start cannot be read gives no unit, one whose end cannot
        be read a unit that is never in force. A unit may have several rows.
        """
        known, mistakes = read_aliases(aliases)
        if mistakes:
            raise ParError("\n".join(mistakes))
        self.con = con
        con.execute(_UNIT.format(units=units))
        rows = con.execute("select unit_name, unit, valid_from, valid_to from unit_period order by all").fetchall()
        also = [(alias.name, alias.unit, alias.valid_from, alias.valid_to) for alias in known]
        _load(con, "unit_code", _CODE_COLUMNS, sorted({(notation(unit) or unit, unit) for _, unit, *_ in rows}))
        _load(con, "unit_own_name", _NAME_COLUMNS, _by_key(rows))
        _load(con, "unit_alias", _NAME_COLUMNS, _by_key(also))
        for statement in (_UNIT_NAME, _UNIT_KIN, _UNIT_HEIR):
            con.execute(statement)

    def resolve(self, cells: str, into: str) -> None:
        """Create the temporary table ``into``: one row per distinct (cell, on_date) of the table or view ``cells``.

        ``ma_don_vi`` is the code, in today's notation also if no unit has it, or NULL: no unit, or more than one, bears
        the name on the date. ``candidates`` is given when there is no unit in force of that code: up to three units in
        force, as "H29.02 Sở Nội vụ; …", those first that the cell names at another time or that succeeded them. It is
        put together from the register alone, so it never repeats what only the cell says.
        """
        con = self.con
        con.execute(
            f"create or replace temp table unit_asked as select distinct cell, on_date from {cells}"
            " where cell is not null"
        )
        unknown = con.execute(
            "select distinct cell from unit_asked where cell not in (select unit from unit_code) order by cell"
        ).fetchall()
        written = {cell: code for (cell,) in unknown if (code := notation(cell))}
        spoken = [(cell, *said) for (cell,) in unknown for said in _said(cell, written.get(cell))]
        _load(con, "unit_written", _WRITTEN_COLUMNS, list(written.items()))
        _load(con, "unit_spoken", _SPOKEN_COLUMNS, spoken)
        for statement in (_UNIT_READING, _UNIT_RESOLVED, _UNIT_OPEN, _UNIT_CANDIDATE):
            con.execute(statement)
        con.execute(
            f"create or replace temp table {into} as select cell, on_date, ma_don_vi, candidates"
            " from unit_resolved left join unit_candidate using (cell, on_date) order by cell, on_date"
        )


def _by_key(rows: Iterable[Sequence[Any]]) -> list[tuple[object, ...]]:
    """The rows (name, …) once for everything that a cell may say for the name."""
    return [(key, marks, *rest) for name, *rest in rows for marks in (False, True) for key in names(name, marks)]


def _said(cell: str, code: str | None) -> list[tuple[str, bool]]:
    if code is not None:
        return [(fold(code), False)]
    # A cell without any marks has lost them, perhaps: "Thanh" may stand for "Thạnh".
    marks = has_marks(cell)
    return [(key, marks) for key in spelled(cell, marks)]


def _load(
    con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, pa.DataType], rows: Sequence[tuple[object, ...]]
) -> None:
    schema = pa.schema(list(columns.items()))
    con.register("unit_rows", pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema))
    con.execute(f"create or replace temp table {name} as from unit_rows")
    con.unregister("unit_rows")


_UNIT = """
create or replace temp table unit_period as
select distinct
    ma_don_vi as unit,
    coalesce(ten_don_vi, '') as unit_name,
    hieu_luc_tu as valid_from,
    coalesce(hieu_luc_den, date '9999-12-31') as valid_to,
    ma_don_vi_cha as parent,
    ke_thua_boi as heir
from {units}
where ma_don_vi is not null and hieu_luc_tu between date '1900-01-01' and date '2100-12-31'
"""

# Under what names a unit is known, and when. An alias counts while the unit itself is there.
_UNIT_NAME = """
create or replace temp table unit_name as
from unit_own_name
union
select
    unit_alias.key,
    unit_alias.has_marks,
    unit,
    greatest(unit_alias.valid_from, unit_period.valid_from) as valid_from,
    least(unit_alias.valid_to, unit_period.valid_to) as valid_to
from unit_alias
inner join unit_period using (unit)
where unit_alias.valid_from <= unit_period.valid_to and unit_period.valid_from <= unit_alias.valid_to
"""

# Any two units of which one is above the other, and which of them is the lower.
_UNIT_KIN = """
create or replace temp table unit_kin as
with recursive above as (
    select unit, parent as other from unit_period where parent is not null
    union
    select above.unit, unit_period.parent as other
    from above
    inner join unit_period on unit_period.unit = above.other
    where unit_period.parent is not null
)
select unit, other, unit as lower_unit from above where unit <> other
union all
select other as unit, unit as other, unit as lower_unit from above where unit <> other
"""

# Who came after a unit: the heir, the heir's heir, ….
_UNIT_HEIR = """
create or replace temp table unit_heir as
with recursive later as (
    select unit, heir, 1 as steps from unit_period where heir is not null
    union
    select later.unit, unit_period.heir, later.steps + 1 as steps
    from later
    inner join unit_period on unit_period.unit = later.heir
    where unit_period.heir is not null and later.steps < 10
)
from later
"""

# Reads a cell from left to right, name after name, as long as all of them lie on one line of the tree.
_UNIT_READING = f"""
create or replace temp table unit_reading as
with recursive reading as (
    select
        cell,
        has_marks,
        string_split(key, ' ') as words,
        0 as words_read,
        null::varchar as unit,
        date '0001-01-01' as valid_from,
        date '9999-12-31' as valid_to
    from unit_spoken
    where
        len(string_split(key, ' ')) <= {_MOST_WORDS}
        and cell not in (select cell from unit_written)
    union
    select
        step.cell,
        step.has_marks,
        step.words,
        step.words_up_to as words_read,
        coalesce(unit_kin.lower_unit, unit_name.unit) as unit,
        greatest(step.valid_from, unit_name.valid_from) as valid_from,
        least(step.valid_to, unit_name.valid_to) as valid_to
    from (
        select *, unnest(range(words_read + 1, len(words) + 1)) as words_up_to from reading
    ) as step
    inner join
        unit_name
        on unit_name.has_marks = step.has_marks
        and unit_name.key = array_to_string(step.words[step.words_read + 1 : step.words_up_to], ' ')
    left join unit_kin on unit_kin.unit = step.unit and unit_kin.other = unit_name.unit
    where step.unit is null or step.unit = unit_name.unit or unit_kin.unit is not null
)
select distinct cell, unit, valid_from, valid_to from reading where words_read = len(words)
"""

_UNIT_RESOLVED = """
create or replace temp table unit_resolved as
with written as (
    select cell, coalesce(case when count(distinct unit) = 1 then min(unit) end, code) as unit
    from unit_written
    left join unit_code using (code)
    group by cell, code
),
named as (
    select cell, on_date, case when count(distinct unit) = 1 then min(unit) end as unit
    from unit_asked
    inner join unit_reading using (cell)
    where on_date between valid_from and valid_to
    group by cell, on_date
)
select
    unit_asked.cell,
    unit_asked.on_date,
    coalesce(known.unit, written.unit, named.unit) as ma_don_vi
from unit_asked
left join (select distinct unit from unit_code) as known on known.unit = unit_asked.cell
left join written on written.cell = unit_asked.cell
left join named on named.cell = unit_asked.cell and named.on_date = unit_asked.on_date
"""

# The cells that no unit in force answers, with every text by which near units can be looked for.
_UNIT_OPEN = f"""
create or replace temp table unit_open as
select cell, on_date, ma_don_vi
from unit_resolved
where
    on_date is not null
    and not exists (
        from unit_period
        where unit_period.unit = ma_don_vi and on_date between unit_period.valid_from and unit_period.valid_to
    )
order by cell, on_date
limit {_COMPARED_CELLS}
"""

_UNIT_CANDIDATE = f"""
create or replace temp table unit_candidate as
with meant as (
    -- what the cell names at whatever time: the unit itself, and those that came after it
    select cell, unit from unit_reading
    union
    select cell, ma_don_vi as unit from unit_open where ma_don_vi is not null
),
successor as (
    select cell, unit, 0 as steps from meant
    union
    select meant.cell, unit_heir.heir as unit, min(unit_heir.steps) as steps
    from meant
    inner join unit_heir using (unit)
    group by all
),
text as (
    -- Lý and Lí, Mỹ and Mĩ: spellings that may be meant, but are not the same
    select cell, replace(regexp_replace(key, '_[a-z]+', '', 'g'), 'y', 'i') as key from unit_spoken
    union
    select cell, replace(unit_name.key, 'y', 'i') as key
    from unit_open
    inner join unit_name on unit_name.unit = unit_open.ma_don_vi and not unit_name.has_marks
),
known_text as (
    select unit, replace(key, 'y', 'i') as key from unit_name where not has_marks
    union
    select unit, lower(replace(code, '.', ' ')) as key from unit_code
),
near as (
    select text.cell, known_text.unit, max(jaro_winkler_similarity(text.key, known_text.key)) as nearness
    from text
    inner join (select distinct cell from unit_open) using (cell)
    inner join known_text on jaro_winkler_similarity(text.key, known_text.key) >= {_NEAR}
    group by all
),
offered as (
    select cell, coalesce(near.unit, successor.unit) as unit, min(steps) as steps, max(nearness) as nearness
    from near
    full join successor using (cell, unit)
    group by all
),
ranked as (
    select
        cell,
        on_date,
        offered.unit || ' ' || unit_period.unit_name as shown,
        row_number() over (
            partition by cell, on_date
            order by steps nulls last, nearness desc nulls last, offered.unit, unit_period.unit_name
        ) as place
    from unit_open
    inner join offered using (cell)
    inner join unit_period using (unit)
    where on_date between unit_period.valid_from and unit_period.valid_to
)
select cell, on_date, string_agg(shown, '; ' order by place) as candidates
from ranked
where place <= {_CANDIDATES}
group by cell, on_date
"""
