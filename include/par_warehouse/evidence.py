"""Learning evidence that stays (indicator definitions, "Evidence that stays"), kept compact in the ledger.

Each row says which delivery brought it first, so that any data date can be computed as of itself: a reader keeps only
``delivery_date <= D``. A row that an earlier delivery already proves is not stored again.
"""

from datetime import date
from pathlib import Path

import duckdb

SCHEME_START = date(2022, 1, 1)

# Per link table: its columns, the e-learning file, that file's columns. NULL targets say "seen, but linked to nothing".
_LINKS = {
    "account_link": ("user_id, person_key", "mdl_user", "id, person_key"),
    "course_link": ("course_id, ma_khoa_hoc", "mdl_course", "id, idnumber"),
    "module_link": ("course_module_id, ma_hoc_lieu", "mdl_course_modules", "id, idnumber"),
}


def forget_from(con: duckdb.DuckDBPyConnection, data_date: date) -> None:
    """Remove the evidence of every delivery on or after ``data_date``, to be absorbed anew in order."""
    for table in ("completion", "view", *_LINKS):
        con.execute(f"delete from ledger.evidence.{table} where delivery_date >= ?", [data_date])


def absorb(con: duckdb.DuckDBPyConnection, data_date: date, accepted: dict[str, Path]) -> None:
    """Add what the accepted e-learning files of one delivery prove beyond all earlier deliveries.

    ``accepted`` maps table names to Parquet files. No evidence of a later delivery may be there (see ``forget_from``).
    """
    if path := accepted.get("mdl_course_completions"):
        con.execute(
            """
            insert into ledger.evidence.completion
            select userid, course, timecompleted, ?, min(row_number)
            from read_parquet(?) as new
            where timecompleted is not null and not exists (
                select 1 from ledger.evidence.completion as known
                where known.user_id = new.userid
                and known.course_id = new.course
                and known.completed_at = new.timecompleted
            )
            group by all
            order by all
            """,
            [data_date, str(path)],
        )
    if path := accepted.get("mdl_course_modules_viewed"):
        # A view proves something new only if it is earlier than every view of that module known so far.
        con.execute(
            """
            insert into ledger.evidence.view
            with first_view as (
                select userid, coursemoduleid, min(timecreated) as viewed_at,
                    arg_min(row_number, (timecreated, row_number)) as row_number
                from read_parquet(?)
                where timecreated >= ?
                group by userid, coursemoduleid
            )
            select userid, coursemoduleid, viewed_at, ?, row_number
            from first_view as new
            where not exists (
                select 1 from ledger.evidence.view as known
                where known.user_id = new.userid
                and known.course_module_id = new.coursemoduleid
                and known.viewed_at <= new.viewed_at
            )
            order by userid, coursemoduleid
            """,
            [str(path), SCHEME_START, data_date],
        )
    for table, (columns, file, file_columns) in _LINKS.items():
        if path := accepted.get(file):
            key, target = columns.split(", ")
            file_key, file_target = file_columns.split(", ")
            con.execute(
                f"""
                insert into ledger.evidence.{table}
                with latest as (
                    select {key}, arg_max({target}, delivery_date) as {target}
                    from ledger.evidence.{table}
                    group by {key}
                )
                select new.{file_key}, new.{file_target}, ?
                from read_parquet(?) as new
                left join latest on latest.{key} = new.{file_key}
                where latest.{key} is null or new.{file_target} <> coalesce(latest.{target}, '')
                order by new.{file_key}
                """,
                [data_date, str(path)],
            )
