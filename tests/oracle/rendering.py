"""One table as the bytes of one delivered file, with harmless variation and with the contract's faults."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from . import contract, reading
from .city import Record
from .contract import Column, FileSpec

Cells = dict[str, str]

FILE_FAULTS = (
    "missing",
    "missing_column",
    "repeated_header",
    "wrong_encoding",
    "nul_byte",
    "unclosed_quote",
    "stray_quote",
    "text_after_quote",
    "bare_cr",
    "semicolons",
    "header_only",
    "empty",
    "shrunk",
    "shrunk_to_boundary",  # exactly 30 % fewer where the rows allow it: accepted
)


@dataclass(frozen=True)
class Knobs:
    """How large and how faulty a world is. Rates are probabilities."""

    nights: int = 3
    staff: int = 30
    row_fault_rate: float = 0.03  # a row gets a broken rule (or several)
    file_fault_rate: float = 0.03  # a delivered file gets a file-level fault
    source_fault_rate: float = 0.08  # a source is late, without `_SUCCESS` or not there
    schedule_fault_rate: float = 0.2  # a run is skipped, a date is run again, delivered again, a night is not delivered
    noise_rate: float = 0.1  # a cell is written in another allowed way
    clean_first_rate: float = 0.85  # the first night has no fault that fails a run

    @staticmethod
    def random(rng: random.Random) -> Knobs:
        """Knobs anywhere in their useful range."""
        return Knobs(
            nights=rng.randint(1, 6),
            staff=rng.choice((10, 15, 20, 30, 40, 60, 80)),
            row_fault_rate=rng.choice((0.0, 0.01, 0.03, 0.1)),
            file_fault_rate=rng.choice((0.0, 0.02, 0.05, 0.15)),
            source_fault_rate=rng.choice((0.0, 0.05, 0.2)),
            schedule_fault_rate=rng.choice((0.0, 0.2, 0.4)),
            noise_rate=rng.choice((0.0, 0.05, 0.3)),
        )


class Renderer:
    """One file of one delivery. After `render`, `row_count` rows are in it and `file_fault` names what is wrong."""

    def __init__(
        self, rng: random.Random, knobs: Knobs, spec: FileSpec, night: date, rows_before: int, *, calm: bool
    ) -> None:
        self._rng = rng
        self._spec = spec
        self._night = night
        self._noise = knobs.noise_rate
        self._rows_before = rows_before
        # on a calm night units stay as they are: one lost unit would cost the whole tree
        self._row_fault_rate = knobs.row_fault_rate * (0 if calm and spec is contract.DON_VI else 1)
        if spec is contract.DON_VI:
            self._row_fault_rate /= 3
        self.file_fault = "" if calm or rng.random() >= knobs.file_fault_rate else self._pick_file_fault()
        self.row_count = 0

    def _pick_file_fault(self) -> str:
        if self._spec is contract.DON_VI and self._rng.random() < 0.4:
            return "not_a_tree"
        return self._rng.choice(FILE_FAULTS)

    def render(self, table: list[Record]) -> bytes | None:
        if self.file_fault == "missing":
            return None
        if self.file_fault == "not_a_tree":
            self._fell_the_tree(table)
        rows = [self._written(record) for record in table]
        rows = self._with_faults(rows)
        rows = self._resized(rows)
        self.row_count = len(rows)
        return self._encoded(self._text(rows))

    # cells

    def _written(self, record: Record) -> Cells:
        return {
            column.name: self._noisy(column, self._cell(column, record[column.name])) for column in self._spec.columns
        }

    def _cell(self, column: Column, value: Any) -> str:
        rng = self._rng
        if value is None:
            return ""
        if isinstance(value, date):
            return value.strftime("%d/%m/%Y") if rng.random() < 0.3 else value.isoformat()
        cell = str(value)
        if rng.random() >= self._noise:
            return cell
        if column.kind == "whole":
            return f"00{cell}"
        if column.kind == "person" or (column.name == "idnumber" and self._spec is contract.MDL_USER):
            # eleven digits, an apostrophe, both; ten digits are another, unknown person
            return rng.choice((cell[1:], f"'{cell}", f"'{cell[1:]}", cell if rng.random() < 0.9 else cell[2:]))
        return cell

    def _noisy(self, column: Column, cell: str) -> str:
        """The same value for a reader of the contract, other bytes."""
        rng = self._rng
        if rng.random() >= self._noise:
            return cell
        if not cell:
            return rng.choice(("", " ", "\u00a0", "\t", " \u3000 "))
        if column.kind == "text" and " " in cell:
            cell = cell.replace(" ", rng.choice(("\u00a0", "  ", " \n", "\r\n", "\u2009", "\u2028", "\u0085", "\r")))
        if column.kind == "text":
            cell = unicodedata.normalize("NFD", cell)
        pad = rng.choice(("", " ", "\u00a0", "\t", "\u3000"))
        return rng.choice((cell, pad + cell, cell + pad, pad + cell + pad))

    # rows

    def _with_faults(self, rows: list[Cells]) -> list[Cells]:
        rng = self._rng
        result: list[Cells] = []
        for row in rows:
            while rng.random() < self._row_fault_rate:  # sometimes several per row
                rng.choice(self._row_breakers())(row)
                if rng.random() < 0.5:
                    rng.choice(self._row_breakers())(row)
            result.append(row)
            if rng.random() < self._row_fault_rate:
                result.insert(rng.randint(0, len(result)), self._duplicate(row))
        if self._spec is contract.KHOA_HOC:
            for row in result:
                if not reading.normalise(row["loai"]):  # which `ky_nang` a row without kind may have is left open
                    row["ky_nang"] = ""
        return result

    def _duplicate(self, row: Cells) -> Cells:
        """The same key, written in another way or not; the rest the same or not."""
        rng = self._rng
        copy = dict(row)
        if rng.random() < 0.3:
            return copy
        for column in self._spec.columns:
            cell = reading.normalise(copy[column.name])
            if column.key and column.kind == "date" and (parsed := reading.parse_date(cell)):
                copy[column.name] = parsed.strftime("%d/%m/%Y")
            elif column.key and column.kind == "whole" and reading.parse_whole(cell) is not None:
                copy[column.name] = f"0{cell}"
            elif column.key and column.kind == "person" and len(cell) == 12:
                copy[column.name] = f"'{cell}"
            elif not column.key and not column.mandatory and rng.random() < 0.3:
                copy[column.name] = ""
        if self._spec is contract.NHAN_SU and rng.random() < 0.7:
            copy["ngay_vao_co_quan"] = rng.choice(("", "2015-01-01", "01/02/1995", copy["ngay_vao_co_quan"]))
            copy["la_lanh_dao"] = rng.choice(("x", ""))
        return copy

    def _row_breakers(self) -> list[Callable[[Cells], None]]:
        spec = self._spec
        breakers: list[Callable[[Cells], None]] = [self._break_length, self._break_required]
        kinds = {column.kind for column in spec.columns}
        if "person" in kinds:
            breakers.append(self._break_id)
        if kinds & {"date", "year", "epoch"}:
            breakers.append(self._break_date)
        if kinds & {"whole", "decimal"}:
            breakers.append(self._break_number)
        if kinds & {"enum", "flag"}:
            breakers.append(self._break_enum)
        if spec.periods:
            breakers.append(self._break_period)
        if spec in (contract.NHAN_SU, contract.PHAN_CONG):
            breakers.append(self._break_unit)
        if spec in (contract.MDL_COMPLETIONS, contract.MDL_MODULES, contract.LOP_BOI_DUONG):
            breakers.append(self._break_reference)
        return breakers

    def _column(self, *kinds: str) -> Column:
        return self._rng.choice([column for column in self._spec.columns if column.kind in kinds])

    def _break_length(self, row: Cells) -> None:
        row["#length"] = self._rng.choice(("-1", "-2", "+1", "+3"))

    def _break_required(self, row: Cells) -> None:
        column = self._rng.choice([column for column in self._spec.columns if column.mandatory])
        row[column.name] = self._rng.choice(("", " ", "\u00a0", "0" if column.kind == "epoch" else ""))
        if self._spec is contract.KHOA_HOC and "KIEN_THUC" in row["loai"]:
            row["ky_nang"] = ""

    def _break_id(self, row: Cells) -> None:
        row["so_dinh_danh"] = self._rng.choice(
            (
                "13123456",
                "0131234567890",
                "01312345678A",
                "'",
                "''013123456789",
                "013 123456789",
                "\uff10\uff11\uff13123456789",
                "x",
            )
        )

    def _break_date(self, row: Cells) -> None:
        rng, column = self._rng, self._column("date", "year", "epoch")
        starts = {start for start, _ in self._spec.periods}
        too_early = column.name in starts or (column.name not in self._ends() and rng.random() < 0.5)
        if column.kind == "date":
            bad = ["2024-02-30", "1/2/2024", "2024-1-5", "01-02-2024", "2024/01/05", "12/31/2024", "31/04/2023"]
            bad += ["20240105", "2024-01-05 00:00:00", "24-01-05", "khong ro", "01/01/24", "\uff12\uff1024-01-05"]
            bad += ["1899-12-31", "31/12/1899"] if too_early else ["2101-01-01", "01/01/2101"]
        elif column.kind == "year":
            bad = ["24", "20244", "2024.0", "1899", "2101", "nam", "\uff10024", "-2024"]
        else:
            bad = ["1.5", "2024-01-01", "x", "1700000000000" if not too_early else "-1700000000000", "1e9", "+5"]
            bad += ["-3000000000"] if too_early else ["4200000000", "4133955600"]
        row[column.name] = rng.choice(bad)

    def _ends(self) -> set[str]:
        return {end for _, end in self._spec.periods}

    def _break_number(self, row: Cells) -> None:
        column = self._column("whole", "decimal")
        bad = ["abc", "1e3", "+5", "1,5", "--1", "\uff11\uff12", "0x10", "NaN"]
        bad += ["1.5", "-1", "9223372036854775808", "5."] if column.kind == "whole" else [".5", "5.", "1.2.3"]
        row[column.name] = self._rng.choice(bad)

    def _break_enum(self, row: Cells) -> None:
        column = self._column("enum", "flag")
        if column.name == "ky_nang" and reading.normalise(row["loai"]) != "KIEN_THUC_KY_NANG":
            row["ky_nang"] = self._rng.choice(contract.SKILLS)
            return
        bad = ["X", "1", "co", "xx"] if column.kind == "flag" else [column.allowed[0].lower(), "KHAC", "7", "Đạt"]
        row[column.name] = self._rng.choice([value for value in bad if value not in column.allowed])

    def _break_period(self, row: Cells) -> None:
        rng = self._rng
        start, end = self._spec.periods[0]
        cell = reading.normalise(row[start])
        if self._spec.column(start).kind == "date":
            began = reading.parse_date(cell)
            if began is not None and began.year > 1950:
                row[end] = (began - timedelta(days=rng.choice((1, 1, 400)))).isoformat()
        elif cell.isdigit() and int(cell) > 100_000:
            row[end] = str(int(cell) - rng.choice((1, 100_000)))

    def _break_unit(self, row: Cells) -> None:
        row["ma_don_vi"] = self._rng.choice(("KHONG_CO", "h29", "SO99", "H2 9"))

    def _break_reference(self, row: Cells) -> None:
        columns = [name for name in ("course", "userid", "ma_khoa_hoc") if name in row]
        row[self._rng.choice(columns)] = self._rng.choice(("88000001", "88000002"))

    def _fell_the_tree(self, table: list[Record]) -> None:
        others = [row for row in table if row["ma_don_vi"] != "H29"]
        root = next(row for row in table if row["ma_don_vi"] == "H29")
        row = self._rng.choice(others)
        match self._rng.randint(0, 5):
            case 0:
                row["ma_don_vi_cha"] = None  # two roots
            case 1:
                row["ma_don_vi_cha"] = row["ma_don_vi"]  # the shortest cycle
            case 2:
                row["ma_don_vi_cha"] = "KHONG_CO"
            case 3:
                root["loai_don_vi"] = "SO_NGANH"
            case 4:
                root["ma_don_vi_cha"] = row["ma_don_vi"]  # no root at all
            case _:
                other = self._rng.choice(others)
                row["ma_don_vi_cha"], other["ma_don_vi_cha"] = other["ma_don_vi"], row["ma_don_vi"]

    def _resized(self, rows: list[Cells]) -> list[Cells]:
        rng = self._rng
        if not self.file_fault and rows and self._spec is not contract.DON_VI and rng.random() < 0.08:
            while len(rows) % 10:  # so that exactly 30 % fewer is possible the next night
                rows.append(dict(rng.choice(rows)))
        boundary = -(-7 * self._rows_before // 10)
        if self.file_fault == "shrunk_to_boundary" and boundary:
            return self._cut(rows, boundary)
        if self.file_fault == "shrunk":
            return self._cut(rows, rng.choice((boundary - 1, boundary - 1, 1)))
        return rows

    def _cut(self, rows: list[Cells], count: int) -> list[Cells]:
        return [rows[at] for at in sorted(self._rng.sample(range(len(rows)), max(1, min(count, len(rows)))))]

    # the file

    def _text(self, rows: list[Cells]) -> str:
        rng, fault = self._rng, self.file_fault
        names = [column.name for column in self._spec.columns]
        if rng.random() < 0.4:
            rng.shuffle(names)
        extra = {"so_dien_thoai": "0901234567", "dia chi": 'Số 1, "Lê Duẩn"', "": "?"}
        unknown = [name for name in extra if rng.random() < 0.15]
        for name in unknown:
            names.insert(rng.randint(0, len(names)), name)
        if fault == "missing_column":
            names.remove(rng.choice([column.name for column in self._spec.columns]))
        if fault == "repeated_header":
            names.append(rng.choice([name for name in names if name]))
        header = [rng.choice((name, name, name, f" {name}\u00a0")) for name in names]
        records = [header]
        for row in [] if fault == "header_only" else rows:
            record = [row[name] if name in row else extra[name] for name in names]
            records.append(self._with_length(record, row.get("#length", "")))
        quoting = rng.choice((0.0, 0.0, 0.2, 1.0))
        separator = ";" if fault == "semicolons" else ","
        newline = rng.choice(("\n", "\n", "\r\n"))
        lines: list[str] = []
        for record in records:
            while rng.random() < 0.02:
                lines.append(rng.choice(("", " ", "\u00a0\t")))
            lines.append(separator.join(self._field(cell, quoting) for cell in record))
        lines += {
            "unclosed_quote": ['a,"b'],
            "stray_quote": ['a"b,c'],
            "text_after_quote": ['"a"b,c'],
            "bare_cr": ["a\rb,c"],
        }.get(fault, [])
        if fault and rng.random() < 0.5 and len(lines) > 2 and fault in ("stray_quote", "text_after_quote", "bare_cr"):
            lines.insert(1, lines.pop())
        return newline.join(lines) + rng.choice(("", newline, newline, newline * 2))

    def _with_length(self, record: list[str], length: str) -> list[str]:
        if not length:
            return record
        change = int(length)
        # two fields are kept: a lone empty field would be a blank line
        return record + ["thừa"] * change if change > 0 else record[: max(2, len(record) + change)]

    def _field(self, cell: str, quoting: float) -> str:
        if any(character in cell for character in ',"\r\n;') or self._rng.random() < quoting:
            return '"' + cell.replace('"', '""') + '"'
        return cell

    def _encoded(self, text: str) -> bytes:
        rng, fault = self._rng, self.file_fault
        if fault == "empty":
            return rng.choice((b"", b"\n\n", b"\xef\xbb\xbf"))
        content = text.encode("utf-8")
        at = rng.randint(0, len(content))
        if fault == "wrong_encoding":
            # 0xFF is nowhere in UTF-8; windows-1258 and UTF-16 are what Vietnamese offices send
            foreign = text.encode("utf-16") if rng.random() < 0.4 else content[:at] + b"\xff" + content[at:]
            return foreign
        if fault == "nul_byte":
            return content[:at] + b"\x00" + content[at:]
        return (b"\xef\xbb\xbf" if rng.random() < 0.3 else b"") + content
