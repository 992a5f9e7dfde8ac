"""Findings over a few nights: one key from night to night, an agency, and a life of openings and repairs."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from par_warehouse import nightly
from par_warehouse.contract import SOURCES
from par_warehouse.errors import ParError
from par_warehouse.findings import Waiver, life_events, lives, waive
from par_warehouse.ledger import open_ledger
from par_warehouse.settings import Settings
from tests.configurations import with_feeds
from tests.small_world import BY_NAME, NIGHT, Row, World, clean_world, csv_text, deliver, settings_for

DAY = timedelta(days=1)
STAFF = {"ho_ten": "Lê Thị Ba", "nhom": "CONG_CHUC", "ma_don_vi": "H29.01", "trang_thai": "DANG_CONG_TAC"}
WRONG_GROUP: Row = STAFF | {"so_dinh_danh": "013085000003", "nhom": "X"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "secret of the findings")
    return settings_for(tmp_path)


def take(settings: Settings, world: World, night: date, **replace: bytes | None) -> None:
    base = Path(settings.hr_uri.removeprefix("file://")).parent
    deliver(base, world, night, replace=dict(replace))
    for source in SOURCES:
        nightly.pull(settings, source, night)
        nightly.standardise_source(settings, source, night)
    nightly.validate_night(settings, night, f"run-{night}")


def ledger(settings: Settings, query: str, as_of: date | None = None) -> list[tuple[Any, ...]]:
    with open_ledger(settings) as con:
        lives(con, as_of)
        life_events(con)
        return con.execute(query).fetchall()


def with_staff(*rows: Row) -> World:
    """A clean world with rows more, and so many staff that a row less is no rejection."""
    world = clean_world()
    world["nhan_su"] += [STAFF | {"so_dinh_danh": f"01308500001{number}"} for number in range(8)]
    world["nhan_su"] += rows
    return world


def test_a_row_is_one_finding_wherever_it_stands_and_whatever_is_wrong_with_it(settings: Settings) -> None:
    take(settings, with_staff(WRONG_GROUP), NIGHT)
    other = with_staff(WRONG_GROUP | {"nhom": "CONG_CHUC", "ma_don_vi": "H29.99"})
    other["nhan_su"].insert(0, other["nhan_su"].pop())
    take(settings, other, NIGHT + DAY)
    found = "select kind, rule_code, row_number, agency_code, nights_seen, times_opened, state, days_open from finding"
    assert ledger(settings, found, NIGHT) == [("row", "BAD_ENUM", 11, "H29.01", 1, 1, "open", 1)]
    # The unit is unknown now and the person was never accepted, so nothing says whose the row is.
    assert ledger(settings, found) == [("row", "UNKNOWN_UNIT", 1, None, 2, 1, "open", 2)]


def test_rows_without_a_readable_key_are_told_apart(settings: Settings) -> None:
    nobody = STAFF | {"so_dinh_danh": "12"}
    world = with_staff(nobody, nobody, nobody | {"nhom": "VIEN_CHUC"}, nobody | {"*": "1"})
    take(settings, world, NIGHT)
    before = ledger(settings, "select finding_key from finding order by all")
    assert len(before) == 4
    world["nhan_su"] = world["nhan_su"][2:][::-1] + world["nhan_su"][:2]
    take(settings, world, NIGHT + DAY)
    assert ledger(settings, "select finding_key from finding order by all") == before
    world["nhan_su"] = [row for row in world["nhan_su"] if row != nobody] + [nobody]
    take(settings, world, NIGHT + 2 * DAY)
    assert ledger(settings, "select state, count(*) from finding group by all order by all") == [
        ("open", 3),
        ("repaired", 1),
    ]


def test_opened_unjudged_repaired_recurred(settings: Settings) -> None:
    take(settings, with_staff(WRONG_GROUP), NIGHT)
    take(settings, with_staff(), NIGHT + DAY, nhan_su=b"x\n1\n")  # rejected: nothing is judged
    take(settings, with_staff(), NIGHT + 2 * DAY)
    take(settings, with_staff(WRONG_GROUP), NIGHT + 3 * DAY)
    row = "select state, opened_on, repaired_on, times_opened, days_open from finding where kind = 'row'"
    assert ledger(settings, row, NIGHT + DAY) == [("open", NIGHT, None, 1, 2)]
    assert ledger(settings, row, NIGHT + 2 * DAY) == [("repaired", NIGHT, NIGHT + 2 * DAY, 1, None)]
    assert ledger(settings, row) == [("open", NIGHT + 3 * DAY, None, 2, 1)]
    file = "select rule_code, state, opened_on, repaired_on from finding where kind = 'file'"
    assert ledger(settings, file) == [("MISSING_COLUMN", "repaired", NIGHT + DAY, NIGHT + 2 * DAY)]
    events = (
        "select event_date, event from finding_event join finding using (finding_key) where kind = 'row' order by 1"
    )
    assert ledger(settings, events) == [
        (NIGHT, "opened"),
        (NIGHT + 2 * DAY, "repaired"),
        (NIGHT + 3 * DAY, "recurred"),
    ]


def test_a_silent_source_is_one_finding_and_a_missing_file_another(settings: Settings) -> None:
    take(settings, clean_world(), NIGHT)
    take(settings, clean_world(), NIGHT + DAY, sang_kien=None)
    for source in SOURCES:
        nightly.standardise_source(settings, source, NIGHT + 2 * DAY)
    nightly.validate_night(settings, NIGHT + 2 * DAY, "silent")
    found = "select kind, source, file_name, rule_code, opened_on from finding where state = 'open' order by all"
    assert ledger(settings, found) == [
        ("file", "hr", "sang_kien.csv", "MISSING_FILE", NIGHT + DAY),
        ("source", "elearning", None, "NOT_DELIVERED", NIGHT + 2 * DAY),
        ("source", "hr", None, "NOT_DELIVERED", NIGHT + 2 * DAY),
    ]


def test_a_sender_that_is_refused_or_silent_is_a_finding_of_its_own(settings: Settings) -> None:
    settings = with_feeds(settings, danh_gia={"files": "danh_gia/{part}.csv"})
    base, good = settings.data_dir.parent, csv_text(BY_NAME["danh_gia"], clean_world()["danh_gia"])
    for day, texts in enumerate(({"a": good, "b": good}, {"a": "x\n1\n"}, {"a": good, "b": good})):
        folder = base / "hr" / f"{NIGHT + day * DAY}" / "danh_gia"
        folder.mkdir(parents=True)
        for sender, text in texts.items():
            (folder / f"{sender}.csv").write_text(text)
        take(settings, clean_world(), NIGHT + day * DAY, danh_gia=None)
    found = "select sender, rule_code, state, opened_on, repaired_on from finding where kind = 'sender' order by all"
    assert ledger(settings, found, NIGHT) == []
    assert ledger(settings, found, NIGHT + DAY) == [
        ("a", "UNUSABLE", "open", NIGHT + DAY, None),
        ("b", "MISSING_FILE", "open", NIGHT + DAY, None),
    ]
    assert {row[2:] for row in ledger(settings, found)} == {("repaired", NIGHT + DAY, NIGHT + 2 * DAY)}


def test_delivered_anew_for_the_same_date_it_is_repaired_on_that_date(settings: Settings) -> None:
    take(settings, with_staff(WRONG_GROUP), NIGHT)
    take(settings, with_staff(), NIGHT)
    take(settings, with_staff(), NIGHT)
    found = "select state, opened_on, repaired_on, nights_seen from finding"
    assert ledger(settings, found) == [("repaired", NIGHT, NIGHT, 1)]
    take(settings, with_staff(WRONG_GROUP), NIGHT)
    assert ledger(settings, found) == [("open", NIGHT, None, 1)]


def test_a_bad_increment_is_not_repaired_by_the_next(settings: Settings) -> None:
    world = clean_world()
    world["mdl_course_modules_viewed"].append({"id": "2", "coursemoduleid": "5", "userid": "2", "timecreated": "x"})
    take(settings, world, NIGHT)
    world["mdl_course_modules_viewed"] = []
    take(settings, world, NIGHT + DAY)
    assert ledger(settings, "select state, agency_code, days_open from finding") == [("open", "H29.01", 2)]


def test_whose_a_row_is(settings: Settings) -> None:
    world = clean_world()
    world["don_vi"] += [
        {"ma_don_vi": "H29.01.01", "ten_don_vi": "Phòng", "loai_don_vi": "PHONG", "ma_don_vi_cha": "H29.01",
         "hieu_luc_tu": "2020-01-01"},
        {"ma_don_vi": "H29.05", "ten_don_vi": "Ban", "loai_don_vi": "KHAC", "ma_don_vi_cha": "H29",
         "hieu_luc_tu": "2020-01-01"},
        {"ma_don_vi": "H29.01.02", "ten_don_vi": "Ban", "loai_don_vi": "KHAC", "ma_don_vi_cha": "H29.01",
         "hieu_luc_tu": "2020-01-01"},
    ]  # fmt: skip
    world["nhan_su"] += [WRONG_GROUP | {"ma_don_vi": "H29.01.01"}, WRONG_GROUP | {"ma_don_vi": "H29"}]
    world["danh_gia"] = [dict(world["danh_gia"][0], muc_xep_loai="NOPE")]
    world["mdl_course_completions"] = [dict(world["mdl_course_completions"][0], timecompleted="x")]
    world["mdl_course"].append({"id": "x", "idnumber": "K1"})
    take(settings, world, NIGHT)
    found = "select file_name, rule_code, agency_code from finding order by all"
    assert ledger(settings, found) == [
        ("danh_gia.csv", "BAD_ENUM", "H29.01"),  # by the unit of the person
        ("don_vi.csv", "BAD_ENUM", "H29"),  # by the parent
        ("don_vi.csv", "BAD_ENUM", "H29.01"),
        ("mdl_course.csv", "BAD_NUMBER", None),
        ("mdl_course_completions.csv", "BAD_DATE", "H29.01"),  # by the person of the account
        ("nhan_su.csv", "BAD_ENUM", "H29"),
        ("nhan_su.csv", "BAD_ENUM", "H29.01"),  # by the unit above the unit
    ]


def test_quarantined_rows_are_kept_as_staged_without_names(settings: Settings) -> None:
    take(settings, with_staff(WRONG_GROUP | {"ngay_sinh": "31/02/1980"}), NIGHT)
    take(settings, with_staff(WRONG_GROUP | {"ngay_sinh": "31/02/1980"}), NIGHT)  # a rerun replaces the file
    (kept,) = settings.quarantined.rglob("*.parquet")
    columns = {row[0] for row in duckdb.sql(f"describe from read_parquet('{kept}')").fetchall()}
    assert {"ho_ten", "ngay_sinh"} & columns == set()
    rows = duckdb.sql(
        f"select rule_codes, broken_columns, agency_code, ma_don_vi, nhom from read_parquet('{kept}')"
    ).fetchall()
    assert rows == [(["BAD_DATE", "BAD_ENUM"], ["ngay_sinh", "nhom"], "H29.01", "H29.01", None)]


def test_a_waiver_lasts_until_its_day_and_is_published_without_names(settings: Settings) -> None:
    take(settings, with_staff(WRONG_GROUP), NIGHT)
    ((key,),) = ledger(settings, "select finding_key from finding")
    waive(settings, Waiver(key, "quan-tri@example.vn", "chờ quyết định bổ nhiệm", NIGHT + DAY))
    take(settings, with_staff(WRONG_GROUP), NIGHT + 2 * DAY)
    found = "select state, waived_by, waived_until from finding"
    assert ledger(settings, found, NIGHT + DAY) == [("waived", "quan-tri@example.vn", NIGHT + DAY)]
    assert ledger(settings, found) == [("open", "quan-tri@example.vn", NIGHT + DAY)]
    with pytest.raises(ParError, match="There is no finding 0123"):
        waive(settings, Waiver("0123", "quan-tri", "vì sao không", NIGHT))
    for by, why in (("Nguyễn Văn A", "vì sao không"), ("quan-tri", "vì"), ("quan-tri", "013085000003 là bà Ba")):
        with pytest.raises(ParError, match=r"--by must be|--why must be"):
            Waiver(key, by, why, NIGHT)
