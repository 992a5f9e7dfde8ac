"""What a sheet has beside its values: what is hidden, merged cells, formulas; and the limits that every workbook keeps.

The readers of the three formats (``_workbook_xlsx``, ``_workbook_ods``, ``_workbook_xls``) fill ``SheetFacts`` before
any cell is turned into a value, so that a workbook beyond the limits costs neither memory nor time. Rows and columns
count from 0 here; messages show them as a person sees them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from par_warehouse.dialects import UnreadableFile

MAX_SHEETS = 100
MAX_ROWS = 200_000
MAX_COLUMNS = 500
MAX_CELLS = 4_000_000
"""Of all sheets together: each counts as the rectangle around its filled cells."""
MAX_MERGES = 100_000

Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column."""


@dataclass
class SheetFacts:
    """One sheet of a workbook. ``number`` is its place among the tabs from 1, hidden ones counted."""

    number: int
    is_hidden: bool = False
    counts_from_1904: bool = False
    """Whether a day is the number of days since 1904, as on an old Mac, and not since 1900."""
    rows: range = range(0)
    columns: range = range(0)
    """The rectangle around the filled cells."""
    hidden_rows: set[int] = field(default_factory=set)
    """Those with a filled cell."""
    hidden_columns: set[int] = field(default_factory=set)
    """Filled or not."""
    merges: list[Merge] = field(default_factory=list)
    formulas: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Rows with a formula, by column."""
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    """Cells that show an error such as ``#N/A``, by row and column."""

    @property
    def area(self) -> int:
        """Cells of the rectangle around the filled cells."""
        return len(self.rows) * len(self.columns)

    def fill(self, rows: range, columns: range, *, is_hidden: bool = False, is_formula: bool = False) -> None:
        """Note filled cells. Raises UnreadableFile when they lie beyond the limits."""
        if rows.stop > MAX_ROWS:
            raise too_large(self.number, f"hơn {MAX_ROWS:,} dòng", f"more than {MAX_ROWS:,} rows")
        if columns.stop > MAX_COLUMNS:
            raise too_large(self.number, f"hơn {MAX_COLUMNS} cột", f"more than {MAX_COLUMNS} columns")
        self.rows = _around(self.rows, rows)
        self.columns = _around(self.columns, columns)
        if self.area > MAX_CELLS:
            raise too_large(self.number, f"hơn {MAX_CELLS:,} ô", f"more than {MAX_CELLS:,} cells")
        if is_hidden:
            self.hidden_rows.update(rows)
        if is_formula:
            for column in columns:
                self.formulas[column].update(rows)

    def hide(self, columns: range) -> None:
        """Note hidden columns; beyond the limit nothing can be filled."""
        self.hidden_columns.update(range(max(0, columns.start), min(MAX_COLUMNS, columns.stop)))

    def merge(self, merge: Merge) -> None:
        """Note a merged cell. Raises UnreadableFile when there are too many."""
        if len(self.merges) == MAX_MERGES:
            raise too_large(self.number, f"hơn {MAX_MERGES:,} ô gộp", f"more than {MAX_MERGES:,} merged cells")
        self.merges.append(merge)


def _around(known: range, new: range) -> range:
    return range(min(known.start, new.start), max(known.stop, new.stop)) if known else new


def check_sheet_count(count: int) -> None:
    """Raise UnreadableFile when a workbook has too many sheets."""
    if count > MAX_SHEETS:
        raise UnreadableFile(
            f"Tệp có {count} trang tính, nhiều hơn mức cho phép là {MAX_SHEETS}. Chỉ gửi các trang danh sách.",
            f"The file has {count} sheets, more than the {MAX_SHEETS} allowed. Send the sheets of the list only.",
        )


def too_large(number: int, vi: str, en: str) -> UnreadableFile:
    """The refusal of a sheet beyond a limit."""
    return UnreadableFile(
        f"Trang tính thứ {number} có {vi}. Xóa các dòng và cột thừa ngoài danh sách (kể cả ô trống đã định dạng),"
        " hoặc chép danh sách sang tệp mới, rồi gửi lại.",
        f"Sheet {number} has {en}. Delete the rows and columns beyond the list (formatted empty cells too), or copy"
        " the list to a new file, then send it again.",
    )


def damaged() -> UnreadableFile:
    """The refusal of a workbook that its reader stumbles over."""
    return UnreadableFile(
        "Tệp bị hỏng hoặc chưa tải lên đủ. Mở tệp bằng Excel, kiểm tra, lưu lại (Save As) thành tệp mới rồi gửi lại.",
        "The file is damaged or incomplete. Open it in Excel, check it, save it as a new file and send it again.",
    )


def too_old() -> UnreadableFile:
    """The refusal of a workbook from before Excel 97."""
    return UnreadableFile(
        "Tệp thuộc định dạng Excel quá cũ (Excel 95 trở về trước). Lưu lại thành Excel Workbook (.xlsx) rồi gửi lại.",
        "The file is in a format of Excel 95 or earlier. Save it as an Excel Workbook (.xlsx) and send it again.",
    )


def has_password() -> UnreadableFile:
    """The refusal of an encrypted workbook."""
    return UnreadableFile(
        "Tệp có mật khẩu. Bỏ mật khẩu (File > Info > Protect Workbook > Encrypt with Password, xóa trống ô mật khẩu),"
        " lưu lại rồi gửi.",
        "The file is protected with a password. Remove the password (File > Info > Protect Workbook > Encrypt with"
        " Password, clear the field), save and send it again.",
    )


def has_macros() -> UnreadableFile:
    """The refusal of a workbook that carries programs."""
    return UnreadableFile(
        "Tệp có chứa macro. Lưu lại thành Excel Workbook (.xlsx), không có macro, rồi gửi lại.",
        "The file contains macros. Save it as an Excel Workbook (.xlsx), without macros, and send it again.",
    )


def has_links() -> UnreadableFile:
    """The refusal of a workbook that takes values from elsewhere."""
    return UnreadableFile(
        "Tệp có liên kết đến tệp hoặc chương trình khác. Vào Data > Edit Links, chọn Break Link cho mọi liên kết, lưu"
        " lại rồi gửi.",
        "The file is linked to other files or programs. In Data > Edit Links choose Break Link for every link, save"
        " and send it again.",
    )


def letters(column: int) -> str:
    """The name of a column as a sheet shows it: 0 is ``A``, 26 is ``AA``."""
    name = ""
    while column >= 0:
        column, letter = divmod(column, 26)
        name = chr(ord("A") + letter) + name
        column -= 1
    return name


def some(names: Iterable[object]) -> str:
    """The first few of many, for a message."""
    every = [str(name) for name in names]
    return ", ".join(every[:5]) + (", …" if len(every) > 5 else "")
