"""Alerts to the city's administrators, at once: a night that failed, and a night not published by its deadline.

They go through the outbox like every message: a mail server that is down delays them only. Airflow calls for the task
that failed and for its run; that is one alert.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException

from par_airflow.tell import carriers, without_harm
from par_warehouse import outbox
from par_warehouse.config import load_configuration
from par_warehouse.recipients import CITY
from par_warehouse.settings import Settings

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


class NightFailed(BaseNotifier):
    """The ``on_failure_callback`` of the nightly DAG and of its tasks."""

    def notify(self, context: Any) -> None:
        """Tell what failed and what to do."""
        run, task, error = context.get("dag_run"), context.get("ti"), context.get("exception")
        day = _data_date(run)
        # Only what is meant for people: another error's text could hold a delivered value.
        reason = str(error) if isinstance(error, AirflowFailException) else "The log of the task has the reason."
        _alert(
            day,
            "failed",
            str(context["run_id"]),
            f"[PAR] {day:%d/%m/%Y}: chưa công bố được số liệu",
            f"Đêm chạy dữ liệu ngày {day:%d/%m/%Y} bị lỗi tại bước {task.task_id if task else '?'}. "
            "Số liệu đã công bố được giữ nguyên.",
            f"The night of {day} failed at {task.task_id if task else '?'}. The publication is as it was.",
            f"{reason}\n\nXử lý xong thì chạy lại | After that, run it again: make nightly DATE={day}",
        )


def night_is_late(context: Mapping[str, Any]) -> None:
    """The callback of the DAG's deadline; a run that has failed was told of, and one by hand has no deadline."""
    run = context["dag_run"]
    if run["run_type"] != "scheduled" or run["state"] in ("failed", "success"):
        return
    day = datetime.fromisoformat(run["logical_date"]).astimezone(ZONE).date()
    if _is_published(day):
        return  # What is late is only what comes after the publication: the messages.
    _alert(
        day,
        "late",
        str(run["dag_run_id"]),
        f"[PAR] {day:%d/%m/%Y}: số liệu chưa được công bố đúng hạn",
        f"Dữ liệu ngày {day:%d/%m/%Y} đã quá hạn công bố. Số liệu đã công bố trước đó được giữ nguyên.",
        f"The data of {day} is not published by its deadline. The publication is as it was.",
        "Xem bước nào của par_nightly chưa xong trong Airflow. | See in Airflow which task of par_nightly is not done.",
    )


# 07:00 of the day after the data date; the logical date of a run is 01:00 of its data date.
DEADLINE_OF_PUBLICATION = DeadlineAlert(
    DeadlineReference.DAGRUN_LOGICAL_DATE, timedelta(hours=30), SyncCallback(night_is_late)
)


def _alert(day: date, kind: str, run_id: str, subject: str, vi: str, en: str, what_to_do: str) -> None:
    """Queue an alert for each of the city's recipients, and hand it over at once if that is possible."""

    def work() -> str:
        settings = Settings.from_environment()
        city = load_configuration(settings.config_dir).recipients.city
        text = f"{vi}\n{en}\n\n{what_to_do}\n"
        messages = [
            outbox.Message(day, kind, run_id, CITY, channel, recipient, subject, text)
            for channel, recipient in city.ways
        ]
        if not outbox.queue(settings, messages):
            return "nobody is to be told"
        return outbox.send(settings, load_configuration(settings.config_dir).recipients, carriers)

    without_harm(work, "The alert waits in the outbox, if it got there.")


def _is_published(day: date) -> bool:
    from par_warehouse.publish import published_dates

    current = Settings.from_environment().current
    return current.exists() and day in published_dates(current.resolve())


def _data_date(run: Any) -> date:
    """The data date of a run: given by hand, or the day on which its data interval begins."""
    if run is not None and (given := (run.conf or {}).get("data_date")):
        return date.fromisoformat(given)
    start = run.data_interval_start if run is not None else None
    return (start or datetime.now(ZONE)).astimezone(ZONE).date()
