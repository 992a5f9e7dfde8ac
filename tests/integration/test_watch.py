"""Real nights of a city of sixty people: every measure as counted by hand, and every planted fault found."""

from datetime import date, timedelta
from shutil import copyfile

import duckdb
import pytest
from typer.testing import CliRunner

from par_warehouse.cli import app
from par_warehouse.settings import Settings
from par_warehouse.watch import MEASURES
from tests.nights import run_steps
from tests.small_world import NIGHT, Row, World, clean_world, deliver, settings_for

FIRST, QUIET, FAULTY = (NIGHT + timedelta(days=ago) for ago in (-2, -1, 0))
PLANTED_NIGHTS = 20
FILES = {name: f"{name}.csv" for name in clean_world()}
PEOPLE = range(60)
DASH = "\N{EN DASH}"


def city() -> World:
    """Sở Nội vụ (H29.01) has the even numbers, Quận 1 (H29.03) the odd ones. 0 to 5 lead, 10 to 29 are PAR staff."""
    world = clean_world()
    world["don_vi"].append(
        {"ma_don_vi": "H29.03", "ten_don_vi": "UBND Quận 1", "loai_don_vi": "UBND_HUYEN", "ma_don_vi_cha": "H29",
         "hieu_luc_tu": "2020-01-01"}
    )  # fmt: skip
    world["nhan_su"] = [
        {"so_dinh_danh": identification(k), "ho_ten": "Nguyễn Văn Thử", "nhom": "CONG_CHUC",
         "ma_don_vi": "H29.03" if k % 2 else "H29.01", "la_lanh_dao": "x" if k < 6 else "",
         "trang_thai": "DANG_CONG_TAC"}
        for k in PEOPLE
    ]  # fmt: skip
    world["phan_cong_cchc"] = [
        {"so_dinh_danh": identification(k), "tu_ngay": "2022-01-01", "ma_don_vi": "H29.01"} for k in range(10, 30)
    ]
    world["danh_gia"] = [rated(k, "HTXSNV" if k < 6 else "HTTNV" if k < 50 else "HTNV") for k in PEOPLE]
    world["quyet_dinh"] = [planned(k) for k in range(10, 13)]
    world["lop_boi_duong"] = [trained(k) for k in range(3)]
    world["mdl_user"] = [{"id": str(k + 1), "username": f"u{k}", "idnumber": identification(k)} for k in PEOPLE]
    world["mdl_course_modules_viewed"] = views(40)
    return world


def identification(person: int) -> str:
    return f"0130850{person + 1:05}"


def rated(person: int, rating: str) -> Row:
    return {"so_dinh_danh": identification(person), "nam": "2023", "muc_xep_loai": rating,
            "ngay_quyet_dinh": "2023-12-20"}  # fmt: skip


def planned(person: int) -> Row:
    return {"so_quyet_dinh": f"{person}/QĐ", "so_dinh_danh": identification(person), "loai": "QUY_HOACH",
            "ngay_hieu_luc": "2024-03-01", "chuc_vu_moi": "Phó phòng", "ly_do": "THUONG_QUY"}  # fmt: skip


def trained(person: int) -> Row:
    return {"ma_lop": f"L{person}", "so_dinh_danh": identification(person), "ma_khoa_hoc": "K1",
            "ngay_hoan_thanh": "2023-05-05", "ket_qua": "DAT"}  # fmt: skip


def views(count: int) -> list[Row]:
    """By PAR staff, of the document M1."""
    return [{"id": str(k + 1), "coursemoduleid": "5", "userid": str(11 + k % 5), "timecreated": "1700000000"}
            for k in range(count)]  # fmt: skip


def faulty(world: World) -> World:
    """A fault or more for each measure; `sang_kien.csv` is to be left out besides."""
    staff = world["nhan_su"]
    del staff[52:]  # 8 people are gone
    for row in staff[46:52]:  # 6 more rows are damaged
        row["nhom"] = "?"
    for row in staff[6:18]:  # 12 people more lead
        row["la_lanh_dao"] = "x"
    for row in staff[20:30]:  # 10 people are in the other agency
        row["ma_don_vi"] = "H29.01" if row["ma_don_vi"] == "H29.03" else "H29.03"
    world["don_vi"] += [
        {"ma_don_vi": f"H29.01.{k}", "ten_don_vi": f"Phòng {k}", "loai_don_vi": "PHONG", "ma_don_vi_cha": "H29.01",
         "hieu_luc_tu": "2024-12-31"}
        for k in range(1, 5)
    ]  # fmt: skip
    for row in world["danh_gia"][6:30]:  # 24 people are rated excellent instead of good
        row["muc_xep_loai"] = "HTXSNV"
    world["quyet_dinh"] += [planned(k) for k in range(13, 17)]
    world["mdl_course_modules_viewed"] = views(4)
    world["lop_boi_duong"] += [trained(k) for k in range(3, 18)]
    return world


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The publication after three nights; before the last, the quiet one is copied to earlier dates as history."""
    base = tmp_path_factory.mktemp("watch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAR_PERSON_KEY_SECRET", "test")
        settings = settings_for(base)
        for night in (FIRST, QUIET):
            deliver(base, city(), night)
            run_steps(settings, night)
        plant_history(settings)
        run_steps(settings, QUIET, "again")
        deliver(base, faulty(city()), FAULTY, replace={"sang_kien": None})
        run_steps(settings, FAULTY)
    return settings


def plant_history(settings: Settings) -> None:
    """Earlier nights like the quiet one, put into the publication."""
    version = settings.current.resolve()
    copy = version.with_suffix(".copy")
    copyfile(version, copy)
    with duckdb.connect(str(copy)) as con:
        con.execute(
            "insert into ops.watched_measure"
            " select 'planted', ? - ago::integer, measure, subject, value"
            " from ops.watched_measure, range(1, ? + 1) as planted (ago) where data_date = ?",
            [FIRST, PLANTED_NIGHTS, QUIET],
        )
    copy.replace(version)


def ask(settings: Settings, sql: str, *parameters: object) -> list[tuple]:
    with duckdb.connect(str(settings.current), read_only=True) as con:
        return con.execute(sql, list(parameters)).fetchall()


def watched(settings: Settings, night: date, measure: str) -> dict[str, float]:
    sql = "select subject, value from ops.watched_measure where data_date = ? and measure = ?"
    return dict(ask(settings, sql, night, measure))


def messages(settings: Settings, night: date) -> dict[tuple[str, str], str]:
    rows = ask(settings, "select measure, subject, message from ops.unusual where data_date = ?", night)
    return {(measure, subject): message for measure, subject, message in rows}


def test_every_measure_is_as_counted_by_hand(settings: Settings) -> None:
    rows = {FILES[name]: float(len(rows)) for name, rows in city().items()}
    assert len(rows) == 14
    assert {name: watched(settings, QUIET, name) for name in MEASURES} == {
        "rows_read": rows,
        "rows_accepted": rows,
        "quarantined_share": {name: 0.0 for name, count in rows.items() if count},
        "people": {"nhan_su.csv": 60.0, "mdl_user.csv": 60.0},
        "units_in_force": {"H29": 3.0},  # H29.02 was closed in 2023
        "people_moved": {"H29": 0.0},
        "leader_share": {"H29": 10.0, "H29.01": 10.0, "H29.03": 10.0},  # 6 of 60, 3 of 30, 3 of 30
        "rating_share": {
            "HTXSNV": 10.0,
            "HTTNV": pytest.approx(4400 / 60),
            "HTNV": pytest.approx(1000 / 60),
            "KHTNV": 0.0,
        },
        "excellent_to_good": {"H29.01/2023": pytest.approx(300 / 22), "H29.03/2023": pytest.approx(300 / 22)},
        # Leaders 0, 1, 2 of 6 are trained: 0 and 2 in the department, 1 in the district. 5 of 20 PAR staff saw M1.
        "indicator_percent": {
            "I1": 50.0,
            "I1/SO_NGANH": pytest.approx(200 / 3),
            "I1/UBND_HUYEN": pytest.approx(100 / 3),
            "I2": 0.0,
            "I3": 0.0,
            "I3A": 25.0,
            "I3B": 0.0,
        },
        "indicator_persons": {"I4": 3.0, "I5": 0.0, "I6": 0.0},
        "days_old": dict.fromkeys(rows, 0.0),
    }


def test_a_quiet_night_has_no_warning(settings: Settings) -> None:
    assert messages(settings, FIRST) == {}
    assert messages(settings, QUIET) == {}


def test_the_first_delivery_of_an_incremental_file_is_not_a_night_of_it(settings: Settings) -> None:
    assert "mdl_course_modules_viewed.csv" not in watched(settings, FIRST, "rows_read")
    assert watched(settings, QUIET, "rows_read")["mdl_course_modules_viewed.csv"] == 40


def test_every_measure_finds_its_fault_the_same_night(settings: Settings) -> None:
    found = messages(settings, FAULTY)
    assert {measure for measure, _ in found} == set(MEASURES)
    assert found["rows_read", "nhan_su.csv"] == f"nhan_su.csv: 52 dòng, thường 57{DASH}63 | 52 rows, usually 57 to 63"
    # 40 a night: 5.965 on the scale, 4.5 halves less or more, so 14.4 to 84.1.
    views = "mdl_course_modules_viewed.csv"
    assert found["rows_read", views] == f"{views}: 4 dòng, thường 14{DASH}85 | 4 rows, usually 14 to 85"
    assert found["quarantined_share", "nhan_su.csv"] == (  # 6 of 52; three rows more or less would be usual
        f"nhan_su.csv: 11,54 % số dòng bị cách ly, thường 0,00{DASH}5,77 % |"
        " 11.54 % of the rows quarantined, usually 0.00 to 5.77 %"
    )
    assert found["units_in_force", "H29"] == (
        f"H29: 7 đơn vị đang hiệu lực, thường 0{DASH}6 | 7 units in force, usually 0 to 6"
    )
    assert found["people_moved", "H29"].startswith(f"H29: 10 người đổi đơn vị từ lần giao trước, thường 0{DASH}")
    assert found["indicator_persons", "I4"] == f"I4: 7 người, thường 0{DASH}6 | 7 persons, usually 0 to 6"
    assert found["days_old", "sang_kien.csv"] == (
        "sang_kien.csv: dữ liệu của 1 ngày trước, thường 0 | 1 days old, usually 0"
    )
    # Of the 23 people who are left in the department, 15 are rated HTXSNV and 8 HTTNV.
    assert found["excellent_to_good", "H29.01/2023"] == (
        "Sở Nội vụ (H29.01/2023): số HTXSNV bằng 187,50 % số HTTNV, mức trần 20,00 % |"
        " HTXSNV are 187.50 % of HTTNV, the cap is 20.00 %"
    )


def test_the_warnings_are_shown(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_DATA_DIR", str(settings.data_dir))
    shown = CliRunner().invoke(app, ["show", "unusual"]).output
    assert f"nhan_su.csv: 52 dòng, thường 57{DASH}63" in shown
    assert "Nothing unusual" in CliRunner().invoke(app, ["show", "unusual", "--date", str(QUIET)]).output
    never = CliRunner().invoke(app, ["show", "unusual", "--date", "2020-01-01"])
    assert str(never.exception) == "2020-01-01 was not watched. Run make nightly DATE=2020-01-01 first."
