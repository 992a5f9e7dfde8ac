"""What the tasks of all DAGs have in common: how often they try again, and what they tell when they fail."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from par_warehouse.errors import ParError

log = logging.getLogger("par_warehouse")

RETRIES: dict[str, Any] = {
    "retries": int(os.environ.get("PAR_TASK_RETRIES", "3")),
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=20),
}
"""Default arguments of a DAG whose tasks depend on what may be back a little later."""


@contextmanager
def failures_told(retried: type[ParError] | tuple[()] = ()) -> Iterator[None]:
    """A failure with a known cause is one sentence and is not tried again; of another only its kind is logged.

    ``retried`` is the known cause that may be gone at the next try.
    """
    try:
        yield
    except retried as error:
        log.error("%s", error)
        raise
    except ParError as error:
        log.error("%s", error)
        raise AirflowFailException(str(error)) from None
    except Exception as error:
        # Only the kind of an unexpected error: its text could hold a delivered value.
        log.error("The task ended with an unexpected %s; the log has the place", type(error).__name__)
        raise
