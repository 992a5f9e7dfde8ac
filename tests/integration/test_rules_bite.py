"""Tests of the tests: each expectation has a planted case that makes it, and it alone of its suite's kind, fail.

One night holds every planted row; Great Expectations and the quarantine must both find each of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from par_warehouse import validate
from par_warehouse.contract import TABLES, Table
from par_warehouse.errors import PipelineError
from par_warehouse.rules import Rule, Suite, load_suite, suite_of
from par_warehouse.settings import Settings
from par_warehouse.validate import take_in
from tests.small_world import BY_NAME, NIGHT, Row, clean_world, csv_text, deliver, settings_for, stage

ROW_SUITES = [suite_of(table) for table in TABLES]
PLANTED_VALUE = {"BAD_ID": "12345", "BAD_ENUM": "NOPE", "BAD_NUMBER": "1x", "BAD_DATE": "31/02/2024"}
PERIODS = {
    "don_vi": {"hieu_luc_tu": "2024-02-01", "hieu_luc_den": "2024-01-31"},
    "phan_cong_cchc": {"tu_ngay": "2024-02-01", "den_ngay": "2024-01-31"},
    "mdl_course": {"startdate": "1700003600", "enddate": "1700003599"},
}
REFERENCES = {"ma_khoa_hoc": "K9", "userid": "99", "course": "99", "ma_don_vi": "H29.02"}


def planted(table: str, rule: Rule, number: int) -> list[Row]:
    """A valid row of the file under a key of its own, changed so that it breaks this rule."""
    row = clean_world()[table][1 if table == "don_vi" else 0] | fresh_key(table, number)
    column = rule.column
    match rule.code:
        case "BAD_ROW":
            return [row | {"*": "1"}]
        case "REQUIRED":
            return [row | ({"loai": "KIEN_THUC_KY_NANG"} if column == "ky_nang" else {}) | {str(column): ""}]
        case "BAD_ENUM" if "BOI_DUONG_CCHC" in str(rule.kwargs.get("unexpected_rows_query")):
            return [row | {"ky_nang": "THAM_MUU"}]
        case "BAD_ID" | "BAD_ENUM" | "BAD_NUMBER" | "BAD_DATE":
            return [row | {str(column): PLANTED_VALUE[rule.code]}]
        case "BAD_PERIOD":
            return [row | PERIODS[table]]
        case "UNKNOWN_UNIT" | "UNKNOWN_REF":
            return [
                row | {str(column): REFERENCES[str(column)]} | ({"tu_ngay": "2024-01-01"} if "tu_ngay" in row else {})
            ]
        case "DUPLICATE_KEY":
            return [row, row][::-1]
        case "UNKNOWN_PERSON":
            return [row | {"so_dinh_danh": "013085999999"}]
        case "UNMATCHED_LEARNER":
            return [row | {"idnumber": ""}]
        case "UNKNOWN_VIEW":
            return [row | {"userid": "99"}]
        case "REPAIRED_ID":
            return [row | {str(column): "'" + row[str(column)]}]
    raise AssertionError(f"no planted case for {rule.code}")


def fresh_key(table: str, number: int) -> Row:
    key = BY_NAME[table].key
    free = {"id": str(1000 + number), "so_dinh_danh": f"0130850{number + 100:05d}", "ma_don_vi": f"H29.P{number}"}
    if len(key) == 1:
        return {key[0]: free.get(key[0], f"P{number}")}
    codes = [name for name in key if name.startswith(("ma_", "so_quyet"))]
    if codes:
        return {codes[0]: f"P{number}"}
    return {"so_dinh_danh": "013085000001", "tu_ngay": f"2022-{number % 12 + 1:02d}-{number // 12 + 2:02d}",
            "nam": str(1950 + number)} if table in ("phan_cong_cchc", "danh_gia") else {}  # fmt: skip


@dataclass(frozen=True)
class Night:
    """One judged night with every planted row; ``rows`` gives the row number that breaks each rule."""

    ledger: Path
    rows: dict[tuple[str, int], int]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    base = tmp_path_factory.mktemp("planted")
    world, rows = clean_world(), {}
    for table in TABLES:
        for position, rule in enumerate(suite_of(table).rules):
            if rule.severity != "file":
                cases = planted(table.name, rule, position)
                world[table.name] += cases
                # Of two equal rows the first is quarantined.
                rows[table.name, position] = len(world[table.name]) - (len(cases) - 1)
    settings = settings_for(base)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAR_PERSON_KEY_SECRET", "test")
        deliver(base, world)
        judge(settings)
    yield Night(settings.ledger, rows)


def judge(settings: Settings) -> None:
    for source in ("hr", "elearning"):
        stage(settings, source, NIGHT)
    take_in(settings, NIGHT, "run")


RULES = [
    pytest.param(suite, position, id=f"{suite.name}-{rule.code}-{rule.column}-{position}")
    for suite in ROW_SUITES
    for position, rule in enumerate(suite.rules)
    if rule.severity != "file"
]


@pytest.mark.parametrize(("suite", "position"), RULES)
def test_each_row_rule_finds_its_planted_row(night: Night, suite: Suite, position: int) -> None:
    rule = suite.rules[position]
    with duckdb.connect(str(night.ledger), read_only=True) as con:
        row = con.execute(
            "select success, unexpected_count, error from ops.dq_result where suite = ? and rule_code = ?"
            " and column_name is not distinct from ? order by unexpected_count desc",
            [suite.name, rule.code, rule.column],
        ).fetchall()
        codes = con.execute(
            "select rule_codes from ops.quarantine_row where file_name = ? and row_number = ?",
            [f"{suite.name}.csv", night.rows[suite.name, position]],
        ).fetchone()
    assert row and all(success is False and count >= 1 and error is None for success, count, error in row)
    if rule.severity == "warning":
        assert codes is None
    else:
        assert codes is not None and rule.code in codes[0]


def test_only_planted_rows_are_quarantined_and_none_is_lost(night: Night) -> None:
    with duckdb.connect(str(night.ledger), read_only=True) as con:
        found = con.execute("select file_name, row_number from ops.quarantine_row order by all").fetchall()
        lost = con.execute("from ops.load_file where rows_read <> rows_accepted + rows_quarantined").fetchall()
    severities = {(suite.name, i): rule.severity for suite in ROW_SUITES for i, rule in enumerate(suite.rules)}
    assert found == sorted(
        (f"{name}.csv", number) for (name, i), number in night.rows.items() if severities[name, i] == "row"
    )
    assert lost == []


CLEAN_UNITS = csv_text(BY_NAME["don_vi"], clean_world()["don_vi"])
BAD_FILES = {
    "UNREADABLE": b'a,b\n"open,1\n',
    "MISSING_COLUMN": CLEAN_UNITS.replace("ten_don_vi", "ten").encode(),
    "REPEATED_COLUMN": CLEAN_UNITS.replace("ke_thua_boi", "ke_thua_boi,ma_don_vi").encode(),
    "NO_ROWS": CLEAN_UNITS.split("\n")[0].encode(),
    "ROW_DROP": "\n".join(CLEAN_UNITS.split("\n")[:3]).encode(),
    "NOT_A_TREE": (CLEAN_UNITS + "H29.09,Sở lạ,SO_NGANH,H29.404,2020-01-01,,\n").encode(),
}


@pytest.mark.parametrize(
    "rule", [*load_suite("delivery_file").rules, *(r for s in ROW_SUITES for r in s.rules if r.severity == "file")],
    ids=lambda rule: rule.code,
)  # fmt: skip
def test_each_file_rule_rejects_its_planted_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: Rule) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    settings = settings_for(tmp_path)
    deliver(tmp_path, clean_world())
    judge(settings)
    # The same night is delivered again, worse; only ROW_DROP needs a night before it.
    later = NIGHT.replace(year=2025, month=1, day=1)
    deliver(tmp_path, clean_world(), later, replace={"don_vi": BAD_FILES[rule.code]})
    for source in ("hr", "elearning"):
        stage(settings, source, later)
    take_in(settings, later, "run")
    with duckdb.connect(str(settings.ledger), read_only=True) as con:
        load = con.execute(
            "select state, rows_read, served_from_date, message from ops.load_file"
            " where data_date = ? and file_name = 'don_vi.csv'", [later]
        ).fetchone()  # fmt: skip
        failed = con.execute(
            "select distinct rule_code from ops.dq_result where data_date = ? and severity = 'file' and not success",
            [later],
        ).fetchall()
    assert load is not None
    assert load[:3] == ("rejected", 0, NIGHT)
    assert load[3].startswith(rule.code)
    assert (rule.code,) in failed


def test_a_rule_that_cannot_run_is_an_error_and_nothing_is_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    settings = settings_for(tmp_path)
    deliver(tmp_path, clean_world())
    suite = suite_of(BY_NAME["danh_gia"])
    monkeypatch.setitem(suite.document["expectations"][1]["kwargs"], "column", "no_such_column")
    monkeypatch.setitem(suite.rules[1].kwargs, "column", "no_such_column")
    with pytest.raises(PipelineError, match=r"could not be evaluated.*danh_gia #1.*ops\.dq_result"):
        judge(settings)
    with duckdb.connect(str(settings.ledger), read_only=True) as con:
        assert con.execute("select count(*) from ops.load_file").fetchone() == (0,)
        broken = con.execute("select success, error is not null from ops.dq_result where error is not null").fetchall()
    assert broken == [(None, True)]


def test_two_answers_of_one_rule_must_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    settings = settings_for(tmp_path)
    world = clean_world()
    world["danh_gia"][0]["muc_xep_loai"] = "NOPE"
    deliver(tmp_path, world)
    suite = suite_of(BY_NAME["danh_gia"])
    position = next(i for i, rule in enumerate(suite.rules) if rule.code == "BAD_ENUM")
    other = {"column": "muc_xep_loai", "value_set": ["NOPE", "HTXSNV"]}
    monkeypatch.setitem(suite.document["expectations"][position], "kwargs", other)
    with pytest.raises(PipelineError, match="0 rows by Great Expectations, 1 by"):
        judge(settings)


def test_a_lost_row_stops_the_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "test")
    settings = settings_for(tmp_path)
    deliver(tmp_path, clean_world())
    write_accepted = validate._Night._write_accepted

    def lossy(night: validate._Night, table: Table) -> Path:
        path = write_accepted(night, table)
        duckdb.execute(f"copy (from read_parquet('{path}') offset 1) to '{path}.less' (format parquet)")
        return Path(f"{path}.less").replace(path)

    monkeypatch.setattr(validate._Night, "_write_accepted", lossy)
    with pytest.raises(PipelineError, match=r"danh_gia\.csv: 1 rows read, but 0 accepted and 0 quarantined"):
        judge(settings)
    assert not settings.current.exists()
