"""Which dates a correction makes anew: all that depend on it, and no others. And the whole way to the publication."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from par_warehouse import uploads
from par_warehouse.ledger import open_ledger
from par_warehouse.repair_sheet import repair_sheet
from par_warehouse.resubmission import resubmit
from par_warehouse.settings import Settings
from par_warehouse.validate import take_in
from tests.configurations import with_feeds
from tests.nights import published_rows, run_steps
from tests.repairs import filled
from tests.small_world import NIGHT, World, clean_world, deliver, settings_for, stage
from tests.spreadsheets import SheetOf, xlsx

DAYS = [NIGHT + timedelta(days=ahead) for ahead in range(4)]
BY = "steward"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "the secret of this test")
    yield


def take_all(settings: Settings, days: list[date]) -> None:
    for day in days:
        for source in ("hr", "elearning"):
            stage(settings, source, day)
        take_in(settings, day, "night")


def judged_again(settings: Settings) -> list[int]:
    """Which of the days a correction has judged again, counted from the first."""
    with open_ledger(settings) as con:
        rows = con.execute("select distinct data_date from ledger.ops.load_file where run_id <> 'night' order by 1")
        return [DAYS.index(day) for (day,) in rows.fetchall()]


def repair(settings: Settings, day: date, agency: str | None, table: str, row: int, **cells: object) -> list[str]:
    sheet = filled(repair_sheet(settings, day, agency), {(table, str(row)): cells})
    return [one.outcome for one in resubmit(settings, "sua.xlsx", sheet, BY).rows]


def series(base: Path, broken: World, **left_out: list[int]) -> Settings:
    """Four nights, the first with this world; ``left_out`` says of which later nights a file is missing."""
    for number, day in enumerate(DAYS):
        missing = {table: None for table, days in left_out.items() if number in days}
        deliver(base, broken if number == 0 else clean_world(), day, replace=missing)
    settings = settings_for(base)
    take_all(settings, DAYS)
    return settings


def test_a_unit_that_is_right_again_is_judged_where_it_is_carried_and_no_further(tmp_path: Path) -> None:
    broken = clean_world()
    broken["don_vi"][1]["hieu_luc_tu"] = "1/1/2020"
    settings = series(tmp_path, broken, don_vi=[1, 2])
    with open_ledger(settings) as con:
        query = "select data_date, count(*) from ledger.ops.quarantine_row where file_name = 'nhan_su.csv' group by all"
        assert sorted(con.execute(query).fetchall()) == [(day, 2) for day in DAYS[:3]]
    assert repair(settings, NIGHT, "H29", "don_vi", 2, hieu_luc_tu="01/01/2020") == ["accepted"]
    # Its staff is accepted, so it is served; the fourth night has units of its own and the same number of rows before.
    assert judged_again(settings) == [0, 1, 2, 3]
    with open_ledger(settings) as con:
        assert con.execute("select count(*) from ledger.ops.quarantine_row").fetchone() == (0,)


def test_a_rating_changes_nothing_on_nights_with_ratings_of_their_own(tmp_path: Path) -> None:
    broken = clean_world()
    broken["danh_gia"][0]["muc_xep_loai"] = "Xuất sắc"
    settings = series(tmp_path, broken)
    assert repair(settings, NIGHT, "H29.01", "danh_gia", 1, muc_xep_loai="HTXSNV") == ["accepted"]
    assert judged_again(settings) == [0]


def test_an_account_stays_known_to_all_later_nights(tmp_path: Path) -> None:
    broken = clean_world()
    broken["mdl_user"][0]["deleted"] = "no"
    settings = series(tmp_path, broken)
    assert repair(settings, NIGHT, "H29.01", "mdl_user", 1, deleted="0") == ["accepted"]
    assert judged_again(settings) == [0, 1, 2, 3]


def test_a_row_withdrawn_is_missing_in_the_count_that_the_next_night_compares_with(tmp_path: Path) -> None:
    broken = clean_world()
    broken["quyet_dinh"] *= 2
    settings = series(tmp_path, broken, quyet_dinh=[1])
    with open_ledger(settings) as con:
        query = "select rule_code from ledger.ops.load_file where data_date = ? and file_name = 'quyet_dinh.csv'"
        assert con.execute(query, [DAYS[2]]).fetchone() == ("ROW_DROP",)  # one row after two
    assert repair(settings, NIGHT, "H29.01", "quyet_dinh", 1, **{"xử_lý": "bỏ dòng"}) == ["accepted"]
    with open_ledger(settings) as con:
        assert con.execute(query, [DAYS[2]]).fetchone() == (None,)
    # The second night has no such file; the fourth compares with the third now, in which it is accepted.
    assert judged_again(settings) == [0, 2, 3]


def test_a_silent_sender_is_corrected_in_the_delivery_that_still_serves(tmp_path: Path) -> None:
    heading = ["so_dinh_danh", "nam", "muc_xep_loai", "so_quyet_dinh", "ngay_quyet_dinh"]
    settings = with_feeds(
        settings_for(tmp_path),
        danh_gia={"files": "danh_gia/{part}.xlsx", "dialect": "spreadsheet", "dates": "day_first_or_serial"},
    )
    for number, day in enumerate(DAYS[:2]):
        deliver(tmp_path, clean_world(), day, replace={"danh_gia": None})
        folder = tmp_path / "hr" / day.isoformat() / "danh_gia"
        folder.mkdir()
        (folder / "H29.01.xlsx").write_bytes(
            xlsx(SheetOf([heading, ["013085000002", "2023", "HTTNV", None, "20/12/2023"]]))
        )
        if number == 0:
            (folder / "H29.02.xlsx").write_bytes(
                xlsx(SheetOf([heading, ["013085000001", "2023", "Xuất sắc", None, "20/12/2023"]]))
            )
    take_all(settings, DAYS[:2])
    # The sheet of the second night points to the file of the first, row 2.
    assert repair(settings, DAYS[1], "H29.01", "danh_gia", 2, muc_xep_loai="HTXSNV") == ["accepted"]
    with open_ledger(settings) as con:
        assert con.execute("select count(*) from ledger.ops.quarantine_row").fetchone() == (0,)
        query = "select rows_accepted from ledger.ops.load_file where file_name = 'danh_gia.csv' order by data_date"
        assert con.execute(query).fetchall() == [(2,), (2,)]
    assert judged_again(settings) == [0, 1]


def put(settings: Settings, name: str, content: bytes) -> Path:
    path = settings.resubmissions / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_publication_is_that_of_a_clean_delivery_and_the_upload_is_answered(tmp_path: Path) -> None:
    """Two nights; HR is silent on the second. The sheet comes through the upload folder."""
    broken, clean = clean_world(), clean_world()
    for world in (broken, clean):
        world["nhan_su"].append({"so_dinh_danh": "013085000003", "ho_ten": "Lê Thị Ba", "nhom": "CONG_CHUC",
                                 "ma_don_vi": "H29.01", "trang_thai": "DANG_CONG_TAC"})  # fmt: skip
    broken["nhan_su"][2]["nhom"] = "CC"
    made = {}
    for name, world in (("broken", broken), ("clean", clean)):
        base = tmp_path / name
        deliver(base, world, DAYS[0])
        deliver(base, clean_world(), DAYS[1])
        for path in sorted((base / "hr" / DAYS[1].isoformat()).iterdir()):
            path.unlink()
        made[name] = settings_for(base)
        run_steps(made[name], DAYS[0], "night")
        run_steps(made[name], DAYS[1], "next")
    settings, twin = made["broken"], made["clean"]
    versions = set(settings.builds.glob("*.duckdb"))

    sheet = filled(repair_sheet(settings, DAYS[1], "H29.01"), {("nhan_su", "3"): {"nhom": "CONG_CHUC"}})
    good = put(settings, "H29.01/steward@noi-vu.example.vn/sua.xlsx", sheet)
    bad = put(settings, "H29.01/steward@noi-vu.example.vn/khac.pdf", b"%PDF-1.7 of somebody")
    astray = put(settings, "sua.xlsx", sheet)
    assert uploads.take_uploads(settings) == [], "files that have just come are left alone"
    lines = uploads.take_uploads(settings, quiet_seconds=0)
    folder = "H29.01/steward@noi-vu.example.vn"
    assert [line.split(":")[0] for line in lines] == [f"{folder}/khac.pdf", f"{folder}/sua.xlsx", "sua.xlsx"]
    told = [path.with_name(f"{path.name}.answer.txt").read_text() for path in (good, bad, astray)]
    assert "ĐÃ NHẬN | ACCEPTED 1" in told[0] and "Published anew: 2024-12-31, 2025-01-01." in told[0]
    assert "Only .xlsx" in told[1] and "<agency>/<account>/" in told[2]
    assert not (good.exists() or bad.exists() or astray.exists())
    assert len(list(settings.landing.glob("resubmissions/done/2024-12-31/*.age"))) == 1
    assert uploads.take_uploads(settings, quiet_seconds=0) == []

    ours, theirs = published_rows(settings.current), published_rows(twin.current)
    differing = {table for table in ours if ours[table] != theirs[table]}
    # The marts are those of the twin; what was wrong, and who repaired it, stays in the history and in the score.
    quality = {"marts.fct_data_quality_daily", "bi.indicator_daily"}
    assert {table for table in differing if not table.startswith("ops.")} == quality and "ops.correction" in differing
    value = "select columns(* exclude (quality_score_pct)) from bi.indicator_daily order by all"
    assert [duckdb.connect(str(one.current), read_only=True).sql(value).fetchall() for one in (settings,)] == [
        duckdb.connect(str(twin.current), read_only=True).sql(value).fetchall()
    ]
    assert len(set(settings.builds.glob("*.duckdb")) - versions) == 2
    with duckdb.connect(str(settings.current), read_only=True) as con:
        assert con.execute("select state, repaired_on from ops.finding where kind = 'row'").fetchall() == [
            ("repaired", DAYS[0])
        ]
        correction = con.execute("select column_name, submitted_by, outcome, data_date from ops.correction").fetchall()
    assert correction == [("nhom", "steward@noi-vu.example.vn", "accepted", DAYS[0])]
