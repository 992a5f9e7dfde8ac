"""What real exports get wrong, at small rates, the same for the same night and file.

Two kinds. A *quirk* is a real row written badly that the contract repairs (lost zeros, other dates, odd spaces). A
*break* is one more row, a damaged copy of a real one, that belongs in quarantine. So a set with flaws holds the same
true rows as the one without; what is missing for a while are links of accounts and completions that were reset.
"""

import csv
import io
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter, methodcaller

import numpy as np
import pyarrow as pa

from par_warehouse.demo.draw import Ints

Row = dict[str, str]
Change = Callable[[Row], Row]

_QUIRKS, _BREAKS, _MOST = 0.005, 0.003, 5_000
_UNKNOWN_COLUMNS = {"nhan_su.csv": {"dan_toc": "Kinh", "ton_giao": "Không"}, "mdl_user.csv": {"lang": "vi"}}
_PROSE = {"ho_ten", "ten_don_vi", "chuc_vu", "chuc_vu_moi", "ten", "ten_khoa_hoc", "fullname"}
_WRONG_CELLS: dict[str, Sequence[tuple[str, str]]] = {
    "don_vi.csv": [("loai_don_vi", "Phong ban"), ("ten_don_vi", ""), ("hieu_luc_den", "01/01/1950")],
    "nhan_su.csv": [
        ("nhom", "cong_chuc"),
        ("ma_don_vi", "H29.999"),
        ("trang_thai", "Dang cong tac"),
        ("ho_ten", "\u00a0"),
        ("la_lanh_dao", "Lanh dao"),
    ],
    "phan_cong_cchc.csv": [("den_ngay", "31/12/1999"), ("ma_don_vi", "H29.999"), ("linh_vuc", "7")],
    "danh_gia.csv": [("muc_xep_loai", "Xuat sac"), ("ngay_quyet_dinh", ""), ("nam", "24")],
    "quyet_dinh.csv": [("loai", "Lanh dao"), ("ly_do", ""), ("ly_do", "thuong_quy")],
    "sang_kien.csv": [("cap", "Quận"), ("nam_cong_nhan", "")],
    "lop_boi_duong.csv": [("ma_khoa_hoc", "KH-999"), ("ket_qua", "Đạt"), ("ngay_hoan_thanh", "2024")],
    "mdl_user.csv": [("id", ""), ("suspended", "no"), ("timecreated", "31/12/2024")],
    "mdl_course.csv": [("idnumber", ""), ("enddate", "1")],
    "mdl_course_completions.csv": [("course", "999999"), ("userid", "999999999"), ("timecompleted", "31/12/2024")],
    "mdl_course_modules.csv": [("course", "999999"), ("completion", "auto")],
    "mdl_course_modules_viewed.csv": [("timecreated", "0"), ("userid", "u12"), ("coursemoduleid", "")],
    "danh_muc_khoa_hoc.csv": [("loai", "BOI DUONG"), ("so_tiet", "40,5 tiết")],
    "danh_muc_hoc_lieu.csv": [("loai", "Tai lieu")],
}


@dataclass(frozen=True)
class Export:
    """A file about to be written: the rows that are in order, odd lines to strew among them, and its dialect."""

    rows: pa.Table
    odd_lines: Sequence[str] = ()
    byte_order_mark: bool = False
    line_end: str = "\n"


def spoil(file_name: str, rows: pa.Table, rng: np.random.Generator) -> Export:
    """The same rows as a real system would hand them over."""
    for column, value in _UNKNOWN_COLUMNS.get(file_name, {}).items():
        rows = rows.append_column(column, pa.array([value] * rows.num_rows, pa.string()))
    quirks, breaks = _quirks(file_name, rows), _breaks(file_name, rows)
    odd = rng.permutation(_some(rng, rows, _QUIRKS)) if quirks else np.array([], np.int64)
    copied = _some(rng, rows, _BREAKS)
    lines = [*_changed(rng, rows, odd, quirks), *_changed(rng, rows, copied, breaks)]
    kept = np.ones(rows.num_rows, bool)
    kept[odd] = False
    return Export(
        rows=rows.filter(pa.array(kept)),
        odd_lines=[lines[k] for k in rng.permutation(len(lines))],
        byte_order_mark=bool(rng.random() < 0.3),
        line_end="\r\n" if rng.random() < 0.3 else "\n",
    )


def _some(rng: np.random.Generator, rows: pa.Table, rate: float) -> Ints:
    count = min(int(rng.poisson(rows.num_rows * rate)), _MOST, rows.num_rows // 4)
    return np.sort(rng.choice(rows.num_rows, count, replace=False))


def _changed(rng: np.random.Generator, rows: pa.Table, at: Ints, changes: Sequence[Change]) -> list[str]:
    texts = [{name: _text(value) for name, value in row.items()} for row in rows.take(pa.array(at)).to_pylist()]
    return [_line(changes[k](row)) for row, k in zip(texts, rng.integers(0, len(changes), len(texts)), strict=True)]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _line(row: Row) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row.values())
    return text.getvalue().removesuffix("\n")


def _quirks(file_name: str, rows: pa.Table) -> list[Change]:
    """Bad spellings of a good row."""
    identity = "idnumber" if file_name == "mdl_user.csv" else "so_dinh_danh"
    edits: list[tuple[str, Callable[[str], str]]] = []
    if identity in rows.column_names:
        edits += [(identity, lambda text: text.removeprefix("0")), (identity, lambda text: text and f"'{text}")]
    edits += [(name, lambda text: "/".join(reversed(text.split("-")))) for name in _date_columns(rows)]
    for name in filter(_PROSE.__contains__, rows.column_names):
        edits.append((name, partial(unicodedata.normalize, "NFD")))
        edits += [(name, methodcaller("replace", " ", gap)) for gap in ("\u00a0", "  ", "\n")]
    return [_edit(name, change) for name, change in edits]


def _breaks(file_name: str, rows: pa.Table) -> list[Change]:
    """Damages that belong in quarantine; a plain copy is one, too. (A view of an unknown module is only warned of.)"""
    changes: list[Change] = [_as_it_is, _with_one_more, _without_last]
    changes += [_set(column, value) for column, value in _WRONG_CELLS[file_name]]
    changes += [_set(name, "31/02/2024") for name in _date_columns(rows)]
    if "so_dinh_danh" in rows.column_names:
        changes += [_edit("so_dinh_danh", itemgetter(slice(9))), _set("so_dinh_danh", "")]
    if file_name == "mdl_course_modules_viewed.csv":
        changes.append(_of_unknown_module)
    return changes


def _date_columns(rows: pa.Table) -> list[str]:
    return [field.name for field in rows.schema if pa.types.is_date(field.type)]


def _as_it_is(row: Row) -> Row:
    return row


def _with_one_more(row: Row) -> Row:
    return {**row, "": "?"}


def _without_last(row: Row) -> Row:
    return dict(list(row.items())[:-1])


def _of_unknown_module(view: Row) -> Row:
    return {**view, "id": f"9{view['id']:0>11}", "coursemoduleid": "999999"}


def _edit(column: str, change: Callable[[str], str]) -> Change:
    return lambda row: {**row, column: change(row[column])}


def _set(column: str, value: str) -> Change:
    return _edit(column, lambda _: value)
