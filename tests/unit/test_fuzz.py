"""Damaged deliveries are read or refused; what the fuzzer once found stays mended; and the fuzzer does find."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.fuzz.__main__ import case_of
from tests.fuzz.checks import check_message, parts_of
from tests.fuzz.child import Complaint, Files
from tests.fuzz.found import FOUND, Case
from tests.fuzz.hunt import Finding, Hunt, numbered
from tests.fuzz.misbehaving import dislike_bells, misbehave
from tests.fuzz.seeds import seeds
from tests.fuzz.smaller import smaller

TIMES = {
    "csv": 60, "spreadsheet": 40, "moodle_course_completion": 25, "moodle_activity_completion": 15, "moodle_log": 25,
    "moodle_web_service": 25, "xapi": 20, "standardise": 3, "configuration": 25,
}  # fmt: skip
"""How many damaged deliveries of each seed are read; together they take about twenty seconds."""


@pytest.fixture(scope="module")
def hunt() -> Iterator[Hunt]:
    with Hunt() as hunt:
        yield hunt


@pytest.mark.parametrize("seed", seeds())
def test_a_valid_delivery_is_read(hunt: Hunt, seed: str) -> None:
    assert hunt.outcome(seed, seeds()[seed].files) == "read"


@pytest.mark.parametrize("seed", [name for name, seed in seeds().items() if seed.is_of_dialect])
def test_a_valid_delivery_has_rows_and_all_are_well_formed(seed: str) -> None:
    parts = parts_of(seeds()[seed], seeds()[seed].files)
    runs = {part.table: list(part.records([])) for part in parts}
    assert all(sum(len(run.numbers) for run in found) > 0 for found in runs.values())
    assert all(len(run.malformed) == 0 for found in runs.values() for run in found)


@pytest.mark.parametrize("seed", seeds())
def test_damage_is_read_or_refused(hunt: Hunt, seed: str) -> None:
    outcomes = {number: hunt.outcome(seed, numbered(seed, number)) for number in range(TIMES[seeds()[seed].target])}
    assert {number: one for number, one in outcomes.items() if one not in ("read", "refused")} == {}
    assert set(outcomes.values()) == {"read", "refused"}  # some damage is deep, some is slight


@pytest.mark.parametrize("case", FOUND, ids=lambda case: case.name)
def test_what_was_found_stays_mended(hunt: Hunt, case: Case) -> None:
    assert hunt.outcome(case.seed, case.files) == case.outcome


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("raises", "! ZeroDivisionError at misbehaving.py:"),
        ("complains", "! no promise is kept"),
        ("works for ever", "! more than 1 seconds of work"),
        ("waits for ever", "! no answer within 2 seconds"),
        ("grows", "MB more memory than ever before"),
        ("dies", "! the process ended by SIGABRT"),
    ],
)
def test_the_hunt_notices(kind: str, complaint: str) -> None:
    limits = {"works for ever": {"cpu_seconds": 1.0}, "waits for ever": {"wait_seconds": 2.0}}
    with Hunt(misbehave, **limits.get(kind, {})) as hunt:
        assert hunt.outcome("behaves", {}) == "read"
        assert complaint in hunt.outcome(kind, {})
        assert hunt.outcome("behaves", {}) == "read"


def test_a_finding_is_made_small_and_printed_as_a_case() -> None:
    files = dict(seeds()["xapi lines"].files)
    first, second = sorted(files)
    found = Finding("xapi lines", {first: files[first] + b" ", second: files[second][:900] + b"\a{}"}, "a bell rings")
    with Hunt(dislike_bells) as hunt:
        small = smaller(found, hunt)
    assert small.files == {first: files[first], second: b"\a"}
    case = eval(case_of(small).rstrip(","), {"Case": Case})
    assert case.files == small.files


VI, EN = "tệp rỗng, không có dòng tiêu đề; hãy xuất lại", "the file is empty; export it anew"


@pytest.mark.parametrize(
    ("vi", "en"),
    [
        ("", EN),
        (VI, ""),
        (EN, EN),
        (VI, VI),
        (f"{VI}: Hồng", EN),
        (VI, f"{EN}: hong@so.example.vn"),
        (f"{VI} 013185000", EN),
        (f"{VI}\n", EN),
        (VI, EN * 100),
    ],
)
def test_the_check_of_messages_notices(vi: str, en: str) -> None:
    check_message(VI, EN, {})
    check_message(f"Hồng.csv: {VI}", f"Hồng.csv: {EN}", {"Hồng.csv": b""})
    with pytest.raises(Complaint):
        check_message(vi, en, {})


def digest(_seed: str, _files: Files) -> str:
    """What tells all seeds and their damage from others."""
    deliveries = [numbered(seed, number) for seed in seeds() for number in range(3)]
    return hashlib.sha256(repr(deliveries).encode()).hexdigest()


def test_the_damage_of_a_number_is_the_same_in_every_process() -> None:
    with Hunt(digest) as hunt:
        assert hunt.outcome("", {}) == digest("", {})
