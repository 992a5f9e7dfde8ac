"""The DAGs of repairs and of decisions as Airflow sees them."""

from pathlib import Path

import pytest

from tests.dags.test_par_housekeeping import told


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict:
    script = """
        import json, os, sys
        from airflow.dag_processing.dagbag import DagBag
        bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
        def about(dag):
            return {"doc": dag.doc_md, "runs": dag.max_active_runs, "catchup": dag.catchup,
                    "cron": dag.timetable.expression, "zone": str(dag.timetable.timezone),
                    "tasks": {t.task_id: sorted(t.downstream_task_ids) for t in dag.tasks}}
        dags = {name: about(bag.dags[name]) for name in ("par_resubmission", "par_row_drop")}
        ask = bag.dags["par_row_drop"].task_dict["case.ask"]
        print(json.dumps(dags | {
            "options": ask.partial_kwargs["options"] if hasattr(ask, "partial_kwargs") else ask.options,
            "defaults": ask.defaults, "hours": ask.response_timeout.total_seconds() / 3600,
            "notifiers": [type(one).__name__ for one in ask.notifiers],
            "heavy": [m for m in ("duckdb", "dbt", "great_expectations", "xlsxwriter") if m in sys.modules],
        }))
    """
    return told(script, tmp_path_factory.mktemp("airflow"))


def test_uploads_are_taken_every_quarter_of_an_hour_one_run_at_a_time(facts: dict) -> None:
    dag = facts["par_resubmission"]
    assert (dag["cron"], dag["zone"], dag["runs"], dag["catchup"]) == ("*/15 * * * *", "Asia/Ho_Chi_Minh", 1, False)
    assert dag["tasks"] == {"take_uploads": []}
    assert facts["heavy"] == []


def test_a_question_has_a_notice_an_end_and_refusal_for_want_of_an_answer(facts: dict) -> None:
    dag = facts["par_row_drop"]
    assert (dag["cron"], dag["runs"], dag["catchup"]) == ("0 6 * * *", 1, False)
    assert dag["tasks"] == {"find_drops": ["case.ask", "case.record"], "case.ask": ["case.record"], "case.record": []}
    assert facts["options"] == ["Chấp nhận | Accept", "Từ chối | Refuse"] and facts["defaults"] == ["Từ chối | Refuse"]
    assert (facts["hours"], facts["notifiers"]) == (20, ["LogTheQuestion"])


@pytest.mark.parametrize("name", ["par_resubmission", "par_row_drop"])
def test_says_what_to_do_when_it_fails(facts: dict, name: str) -> None:
    doc, tasks = facts[name]["doc"], facts[name]["tasks"]
    assert "When it fails" in doc and all(f"`{task}`" in doc for task in tasks)


def test_files_are_short_enough_to_read_at_once() -> None:
    folder = Path(__file__).parents[2] / "dags"
    assert all(len(path.read_text("utf-8").splitlines()) <= 200 for path in folder.glob("*.py"))
