"""An identifier of one person finds that person as of a date; everything less certain is only offered, in the vault."""

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from par_warehouse.identity import (
    IdentityReport,
    Remembered,
    create_identity_tables,
    identity_report,
    match_accounts,
    remember_identifiers,
    resolve_ids,
    write_report,
)
from par_warehouse.pseudonym import register_hmac
from par_warehouse.settings import Settings
from par_warehouse.text import fold, register_fold

MON, TUE, WED, THU = (dt.date(2025, 3, day) for day in (3, 4, 5, 6))
AN, BINH, CHI, DUNG = "013085000001", "013085000002", "013085000003", "013085000004"
PEOPLE = {
    AN: ("Nguyễn Văn An", "1985-03-14"),
    BINH: ("Trần Thị Hoà Bình", "01/02/1990"),
    CHI: ("Lê Thị Chi", "1988-08-08"),
    DUNG: ("Lê Thị Chi", "1991-09-09"),
}
ACCOUNT = (
    "user_id bigint, idnumber varchar, username varchar, email varchar, firstname varchar, lastname varchar,"
    " ngay_sinh date, deleted bigint"
)


class Vault:
    """A connection with a vault in a file, and what its tables say in terms of identification numbers."""

    def __init__(self, path: Path) -> None:
        self.con = duckdb.connect()
        self.con.execute(f"attach '{path}' as vault")
        register_hmac(self.con, b"secret of the tests")
        self.con.execute(
            "create table vault.person (person_key varchar, so_dinh_danh varchar, ho_ten varchar, ngay_sinh varchar)"
        )
        for number, (name, born) in PEOPLE.items():
            self.con.execute("insert into vault.person values (keyed_hash(?), ?, ?, ?)", [number, number, name, born])
        create_identity_tables(self.con, "vault")

    def remember(self, day: dt.date, *rows: tuple[str | None, ...], origin: str = "dinh_danh_cu") -> Remembered:
        self.table("map", "loai varchar, gia_tri varchar, so_dinh_danh varchar, tu_ngay date, den_ngay date", rows)
        return remember_identifiers(self.con, "vault", origin, day, "map")

    def found(self, day: dt.date, *cells: str) -> dict[str, str | None]:
        """Cells that the map knows: the identification number, None where several persons bear the identifier."""
        self.table("written", "cell varchar", [(cell,) for cell in cells])
        resolve_ids(self.con, "vault", day, "written", "found")
        rows = self.con.execute("select cell, person_key, is_ambiguous from found").fetchall()
        assert all((key is None) == ambiguous for _, key, ambiguous in rows)
        return {cell: self.number(key) for cell, key, _ in rows}

    def match(self, day: dt.date, *accounts: dict[str, object]) -> dict[int, tuple[str | None, str | None, bool]]:
        names = [column.split()[0] for column in ACCOUNT.split(", ")]
        self.table("accounts", ACCOUNT, [tuple(account.get(name) for name in names) for account in accounts])
        match_accounts(self.con, "vault", day, "accounts", "matched")
        rows = self.con.execute("from matched").fetchall()
        return {user: (self.number(key), by, ambiguous) for user, key, by, ambiguous in rows}

    def report(self, day: dt.date) -> dict[str, list[tuple[str | None, ...]]]:
        tables = identity_report(self.con, "vault", day).tables
        return {name: [tuple(row.values()) for row in table.to_pylist()] for name, table in tables.items()}

    def table(self, name: str, columns: str, rows: object) -> None:
        self.con.execute(f"create or replace temp table {name} ({columns})")
        for row in rows:
            padded = [*row, *[None] * (len(columns.split(", ")) - len(row))]
            self.con.execute(f"insert into {name} values ({', '.join('?' * len(padded))})", padded)

    def number(self, key: str | None) -> str | None:
        row = self.con.execute("select so_dinh_danh from vault.person where person_key = ?", [key]).fetchone()
        return None if key is None else row[0]

    def stored(self, table: str) -> int:
        return self.con.execute(f"select count(*) from vault.{table}").fetchone()[0]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = Vault(tmp_path / "identity.duckdb")
    yield made
    made.con.close()


def test_old_numbers_and_staff_numbers_are_found_exactly(vault: Vault) -> None:
    vault.remember(
        MON, ("CMND", "023456789", AN), ("SO_HIEU", "HCM-SNV-0042", BINH), ("EMAIL", "Chi@SNV.example.vn", CHI)
    )
    assert vault.found(MON, "023456789", "'023456789", "hcm-snv 0042", "hcm-snv-0042", " chi@snv.EXAMPLE.vn") == {
        "023456789": AN,
        "'023456789": AN,
        "hcm-snv-0042": BINH,
        " chi@snv.EXAMPLE.vn": CHI,
    }
    # a lost zero, a missing sign, one digit more: near is not the same
    assert vault.found(MON, "23456789", "HCMSNV0042", "HCM-SNV-00421", "chi@snv.example") == {}


def test_what_the_contract_reads_as_an_identification_number_is_not_looked_up(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", AN, BINH), ("SO_HIEU", "13085000001", BINH), ("SO_HIEU", "8500000012", BINH))
    assert vault.found(MON, AN, "13085000001", "'13085000001", "8500000012") == {}


def test_an_identifier_of_several_persons_is_nobodys(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN), ("SO_HIEU", "cb-0001", BINH), ("CMND", "123456789", AN))
    vault.remember(MON, ("SO_HIEU", "123456789", CHI), origin="nhan_su")
    assert vault.found(MON, "CB-0001", "123456789") == {"CB-0001": None, "123456789": None}


def test_the_same_person_said_twice_is_no_ambiguity(vault: Vault) -> None:
    vault.remember(
        MON, ("SO_HIEU", "CB-0001", AN), ("SO_HIEU", "CB-0001", "13085000001"), ("SO_HIEU", "CB-0001", AN, "2020-01-01")
    )
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN), origin="nhan_su")
    assert vault.found(MON, "CB-0001") == {"CB-0001": AN}


def test_rows_that_say_nothing_certain_are_refused_and_counted(vault: Vault) -> None:
    refused = [
        ("CMND", "23456789", AN),  # 8 digits
        ("CMND", "023456789", "023456789"),  # whose is no identification number
        ("SO_HIEU", "042", AN),  # an ordinal number
        ("SO_HIEU", "không có", AN),  # a remark
        ("EMAIL", "an(at)example.vn", AN),
        ("PASSPORT", "B1234567", AN),
        ("CMND", None, AN),
        (None, "023456789", AN),
        ("SO_HIEU", "CB-0001", AN, "2024-01-01", "2023-12-31"),
        ("SO_HIEU", "CB-0001", AN, "0001-01-01", None),  # a date that could not be read
    ]
    assert vault.remember(MON, *refused, ("so_hieu", "CB-0002", BINH)) == Remembered(kept=1, refused=10)
    assert vault.found(MON, "042", "không có", "CB-0001", "cb-0002") == {"cb-0002": BINH}


def test_a_staff_number_counts_within_its_dates_and_an_old_number_always(vault: Vault) -> None:
    vault.remember(
        MON,
        ("SO_HIEU", "CB-0001", AN, None, "2025-03-03"),
        ("SO_HIEU", "CB-0001", BINH, "2025-03-05", None),
        ("CMND", "023456789", AN, "2000-01-01", "2021-01-01"),
    )
    assert [vault.found(day, "CB-0001") for day in (MON, TUE, WED)] == [{"CB-0001": AN}, {}, {"CB-0001": BINH}]
    assert vault.found(WED, "023456789") == {"023456789": AN}


def test_a_date_is_served_by_the_last_map_delivered_up_to_it(vault: Vault) -> None:
    vault.remember(TUE, ("SO_HIEU", "CB-0001", AN))
    vault.remember(THU, ("SO_HIEU", "CB-0001", BINH))
    assert [vault.found(day, "CB-0001").get("CB-0001") for day in (MON, TUE, WED, THU)] == [None, AN, AN, BINH]


def test_a_map_without_an_identifier_takes_it_back(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN), ("SO_HIEU", "CB-0002", BINH))
    vault.remember(TUE, ("SO_HIEU", "CB-0002", BINH))
    vault.remember(WED)
    assert [len(vault.found(day, "CB-0001", "CB-0002")) for day in (MON, TUE, WED)] == [2, 1, 0]


def test_each_origin_is_a_map_of_its_own(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN))
    vault.remember(TUE, ("SO_HIEU", "CB-0002", BINH), origin="nhan_su")
    assert vault.found(TUE, "CB-0001", "CB-0002") == {"CB-0001": AN, "CB-0002": BINH}


def test_any_name_of_a_sender_is_an_origin(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN), origin="nhan_su Phường 'An'")
    assert vault.found(MON, "CB-0001") == {"CB-0001": AN}


def test_a_person_whom_only_the_map_knows_enters_the_vault_once(vault: Vault) -> None:
    unknown = "013085000099"
    for day in (MON, TUE):
        vault.remember(day, ("CMND", "023456789", unknown), ("SO_HIEU", "CB-0099", unknown), ("SO_HIEU", "1", CHI))
    assert vault.found(TUE, "CB-0099") == {"CB-0099": unknown}
    assert vault.stored("person") == len(PEOPLE) + 1


def test_what_fails_on_the_way_leaves_the_former_map(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN))
    vault.con.execute("create table vault.kept as from vault.identity_snapshot")
    vault.con.execute("drop table vault.identity_snapshot")
    vault.con.execute("create view vault.identity_snapshot as from vault.kept")  # can be read, but not written
    with pytest.raises(duckdb.Error):
        vault.remember(TUE, ("SO_HIEU", "CB-0001", BINH))
    assert vault.found(TUE, "CB-0001") == {"CB-0001": AN}
    vault.con.execute("detach vault")  # no transaction is left open


def test_unchanged_statements_are_stored_once(vault: Vault) -> None:
    for day in (MON, WED, TUE, THU, TUE):
        vault.remember(day, ("SO_HIEU", "CB-0001", AN), ("SO_HIEU", "CB-0002", BINH))
    assert vault.stored("identifier") == 2


SNAPSHOTS = st.lists(st.tuples(st.integers(1, 6), st.sets(st.sampled_from("ABCD"))), min_size=1, max_size=12)


@settings(deadline=None, max_examples=25)
@given(SNAPSHOTS)
def test_the_store_is_worth_a_full_copy_of_every_snapshot(deliveries: list[tuple[int, set[str]]]) -> None:
    made = Vault.__new__(Vault)
    made.con = duckdb.connect()
    made.con.execute("attach ':memory:' as vault")
    made.con.execute("create table vault.person (person_key varchar, so_dinh_danh varchar)")
    register_hmac(made.con, b"secret of the tests")
    create_identity_tables(made.con, "vault")
    copies: dict[int, set[str]] = {}
    for day, said in deliveries:
        made.remember(dt.date(2025, 3, day), *[("SO_HIEU", f"{one}-001", AN) for one in sorted(said)])
        copies[day] = said
        for asked in range(1, 8):
            serving = max((known for known in copies if known <= asked), default=None)
            date = dt.date(2025, 3, asked)
            stored = made.con.execute(
                "select left(value, 1) from vault.identifier where delivery_date <= ? and until_delivery_date > ?",
                [date, date],
            ).fetchall()
            assert sorted(one for (one,) in stored) == sorted(copies.get(serving, set()))
    pieces = made.con.execute(
        "select count(*) from vault.identifier as one, vault.identifier as next"
        " where one.value = next.value and one.until_delivery_date = next.delivery_date"
    ).fetchone()
    assert pieces == (0,)
    made.con.close()


def test_an_account_is_matched_by_its_number_then_by_one_identifier(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", "CB-0002", BINH), ("EMAIL", "chi@example.vn", CHI), ("CMND", "023456789", DUNG))
    assert vault.match(
        MON,
        {"user_id": 1, "idnumber": "13085000001", "username": "cb-0002"},  # its own number decides
        {"user_id": 2, "username": "CB-0002"},
        {"user_id": 3, "email": "CHI@example.vn"},
        {"user_id": 4, "username": "chi@example.vn"},
        {"user_id": 5, "idnumber": "023456789"},
        {"user_id": 6, "idnumber": "cb-0002", "email": "other@example.vn"},
        {"user_id": 7, "username": "guest"},
        {"user_id": None, "idnumber": CHI},  # a row without a key is for the rules to judge
    ) == {
        1: (AN, "IDNUMBER", False),
        2: (BINH, "SO_HIEU", False),
        3: (CHI, "EMAIL", False),
        4: (CHI, "EMAIL", False),
        5: (DUNG, "CMND", False),
        6: (BINH, "SO_HIEU", False),
        7: (None, None, False),
    }  # fmt: skip


def test_identifiers_of_two_persons_match_nobody(vault: Vault) -> None:
    vault.remember(
        MON, ("SO_HIEU", "CB-0001", AN), ("EMAIL", "binh@example.vn", BINH),
        ("EMAIL", "office@example.vn", AN), ("EMAIL", "office@example.vn", CHI),
    )  # fmt: skip
    found = vault.match(
        MON, {"user_id": 1, "username": "CB-0001", "email": "binh@example.vn"},
        {"user_id": 2, "email": "office@example.vn"},
        {"user_id": 3, "idnumber": AN}, {"user_id": 3, "idnumber": BINH},
    )  # fmt: skip
    assert found == dict.fromkeys((1, 2, 3), (None, None, True))


def test_names_and_birth_dates_are_only_offered(vault: Vault) -> None:
    # a namesake of AN whose birth is not known: the one whose birth agrees is the better offer
    vault.con.execute("insert into vault.person values (keyed_hash('x'), '013085000009', 'Nguyễn Văn An', null)")
    found = vault.match(
        MON,
        {"user_id": 1, "firstname": "An", "lastname": "Nguyễn Văn", "ngay_sinh": MON.replace(1985, 3, 14)},
        {"user_id": 2, "firstname": "TRẦN THỊ HÒA", "lastname": "BÌNH"},
        {"user_id": 3, "firstname": "Lê Thị", "lastname": "Chi", "ngay_sinh": dt.date(1991, 9, 9)},
        {"user_id": 4, "firstname": "Lê Thị", "lastname": "Chi"},
        {"user_id": 5, "firstname": "Lê Thị", "lastname": "Chi", "ngay_sinh": dt.date(1970, 1, 1)},
        {"user_id": 6, "firstname": "Nguyễn Văn", "lastname": "An", "deleted": 1},
    )
    assert found == dict.fromkeys(range(1, 7), (None, None, False))
    state = "không tìm thấy · not found"
    assert vault.report(MON)["unmatched"] == [
        ("1", state, f"'{AN}", "Nguyễn Văn An", "NAME_AND_BIRTH_DATE"),
        ("2", state, f"'{BINH}", "Trần Thị Hoà Bình", "NAME"),
        ("3", state, f"'{DUNG}", "Lê Thị Chi", "NAME_AND_BIRTH_DATE"),
        ("4", state, f"'{CHI}", "Lê Thị Chi", "NAME"),
        ("4", state, f"'{DUNG}", "Lê Thị Chi", "NAME"),
        ("5", state, None, None, None),
    ]
    assert identity_report(vault.con, "vault", MON).counts["unmatched_with_offer"] == 4


def test_nobody_is_offered_when_too_many_bear_the_name(vault: Vault) -> None:
    for number in ("013085000005", "013085000006"):
        vault.con.execute("insert into vault.person values (keyed_hash(?), ?, 'Lê Thị Chi', null)", [number, number])
    vault.match(MON, {"user_id": 4, "firstname": "Chi", "lastname": "Lê Thị"})
    assert [row[2:] for row in vault.report(MON)["unmatched"]] == [(None, None, None)]


def test_the_report_shows_what_a_steward_has_to_look_at(vault: Vault) -> None:
    vault.remember(
        MON, ("SO_HIEU", "CB-0001", AN), ("SO_HIEU", "CB-0009", AN), ("SO_HIEU", "CB-0009", BINH),
    )  # fmt: skip
    vault.match(MON, {"user_id": 1, "idnumber": AN}, {"user_id": 2, "idnumber": BINH}, {"user_id": 3, "idnumber": CHI})
    vault.match(
        TUE,
        {"user_id": 1, "idnumber": AN},
        {"user_id": 2, "idnumber": DUNG},  # the number changed hands
        {"user_id": 3, "idnumber": "", "username": "chi@example.vn.1741000000", "deleted": 1},
        {"user_id": 4, "username": "CB-0001"},  # a second account of AN
        {"user_id": 5, "username": "CB-0009"},
        {"user_id": 6, "idnumber": DUNG, "deleted": 1},
    )
    assert vault.report(TUE) == {
        "matched_by": [("4", "SO_HIEU", f"'{AN}", "Nguyễn Văn An")],
        "unmatched": [
            ("5", "mã của nhiều người · of several persons", f"'{AN}", "Nguyễn Văn An", "IDENTIFIER"),
            ("5", "mã của nhiều người · of several persons", f"'{BINH}", "Trần Thị Hoà Bình", "IDENTIFIER"),
        ],
        "ambiguous": [
            ("SO_HIEU", "CB-0009", f"'{AN}", "Nguyễn Văn An"),
            ("SO_HIEU", "CB-0009", f"'{BINH}", "Trần Thị Hoà Bình"),
        ],
        "duplicate": [(f"'{AN}", "Nguyễn Văn An", "1", "IDNUMBER"), (f"'{AN}", "Nguyễn Văn An", "4", "SO_HIEU")],
        "moved": [
            ("2", "đổi người · another person", f"'{BINH}", "Trần Thị Hoà Bình", f"'{DUNG}", "Lê Thị Chi"),
            ("3", "mất mã định danh · identifier gone", f"'{CHI}", "Lê Thị Chi", None, None),
        ],
    }
    assert identity_report(vault.con, "vault", TUE).counts == {
        "accounts": 6,
        "matched_by_idnumber": 3,
        "matched_by_cmnd": 0,
        "matched_by_so_hieu": 1,
        "matched_by_email": 0,
        "unmatched": 1,
        "unmatched_with_offer": 1,
        "ambiguous": 1,
        "duplicate": 1,
        "moved": 2,
    }


def test_the_report_of_an_old_date_stays_as_it_was(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN))
    vault.match(MON, {"user_id": 1, "username": "CB-0001"}, {"user_id": 2})
    before = vault.report(MON)
    vault.remember(TUE, ("SO_HIEU", "CB-0001", BINH))
    vault.match(TUE, {"user_id": 1, "username": "CB-0001"}, {"user_id": 2, "idnumber": CHI})
    assert vault.report(MON) == before
    assert vault.match(MON, {"user_id": 1, "username": "CB-0001"}, {"user_id": 2})[1] == (AN, "SO_HIEU", False)
    assert vault.report(MON) == before
    assert [row[0] for row in vault.report(TUE)["moved"]] == ["1"]


def test_an_account_that_never_had_a_person_is_not_moved(vault: Vault) -> None:
    vault.match(MON, {"user_id": 1})
    vault.match(TUE, {"user_id": 1, "idnumber": AN})
    assert vault.report(MON)["moved"] == vault.report(TUE)["moved"] == []


def test_the_report_is_written_for_a_spreadsheet_and_for_its_owner_only(vault: Vault, tmp_path: Path) -> None:
    vault.con.execute("update vault.person set ho_ten = '=HYPERLINK(\"x\")' where so_dinh_danh = ?", [AN])
    vault.con.execute("update vault.person set ho_ten = ' @SUM(1)' where so_dinh_danh = ?", [BINH])
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN), ("SO_HIEU", "+CB-0002", BINH), ("SO_HIEU", "+CB-0002", CHI))
    vault.match(MON, {"user_id": 1, "username": "CB-0001"}, {"user_id": 2, "username": "+CB-0002"})
    places = Settings(tmp_path / "data", "", "")
    report = identity_report(vault.con, "vault", MON)
    for _ in range(2):
        folder = write_report(places, report)
    assert folder == places.vault / "reports" / "2025-03-03"
    assert folder.stat().st_mode & 0o777 == 0o700
    files = {path.name: path for path in folder.iterdir()}
    assert sorted(files) == ["ambiguous.csv", "duplicate.csv", "matched_by.csv", "moved.csv", "unmatched.csv"]
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert {path.read_bytes()[:3] for path in files.values()} == {b"\xef\xbb\xbf"}
    with files["matched_by.csv"].open(encoding="utf-8-sig", newline="") as text:
        assert list(csv.reader(text)) == [
            [
                "Mã tài khoản · account",
                "Khớp theo · matched by",
                "Số định danh · identification number",
                "Họ và tên · name",
            ],
            ["1", "SO_HIEU", "'013085000001", '\'=HYPERLINK("x")'],
        ]
    with files["ambiguous.csv"].open(encoding="utf-8-sig", newline="") as text:
        assert [row[1:] for row in csv.reader(text)][1:] == [
            ["'+CB-0002", "'013085000002", "' @SUM(1)"],
            ["'+CB-0002", "'013085000003", "Lê Thị Chi"],
        ]


def test_neither_counts_nor_the_printed_report_hold_personal_data(vault: Vault) -> None:
    vault.remember(MON, ("SO_HIEU", "CB-0001", AN))
    vault.match(MON, {"user_id": 1, "username": "CB-0001", "email": "an@example.vn"})
    report = identity_report(vault.con, "vault", MON)
    assert isinstance(report, IdentityReport)
    for secret in (AN, "An", "CB-0001", "an@example.vn"):
        assert secret not in repr(report)


# Letters of Vietnamese in both normal forms, look-alikes of Đ, and what stands between letters.
LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyAĂÂĐÊÔƠƯÐðƉɖáàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵẤẾỐỘ"
BETWEEN = "\u0301\u0300\u0309\u0303\u0323\u0302\u0306\u031b 0123456789.,-&/()'\u2019\u2013\u00a0\t_²½"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.sampled_from(LETTERS + BETWEEN), max_size=30), min_size=1))
def test_names_are_folded_in_sql_as_in_python(names: list[str]) -> None:
    with duckdb.connect() as con:
        register_fold(con)
        folded = con.execute("select folded(unnest(?))", [names]).fetchall()
    assert [name for (name,) in folded] == [fold(name) for name in names]
