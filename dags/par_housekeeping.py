"""
### Housekeeping of the PAR capacity warehouse

At 03:30 (Asia/Ho_Chi_Minh) it deletes the raw files of deliveries whose data date is more than `PAR_RAW_RETENTION_DAYS`
(90) days ago, and writes into the journal which they were (table `ops.raw_file_deletion` of the ledger). Names, hashes
and sizes of what was delivered stay in the manifests; the accepted rows, which have no personal data, stay too.

| task | does |
|---|---|
| `delete_raw_files` | deletes what has expired, except deliveries that no night has taken in yet: its log names those |

**When it fails:** nothing is lost, and nothing is left half-way: clear the task and it goes on where it stopped. Read
the last line of the task's log; it is one sentence that says what to do.

| log says | do |
|---|---|
| another run is writing this data folder | wait for the end of that night, clear the task |
| kept although expired, because no night has taken them in | run `par_nightly` for these dates, then clear the task |
| an unexpected error | see whether the data folder can be written and the disk is full; clear the task |

To delete as of another day, trigger the DAG with `as_of`. What is deleted is only to be had from the source again.
"""

import logging
from datetime import date, datetime
from zoneinfo import ZoneInfo

from airflow.sdk import CronTriggerTimetable, Param, dag, get_current_context, task

from par_airflow.tasks import RETRIES, failures_told

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
log = logging.getLogger("par_warehouse")


def as_of() -> date:
    """The parameter of a manual run, else the local day of this run."""
    context = get_current_context()
    if given := context["params"].get("as_of"):
        return date.fromisoformat(given)
    return context["dag_run"].run_after.astimezone(ZONE).date()


@dag(
    schedule=CronTriggerTimetable("30 3 * * *", timezone=ZONE.key),
    start_date=datetime(2022, 1, 1, tzinfo=ZONE),
    catchup=False,
    max_active_runs=1,
    params={"as_of": Param(None, type=["null", "string"], format="date", description="Day to count from, YYYY-MM-DD")},
    default_args=RETRIES,
    tags=["par"],
    doc_md=__doc__,
)
def par_housekeeping():
    """Wire the housekeeping."""

    @task
    def delete_raw_files() -> str:
        """Delete the raw files that have expired, and journal them."""
        from par_warehouse.retention import delete_expired
        from par_warehouse.settings import Settings

        with failures_told():
            settings = Settings.from_environment()
            deleted = delete_expired(settings, as_of(), settings.raw_retention_days)
        log.info("%s", deleted)
        return str(deleted)

    delete_raw_files()


par_housekeeping()
