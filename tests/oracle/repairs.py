"""Small worlds with open findings, and the lowest and highest values by trying every repair.

A world is tables of text cells. The oracle judges them, and each repair, and computes the numbers of every repaired
world; it shares no code with the warehouse. What a repair may do is written here a second time, from the page
docs/explanation/how-far-findings-could-move-a-number.md.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from . import contract, reading
from .contract import FILES, FileSpec
from .facts import Facts, State
from .oracle import Oracle, _Accepted, _is_tree, _judge_duplicates, _Judged

D = date(2024, 12, 30)
A, B, C, E, F = (f"01300000000{number}" for number in range(1, 6))
NOBODY = ("013999999991", "013999999992", "013999999993")
MOST_REPAIRS = 6_000

Cells = dict[str, str]
Tables = dict[str, list[Cells]]
Ends = dict[tuple[str, str, str], tuple[tuple[int, int | None], tuple[int, int | None]]]

SPEC = {spec.name: spec for spec in FILES}
UNNAMED = {"danh_gia.csv", "sang_kien.csv"}


def rows(columns: str, *lines: str) -> list[Cells]:
    """Rows written as `a|b|c` under space-separated column names."""
    return [dict(zip(columns.split(), line.split("|"), strict=True)) for line in lines]


def base() -> Tables:
    """Units H29 - SO - PH and QH; A and B lead, C, E and F do PAR work; three courses of skills, two materials."""
    return {
        "don_vi.csv": rows(
            "ma_don_vi ten_don_vi loai_don_vi ma_don_vi_cha hieu_luc_tu hieu_luc_den",
            "H29|City|THANH_PHO||2000-01-01|",
            "SO|Sở|SO_NGANH|H29|2000-01-01|",
            "PH|Phòng|PHONG|SO|2000-01-01|",
            "QH|Quận|UBND_HUYEN|H29|2000-01-01|",
        ),
        "nhan_su.csv": rows(
            "so_dinh_danh ho_ten nhom ma_don_vi la_lanh_dao trang_thai ngay_vao_co_quan",
            f"{A}|An|CAN_BO|SO|x|DANG_CONG_TAC|2010-01-01",
            f"{B}|Ba|CONG_CHUC|PH|x|DANG_CONG_TAC|",
            f"{C}|Ca|CONG_CHUC|PH||DANG_CONG_TAC|",
            f"{E}|Em|VIEN_CHUC|QH||DANG_CONG_TAC|",
        ),
        "phan_cong_cchc.csv": rows(
            "so_dinh_danh tu_ngay ma_don_vi den_ngay",
            f"{C}|2022-06-01|PH|",
            f"{E}|2022-06-01|QH|",
            f"{F}|2021-01-01|SO|2024-06-30",
        ),
        "danh_gia.csv": rows("so_dinh_danh nam muc_xep_loai ngay_quyet_dinh", f"{C}|2023|HTTNV|2023-12-31"),
        "quyet_dinh.csv": rows(
            "so_quyet_dinh so_dinh_danh loai ngay_hieu_luc chuc_vu_moi la_chuc_vu_lanh_dao ly_do",
            f"1|{C}|QUY_HOACH|2024-03-01|T||THUONG_QUY",
            f"2|{E}|BO_NHIEM|2024-04-01|T|x|THUONG_QUY",
        ),
        "sang_kien.csv": rows("ma_sang_kien so_dinh_danh nam_cong_nhan ap_dung_hieu_qua", f"SK1|{C}|2023|x"),
        "lop_boi_duong.csv": rows(
            "ma_lop so_dinh_danh ma_khoa_hoc ngay_hoan_thanh ket_qua",
            f"L1|{A}|KH|2024-01-01|DAT",
            f"L1|{C}|KH|2024-01-01|KHONG_DAT",
            f"L2|{E}|K1|2024-02-01|DAT",
            f"L3|{F}|CG|2024-02-01|DAT",
        ),
        "mdl_user.csv": rows("id idnumber", f"1|{A}", f"2|{B}", f"3|{C}", f"4|{E}"),
        "mdl_course.csv": rows("id idnumber", "11|KH", "21|K1", "22|K2", "23|K3", "31|CG"),
        "mdl_course_completions.csv": rows(
            "id userid course timecompleted", f"1|3|21|{at('2024-01-05')}", f"2|4|22|{at('2024-01-06')}"
        ),
        "mdl_course_modules.csv": rows("id course idnumber", "101|11|HL", "102|11|MH"),
        "mdl_course_modules_viewed.csv": rows(
            "id coursemoduleid userid timecreated", f"1|101|3|{at('2024-01-05')}", f"2|102|4|{at('2024-01-06')}"
        ),
        "danh_muc_khoa_hoc.csv": rows(
            "ma_khoa_hoc loai ky_nang",
            "KH|BOI_DUONG_CCHC|",
            "K1|KIEN_THUC_KY_NANG|THAM_MUU",
            "K2|KIEN_THUC_KY_NANG|TONG_HOP",
            "K3|KIEN_THUC_KY_NANG|HUONG_DAN",
            "CG|CHUYEN_GIA|",
        ),
        "danh_muc_hoc_lieu.csv": rows("ma_hoc_lieu loai", "HL|TAI_LIEU", "MH|MO_HINH_NUOC_NGOAI"),
    }


def at(day: str) -> str:
    """Epoch seconds of noon on a local day."""
    return str(int(datetime.fromisoformat(f"{day}T12:00:00+07:00").timestamp()))


# --- judging --------------------------------------------------------------------------------------------------------


@dataclass
class Finding:
    """A row that the oracle quarantines, with the columns of the rules that it breaks."""

    spec: FileSpec
    number: int
    codes: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Cells
    judged: _Judged


@dataclass
class Judged:
    """A world as the oracle judges it."""

    accepted: dict[str, list[_Judged]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    oracle: Any = None

    def numbers(self, replaced: Mapping[str, list[_Judged]] | None = None) -> dict[tuple[str, str, str], Any]:
        """Numerator and denominator of each number, with some tables replaced."""
        tables = {**self.accepted, **(replaced or {})}
        serving = {name: tuple(row.row() for row in found) for name, found in tables.items()}
        facts = Facts(State(D, serving, serving, frozenset()))
        return {key[1:]: (row.numerator, row.denominator) for key, row in facts.indicators.items()}


def judge(tables: Tables) -> Judged:
    """What the oracle accepts and what it quarantines."""
    world = Judged(oracle=Oracle(Path(), Path(), "secret"))
    for spec in FILES:
        judged = [_judged(spec, number, cells) for number, cells in enumerate(tables[spec.name], start=1)]
        for row in judged:
            world.oracle._judge_against_other_files(spec, row, D)
        _judge_duplicates(spec, judged)
        world.accepted[spec.name] = [row for row in judged if not row.broken]
        _serve(world.oracle, spec, world.accepted[spec.name])
        for row, cells in zip(judged, tables[spec.name], strict=True):
            if row.broken and spec.name not in UNNAMED:
                codes = tuple(code for code in contract.RULE_CODES if code in row.broken)
                world.findings.append(Finding(spec, row.number, codes, _columns(world, spec, row, cells), cells, row))
    return world


def _judged(spec: FileSpec, number: int, cells: Cells) -> _Judged:
    header = [column.name for column in spec.columns]
    record = [cells.get(name, "") for name in header]
    return _Judged(spec, number, header, record[: -1 if "*" in cells else len(record)])


def _serve(oracle: Any, spec: FileSpec, accepted: list[_Judged]) -> None:
    oracle._accepted[spec.name] = {D: _Accepted(len(accepted), tuple(row.row() for row in accepted))}


REFERENCES = {
    "mdl_course_completions.csv": (("course", "mdl_course.csv", "id"), ("userid", "mdl_user.csv", "id")),
    "mdl_course_modules.csv": (("course", "mdl_course.csv", "id"),),
    "lop_boi_duong.csv": (("ma_khoa_hoc", "danh_muc_khoa_hoc.csv", "ma_khoa_hoc"),),
}


def _columns(world: Judged, spec: FileSpec, row: _Judged, cells: Cells) -> tuple[str, ...]:
    if {"BAD_ROW", "DUPLICATE_KEY"} & row.broken:
        return ()
    found = set(row.unparsed)
    if "REQUIRED" in row.broken:
        found |= {column.name for column in spec.columns if column.mandatory and not cells.get(column.name)}
    if spec is contract.KHOA_HOC and row.broken & {"REQUIRED", "BAD_ENUM"} and not found:
        found.add("ky_nang")
    if "BAD_PERIOD" in row.broken:
        found |= {end for _, end in spec.periods}
    if "UNKNOWN_UNIT" in row.broken:
        found.add("ma_don_vi")
    if "UNKNOWN_REF" in row.broken:
        for column, other, key in REFERENCES.get(spec.name, ()):
            known = {target[key] for target in world.accepted[other]}
            if row.has(column) and row[column] not in known:
                found.add(column)
    return tuple(sorted(found))


# --- what the warehouse is given ------------------------------------------------------------------------------------


def typed(spec: FileSpec, row: _Judged, column: str) -> Any:
    """A cell as it is staged: typed, a person as a key, with the mark of what cannot be read."""
    if "BAD_ROW" in row.broken:
        return None
    kind = spec.column(column).kind
    if column in row.unparsed:
        return {"date": date(1, 1, 1), "epoch": datetime(1, 1, 1), "whole": -1, "decimal": float("-inf")}.get(kind, "?")
    value = row[column]
    if kind == "epoch" and value is not None:
        return datetime(1970, 1, 1) + timedelta(seconds=int(str(value)) + 7 * 3600)
    return value


def person_key(spec: FileSpec, row: _Judged) -> str | None:
    """The person of a row; in these worlds a key is the number itself."""
    if "BAD_ROW" in row.broken:
        return None
    if spec is contract.MDL_USER:
        cell = row["idnumber"]
        return None if cell is None else reading.repair_person(str(cell))[0]
    return row["so_dinh_danh"] if "so_dinh_danh" not in row.unparsed else None


# --- every repair ---------------------------------------------------------------------------------------------------

TOGETHER = (
    ("phan_cong_cchc.csv", "BAD_PERIOD", ("tu_ngay", "den_ngay")),
    ("phan_cong_cchc.csv", "UNKNOWN_UNIT", ("ma_don_vi", "tu_ngay", "den_ngay")),
    ("don_vi.csv", "BAD_PERIOD", ("hieu_luc_tu", "hieu_luc_den")),
)
MOODLE_IDS = {spec.name for spec in (contract.MDL_USER, contract.MDL_COURSE, contract.MDL_COMPLETIONS,
                                     contract.MDL_MODULES, contract.MDL_VIEWS)}  # fmt: skip


def brute_force(world: Judged, tables: Tables) -> Ends | None:
    """The lowest and highest of each published number over every repair; None when there are too many to try."""
    choices = [list(_repairs(world, tables, finding)) for finding in world.findings]
    size = 1
    for found in choices:
        size *= len(found) + 1
    if size > MOST_REPAIRS:
        return None
    ends: Ends = {}
    seen: dict[tuple[Any, ...], None] = {}
    for combination in product(*([None, *found] for found in choices)):
        changed = _repaired(world, combination)
        if changed is None:
            continue
        shape = tuple(
            (name, tuple(sorted(repr(sorted(row._values.items(), key=repr)) for row in found)))
            for name, found in sorted(changed.items())
        )
        if shape in seen:
            continue
        seen[shape] = None
        for key, (numerator, denominator) in world.numbers(changed).items():
            if denominator == 0:
                continue
            now = (numerator, denominator)
            low, high = ends.get(key, (now, now))
            ends[key] = (min(low, now, key=_value), max(high, now, key=_value))
    published = world.numbers()
    return {key: ends.get(key, ((0, 0), (0, 0))) for key in published}


def _value(share: tuple[int, int | None]) -> float:
    return share[0] / share[1] if share[1] else float(share[0])


def _repairs(world: Judged, tables: Tables, finding: Finding) -> Iterator[_Judged]:
    """Every row that the finding's row may be repaired to, as far as its own cells can tell."""
    spec = finding.spec
    opened = set(finding.columns)
    for name, code, columns in TOGETHER:
        if spec.name == name and code in finding.codes:
            opened |= set(columns)
    if spec is contract.KHOA_HOC and opened & {"loai", "ky_nang"}:
        opened |= {"loai", "ky_nang"}
    if finding.codes[0] == "BAD_ROW":
        opened = {column.name for column in spec.columns}
    domains = [
        _domain(world, tables, spec, column.name) if column.name in opened else [finding.cells.get(column.name, "")]
        for column in spec.columns
    ]
    accepted_ids = {row["id"] for row in world.accepted[spec.name]} if spec.name in MOODLE_IDS else set()
    accepted_units = {row["ma_don_vi"] for row in world.accepted["don_vi.csv"]}
    for cells in product(*domains):
        named = dict(zip((column.name for column in spec.columns), cells, strict=True))
        row = _judged(spec, finding.number, named)
        if row.broken:
            continue
        if "id" in opened and spec.name in MOODLE_IDS and row["id"] in accepted_ids:
            continue
        if spec is contract.DON_VI and "ma_don_vi" in opened and row["ma_don_vi"] in accepted_units:
            continue
        yield row


def _repaired(world: Judged, combination: tuple[_Judged | None, ...]) -> dict[str, list[_Judged]] | None:
    """The tables with these repairs; None when they break a rule together."""
    changed: dict[str, list[_Judged]] = {}
    repaired: dict[str, list[_Judged]] = {}
    for finding, row in zip(world.findings, combination, strict=True):
        if row is not None:
            repaired.setdefault(finding.spec.name, []).append(row)
    for name, found in repaired.items():
        keys = [_key(SPEC[name], row) for row in found]
        if len(set(keys)) < len(keys):
            return None
        kept = [row for row in world.accepted[name] if _key(SPEC[name], row) not in keys]
        changed[name] = [*kept, *found]
    oracle = world.oracle
    for name, found in changed.items():
        _serve(oracle, SPEC[name], found)
    try:
        for name, found in repaired.items():
            for row in found:
                row.broken.clear()
                oracle._judge_against_other_files(SPEC[name], row, D)
                if row.broken:
                    row.broken.clear()
                    return None
        if "don_vi.csv" in changed and not _is_tree([row.row() for row in changed["don_vi.csv"]]):
            return None
        return changed
    finally:
        for name in changed:
            _serve(oracle, SPEC[name], world.accepted[name])


def _key(spec: FileSpec, row: _Judged) -> tuple[Any, ...]:
    return tuple(row[name] for name in spec.keys)


def _domain(world: Judged, tables: Tables, spec: FileSpec, column: str) -> list[str]:
    """Values for an open cell, one for each that could make a difference in these small worlds."""
    definition = spec.column(column)

    def seen(name: str, *columns: str) -> list[str]:
        return sorted({cells.get(one, "") for cells in tables[name] for one in columns} - {""})

    def days() -> list[str]:
        found = {*seen("phan_cong_cchc.csv", "tu_ngay", "den_ngay"), *seen("quyet_dinh.csv", "ngay_hieu_luc")}
        return sorted(day for day in found if reading.parse_date(day))

    people = {cell for name in tables for cells in tables[name]
              for cell in (cells.get("so_dinh_danh"), cells.get("idnumber") if name == "mdl_user.csv" else None)
              if cell and reading.repair_person(cell)[0]}  # fmt: skip
    if definition.kind == "person" or (spec is contract.MDL_USER and column == "idnumber"):
        empty = [""] if spec is contract.MDL_USER else []
        return [*sorted(people), *NOBODY[: len(world.findings)], *empty]
    match spec.name, column:
        case ("nhan_su.csv" | "phan_cong_cchc.csv", "ma_don_vi"):
            return seen("don_vi.csv", "ma_don_vi")
        case ("don_vi.csv", "ma_don_vi"):
            return ["NEW"]
        case ("don_vi.csv", "ma_don_vi_cha"):
            return seen("don_vi.csv", "ma_don_vi")
        case ("don_vi.csv", "hieu_luc_tu"):
            return ["2000-01-01", "2030-01-01"]
        case ("don_vi.csv", "hieu_luc_den"):
            return [""]
        case ("phan_cong_cchc.csv", "tu_ngay"):
            return sorted(
                {"1900-01-02", "2030-01-01", *(day for day in days() if day in seen("phan_cong_cchc.csv", "tu_ngay"))}
            )
        case ("phan_cong_cchc.csv", "den_ngay"):
            return ["", "2000-01-01", "2022-06-01", "2024-12-29"]
        case ("quyet_dinh.csv", "ngay_hieu_luc"):
            return ["1900-01-02", "2024-01-01", D.isoformat(), *[day for day in days() if day.startswith("2024")]]
        case ("quyet_dinh.csv", "loai"):
            return ["QUY_HOACH", "BO_NHIEM", "NGHI_HUU"]
        case ("quyet_dinh.csv", "so_quyet_dinh"):
            return [*seen("quyet_dinh.csv", "so_quyet_dinh"), "new"]
        case ("quyet_dinh.csv", "chuc_vu_moi"):
            return [*seen("quyet_dinh.csv", "chuc_vu_moi"), "", "another"]
        case ("lop_boi_duong.csv", "ma_lop"):
            return [*seen("lop_boi_duong.csv", "ma_lop"), "new"]
        case (
            ("lop_boi_duong.csv", "ma_khoa_hoc")
            | ("mdl_course.csv", "idnumber")
            | ("danh_muc_khoa_hoc.csv", "ma_khoa_hoc")
        ):
            return [
                *seen("danh_muc_khoa_hoc.csv", "ma_khoa_hoc"),
                *[
                    c
                    for c in seen("mdl_course.csv", "idnumber")
                    if c not in seen("danh_muc_khoa_hoc.csv", "ma_khoa_hoc")
                ],
            ]
        case ("lop_boi_duong.csv", "ngay_hoan_thanh"):
            return ["1900-01-02", "2022-01-01", "2024-05-01", D.isoformat()]
        case ("mdl_course_modules.csv", "idnumber") | ("danh_muc_hoc_lieu.csv", "ma_hoc_lieu"):
            return seen("danh_muc_hoc_lieu.csv", "ma_hoc_lieu")
        case ("mdl_user.csv", "id"):
            used = ("mdl_course_completions.csv", "mdl_course_modules_viewed.csv")
            return ["900", *(account for name in used for account in seen(name, "userid"))]
        case ("mdl_course.csv", "id"):
            return ["901"]
        case ("mdl_course_modules.csv", "id"):
            return sorted({"902", *seen("mdl_course_modules_viewed.csv", "coursemoduleid")})
        case (_, "id"):
            return ["999"]
        case (_, "userid"):
            return sorted({i for i in seen("mdl_user.csv", "id") if i.isdigit()})
        case ("mdl_course_completions.csv" | "mdl_course_modules.csv", "course"):
            return sorted({i for i in seen("mdl_course.csv", "id") if i.isdigit()})
        case (_, "coursemoduleid"):
            return sorted({i for i in seen("mdl_course_modules.csv", "id") if i.isdigit()})
        case (_, "timecompleted" | "timecreated"):
            times = [at("2021-06-01"), at("2022-01-01"), at("2024-05-01"), at(D.isoformat())]
            return [*times, *([""] if column == "timecompleted" else [])] if spec is not contract.MDL_USER else [""]
    if definition.allowed:
        return (
            [*definition.allowed, *([] if definition.mandatory else [""])]
            if column not in ("linh_vuc", "hinh_thuc")
            else [""]
        )
    return (
        ["2000-01-01"] if definition.kind == "date" and definition.mandatory else ["x" if definition.mandatory else ""]
    )


# --- random worlds --------------------------------------------------------------------------------------------------


def random_world(seed: int) -> Tables:
    """The base world, shaken, with one to three broken rows."""
    rng = random.Random(seed)
    tables = base()
    _shake(rng, tables)
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        rng.choice(BREAKERS)(rng, tables)
    return tables


def _shake(rng: random.Random, tables: Tables) -> None:
    for row in tables["nhan_su.csv"]:
        row["nhom"] = rng.choice(contract.STAFF_CATEGORIES)
        row["ma_don_vi"] = rng.choice(("SO", "PH", "PH", "QH", "H29"))
        row["la_lanh_dao"] = rng.choice(("x", "x", ""))
        row["trang_thai"] = rng.choice(("DANG_CONG_TAC", "DANG_CONG_TAC", "DANG_CONG_TAC", "NGHI_HUU"))
    for name, count in (("nhan_su.csv", 1), ("phan_cong_cchc.csv", 1), ("lop_boi_duong.csv", 2), ("quyet_dinh.csv", 1),
                        ("mdl_course_completions.csv", 1), ("mdl_course_modules_viewed.csv", 1)):  # fmt: skip
        for _ in range(rng.randint(0, count)):
            tables[name].pop(rng.randrange(len(tables[name])))
    people = [A, B, C, E, F]
    for _ in range(rng.randint(0, 3)):
        tables["lop_boi_duong.csv"].append(_class_row(rng, rng.choice(people)))
    for _ in range(rng.randint(0, 2)):
        tables["phan_cong_cchc.csv"].append(_roster_row(rng, rng.choice(people)))
    for _ in range(rng.randint(0, 2)):
        tables["quyet_dinh.csv"].append(_decision_row(rng, rng.choice(people)))
    for _ in range(rng.randint(0, 3)):
        tables["mdl_course_completions.csv"].append(_completion_row(rng, tables))
    for _ in range(rng.randint(0, 2)):
        tables["mdl_course_modules_viewed.csv"].append(_view_row(rng, tables))
    # The shaken rows themselves are clean.
    for name in ("lop_boi_duong.csv", "phan_cong_cchc.csv", "quyet_dinh.csv"):
        spec = SPEC[name]
        unique = {tuple(row.get(key, "") for key in spec.keys): row for row in tables[name]}
        tables[name] = list(unique.values())
    if rng.random() < 0.3:
        tables["danh_muc_khoa_hoc.csv"].append(
            {"ma_khoa_hoc": "K1", "loai": "KIEN_THUC_KY_NANG", "ky_nang": "HUONG_DAN"}
        )
    if rng.random() < 0.2:
        tables["danh_muc_khoa_hoc.csv"].append({"ma_khoa_hoc": "KH", "loai": "CHUYEN_GIA"})
    if rng.random() < 0.3:
        tables["mdl_user.csv"].append({"id": "5", "idnumber": rng.choice((F, A, ""))})


def _staff_row(rng: random.Random, person: str) -> Cells:
    return {"so_dinh_danh": person, "ho_ten": "X", "nhom": rng.choice(contract.STAFF_CATEGORIES),
            "ma_don_vi": rng.choice(("SO", "PH", "QH")), "la_lanh_dao": rng.choice(("x", "")),
            "trang_thai": rng.choice(("DANG_CONG_TAC", "DANG_CONG_TAC", "NGHI_HUU"))}  # fmt: skip


def _roster_row(rng: random.Random, person: str) -> Cells:
    return {"so_dinh_danh": person, "tu_ngay": rng.choice(("2021-01-01", "2022-06-01", "2024-04-01")),
            "ma_don_vi": rng.choice(("SO", "PH")),
            "den_ngay": rng.choice(("", "", "2024-06-30", "2024-12-29"))}  # fmt: skip


def _class_row(rng: random.Random, person: str) -> Cells:
    return {"ma_lop": rng.choice(("L1", "L2", "L3", "L4")), "so_dinh_danh": person,
            "ma_khoa_hoc": rng.choice(("KH", "KH", "K1", "K2", "K3", "CG")),
            "ngay_hoan_thanh": rng.choice(("2024-01-01", "2024-05-01", "2021-01-01")),
            "ket_qua": rng.choice(("DAT", "DAT", "KHONG_DAT"))}  # fmt: skip


def _decision_row(rng: random.Random, person: str) -> Cells:
    return {"so_quyet_dinh": str(rng.randint(1, 6)), "so_dinh_danh": person,
            "loai": rng.choice(("QUY_HOACH", "QUY_HOACH", "BO_NHIEM")),
            "ngay_hieu_luc": rng.choice(("2023-05-01", "2024-02-01", "2024-05-01", "2024-08-01")),
            "chuc_vu_moi": rng.choice(("T", "T", "U", "")), "la_chuc_vu_lanh_dao": rng.choice(("x", "x", "")),
            "ly_do": rng.choice(("THUONG_QUY", "THUONG_QUY", "SAP_XEP"))}  # fmt: skip


def _completion_row(rng: random.Random, tables: Tables) -> Cells:
    return {"id": str(50 + len(tables["mdl_course_completions.csv"])), "userid": rng.choice("1234"),
            "course": rng.choice(("11", "21", "22", "23", "31")),
            "timecompleted": at(rng.choice(("2024-01-05", "2024-05-01", "2021-05-01")))}  # fmt: skip


def _view_row(rng: random.Random, tables: Tables) -> Cells:
    return {"id": str(50 + len(tables["mdl_course_modules_viewed.csv"])), "coursemoduleid": rng.choice(("101", "102")),
            "userid": rng.choice("1234"), "timecreated": at(rng.choice(("2024-01-05", "2021-05-01")))}  # fmt: skip


PEOPLE = (A, B, C, E, F, "013000000007")


def _insert(rng: random.Random, tables: Tables, name: str, row: Cells) -> None:
    tables[name].insert(rng.randint(0, len(tables[name])), row)


def _break_staff(rng: random.Random, tables: Tables) -> None:
    row = _staff_row(rng, rng.choice(PEOPLE))
    column, cell = rng.choice((("so_dinh_danh", "12"), ("so_dinh_danh", ""), ("ho_ten", ""), ("nhom", "?"),
                               ("ma_don_vi", "GONE"), ("trang_thai", "?"), ("la_lanh_dao", "?"), ("*", ""),
                               ("ngay_sinh", "?"), ("nhom", "")))  # fmt: skip
    row[column] = cell
    if rng.random() < 0.2:
        row["ma_don_vi"] = "GONE"
    _insert(rng, tables, "nhan_su.csv", row)


def _break_roster(rng: random.Random, tables: Tables) -> None:
    row = _roster_row(rng, rng.choice(PEOPLE))
    column, cell = rng.choice((("so_dinh_danh", "12"), ("tu_ngay", "?"), ("den_ngay", "?"), ("ma_don_vi", "GONE"),
                               ("den_ngay", "2020-01-01"), ("linh_vuc", "9"), ("*", ""),
                               ("so_dinh_danh", "")))  # fmt: skip
    row[column] = cell
    _insert(rng, tables, "phan_cong_cchc.csv", row)


def _break_class(rng: random.Random, tables: Tables) -> None:
    row = _class_row(rng, rng.choice(PEOPLE))
    column, cell = rng.choice((("so_dinh_danh", "12"), ("ma_khoa_hoc", "GONE"), ("ngay_hoan_thanh", "?"),
                               ("ket_qua", "?"), ("ma_lop", ""), ("*", ""), ("so_dinh_danh", "")))  # fmt: skip
    row[column] = cell
    _insert(rng, tables, "lop_boi_duong.csv", row)


def _break_decision(rng: random.Random, tables: Tables) -> None:
    row = _decision_row(rng, rng.choice(PEOPLE))
    column, cell = rng.choice((("so_dinh_danh", "12"), ("loai", "?"), ("ngay_hieu_luc", "?"), ("ly_do", "?"),
                               ("la_chuc_vu_lanh_dao", "?"), ("so_quyet_dinh", ""), ("ngay_ky", "?")))  # fmt: skip
    row[column] = cell
    _insert(rng, tables, "quyet_dinh.csv", row)


def _break_completion(rng: random.Random, tables: Tables) -> None:
    row = _completion_row(rng, tables)
    column, cell = rng.choice((("userid", "99"), ("course", "99"), ("timecompleted", "?"), ("id", "?"), ("*", ""),
                               ("timeenrolled", "?"), ("userid", "")))  # fmt: skip
    row[column] = cell
    row["id"] = "700" if column != "id" else cell
    _insert(rng, tables, "mdl_course_completions.csv", row)


def _break_view(rng: random.Random, tables: Tables) -> None:
    row = _view_row(rng, tables)
    column, cell = rng.choice((("userid", ""), ("coursemoduleid", "?"), ("timecreated", "?"), ("*", ""), ("id", "")))
    row["id"] = "701"
    row[column] = cell
    _insert(rng, tables, "mdl_course_modules_viewed.csv", row)


def _break_catalogue(rng: random.Random, tables: Tables) -> None:
    row = {"ma_khoa_hoc": rng.choice(("KH", "K1", "CG", "KX")), "loai": "BOI_DUONG_CCHC", "ky_nang": ""}
    column, cell = rng.choice((("loai", "?"), ("so_tiet", "?"), ("ky_nang", "THAM_MUU"), ("ma_khoa_hoc", "")))
    row[column] = cell
    if rng.random() < 0.3:
        tables["mdl_course.csv"].append({"id": "41", "idnumber": "KX"})
        tables["mdl_course_completions.csv"].append({"id": "40", "userid": "2", "course": "41",
                                                     "timecompleted": at("2024-05-01")})  # fmt: skip
    _insert(rng, tables, "danh_muc_khoa_hoc.csv", row)


def _break_material(rng: random.Random, tables: Tables) -> None:
    row = {"ma_hoc_lieu": rng.choice(("HL", "MH")), "loai": rng.choice(("?", ""))}
    _insert(rng, tables, "danh_muc_hoc_lieu.csv", row)


def _break_account(rng: random.Random, tables: Tables) -> None:
    number = rng.choice(("3", "6", "6"))
    row = {"id": number, "idnumber": rng.choice((A, B, F, "")), "timecreated": "?"}
    if number == "6":
        tables["mdl_course_modules_viewed.csv"].append({"id": "60", "coursemoduleid": "101", "userid": "6",
                                                        "timecreated": at("2024-05-01")})  # fmt: skip
    _insert(rng, tables, "mdl_user.csv", row)


def _break_course(rng: random.Random, tables: Tables) -> None:
    row = {"id": rng.choice(("11", "21", "42")), "idnumber": rng.choice(("KH", "K2", "")), "startdate": "?"}
    _insert(rng, tables, "mdl_course.csv", row)


def _break_module(rng: random.Random, tables: Tables) -> None:
    row = {
        "id": rng.choice(("101", "103")),
        "course": rng.choice(("99", "?")),
        "idnumber": rng.choice(("HL", "MH", "")),
    }
    if row["id"] == "103":
        tables["mdl_course_modules_viewed.csv"].append({"id": "61", "coursemoduleid": "103", "userid": "4",
                                                        "timecreated": at("2024-05-01")})  # fmt: skip
    _insert(rng, tables, "mdl_course_modules.csv", row)


def _break_unit(rng: random.Random, tables: Tables) -> None:
    row = {"ma_don_vi": "NEW", "ten_don_vi": "N", "loai_don_vi": rng.choice(("PHONG", "?")),
           "ma_don_vi_cha": rng.choice(("SO", "QH")), "hieu_luc_tu": "2000-01-01"}  # fmt: skip
    row[rng.choice(("ten_don_vi", "loai_don_vi", "hieu_luc_tu"))] = ""
    _insert(rng, tables, "don_vi.csv", row)


def _double_unit(rng: random.Random, tables: Tables) -> None:
    """A unit again: of another kind, below another unit, from another day, until a day; or its name is missing, too."""
    row = dict(rng.choice([unit for unit in tables["don_vi.csv"] if unit["ma_don_vi"] != "H29"]))
    column, cell = rng.choice((("loai_don_vi", "UBND_XA"), ("loai_don_vi", "?"), ("ma_don_vi_cha", "QH"),
                               ("ma_don_vi_cha", "GONE"), ("hieu_luc_tu", "2024-12-31"), ("hieu_luc_tu", "?"),
                               ("hieu_luc_den", "2024-12-29"), ("hieu_luc_den", "1990-01-01")))  # fmt: skip
    row[column] = cell
    if rng.random() < 0.4:
        row["ten_don_vi"] = ""
    _insert(rng, tables, "don_vi.csv", row)


def _double(rng: random.Random, tables: Tables) -> None:
    name = rng.choice(("nhan_su.csv", "phan_cong_cchc.csv", "lop_boi_duong.csv", "quyet_dinh.csv",
                       "mdl_course_completions.csv"))  # fmt: skip
    if not tables[name]:
        return
    row = dict(rng.choice(tables[name]))
    makers = {"nhan_su.csv": _staff_row, "phan_cong_cchc.csv": _roster_row, "lop_boi_duong.csv": _class_row,
              "quyet_dinh.csv": _decision_row}  # fmt: skip
    if name in makers and rng.random() < 0.7:
        keys = {key: row.get(key, "") for key in SPEC[name].keys}
        row = {**makers[name](rng, row["so_dinh_danh"]), **keys}
    _insert(rng, tables, name, row)


BREAKERS = (
    _break_staff, _break_staff, _break_roster, _break_roster, _break_class, _break_class, _break_decision,
    _break_decision, _break_completion, _break_view, _break_catalogue, _break_material, _break_account, _break_course,
    _break_module, _break_unit, _double_unit, _double, _double,
)  # fmt: skip
