"""
### Repaired spreadsheets of the PAR capacity warehouse

Every 15 minutes it takes the repaired spreadsheets that stewards have put into the upload folder
(`PAR_RESUBMIT_URI/<agency>/<account>/`), corrects the rows, judges them again, publishes anew every data date that
depends on them, and leaves an answer beside each file.

| task | does |
|---|---|
| `take_uploads` | answers every file; its log has one line for each |

**When it fails:** the publication is as it was or holds some of the dates anew, each of them whole. The file stays in the
upload folder and is taken again at the next run, which goes on where this one stopped. Read the last line of the task's
log; it is one sentence that says what to do.

| log says | do |
|---|---|
| another run is writing this data folder | nothing: the next run takes the files |
| rules could not be evaluated, dbt failed, an audit failed | as for `par_nightly`; move the file out of the upload folder if it stops the others |
| `PAR_RESUBMIT_URI` is not a folder | correct it |
| an unexpected error | the log has the place; the corrections of that file are not taken |

A file that changed less than a minute ago is left for the next run. Answers say nothing of any value.
"""  # noqa: E501 - a Markdown table row is one line

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from airflow.sdk import CronTriggerTimetable, dag, task

from par_airflow.tasks import RETRIES, failures_told

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
log = logging.getLogger("par_warehouse")


@dag(
    schedule=CronTriggerTimetable("*/15 * * * *", timezone=ZONE.key),
    start_date=datetime(2022, 1, 1, tzinfo=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    tags=["par"],
    doc_md=__doc__,
)
def par_resubmission():
    """Wire the repairs."""

    @task
    def take_uploads() -> list[str]:
        """Take, correct, judge, publish, answer."""
        from par_airflow.secrets import secrets_from_connections
        from par_warehouse import uploads
        from par_warehouse.settings import Settings

        with failures_told():
            secrets_from_connections()
            lines = uploads.take_uploads(Settings.from_environment())
        for line in lines:
            log.info("%s", line)
        return lines

    take_uploads()


par_resubmission()
