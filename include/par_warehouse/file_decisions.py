"""Decisions on files: an administrator accepts, or refuses, that a file has far fewer rows than the one before.

Only a file whose single fault is ``ROW_DROP`` can be decided on, and the decision holds for exactly these bytes on this
data date. An accepted drop makes the rule compare with nothing on that date; everything else is judged as always.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from par_warehouse.config import load_configuration
from par_warehouse.errors import ParError
from par_warehouse.ledger import ACCEPTED_DROP, REFUSED_DROP, accepted_drops, open_ledger
from par_warehouse.pseudonym import check_secret
from par_warehouse.rebuild import Verdicts, judge, judge_dependent, publish_again
from par_warehouse.run_lock import run_lock
from par_warehouse.settings import Settings
from par_warehouse.signing import check_account, check_reason

_PATIENCE_SECONDS = 1800


@dataclass(frozen=True)
class RowDrop:
    """A file that was rejected for its number of rows alone, and that nobody has decided on."""

    data_date: date
    source: str
    file_name: str
    sha256: str
    rows_last_accepted: int | None
    message: str


def open_row_drops(settings: Settings, data_date: date | None = None) -> list[RowDrop]:
    """The files of a data date (the last one taken in, if None) that wait for a decision, by name."""
    with open_ledger(settings) as con:
        return _row_drops(con, data_date, (ACCEPTED_DROP, REFUSED_DROP))


def decide(settings: Settings, drop: RowDrop, decision: str, decided_by: str, reason: str) -> list[date]:
    """Note a decision. An accepted file is judged again with all that depends on it; gives the dates published anew.

    What was accepted stays accepted; what was refused can be accepted later. Raises ParError when the account or the
    reason cannot be published.
    """
    check_account(decided_by)
    check_reason(reason)
    now = datetime.now(UTC)
    with run_lock(settings, wait_seconds=_PATIENCE_SECONDS):
        check_secret(settings)
        with open_ledger(settings) as con:
            is_known = (drop.file_name, drop.sha256) in accepted_drops(con, drop.data_date)
            if not is_known:
                con.execute(
                    "insert into ledger.ops.file_decision values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [drop.data_date, drop.source, drop.file_name, drop.sha256, decision, drop.rows_last_accepted,
                     decided_by, reason, now.replace(tzinfo=None)],
                )  # fmt: skip
            before = Verdicts(con)
        if decision != ACCEPTED_DROP:
            return []
        run_id = f"accepted-drop-{drop.sha256[:12]}-{now:%Y%m%dT%H%M%S}"
        judge(settings, load_configuration(settings.config_dir), drop.data_date, run_id)
        stale = judge_dependent(settings, before, [drop.data_date], run_id, is_resumed=is_known)
        publish_again(settings, stale, run_id)
        return stale


def row_drop(settings: Settings, data_date: date, file_name: str, sha256: str | None = None) -> RowDrop:
    """One file that can be decided on, perhaps once more. Raises ParError when there is none, or no longer this one."""
    with open_ledger(settings) as con:
        found = next((one for one in _row_drops(con, data_date, ()) if one.file_name == file_name), None)
    if found is None or sha256 not in (None, found.sha256):
        raise ParError(
            f"{file_name} of {data_date} is not, or no longer, rejected for its number of rows alone (ROW_DROP):"
            " par show loads says how it was judged."
        )
    return found


def _row_drops(con: duckdb.DuckDBPyConnection, data_date: date | None, but: tuple[str, ...]) -> list[RowDrop]:
    """Those of a data date that were rejected for their rows, but for those with one of these decisions."""
    rows = con.execute(
        """
        with last as (select coalesce($day, max(data_date)) as data_date from ledger.ops.load_file)
        select data_date, source, file_name, sha256, (
                select max_by(prior.rows_read, prior.data_date) from ledger.ops.load_file as prior
                where prior.file_name = load.file_name and prior.state = 'accepted' and prior.data_date < load.data_date
            ), message
        from ledger.ops.load_file as load
        semi join last using (data_date)
        anti join (from ledger.ops.file_decision where list_contains($but, decision))
            using (data_date, source, file_name, sha256)
        where state = 'rejected' and rule_code = 'ROW_DROP'
        order by file_name
        """,
        {"day": data_date, "but": list(but)},
    ).fetchall()
    return [RowDrop(*row) for row in rows]
