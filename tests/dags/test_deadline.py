"""The deadline of publication: Airflow's own row, miss and callback; whom it alerts, and when it is silent."""

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from tests.configurations import with_feeds
from tests.receivers import MailServer
from tests.small_world import settings_for

CITY = "quantri@par.example.vn"
# What the scheduler does: it creates a run with its deadline, later finds that missed, and an executor calls back.
SCRIPT = """
    import json
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo
    from par_airflow.home import migrate_database, use_local_airflow
    from par_warehouse.settings import Settings

    settings = Settings.from_environment()
    use_local_airflow(settings)
    migrate_database(settings)

    import structlog
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.models.dagbag import DBDagBag
    from airflow.models.deadline import Deadline
    from airflow.sdk.execution_time.callback_supervisor import execute_callback
    from airflow.timetables.base import DataInterval
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import select

    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    (bundle,) = manager.get_all_dag_bundles()
    bundle.initialize()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    sync_bag_to_db(bag, bundle.name, bundle.version)
    zone, told = ZoneInfo("Asia/Ho_Chi_Minh"), []
    runs = [("scheduled", "running", 31), ("scheduled", "running", 31), ("scheduled", "failed", 30),
            ("manual", "running", 29), ("backfill", "running", 28)]
    with create_session() as session:
        dag = DBDagBag().get_latest_version_of_dag("par_nightly", session=session)
        for number, (kind, state, day) in enumerate(runs):
            start = datetime(2024, 12, day, 1, tzinfo=zone) + timedelta(minutes=number)
            interval = DataInterval(start, start + timedelta(days=1))
            run = dag.create_dagrun(
                run_id=f"{kind}-{number}", logical_date=start, data_interval=interval, run_after=interval.end,
                run_type=DagRunType(kind), triggered_by=DagRunTriggeredByType.TIMETABLE, state=DagRunState.RUNNING,
                session=session,
            )
            run.state = DagRunState(state)
            session.flush()
            deadline = session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id)).one()
            deadline.handle_miss(session)
            data = deadline.callback.data
            arguments = json.loads(json.dumps(data["kwargs"], default=str))
            # Airflow may call back more than once.
            for _ in range(2):
                done, error = execute_callback(data["path"], arguments, "", None, structlog.get_logger())
                assert done, error
            told.append(deadline.deadline_time.astimezone(zone).isoformat())
        session.rollback()
    print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def missed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[Any]]:
    """The deadlines of five runs that were missed, and the mails that came of it."""
    settings = with_feeds(settings_for(tmp_path_factory.mktemp("late")))
    (settings.config_dir / "recipients.yml").write_text(f"city: {{mail: [{CITY}]}}\n")
    mails = MailServer()
    mails.start()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PAR_", "AIRFLOW"))}
    environment = clean | {
        "PAR_DATA_DIR": str(settings.data_dir),
        "PAR_CONFIG_DIR": str(settings.config_dir),
        "AIRFLOW_CONN_PAR_SMTP": mails.connection(),
    }
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    settings.data_dir.mkdir()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    mails.stop()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), mails.take()


def test_a_night_is_to_be_published_at_seven_of_the_day_after_its_data_date(
    missed: tuple[list[str], list[Any]],
) -> None:
    assert missed[0][0] == "2025-01-01T07:00:00+07:00"


def test_only_a_scheduled_run_that_goes_on_is_told_and_once(missed: tuple[list[str], list[Any]]) -> None:
    late = "[PAR] 31/12/2024: số liệu chưa được công bố đúng hạn"
    # Two runs of one date are two alerts; a call that is repeated is none. The others have failed or are by hand.
    assert [(mail["To"], mail["Subject"]) for mail in missed[1]] == [(CITY, late), (CITY, late)]
    text = missed[1][0].get_body(("plain",)).get_content()
    assert "Số liệu đã công bố trước đó được giữ nguyên." in text and "not published by its deadline" in text
