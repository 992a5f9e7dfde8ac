"""
### The nightly job of the PAR capacity warehouse

At 01:00 (Asia/Ho_Chi_Minh) it takes in what HR and e-learning delivered for the day before, judges it, computes the
indicators of that data date and publishes them. A source that has not delivered by the deadline (05:00) is carried
forward and marked stale; it does not stop the night.

| group | does |
|---|---|
| `hr`, `elearning` | wait for `_SUCCESS`, copy the delivery into the landing zone, turn it into contract tables without personal data |
| `warehouse` | judge files and rows by the rules, compute the marts aside, audit them |
| `publish` | switch the publication |
| `tell` | write each office one message about what is wrong with its data, send what waits |

**When a task fails:** the publication stays as it was. Read the last line of the task's log: it is one sentence that says
what to do. Every task can be cleared and repeated; to repeat a whole night, clear its run or trigger the DAG with the
`data_date`.

| failed | usual cause | do |
|---|---|---|
| `pull` | source unreachable, disk full | repair, clear the task |
| `standardise` | another secret than before | set the former `PAR_PERSON_KEY_SECRET`, clear |
| `validate` | a file was never accepted so far, or a rule cannot be evaluated | ask the source to deliver again, or correct `expectations/`; trigger the date again |
| `build`, `audit` | a model or an invariant fails | correct it, clear `warehouse.build` and all after it |
| `publish` | another run has published meanwhile | clear `warehouse.build` and all after it |

`tell` never fails a night: its log says what could not be sent; it waits for `par_outbox`. A night that failed, or is not
published at 07:00, is told to the city's administrators at once.

**Backfill:** `make backfill FROM=... TO=...`; or in Airflow, *Trigger → Backfill* with the beginnings of the data dates
in local time (`2024-12-29T00:00:00+07:00`) and **one** active run: a second run at once is refused by the steps.
"""  # noqa: E501 - a Markdown table row is one line

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import CronDataIntervalTimetable, Param, PokeReturnValue, dag, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException

from par_airflow.alerts import DEADLINE_OF_PUBLICATION, NightFailed
from par_airflow.tasks import RETRIES, failures_told
from par_airflow.tell import tell_group
from par_warehouse.config import load_configuration
from par_warehouse.errors import ParError, Unreachable
from par_warehouse.settings import Settings

# A mistake in the configuration stops the DAG from loading, with file and line, instead of stopping a night.
load_configuration(Settings.from_environment().config_dir)

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
log = logging.getLogger("par_warehouse")
DEADLINE = timedelta(days=1, hours=5)  # of deliveries, after the beginning of the data date


def data_date() -> date:
    """The data date of this run: the parameter of a manual run, else the day on which the data interval begins."""
    context = get_current_context()
    if given := context["params"].get("data_date"):
        return date.fromisoformat(given)
    start = context.get("data_interval_start")
    if start is None:
        raise AirflowFailException("This run has no data date. Trigger the DAG with data_date, such as 2024-12-31.")
    return start.astimezone(ZONE).date()


def step(work: Callable[[Settings, date, str], str]) -> str:
    """Do one step of ``par_warehouse.nightly``; a failure with a known cause is not retried.

    A source that cannot be reached is tried again as often as the task allows, and then carried forward.
    """
    from par_airflow.secrets import secrets_from_connections

    context = get_current_context()
    try:
        with failures_told(retried=Unreachable):
            secrets_from_connections()
            return work(Settings.from_environment(), data_date(), context["dag_run"].run_id)
    except Unreachable as error:
        if context["ti"].try_number <= context["ti"].max_tries:
            raise
        log.warning("There is no further try: what was delivered last is carried forward.")
        return f"{error} Carried forward."


def source_group(source: str):
    """The tasks of one source system."""

    @task_group(group_id=source)
    def tasks():
        @task.sensor(mode="reschedule", poke_interval=60, timeout=12 * 3600)
        def wait_for_delivery() -> PokeReturnValue:
            """Done when the source has written `_SUCCESS`, or at the deadline; only a scheduled run waits."""
            from par_airflow.places import base_of
            from par_warehouse.landing import is_delivered

            day = data_date()
            late = datetime.now(ZONE) >= datetime.combine(day, datetime.min.time(), ZONE) + DEADLINE
            scheduled = get_current_context()["dag_run"].run_type == "scheduled"
            try:
                there = is_delivered(base_of(Settings.from_environment(), source), day)
            except Unreachable:
                there = False
            except ParError as error:
                raise AirflowFailException(str(error)) from None
            return PokeReturnValue(is_done=there or late or not scheduled, xcom_value=there)

        @task
        def pull() -> str:
            """Copy delivered bytes as they are; ask systems."""
            from par_airflow.places import access_of, base_of
            from par_warehouse import nightly

            return step(lambda settings, day, _: nightly.pull(settings, source, day, base_of, access_of))

        @task
        def standardise() -> str:
            """Clean, type and pseudonymise."""
            from par_warehouse import nightly

            return step(lambda settings, day, _: nightly.standardise_source(settings, source, day))

        standardised = standardise()
        wait_for_delivery() >> pull() >> standardised
        return standardised

    return tasks()


@dag(
    schedule=CronDataIntervalTimetable("0 1 * * *", timezone=ZONE.key),
    start_date=datetime(2022, 1, 1, tzinfo=ZONE),
    catchup=False,
    max_active_runs=1,
    params={"data_date": Param(None, type=["null", "string"], format="date", description="Data date, YYYY-MM-DD")},
    default_args={**RETRIES, "on_failure_callback": NightFailed()},
    on_failure_callback=NightFailed(),
    deadline=DEADLINE_OF_PUBLICATION,
    tags=["par"],
    doc_md=__doc__,
)
def par_nightly():
    """Wire the night."""

    @task_group
    def warehouse():
        @task
        def validate() -> str:
            """Judge files and rows; build the Data Docs."""
            from par_warehouse import nightly

            return step(nightly.validate_night)

        @task
        def build() -> str:
            """One dbt build into a version aside."""
            from par_warehouse import nightly

            return step(nightly.build)

        @task
        def audit() -> str:
            """Invariants of the finished facts; nobody's identity in the file."""
            from par_warehouse import nightly

            return step(nightly.audit)

        validate() >> build() >> audit()

    @task_group
    def publish():
        @task
        def switch() -> str:
            """Switch the link to the audited version."""
            from par_warehouse import nightly

            return step(nightly.publish)

        switch()

    # Accounts are matched to people of HR, so e-learning is standardised second.
    source_group("hr") >> source_group("elearning") >> warehouse() >> publish() >> tell_group(data_date)


par_nightly()
