"""What the tests of the dbt project share: tiny inputs of a run, and dbt itself, in this process."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt_common.events.base_types import EventMsg

PROJECT_DIR = Path(__file__).parents[2] / "dbt_project"

ORIGIN = "delivery_date DATE, row_number BIGINT"
SERVING = {
    "don_vi": "ma_don_vi VARCHAR, ten_don_vi VARCHAR, loai_don_vi VARCHAR, ma_don_vi_cha VARCHAR, hieu_luc_tu DATE,"
    "hieu_luc_den DATE, ke_thua_boi VARCHAR",
    "nhan_su": "person_key VARCHAR, nhom VARCHAR, ma_don_vi VARCHAR, la_lanh_dao VARCHAR, trang_thai VARCHAR,"
    "ngay_vao_co_quan DATE",
    "phan_cong_cchc": "person_key VARCHAR, tu_ngay DATE, den_ngay DATE, ma_don_vi VARCHAR, linh_vuc VARCHAR,"
    "hinh_thuc VARCHAR",
    "danh_gia": "person_key VARCHAR, nam INTEGER, muc_xep_loai VARCHAR, ngay_quyet_dinh DATE",
    "quyet_dinh": "person_key VARCHAR, loai VARCHAR, so_quyet_dinh VARCHAR, ngay_hieu_luc DATE, chuc_vu_moi VARCHAR,"
    "la_chuc_vu_lanh_dao VARCHAR, ma_don_vi_moi VARCHAR, ly_do VARCHAR",
    "sang_kien": "ma_sang_kien VARCHAR, person_key VARCHAR, nam_cong_nhan INTEGER, cap VARCHAR,"
    "ap_dung_hieu_qua VARCHAR",
    "lop_boi_duong": "ma_lop VARCHAR, person_key VARCHAR, ma_khoa_hoc VARCHAR, ngay_hoan_thanh DATE, ket_qua VARCHAR",
    "danh_muc_khoa_hoc": "ma_khoa_hoc VARCHAR, loai VARCHAR, ky_nang VARCHAR, so_tiet DOUBLE",
    "danh_muc_hoc_lieu": "ma_hoc_lieu VARCHAR, loai VARCHAR",
    "mdl_user": "id BIGINT, person_key VARCHAR",
    "mdl_course": "id BIGINT, idnumber VARCHAR",
    "mdl_course_completions": "id BIGINT, userid BIGINT, course BIGINT, timecompleted TIMESTAMP",
    "mdl_course_modules": "id BIGINT, idnumber VARCHAR",
    "mdl_course_modules_viewed": "id BIGINT, coursemoduleid BIGINT, userid BIGINT, timecreated TIMESTAMP",
}
QUALITY = {
    "quarantined_row": "source VARCHAR, file_name VARCHAR, row_number BIGINT, rule_code VARCHAR, agency_code VARCHAR",
    "finding": "finding_key VARCHAR, kind VARCHAR, source VARCHAR, agency_code VARCHAR, state VARCHAR, opened_on DATE,"
    "repaired_on DATE",
}
FINDING = "finding_key VARCHAR, agency_code VARCHAR, rule_codes VARCHAR[], broken_columns VARCHAR[]"
EVIDENCE = {
    "completion": f"user_id BIGINT, course_id BIGINT, completed_at TIMESTAMP, {ORIGIN}",
    "view": f"user_id BIGINT, course_module_id BIGINT, viewed_at TIMESTAMP, {ORIGIN}",
    "account_link": "user_id BIGINT, person_key VARCHAR, delivery_date DATE",
    "course_link": "course_id BIGINT, ma_khoa_hoc VARCHAR, delivery_date DATE",
    "module_link": "course_module_id BIGINT, ma_hoc_lieu VARCHAR, delivery_date DATE",
}
FILES = {
    "hr": ["don_vi", "nhan_su", "phan_cong_cchc", "danh_gia", "quyet_dinh", "sang_kien", "lop_boi_duong"],
    "elearning": [
        "mdl_user",
        "mdl_course",
        "mdl_course_completions",
        "mdl_course_modules",
        "mdl_course_modules_viewed",
        "danh_muc_khoa_hoc",
        "danh_muc_hoc_lieu",
    ],
}

Rows = Iterable[tuple[Any, ...]]


def failures(result: dbtRunnerResult) -> list[str]:
    """What a person needs to read when dbt did not do what it should."""
    if result.exception:
        return [str(result.exception)]
    return [
        f"{node.node.name}: {node.status}: {node.message}"
        for node in result.result.results
        if node.status not in {"success", "pass", "skipped"}
    ]


def _fill(connection: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Rows) -> None:
    connection.execute(f"create table {table} ({columns})")
    for row in rows:
        connection.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)


@dataclass
class Warehouse:
    """One run's files in `folder`, and the dbt project over them."""

    folder: Path

    @property
    def build_file(self) -> Path:
        return self.folder / "par.duckdb"

    @property
    def work_file(self) -> Path:
        return self.folder / "work.duckdb"

    @property
    def ledger_file(self) -> Path:
        return self.folder / "ledger.duckdb"

    def deliver(
        self,
        as_of_date: str,
        serving: Mapping[str, Rows],
        evidence: Mapping[str, Rows],
        carried_forward: Iterable[str] = (),
        quality: Mapping[str, Rows] | None = None,
        quarantined: Mapping[str, Rows] | None = None,
    ) -> None:
        """Write the work and ledger files of a run; a serving row's number is its place, its delivery the data date.

        A quarantined row is its number, ``FINDING``, and what a serving row is.
        """
        self.work_file.unlink(missing_ok=True)
        self.ledger_file.unlink(missing_ok=True)
        with duckdb.connect(str(self.work_file)) as work:
            work.execute("create schema serving")
            for table, columns in SERVING.items():
                rows = ((as_of_date, number, *row) for number, row in enumerate(serving.get(table, ()), 1))
                _fill(work, f"serving.{table}", f"{ORIGIN}, {columns}", rows)
                bad = ((as_of_date, *row) for row in (quarantined or {}).get(table, ()))
                _fill(work, f"serving.quarantined_{table}", f"{ORIGIN}, {FINDING}, {columns}", bad)
            work.execute(
                "create view serving.delivered_mdl_course_modules_viewed as from serving.mdl_course_modules_viewed"
            )
            for table, columns in QUALITY.items():
                _fill(work, f"serving.{table}", columns, (quality or {}).get(table, ()))
            _fill(
                work,
                "serving.file_serving",
                "source VARCHAR, file_name VARCHAR, served_from_date DATE, is_carried_forward BOOLEAN",
                (
                    (source, f"{name}.csv", as_of_date, name in carried_forward)
                    for source, names in FILES.items()
                    for name in names
                ),
            )
        with duckdb.connect(str(self.ledger_file)) as ledger:
            ledger.execute("create schema evidence")
            for table, columns in EVIDENCE.items():
                _fill(ledger, f"evidence.{table}", columns, evidence.get(table, ()))

    def dbt(self, *args: str, as_of_date: str, events: list[EventMsg] | None = None) -> dbtRunnerResult:
        environment = {
            "PAR_BUILD_FILE": str(self.build_file),
            "PAR_WORK_FILE": str(self.work_file),
            "PAR_LEDGER_FILE": str(self.ledger_file),
            "PAR_AS_OF_DATE": as_of_date,
            "DBT_PROJECT_DIR": str(PROJECT_DIR),
            "DBT_PROFILES_DIR": str(PROJECT_DIR),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DO_NOT_TRACK": "1",
        }
        with patch.dict(os.environ, environment):
            return dbtRunner(callbacks=[] if events is None else [events.append]).invoke([*args, "--quiet"])

    def build(self, as_of_date: str) -> None:
        """Build as the nightly run does: data tests are the tests' own business, audits come after."""
        result = self.dbt("build", "--exclude-resource-types", "unit_test", "test", as_of_date=as_of_date)
        assert result.success, failures(result)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.build_file), read_only=True) as publication:
            return publication.execute(sql).fetchall()
