"""A file with far fewer rows waits for a decision: by the command, and by a question in Airflow."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from par_warehouse.errors import ParError
from par_warehouse.file_decisions import decide, open_row_drops, row_drop
from par_warehouse.ledger import ACCEPTED_DROP, REFUSED_DROP, last_accepted, open_ledger
from par_warehouse.settings import PROJECT_ROOT, Settings
from par_warehouse.validate import take_in
from tests.small_world import BY_NAME, NIGHT, clean_world, deliver, settings_for, stage

NEXT = NIGHT.replace(year=2025, month=1, day=1)
WHY = "Sáp nhập đơn vị theo quyết định"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "the secret of this test")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Two nights; on the second, two of three units are left, and a unit of the staff is not among them."""
    world = clean_world()
    deliver(tmp_path, world)
    fewer = clean_world()
    fewer["don_vi"] = fewer["don_vi"][:2]
    fewer["nhan_su"][1]["ma_don_vi"] = "H29.02"
    deliver(tmp_path, fewer, NEXT)
    made = settings_for(tmp_path)
    for night in (NIGHT, NEXT):
        for source in ("hr", "elearning"):
            stage(made, source, night)
        take_in(made, night, "run")
    yield made


def facts(settings: Settings) -> tuple[str, str, int]:
    with open_ledger(settings) as con:
        last = last_accepted(con, BY_NAME["don_vi"], NEXT)
        row = con.execute(
            "select state, coalesce(rule_code, '') from ledger.ops.load_file where data_date = ? and file_name = ?",
            [NEXT, "don_vi.csv"],
        ).fetchone()
    assert last is not None and row is not None
    return (row[0], row[1], last.rows_read)


def decisions(settings: Settings) -> list[tuple[str, ...]]:
    with open_ledger(settings) as con:
        return con.execute("select decision, decided_by, reason from ledger.ops.file_decision").fetchall()


def test_a_drop_is_refused_and_then_accepted_for_exactly_this_file(settings: Settings, tmp_path: Path) -> None:
    assert facts(settings) == ("rejected", "ROW_DROP", 3)
    (drop,) = open_row_drops(settings)
    assert (drop.file_name, drop.data_date, drop.rows_last_accepted) == ("don_vi.csv", NEXT, 3)
    with pytest.raises(ParError, match="account"):
        decide(settings, drop, ACCEPTED_DROP, "Nguyễn Văn An", WHY)
    decide(settings, drop, REFUSED_DROP, "admin", WHY)
    assert open_row_drops(settings) == [] and facts(settings)[0] == "rejected"
    decide(settings, row_drop(settings, NEXT, "don_vi.csv"), ACCEPTED_DROP, "admin", WHY)
    assert facts(settings) == ("accepted", "", 2)
    assert decisions(settings) == [("refused", "admin", WHY), ("accepted", "admin", WHY)]
    with pytest.raises(ParError, match="no longer"):
        row_drop(settings, NEXT, "don_vi.csv")

    # A rerun of the night knows the decision; another file of the same date needs its own.
    take_in_again(settings)
    assert facts(settings) == ("accepted", "", 2)
    base = tmp_path / "again"
    world = clean_world()
    world["don_vi"] = world["don_vi"][:1]
    deliver(base, world, NEXT)
    take_in_again(replace(settings, hr_uri=(base / "hr").as_uri(), elearning_uri=(base / "elearning").as_uri()))
    assert facts(settings) == ("rejected", "ROW_DROP", 3)


def take_in_again(settings: Settings) -> None:
    for source in ("hr", "elearning"):
        stage(settings, source, NEXT)
    take_in(settings, NEXT, "again")


# The answer is written as Airflow's own API does it: into the question, then the waiting task goes on.
ANSWER = """
    import json, os, sys, threading, time
    from par_airflow.home import has_database, migrate_database, use_local_airflow
    from par_warehouse.settings import Settings
    settings = Settings.from_environment()
    use_local_airflow(settings)
    migrate_database(settings)
    from airflow.dag_processing.dagbag import DagBag
    dag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags["par_row_drop"]

    def answer():
        from airflow.models.hitl import HITLDetail
        from airflow.models.trigger import handle_event_submit
        from airflow.triggers.base import TriggerEvent
        from airflow.utils.session import create_session
        from airflow.utils.state import TaskInstanceState
        from datetime import datetime, timezone
        while True:
            time.sleep(1)
            with create_session() as session:
                detail = session.query(HITLDetail).one_or_none()
                if detail and detail.task_instance.state == TaskInstanceState.AWAITING_INPUT:
                    asked.update(options=detail.options, defaults=detail.defaults, subject=detail.subject,
                                 body=detail.body, timeout=detail.task_instance.trigger_timeout is not None)
                    detail.responded_by = {"id": "admin", "name": "admin"}
                    detail.responded_at = datetime.now(timezone.utc)
                    detail.chosen_options = [os.environ["CHOSEN"]]
                    detail.params_input = {"reason": os.environ["WHY"]}
                    session.flush()
                    handle_event_submit(TriggerEvent(detail.as_resume_event_payload()),
                                        task_instance=detail.task_instance, session=session)
                    return
    asked = {}
    threading.excepthook = lambda failure: (print(failure, file=sys.stderr, flush=True), os._exit(3))
    threading.Thread(target=answer, daemon=True).start()
    run = dag.test()
    print(json.dumps({"state": str(run.state), "asked": asked,
                      "tasks": {ti.task_id: str(ti.state) for ti in run.get_task_instances()}}))
"""


@pytest.mark.parametrize(
    ("chosen", "noted", "state"),
    [("Chấp nhận | Accept", "accepted", "accepted"), ("Từ chối | Refuse", "refused", "rejected")],
)
def test_an_administrator_answers_in_airflow(settings: Settings, chosen: str, noted: str, state: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PAR_", "AIRFLOW"))}
    environment |= {
        "PAR_PERSON_KEY_SECRET": "the secret of this test", "PAR_DATA_DIR": str(settings.data_dir),
        "PAR_HR_URI": settings.hr_uri, "PAR_ELEARNING_URI": settings.elearning_uri, "PAR_TASK_RETRIES": "0",
        "CHOSEN": chosen, "WHY": WHY, "PYTHONPATH": str(PROJECT_ROOT / "include"),
    }  # fmt: skip
    command = [sys.executable, "-c", textwrap.dedent(ANSWER)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["state"] == "success", told
    assert told["tasks"] == {"find_drops": "success", "case.ask": "success", "case.record": "success"}
    assert told["asked"]["options"] == ["Chấp nhận | Accept", "Từ chối | Refuse"]
    assert told["asked"]["defaults"] == ["Từ chối | Refuse"] and told["asked"]["timeout"]
    assert "don_vi.csv, 2025-01-01" in told["asked"]["subject"] and "ROW_DROP" in told["asked"]["body"]
    assert decisions(settings) == [(noted, "admin", WHY)]
    assert facts(settings)[0] == state
