"""People: what a delivery says about identifiers goes into the vault, and what the vault knows comes out.

Used only where a feed is configured to have persons ``number_or_known`` or ``matched``; the plain contract knows a
person by the identification number alone.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from par_warehouse import identity
from par_warehouse.cells import are_plain, as_date, cleaned
from par_warehouse.dialects import Part, UnreadableFile
from par_warehouse.settings import Settings

MAP_COLUMNS = ("loai", "gia_tri", "so_dinh_danh", "tu_ngay", "den_ngay")
_STAFF_IDENTIFIERS = {"so_hieu": "SO_HIEU", "email": "EMAIL"}
_ACCOUNT_COLUMNS = ("id", "idnumber", "username", "email", "firstname", "lastname", "deleted")


@dataclass(frozen=True)
class People:
    """The identity tables of an attached vault, as of one data date."""

    settings: Settings
    con: duckdb.DuckDBPyConnection
    vault: str
    data_date: date

    def resolve(self, cells: str, into: str) -> None:
        """Create ``into`` (cell, person_key, is_ambiguous) for the cells of a query that the map knows."""
        self.con.execute(f"create or replace temp view person_cell as {cells}")
        identity.resolve_ids(self.con, self.vault, self.data_date, "person_cell", into)

    def remember_map(self, part: Part, origin: str) -> dict[str, int]:
        """Take in a map file that HR maintains; the counts of its rows kept and refused. Raises UnreadableFile."""
        missing = [name for name in MAP_COLUMNS[:3] if name not in part.names]
        if missing:
            columns = ", ".join(missing)
            raise UnreadableFile(
                f"thiếu cột {columns}; hãy thêm các cột đó vào dòng tiêu đề rồi gửi lại",
                f"columns missing: {columns}; add them to the first line and send the file again",
            )
        self._collect(part, MAP_COLUMNS, "map_cell")
        if self.con.execute("select count(*) from map_cell").fetchone() == (0,):
            raise UnreadableFile(
                "tệp không có dòng dữ liệu nào; hãy kiểm tra, xuất lại rồi gửi lại",
                "the file has no rows; check it, export it anew and send it again",
            )
        # A date that cannot be read becomes the unreadable mark, and its row is refused.
        dates = [f"{as_date(name)} as {name}" for name in MAP_COLUMNS[3:]]
        self.con.execute(
            f"create or replace temp view identity_given as select loai, gia_tri, so_dinh_danh, {', '.join(dates)}"
            " from map_cell"
        )
        kept = identity.remember_identifiers(self.con, self.vault, origin, self.data_date, "identity_given")
        return {"identifiers_kept": kept.kept, "identifiers_refused": kept.refused}

    def remember_staff(self, part: Part, origin: str) -> None:
        """Take in the staff numbers, and e-mail addresses if there are, of a staff list."""
        present = {name: kind for name, kind in _STAFF_IDENTIFIERS.items() if name in part.names}
        if present and "so_dinh_danh" in part.names:
            self._collect(part, ("so_dinh_danh", *present), "staff_cell")
            said = " union all ".join(
                f"select '{kind}' as loai, {name} as gia_tri, so_dinh_danh, null::date as tu_ngay,"
                f" null::date as den_ngay from staff_cell where {name} is not null"
                for name, kind in present.items()
            )
            self.con.execute(f"create or replace temp view identity_given as {said}")
            identity.remember_identifiers(self.con, self.vault, origin, self.data_date, "identity_given")

    def match_accounts(self, part: Part, staged: Path) -> dict[str, int]:
        """Give the staged accounts their persons, write the identity report, and return its counts."""
        self._collect(part, _ACCOUNT_COLUMNS, "account_cell")
        self.con.execute(
            "create or replace temp view account_given as select try_cast(id as bigint) as user_id, idnumber, username,"
            " email, firstname, lastname, null::date as ngay_sinh, try_cast(deleted as integer) as deleted"
            " from account_cell"
        )
        identity.match_accounts(self.con, self.vault, self.data_date, "account_given", "account_matched")
        matched = staged.with_suffix(".matched")
        self.con.execute(
            f"copy (select staged.* replace (coalesce(staged.person_key, found.person_key) as person_key,"
            " case when found.person_key is not null and staged.person_key is null then 'valid' else idnumber end"
            f" as idnumber) from read_parquet('{staged}') as staged left join account_matched as found"
            f" on found.user_id = staged.id order by row_number) to '{matched}' (format parquet, compression zstd)"
        )
        matched.replace(staged)
        report = identity.identity_report(self.con, self.vault, self.data_date)
        identity.write_report(self.settings, report)
        return dict(report.counts)

    def _collect(self, part: Part, names: tuple[str, ...], into: str) -> None:
        """The cleaned cells of some columns of a part as a temporary table; columns that are not there are NULL."""
        present = [name for name in names if name in part.names]
        self.con.execute(f"create or replace temp table {into} ({', '.join(f'{name} varchar' for name in names)})")
        for records in part.records(present):
            self.con.register("chunk", pa.table(records.table))
            columns = ", ".join(f"{cleaned(name, are_plain(records.table[name]))} as {name}" for name in present)
            self.con.execute(f"insert into {into} by name select {columns} from chunk")
            self.con.unregister("chunk")
