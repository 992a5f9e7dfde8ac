"""The SQL of the dialect ``xapi``: from lines of JSON to the rows of the tables, step by step in one DuckDB.

``chunk`` (lines) -> ``field`` (texts) -> ``meant`` (kinds and ids) are made anew for every chunk and add to
``statement``, ``learner`` and ``activity``; once all is read, ``SETTLE_SQL`` makes of them ``judged`` and ``evidence``.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import pyarrow as pa

from par_warehouse.dialects import LOWEST_MADE_ID
from par_warehouse.dialects._xapi_mapping import VOIDED, Course, MappingOfStatements, Material, Meaning

_FIELDS = {
    "statement_id": ("id",),
    "actor_type": ("actor", "objectType"),
    "home_page": ("actor", "account", "homePage"),
    "account_name": ("actor", "account", "name"),
    "mbox": ("actor", "mbox"),
    "mbox_sha1sum": ("actor", "mbox_sha1sum"),
    "openid": ("actor", "openid"),
    "verb": ("verb", "id"),
    "object_type": ("object", "objectType"),
    "activity": ("object", "id"),
    "activity_type": ("object", "definition", "type"),
    "success": ("result", "success"),
    "completion": ("result", "completion"),
    "timestamp": ("timestamp",),
    "stored": ("stored",),
}
_CONTEXT = ("context", "contextActivities")
_KINDS_OF_CONTEXT = ("parent", "grouping")

# RFC 3339, and the offsets +07 and +0700 that ISO 8601 allows besides.
_TIME = (
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,]\d+)?(?:[Zz]|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)"
)  # fmt: skip

TABLES_SQL = f"""
    create macro made_id(hex) as {LOWEST_MADE_ID}::bigint + ('0x' || left(hex, 15))::bigint;
    create macro key_of(name) as left(sha256(name), 32)::uuid;
    create table statement (position bigint, key uuid, target uuid, content ubigint, kind varchar, user_id bigint,
        course_id bigint, material_id bigint, seconds bigint);
    create table learner (agent varchar, id bigint);
    create table activity (iri varchar, is_course boolean, id bigint, identity varchar, code varchar, course varchar)
"""

# Objects in which a repeated key could hide a value that counts.
_OBJECTS = (
    "$", "$.actor", "$.actor.account", "$.verb", "$.object", "$.object.definition", "$.result", "$.result.extensions",
    "$.context", "$.context.contextActivities",
)  # fmt: skip

# The keys are NULL where the line is no JSON. One look at each line finds all that is wrong with it.
CHECK_SQL = f"""
    select
        min(number) filter (keys is null or not regexp_matches(line, '^[ \\t]*\\{{')),
        min(number) filter (list_bool_or(list_transform(keys, lambda one: list_unique(one) <> len(one))))
    from (select number, line, try(json_keys(line, {list(_OBJECTS)})) as keys from chunk)
    where keys is not null or regexp_matches(line, '[^ \\t\\r\\n]')
"""

COLLISION_SQL = """
    select 1 from (
        select id from learner group by id having count(distinct agent) > 1
        union all
        select id from activity group by id, is_course having count(distinct identity) > 1
    )
    limit 1
"""

SETTLE_SQL = """
    create table judged as
    with original as (
        select key, min(position) as position, arg_min(content, position) as content from statement group by key
    ),
    void as (
        select distinct statement.target from statement join original using (key, position) where kind = 'voiding'
    )
    select statement.position, statement.key, user_id, course_id, material_id, seconds,
        case
            when statement.position <> original.position
                then if(statement.content = original.content, 'duplicates', 'conflicting_ids')
            when kind = 'voiding' then if(voided.key is null, 'voided_elsewhere', 'voiding')
            when void.target is not null then 'voided'
            else kind
        end as kind
    from statement
    join original using (key)
    left join void on void.target = statement.key
    left join original as voided on voided.key = statement.target;

    drop table statement;

    create table evidence as
    select kind, position, made_id(replace(key::varchar, '-', '')) as id,
        user_id, course_id, material_id, if(seconds <> 0, seconds::varchar, '?') as happened
    from judged where kind in ('passed', 'viewed');

    create view item as
    select id, is_course, arg_min(code, iri) as code from activity group by id, is_course
"""

# The rows of each table. What statements do not say (enrolment, states, times of change) stays empty.
ROWS_SQL = {
    "mdl_user": """
        select id, if(idnumber = '', username, '') as username, idnumber, '' as suspended, '' as deleted,
            '' as timecreated, '' as timemodified, position
        from (
            select id, regexp_extract(agent, '^account \\S+ ([0-9]{12})$', 1) as idnumber,
                regexp_extract(agent, '(?s)^(?:account \\S+ |mbox mailto:|mbox_sha1sum |openid )(.+)$', 1) as username
            from learner
        )
        join (select user_id, min(position) as position from evidence group by user_id) on user_id = id
    """,
    "mdl_course": """
        select id, code as idnumber, '' as shortname, '' as fullname, '' as startdate, '' as enddate,
            '' as timemodified, position
        from item join (select course_id, min(position) as position from evidence group by course_id) on course_id = id
        where is_course
    """,
    "mdl_course_completions": """
        select id, user_id as userid, course_id as course, '' as timeenrolled, '' as timestarted,
            happened as timecompleted, '' as reaggregate, position
        from evidence where kind = 'passed'
    """,
    "mdl_course_modules": """
        select id, course_id as course, code as idnumber, '' as completion, '' as deletioninprogress, position
        from item join (
            select material_id, arg_min(course_id, position) as course_id, min(position) as position
            from evidence where kind = 'viewed' group by material_id
        ) on material_id = id
        where not is_course
    """,
    "mdl_course_modules_viewed": """
        select id, material_id as coursemoduleid, user_id as userid, happened as timecreated, position
        from evidence where kind = 'viewed'
    """,
}


def needed_fields(mapping: MappingOfStatements) -> list[tuple[str, ...]]:
    """The fields of a statement that the dialect looks at, each as the keys that lead to it (lists are walked through).

    What else a statement holds (names, instructors, answers) may be cut away before it is kept.
    """
    fields = [*_FIELDS.values(), *(("result", "extensions", iri) for iri in mapping.extensions)]
    return fields + [(*_CONTEXT, kind, "id") for kind in _KINDS_OF_CONTEXT]


def listed(mapping: MappingOfStatements) -> pa.Table:
    """The activities that the mapping lists one by one, and the course of a material."""
    entries = [(one, True) for one in mapping.courses] + [(one, False) for one in mapping.materials]
    rows = [(one, is_course) for one, is_course in entries if not one.is_pattern]
    return pa.table(
        {
            "iri": pa.array([one.activity for one, _ in rows], pa.string()),
            "is_course": pa.array([is_course for _, is_course in rows], pa.bool_()),
            "code": pa.array([one.code for one, _ in rows], pa.string()),
            "course": pa.array([one.course if isinstance(one, Material) else None for one, _ in rows], pa.string()),
        }
    )


def take_sql(mapping: MappingOfStatements) -> list[str]:
    """The statements that add the table ``chunk`` (number in its file, line) to what is known."""
    return [
        _field_sql(mapping),
        _activity_sql(mapping),
        _meant_sql(mapping),
        """
        insert into learner
        select distinct agent, user_id from meant
        where kind in ('passed', 'viewed') and agent not in (select agent from learner)
        """,
        "insert into statement select position, key, target, content, kind, user_id, course_id, material_id, seconds"
        " from meant",
    ]


def _field_sql(mapping: MappingOfStatements) -> str:
    """SQL for the table ``field``: one row per statement, the needed fields as text, NULL when of another type."""
    extensions = {f"extension_{number}": iri for number, iri in enumerate(mapping.extensions)}
    names = [*_FIELDS, *extensions]
    paths = [*_FIELDS.values(), *(("result", "extensions", iri) for iri in extensions.values()), _CONTEXT]
    pointers = ", ".join(
        _text("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)) for path in paths
    )
    at = {name: number for number, name in enumerate([*names, "context"], start=1)}
    texts = ", ".join(f"case when types[{at[name]}] = 'VARCHAR' then texts[{at[name]}] end as {name}" for name in names)
    is_true = " and ".join(
        f"case coalesce(types[{at[name]}], 'NULL') when 'NULL' then true"
        f" when 'BOOLEAN' then texts[{at[name]}] = 'true' else false end"
        for name in ("success", "completion")
    )
    identifiers = " + ".join(
        f"(coalesce({', '.join(f'types[{at[name]}]' for name in group)}, 'NULL') <> 'NULL')::integer"
        for group in (("home_page", "account_name"), ("mbox",), ("mbox_sha1sum",), ("openid",))
    )
    context = ", ".join(
        f"json_extract_string(texts[{at['context']}], '$.{kind}[*].id'),"
        f" [json_extract_string(texts[{at['context']}], '$.{kind}.id')]"
        for kind in _KINDS_OF_CONTEXT
    )
    viewed = _texts(one.verb for one in mapping.viewed)
    return f"""
        create or replace temp table field as
        with extracted as (
            select getvariable('before') + number as position, line, json_extract_string(line, [{pointers}]) as texts,
                json_type(line, [{pointers}]) as types
            from chunk where regexp_matches(line, '[^ \\t\\r\\n]')
        )
        select position, {texts}, {is_true} as is_success, {identifiers} as identifiers,
            coalesce(types[{at["timestamp"]}], 'NULL') = 'NULL' as is_untimed,
            case when verb in ({viewed}) and types[{at["context"]}] = 'OBJECT'
                then list_concat({context}) end as context
        from extracted
    """


def _activity_sql(mapping: MappingOfStatements) -> str:
    """SQL that adds the mapped activities of the table ``field``, and the courses of listed materials."""
    verbs = _texts(one.verb for one in (*mapping.passed, *mapping.viewed))
    return f"""
        insert into activity
        with mentioned as (
            select activity as iri from field
            where verb in ({verbs}) and coalesce(object_type, 'Activity') = 'Activity'
            union select unnest(context) from field
            union select course from listed
            {"".join(f"union select {_text(one.course)} " for one in mapping.materials if one.course)}
        ),
        new as (select iri from mentioned where iri is not null and iri not in (select iri from activity)),
        fitting as (
            select iri,
                {_group(mapping.moodle_pattern("course"))} as moodle_course,
                {_group(mapping.moodle_pattern("module"))} as moodle_module,
                coalesce(course.code, {_first(mapping.courses, "code")}) as course_code,
                coalesce(material.code, {_first(mapping.materials, "code")}) as material_code,
                case when material.code is not null then material.course
                    else {_first(mapping.materials, "course")} end as course
            from new
            left join (from listed where is_course) as course using (iri)
            left join (from listed where not is_course) as material using (iri)
        )
        select iri, is_course, coalesce(moodle_id::bigint, made_id(sha256(iri))),
            coalesce(moodle_id, iri), case when is_course then course_code else material_code end, course
        from (
            select *, coalesce(moodle_course, course_code) is not null as is_course,
                if(is_course, moodle_course, moodle_module) as moodle_id
            from fitting
        )
        where coalesce(moodle_course, moodle_module, course_code, material_code) is not null
    """


def _meant_sql(mapping: MappingOfStatements) -> str:
    """SQL for the table ``meant``: what each statement of ``field`` means, and the ids of what it names."""
    says_passed = _any_of(mapping, mapping.passed, with_result=False)
    passed = _any_of(mapping, mapping.passed, with_result=True)
    viewed = _any_of(mapping, mapping.viewed, with_result=True)
    known = _texts(one.verb for one in (*mapping.passed, *mapping.viewed))
    content = ", ".join(name for name in _FIELDS if name not in ("statement_id", "timestamp", "stored"))
    moodle = (
        f"when rtrim(home_page, '/') = {_text(mapping.moodle_site)} and regexp_full_match(account_name,"
        " '[1-9][0-9]{0,8}') then 'moodle ' || account_name"
        if mapping.moodle_site
        else ""
    )
    return f"""
        create or replace temp table meant as
        with agreed as (
            select *,
                case
                    when coalesce(actor_type, 'Agent') <> 'Agent' or identifiers <> 1 then null
                    {moodle}
                    when regexp_full_match(home_page, '\\S+') and account_name <> ''
                        then 'account ' || home_page || ' ' || account_name
                    when regexp_full_match(mbox, 'mailto:\\S+') then 'mbox ' || mbox
                    when regexp_full_match(mbox_sha1sum, '[0-9A-Fa-f]{{40}}')
                        then 'mbox_sha1sum ' || lower(mbox_sha1sum)
                    when regexp_full_match(openid, '\\S+') then 'openid ' || openid
                end as agent,
                regexp_extract(if(is_untimed, stored, timestamp), '^{_TIME}$',
                    ['day', 'time', 'sign', 'hours', 'minutes']) as clock
            from field
        ),
        timed as (
            select *,
                epoch(try_strptime(clock.day || ' ' || clock.time, '%Y-%m-%d %H:%M:%S'))::bigint
                    - if(clock.sign = '-', -1, 1) * (
                        coalesce(try_cast(clock.hours as bigint), 0) * 3600
                        + coalesce(try_cast(clock.minutes as bigint), 0) * 60
                    ) as seconds
            from agreed
        ),
        context_course as (
            select position, arg_min(activity.id, place) as context_course_id
            from (
                select position, unnest(context) as iri, generate_subscripts(context, 1) as place
                from field where context is not null
            )
            join activity using (iri)
            where is_course
            group by position
        )
        select position,
            key_of(coalesce(lower(statement_id), concat_ws(chr(10), verb, activity, agent, seconds))) as key,
            if(kind = 'voiding', key_of(lower(activity)), null) as target,
            hash({content}, kind, seconds) as content,
            kind, agent,
            if(kind in ('passed', 'viewed'),
                coalesce(try_cast(regexp_extract(agent, '^moodle (.+)$', 1) as bigint), made_id(sha256(agent))),
                null) as user_id,
            if(is_course, object_id, coalesce(own_course_id, context_course_id)) as course_id,
            if(is_course, null, object_id) as material_id,
            seconds
        from (
            select timed.*, object.is_course, object.id as object_id, own_course.id as own_course_id,
                case
                    when verb = {_text(VOIDED)}
                        then if(object_type = 'StatementRef' and activity is not null, 'voiding', 'statements_unusable')
                    when verb is null or (coalesce(object_type, 'Activity') = 'Activity' and activity is null)
                        then 'statements_unusable'
                    when verb not in ({known}) then 'other_verbs'
                    when object.iri is null or coalesce(object_type, 'Activity') <> 'Activity'
                        then 'activities_not_mapped'
                    when not if(object.is_course, {says_passed}, {viewed}) then 'other_verbs'
                    when object.is_course and not (({passed}) and is_success) then 'not_passed'
                    when agent is null then 'actors_unusable'
                    when object.is_course then 'passed'
                    else 'viewed'
                end as kind
            from timed
            left join activity as object on object.iri = timed.activity
            left join activity as own_course on own_course.iri = object.course
        )
        left join context_course using (position)
    """


def _any_of(mapping: MappingOfStatements, meanings: Sequence[Meaning], with_result: bool) -> str:
    """SQL: the statement has one of these meanings."""
    conditions = []
    for one in meanings:
        parts = [f"verb = {_text(one.verb)}"]
        if one.types:
            parts.append(f"coalesce(activity_type in ({_texts(one.types)}), false)")
        if one.extension and one.equals is not None and with_result:
            number = mapping.extensions.index(one.extension)
            parts.append(f"coalesce(extension_{number} = {_text(one.equals)}, false)")
        conditions.append(f"({' and '.join(parts)})")
    return " or ".join(conditions) or "false"


def _first(entries: Sequence[Course], wanted: Literal["code", "course"]) -> str:
    """SQL: the code (or course) that the first fitting pattern gives for ``iri``."""
    cases = ""
    for one in entries:
        if one.is_pattern:
            pattern = _text(one.regular_expression)
            code = f"regexp_extract(iri, {pattern}, 1)" if one.code is None else _text(one.code)
            course = _text(one.course) if isinstance(one, Material) and one.course else "null"
            cases += f" when regexp_full_match(iri, {pattern}) then {code if wanted == 'code' else course}"
    return f"case{cases} end" if cases else "null"


def _group(pattern: str | None) -> str:
    """SQL: what the group of a pattern finds in ``iri``, NULL if the pattern does not fit."""
    if pattern is None:
        return "null::varchar"
    return f"case when regexp_full_match(iri, {_text(pattern)}) then regexp_extract(iri, {_text(pattern)}, 1) end"


def _text(value: str) -> str:
    """SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def _texts(values: Iterable[str]) -> str:
    """SQL literals for ``in (...)``; the empty text, which is no IRI, stands for none."""
    return ", ".join(sorted({_text(value) for value in values})) or "''"
