"""Publishing is one switch of a link; rolling back is another; nothing is lost when two builds meet."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import duckdb
import pytest

from par_warehouse.build import Build, build_file
from par_warehouse.errors import ParError
from par_warehouse.publish import publish, published_dates, rollback, versions
from par_warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", "file:///hr", "file:///elearning", keep_versions=3)


RUN = "run:1+0"


def publish_day(settings: Settings, day: str) -> Path:
    return publish(settings, date.fromisoformat(day), RUN)


def built(settings: Settings, day: str, is_audited: bool = True, run_id: str = RUN) -> None:
    """A finished build of one date on the present publication."""
    settings.work.mkdir(parents=True, exist_ok=True)
    base = settings.current.resolve().name if settings.current.exists() else None
    (settings.work / "build.json").write_text(json.dumps(asdict(Build(day, run_id, base, is_audited))))
    with duckdb.connect(str(build_file(settings))) as con:
        con.execute("create schema marts")
        con.execute(f"create table marts.fct_indicator_daily as select date '{day}' as as_of_date")


def test_the_link_is_relative_and_the_version_read_only(settings: Settings) -> None:
    built(settings, "2024-12-30")
    version = publish_day(settings, "2024-12-30")
    assert version.name == "2024-12-30-run-1-0.duckdb"
    assert settings.current.readlink() == Path("builds") / version.name
    assert version.stat().st_mode & 0o777 == 0o444
    assert not settings.work.exists()
    assert not list(settings.builds.glob("*.wal"))


def test_a_reader_of_the_former_version_finishes_on_it(settings: Settings) -> None:
    built(settings, "2024-12-30")
    publish_day(settings, "2024-12-30")
    with duckdb.connect(str(settings.current), read_only=True) as reader:
        built(settings, "2024-12-31")
        publish_day(settings, "2024-12-31")
        assert reader.execute("select as_of_date::varchar from marts.fct_indicator_daily").fetchall() == [
            ("2024-12-30",)
        ]
    assert [str(day) for day in published_dates(settings.current.resolve())] == ["2024-12-31"]


def test_a_build_on_a_superseded_version_is_refused(settings: Settings) -> None:
    built(settings, "2024-12-30")
    (settings.work / "build.json").write_text(json.dumps(asdict(Build("2024-12-30", RUN, "another.duckdb", True))))
    with pytest.raises(ParError, match="Another run has published"):
        publish_day(settings, "2024-12-30")
    assert not settings.current.exists()


def test_without_a_build_there_is_a_sentence(settings: Settings) -> None:
    with pytest.raises(ParError, match="There is no build"):
        publish_day(settings, "2024-12-30")


def test_a_build_that_no_audit_has_seen_is_not_published(settings: Settings) -> None:
    built(settings, "2024-12-30", is_audited=False)
    with pytest.raises(ParError, match="not audited"):
        publish_day(settings, "2024-12-30")
    assert not settings.current.exists()


@pytest.mark.parametrize(("day", "run_id"), [("2024-12-31", RUN), ("2024-12-30", "another run")])
def test_a_run_never_publishes_the_build_of_another(settings: Settings, day: str, run_id: str) -> None:
    built(settings, day, run_id=run_id)
    with pytest.raises(ParError, match="Another run, of"):
        publish_day(settings, "2024-12-30")
    assert not settings.current.exists()


def test_only_the_last_versions_are_kept(settings: Settings) -> None:
    for day in range(1, 6):
        built(settings, f"2024-12-0{day}")
        publish_day(settings, f"2024-12-0{day}")
    assert [path.name[:10] for path in versions(settings)] == ["2024-12-03", "2024-12-04", "2024-12-05"]


def test_rollback_goes_one_version_back_each_time_and_then_says_so(settings: Settings) -> None:
    with pytest.raises(ParError, match="Nothing is published"):
        rollback(settings)
    for day in (1, 2, 3):
        built(settings, f"2024-12-0{day}")
        publish_day(settings, f"2024-12-0{day}")
    assert rollback(settings).name.startswith("2024-12-02")
    assert rollback(settings).name.startswith("2024-12-01")
    with pytest.raises(ParError, match="No earlier version"):
        rollback(settings)
    assert settings.current.resolve().name.startswith("2024-12-01")


def test_what_was_rolled_back_is_not_rolled_back_to(settings: Settings) -> None:
    for day in (1, 2):
        built(settings, f"2024-12-0{day}")
        publish_day(settings, f"2024-12-0{day}")
    rollback(settings)
    built(settings, "2024-12-03")
    publish_day(settings, "2024-12-03")
    assert [path.name[:10] for path in versions(settings)] == ["2024-12-01", "2024-12-03"]
    assert len(list(settings.builds.iterdir())) == 2
    assert rollback(settings).name.startswith("2024-12-01")
