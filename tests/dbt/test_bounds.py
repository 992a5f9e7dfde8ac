"""How far findings could move a number: by hand, and by trying every repair in small worlds.

The worlds, and the numbers of every repaired world, are the oracle's (``tests/oracle/repairs.py``).
"""

from collections.abc import Callable

import pytest
from bound_numbers import Bound, compiled_models, published
from tiny_warehouse import Warehouse

from par_warehouse.bounds import shares
from tests.oracle.repairs import B, C, E, F, Tables, at, base, brute_force, judge, random_world

Published = Callable[[Tables], dict[tuple[str, str, str], Bound]]


@pytest.fixture(scope="module")
def models(built: Warehouse) -> list[tuple[str, str, str]]:
    return compiled_models(built)


@pytest.fixture
def bounds(models: list[tuple[str, str, str]], built: Warehouse) -> Published:
    return lambda tables: published(judge(tables), models, str(built.work_file))


def plus(name: str, **cells: str) -> Tables:
    """The base world with one more row."""
    tables = base()
    tables[name].append(cells)
    return tables


def room_once_more(**cells: str) -> Tables:
    """The base world with the row of PH twice, first with these cells."""
    tables = base()
    again = next(row for row in tables["don_vi.csv"] if row["ma_don_vi"] == "PH")
    tables["don_vi.csv"] = [again | cells, *tables["don_vi.csv"]]
    return tables


# In the base world A (leader, trained) is in SO, B (leader, not trained) in PH below it; C (PH) and E (QH) are the PAR
# staff: C has THAM_MUU and saw the material, E has THAM_MUU and TONG_HOP and saw the model. C was planned (I4), E was
# appointed (I5), F, who left, passed the expert course while on the roster (I6).
BY_HAND = {
    # I1 is 1 of 2. B's own class, of which the result cannot be read: B may be trained.
    "a_class_of_somebody": (
        plus("lop_boi_duong.csv", ma_lop="L9", so_dinh_danh=B, ma_khoa_hoc="KH", ngay_hoan_thanh="2024-05-05",
             ket_qua="?"),
        {("I1", "H29", "ALL"): ((1, 2), (2, 2)), ("I1", "SO", "SO_NGANH"): ((1, 1), (1, 1))},
    ),
    # The same class by nobody known, in class L1 where A passed: it may train B, or, failed, be what A really did.
    "a_class_of_nobody": (
        plus("lop_boi_duong.csv", ma_lop="L1", so_dinh_danh="12", ma_khoa_hoc="KH", ngay_hoan_thanh="2024-05-05",
             ket_qua="?"),
        {("I1", "H29", "ALL"): ((0, 2), (2, 2))},
    ),
    # A leader of SO whose number cannot be read: somebody untrained who was no leader (1 of 3), or a trained one (2 of
    # 3): E, made to have passed KH. Or it is B's own row, as leader of SO instead of PH.
    "a_leader_of_nobody": (
        {
            **plus("nhan_su.csv", so_dinh_danh="12", ho_ten="X", nhom="CONG_CHUC", ma_don_vi="SO", la_lanh_dao="x",
                   trang_thai="DANG_CONG_TAC"),
            "lop_boi_duong.csv": [
                {"ma_lop": "L9", "so_dinh_danh": E, "ma_khoa_hoc": "KH", "ngay_hoan_thanh": "2024-05-05",
                 "ket_qua": "DAT"},
                *base()["lop_boi_duong.csv"],
            ],
        },
        {("I1", "H29", "ALL"): ((1, 3), (2, 3)), ("I1", "PH", "ALL"): ((0, 1), (0, 1))},
    ),
    # I2 is 0 of 2: E lacks HUONG_DAN only, C two skills. One completion of a course that cannot be read gives E's.
    "a_completion_of_somebody": (
        plus("mdl_course_completions.csv", id="9", userid="4", course="99", timecompleted=at("2024-05-05")),
        {("I2", "H29", "ALL"): ((0, 2), (1, 2)), ("I2", "PH", "ALL"): ((0, 1), (0, 1))},
    ),
    # I3A is 1 of 2 (C). E saw a module whose row cannot be used; the material is TAI_LIEU.
    "a_module": (
        {
            **plus("mdl_course_modules.csv", id="103", course="99", idnumber="HL"),
            "mdl_course_modules_viewed.csv": [
                *base()["mdl_course_modules_viewed.csv"],
                {"id": "3", "coursemoduleid": "103", "userid": "4", "timecreated": at("2024-05-05")},
            ],
        },
        {("I3A", "H29", "ALL"): ((1, 2), (2, 2)), ("I3B", "H29", "ALL"): ((1, 2), (1, 2)),
         ("I3", "H29", "ALL"): ((0, 2), (1, 2))},
    ),
    # A roster row whose end cannot be read takes the place of C's: C may be out (I3A: 0 of 1, E).
    "a_period": (
        plus("phan_cong_cchc.csv", so_dinh_danh=C, tu_ngay="2022-06-01", ma_don_vi="PH", den_ngay="?"),
        {("I3A", "H29", "ALL"): ((0, 1), (1, 2)), ("I3B", "H29", "ALL"): ((1, 2), (1, 1)),
         ("I4", "H29", "ALL"): ((0, None), (1, None))},
    ),
    # I4 is 1 (C, title T, 2024-03-01). An earlier planning of C for T, reason not readable, takes that away.
    "an_earlier_planning": (
        plus("quyet_dinh.csv", so_quyet_dinh="7", so_dinh_danh=C, loai="QUY_HOACH", ngay_hieu_luc="2023-01-01",
             chuc_vu_moi="T", ly_do="?"),
        {("I4", "H29", "ALL"): ((0, None), (1, None)), ("I5", "H29", "ALL"): ((1, None), (1, None))},
    ),
    # I5 is 1 (E). An appointment of nobody known can make one other count, and take nobody's place.
    "an_appointment_of_nobody": (
        plus("quyet_dinh.csv", so_quyet_dinh="7", so_dinh_danh="12", loai="BO_NHIEM", ngay_hieu_luc="2024-05-01",
             chuc_vu_moi="T", la_chuc_vu_lanh_dao="x", ly_do="THUONG_QUY"),
        {("I5", "H29", "ALL"): ((1, None), (2, None)), ("I4", "H29", "ALL"): ((1, None), (1, None))},
    ),
    # I6 is 1 (F). A second row of F for the same class, failed: it may be the right one.
    "an_expert_twice": (
        {
            **base(),
            "lop_boi_duong.csv": [
                {"ma_lop": "L3", "so_dinh_danh": F, "ma_khoa_hoc": "CG", "ngay_hoan_thanh": "2024-02-01",
                 "ket_qua": "KHONG_DAT"},
                *base()["lop_boi_duong.csv"],
            ],
        },
        {("I6", "H29", "ALL"): ((0, None), (1, None)), ("I1", "H29", "ALL"): ((1, 2), (1, 2))},
    ),
    # B completed a course of which the kind in the catalogue cannot be read: it may be BOI_DUONG_CCHC.
    "a_catalogue_row": (
        {
            **base(),
            "danh_muc_khoa_hoc.csv": [
                {"ma_khoa_hoc": "KX", "loai": "?", "ky_nang": ""},
                *base()["danh_muc_khoa_hoc.csv"],
            ],
            "mdl_course.csv": [*base()["mdl_course.csv"], {"id": "41", "idnumber": "KX"}],
            "mdl_course_completions.csv": [
                *base()["mdl_course_completions.csv"],
                {"id": "3", "userid": "2", "course": "41", "timecompleted": at("2024-05-05")},
            ],
        },
        {("I1", "H29", "ALL"): ((1, 2), (2, 2)), ("I1", "SO", "SO_NGANH"): ((1, 1), (1, 1))},
    ),
}  # fmt: skip


def test_a_unit_of_another_kind_moves_its_own_people_only(bounds: Published) -> None:
    # The row of PH once more, its kind not readable: B may be in another leader group, or in none.
    found = bounds(room_once_more(loai_don_vi="?"))
    expected = {
        ("I1", "H29", "ALL"): ((1, 2), (1, 1)),
        ("I1", "H29", "SO_NGANH"): ((1, 2), (1, 1)),
        ("I1", "SO", "SO_NGANH"): ((1, 2), (1, 1)),
        ("I2", "H29", "ALL"): ((0, 2), (0, 2)),
        ("I3A", "PH", "ALL"): ((1, 1), (1, 1)),
    }
    assert {key: (found[key].low, found[key].high) for key in expected} == expected
    assert [key for key, one in found.items() if not one.is_exact and key[0] != "I1"] == []


def test_a_unit_below_another_parent_moves_its_own_people_only(bounds: Published) -> None:
    # The row of PH once more, below QH: B (leader, not trained) and C (PAR, saw the material) may count there.
    found = bounds(room_once_more(ma_don_vi_cha="QH"))
    expected = {
        ("I1", "H29", "ALL"): ((1, 2), (1, 2)),
        ("I1", "SO", "ALL"): ((1, 2), (1, 1)),
        ("I1", "SO", "SO_NGANH"): ((1, 1), (1, 1)),
        ("I1", "PH", "ALL"): ((0, 1), (0, 1)),
        ("I3A", "H29", "ALL"): ((1, 2), (1, 2)),
        ("I3A", "SO", "ALL"): ((1, 1), (1, 1)),
        ("I3A", "QH", "ALL"): ((0, 1), (1, 2)),
    }
    assert {key: (found[key].low, found[key].high) for key in expected} == expected


def test_a_unit_of_another_period_moves_no_number(bounds: Published) -> None:
    # People of a unit that has ended count in it and above it as before.
    found = bounds(room_once_more(hieu_luc_den="2024-12-29"))
    assert [key for key, one in found.items() if not one.is_exact or not same(one.low, one.high)] == []


@pytest.mark.parametrize("case", BY_HAND)
def test_bounds_by_hand(case: str, bounds: Published) -> None:
    tables, expected = BY_HAND[case]
    found = bounds(tables)
    assert {key: (found[key].low, found[key].high) for key in expected} == expected
    assert all(found[key].is_exact for key in expected)


def test_no_findings_leave_every_number_as_it_is(bounds: Published) -> None:
    world = judge(base())
    assert world.findings == []
    found = {key: (one.low, one.high, one.open_findings, one.is_exact) for key, one in bounds(base()).items()}
    assert found == {key: (share, share, 0, True) for key, share in world.numbers().items()}


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_bounds_are_what_trying_every_repair_gives(first: int, bounds: Published) -> None:
    compared = exact = 0
    for seed in range(first, first + 10):
        tables = random_world(seed)
        world = judge(tables)
        expected = brute_force(world, tables)
        if expected is None:
            continue
        found = bounds(tables)
        assert found.keys() == expected.keys()
        for key, (low, high) in expected.items():
            bound, where = found[key], f"world {seed}, {key}"
            if bound.is_exact:
                assert same(bound.low, low) and same(bound.high, high), where
            elif low[1] != 0:
                assert value(bound.low) <= value(low) and value(bound.high) >= value(high), where
            if not bound.open_findings:
                assert same(low, high), where
            exact += bound.is_exact
        compared += len(expected)
    assert exact > 0.75 * compared > 100


def test_an_end_that_is_not_solved_is_never_too_narrow(bounds: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "KINDS_PER_INDICATOR", 0)
    not_exact = 0
    for seed in range(60, 72):
        tables = random_world(seed)
        world = judge(tables)
        found = bounds(tables)
        for key, (low, high) in (brute_force(world, tables) or {}).items():
            bound = found[key]
            if low[1] != 0:
                assert value(bound.low) <= value(low) and value(bound.high) >= value(high), f"world {seed}, {key}"
            not_exact += not bound.is_exact
    assert not_exact > 10


def same(one: tuple[int, int | None], other: tuple[int, int | None]) -> bool:
    """Whether two shares are of one value, or both of none."""
    if one[1] is None or other[1] is None:
        return one == other
    return (one[1] == 0) == (other[1] == 0) and one[0] * other[1] == other[0] * one[1]


def value(share: tuple[int, int | None]) -> float:
    return share[0] / share[1] if share[1] else float(share[0])
