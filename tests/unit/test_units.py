"""A name becomes the code of the one unit that bears it on the date; in doubt it stays, with units to choose from."""

import csv
import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from par_warehouse.demo.size import SIZES
from par_warehouse.demo.units import build_units, don_vi
from par_warehouse.errors import ParError
from par_warehouse.settings import PROJECT_ROOT
from par_warehouse.text import fold
from par_warehouse.unit_aliases import read_aliases
from par_warehouse.unit_names import marked, notation, spelled
from par_warehouse.units import UnitDirectory

SHIPPED = PROJECT_ROOT / "include" / "config" / "unit_aliases.csv"
HEADER = "ten_goi,ma_don_vi,hieu_luc_tu,hieu_luc_den\n"

# ma_don_vi, ten_don_vi, ma_don_vi_cha, hieu_luc_tu, hieu_luc_den, ke_thua_boi
UNITS = [
    ("H29", "Ủy ban nhân dân Thành phố Hồ Chí Minh", None, "1976-07-02", None, None),
    ("H29.02", "Sở Nội vụ", "H29", "1976-07-02", None, None),
    ("H29.02.01", "Văn phòng", "H29.02", "1976-07-02", None, None),
    ("H29.04", "Sở Tài chính", "H29", "1976-07-02", None, None),
    ("H29.04.01", "Văn phòng", "H29.04", "1976-07-02", None, None),
    ("H29.05", "Sở Kế hoạch và Đầu tư", "H29", "1976-07-02", "2025-02-28", "H29.04"),
    ("H29.07", "Sở Nông nghiệp và Phát triển nông thôn", "H29", "1996-01-01", "2025-02-28", "H29.22"),
    ("H29.08", "Sở Tài nguyên và Môi trường", "H29", "2003-07-01", "2025-02-28", "H29.22"),
    ("H29.22", "Sở Nông nghiệp và Môi trường", "H29", "2025-03-01", None, None),
    ("H29.760", "Ủy ban nhân dân Quận 1", "H29", "1976-07-02", "2025-06-30", "H29.26737"),
    ("H29.760.26734", "Ủy ban nhân dân Phường Tân Định", "H29.760", "1976-07-02", "2025-06-30", "H29.26737"),
    ("H29.770", "Ủy ban nhân dân Quận 3", "H29", "1976-07-02", "2025-06-30", "H29.27139"),
    ("H29.770.03", "Phòng Tư pháp", "H29.770", "1976-07-02", "2025-06-30", None),
    ("H29.770.27148", "Ủy ban nhân dân Phường 9", "H29.770", "1976-07-02", "2025-06-30", "H29.27139"),
    ("H29.770.27151", "Ủy ban nhân dân Phường 10", "H29.770", "1976-07-02", "2024-12-31", "H29.770.27148"),
    ("H29.770.27160", "Ủy ban nhân dân Phường 1", "H29.770", "1976-07-02", "2025-06-30", None),
    ("H29.771", "Ủy ban nhân dân Quận 10", "H29", "1976-07-02", "2025-06-30", None),
    ("H29.771.27200", "Ủy ban nhân dân Phường 1", "H29.771", "1976-07-02", "2025-06-30", None),
    ("H29.771.27201", "Ủy ban nhân dân Phường 15", "H29.771", "1976-07-02", "2025-06-30", None),
    ("H29.783", "Ủy ban nhân dân Huyện Củ Chi", "H29", "1976-07-02", "2025-06-30", None),
    ("H29.783.27496", "Ủy ban nhân dân Thị trấn Củ Chi", "H29.783", "1976-07-02", "2025-06-30", None),
    ("H29.783.27550", "Ủy ban nhân dân Xã Bình Mỹ", "H29.783", "1976-07-02", "2025-06-30", None),
    ("H29.25807", "Ủy ban nhân dân Xã Thanh An", "H29", "2020-01-01", None, None),
    ("H29.27676", "Ủy ban nhân dân Xã Thạnh An", "H29", "2020-01-01", None, None),
    ("H29.27676.01", "Trạm Y tế", "H29.27676", "2020-01-01", None, None),
    ("H29.26737", "Ủy ban nhân dân Phường Tân Định", "H29", "2025-07-01", None, None),
    ("H29.27139", "Ủy ban nhân dân Phường Xuân Hoà", "H29", "2025-07-01", None, None),
]
NIGHT = "2024-12-31"
Row = tuple[str | None, ...]


def directory(folder: Path, units: list[Row], aliases: str = "") -> UnitDirectory:
    con = duckdb.connect()
    con.execute(
        "create table don_vi (ma_don_vi varchar, ten_don_vi varchar, ma_don_vi_cha varchar, hieu_luc_tu date,"
        " hieu_luc_den date, ke_thua_boi varchar)"
    )
    con.executemany("insert into don_vi values (?, ?, ?, ?, ?, ?)", units)
    path = folder / "unit_aliases.csv"
    path.write_text(HEADER + aliases, encoding="utf-8")
    return UnitDirectory(con, "don_vi", path)


def resolved(units: UnitDirectory, *asked: tuple[str | None, str | None]) -> list[tuple[str | None, str | None]]:
    """(ma_don_vi, candidates) of each asked (cell, date), in order."""
    units.con.execute("create or replace temp table asked (cell varchar, on_date date)")
    units.con.executemany("insert into asked values (?, ?)", asked)
    units.resolve("asked", "resolved")
    rows = units.con.execute("select cell, on_date::varchar, ma_don_vi, candidates from resolved").fetchall()
    found = {(cell, day): (code, candidates) for cell, day, code, candidates in rows}
    assert len(found) == len(rows)
    return [found[one] for one in asked]


def code(units: UnitDirectory, cell: str, day: str = NIGHT) -> str | None:
    return resolved(units, (cell, day))[0][0]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnitDirectory]:
    aliases = "Sở KH&ĐT,H29.05,,\nQuận Nhất,H29.760,,2000-12-31\nSở NN,H29.07,,\nSở NN,H29.22,2025-03-01,\n"
    made = directory(
        tmp_path_factory.mktemp("city"), UNITS, aliases.replace("Sở NN,H29.07,,", "Sở NN,H29.07,,2025-02-28")
    )
    yield made
    made.con.close()


@pytest.mark.parametrize(
    ("cell", "today"),
    [
        ("000.00.07.H29", "H29.07"),
        ("000.02.07.H29", "H29.07.02"),
        ("005.02.07.H29", "H29.07.02.005"),
        ("000.00.00.H29", "H29"),
        ("000.26734.760.H29", "H29.760.26734"),
        ("07.H29", "H29.07"),
        ("H29.07.02", "H29.07.02"),
        ("h29. 07", "H29.07"),
        ("005.00.07.H29", None),  # a level is missing in between
        ("000.00.07.29", None),
        ("P15", None),  # Phường 15
        ("Sở Nội vụ", None),
        ("0" * 5000 + ".", None),
    ],
)
def test_both_notations_of_agency_codes(cell: str, today: str | None) -> None:
    assert notation(cell) == today


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("H29.02", "H29.02"),
        ("000.00.02.H29", "H29.02"),
        ("000.03.770.H29", "H29.770.03"),
        ("000.00.00.H29", "H29"),
        ("Sở Nội vụ", "H29.02"),
        ("SỞ  NỘI VỤ", "H29.02"),
        (unicodedata.normalize("NFD", "Sở Nội vụ"), "H29.02"),
        ("so noi vu", "H29.02"),
        ("Sở Kế hoạch & Đầu tư", "H29.05"),
        ("Sở Kế hoạch - Đầu tư", "H29.05"),
        ("Sở Kế hoạch và Ðầu tư", "H29.05"),  # Eth
        ("Sở KH&ĐT", "H29.05"),
        ("sở KH-ĐT", "H29.05"),
        ("UBND Q.1", "H29.760"),
        ("Uỷ ban nhân dân quận I", "H29.760"),
        ("Q1", "H29.760"),
        ("Quận 01", "H29.760"),
        ("Quận X", "H29.771"),
        ("UBND Q. III", "H29.770"),
        ("UBND H. Củ Chi", "H29.783"),
        ("TT. Củ Chi", "H29.783.27496"),
        ("UBND X. Bình Mỹ", "H29.783.27550"),
        ("P. Tân Định", "H29.760.26734"),
        ("UBND TP.HCM", "H29"),
        ("TPHCM", "H29"),
        ("P.15", "H29.771.27201"),
        ("P15", "H29.771.27201"),
        ("F15", "H29.771.27201"),
        ("Phường 015", "H29.771.27201"),
        ("Phường 1, Quận 3", "H29.770.27160"),
        ("P.1 Q.10", "H29.771.27200"),
        ("P1Q10", None),  # not written apart
        ("Quận 10 - Phường 1", "H29.771.27200"),
        ("UBND Phường 1 (Quận III), TP. Hồ Chí Minh", "H29.770.27160"),
        ("P. Tư pháp, UBND Q.3", "H29.770.03"),
        ("Phòng Tư pháp thuộc Quận 3", "H29.770.03"),
        ("Văn phòng, Sở Nội vụ, TP.HCM", "H29.02.01"),
        ("VP Sở Tài chính", "H29.04.01"),
    ],
)
def test_cells_that_name_one_unit(city: UnitDirectory, cell: str, unit: str | None) -> None:
    assert code(city, cell) == unit


@pytest.mark.parametrize(
    "cell",
    [
        "Phường 1",  # in two districts
        "Văn phòng",  # in two departments
        "Phường 1, Quận 1",  # not a ward of that district
        "Phường 15, Quận 3",
        "Quận 3 và Phường 1",  # two units
        "Phường 1, Phường 9, Quận 3",
        "Sở Nội vụ và Sở Tài chính",
        "Văn phòng UBND",  # an office, but whose?
        "Sở Nội vự",  # a wrong mark
        "Sở Nội vu",  # a mark is missing where others stand
        "Củ Chi",  # the district or its town
        "Xã Bình Mĩ",  # i or y: perhaps
        "Sở Nội",
        "UBND",
        "",
        "–",  # noqa: RUF001
        "Nguyễn Văn An",
        "q " * 40,
        "tt " * 12,
    ],
)
def test_cells_in_doubt_stay_unresolved(city: UnitDirectory, cell: str) -> None:
    assert code(city, cell) is None


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("Xã Thanh An", "H29.25807"),
        ("UBND xã Thạnh An", "H29.27676"),
        ("X. THẠNH AN", "H29.27676"),
        ("Trạm Y tế xã Thạnh An", "H29.27676.01"),
        ("Trạm Y tế xã Thanh An", None),  # that commune has none
        ("xa thanh an", None),
        ("X. Thanh An", None),  # without any mark: perhaps it lost one
        ("Xã Thành An", None),  # marks that neither has
    ],
)
def test_marks_decide_between_names_that_differ_in_nothing_else(
    city: UnitDirectory, cell: str, unit: str | None
) -> None:
    assert code(city, cell) == unit


@pytest.mark.parametrize(
    ("cell", "day", "unit"),
    [
        # 1 January 2025: wards were merged
        ("Phường 10, Quận 3", "2024-12-31", "H29.770.27151"),
        ("Phường 10, Quận 3", "2025-01-01", None),
        ("Phường 9, Quận 3", "2025-01-01", "H29.770.27148"),
        # 1 March 2025: departments were merged
        ("Sở Kế hoạch và Đầu tư", "2025-02-28", "H29.05"),
        ("Sở KH&ĐT", "2025-02-28", "H29.05"),
        ("Sở Kế hoạch và Đầu tư", "2025-03-01", None),
        ("Sở KH&ĐT", "2025-03-01", None),
        ("Sở Nông nghiệp và Môi trường", "2025-02-28", None),
        ("Sở Nông nghiệp và Môi trường", "2025-03-01", "H29.22"),
        ("Sở NN", "2025-02-28", "H29.07"),
        ("Sở NN", "2025-03-01", "H29.22"),
        # 1 July 2025: no districts any more, and old names for new units
        ("Phường Tân Định", "2025-06-30", "H29.760.26734"),
        ("Phường Tân Định", "2025-07-01", "H29.26737"),
        ("Phường Tân Định, Quận 1", "2025-07-01", None),
        ("UBND Quận 3", "2025-06-30", "H29.770"),
        ("UBND Quận 3", "2025-07-01", None),
        ("P. Xuân Hòa", "2025-07-01", "H29.27139"),
    ],
)
def test_names_count_on_the_date(city: UnitDirectory, cell: str, day: str, unit: str | None) -> None:
    assert code(city, cell, day) == unit


@pytest.mark.parametrize(
    ("cell", "day", "first"),
    [
        ("Sở KH&ĐT", "2025-03-01", "H29.04 Sở Tài chính"),
        ("H29.05", "2025-03-01", "H29.04 Sở Tài chính"),
        ("000.00.05.H29", "2025-03-01", "H29.04 Sở Tài chính"),
        # the heir of 1 January has an heir of its own by July
        ("Phường 10, Quận 3", "2025-01-01", "H29.770.27148 Ủy ban nhân dân Phường 9"),
        ("Phường 10, Quận 3", "2025-07-01", "H29.27139 Ủy ban nhân dân Phường Xuân Hoà"),
        ("Quận Nhất", "2024-12-31", "H29.760 Ủy ban nhân dân Quận 1"),  # an alias of former times
        ("Sở Nội vự", "2024-12-31", "H29.02 Sở Nội vụ"),
        ("Xã Bình Mĩ", "2024-12-31", "H29.783.27550 Ủy ban nhân dân Xã Bình Mỹ"),
        ("H29.2", "2024-12-31", "H29.02 Sở Nội vụ"),
    ],
)
def test_the_first_candidate_is_the_unit_meant_or_its_successor(
    city: UnitDirectory, cell: str, day: str, first: str
) -> None:
    ((_, candidates),) = resolved(city, (cell, day))
    assert candidates is not None
    assert candidates.split("; ")[0] == first
    assert len(candidates.split("; ")) <= 3


def test_a_unit_in_force_needs_no_candidates(city: UnitDirectory) -> None:
    assert resolved(city, ("Sở Nội vụ", NIGHT), ("H29.02", NIGHT)) == [("H29.02", None)] * 2


def test_codes_stay_whether_known_in_force_or_not(city: UnitDirectory) -> None:
    found = resolved(city, ("H29.99", NIGHT), ("000.00.99.H29", NIGHT), ("H29.05", "2025-07-01"), ("H29.22", NIGHT))
    assert [unit for unit, _ in found] == ["H29.99", "H29.99", "H29.05", "H29.22"]
    assert all(candidates for _, candidates in found[:3])


def test_candidates_of_an_ambiguous_name_are_those_who_bear_it(city: UnitDirectory) -> None:
    ((_, candidates),) = resolved(city, ("Phường 1", NIGHT))
    assert candidates is not None
    assert candidates.split("; ")[:2] == [
        "H29.770.27160 Ủy ban nhân dân Phường 1",
        "H29.771.27200 Ủy ban nhân dân Phường 1",
    ]


@pytest.mark.parametrize(
    "cell", ["Nguyễn Văn Nội", "Sở Nội vụ Nguyễn Văn An", "013085000001", "Phường 1 Trần Thị Bình"]
)
def test_candidates_never_repeat_what_only_the_cell_says(city: UnitDirectory, cell: str) -> None:
    ((unit, candidates),) = resolved(city, (cell, NIGHT))
    assert unit is None
    shown = {f"{number} {name}" for number, name, *_ in UNITS}
    assert set((candidates or "").split("; ")) - {""} <= shown
    assert cell not in (candidates or "")


def test_i_and_y_are_the_same_to_candidates(tmp_path: Path) -> None:
    names = ("Xã La", "Xã Lê", "Xã Lý", "Xã Mã", "Xã Mĩ")
    rows: list[Row] = [(f"H29.{number:02}", name, None, "2000-01-01", None, None) for number, name in enumerate(names)]
    found = resolved(directory(tmp_path, rows), ("Xã Lí", NIGHT), ("Xã Mỹ", NIGHT))
    assert [unit for unit, _ in found] == [None, None]
    assert [candidates and candidates.split("; ")[0] for _, candidates in found] == ["H29.02 Xã Lý", "H29.04 Xã Mĩ"]


def test_only_so_many_cells_are_compared_with_all_units(city: UnitDirectory) -> None:
    cells = [(f"Sở Nội vụ {number}", NIGHT) for number in range(2_010)]
    assert sum(candidates is not None for _, candidates in resolved(city, *cells)) == 2_000


def test_every_asked_pair_has_one_row(city: UnitDirectory) -> None:
    city.con.execute(
        "create or replace temp table asked as select * from (values ('Sở Nội vụ', date '2024-12-31'),"
        " ('Sở Nội vụ', date '2024-12-31'), ('Sở Nội vụ', null), ('H29.02', null), (null, date '2024-12-31'),"
        " ('Sở Nội vụ', date '0001-01-01')) as one(cell, on_date)"
    )
    city.resolve("asked", "resolved")
    assert city.con.execute("from resolved").fetchall() == [
        ("H29.02", None, "H29.02", None),
        ("Sở Nội vụ", dt.date(1, 1, 1), None, None),
        ("Sở Nội vụ", dt.date(2024, 12, 31), "H29.02", None),
        ("Sở Nội vụ", None, None, None),
    ]


def test_codes_are_given_as_the_register_writes_them(tmp_path: Path) -> None:
    units = directory(tmp_path, [("000.00.07.H29", "Sở A", None, "2000-01-01", None, None)])
    assert [code(units, cell) for cell in ("H29.07", "000.00.07.H29", "Sở A")] == ["000.00.07.H29"] * 3


def test_one_code_in_two_notations_is_ambiguous_only_for_a_third(tmp_path: Path) -> None:
    twice = [(unit, "Sở A", None, "2000-01-01", None, None) for unit in ("000.00.07.H29", "H29.07")]
    units = directory(tmp_path, twice)
    assert [code(units, cell) for cell in ("H29.07", "000.00.07.H29", "Sở A")] == ["H29.07", "000.00.07.H29", None]


def test_circles_end_and_rows_without_readable_dates_are_no_units(tmp_path: Path) -> None:
    units = directory(
        tmp_path,
        [
            ("H29.01", "Sở A", "H29.02", "2000-01-01", "2010-12-31", "H29.02"),
            ("H29.02", "Sở B", "H29.01", "2000-01-01", "2010-12-31", "H29.01"),
            ("H29.03", "Sở C", None, "0001-01-01", None, None),
            ("H29.04", "Sở D", None, "2000-01-01", "0001-01-01", None),
            ("H29.05", None, None, "2000-01-01", None, None),
            (None, "Sở E", None, "2000-01-01", None, None),
        ],
    )
    names = ("Sở A, Sở B", "Sở C", "Sở D", "Sở E")
    assert [code(units, name, "2005-01-01") for name in names] == [None] * 4
    assert resolved(units, ("Sở A", "2005-01-01"), ("Sở A", "2015-01-01")) == [("H29.01", None), (None, None)]


def test_an_alias_counts_while_its_unit_is_there(tmp_path: Path) -> None:
    units = directory(
        tmp_path,
        [
            ("H29.01", "Sở A", None, "2000-01-01", "2009-12-31", None),
            ("H29.02", "Sở B", None, "2005-01-01", None, None),
        ],
        "Cơ quan A,H29.01,,\nCơ quan X,H29.99,,\nSở B,H29.01,2008-01-01,\n",
    )
    assert [code(units, "Cơ quan A", day) for day in ("1999-12-31", "2009-12-31", "2010-01-01")] == [
        None,
        "H29.01",
        None,
    ]
    assert code(units, "Cơ quan X") is None
    # an alias that contradicts a name makes both doubtful, for as long as both are said
    assert [code(units, "Sở B", day) for day in ("2007-12-31", "2008-01-01", "2010-01-01")] == [
        "H29.02",
        None,
        "H29.02",
    ]


PLANTED = {
    ",H29.01,,": "2: expected a name with letters or digits in ten_goi",
    "–,H29.01,,": "2: expected a name with letters or digits in ten_goi",  # noqa: RUF001
    "Sở A,,,": "2: expected the code of a unit in ma_don_vi",
    "Sở A,H29.01,2024-13-01,": "2: expected a date such as 2025-03-01 or 01/03/2025, or nothing, in hieu_luc_tu",
    "Sở A,H29.01,,31/02/2024": "2: expected a date such as 2025-03-01 or 01/03/2025, or nothing, in hieu_luc_den",
    "Sở A,H29.01,20240101,": "2: expected a date such as 2025-03-01 or 01/03/2025, or nothing, in hieu_luc_tu",
    "Sở A,H29.01,2024-01-02,2024-01-01": "2: expected hieu_luc_den not before hieu_luc_tu",
    "Phòng A, Sở B,H29.01,,": "2: expected 4 fields, found 5; quote a name that holds a comma",
    "UBND Q.1,H29.01,,\n\nUBND quận I,H29.02,,":
        "4: expected one unit for a name at a time; line 2 gives this name, or one spelled out alike, to another unit",
    "Sở A,H29.01,,2024-01-01\nSở A,H29.02,01/01/2024,":
        "3: expected one unit for a name at a time; line 2 gives this name, or one spelled out alike, to another unit",
}  # fmt: skip


@pytest.mark.parametrize("rows", PLANTED)
def test_mistakes_in_the_alias_table_are_found(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "unit_aliases.csv"
    path.write_text(f"{HEADER}{rows}\n", encoding="utf-8")
    assert read_aliases(path)[1] == [f"unit_aliases.csv:{PLANTED[rows]}"]
    with pytest.raises(ParError, match=re.escape(PLANTED[rows])):
        directory(tmp_path, UNITS, rows)


def test_an_alias_table_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "unit_aliases.csv"
    assert read_aliases(path)[1] == ["unit_aliases.csv: expected this file in the configuration folder"]
    path.write_bytes("Sở".encode("utf-16"))
    assert read_aliases(path)[1] == ["unit_aliases.csv: expected a text file in UTF-8"]
    path.write_text("ten_goi;ma_don_vi\n", encoding="utf-8")
    assert read_aliases(path)[1] == [
        "unit_aliases.csv:1: expected the columns ten_goi,ma_don_vi,hieu_luc_tu,hieu_luc_den"
    ]


def test_names_may_pass_from_unit_to_unit_and_be_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "unit_aliases.csv"
    rows = "Sở A,H29.01,,31/12/2023\nSở A,H29.02,2024-01-01,\nSO A,H29.02,2024-01-01,\n"
    path.write_text("\ufeff" + HEADER + rows, encoding="utf-8")
    assert read_aliases(path)[1] == []
    path.write_text(HEADER + "".join(reversed(rows.splitlines(keepends=True))), encoding="utf-8")
    assert read_aliases(path)[1] == []


@pytest.fixture(scope="module")
def demo() -> Iterator[UnitDirectory]:
    con = duckdb.connect()
    units = don_vi(build_units(SIZES["city"]), np.datetime64("2025-07-31"))
    con.register("units", units)
    con.execute("create table don_vi as from units")
    yield UnitDirectory(con, "don_vi", SHIPPED)
    con.close()


def test_every_shipped_alias_leads_to_its_unit(demo: UnitDirectory) -> None:
    assert read_aliases(SHIPPED)[1] == []
    with SHIPPED.open(encoding="utf-8") as text:
        aliases = list(csv.DictReader(text))
    assert len(aliases) > 40
    units = {unit: (start, end) for unit, start, end in demo.con.execute(
        "select ma_don_vi, hieu_luc_tu, coalesce(hieu_luc_den, date '2025-07-31') from don_vi").fetchall()}  # fmt: skip
    asked = []
    for alias in aliases:
        start, end = units[alias["ma_don_vi"]]
        asked.append((alias["ten_goi"], min(end.isoformat(), alias["hieu_luc_den"] or "9999")))
        assert start.isoformat() <= asked[-1][1]
    assert [unit for unit, _ in resolved(demo, *asked)] == [alias["ma_don_vi"] for alias in aliases]


@pytest.mark.parametrize("day", ["2024-12-31", "2025-02-28", "2025-03-01", "2025-06-30", "2025-07-01"])
def test_every_unit_of_the_demo_city_is_found_by_its_name_unless_another_bears_it(
    demo: UnitDirectory, day: str
) -> None:
    rows = demo.con.execute(
        "select ten_don_vi, ma_don_vi from don_vi where ?::date between hieu_luc_tu"
        " and coalesce(hieu_luc_den, date '9999-12-31')", [day]
    ).fetchall()  # fmt: skip
    bearers = Counter(name for name, _ in rows)
    found = resolved(demo, *[(name, day) for name in bearers])
    expected = {name: unit if bearers[name] == 1 else None for name, unit in rows}
    assert len(rows) > 2_000
    assert {name: unit for name, (unit, _) in zip(bearers, found, strict=True)} == expected


# The tone stands on the first vowel in the old way, on the second in the new way: Hòa, Hoà.
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_OLD_WAY = re.compile(rf"(o|u)([{_TONES}])(a|e|y)(?![a-z])", re.IGNORECASE)
_NEW_WAY = re.compile(rf"(o|u)(a|e|y)([{_TONES}])(?![a-z])", re.IGNORECASE)


def tone_variants(name: str) -> set[str]:
    apart = unicodedata.normalize("NFD", name)
    moved = (_OLD_WAY.sub(r"\1\3\2", apart), _NEW_WAY.sub(r"\1\3\2", apart))
    return {unicodedata.normalize("NFC", one) for one in (apart, *moved)} | set(moved)


def test_the_168_units_of_july_2025_are_found_in_either_tone_placement(demo: UnitDirectory) -> None:
    with files("par_warehouse.demo").joinpath("communes_2025.csv").open(encoding="utf-8") as text:
        units = list(csv.DictReader(text))
    spellings = [
        (spelling, f"H29.{unit['code']}") for unit in units for spelling in sorted(tone_variants(unit["name"]))
    ]
    assert len(units) == 168
    assert (
        sum(len({unicodedata.normalize("NFC", one) for one in tone_variants(unit["name"])}) > 1 for unit in units) > 15
    )
    found = resolved(demo, *[(spelling, "2025-07-01") for spelling, _ in spellings])
    assert [unit for unit, _ in found] == [unit for _, unit in spellings]


def test_tone_variants_move_the_tone() -> None:
    assert {"Phường Hòa Bình", "Phường Hoà Bình"} <= tone_variants("Phường Hoà Bình")
    assert {"Xã Thúy", "Xã Thuý"} <= tone_variants("Xã Thúy")


def test_marks_stand_behind_their_word() -> None:
    assert (
        marked("Phường Hoà_Bình, Đ. Ðệ-3b")
        == marked("PHƯỜNG HÒA  bình; đ. ĐỆ 3B")
        == "phuong_foo hoa_f binh_f d_d de_adj 3b"
    )
    assert marked("Thạnh") != marked("Thanh") == "thanh"


LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyAĂÂĐÊÔƠƯÐðƉɖáàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵẤẾỐỘ"


@settings(deadline=None)
@given(
    st.text(
        st.sampled_from(LETTERS + "\u0301\u0300\u0323\u0302\u0306\u031b 0123456789.,-&/()_\u00a0\u2013"), max_size=40
    )
)
def test_without_its_marks_a_marked_text_is_the_folded_one(text: str) -> None:
    assert re.sub("_[a-z]+", "", marked(text)) == fold(text)


@settings(deadline=None)
@given(st.sampled_from([name for _, name, *_ in UNITS]), st.permutations(range(6)), st.integers(0, 6))
def test_what_is_written_alike_is_spelled_out_alike(name: str, order: list[int], changes: int) -> None:
    ways = [
        str.upper,
        str.lower,
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: text.replace(" ", "  . "),
        lambda text: text.replace("Đ", "Ð"),
        lambda text: unicodedata.normalize("NFC", text),
    ]
    written = name
    for change in order[:changes]:
        written = ways[change](written)
    for with_marks in (False, True):
        assert spelled(written, with_marks) == spelled(name, with_marks) != ()
