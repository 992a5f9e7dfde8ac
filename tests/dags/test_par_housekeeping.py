"""The housekeeping as Airflow sees it, and the secrets that a task finds in Airflow's connections."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from par_warehouse.settings import PROJECT_ROOT


def told(script: str, home: Path, **environment: str) -> dict:
    """What a script prints last as JSON, in a process of its own so that Airflow's home is set before its import."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PAR_")}
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PAR_DATA_DIR": str(home / "data"),
    }
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, env=clean | settings | environment, capture_output=True, text=True, check=True)
    assert not (home / "data").exists()
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict:
    script = """
        import json, os, sys
        from airflow.dag_processing.dagbag import DagBag
        dag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags["par_housekeeping"]
        (task,) = dag.tasks
        print(json.dumps({
            "doc": dag.doc_md, "runs": dag.max_active_runs, "catchup": dag.catchup, "params": dag.params.dump(),
            "cron": dag.timetable.expression, "zone": str(dag.timetable.timezone), "task": task.task_id,
            "retries": task.retries, "backoff": bool(task.retry_exponential_backoff),
            "heavy": [m for m in ("duckdb", "pyrage") if m in sys.modules],
        }))
    """
    return told(script, tmp_path_factory.mktemp("airflow"))


def test_deletes_at_half_past_three_one_run_at_a_time(facts: dict) -> None:
    assert (facts["cron"], facts["zone"], facts["task"]) == ("30 3 * * *", "Asia/Ho_Chi_Minh", "delete_raw_files")
    assert (facts["runs"], facts["catchup"], facts["params"]) == (1, False, {"as_of": None})
    assert (facts["retries"], facts["backoff"]) == (3, True)
    assert facts["heavy"] == []


def test_says_what_to_do_when_it_fails(facts: dict) -> None:
    for word in ("When it fails", "`delete_raw_files`", "PAR_RAW_RETENTION_DAYS", "ops.raw_file_deletion", "as_of"):
        assert word in facts["doc"]


SECRETS = """
    import json, os
    from par_airflow.secrets import secrets_from_connections
    from airflow.sdk.log import redact
    secrets_from_connections()
    names = ("PAR_PERSON_KEY_SECRET", "PAR_LANDING_KEY")
    print(json.dumps({name: os.environ.get(name) for name in names} | {"log": redact(os.environ["SAID"])}))
"""
PERSON_KEY = json.dumps({"conn_type": "generic", "password": "secret of the connection"})
LANDING_KEY = json.dumps({"conn_type": "generic", "password": "first line of it\nsecond line of it"})


def test_a_secret_of_a_connection_reaches_the_task_and_no_log(tmp_path: Path) -> None:
    found = told(
        SECRETS,
        tmp_path,
        AIRFLOW_CONN_PAR_PERSON_KEY=PERSON_KEY,
        AIRFLOW_CONN_PAR_LANDING_KEY=LANDING_KEY,
        SAID="secret of the connection, second line of it, else nothing",
    )
    assert found == {
        "PAR_PERSON_KEY_SECRET": "secret of the connection",
        "PAR_LANDING_KEY": "first line of it\nsecond line of it",
        "log": "***, ***, else nothing",
    }


def test_what_is_set_goes_before_a_connection_and_without_either_nothing_is_set(tmp_path: Path) -> None:
    found = told(
        SECRETS,
        tmp_path,
        AIRFLOW_CONN_PAR_PERSON_KEY=PERSON_KEY,
        PAR_PERSON_KEY_SECRET="secret of the environment",
        SAID="secret of the environment",
    )
    assert found == {"PAR_PERSON_KEY_SECRET": "secret of the environment", "PAR_LANDING_KEY": None, "log": "***"}
