"""Open rows: the quarantined rows that serve a night, and what a repair may make of each.

A repair keeps every readable cell that breaks no rule. A cell that breaks one, or stands beside another in a rule on
both, may become any value of the contract.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

_COMPARED = {
    ("phan_cong_cchc.csv", "BAD_PERIOD"): {"tu_ngay", "den_ngay"},
    ("phan_cong_cchc.csv", "UNKNOWN_UNIT"): {"ma_don_vi", "tu_ngay", "den_ngay"},
    ("don_vi.csv", "BAD_PERIOD"): {"hieu_luc_tu", "hieu_luc_den"},
}
_PERSON_COLUMN = "so_dinh_danh"


@dataclass(frozen=True)
class OpenRow:
    """One quarantined row. ``cells`` holds what is known of it; a cell in ``open_cells`` (all: None) is not known.

    ``rival`` is the row number of the accepted row with the same key, ``rival_cells`` what that row says.
    """

    file_name: str
    delivery_date: date
    row_number: int
    finding_key: str
    is_duplicate: bool
    open_cells: frozenset[str] | None
    person: str | None
    cells: dict[str, str | None]
    rival: int | None
    rival_cells: dict[str, str | None] | None

    def is_open(self, column: str) -> bool:
        """Whether a repair may write what it wants into this cell."""
        return self.open_cells is None or column in self.open_cells

    @property
    def names_nobody(self) -> bool:
        """Whether the row may be anybody's."""
        return self.is_open(_PERSON_COLUMN)

    def text(self, column: str, allowed: Iterable[str | None]) -> list[str | None]:
        """The values that a repair may give to the cell."""
        return list(allowed) if self.is_open(column) else [self.cells[column]]

    def day(self, column: str) -> date | None:
        """The day in a readable cell."""
        cell = self.cells[column]
        return None if cell is None else datetime.fromisoformat(cell).date()

    def days(self, column: str, allowed: Iterable[date]) -> list[date]:
        """The days that a repair may give to the cell; none when the cell is readable and empty."""
        if self.is_open(column):
            return list(allowed)
        day = self.day(column)
        return [] if day is None else [day]

    def whole(self, column: str) -> int | None:
        """The number in a readable cell."""
        cell = self.cells[column]
        return None if cell is None else int(cell)

    def says_what_its_rival_says(self, *columns: str) -> bool:
        """Whether putting the row in the place of its rival changes none of these cells."""
        return self.rival_cells is not None and all(
            not self.is_open(column) and self.cells[column] == self.rival_cells[column] for column in columns
        )


def read_open_rows(con: duckdb.DuckDBPyConnection, relation: str) -> list[OpenRow]:
    """The rows of ``stg_serving__open_row``."""
    found = con.execute(
        "select file_name, delivery_date, row_number, finding_key, rule_codes, broken_columns, person_key, cells,"
        f" rival_row_number, rival_cells from {relation} order by file_name, delivery_date, row_number"
    ).fetchall()
    return [_open_row(*row) for row in found]


def _open_row(
    file_name: str,
    delivery_date: date,
    row_number: int,
    finding_key: str,
    rule_codes: list[str],
    broken_columns: list[str],
    person_key: str | None,
    cells: dict[str, Any],
    rival: int | None,
    rival_cells: dict[str, Any] | None,
) -> OpenRow:
    opened = set(broken_columns)
    for code in rule_codes:
        opened |= _COMPARED.get((file_name, code), set())
    if file_name == "danh_muc_khoa_hoc.csv" and "ky_nang" in opened:
        opened.add("loai")
    if file_name == "danh_muc_khoa_hoc.csv" and "loai" in opened:
        opened.add("ky_nang")
    is_bad_row = rule_codes[0] == "BAD_ROW"
    return OpenRow(
        file_name,
        delivery_date,
        row_number,
        finding_key,
        rule_codes[0] == "DUPLICATE_KEY",
        None if is_bad_row else frozenset(opened),
        None if is_bad_row or _PERSON_COLUMN in opened else person_key,
        cells,
        None if is_bad_row else rival,
        None if is_bad_row or rival is None else rival_cells,
    )
