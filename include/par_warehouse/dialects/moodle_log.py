"""Dialect ``moodle_log``: the export of Moodle's logs, of one course or of the whole site.

Three columns are read: the local time, the event's name, and the description, which says who viewed which activity. The
description is English whatever the language of the site, so it decides. The columns with names of persons and network
addresses are passed over. A time without seconds counts from the start of its minute.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.dialects import Context, DeliveredFile, Part, Records, UnreadableFile
from par_warehouse.dialects._moodle_screens import Screen, ScreenOptions
from par_warehouse.text import register_fold

Options = ScreenOptions

# Folded, in English and Vietnamese.
_HEADINGS = {
    "time": ("time", "thoi gian"),
    "event": ("event name", "ten su kien"),
    "description": ("description", "mo ta"),
}
_VIEWED = ("course module viewed", "mo dun khoa hoc da xem", "da xem mo dun khoa hoc")
_DESCRIPTION = r"^The user with id ''(\d+)'' viewed the ''?\w+''? activity with (?:the )?course module id ''(\d+)''\.?$"


def read(files: Sequence[DeliveredFile], options: ScreenOptions, context: Context) -> list[Part]:
    """``mdl_course_modules_viewed`` with one row per view, however often its line is repeated.

    A line whose event is a view, but whose description is not understood, becomes a row without account and module.
    All other events are only counted. Eight bytes per view are held in memory. Raises UnreadableFile.
    """
    (file,) = files
    screen = Screen.of(file, options, context)
    cells = {name: place for name, known in _HEADINGS.items() if (place := screen.position(known)) is not None}
    if len(cells) < len(_HEADINGS):
        raise UnreadableFile(
            "đây không phải tệp xuất nhật ký của Moodle: phải có các cột Thời gian (Time), Tên sự kiện (Event name) và"
            " Mô tả (Description); hãy xuất lại và giữ nguyên các cột",
            "this is no export of Moodle's logs, which has the columns Time, Event name and Description; export it"
            " again and leave the columns as they are",
        )
    names = [column.name for column in TABLES_BY_NAME["mdl_course_modules_viewed"].columns]
    others = screen.others(set(cells.values()), names)
    notes: dict[str, int] = {}

    def records(wanted: Sequence[str]) -> Iterator[Records]:
        notes.update(other_events=0, repeated_lines=0)
        asked = {f"other_{place}": place for name, place in others.items() if name in wanted}
        selected = ["number", *(f"other_{others[name]}" if name in others else name for name in wanted)]
        with screen.connection() as con:
            register_fold(con)
            con.execute("create temp table seen (id bigint)")
            for found in screen.records({**cells, **asked}):
                con.register("delivered", found.table.append_column("number", pa.array(found.numbers)))
                con.execute(_VIEWED_NOW)
                con.execute("insert into seen select id from viewed where id is not null and not is_repeated")
                rows = con.execute(_ROWS.format(selected=", ".join(selected))).to_arrow_table()
                views = con.execute("select count(*) from viewed").fetchall()[0][0]
                notes["other_events"] += len(found.numbers) - views
                notes["repeated_lines"] += views - len(rows)
                table = pa.Table.from_arrays(rows.columns[1:], list(wanted))
                yield Records(table, rows.column(0).to_numpy(), found.malformed)

    return [Part("mdl_course_modules_viewed", [*names, *others], records, notes)]


_VIEWED_NOW = f"""
    create or replace temp table viewed as
    with line as (
        select
            number,
            nullif(trim(time), '') as time,
            event,
            regexp_extract(description, '{_DESCRIPTION}', ['user', 'module']) as said
        from delivered
    ),
    told as (
        select
            number,
            epoch_of(time) as timecreated,
            nullif(said.user, '') as userid,
            nullif(said.module, '') as coursemoduleid
        from line
        where said.user <> '' or folded(event) in {_VIEWED}
    ),
    known as (
        select *, case when userid is not null then view_id(timecreated, userid, coursemoduleid) end as id from told
    )
    select
        *,
        coalesce(userid is not null and timecreated <> '?', false) and (
            id in (select id from seen) or row_number() over (partition by id order by number) > 1
        ) as is_repeated
    from known
"""
_ROWS = """
    select {selected}
    from (select * replace (id::varchar as id) from viewed where not is_repeated)
    join delivered using (number)
    order by number
"""
