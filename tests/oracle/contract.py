"""The tables of `exports.md`, version 1, as data: which files, which columns, what a column holds.

Kinds of columns: `person` (so_dinh_danh), `date`, `year`, `epoch`, `whole`, `decimal`, `flag` (x or empty), `enum`,
`text`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HR = "hr"
ELEARNING = "elearning"

RULE_CODES = (  # in order of precedence
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

UNIT_TYPES = ("THANH_PHO", "SO_NGANH", "UBND_HUYEN", "UBND_XA", "PHONG", "DON_VI_SU_NGHIEP")
STAFF_CATEGORIES = ("CAN_BO", "CONG_CHUC", "VIEN_CHUC")
STAFF_STATES = ("DANG_CONG_TAC", "BIET_PHAI", "NGHI_HUU", "THOI_VIEC", "TU_TRAN")
PAR_FIELDS = ("1", "2", "3", "4", "5", "6")
ROSTER_FORMS = ("CHUYEN_TRACH", "KIEM_NHIEM")
RATINGS = ("HTXSNV", "HTTNV", "HTNV", "KHTNV")
DECISION_KINDS = (
    "QUY_HOACH",
    "DIEU_DONG",
    "LUAN_CHUYEN",
    "BO_NHIEM",
    "BO_NHIEM_LAI",
    "GIAO_PHU_TRACH",
    "BIET_PHAI",
    "MIEN_NHIEM",
    "NGHI_HUU",
    "THOI_VIEC",
)
REASONS = ("THUONG_QUY", "SAP_XEP")
INITIATIVE_LEVELS = ("CO_SO", "THANH_PHO", "TOAN_QUOC")
RESULTS = ("DAT", "KHONG_DAT")
COURSE_KINDS = ("BOI_DUONG_CCHC", "KIEN_THUC_KY_NANG", "CHUYEN_GIA")
SKILLS = ("THAM_MUU", "TONG_HOP", "HUONG_DAN")
MATERIAL_KINDS = ("TAI_LIEU", "BAI_GIANG", "MO_HINH_NUOC_NGOAI")


@dataclass(frozen=True)
class Column:
    """One listed column; `key` columns and `required` ones must not be missing unless `may_be_empty`."""

    name: str
    kind: str = "text"
    key: bool = False
    required: bool = False
    may_be_empty: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def mandatory(self) -> bool:
        return (self.key or self.required) and not self.may_be_empty


@dataclass(frozen=True)
class FileSpec:
    """One file of one source."""

    source: str
    name: str
    columns: tuple[Column, ...]
    periods: tuple[tuple[str, str], ...] = ()
    incremental: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.key)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def _key(name: str, kind: str = "text", allowed: tuple[str, ...] = (), *, may_be_empty: bool = False) -> Column:
    return Column(name, kind, key=True, may_be_empty=may_be_empty, allowed=allowed)


def _req(name: str, kind: str = "text", allowed: tuple[str, ...] = ()) -> Column:
    return Column(name, kind, required=True, allowed=allowed)


def _opt(name: str, kind: str = "text", allowed: tuple[str, ...] = ()) -> Column:
    return Column(name, kind, allowed=allowed)


def _file(
    source: str,
    name: str,
    columns: Iterable[Column],
    periods: tuple[tuple[str, str], ...] = (),
    *,
    incremental: bool = False,
) -> FileSpec:
    return FileSpec(source, name, tuple(columns), periods, incremental)


DON_VI = _file(
    HR,
    "don_vi.csv",
    [
        _key("ma_don_vi"),
        _req("ten_don_vi"),
        _req("loai_don_vi", "enum", UNIT_TYPES),
        _opt("ma_don_vi_cha"),
        _req("hieu_luc_tu", "date"),
        _opt("hieu_luc_den", "date"),
        _opt("ke_thua_boi"),
    ],
    (("hieu_luc_tu", "hieu_luc_den"),),
)
NHAN_SU = _file(
    HR,
    "nhan_su.csv",
    [
        _key("so_dinh_danh", "person"),
        _opt("so_hieu"),
        _req("ho_ten"),
        _opt("ngay_sinh", "date"),
        _opt("gioi_tinh"),
        _req("nhom", "enum", STAFF_CATEGORIES),
        _req("ma_don_vi"),
        _opt("chuc_vu"),
        _opt("la_lanh_dao", "flag", ("x",)),
        _req("trang_thai", "enum", STAFF_STATES),
        _opt("ngay_vao_co_quan", "date"),
    ],
)
PHAN_CONG = _file(
    HR,
    "phan_cong_cchc.csv",
    [
        _key("so_dinh_danh", "person"),
        _key("tu_ngay", "date"),
        _req("ma_don_vi"),
        _opt("linh_vuc", "enum", PAR_FIELDS),
        _opt("hinh_thuc", "enum", ROSTER_FORMS),
        _opt("den_ngay", "date"),
        _opt("so_quyet_dinh"),
    ],
    (("tu_ngay", "den_ngay"),),
)
DANH_GIA = _file(
    HR,
    "danh_gia.csv",
    [
        _key("so_dinh_danh", "person"),
        _key("nam", "year"),
        _opt("muc_xep_loai", "enum", RATINGS),
        _opt("so_quyet_dinh"),
        _req("ngay_quyet_dinh", "date"),
    ],
)
QUYET_DINH = _file(
    HR,
    "quyet_dinh.csv",
    [
        _key("so_quyet_dinh"),
        _key("so_dinh_danh", "person"),
        _key("loai", "enum", DECISION_KINDS),
        _opt("ngay_ky", "date"),
        _req("ngay_hieu_luc", "date"),
        _opt("chuc_vu_moi"),
        _opt("la_chuc_vu_lanh_dao", "flag", ("x",)),
        _opt("ma_don_vi_moi"),
        _req("ly_do", "enum", REASONS),
    ],
)
SANG_KIEN = _file(
    HR,
    "sang_kien.csv",
    [
        _key("ma_sang_kien"),
        _key("so_dinh_danh", "person"),
        _opt("ten"),
        _req("nam_cong_nhan", "year"),
        _opt("cap", "enum", INITIATIVE_LEVELS),
        _opt("ap_dung_hieu_qua", "flag", ("x",)),
    ],
)
LOP_BOI_DUONG = _file(
    HR,
    "lop_boi_duong.csv",
    [
        _key("ma_lop"),
        _key("so_dinh_danh", "person"),
        _req("ma_khoa_hoc"),
        _req("ngay_hoan_thanh", "date"),
        _req("ket_qua", "enum", RESULTS),
        _opt("so_chung_nhan"),
    ],
)
MDL_USER = _file(
    ELEARNING,
    "mdl_user.csv",
    [
        _key("id", "whole"),
        _opt("username"),
        _opt("idnumber"),
        _opt("suspended", "whole"),
        _opt("deleted", "whole"),
        _opt("timecreated", "epoch"),
        _opt("timemodified", "epoch"),
    ],
)
MDL_COURSE = _file(
    ELEARNING,
    "mdl_course.csv",
    [
        _key("id", "whole"),
        _req("idnumber"),
        _opt("shortname"),
        _opt("fullname"),
        _opt("startdate", "epoch"),
        _opt("enddate", "epoch"),
        _opt("timemodified", "epoch"),
    ],
    (("startdate", "enddate"),),
)
MDL_COMPLETIONS = _file(
    ELEARNING,
    "mdl_course_completions.csv",
    [
        _key("id", "whole"),
        _req("userid", "whole"),
        _req("course", "whole"),
        _opt("timeenrolled", "epoch"),
        _opt("timestarted", "epoch"),
        _opt("timecompleted", "epoch"),
        _opt("reaggregate", "epoch"),
    ],
)
MDL_MODULES = _file(
    ELEARNING,
    "mdl_course_modules.csv",
    [
        _key("id", "whole"),
        _req("course", "whole"),
        _opt("idnumber"),
        _opt("completion", "whole"),
        _opt("deletioninprogress", "whole"),
    ],
)
MDL_VIEWS = _file(
    ELEARNING,
    "mdl_course_modules_viewed.csv",
    [
        _key("id", "whole"),
        _req("coursemoduleid", "whole"),
        _req("userid", "whole"),
        _req("timecreated", "epoch"),
    ],
    incremental=True,
)
KHOA_HOC = _file(
    ELEARNING,
    "danh_muc_khoa_hoc.csv",
    [
        _key("ma_khoa_hoc"),
        _key("loai", "enum", COURSE_KINDS),
        _key("ky_nang", "enum", SKILLS, may_be_empty=True),
        _opt("ten_khoa_hoc"),
        _opt("so_tiet", "decimal"),
    ],
)
HOC_LIEU = _file(
    ELEARNING,
    "danh_muc_hoc_lieu.csv",
    [
        _key("ma_hoc_lieu"),
        _key("loai", "enum", MATERIAL_KINDS),
        _opt("ten"),
        _opt("quoc_gia"),
    ],
)

# A file stands after the files its rows are compared with.
FILES: tuple[FileSpec, ...] = (
    DON_VI,
    NHAN_SU,
    PHAN_CONG,
    DANH_GIA,
    QUYET_DINH,
    SANG_KIEN,
    KHOA_HOC,
    HOC_LIEU,
    LOP_BOI_DUONG,
    MDL_USER,
    MDL_COURSE,
    MDL_COMPLETIONS,
    MDL_MODULES,
    MDL_VIEWS,
)
