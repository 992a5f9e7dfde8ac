"""Run the real DAG for given data dates in this process, without a scheduler."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from par_warehouse.settings import Settings


def run_night(settings: Settings, data_date: date) -> bool:
    """Run ``par_nightly`` for one data date; True when every task succeeded. Its output goes to the log folder.

    ``par_airflow.home.use_local_airflow`` must have been called.
    """
    settings.logs.mkdir(parents=True, exist_ok=True)
    with _output_to(settings.logs / f"nightly-{data_date.isoformat()}.log"):
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
        for path, error in bag.import_errors.items():
            logging.getLogger("par_warehouse").error("%s cannot be loaded: %s", Path(path).name, error)
        dag = bag.dags.get("par_nightly")
        if dag is None:
            return False
        # A run by hand has no deadline to keep, and Airflow 3.3's dag.test ends in an error where there is one.
        dag.deadline = None
        _end_killed_runs()
        run = dag.test(run_conf={"data_date": data_date.isoformat()})
        return str(run.state) == "success"


def _end_killed_runs() -> None:
    """Mark runs of this command that were killed as failed; a scheduler started later would else take them up again."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType
    from sqlalchemy import update

    with create_session() as session:
        session.execute(
            update(DagRun)
            .where(DagRun.state == DagRunState.RUNNING, DagRun.triggered_by == DagRunTriggeredByType.TEST)
            .values(state=DagRunState.FAILED)
        )


@contextlib.contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Send everything that this process and its children print to a file meanwhile."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with path.open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, original in zip((1, 2), saved, strict=True):
                os.dup2(original, descriptor)
                os.close(original)
