"""Digests: what is new, what is a number, what is told to the city; and the words for it."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from par_warehouse.digest import Digest, Group, digests, memorise
from par_warehouse.digest_text import VI, counts_of, in_language, places_of, subject_of, words_of
from par_warehouse.ledger import open_ledger
from par_warehouse.recipients import Recipients
from par_warehouse.settings import Settings
from tests.small_world import settings_for

BASE = {"city": {"mail": ["quantri@par.example.vn"]}, "agencies": {"H29.01": {"mail": ["thongke@sonoivu.example.vn"]}}}
ENUM = "Cột nhom phải là một trong: CAN_BO, CONG_CHUC, VIEN_CHUC. | nhom must be one of CAN_BO, CONG_CHUC, VIEN_CHUC."


def day(number: int) -> date:
    return date(2024, 12, number)


def recipients(**more: Any) -> Recipients:
    return Recipients.model_validate(BASE | more)


@pytest.fixture
def ledger(tmp_path: Any) -> Iterator[tuple[duckdb.DuckDBPyConnection, Settings]]:
    settings = settings_for(tmp_path)
    with open_ledger(settings) as con:
        yield con, settings


def judged(con: duckdb.DuckDBPyConnection, *days: int) -> None:
    """nhan_su.csv was accepted on these days."""
    for number in days:
        con.execute(
            "insert into ledger.ops.load_file (run_id, data_date, source, file_name, state, served_from_date)"
            " values ('r', $day, 'hr', 'nhan_su.csv', 'accepted', $day)",
            {"day": day(number)},
        )


def seen(
    con: duckdb.DuckDBPyConnection, key: str, *days: int, agency: str | None = "H29.01", sender: str = "",
    code: str = "BAD_ENUM", row: int = 7, place: str = "",
) -> None:  # fmt: skip
    """A row of nhan_su.csv was quarantined on these days."""
    for number in days:
        con.execute(
            "insert into ledger.ops.finding_sighting values ('r', ?, ?, 'row', 'hr', 'nhan_su.csv', ?, ?, null, ?,"
            " 'nhom', ?, ?, false)",
            [day(number), key, sender, agency, code, row, ENUM + place],
        )


def told(ledger: tuple[duckdb.DuckDBPyConnection, Settings], who: Recipients, number: int) -> dict[str, Digest]:
    """What each office is told on a day, and remembers."""
    con, settings = ledger
    found = digests(con, settings, who, day(number))
    memorise(con, found)
    return {one.scope: one for one in found}


def changes(digest: Digest) -> list[dict[str, int]]:
    return [group.changes for group in digest.groups]


def test_one_group_per_file_and_rule_with_its_first_rows(ledger: Any) -> None:
    con, _ = ledger
    judged(con, 2)
    for row in range(1, 9):
        seen(con, f"{row:012}", 2, row=row * 10)
    seen(con, "b" * 12, 2, code="BAD_DATE")
    home = told(ledger, recipients(), 2)["H29.01"]
    assert [(group.rule_code, group.count, list(group.places)) for group in home.groups] == [
        ("BAD_DATE", 1, ["7"]),
        ("BAD_ENUM", 8, ["10", "20", "30", "40", "50"]),
    ]
    assert places_of(home.groups[1], VI) == "dòng 10, 20, 30, 40, 50; và 3 dòng nữa"
    assert home.groups[1].message == ENUM


def test_the_place_at_a_sender_stands_apart_from_the_message(ledger: Any) -> None:
    con, _ = ledger
    judged(con, 2)
    seen(con, "a" * 12, 2, place=" (nhan_su/so_y_te (1).xlsx, trang tính | sheet 2, dòng | row 9)")
    group = told(ledger, recipients(), 2)["H29.01"].groups[0]
    assert (group.message, places_of(group, VI)) == (ENUM, "nhan_su/so_y_te (1).xlsx, trang tính 2, dòng 9")


def test_old_ones_are_numbers_repairs_are_told_once_and_then_there_is_silence(ledger: Any) -> None:
    con, _ = ledger
    judged(con, 2, 3, 4, 5)
    seen(con, "a" * 12, 2, 3)
    who = recipients()
    assert changes(told(ledger, who, 2)["H29.01"]) == [{"new": 1}]
    standing = told(ledger, who, 3)["H29.01"]
    assert standing.groups == () and [(one.count, one.days_open) for one in standing.standing] == [(1, 2)]
    repaired = told(ledger, who, 4)["H29.01"]
    assert (repaired.is_worth_telling, repaired.repaired, repaired.open) == (True, {"nhan_su.csv": 1}, {})
    assert not told(ledger, who, 5)["H29.01"].is_worth_telling


@pytest.mark.parametrize(("nights", "day_told"), [(1, 2), (3, 4), (4, 5)])
def test_the_city_is_told_once_when_a_finding_has_been_open_for_so_many_nights(
    ledger: Any, nights: int, day_told: int
) -> None:
    con, _ = ledger
    judged(con, 2, 3, 4, 5, 6)
    seen(con, "a" * 12, 2, 3, 4, 5, 6)
    who = recipients(escalation={"after_nights": nights})
    listed = {number: changes(told(ledger, who, number)["city"]) for number in range(2, 7)}
    assert listed == {number: [{"escalated": 1}] if number == day_told else [] for number in range(2, 7)}


def test_a_finding_that_crosses_the_limit_on_a_night_that_nobody_is_told_of_is_told_after_it(ledger: Any) -> None:
    con, _ = ledger
    judged(con, 2, 3, 4, 5)
    seen(con, "a" * 12, 2, 3, 4, 5)
    who = recipients()
    assert changes(told(ledger, who, 2)["city"]) == []
    later = told(ledger, who, 5)["city"]
    assert changes(later) == [{"escalated": 1}] and later.agencies[0].days_open == 4


def test_what_belongs_to_nobody_who_is_told_is_the_citys(ledger: Any) -> None:
    con, _ = ledger
    judged(con, 2)
    seen(con, "a" * 12, 2, agency=None)
    seen(con, "b" * 12, 2, agency="H29.09")
    seen(con, "c" * 12, 2, agency=None, sender="so_noi_vu")
    agency = {"mail": ["thongke@sonoivu.example.vn"], "senders": ["so_noi_vu"]}
    found = told(ledger, recipients(agencies={"H29.01": agency}), 2)
    assert [(group.agency, group.count) for group in found["city"].groups] == [("H29.09", 1), (None, 1)]
    assert [group.sender for group in found["H29.01"].groups] == ["so_noi_vu"]


def test_severities_order_and_silence(ledger: Any) -> None:
    con, _ = ledger
    judged(con, 2, 3)
    seen(con, "a" * 12, 2, code="BAD_DATE")
    seen(con, "b" * 12, 2, code="UNKNOWN_UNIT")
    seen(con, "c" * 12, 2, 3, code="DUPLICATE_KEY")
    home = told(ledger, recipients(severities={"UNKNOWN_UNIT": "first", "DUPLICATE_KEY": "counted"}), 2)["H29.01"]
    assert [group.rule_code for group in home.groups] == ["UNKNOWN_UNIT", "BAD_DATE"]
    assert (home.open, home.counted) == ({"rows": 2}, 1)
    only_counted = told(ledger, recipients(severities={"DUPLICATE_KEY": "counted"}), 3)["H29.01"]
    assert only_counted.repaired == {"nhan_su.csv": 2}


def test_an_office_that_is_told_for_the_first_time_is_told_everything(ledger: Any) -> None:
    con, _ = ledger
    judged(con, 2, 3)
    seen(con, "a" * 12, 2, 3, agency="H29.03")
    told(ledger, recipients(), 2)
    agencies = BASE["agencies"] | {"H29.03": {"mail": ["thongke@sotaichinh.example.vn"]}}  # type: ignore[operator]
    assert changes(told(ledger, recipients(agencies=agencies), 3)["H29.03"]) == [{"new": 1}]


def test_a_date_that_was_told_is_not_told_again_and_neither_is_an_earlier_one(ledger: Any) -> None:
    con, _ = ledger
    judged(con, 2, 3)
    seen(con, "a" * 12, 2, 3)
    told(ledger, recipients(), 3)
    assert told(ledger, recipients(), 3) == {} and told(ledger, recipients(), 2) == {}


def test_quiet_days_are_the_mornings_on_which_a_message_would_arrive() -> None:
    who = recipients(quiet={"weekdays": ["saturday"], "dates": [date(2025, 1, 1)]})
    assert [who.is_quiet(one) for one in (day(6), day(7), day(8), date(2025, 1, 1))] == [False, True, False, True]


def digest(**facts: Any) -> Digest:
    return Digest("H29.01", "Sở Nội vụ", date(2024, 12, 31), None, **facts)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"open": {"rows": 3}, "new": 2}, "3 dòng cần sửa (2 mới)"),
        ({"open": {"rows": 1234}}, "1.234 dòng cần sửa"),
        ({"open": {"late": 1, "refused": 2, "rows": 3}, "new": 1},
         "2 tệp bị từ chối, 1 nơi chưa giao dữ liệu, 3 dòng cần sửa (1 mới)"),
        ({"repaired": {"nhan_su.csv": 4, "danh_gia.csv": 1}}, "đã sửa xong 5 lỗi"),
    ],
)  # fmt: skip
def test_the_subject_says_when_who_and_how_many(facts: dict[str, Any], expected: str) -> None:
    assert subject_of(digest(**facts)) == f"[PAR] 31/12/2024 Sở Nội vụ: {expected}"
    assert counts_of(digest(**facts), VI) == expected


@pytest.mark.parametrize(
    ("message", "vi", "en"),
    [
        ("Thiếu. | Missing.", "Thiếu.", "Missing."),
        ("Thiếu. | Missing. (thiếu cột | columns missing: a, b; tệp có 6 dòng | the file held 6 rows)",
         "Thiếu. (thiếu cột: a, b; tệp có 6 dòng)", "Missing. (columns missing: a, b; the file held 6 rows)"),
        ("hai cột; hãy xóa một cột | two columns; delete one", "hai cột; hãy xóa một cột", "two columns; delete one"),
        ("no language", "no language", "no language"),
    ],
)  # fmt: skip
def test_a_message_of_two_languages_is_taken_apart(message: str, vi: str, en: str) -> None:
    assert (in_language(message, 0), in_language(message, 1)) == (vi, en)


def test_what_senders_wrote_cannot_become_markup() -> None:
    group = Group(
        "refused", None, "hr", "<b>x</b>.csv", "<script>", "UNUSABLE", "a | b", 1, {"new": 1}, [], day(2), None
    )
    words = words_of(digest(groups=(group,), open={"refused": 1}, new=1), has_sheet=False)
    assert "&lt;script&gt;" in words.html and "<script>" not in words.html and "<b>x" not in words.html
    assert "<script>" in words.text


def test_a_long_list_ends_in_a_number() -> None:
    groups = tuple(
        Group("rows", None, "hr", f"t{one}.csv", None, "BAD_DATE", "a | b", 1, {"new": 1}, ["1"], day(2), None)
        for one in range(45)
    )
    words = words_of(digest(groups=groups, open={"rows": 45}, new=45), has_sheet=True)
    assert "t39.csv" in words.text and "t40.csv" not in words.text and "và 5 nhóm lỗi khác" in words.text
    assert "Tệp đính kèm liệt kê mọi dòng cần sửa;" in words.text
