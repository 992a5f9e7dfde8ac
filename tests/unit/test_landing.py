"""Landing keeps the delivered bytes as they came, every version of them, and only complete deliveries."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from par_warehouse import nightly
from par_warehouse.contract import SOURCES
from par_warehouse.errors import ParError
from par_warehouse.landing import delivered_dates, landed, landed_dates, latest_delivered_date, local_folder
from par_warehouse.settings import Settings
from tests.small_world import NIGHT, clean_world, deliver, land, settings_for

DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("PAR_LANDING_KEY", raising=False)
    deliver(tmp_path, clean_world())
    return settings_for(tmp_path)


def latest_date(settings: Settings) -> date:
    return latest_delivered_date(settings, {source: local_folder(settings, source) for source in SOURCES})


def test_lands_the_bytes_as_they_came(settings: Settings, tmp_path: Path) -> None:
    assert land(settings, "hr", NIGHT) == [NIGHT]
    delivery = landed(settings, "hr", NIGHT)
    assert delivery is not None and len(delivery.files) == 7
    original = tmp_path / "hr" / NIGHT.isoformat() / "nhan_su.csv"
    with delivery.delivered_file(settings, "nhan_su.csv").open() as copy:
        assert copy.read() == original.read_bytes()
    sealed = delivery.files["nhan_su.csv"].path
    assert sealed is not None and b"013085000001" not in sealed.read_bytes(), "delivered bytes rest sealed"
    assert settings.landing.stat().st_mode & 0o777 == 0o700


def test_the_same_bytes_again_are_no_work(settings: Settings) -> None:
    land(settings, "hr", NIGHT)
    before = {path: path.stat().st_mtime_ns for path in settings.landing.rglob("*.age")}
    assert land(settings, "hr", NIGHT) == []
    assert {path: path.stat().st_mtime_ns for path in settings.landing.rglob("*.age")} == before
    assert len(before) == 7


def test_a_changed_delivery_is_a_new_version_and_both_are_kept(settings: Settings, tmp_path: Path) -> None:
    land(settings, "hr", NIGHT)
    first = landed(settings, "hr", NIGHT)
    world = clean_world()
    world["danh_gia"][0]["muc_xep_loai"] = "HTTNV"
    deliver(tmp_path, world)
    assert land(settings, "hr", NIGHT + DAY) == [], "an earlier date that has landed is looked at only when it is run"
    assert land(settings, "hr", NIGHT) == [NIGHT]
    second = landed(settings, "hr", NIGHT)
    assert first is not None and second is not None
    assert first.files["danh_gia.csv"].path.exists() and second.files["danh_gia.csv"].path.exists()
    assert first.fingerprint != second.fingerprint
    assert first.files["nhan_su.csv"] == second.files["nhan_su.csv"]


def test_a_folder_without_the_marker_is_not_delivered(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "hr" / NIGHT.isoformat() / "_SUCCESS").unlink()
    assert land(settings, "hr", NIGHT) == []
    assert landed(settings, "hr", NIGHT) is None
    assert latest_date(settings) == NIGHT, "e-learning has delivered"


def test_earlier_dates_not_landed_yet_come_along_and_later_ones_do_not(settings: Settings, tmp_path: Path) -> None:
    for days in (-2, -1, 1):
        deliver(tmp_path, clean_world(), NIGHT + days * DAY)
    (tmp_path / "hr" / "2024-02-31").mkdir()
    (tmp_path / "hr" / "notes").mkdir()
    assert land(settings, "hr", NIGHT) == [NIGHT - 2 * DAY, NIGHT - DAY, NIGHT]
    assert landed_dates(settings, "hr") == [NIGHT - 2 * DAY, NIGHT - DAY, NIGHT]
    assert delivered_dates(local_folder(settings, "hr"))[-1] == NIGHT + DAY


def test_a_missing_file_is_absent_and_a_folder_in_its_place_is_refused(settings: Settings, tmp_path: Path) -> None:
    delivered = tmp_path / "hr" / NIGHT.isoformat()
    (delivered / "danh_gia.csv").unlink()
    (delivered / "sang_kien.csv").unlink()
    (delivered / "sang_kien.csv").mkdir()
    (delivered / "notes.txt").write_text("a file that no feed takes")
    land(settings, "hr", NIGHT)
    delivery = landed(settings, "hr", NIGHT)
    assert delivery is not None and "danh_gia.csv" not in delivery.files and "notes.txt" not in delivery.files
    refusal = delivery.files["sang_kien.csv"].refusal
    assert refusal is not None and "thư mục" in refusal[0]


def test_a_folder_that_is_not_looked_into_is_refused_and_listed(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    delivered = tmp_path / "hr" / NIGHT.isoformat()
    for folder in (delivered / "so\u202ecu", delivered.joinpath(*"123456"), delivered / "plain"):
        folder.mkdir(parents=True)
        (folder / "nhan_su.csv").touch()
    with caplog.at_level("WARNING"):
        line = nightly.pull(settings, "hr", NIGHT)
    delivery = landed(settings, "hr", NIGHT)
    assert delivery is not None
    refused = {name: file.refusal[0] for name, file in delivery.files.items() if file.refusal}
    assert sorted(refused) == ["1/2/3/4/5/6", "so\u202ecu"]
    assert "sâu quá 6 cấp" in refused["1/2/3/4/5/6"] and "ký tự không dùng được" in refused["so\u202ecu"]
    assert "7 files for 2024-12-31, 2 refused, 1 that no feed takes" in line
    told = [record.getMessage() for record in caplog.records if "is refused" in record.getMessage()]
    assert [text.split(" is refused: ")[0] for text in told] == ["hr: 1/2/3/4/5/6", "hr: so\\u202ecu"]


def test_mistakes_of_configuration_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ParError, match=r"No delivery found.*PAR_HR_URI"):
        latest_date(settings_for(tmp_path))
    wrong = Settings(tmp_path / "data", "ftp://hr.example/exports", tmp_path.as_uri())
    with pytest.raises(ParError, match=r"PAR_HR_URI is not a file:///"):
        land(wrong, "hr", NIGHT)
