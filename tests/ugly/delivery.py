"""What a test delivery consists of: its files, how a deployer describes them in ``sources.yml``, and what must come of
them. Every delivery has people of its own, so that the deliveries of one night do not meddle with each other.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from par_warehouse.contract import TABLES_BY_NAME
from tests.spreadsheets import SheetOf, Value

Row = dict[str, str]
Rows = Mapping[str, Sequence[Row]]

NIGHT = date(2025, 7, 15)
"""A fortnight after the third re-organisation of units."""
BEFORE = NIGHT - timedelta(days=1)

UNITS: Sequence[Row] = [
    {"ma_don_vi": code, "ten_don_vi": name, "loai_don_vi": kind, "ma_don_vi_cha": parent, "hieu_luc_tu": start,
     "hieu_luc_den": end, "ke_thua_boi": heir}
    for code, name, kind, parent, start, end, heir in (
        ("H29", "Ủy ban nhân dân Thành phố Hồ Chí Minh", "THANH_PHO", "", "1976-07-02", "", ""),
        ("H29.02", "Sở Nội vụ", "SO_NGANH", "H29", "1976-07-02", "", ""),
        ("H29.02.01", "Phòng Cải cách hành chính", "PHONG", "H29.02", "1976-07-02", "", ""),
        ("H29.04", "Sở Tài chính", "SO_NGANH", "H29", "1976-07-02", "", ""),
        ("H29.05", "Sở Kế hoạch và Đầu tư", "SO_NGANH", "H29", "1976-07-02", "2025-02-28", "H29.04"),
        ("H29.17", "Sở Giáo dục và Đào tạo", "SO_NGANH", "H29", "1976-07-02", "", ""),
        ("H29.22", "Sở Nông nghiệp và Môi trường", "SO_NGANH", "H29", "2025-03-01", "", ""),
        ("H29.760", "Ủy ban nhân dân Quận 1", "UBND_HUYEN", "H29", "1976-07-02", "2025-06-30", "H29.26740"),
        ("H29.769", "Ủy ban nhân dân Thành phố Thủ Đức", "UBND_HUYEN", "H29", "1976-07-02", "2025-06-30", "H29.26824"),
        ("H29.770", "Ủy ban nhân dân Quận 3", "UBND_HUYEN", "H29", "1976-07-02", "2025-06-30", "H29.27139"),
        ("H29.770.27148", "Ủy ban nhân dân Phường 9", "UBND_XA", "H29.770", "1976-07-02", "2025-06-30", "H29.27139"),
        ("H29.770.27151", "Ủy ban nhân dân Phường 10", "UBND_XA", "H29.770", "1976-07-02", "2024-12-31",
         "H29.770.27148"),
        ("H29.770.27160", "Ủy ban nhân dân Phường 1", "UBND_XA", "H29.770", "1976-07-02", "2025-06-30", "H29.27154"),
        ("H29.771", "Ủy ban nhân dân Quận 10", "UBND_HUYEN", "H29", "1976-07-02", "2025-06-30", ""),
        ("H29.771.27200", "Ủy ban nhân dân Phường 1", "UBND_XA", "H29.771", "1976-07-02", "2025-06-30", ""),
        ("H29.771.27201", "Ủy ban nhân dân Phường 15", "UBND_XA", "H29.771", "1976-07-02", "2025-06-30", ""),
        ("H29.26740", "Ủy ban nhân dân Phường Sài Gòn", "UBND_XA", "H29", "2025-07-01", "", ""),
        ("H29.26824", "Ủy ban nhân dân Phường Thủ Đức", "UBND_XA", "H29", "2025-07-01", "", ""),
        ("H29.27139", "Ủy ban nhân dân Phường Xuân Hoà", "UBND_XA", "H29", "2025-07-01", "", ""),
        ("H29.27154", "Ủy ban nhân dân Phường Bàn Cờ", "UBND_XA", "H29", "2025-07-01", "", ""),
        ("H29.27541", "Ủy ban nhân dân Xã Phú Hoà Đông", "UBND_XA", "H29", "2025-07-01", "", ""),
        ("H29.27544", "Ủy ban nhân dân Xã Bình Mỹ", "UBND_XA", "H29", "2025-07-01", "", ""),
    )
]  # fmt: skip
"""The register of units, with the re-organisations of January, March and July 2025."""

COURSES: Sequence[Row] = [
    {"ma_khoa_hoc": "CCHC-2024", "loai": "BOI_DUONG_CCHC", "so_tiet": "40"},
    {"ma_khoa_hoc": "CCHC.2024", "loai": "BOI_DUONG_CCHC", "so_tiet": "40"},
    {"ma_khoa_hoc": "KN-TD", "loai": "KIEN_THUC_KY_NANG", "ky_nang": "THAM_MUU"},
]

HEADINGS = {
    "so_dinh_danh": "Số CCCD", "so_hieu": "Số hiệu", "ho_ten": "Họ và tên", "ngay_sinh": "Ngày sinh",
    "gioi_tinh": "Giới tính", "nhom": "Loại (CB/CC/VC)", "ma_don_vi": "Mã đơn vị", "chuc_vu": "Chức vụ",
    "la_lanh_dao": "Là lãnh đạo (x)", "trang_thai": "Trạng thái", "ngay_vao_co_quan": "Ngày vào cơ quan",
}  # fmt: skip
"""The columns of a staff list as offices head them."""
STAFF_VALUES = {"nhom": "staff_group", "la_lanh_dao": "tick", "trang_thai": "staff_state"}

# No capital bears a tone: TCVN3 has no such letters.
_NAMES = (
    "Nguyễn Thị Hồng", "Trần Văn Tường", "Lê Quốc Việt", "Phạm Thị Huệ", "Hoàng Đức Dũng", "Võ Ngọc Ân",
    "Đặng Thuỳ Trâm", "Bùi Thị Lựu", "Ngô Hữu Phước", "Dương Kiều Oanh",
)  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """Files of one problem, by their names below the delivery's own folder, and what must come of them.

    ``feeds`` are as in ``sources.yml``, with ``files`` below that folder. Of every table its rows must be those of
    ``same_as`` and, besides, exactly the rows that ``quarantined`` names as their sender knows them, with the rule's
    code and a part of the message. ``rejected`` is a part of the message on files of the first feed, none of which can
    be used; rows that serve in their place are those of ``same_as``, out of what the sender sent the night ``before``.
    ``silent`` senders have sent something only then.
    """

    feeds: Sequence[Mapping[str, Any]]
    files: Mapping[str, bytes]
    same_as: Rows = field(default_factory=dict)
    quarantined: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    rejected: str = ""
    before: Mapping[str, bytes] = field(default_factory=dict)
    silent: int = 0
    repaired: int = 0
    notes: Mapping[str, int] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()


class Staff:
    """The people of one delivery: invented, with numbers that begin with 013, an unassigned code of a province."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._given = 0

    def __call__(self, count: int) -> list[Row]:
        """So many more people, as rows of ``nhan_su`` in the contract's notation."""
        first, self._given = self._given, self._given + count
        return [self._row(place) for place in range(first, self._given)]

    def ids(self, count: int) -> list[str]:
        """Identification numbers of so many more people."""
        return [row["so_dinh_danh"] for row in self(count)]

    def _row(self, place: int) -> Row:
        name = _NAMES[place % len(_NAMES)]
        is_woman, year = " Thị " in f" {name} ", 1965 + place
        return {
            "so_dinh_danh": f"013{int(is_woman)}{year % 100:02}{self._number:03}{place:03}",
            "so_hieu": f"CB-{self._number:03}-{place:03}",
            "ho_ten": name,
            "ngay_sinh": f"{year}-{place % 12 + 1:02}-{place % 28 + 1:02}",
            "gioi_tinh": "Nữ" if is_woman else "Nam",
            "nhom": ("CONG_CHUC", "VIEN_CHUC", "CAN_BO")[place % 3],
            "ma_don_vi": "H29.02",
            "chuc_vu": "Trưởng phòng" if place % 2 == 0 else "",
            "la_lanh_dao": "x" if place % 2 == 0 else "",
            "trang_thai": "DANG_CONG_TAC",
            "ngay_vao_co_quan": f"20{10 + place % 10}-09-01",
        }


Maker = Callable[[Staff], Delivery]
_MAKERS: dict[str, Maker] = {}


def ugly(name: str) -> Callable[[Maker], Maker]:
    """Register the function below as the delivery of this name, whose number is that of the catalogue of problems."""

    def register(maker: Maker) -> Maker:
        assert name not in _MAKERS
        _MAKERS[name] = maker
        return maker

    return register


def made(names: Sequence[str] | None = None) -> dict[str, Delivery]:
    """The deliveries by name; always the same bytes."""
    return {name: _MAKERS[name](Staff(number)) for number, name in enumerate(_MAKERS) if not names or name in names}


def names() -> list[str]:
    """The names of all deliveries, ascending."""
    return sorted(_MAKERS)


def with_cells(rows: Sequence[Row], **columns: Sequence[str]) -> list[Row]:
    """The rows with other cells in some columns, one per row."""
    return [row | {name: cells[at] for name, cells in columns.items()} for at, row in enumerate(rows)]


def without(rows: Sequence[Row], *columns: str) -> list[Row]:
    """The rows with nothing in some columns."""
    return [row | dict.fromkeys(columns, "") for row in rows]


def spoken(rows: Sequence[Row]) -> list[Row]:
    """Staff rows as offices write them: words for codes, the day first."""
    words = {"CONG_CHUC": "CC", "VIEN_CHUC": "VC", "CAN_BO": "CB", "DANG_CONG_TAC": "Đang công tác"}
    return [
        {
            name: "/".join(reversed(cell.split("-"))) if name.startswith("ngay_") else words.get(cell, cell)
            for name, cell in row.items()
        }
        for row in rows
    ]


def csv_text(
    rows: Sequence[Row], headings: Mapping[str, str] | None = None, table: str = "nhan_su", delimiter: str = ","
) -> str:
    """The rows as CSV; ``headings`` (column: heading) are those of the contract's table if none are given."""
    headings = headings or {column.name: column.name for column in TABLES_BY_NAME[table].columns}
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(headings.values())
    writer.writerows([row.get(column, "") for column in headings] for row in rows)
    return text.getvalue()


def sheet_of(rows: Sequence[Mapping[str, Value]], headings: Mapping[str, str]) -> SheetOf:
    """A sheet with one row of headings, then the rows."""
    sheet = SheetOf()
    sheet.add(*headings.values())
    for row in rows:
        sheet.add(*(row.get(column) or None for column in headings))
    return sheet


def made_id(text: str) -> int:
    """The number that a dialect makes of a text: 2**60 and the first 60 bits of its SHA-256."""
    return (1 << 60) + int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)
