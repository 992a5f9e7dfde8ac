"""Publishing is one switch of a link; rolling back is another; nothing is lost when two builds meet."""

import json
from dataclasses import asdict
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


def built(settings: Settings, day: str, run_id: str = "run:1+0") -> None:
    """A finished build of one date on the present publication."""
    settings.work.mkdir(parents=True, exist_ok=True)
    base = settings.current.resolve().name if settings.current.exists() else None
    (settings.work / "build.json").write_text(json.dumps(asdict(Build(day, run_id, base))))
    with duckdb.connect(str(build_file(settings))) as con:
        con.execute("create schema marts")
        con.execute(f"create table marts.fct_indicator_daily as select date '{day}' as as_of_date")


def test_the_link_is_relative_and_the_version_read_only(settings: Settings) -> None:
    built(settings, "2024-12-30")
    version = publish(settings)
    assert version.name == "2024-12-30-run-1-0.duckdb"
    assert settings.current.readlink() == Path("builds") / version.name
    assert version.stat().st_mode & 0o777 == 0o444
    assert not settings.work.exists()
    assert not list(settings.builds.glob("*.wal"))


def test_a_reader_of_the_former_version_finishes_on_it(settings: Settings) -> None:
    built(settings, "2024-12-30")
    publish(settings)
    with duckdb.connect(str(settings.current), read_only=True) as reader:
        built(settings, "2024-12-31")
        publish(settings)
        assert reader.execute("select as_of_date::varchar from marts.fct_indicator_daily").fetchall() == [
            ("2024-12-30",)
        ]
    assert [str(day) for day in published_dates(settings.current.resolve())] == ["2024-12-31"]


def test_a_build_on_a_superseded_version_is_refused(settings: Settings) -> None:
    built(settings, "2024-12-30")
    (settings.work / "build.json").write_text(json.dumps(asdict(Build("2024-12-30", "run", "another.duckdb"))))
    with pytest.raises(ParError, match="Another run has published"):
        publish(settings)
    assert not settings.current.exists()


def test_without_a_build_there_is_a_sentence(settings: Settings) -> None:
    with pytest.raises(ParError, match="There is no build"):
        publish(settings)


def test_only_the_last_versions_are_kept(settings: Settings) -> None:
    for day in range(1, 6):
        built(settings, f"2024-12-0{day}")
        publish(settings)
    assert [path.name[:10] for path in versions(settings)] == ["2024-12-03", "2024-12-04", "2024-12-05"]


def test_rollback_goes_one_version_back_each_time_and_then_says_so(settings: Settings) -> None:
    with pytest.raises(ParError, match="Nothing is published"):
        rollback(settings)
    for day in (1, 2, 3):
        built(settings, f"2024-12-0{day}")
        publish(settings)
    assert rollback(settings).name.startswith("2024-12-02")
    assert rollback(settings).name.startswith("2024-12-01")
    with pytest.raises(ParError, match="No earlier version"):
        rollback(settings)
    assert settings.current.resolve().name.startswith("2024-12-01")


def test_what_was_rolled_back_is_not_rolled_back_to(settings: Settings) -> None:
    for day in (1, 2):
        built(settings, f"2024-12-0{day}")
        publish(settings)
    rollback(settings)
    built(settings, "2024-12-03")
    publish(settings)
    assert [path.name[:10] for path in versions(settings)] == ["2024-12-01", "2024-12-03"]
    assert len(list(settings.builds.iterdir())) == 2
    assert rollback(settings).name.startswith("2024-12-01")
