"""
### Files with far fewer rows than before: an administrator decides

A file with more than 30 % fewer rows than the one accepted last is rejected (`ROW_DROP`), and the night publishes with
the former one. Mostly the export was cut short. After a re-organisation it can be right. At 06:00 (Asia/Ho_Chi_Minh) this
DAG looks for files of the last data date that were rejected for that reason alone, and asks, for each: *Required
Actions* in Airflow's web UI. Without an answer within 20 hours the file stays refused. It never holds up a night.

| task | does |
|---|---|
| `find_drops` | the files that nobody has decided on; none: the run is skipped |
| `case.ask` | waits for the answer of an administrator |
| `case.record` | notes who decided, and why, in `ops.file_decision`; an accepted file is judged again, and every data date that depends on it is published anew |

The decision holds for exactly these bytes on this data date. What is refused can still be accepted by
`par accept-drop DATE FILE --by ACCOUNT --why TEXT`.

**When it fails:** nothing is lost. Read the last line of the task's log and clear the task. After a failed `case.record`
of an accepted file the decision is noted already; clearing the task judges and publishes once more.
"""  # noqa: E501 - a Markdown table row is one line

import logging
import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import CronTriggerTimetable, Param, dag, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from par_airflow.asking import LogTheQuestion
from par_airflow.tasks import failures_told

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ACCEPT, REFUSE = "Chấp nhận | Accept", "Từ chối | Refuse"
log = logging.getLogger("par_warehouse")


@dag(
    schedule=CronTriggerTimetable("0 6 * * *", timezone=ZONE.key),
    start_date=datetime(2022, 1, 1, tzinfo=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": int(os.environ.get("PAR_TASK_RETRIES", "3")), "retry_delay": timedelta(minutes=1)},
    tags=["par"],
    doc_md=__doc__,
)
def par_row_drop():
    """Wire the questions."""

    @task
    def find_drops() -> list[dict[str, str]]:
        """The files to decide on, each with the question."""
        from par_warehouse.file_decisions import open_row_drops
        from par_warehouse.settings import Settings

        drops = open_row_drops(Settings.from_environment())
        if not drops:
            raise AirflowSkipException("No file waits for a decision.")
        return [
            {
                "day": drop.data_date.isoformat(),
                "file": drop.file_name,
                "sha256": drop.sha256,
                "subject": f"{drop.file_name}, {drop.data_date}: ít dòng hơn trước, đúng không? | fewer rows, right?",
                "body": drop.message,
            }
            for drop in drops
        ]

    @task_group
    def case(day: str, file: str, sha256: str, subject: str, body: str):
        # Not ApprovalOperator: it skips what comes after a refusal, and a refusal is noted, too.
        asked = HITLOperator(
            task_id="ask",
            subject=subject,
            body=body,
            options=[ACCEPT, REFUSE],
            defaults=REFUSE,
            params={"reason": Param("không ghi lý do | no reason given", type="string", title="Lý do | Reason")},
            notifiers=LogTheQuestion(),
            response_timeout=timedelta(hours=20),
        )

        @task
        def record(day: str, file: str, sha256: str, answer: dict) -> list[str]:
            """Note the decision; judge and publish an accepted file."""
            from datetime import date

            from par_airflow.asking import decided_by
            from par_airflow.secrets import secrets_from_connections
            from par_warehouse.file_decisions import decide, row_drop
            from par_warehouse.ledger import ACCEPTED_DROP, REFUSED_DROP
            from par_warehouse.settings import Settings

            decision = ACCEPTED_DROP if answer["chosen_options"] == [ACCEPT] else REFUSED_DROP
            reason = str(answer["params_input"].get("reason") or "")
            with failures_told():
                secrets_from_connections()
                settings = Settings.from_environment()
                drop = row_drop(settings, date.fromisoformat(day), file, sha256)
                return [str(one) for one in decide(settings, drop, decision, decided_by(answer), reason)]

        record(day, file, sha256, asked.output)

    case.expand_kwargs(find_drops())


par_row_drop()
