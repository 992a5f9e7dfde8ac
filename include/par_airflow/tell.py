"""The tasks that tell people what a night has found. They never fail: a night does not depend on a mail server."""

import logging
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from airflow.sdk import get_current_context, task, task_group

from par_warehouse.errors import ParError
from par_warehouse.outbox import Carrier
from par_warehouse.settings import Settings

log = logging.getLogger("par_warehouse")


def tell_group(data_date: Callable[[], date]) -> Any:
    """The task group ``tell`` of a night."""

    @task_group(group_id="tell")
    def tasks() -> None:
        @task
        def compose() -> str:
            """Write what each office is to be told into the outbox; write the operator's page."""
            from par_airflow.secrets import secrets_from_connections
            from par_warehouse import nightly

            def work() -> str:
                secrets_from_connections()
                night = Settings.from_environment(), data_date(), get_current_context()["dag_run"].run_id
                told = nightly.tell(*night)
                nightly.report(*night)
                return told

            return without_harm(work, "The next night's messages tell it.")

        compose() >> send_task()

    return tasks()


def send_task() -> Any:
    """A task that hands over what waits in the outbox."""

    @task
    def send() -> str:
        """Hand over what waits in the outbox."""
        from par_warehouse import nightly

        return without_harm(
            lambda: nightly.send(Settings.from_environment(), carriers), "What waits in the outbox is tried again."
        )

    return send()


def carriers() -> Mapping[str, Carrier]:
    """How messages leave, by channel."""
    from par_airflow.mail import mail_server
    from par_airflow.secrets import CHATS, secrets_from_connections
    from par_warehouse.chat import chats

    secrets_from_connections(CHATS)
    return {"mail": mail_server, "chat": chats}


def without_harm(work: Callable[[], str], consequence: str) -> str:
    """Do something whose failure is one line in the log and nothing more."""
    try:
        return work()
    except ParError as error:
        told = str(error)
    except Exception as error:
        # Only the kind of an unexpected error: its text could hold an address or a password.
        told = f"An unexpected {type(error).__name__}."
    log.error("%s %s", told, consequence)
    return told
