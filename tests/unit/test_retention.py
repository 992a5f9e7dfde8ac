"""Raw files go when their days are over, one journal row each, and never before a night has taken them in."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from par_warehouse.config import load_configuration
from par_warehouse.contract import SOURCES
from par_warehouse.errors import ParError
from par_warehouse.landing import landed
from par_warehouse.ledger import open_ledger
from par_warehouse.retention import delete_expired
from par_warehouse.settings import Settings
from par_warehouse.standardise import standardise
from par_warehouse.vault import incoming_persons
from tests.killed import killed_at
from tests.small_world import NIGHT, clean_world, deliver, land, settings_for, stage

DAY = timedelta(days=1)
KEEP = 90
LAST_DAY = NIGHT + KEEP * DAY
FILES = {"hr": 7, "elearning": 7}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("PAR_LANDING_KEY", raising=False)
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "secret of this test")
    deliver(tmp_path, clean_world())
    settings = settings_for(tmp_path)
    for source in SOURCES:
        land(settings, source, NIGHT)
        take_in(settings, source, NIGHT)
    return settings


def take_in(settings: Settings, source: str, day: date) -> None:
    """What a night does to a delivery as far as its raw files are concerned."""
    delivery = landed(settings, source, day)
    assert delivery is not None
    with open_ledger(settings) as con:
        con.execute("delete from ledger.ops.taken_in where (data_date, source) = (?, ?)", [day, source])
        con.execute("insert into ledger.ops.taken_in values (?, ?, ?)", [day, source, delivery.fingerprint])


def raw_files(settings: Settings, day: date = NIGHT) -> set[str]:
    return {
        str(path.relative_to(settings.landing))
        for source in SOURCES
        for path in (settings.landing / source / day.isoformat()).glob("*")
    }


def journal(settings: Settings, columns: str, where: str = "true") -> list[tuple]:
    with open_ledger(settings) as con:
        return con.execute(f"select {columns} from ledger.ops.raw_file_deletion where {where} order by all").fetchall()


def test_the_last_day_is_kept_and_the_next_one_deletes_all_but_the_manifests(settings: Settings) -> None:
    before = raw_files(settings)
    assert len(before) == sum(FILES.values()) + 2
    kept = delete_expired(settings, LAST_DAY, KEEP)
    assert (kept.files, kept.bytes, kept.kept, raw_files(settings)) == (0, 0, (), before)
    size = sum((settings.landing / name).stat().st_size for name in before if name.endswith(".age"))
    deleted = delete_expired(settings, LAST_DAY + DAY, KEEP)
    assert (deleted.files, deleted.bytes, deleted.kept) == (14, size, ())
    assert raw_files(settings) == {f"{source}/{NIGHT}/manifest.json" for source in SOURCES}
    assert str(deleted).startswith("14 raw files deleted (")


def test_the_journal_says_of_each_file_what_it_was(settings: Settings, tmp_path: Path) -> None:
    delivery = landed(settings, "hr", NIGHT)
    assert delivery is not None
    delete_expired(settings, LAST_DAY + DAY, KEEP)
    rows = journal(settings, "file_name, sha256, bytes, as_of, keep_days", "source = 'hr' and state = 'deleted'")
    assert rows == sorted(
        (name, file.sha256, (tmp_path / "hr" / str(NIGHT) / name).stat().st_size, LAST_DAY + DAY, KEEP)
        for name, file in delivery.files.items()
    )
    with open_ledger(settings) as con:
        times = con.execute(
            "select state, count(*), min(recorded_at), max(recorded_at) from ledger.ops.raw_file_deletion group by all"
            " order by state desc"
        ).fetchall()
    assert [(state, count) for state, count, *_ in times] == [("deleting", 14), ("deleted", 14)]
    (_, _, _, announced), (_, _, gone, _) = times
    assert announced <= gone
    assert abs(datetime.now(UTC).replace(tzinfo=None) - gone) < timedelta(minutes=1)


def test_again_there_is_nothing_to_do(settings: Settings) -> None:
    delete_expired(settings, LAST_DAY + DAY, KEEP)
    before = journal(settings, "*")
    assert delete_expired(settings, LAST_DAY + 2 * DAY, KEEP).files == 0
    assert journal(settings, "*") == before


def test_what_no_night_has_taken_in_as_it_is_now_is_kept_and_named(settings: Settings, tmp_path: Path) -> None:
    world = clean_world()
    world["danh_gia"][0]["muc_xep_loai"] = "HTTNV"
    deliver(tmp_path, world)
    deliver(tmp_path, clean_world(), NIGHT - DAY)
    land(settings, "hr", NIGHT)
    land(settings, "elearning", NIGHT)
    before = raw_files(settings, NIGHT - DAY)
    deleted = delete_expired(settings, LAST_DAY + DAY, KEEP)
    assert deleted.kept == (f"hr/{NIGHT - DAY}", f"hr/{NIGHT}", f"elearning/{NIGHT - DAY}")
    assert "no night has taken them in: hr/2024-12-30, hr/2024-12-31, elearning/2024-12-30" in str(deleted)
    assert deleted.files == 7, "e-learning of the night"
    assert raw_files(settings, NIGHT - DAY) == before
    assert len(raw_files(settings)) == 8 + 1 + 1, "HR with both versions of one file"
    take_in(settings, "hr", NIGHT)
    assert delete_expired(settings, LAST_DAY + DAY, KEEP).files == 8


def test_older_versions_and_what_killed_runs_left_go_too(settings: Settings, tmp_path: Path) -> None:
    first = landed(settings, "hr", NIGHT)
    world = clean_world()
    world["danh_gia"][0]["muc_xep_loai"] = "HTTNV"
    deliver(tmp_path, world)
    stage(settings, "hr", NIGHT)
    take_in(settings, "hr", NIGHT)
    folder = settings.landing / "hr" / str(NIGHT)
    (folder / "copying.part").write_bytes(b"half")
    never_landed = settings.landing / "elearning" / str(NIGHT - DAY)
    never_landed.mkdir()
    (never_landed / "events.pages.json").write_text("{}")
    (never_landed / f"{'0' * 64}.age").write_bytes(b"page")
    left = incoming_persons(settings, f"hr-{NIGHT}-nhan_su")
    left.write_bytes(b"PAR1 half a file")
    assert (settings.staged / "hr" / str(NIGHT)).exists()
    delete_expired(settings, LAST_DAY + DAY, KEEP)
    assert not left.exists()
    assert not (settings.staged / "hr" / str(NIGHT)).exists()
    assert list(never_landed.iterdir()) == []
    assert first is not None
    former = first.files["danh_gia.csv"].sha256
    rows = journal(settings, "source, data_date, stored_name, sha256, bytes", "file_name is null and state = 'deleted'")
    assert rows == [
        ("elearning", NIGHT - DAY, f"{'0' * 64}.age", "0" * 64, None),
        ("elearning", NIGHT - DAY, "events.pages.json", None, None),
        ("hr", NIGHT, f"{former}.age", former, None),
        ("hr", NIGHT, "copying.part", None, None),
    ]


def test_the_journal_has_one_row_for_a_file_with_two_names_and_shows_no_number(settings: Settings) -> None:
    path = settings.landing / "hr" / str(NIGHT) / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["lop-013085000001.csv"] = manifest["files"]["lop_boi_duong.csv"]
    path.write_text(json.dumps(manifest))
    take_in(settings, "hr", NIGHT)
    delete_expired(settings, LAST_DAY + DAY, KEEP)
    names = [name for (name,) in journal(settings, "file_name", "state = 'deleted' and source = 'hr'")]
    assert len(names) == 7 and "lop-############.csv; lop_boi_duong.csv" in names


def test_the_demo_exports_and_everything_else_stay(settings: Settings) -> None:
    others = [
        settings.landing / "demo-exports" / "hr" / str(NIGHT) / "nhan_su.csv",
        settings.landing / "hr" / "notes" / "a.txt",
        settings.landing / "hr" / "2024-02-31" / "a.age",
    ]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_text("text")
    delete_expired(settings, LAST_DAY + 1000 * DAY, KEEP)
    assert all(path.exists() for path in others)


def test_a_date_that_is_delivered_again_lands_again_and_is_deleted_again(settings: Settings) -> None:
    delete_expired(settings, LAST_DAY + DAY, KEEP)
    with pytest.raises(ParError, match="is no longer in the landing zone"):
        standardise(settings, load_configuration(settings.config_dir), "hr", NIGHT)
    stage(settings, "hr", NIGHT)
    assert len(raw_files(settings)) == 8 + 1
    assert delete_expired(settings, LAST_DAY + 2 * DAY, KEEP).files == 7
    counts = journal(settings, "stored_name, count(*)", "source = 'hr' group by all")
    assert [count for _, count in counts] == [4] * 7


def test_killed_anywhere_and_repeated_every_file_is_gone_and_journaled_once(settings: Settings, tmp_path: Path) -> None:
    delete = partial(delete_expired, as_of=LAST_DAY + DAY, keep_days=KEEP)
    deaths = 0
    while True:
        copy = replace(settings, data_dir=tmp_path / f"copy {deaths + 1}")
        shutil.copytree(settings.data_dir, copy.data_dir)
        before = raw_files(copy)
        if not killed_at(deaths + 1, lambda copy=copy: delete(copy), copy.data_dir):
            break
        deaths += 1
        gone = {Path(name).name for name in before - raw_files(copy)}
        assert gone <= {name for (name,) in journal(copy, "stored_name", "state = 'deleting'")}
        delete(copy)
        assert raw_files(copy) == {f"{source}/{NIGHT}/manifest.json" for source in SOURCES}
        assert journal(copy, "state, count(*), count(distinct stored_name)", "true group by state") == [
            ("deleted", 14, 14),
            ("deleting", 14, 14),
        ]
    assert deaths > 20, "14 files are removed one by one"
