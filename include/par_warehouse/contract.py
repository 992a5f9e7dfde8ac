"""The layout of the export contract, version 1: sources, files, columns, keys.

Only the layout lives here. What a value must satisfy is a rule, and rules live in ``expectations/``.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """How ``standardise`` turns the text of a cell into a typed value free of personal data."""

    PERSON_ID = "person_id"  # so_dinh_danh -> person_key and a status; the digits go to the vault only
    NAME = "name"  # a personal value: kept only as "present"
    DROPPED = "dropped"  # no indicator needs it: read, counted in the header check, never stored
    CHECKED_DATE = "checked_date"  # a personal date: kept only as valid or not
    TEXT = "text"  # a public free text (unit names)
    CODE = "code"  # a code that other files refer to
    TOKEN = "token"  # only ever compared for equality: kept as a keyed hash
    LIST = "list"  # one of the contract's values, or a flag
    DATE = "date"
    YEAR = "year"
    EPOCH = "epoch"  # Unix seconds -> local time, 0 = not set
    WHOLE = "whole"
    DECIMAL = "decimal"


STORED_TYPE = {
    Kind.PERSON_ID: "VARCHAR",
    Kind.NAME: "VARCHAR",
    Kind.CHECKED_DATE: "DATE",
    Kind.TEXT: "VARCHAR",
    Kind.CODE: "VARCHAR",
    Kind.TOKEN: "VARCHAR",
    Kind.LIST: "VARCHAR",
    Kind.DATE: "DATE",
    Kind.YEAR: "INTEGER",
    Kind.EPOCH: "TIMESTAMP",
    Kind.WHOLE: "BIGINT",
    Kind.DECIMAL: "DOUBLE",
}
"""DuckDB type of each stored kind."""


@dataclass(frozen=True)
class Column:
    """One column of a contract file."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Table:
    """One file of the contract; ``key`` names the columns that identify a row."""

    source: str
    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    is_incremental: bool = False

    @property
    def file_name(self) -> str:
        """The name of the file in a delivery."""
        return f"{self.name}.csv"

    @cached_property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns that survive ``standardise``."""
        return tuple(column for column in self.columns if column.kind is not Kind.DROPPED)

    @cached_property
    def personal_columns(self) -> tuple[str, ...]:
        """Stored columns of names and personal dates: judged, and kept of no row."""
        return tuple(c.name for c in self.stored_columns if c.kind in (Kind.NAME, Kind.CHECKED_DATE))

    @cached_property
    def person_column(self) -> str | None:
        """The column that holds the identification number, if the file names persons."""
        return next((column.name for column in self.columns if column.kind is Kind.PERSON_ID), None)


def _table(source: str, name: str, key: str, *, incremental: bool = False, **columns: Kind) -> Table:
    layout = tuple(Column(column, kind) for column, kind in columns.items())
    return Table(source, name, tuple(key.split()), layout, incremental)


K = Kind
TABLES: tuple[Table, ...] = (
    # In the order of judgement: a file comes after every file that its rules refer to.
    _table(
        "hr", "don_vi", "ma_don_vi",
        ma_don_vi=K.CODE, ten_don_vi=K.TEXT, loai_don_vi=K.LIST, ma_don_vi_cha=K.CODE, hieu_luc_tu=K.DATE,
        hieu_luc_den=K.DATE, ke_thua_boi=K.CODE,
    ),
    _table(
        "hr", "nhan_su", "so_dinh_danh",
        so_dinh_danh=K.PERSON_ID, so_hieu=K.DROPPED, ho_ten=K.NAME, ngay_sinh=K.CHECKED_DATE, gioi_tinh=K.DROPPED,
        nhom=K.LIST, ma_don_vi=K.CODE, chuc_vu=K.DROPPED, la_lanh_dao=K.LIST, trang_thai=K.LIST,
        ngay_vao_co_quan=K.DATE,
    ),
    _table(
        "hr", "phan_cong_cchc", "so_dinh_danh tu_ngay",
        so_dinh_danh=K.PERSON_ID, tu_ngay=K.DATE, ma_don_vi=K.CODE, linh_vuc=K.LIST, hinh_thuc=K.LIST,
        den_ngay=K.DATE, so_quyet_dinh=K.DROPPED,
    ),
    _table(
        "hr", "danh_gia", "so_dinh_danh nam",
        so_dinh_danh=K.PERSON_ID, nam=K.YEAR, muc_xep_loai=K.LIST, so_quyet_dinh=K.DROPPED, ngay_quyet_dinh=K.DATE,
    ),
    _table(
        "hr", "quyet_dinh", "so_quyet_dinh so_dinh_danh loai",
        so_quyet_dinh=K.TOKEN, so_dinh_danh=K.PERSON_ID, loai=K.LIST, ngay_ky=K.DATE, ngay_hieu_luc=K.DATE,
        chuc_vu_moi=K.TOKEN, la_chuc_vu_lanh_dao=K.LIST, ma_don_vi_moi=K.CODE, ly_do=K.LIST,
    ),
    _table(
        "hr", "sang_kien", "ma_sang_kien so_dinh_danh",
        ma_sang_kien=K.TOKEN, so_dinh_danh=K.PERSON_ID, ten=K.DROPPED, nam_cong_nhan=K.YEAR, cap=K.LIST,
        ap_dung_hieu_qua=K.LIST,
    ),
    _table("elearning", "danh_muc_khoa_hoc", "ma_khoa_hoc loai ky_nang",
        ma_khoa_hoc=K.CODE, loai=K.LIST, ky_nang=K.LIST, ten_khoa_hoc=K.DROPPED, so_tiet=K.DECIMAL),
    _table("elearning", "danh_muc_hoc_lieu", "ma_hoc_lieu loai",
        ma_hoc_lieu=K.CODE, loai=K.LIST, ten=K.DROPPED, quoc_gia=K.DROPPED),
    _table(
        "hr", "lop_boi_duong", "ma_lop so_dinh_danh",
        ma_lop=K.TOKEN, so_dinh_danh=K.PERSON_ID, ma_khoa_hoc=K.CODE, ngay_hoan_thanh=K.DATE, ket_qua=K.LIST,
        so_chung_nhan=K.DROPPED,
    ),
    _table(
        "elearning", "mdl_user", "id",
        id=K.WHOLE, username=K.DROPPED, idnumber=K.PERSON_ID, suspended=K.WHOLE, deleted=K.WHOLE,
        timecreated=K.EPOCH, timemodified=K.EPOCH,
    ),
    _table(
        "elearning", "mdl_course", "id",
        id=K.WHOLE, idnumber=K.CODE, shortname=K.DROPPED, fullname=K.DROPPED, startdate=K.EPOCH, enddate=K.EPOCH,
        timemodified=K.EPOCH,
    ),
    _table(
        "elearning", "mdl_course_completions", "id",
        id=K.WHOLE, userid=K.WHOLE, course=K.WHOLE, timeenrolled=K.EPOCH, timestarted=K.EPOCH,
        timecompleted=K.EPOCH, reaggregate=K.EPOCH,
    ),
    _table(
        "elearning", "mdl_course_modules", "id",
        id=K.WHOLE, course=K.WHOLE, idnumber=K.CODE, completion=K.WHOLE, deletioninprogress=K.WHOLE,
    ),
    _table(
        "elearning", "mdl_course_modules_viewed", "id", incremental=True,
        id=K.WHOLE, coursemoduleid=K.WHOLE, userid=K.WHOLE, timecreated=K.EPOCH,
    ),
)  # fmt: skip

TABLES_BY_NAME = {table.name: table for table in TABLES}
SOURCES = ("hr", "elearning")
ROW_RULES = (
    "BAD_ROW",
    "REQUIRED",
    "BAD_ID",
    "BAD_DATE",
    "BAD_NUMBER",
    "BAD_ENUM",
    "BAD_PERIOD",
    "UNKNOWN_UNIT",
    "UNKNOWN_REF",
    "DUPLICATE_KEY",
)
"""Codes of the row rules in order of precedence."""


UNIT_COLUMNS = {"nhan_su": "ma_don_vi", "phan_cong_cchc": "ma_don_vi", "quyet_dinh": "ma_don_vi_moi"}
"""The column of each table about persons that names a unit."""


def tables_of(source: str) -> tuple[Table, ...]:
    """The files of one source, in order of judgement."""
    return tuple(table for table in TABLES if table.source == source)
