"""The DAG as Airflow sees it: it loads, its tasks stand in the order of the night, its settings are the contract's."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from par_warehouse.settings import PROJECT_ROOT


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the DAG bag holds, read in a process of its own so that Airflow's home is set before its import."""
    home = tmp_path_factory.mktemp("airflow")
    script = textwrap.dedent(
        """
        import json, os
        from airflow.dag_processing.dagbag import DagBag
        bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
        dag = bag.dags["par_nightly"]
        heavy = [m for m in ("duckdb", "dbt", "great_expectations", "pandas") if m in __import__("sys").modules]
        print(json.dumps({
            "errors": bag.import_errors, "dags": sorted(bag.dags), "doc": dag.doc_md, "runs": dag.max_active_runs,
            "catchup": dag.catchup, "params": dag.params.dump(), "cron": dag.timetable.expression,
            "zone": str(dag.timetable.timezone), "heavy": heavy,
            "downstream": {t.task_id: sorted(t.downstream_task_ids) for t in dag.tasks},
            "retries": sorted({t.retries for t in dag.tasks}),
            "backoff": all(t.retry_exponential_backoff for t in dag.tasks),
            "modes": {t.task_id: t.mode for t in dag.tasks if hasattr(t, "mode")},
            "alerts": all(type(c).__name__ == "NightFailed" for t in dag.tasks for c in t.on_failure_callback),
            "alert": type(dag.on_failure_callback).__name__,
            "deadline": [(str(d.interval), d.callback.path) for d in dag.deadline],
            "outbox": [bag.dags["par_outbox"].timetable.expression, bag.dags["par_outbox"].max_active_runs,
                       [t.task_id for t in bag.dags["par_outbox"].tasks]],
            "docs": {t.task_id: t.doc_md or t.python_callable.__doc__ for t in dag.tasks},
        }))
        """
    )
    environment = os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PAR_DATA_DIR": str(home / "data"),
    }
    environment.pop("PAR_TASK_RETRIES", None)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    import json

    assert not (home / "data").exists(), "loading a DAG file writes nothing"
    return json.loads(done.stdout.splitlines()[-1])


def test_loads_without_errors_and_without_heavy_imports(facts: dict) -> None:
    assert facts["errors"] == {}
    assert facts["dags"] == ["par_housekeeping", "par_nightly", "par_outbox", "par_resubmission", "par_row_drop"]
    assert facts["heavy"] == []


def test_runs_at_one_in_the_morning_one_night_at_a_time(facts: dict) -> None:
    assert facts["cron"] == "0 1 * * *"
    assert "Asia/Ho_Chi_Minh" in facts["zone"]
    assert (facts["runs"], facts["catchup"]) == (1, False)
    assert facts["params"] == {"data_date": None}


def test_tasks_stand_in_the_order_of_the_night(facts: dict) -> None:
    assert facts["downstream"] == {
        "hr.wait_for_delivery": ["hr.pull"],
        "hr.pull": ["hr.standardise"],
        "hr.standardise": ["elearning.standardise"],
        "elearning.wait_for_delivery": ["elearning.pull"],
        "elearning.pull": ["elearning.standardise"],
        "elearning.standardise": ["warehouse.validate"],
        "warehouse.validate": ["warehouse.build"],
        "warehouse.build": ["warehouse.audit"],
        "warehouse.audit": ["publish.switch"],
        "publish.switch": ["tell.compose"],
        "tell.compose": ["tell.send"],
        "tell.send": [],
    }


def test_waits_without_a_worker_and_retries_with_back_off(facts: dict) -> None:
    assert facts["modes"] == {"hr.wait_for_delivery": "reschedule", "elearning.wait_for_delivery": "reschedule"}
    assert facts["retries"] == [3]
    assert facts["backoff"]


def test_a_failed_task_a_failed_run_and_a_late_one_alert(facts: dict) -> None:
    assert (facts["alerts"], facts["alert"]) == (True, "NightFailed")
    assert facts["deadline"] == [["1 day, 6:00:00", "par_airflow.alerts.night_is_late"]]


def test_the_outbox_is_looked_after_every_quarter_of_an_hour(facts: dict) -> None:
    assert facts["outbox"] == ["*/15 * * * *", 1, ["send"]]


def test_says_what_to_do_when_it_fails(facts: dict) -> None:
    for word in ("When a task fails", "Backfill", "clear", "data_date"):
        assert word in facts["doc"]
    for task in ("pull", "standardise", "validate", "build", "audit", "publish"):
        assert f"`{task}`" in facts["doc"]
    assert all(facts["docs"].values())


def test_the_dag_file_is_short_enough_to_read_at_once() -> None:
    assert len((PROJECT_ROOT / "dags" / "par_nightly.py").read_text().splitlines()) <= 200
    assert Path(PROJECT_ROOT / "dags").is_dir()
