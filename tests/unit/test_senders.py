"""Several senders fill one table: who is silent or unreadable is served by the last readable file, and said so."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from par_warehouse.settings import Settings
from par_warehouse.staged import StagedFile
from tests.configurations import with_feeds
from tests.small_world import BY_NAME, NIGHT, clean_world, csv_text, deliver, settings_for, stage

DAY = timedelta(days=1)
TABLE = BY_NAME["danh_gia"]


def rating(number: int, level: str = "HTTNV") -> dict[str, str]:
    return {
        "so_dinh_danh": f"0130850000{number:02}",
        "nam": "2023",
        "muc_xep_loai": level,
        "ngay_quyet_dinh": "2023-12-20",
    }


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    return with_feeds(settings_for(tmp_path), danh_gia={"files": "danh_gia/{part}/*.csv"})


def send(settings: Settings, night: date, **files: str) -> StagedFile:
    """Deliver a night in which each sender's file has this text, and stage it."""
    base = settings.data_dir.parent
    deliver(base, clean_world(), night, replace={"danh_gia": None})
    for sender, text in files.items():
        path = base / "hr" / night.isoformat() / "danh_gia" / sender.split("__")[0] / f"{sender}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return stage(settings, "hr", night)["danh_gia"]


def rows(staged: StagedFile) -> list[tuple]:
    query = "select row_number, muc_xep_loai, part_number, part_row from read_parquet(?) order by row_number"
    return duckdb.execute(query, [staged.path]).fetchall()


def test_parts_are_one_table_numbered_through(settings: Settings) -> None:
    two, one = csv_text(TABLE, [rating(1), rating(2, "HTNV")]), csv_text(TABLE, [rating(3, "KHTNV")])
    staged = send(settings, NIGHT, b=one, a=two)
    assert rows(staged) == [(1, "HTTNV", 0, 1), (2, "HTNV", 0, 2), (3, "KHTNV", 1, 1)]
    assert (staged.rows_read, staged.has_parts, staged.problem) == (3, True, None)
    assert [(part.part, part.state, part.rows, part.file_name) for part in staged.parts] == [
        ("a", "read", 2, "danh_gia/a/a.csv"), ("b", "read", 1, "danh_gia/b/b.csv"),
    ]  # fmt: skip


def test_a_silent_or_unreadable_sender_is_served_by_its_last_readable_file(settings: Settings) -> None:
    good = csv_text(TABLE, [rating(1)])
    send(settings, NIGHT, a=good, b=csv_text(TABLE, [rating(2, "HTNV"), rating(3)]), c=csv_text(TABLE, [rating(4)]))
    staged = send(settings, NIGHT + DAY, a=good, c="so_dinh_danh,nam\n013085000004,2023\n")
    assert [row[1] for row in rows(staged)] == ["HTTNV", "HTNV", "HTTNV", "HTTNV"]
    before = NIGHT.isoformat()
    assert [(p.part, p.state, p.served_from, p.rows) for p in staged.parts] == [
        ("a", "read", (NIGHT + DAY).isoformat(), 1), ("b", "missing", before, 2), ("c", "rejected", before, 1),
    ]  # fmt: skip
    assert "muc_xep_loai" in (staged.parts[2].problem or "")
    third = send(settings, NIGHT + 2 * DAY, b=csv_text(TABLE, [rating(2, "HTXSNV"), rating(3)]))
    assert {p.part: p.served_from for p in third.parts} == {
        "a": (NIGHT + DAY).isoformat(), "b": (NIGHT + 2 * DAY).isoformat(), "c": before,
    }  # fmt: skip


def test_a_sender_whose_rows_fall_by_more_than_thirty_percent_is_served_by_its_last_file(settings: Settings) -> None:
    ten = [rating(number) for number in range(10, 20)]
    send(settings, NIGHT, a=csv_text(TABLE, ten), b=csv_text(TABLE, ten), c=csv_text(TABLE, ten))
    staged = send(settings, NIGHT + DAY, a=csv_text(TABLE, ten[:7]), b=csv_text(TABLE, ten[:6]), c=csv_text(TABLE, []))
    assert [(p.part, p.state, p.rows) for p in staged.parts] == [
        ("a", "read", 7), ("b", "rejected", 10), ("c", "rejected", 10),
    ]  # fmt: skip
    assert "6 dòng" in (staged.parts[1].problem or "") and "không có dòng" in (staged.parts[2].problem or "")
    assert staged.rows_read == 27


def test_a_retired_sender_is_neither_expected_nor_carried_forward(settings: Settings) -> None:
    feed = {"files": "danh_gia/{part}/*.csv", "retired": {"Sở_Cũ": NIGHT + DAY}}
    settings = with_feeds(settings, danh_gia=feed)
    moi, cu = csv_text(TABLE, [rating(1)]), csv_text(TABLE, [rating(2)])
    send(settings, NIGHT - DAY, moi=moi, sở_cũ=cu)
    expected = {night: send(settings, night, moi=moi) for night in (NIGHT, NIGHT + DAY)}
    assert [(part.part, part.state) for part in expected[NIGHT].parts] == [("moi", "read"), ("sở_cũ", "missing")]
    assert [(part.part, part.state) for part in expected[NIGHT + DAY].parts] == [("moi", "read")]
    assert (expected[NIGHT].rows_read, expected[NIGHT + DAY].rows_read) == (2, 1)
    # What it sends all the same is read or refused for itself; nothing serves in its place.
    for content, state, served_from in ((cu, "read", str(NIGHT + 2 * DAY)), ("nam\n1\n", "rejected", None)):
        staged = send(settings, NIGHT + 2 * DAY, moi=moi, sở_cũ=content)
        assert [(p.part, p.state, p.served_from) for p in staged.parts][1:] == [("sở_cũ", state, served_from)]


def test_an_earlier_night_run_again_sees_no_later_file(settings: Settings) -> None:
    send(settings, NIGHT, a=csv_text(TABLE, [rating(1)]))
    send(settings, NIGHT + DAY, a=csv_text(TABLE, [rating(1, "HTNV")]), b=csv_text(TABLE, [rating(2)]))
    again = stage(settings, "hr", NIGHT)["danh_gia"]
    assert [row[1] for row in rows(again)] == ["HTTNV"]
    assert [part.part for part in again.parts] == ["a"]


def test_two_different_files_of_one_sender_are_not_chosen_between(settings: Settings) -> None:
    same = csv_text(TABLE, [rating(1)])
    twice = send(settings, NIGHT, a=same, a__again=same, b=csv_text(TABLE, [rating(2)]))
    assert [(part.part, part.state, part.rows) for part in twice.parts] == [("a", "read", 1), ("b", "read", 1)]
    differing = send(settings, NIGHT + DAY, a=same, a__again=csv_text(TABLE, [rating(5)]))
    assert [(part.part, part.state) for part in differing.parts] == [("a", "rejected"), ("b", "missing")]
    assert "chỉ gửi một tệp" in (differing.parts[0].problem or "")


def test_a_sender_is_the_same_in_small_and_in_capital_letters(settings: Settings) -> None:
    one, other = csv_text(TABLE, [rating(1)]), csv_text(TABLE, [rating(2)])
    send(settings, NIGHT, So_Y_Te=one)
    again = send(settings, NIGHT + DAY, SO_Y_TE=other)
    assert [(part.part, part.state, part.file_name) for part in again.parts] == [
        ("so_y_te", "read", "danh_gia/SO_Y_TE/SO_Y_TE.csv")
    ]
    twice = send(settings, NIGHT + 2 * DAY, So_Y_Te=one, so_y_te=other)
    assert [(p.part, p.state, p.served_from) for p in twice.parts] == [("so_y_te", "rejected", f"{NIGHT + DAY}")]
    assert "có 2 tệp khác nhau của cùng một nơi gửi" in (twice.parts[0].problem or "")


def test_the_only_file_of_a_table_may_be_written_in_capitals_but_not_twice(settings: Settings, tmp_path: Path) -> None:
    deliver(tmp_path, clean_world(), replace={"sang_kien": None})
    folder = tmp_path / "hr" / NIGHT.isoformat()
    (folder / "SANG_KIEN.CSV").write_text(csv_text(BY_NAME["sang_kien"], clean_world()["sang_kien"]))
    assert stage(settings, "hr", NIGHT)["sang_kien"].rows_read == 1
    (folder / "sang_kien.csv").write_text(csv_text(BY_NAME["sang_kien"], []))
    assert "có 2 tệp khác nhau của cùng một nơi gửi" in (stage(settings, "hr", NIGHT)["sang_kien"].problem or "")


def test_the_lock_file_beside_a_list_is_no_sender(settings: Settings) -> None:
    settings = with_feeds(settings, danh_gia={"files": "danh_gia/a/*.csv*"})
    deliver(settings.data_dir.parent, clean_world(), NIGHT, replace={"danh_gia": None})
    folder = settings.data_dir.parent / "hr" / NIGHT.isoformat() / "danh_gia" / "a"
    folder.mkdir(parents=True)
    for name in ("so_y_te.csv", "~$so_y_te.csv", ".~lock.so_y_te.csv#", "~$so_noi_vu.csv"):
        (folder / name).write_text(csv_text(TABLE, [rating(1)]) if name == "so_y_te.csv" else "lock")
    staged = stage(settings, "hr", NIGHT)["danh_gia"]
    # The list of the last one is missing: that is told.
    assert [(part.part, part.state) for part in staged.parts] == [
        ("danh_gia/a/so_y_te.csv", "read"), ("danh_gia/a/~$so_noi_vu.csv", "rejected"),
    ]  # fmt: skip


def test_with_no_readable_sender_the_file_is_rejected(settings: Settings) -> None:
    staged = send(settings, NIGHT, a="", b="x\n")
    assert staged.rows_read == 0
    assert "tệp rỗng" in (staged.problem or "")


def test_forbidden_columns_are_named_by_kind_and_never_staged(settings: Settings) -> None:
    header, rest = csv_text(TABLE, [rating(1)]).split("\n", 1)
    text = f"{header},Tôn giáo,LÝ LỊCH DÂN TỘC,ghi_chu\n{rest.rstrip()},Không,Kinh,mật\n"
    staged = send(settings, NIGHT, a=text)
    (part,) = staged.parts
    assert (part.unknown_columns, part.forbidden_columns) == (3, ("ethnicity", "religion"))
    content = str(duckdb.execute("from read_parquet(?)", [staged.path]).fetchall())
    assert "Kinh" not in content and "mật" not in content
