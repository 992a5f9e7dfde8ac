"""Audit: the finished facts must keep their invariants, and nobody's identity may be in the file."""

from dataclasses import replace
from datetime import date

from par_warehouse.build import build_file, note_build, present_build, run_dbt
from par_warehouse.errors import PipelineError
from par_warehouse.settings import Settings
from par_warehouse.vault import read_vault


def audit(settings: Settings, data_date: date, run_id: str) -> int:
    """Check the build of this run; return the number of audits that held. Raises PipelineError when one does not."""
    present = present_build(settings, data_date, run_id)
    results = run_dbt(settings, present, ["test", "--select", "tag:audit"])
    if not results:
        raise PipelineError("No audit was found in dbt_project/tests. The publication is unchanged.")
    leaks = identity_leaks(settings, str(build_file(settings)), present.data_date)
    if leaks:
        raise PipelineError(
            f"An identification number or a person's name is in {', '.join(leaks)}. The publication is unchanged;"
            " find the source column in contract.py and keep it out."
        )
    note_build(settings, replace(present, is_audited=True))
    return len(results) + 1


def identity_leaks(settings: Settings, build_file: str, data_date: str) -> list[str]:
    """The columns of a build in which a number or name of the vault stands, as ``schema.table.column``.

    Looks at the rows of the data date where a table has a date, so that the cost does not grow with history.
    """
    with read_vault(settings, f"audit: is anybody's identity in the build of {data_date}") as con:
        con.execute(f"attach '{build_file}' as build (read_only)")
        columns = con.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " where database_name = 'build' and data_type in ('VARCHAR', 'VARCHAR[]') order by all"
        ).fetchall()
        dated = {
            (schema, table): name
            for schema, table, name in con.execute(
                "select schema_name, table_name, column_name from duckdb_columns()"
                " where database_name = 'build' and column_name in ('as_of_date', 'data_date')"
            ).fetchall()
        }
        leaks = []
        for schema, table, column, data_type in columns:
            if column == "person_key":
                continue
            value = f'"{column}"' if data_type == "VARCHAR" else f"array_to_string(\"{column}\", ' ')"
            date_column = dated.get((schema, table))
            where = f"where {date_column} = date '{data_date}'" if date_column else ""
            found = con.execute(
                f"""
                with text as (select distinct {value} as value from build.{schema}.{table} {where}),
                digits as (select distinct unnest(regexp_extract_all(value, '[0-9]{{12}}')) as number from text)
                select exists (select 1 from digits join vault.person on so_dinh_danh = number)
                    or exists (select 1 from text join vault.person on lower(ho_ten) = lower(value))
                """
            ).fetchone()
            if found is not None and found[0]:
                leaks.append(f"{schema}.{table}.{column}")
        return leaks
