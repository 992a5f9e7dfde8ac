"""A series of nights: rerunning any of them in any order changes no row but run ids."""

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from par_warehouse.errors import RunFailed
from par_warehouse.settings import Settings
from tests.nights import published_rows, run_steps
from tests.small_world import NIGHT, clean_world, deliver, settings_for

NIGHTS = [NIGHT + timedelta(days=ago) for ago in (-2, -1, 0)]


def ask(settings: Settings, sql: str) -> list[tuple]:
    with duckdb.connect(str(settings.current), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    return settings_for(tmp_path)


def test_rerunning_any_night_in_any_order_changes_no_row(settings: Settings, tmp_path: Path) -> None:
    # Night 1 is clean; on night 2 a completion is gone, an account changes hands, a row is bad; night 3 lacks a file.
    world = clean_world()
    deliver(tmp_path, world, NIGHTS[0])
    world["mdl_course_completions"] = [{"id": "2", "userid": "1", "course": "7", "timecompleted": "1700000000"}]
    world["mdl_user"][1]["idnumber"] = "013085000001"
    world["danh_gia"].append({"so_dinh_danh": "x", "nam": "2023", "ngay_quyet_dinh": "2023-12-20"})
    world["mdl_course_modules_viewed"] = [
        {"id": "2", "coursemoduleid": "5", "userid": "2", "timecreated": "1700000000"}
    ]
    deliver(tmp_path, world, NIGHTS[1])
    world["don_vi"][1]["ten_don_vi"] = "Sở Nội vụ (mới)"
    deliver(tmp_path, world, NIGHTS[2], replace={"quyet_dinh": None})
    for night in NIGHTS:
        run_steps(settings, night, f"first {night}")
    once = published_rows(settings.current)
    for round_, night in enumerate([NIGHTS[1], NIGHTS[0], NIGHTS[2], NIGHTS[0], NIGHTS[1]]):
        run_steps(settings, night, f"again {round_}")
        assert published_rows(settings.current) == once, f"after the rerun of {night}"
    # What the nights are: evidence stays, names are those of then, the missing file is carried forward.
    assert ask(settings, "select count(*) from bi.indicator_daily where org_unit_name = 'Sở Nội vụ (mới)'")[0][0] > 0
    assert ask(
        settings,
        "select data_date, state, served_from_date from ops.load_file where file_name = 'quyet_dinh.csv' order by 1",
    ) == [
        (NIGHTS[0], "accepted", NIGHTS[0]),
        (NIGHTS[1], "accepted", NIGHTS[1]),
        (NIGHTS[2], "missing", NIGHTS[1]),
    ]
    assert ask(settings, "select distinct is_stale from marts.fct_indicator_daily where indicator_code = 'I4'"
               f" and as_of_date = '{NIGHTS[2]}'") == [(True,)]  # fmt: skip


def test_a_changed_delivery_of_an_earlier_date_changes_later_evidence_when_rerun(
    settings: Settings, tmp_path: Path
) -> None:
    # A view of night 1 is found to be wrong and delivered again without it; night 2 had repeated it.
    world = clean_world()
    for night in NIGHTS[:2]:
        deliver(tmp_path, world, night)
        run_steps(settings, night)
    i3a = (
        "select as_of_date, numerator from marts.fct_indicator_daily"
        " where indicator_code = 'I3A' and org_unit_code = 'H29' order by 1"
    )
    # The only view is of the last second of 31/12/2024: after both nights, so it counts on neither.
    assert ask(settings, i3a) == [(NIGHTS[0], 0), (NIGHTS[1], 0)]
    world["mdl_course_modules_viewed"][0]["timecreated"] = "1700000000"
    deliver(tmp_path, world, NIGHTS[0])
    run_steps(settings, NIGHTS[0])
    assert ask(settings, i3a) == [(NIGHTS[0], 1), (NIGHTS[1], 0)], "only the rerun date changes"
    run_steps(settings, NIGHTS[1])
    assert ask(settings, i3a) == [(NIGHTS[0], 1), (NIGHTS[1], 1)]


def test_a_run_with_nothing_to_carry_forward_fails_and_keeps_what_it_accepted(
    settings: Settings, tmp_path: Path
) -> None:
    deliver(tmp_path, clean_world(), NIGHTS[0], replace={"danh_gia": None})
    with pytest.raises(RunFailed, match=r"nothing was ever accepted for danh_gia\.csv"):
        run_steps(settings, NIGHTS[0])
    assert not settings.current.exists()
    deliver(tmp_path, clean_world(), NIGHTS[1], replace={"nhan_su": b"broken"})
    run_steps(settings, NIGHTS[1])
    loads = "select state, served_from_date from ops.load_file where file_name = 'nhan_su.csv' order by data_date"
    assert ask(settings, loads) == [
        ("accepted", NIGHTS[0]),
        ("rejected", NIGHTS[0]),
    ]
    assert ask(settings, "select distinct as_of_date from marts.fct_indicator_daily") == [(NIGHTS[1],)]
