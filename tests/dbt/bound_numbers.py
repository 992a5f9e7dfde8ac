"""The bounds of a small world as the warehouse computes them: the project's own SQL, compiled once, without dbt."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
from tiny_warehouse import EVIDENCE, FINDING, ORIGIN, SERVING, Warehouse

from par_warehouse.bounds import bounds
from tests.oracle.repairs import SPEC, UNNAMED, D, Judged, person_key, typed

UNUSED = {
    "int_agency__judged",
    "int_agency__repaired",
    "int_agency__scored",
    "int_candidate__proposed",
    "int_indicator__marked_stale",
    "int_org_unit__in_agency",
    "int_target__in_force",
    "stg_hr__initiative",
    "stg_hr__person_row",
    "stg_hr__rating",
    "stg_serving__file",
    "stg_serving__finding",
    "stg_serving__quarantined_row",
}


@dataclass(frozen=True)
class Bound:
    """What is published of one number."""

    low: tuple[int, int | None]
    high: tuple[int, int | None]
    open_findings: int
    is_exact: bool


def compiled_models(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    """Schema, name and SQL of every staging and intermediate model, each after those that it reads."""
    result = warehouse.dbt("compile", "--select", "staging", "intermediate", as_of_date=D.isoformat()).result
    nodes = {one.node.unique_id: one.node for one in result.results if one.node.resource_type == "model"}
    ordered: dict[str, Any] = {}

    def visit(name: str) -> None:
        if name in nodes and name not in ordered:
            for parent in nodes[name].depends_on.nodes:
                visit(parent)
            ordered[name] = nodes[name]

    for name in nodes:
        visit(name)
    return [(node.schema, node.name, node.compiled_code) for node in ordered.values() if node.language == "sql"]


def published(world: Judged, models: list[tuple[str, str, str]], seeds: str) -> dict[tuple[str, str, str], Bound]:
    """The bounds of each number."""
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as work; attach ':memory:' as ledger")
        con.execute(f"attach '{seeds}' as seeded (read_only)")
        con.execute("create schema work.serving; create schema work.staging; create schema work.intermediate")
        con.execute("create schema work.seeds; create schema ledger.evidence")
        for table in ("indicator", "indicator_input_file", "indicator_target"):
            con.execute(f"create table work.seeds.{table} as from seeded.seeds.{table}")
        _serve(con, world)
        for schema, name, sql in models:
            if name not in UNUSED:
                con.execute(f"create table work.{schema}.{name} as {sql}")
        answer = bounds(con, D, date(2022, 1, 1), "viewed").to_pylist()
    return {
        (row["indicator_code"], row["org_unit_code"], row["population_group"]): Bound(
            (row["numerator_low"], row["denominator_low"]),
            (row["numerator_high"], row["denominator_high"]),
            row["open_findings"],
            row["is_exact"],
        )
        for row in answer
    }


def _serve(con: duckdb.DuckDBPyConnection, world: Judged) -> None:
    for table, columns in SERVING.items():
        con.execute(f"create table work.serving.{table} ({ORIGIN}, {columns})")
        con.execute(f"create table work.serving.quarantined_{table} ({ORIGIN}, {FINDING}, {columns})")
        name = f"{table}.csv"
        if name in UNNAMED:
            continue
        names = [part.split()[0] for part in columns.split(",")]
        rows = [(D, row.number, *_cells(name, row, names)) for row in world.accepted[name]]
        bad = [
            (D, one.number, str(number), None, list(one.codes), list(one.columns), *_cells(name, one.judged, names))
            for number, one in enumerate(world.findings)
            if one.spec.name == name
        ]
        for target, found in ((table, rows), (f"quarantined_{table}", bad)):
            if found:
                marks = ", ".join("?" * len(found[0]))
                con.executemany(f"insert into work.serving.{target} values ({marks})", found)
    con.execute(
        "create view work.serving.delivered_mdl_course_modules_viewed as from work.serving.mdl_course_modules_viewed"
    )
    day = f"date '{D}'"
    con.execute(
        f"""
        create table ledger.evidence.completion as
            select userid as user_id, course as course_id, timecompleted as completed_at, {day} as delivery_date,
                min(row_number) as row_number
            from work.serving.mdl_course_completions where timecompleted is not null group by all;
        create table ledger.evidence.view as
            select userid as user_id, coursemoduleid as course_module_id, min(timecreated) as viewed_at,
                {day} as delivery_date, min(row_number) as row_number
            from work.serving.mdl_course_modules_viewed where timecreated >= '2022-01-01' group by all;
        create table ledger.evidence.account_link as
            select id as user_id, person_key, {day} as delivery_date from work.serving.mdl_user;
        create table ledger.evidence.course_link as
            select id as course_id, idnumber as ma_khoa_hoc, {day} as delivery_date from work.serving.mdl_course;
        create table ledger.evidence.module_link as
            select id as course_module_id, idnumber as ma_hoc_lieu, {day} as delivery_date
            from work.serving.mdl_course_modules
        """
    )
    assert set(EVIDENCE) == {"completion", "view", "account_link", "course_link", "module_link"}


def _cells(name: str, row: Any, columns: list[str]) -> list[Any]:
    spec = SPEC[name]
    return [person_key(spec, row) if column == "person_key" else typed(spec, row, column) for column in columns]
