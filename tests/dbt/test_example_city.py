"""Every published number of the example city, computed by hand, and what a rerun may change."""

from typing import Any

import duckdb
from example_city import EVIDENCE, FIRST, QUALITY, SECOND, SERVING, UNITS
from pytest import approx
from tiny_warehouse import Warehouse

TABLES = [
    "marts.fct_indicator_daily",
    "marts.fct_indicator_evidence",
    "marts.fct_leadership_candidate",
    "marts.fct_data_quality_daily",
    "marts.dim_org_unit_snapshot",
    "bi.indicator_daily",
]


def rows_of(warehouse: Warehouse, as_of_date: str) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: warehouse.query(f"select * from {table} where as_of_date = '{as_of_date}' order by all")
        for table in TABLES
    }


def daily(warehouse: Warehouse, as_of_date: str) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    rows = warehouse.query(
        "select indicator_code, org_unit_code, population_group, numerator, denominator, value, status"
        f" from marts.fct_indicator_daily where as_of_date = '{as_of_date}'"
    )
    return {row[:3]: row[3:] for row in rows}


def test_every_number_of_the_first_date(built: Warehouse) -> None:
    # The day is a target date: above 90 % for I1, above 80 % for I2 and I3, at least 10 and 5 persons; 50 by 2025.
    # Leaders: a, b (SO_NGANH), c (PHONG_DON_VI), d (UBND_HUYEN); trained: a and c. PAR staff: f, g, h.
    third = approx(100 / 3)
    assert daily(built, FIRST) == {
        ("I1", "H29", "ALL"): (2, 4, 50.0, "missed"),
        ("I1", "H29", "SO_NGANH"): (1, 2, 50.0, "missed"),
        ("I1", "H29", "UBND_HUYEN"): (0, 1, 0.0, "missed"),
        ("I1", "H29", "PHONG_DON_VI"): (1, 1, 100.0, "met"),
        ("I1", "H29.1", "ALL"): (2, 3, approx(200 / 3), "missed"),
        ("I1", "H29.1", "SO_NGANH"): (1, 2, 50.0, "missed"),
        ("I1", "H29.1", "PHONG_DON_VI"): (1, 1, 100.0, "met"),  # passed up by H29.1.1, which is not in force
        ("I1", "H29.1.1.1", "ALL"): (1, 1, 100.0, "met"),
        ("I1", "H29.1.1.1", "PHONG_DON_VI"): (1, 1, 100.0, "met"),
        ("I1", "H29.2", "ALL"): (0, 1, 0.0, "missed"),
        ("I1", "H29.2", "UBND_HUYEN"): (0, 1, 0.0, "missed"),
        ("I2", "H29", "ALL"): (1, 3, third, "missed"),
        ("I2", "H29.1", "ALL"): (1, 1, 100.0, "met"),
        ("I2", "H29.1.1.1", "ALL"): (1, 1, 100.0, "met"),
        ("I2", "H29.2", "ALL"): (0, 1, 0.0, "missed"),
        ("I3A", "H29", "ALL"): (2, 3, approx(200 / 3), "missed"),
        ("I3A", "H29.1", "ALL"): (1, 1, 100.0, "met"),
        ("I3A", "H29.1.1.1", "ALL"): (1, 1, 100.0, "met"),
        ("I3A", "H29.2", "ALL"): (1, 1, 100.0, "met"),
        ("I3B", "H29", "ALL"): (1, 3, third, "missed"),
        ("I3B", "H29.1", "ALL"): (1, 1, 100.0, "met"),
        ("I3B", "H29.1.1.1", "ALL"): (1, 1, 100.0, "met"),
        ("I3B", "H29.2", "ALL"): (0, 1, 0.0, "missed"),
        ("I3", "H29", "ALL"): (1, 3, third, "missed"),
        ("I3", "H29.1", "ALL"): (1, 1, 100.0, "met"),
        ("I3", "H29.1.1.1", "ALL"): (1, 1, 100.0, "met"),
        ("I3", "H29.2", "ALL"): (0, 1, 0.0, "missed"),
        ("I4", "H29", "ALL"): (1, None, 1.0, "missed"),  # f; g was planned for the same title in 2023
        ("I5", "H29", "ALL"): (1, None, 1.0, "missed"),  # g
        ("I6", "H29", "ALL"): (1, None, 1.0, "in_progress"),  # i, who has left
    }


def test_every_piece_of_evidence_of_the_first_date(built: Warehouse) -> None:
    completion = "elearning/2023-06-01/mdl_course_completions.csv"
    evidence = built.query(
        "select indicator_code, person_key, org_unit_code, population_group, evidence_ref"
        f" from marts.fct_indicator_evidence where as_of_date = '{FIRST}' order by 1, 2"
    )
    first_view = "elearning/2024-02-01/mdl_course_modules_viewed.csv#1"
    second_view = "elearning/2024-02-02/mdl_course_modules_viewed.csv#1"
    assert evidence == [
        ("I1", "a", "H29.1", "SO_NGANH", "elearning/2022-06-01/mdl_course_completions.csv#1"),
        ("I1", "b", "H29.1", "SO_NGANH", None),
        ("I1", "c", "H29.1.1.1", "PHONG_DON_VI", "hr/2024-12-31/lop_boi_duong.csv#2"),
        ("I1", "d", "H29.2", "UBND_HUYEN", None),
        ("I2", "f", "H29.1.1.1", "ALL", f"{completion}#1; {completion}#2; {completion}#3"),
        ("I2", "g", "H29.2", "ALL", None),
        ("I2", "h", "H29", "ALL", None),
        ("I3", "f", "H29.1.1.1", "ALL", f"{first_view}; {second_view}"),
        ("I3", "g", "H29.2", "ALL", None),
        ("I3", "h", "H29", "ALL", None),
        ("I3A", "f", "H29.1.1.1", "ALL", first_view),
        ("I3A", "g", "H29.2", "ALL", "elearning/2024-12-31/mdl_course_modules_viewed.csv#1"),
        ("I3A", "h", "H29", "ALL", None),
        ("I3B", "f", "H29.1.1.1", "ALL", second_view),
        ("I3B", "g", "H29.2", "ALL", None),
        ("I3B", "h", "H29", "ALL", None),
        ("I4", "f", "H29.1.1.1", "ALL", "hr/2024-12-31/quyet_dinh.csv#1"),
        ("I5", "g", "H29.2", "ALL", "hr/2024-12-31/quyet_dinh.csv#4"),
        ("I6", "i", "H29", "ALL", f"{completion}#6"),
    ]


def test_the_one_candidate_for_leadership(built: Warehouse) -> None:
    # f: HTXSNV in 2021, 2022 and 2023; two initiatives applied, one not.
    candidates = built.query(
        "select person_key, org_unit_code, excellent_years, applied_initiatives from marts.fct_leadership_candidate"
    )
    assert candidates == [("f", "H29.1.1.1", 3, 2)]


def test_bi_names_every_row_and_hides_every_small_cell(built: Warehouse) -> None:
    # No unit below the city has five people, so the city's 11 rows are all that shows.
    shown = built.query(
        "select org_unit_name, org_unit_name_en, org_unit_type, count(*) from bi.indicator_daily"
        " where not is_suppressed group by all"
    )
    assert shown == [("Thành phố Hồ Chí Minh", "Ho Chi Minh City", "THANH_PHO", 11)]
    hidden = built.query(
        "select distinct numerator, denominator, value, status from bi.indicator_daily where is_suppressed"
    )
    assert hidden == [(None, None, None, None)]


def test_quality_of_agencies_and_city(built: Warehouse) -> None:
    # H29.1: 3 units, staff a b c f (4), roster f (1), ratings f (3), decisions f (1), initiatives f (3), classes of b
    # and c (2), and 1 row in quarantine. i has left and h has an unknown unit: both are the city's only, which has
    # 6 + 8 + 4 + 3 + 4 + 3 + 2 rows and 2 in quarantine.
    rows = built.query("select * exclude (as_of_date) from marts.fct_data_quality_daily order by org_unit_code")
    validity, city = 100 * 17 / 18, 100 * 31 / 32
    assert rows == [
        ("H29", 32, 2, city, city, 100, 100, 100, 0, approx((2 * city + 300) / 6)),
        ("H29.1", 18, 1, 100, validity, 100, 100, 100, 0, approx((validity + 400) / 6)),
        ("H29.2", 7, 0, 100, 100, 100, 100, 100, None, 100),  # 1 unit, d and g, roster g, 3 decisions
        ("H29.3", 2, 0, 100, 100, 100, 100, 100, None, 100),
    ]


def test_par_index_is_as_published(built: Warehouse) -> None:
    assert built.query("select index_year, score, rank from bi.par_index order by 1") == [
        (2019, 83.56, 7),
        (2021, 86.05, 43),
        (2022, 84.70, 36),
        (2023, 86.97, 33),
    ]


def test_rerun_is_identical(altered: Warehouse) -> None:
    before = rows_of(altered, FIRST)
    altered.build(FIRST)
    assert rows_of(altered, FIRST) == before


def test_second_date_leaves_the_first_untouched(altered: Warehouse) -> None:
    first = rows_of(altered, FIRST)
    units = [(code, "UBND Quận Một" if code == "H29.2" else name, *rest) for code, name, *rest in UNITS]
    altered.deliver(SECOND, SERVING | {"don_vi": units}, EVIDENCE, carried_forward=["nhan_su"])
    altered.build(SECOND)

    assert rows_of(altered, FIRST) == first
    second = daily(altered, SECOND)
    assert second["I1", "H29", "ALL"] == (3, 4, 75.0, "in_progress")  # d's completion is of this day
    assert second["I4", "H29", "ALL"] == (0, None, 0.0, "in_progress")  # a new year
    stale = altered.query("select distinct indicator_code from marts.fct_indicator_daily where is_stale order by 1")
    assert [code for (code,) in stale] == ["I1", "I2", "I3", "I3A", "I3B"]

    # Whatever date is rerun, names are those of each date, and the dimension holds the latest.
    altered.deliver(FIRST, SERVING, EVIDENCE, quality=QUALITY)
    altered.build(FIRST)
    assert rows_of(altered, FIRST) == first
    assert altered.query("select org_unit_name_vi from marts.dim_org_unit where org_unit_code = 'H29.2'") == [
        ("UBND Quận Một",)
    ]


def test_rerun_with_fewer_rows_replaces_exactly_its_date(altered: Warehouse) -> None:
    altered.deliver(SECOND, SERVING, EVIDENCE)
    altered.build(SECOND)
    first = rows_of(altered, FIRST)
    altered.deliver(SECOND, SERVING | {"phan_cong_cchc": []}, EVIDENCE)
    altered.build(SECOND)

    assert rows_of(altered, FIRST) == first
    # Without a roster nobody is PAR staff: the city alone says so, and the candidate of before is gone.
    second = daily(altered, SECOND)
    assert {key: row for key, row in second.items() if key[0] == "I2"} == {
        ("I2", "H29", "ALL"): (0, 0, None, "no_data")
    }
    assert altered.query(f"select * from marts.fct_leadership_candidate where as_of_date = '{SECOND}'") == []
    assert altered.query(
        f"select distinct indicator_code from marts.fct_indicator_evidence where as_of_date = '{SECOND}'"
    ) == [("I1",)]


def test_publication_stands_alone_under_another_name(built: Warehouse) -> None:
    with duckdb.connect() as reader:
        reader.execute(f"attach '{built.build_file}' as elsewhere (read_only)")
        tables = reader.execute(
            "select table_schema, table_name, table_type from information_schema.tables"
            " where table_catalog = 'elsewhere'"
        ).fetchall()
        assert {schema for schema, _, _ in tables} == {"marts", "bi"}
        assert {kind for _, _, kind in tables} == {"BASE TABLE"}
        for schema, table, _ in tables:
            assert reader.execute(f"from elsewhere.{schema}.{table}").fetchall()
