"""Landing keeps the delivered bytes as they came, every version of them, and only complete deliveries."""

from datetime import timedelta
from pathlib import Path

import pytest

from par_warehouse.errors import ParError
from par_warehouse.landing import delivered_dates, landed, landed_dates, latest_delivered_date, pull
from par_warehouse.settings import Settings
from tests.small_world import NIGHT, clean_world, deliver, settings_for

DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    deliver(tmp_path, clean_world())
    return settings_for(tmp_path)


def test_lands_the_bytes_as_they_came(settings: Settings, tmp_path: Path) -> None:
    assert pull(settings, "hr", NIGHT) == [NIGHT]
    delivery = landed(settings, "hr", NIGHT)
    assert delivery is not None and len(delivery.files) == 7
    original = tmp_path / "hr" / NIGHT.isoformat() / "nhan_su.csv"
    assert delivery.files["nhan_su.csv"].path.read_bytes() == original.read_bytes()
    assert settings.landing.stat().st_mode & 0o777 == 0o700


def test_the_same_bytes_again_are_no_work(settings: Settings) -> None:
    pull(settings, "hr", NIGHT)
    before = {path: path.stat().st_mtime_ns for path in settings.landing.rglob("*.csv")}
    assert pull(settings, "hr", NIGHT) == []
    assert {path: path.stat().st_mtime_ns for path in settings.landing.rglob("*.csv")} == before


def test_a_changed_delivery_is_a_new_version_and_both_are_kept(settings: Settings, tmp_path: Path) -> None:
    pull(settings, "hr", NIGHT)
    first = landed(settings, "hr", NIGHT)
    world = clean_world()
    world["danh_gia"][0]["muc_xep_loai"] = "HTTNV"
    deliver(tmp_path, world)
    assert pull(settings, "hr", NIGHT + DAY) == [], "an earlier date that has landed is looked at only when it is run"
    assert pull(settings, "hr", NIGHT) == [NIGHT]
    second = landed(settings, "hr", NIGHT)
    assert first is not None and second is not None
    assert first.files["danh_gia.csv"].path.exists() and second.files["danh_gia.csv"].path.exists()
    assert first.fingerprint != second.fingerprint
    assert first.files["nhan_su.csv"] == second.files["nhan_su.csv"]


def test_a_folder_without_the_marker_is_not_delivered(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "hr" / NIGHT.isoformat() / "_SUCCESS").unlink()
    assert pull(settings, "hr", NIGHT) == []
    assert landed(settings, "hr", NIGHT) is None
    assert latest_delivered_date(settings) == NIGHT, "e-learning has delivered"


def test_earlier_dates_not_landed_yet_come_along_and_later_ones_do_not(settings: Settings, tmp_path: Path) -> None:
    for days in (-2, -1, 1):
        deliver(tmp_path, clean_world(), NIGHT + days * DAY)
    (tmp_path / "hr" / "2024-02-31").mkdir()
    (tmp_path / "hr" / "notes").mkdir()
    assert pull(settings, "hr", NIGHT) == [NIGHT - 2 * DAY, NIGHT - DAY, NIGHT]
    assert landed_dates(settings, "hr") == [NIGHT - 2 * DAY, NIGHT - DAY, NIGHT]
    assert delivered_dates(settings, "hr")[-1] == NIGHT + DAY


def test_a_missing_file_is_absent_not_empty(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "hr" / NIGHT.isoformat() / "danh_gia.csv").unlink()
    (tmp_path / "hr" / NIGHT.isoformat() / "danh_gia.csv").mkdir()
    pull(settings, "hr", NIGHT)
    delivery = landed(settings, "hr", NIGHT)
    assert delivery is not None and "danh_gia.csv" not in delivery.files


def test_mistakes_of_configuration_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ParError, match=r"No delivery found.*PAR_HR_URI"):
        latest_delivered_date(settings_for(tmp_path))
    wrong = Settings(tmp_path / "data", "ftp://hr.example/exports", tmp_path.as_uri())
    with pytest.raises(ParError, match=r"PAR_HR_URI is not a file:///"):
        pull(wrong, "hr", NIGHT)
