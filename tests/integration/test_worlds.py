"""Worlds with any mix of the contract's faults over several nights give what the independent oracle computes.

The oracle (``tests/oracle``) is written from the contracts alone, row by row, and shares no code with the warehouse.
"""

from pathlib import Path

import pytest

from par_warehouse.errors import RunFailed
from par_warehouse.settings import Settings
from tests.nights import run_steps
from tests.oracle.compare import compare_publication, leaked_identities
from tests.oracle.oracle import Oracle
from tests.oracle.world import apply_step, build_world

SECRET = "secret of the worlds"


@pytest.mark.parametrize("seed", [1, 3, 6, 21])
def test_a_world_is_judged_and_computed_as_the_contracts_say(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", SECRET)
    hr, elearning = tmp_path / "hr", tmp_path / "elearning"
    settings = Settings(tmp_path / "data", hr.as_uri(), elearning.as_uri())
    oracle = Oracle(hr, elearning, SECRET)
    nights = 0
    for number, step in enumerate(build_world(seed)):
        apply_step(step, hr, elearning)
        expected = oracle.run(step.run_date)
        try:
            run_steps(settings, step.run_date, f"run {number}")
            failed = False
        except RunFailed:
            failed = True
        assert failed == expected.failed, f"night {step.run_date} ({step.note})"
        if settings.current.exists() or expected.publication:
            assert compare_publication(settings.current, expected.publication) == [], f"night {step.run_date}"
            assert leaked_identities(settings.current) == []
        nights += 1
    assert nights
