"""Questions to people: who answered, as it may be published, and the notice that a question waits."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.bases.notifier import BaseNotifier

from par_warehouse.signing import is_account

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

log = logging.getLogger("par_warehouse")

NOBODY = "airflow-timeout"
"""Who "decides" when nobody has answered in time."""


class LogTheQuestion(BaseNotifier):
    """Write into the log what waits for an answer, and where to give it."""

    def notify(self, context: "Context") -> None:
        """One line with the address of the question."""
        try:
            link = HITLOperator.generate_link_to_ui_from_context(context=context)
        except ValueError:  # Airflow does not know its own address
            link = "Required Actions in the web UI"
        log.warning("An administrator has to decide: %s", link)


def decided_by(answer: Mapping[str, Any]) -> str:
    """The account that gave an answer: the id of the user in Airflow, not the name."""
    user = answer.get("responded_by_user")
    if not user:
        return NOBODY
    return str(user["id"]) if is_account(str(user["id"])) else "airflow-user"
