"""The demo exports: reproducible, in the contract, growing towards the plan's targets."""

import csv
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from par_warehouse.demo import SIZES, DemoSize, write_demo_exports

HR_HEADERS = {
    "don_vi.csv": "ma_don_vi ten_don_vi loai_don_vi ma_don_vi_cha hieu_luc_tu hieu_luc_den ke_thua_boi",
    "nhan_su.csv": "so_dinh_danh so_hieu ho_ten ngay_sinh gioi_tinh nhom ma_don_vi chuc_vu la_lanh_dao trang_thai"
    " ngay_vao_co_quan",
    "phan_cong_cchc.csv": "so_dinh_danh tu_ngay ma_don_vi linh_vuc hinh_thuc den_ngay so_quyet_dinh",
    "danh_gia.csv": "so_dinh_danh nam muc_xep_loai so_quyet_dinh ngay_quyet_dinh",
    "quyet_dinh.csv": "so_quyet_dinh so_dinh_danh loai ngay_ky ngay_hieu_luc chuc_vu_moi la_chuc_vu_lanh_dao"
    " ma_don_vi_moi ly_do",
    "sang_kien.csv": "ma_sang_kien so_dinh_danh ten nam_cong_nhan cap ap_dung_hieu_qua",
    "lop_boi_duong.csv": "ma_lop so_dinh_danh ma_khoa_hoc ngay_hoan_thanh ket_qua so_chung_nhan",
}
ELEARNING_HEADERS = {
    "mdl_user.csv": "id username idnumber suspended deleted timecreated timemodified",
    "mdl_course.csv": "id idnumber shortname fullname startdate enddate timemodified",
    "mdl_course_completions.csv": "id userid course timeenrolled timestarted timecompleted reaggregate",
    "mdl_course_modules.csv": "id course idnumber completion deletioninprogress",
    "mdl_course_modules_viewed.csv": "id coursemoduleid userid timecreated",
    "danh_muc_khoa_hoc.csv": "ma_khoa_hoc loai ky_nang ten_khoa_hoc so_tiet",
    "danh_muc_hoc_lieu.csv": "ma_hoc_lieu loai ten quoc_gia",
}
SIZE = SIZES["demo"]
NIGHTS = [date(2024, 12, day) for day in (29, 30, 31)]
YEAR_ENDS = [date(year, 12, 31) for year in (2022, 2023, 2024, 2025)]
AROUND_MERGERS = [date(2025, 2, 28), date(2025, 3, 1), date(2025, 6, 30), date(2025, 7, 1)]

Row = dict[str, str]


class Bases:
    """Where a set of deliveries is, and how to read it."""

    def __init__(self, folder: Path) -> None:
        self.hr, self.elearning = folder / "hr", folder / "elearning"

    def write(self, nights: list[date], *, flaws: bool = True, seed: int = 13) -> "Bases":
        write_demo_exports(self.hr, self.elearning, nights, SIZE, seed, flaws)
        return self

    def path(self, night: date, name: str) -> Path:
        return (self.hr if name in HR_HEADERS else self.elearning) / night.isoformat() / name

    def rows(self, night: date, name: str) -> list[Row]:
        with self.path(night, name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def content(self) -> dict[str, bytes]:
        bases = [self.hr, self.elearning]
        return {
            f"{base.name}/{p.relative_to(base)}": p.read_bytes()
            for base in bases
            for p in base.rglob("*")
            if p.is_file()
        }


@pytest.fixture(scope="module")
def new_bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Bases]:
    return lambda: Bases(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def flawed(new_bases: Callable[[], Bases]) -> Bases:
    return new_bases().write(NIGHTS)


@pytest.fixture(scope="module")
def clean(new_bases: Callable[[], Bases]) -> Bases:
    return new_bases().write([*YEAR_ENDS, *AROUND_MERGERS], flaws=False)


def test_same_arguments_give_the_same_bytes(new_bases: Callable[[], Bases], flawed: Bases) -> None:
    assert new_bases().write(NIGHTS).content() == flawed.content()


def test_another_seed_gives_another_city(new_bases: Callable[[], Bases], flawed: Bases) -> None:
    other = new_bases().write(NIGHTS[:1], seed=14)
    assert other.rows(NIGHTS[0], "nhan_su.csv") != flawed.rows(NIGHTS[0], "nhan_su.csv")


def test_a_night_does_not_depend_on_the_others_but_for_new_views(new_bases: Callable[[], Bases], flawed: Bases) -> None:
    alone, series = new_bases().write(NIGHTS[2:]).content(), flawed.content()
    assert {name for name in alone if alone[name] != series[name]} == {
        "elearning/2024-12-31/mdl_course_modules_viewed.csv"
    }


def test_a_series_continued_later_equals_one_written_at_once(new_bases: Callable[[], Bases], flawed: Bases) -> None:
    assert new_bases().write(NIGHTS[:1]).write(NIGHTS).content() == flawed.content()


def test_a_delivery_that_is_there_stays_and_an_unfinished_one_is_replaced(new_bases: Callable[[], Bases]) -> None:
    bases = new_bases()
    kept, unfinished = bases.hr / "2024-12-31", bases.elearning / "2024-12-31"
    kept.mkdir(parents=True)
    unfinished.mkdir(parents=True)
    (kept / "_SUCCESS").touch()
    bases.write(NIGHTS[2:])
    assert [path.name for path in kept.iterdir()] == ["_SUCCESS"]
    assert (unfinished / "_SUCCESS").read_bytes() == b""
    assert {path.name for path in bases.elearning.iterdir()} == {"2024-12-31"}


def test_every_delivery_holds_the_contract_files(flawed: Bases) -> None:
    for base, headers in ((flawed.hr, HR_HEADERS), (flawed.elearning, ELEARNING_HEADERS)):
        assert [folder.name for folder in sorted(base.iterdir())] == [night.isoformat() for night in NIGHTS]
        for folder in base.iterdir():
            assert {path.name for path in folder.iterdir()} == {*headers, "_SUCCESS"}


@pytest.mark.parametrize(("name", "columns"), [*HR_HEADERS.items(), *ELEARNING_HEADERS.items()])
def test_headers_hold_the_contract_columns(flawed: Bases, clean: Bases, name: str, columns: str) -> None:
    assert set(columns.split()) <= set(flawed.rows(NIGHTS[2], name)[0])
    assert set(columns.split()) == set(clean.rows(NIGHTS[2], name)[0])


def test_identification_numbers_are_synthetic_and_unique(clean: Bases) -> None:
    staff = clean.rows(NIGHTS[2], "nhan_su.csv")
    numbers = {row["so_dinh_danh"] for row in staff}
    assert len(numbers) == len(staff)
    assert all(number.startswith("013") and len(number) == 12 and number.isdigit() for number in numbers)
    assert all(row["ngay_sinh"][2:4] == row["so_dinh_danh"][4:6] for row in staff)
    assert all(int(row["so_dinh_danh"][3]) % 2 == (row["gioi_tinh"] == "Nữ") for row in staff)


def test_head_counts_are_those_of_the_size(clean: Bases) -> None:
    night = date(2024, 12, 31)
    staff = clean.rows(night, "nhan_su.csv")
    assert len(staff) == SIZE.staff
    assert len(_par_staff(clean, night)) == SIZE.par_staff
    assert SIZE.leaders <= len(_leaders(clean, night)) <= SIZE.leaders * 1.05
    views = {row["id"] for end in YEAR_ENDS[:3] for row in clean.rows(end, "mdl_course_modules_viewed.csv")}
    assert len(views) == SIZE.views


def test_increments_of_views_lose_none(new_bases: Callable[[], Bases]) -> None:
    nights = [date(2025, 1, 1) + timedelta(days=days) for days in (0, 1, 2, 5, 6, 13)]
    series, whole = new_bases().write(nights, flaws=False), new_bases().write(nights[-1:], flaws=False)
    name = "mdl_course_modules_viewed.csv"
    delivered = {tuple(row.values()) for night in nights for row in series.rows(night, name)}
    assert delivered == {tuple(row.values()) for row in whole.rows(nights[-1], name)}
    assert all(len(series.rows(night, name)) < 1_000 for night in nights[1:])


@pytest.mark.parametrize("night", [*YEAR_ENDS, *AROUND_MERGERS])
def test_units_form_a_tree_and_staff_are_in_units_in_force(clean: Bases, night: date) -> None:
    units = {row["ma_don_vi"]: row for row in clean.rows(night, "don_vi.csv")}
    assert [code for code, row in units.items() if not row["ma_don_vi_cha"]] == ["H29"]
    assert all(row["ma_don_vi_cha"] in units for code, row in units.items() if code != "H29")
    assert all(row["ke_thua_boi"] in units for row in units.values() if row["hieu_luc_den"])
    assert {row["ma_don_vi"] for row in clean.rows(night, "nhan_su.csv")} <= _in_force(units, night)


def test_reorganisations_happen_on_their_days(clean: Bases) -> None:
    def count(night: date, kind: str) -> int:
        units = {row["ma_don_vi"]: row for row in clean.rows(night, "don_vi.csv")}
        return sum(units[code]["loai_don_vi"] == kind for code in _in_force(units, night))

    assert [count(night, "SO_NGANH") for night in AROUND_MERGERS] == [21, 16, 16, 16]
    assert [count(night, "UBND_HUYEN") for night in AROUND_MERGERS] == [22, 22, 22, 0]
    assert count(AROUND_MERGERS[-1], "UBND_XA") == 168


def test_training_grows_towards_the_targets(clean: Bases) -> None:
    trained, skilled, experts = [], [], []
    for night in YEAR_ENDS:
        kinds = {
            (row["ma_khoa_hoc"], row["loai"], row["ky_nang"]) for row in clean.rows(night, "danh_muc_khoa_hoc.csv")
        }
        passed = list(_passed(clean, night))
        by_kind = {
            key: {person for person, course in passed if (course, *key) in kinds}
            for key in {kind[1:] for kind in kinds}
        }
        leaders, par_staff = _leaders(clean, night), _par_staff(clean, night)
        skills = [persons for (kind, _), persons in by_kind.items() if kind == "KIEN_THUC_KY_NANG"]
        trained.append(len(leaders & by_kind["BOI_DUONG_CCHC", ""]) / len(leaders))
        skilled.append(len(par_staff.intersection(*skills)) / len(par_staff))
        experts.append(len(by_kind["CHUYEN_GIA", ""]))
    assert 0.5 < trained[0] < 0.7 and trained[1] > 0.8 and trained[2] > 0.9 and trained[3] > 0.98
    assert skilled == sorted(skilled) and skilled[2] > 0.8 and skilled[3] > 0.97
    assert experts == sorted(experts) and experts[2] < 50 <= experts[3] <= 55


def test_rotations_and_plans_come_every_year(clean: Bases) -> None:
    decisions = clean.rows(YEAR_ENDS[-1], "quyet_dinh.csv")
    roster = {row["so_dinh_danh"] for row in clean.rows(YEAR_ENDS[-1], "phan_cong_cchc.csv")}

    def persons(year: int, *kinds: str) -> set[str]:
        regular = [row for row in decisions if row["ly_do"] == "THUONG_QUY" and row["loai"] in kinds]
        return roster & {row["so_dinh_danh"] for row in regular if row["ngay_hieu_luc"].startswith(str(year))}

    for year in (2023, 2024, 2025):
        assert len(persons(year, "QUY_HOACH")) >= 12
        assert len(persons(year, "BO_NHIEM", "LUAN_CHUYEN")) == 6


@pytest.mark.parametrize("name", [*HR_HEADERS, *ELEARNING_HEADERS])
def test_flaws_add_rows_but_take_no_true_row_away(new_bases: Callable[[], Bases], flawed: Bases, name: str) -> None:
    straight = new_bases().write(NIGHTS[:1], flaws=False).rows(NIGHTS[0], name)
    bad = flawed.rows(NIGHTS[0], name)
    assert len(straight) <= len(bad) <= len(straight) * 1.03 + 3
    if name not in ("mdl_user.csv", "mdl_course_completions.csv"):  # these two change in substance: links and resets
        assert {_repaired(row, straight[0]) for row in straight} <= {_repaired(row, straight[0]) for row in bad}


def test_flaws_of_every_kind_occur(flawed: Bases) -> None:
    content = flawed.content().values()
    texts = [data.decode("utf-8-sig") for data in content]
    assert 0 < sum(data.startswith(b"\xef\xbb\xbf") for data in content) < len(texts)
    assert 0 < sum(b"\r\n" in data for data in content) < len(texts)
    for sign in ("31/02/2024", "\u00a0", "H29.999", "cong_chuc", "'013", "dan_toc", "999999", "\u0323"):
        assert any(sign in text for text in texts), sign


def test_accounts_lack_their_person_and_completions_are_reset(flawed: Bases) -> None:
    users = flawed.rows(NIGHTS[1], "mdl_user.csv")
    without = sum(row["idnumber"] == "" for row in users) / len(users)
    assert 0.04 < without < 0.15
    assert any(row["deleted"] == "1" and "@" in row["username"] for row in users)
    done = [
        {row["id"]: row["timecompleted"] for row in flawed.rows(night, "mdl_course_completions.csv")}
        for night in NIGHTS
    ]
    assert any(time != "0" and done[2].get(key) == "0" for key, time in done[1].items())


def test_a_city_can_be_tiny_but_not_impossible(tmp_path: Path) -> None:
    tiny = DemoSize(
        staff=10, par_staff=2, leaders=2, views=5, department_services=0, district_services=0, commune_rooms=0
    )
    write_demo_exports(tmp_path / "hr", tmp_path / "elearning", [date(2025, 7, 1)], tiny)
    with pytest.raises(ValueError, match="need 33 staff"):
        DemoSize(staff=20, par_staff=0, leaders=30, views=0)


def _in_force(units: dict[str, Row], night: date) -> set[str]:
    day = night.isoformat()
    return {code for code, row in units.items() if row["hieu_luc_tu"] <= day <= (row["hieu_luc_den"] or "9999")}


def _active(bases: Bases, night: date) -> dict[str, Row]:
    staff = bases.rows(night, "nhan_su.csv")
    return {row["so_dinh_danh"]: row for row in staff if row["trang_thai"] == "DANG_CONG_TAC"}


def _par_staff(bases: Bases, night: date) -> set[str]:
    day = night.isoformat()
    roster = bases.rows(night, "phan_cong_cchc.csv")
    return {row["so_dinh_danh"] for row in roster if row["tu_ngay"] <= day <= (row["den_ngay"] or "9999")} & set(
        _active(bases, night)
    )


def _leaders(bases: Bases, night: date) -> set[str]:
    kinds = {row["ma_don_vi"]: row["loai_don_vi"] for row in bases.rows(night, "don_vi.csv")}
    counted = {"SO_NGANH", "UBND_HUYEN", "PHONG", "DON_VI_SU_NGHIEP"}
    return {p for p, row in _active(bases, night).items() if row["la_lanh_dao"] and kinds[row["ma_don_vi"]] in counted}


def _passed(bases: Bases, night: date) -> Iterator[tuple[str, str]]:
    person = {row["id"]: row["idnumber"] for row in bases.rows(night, "mdl_user.csv")}
    course = {row["id"]: row["idnumber"] for row in bases.rows(night, "mdl_course.csv")}
    for row in bases.rows(night, "mdl_course_completions.csv"):
        if row["timecompleted"] != "0":
            assert datetime.fromtimestamp(int(row["timecompleted"]), UTC).date() <= night
            yield person[row["userid"]], course[row["course"]]
    for row in bases.rows(night, "lop_boi_duong.csv"):
        if row["ket_qua"] == "DAT":
            yield row["so_dinh_danh"], row["ma_khoa_hoc"]


def _repaired(row: Row, columns: Row) -> tuple[str, ...]:
    """What the contract makes of a row: white space collapsed, NFC, ISO dates, twelve digits."""
    cells = {name: unicodedata.normalize("NFC", " ".join((row[name] or "").split())) for name in columns}
    for name, cell in cells.items():
        if name.startswith(("ngay_", "tu_", "den_", "hieu_luc")):
            cells[name] = "-".join(reversed(cell.split("/")))
    if "so_dinh_danh" in cells:
        cells["so_dinh_danh"] = cells["so_dinh_danh"].removeprefix("'").rjust(12, "0")
    return tuple(cells.values())
