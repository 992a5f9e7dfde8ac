"""A fortnight of nights with a script of faults: who is told what, when, and who is not; by a real mail server."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from par_warehouse import nightly, outbox, validate
from par_warehouse.contract import SOURCES
from par_warehouse.findings import Waiver, waive
from par_warehouse.ledger import open_ledger
from par_warehouse.settings import Settings
from tests.configurations import with_feeds
from tests.receivers import MailServer, Webhook
from tests.small_world import BY_NAME, World, clean_world, csv_text, deliver, settings_for

CITY, HOME_AFFAIRS, FINANCE, FINANCE_TOO = (
    "quantri@par.example.vn",
    "thongke@sonoivu.example.vn",
    "thongke@sotaichinh.example.vn",
    "pho@sotaichinh.example.vn",
)
RECIPIENTS = f"""
city: {{mail: [{CITY}], chat: [phong_du_lieu]}}
agencies:
  H29.01: {{mail: [{HOME_AFFAIRS}], senders: [so_noi_vu]}}
  H29.03: {{mail: [{FINANCE}, {FINANCE_TOO}], senders: [so_tai_chinh]}}
severities: {{DUPLICATE_KEY: counted}}
quiet: {{weekdays: [saturday, sunday]}}
escalation: {{after_nights: 3}}
"""
PEOPLE = {
    "013085000031": "Lê Thị Ba",
    "013085000032": "Phạm Văn Bốn",
    "013085000041": "Võ Thị Năm",
    "013085000042": "Đỗ Văn Sáu",
}


def day(number: int) -> date:
    """A day of December 2024; the 2nd is a Monday."""
    return date(2024, 12, number)


def person(number: str, unit: str, **cells: str) -> dict[str, str]:
    return {
        "so_dinh_danh": number, "ho_ten": PEOPLE[number], "nhom": "CONG_CHUC", "ma_don_vi": unit,
        "trang_thai": "DANG_CONG_TAC",
    } | cells  # fmt: skip


def city() -> World:
    """The small world with a second agency and two people more in each."""
    world = clean_world()
    world["don_vi"].append(world["don_vi"][1] | {"ma_don_vi": "H29.03", "ten_don_vi": "Sở Tài chính"})
    world["nhan_su"] += [
        person("013085000031", "H29.01"), person("013085000032", "H29.01"),
        person("013085000041", "H29.03"), person("013085000042", "H29.03"),
    ]  # fmt: skip
    return world


def broken_home_affairs(world: World) -> None:
    world["nhan_su"][2]["nhom"] = "CONGCHUC"


def broken_finance(world: World) -> None:
    world["nhan_su"][4]["ngay_vao_co_quan"] = "31/02/2020"


def twice(world: World) -> None:
    """One row more that is there already."""
    world["phan_cong_cchc"] *= 2


def wrong_field(world: World) -> None:
    """Each of the rows that are there twice breaks a graver rule."""
    for row in world["phan_cong_cchc"]:
        row["linh_vuc"] = "77"


@dataclass
class Script:
    """Runs nights one by one and remembers what each sent."""

    settings: Settings
    base: Path
    mails: MailServer
    hook: Webhook
    told: dict[str, list[EmailMessage]] = field(default_factory=dict)
    posts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def night(
        self, number: int, *faults: Callable[[World], None], late: str | None = None, without_sender: str | None = None,
        columns_lost: bool = False, name: str | None = None,
    ) -> None:  # fmt: skip
        """Deliver, take in, tell and send one data date."""
        world, night = city(), day(number)
        for fault in faults:
            fault(world)
        gone: dict[str, bytes | None] = {"danh_gia": None}
        if columns_lost:
            gone["nhan_su"] = csv_text(BY_NAME["nhan_su"], world["nhan_su"]).replace("nhom", "nhóm người").encode()
        deliver(self.base, world, night, replace=gone)
        for sender, rows in (("so_noi_vu", world["danh_gia"]), ("so_tai_chinh", [finance_rating()])):
            path = self.base / "hr" / night.isoformat() / "danh_gia" / f"{sender}.csv"
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
            if sender != without_sender:
                path.write_text(csv_text(BY_NAME["danh_gia"], rows), encoding="utf-8")
        if late:
            (self.base / late / night.isoformat() / "_SUCCESS").unlink()
        run = f"run-{name or number}"
        for source in SOURCES:
            nightly.pull(self.settings, source, night)
            nightly.standardise_source(self.settings, source, night)
        nightly.validate_night(self.settings, night, run)
        nightly.tell(self.settings, night, run)
        self.send(name or str(number))

    def send(self, name: str) -> None:
        """What waits goes out; what has come is kept under a name."""
        from par_airflow.tell import carriers

        nightly.send(self.settings, carriers)
        self.told[name] = self.mails.take()
        self.posts[name] = list(self.hook.posts)
        self.hook.posts.clear()


def finance_rating() -> dict[str, str]:
    return {
        "so_dinh_danh": "013085000041", "nam": "2023", "muc_xep_loai": "HTXSNV", "ngay_quyet_dinh": "2023-12-20",
    }  # fmt: skip


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    """Fourteen nights; what is expected of each stands in the tests."""
    base = tmp_path_factory.mktemp("fortnight")
    settings = with_feeds(settings_for(base), danh_gia={"files": "danh_gia/{part}.csv"})
    (settings.config_dir / "recipients.yml").write_text(RECIPIENTS, encoding="utf-8")
    mails, hook = MailServer(), Webhook()
    script = Script(settings, base, mails, hook)
    mails.start()
    hook.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(base / "airflow"))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.setenv("AIRFLOW_CONN_PAR_SMTP", mails.connection())
        patch.setenv("PAR_CHAT_URLS", f"phong_du_lieu={hook.url}\n")
        # The second evaluation of the rules, by Great Expectations, takes seconds a night and finds the same.
        patch.setattr(validate, "evaluate", lambda *_: [])
        script.night(2)
        script.night(3, broken_home_affairs)
        script.night(4, broken_home_affairs, broken_finance)
        script.night(5, broken_home_affairs)
        script.night(6, broken_home_affairs, broken_finance, late="elearning")
        script.night(7, broken_home_affairs, broken_finance)
        script.night(8, broken_home_affairs, broken_finance)
        mails.stop()
        script.night(9, broken_home_affairs, broken_finance, columns_lost=True)
        waive(settings, Waiver(key_of(settings, "H29.03"), "admin@par.example.vn", "known, until the move", day(20)))
        script.night(10, broken_finance)
        mails.start()
        script.night(11, broken_finance, twice)
        script.night(12, broken_finance, twice, without_sender="so_tai_chinh")
        script.night(12, broken_finance, twice, without_sender="so_tai_chinh", name="12 as it was")
        script.night(12, broken_finance, twice, wrong_field, without_sender="so_tai_chinh", name="12 otherwise")
        script.night(13, broken_finance, twice, wrong_field)
        script.night(14, broken_finance, twice, wrong_field)
        script.night(15, broken_finance, twice, wrong_field)
        yield script
    mails.stop()
    hook.stop()


def key_of(settings: Settings, agency: str) -> str:
    with open_ledger(settings) as con:
        row = con.execute(
            "select distinct finding_key from ledger.ops.finding_sighting where agency_code = ?", [agency]
        ).fetchone()
    assert row is not None
    return str(row[0])


def plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


SAME_IN_EVERY_MAIL = (
    "Dữ liệu ngày", "Thông báo trước", "VIỆC CẦN LÀM", "Tệp đính kèm", "Sửa tại phần mềm", "Lỗi không sửa được",
)  # fmt: skip


def told(mails: list[EmailMessage]) -> list[tuple[str, str, list[str]]]:
    """Recipient, subject and the Vietnamese lines of each mail, without what is the same in every mail."""
    found = []
    for mail in mails:
        lines = [line.strip() for line in plain(mail).split("-" * 70)[0].splitlines() if line.strip()]
        own = [line for line in lines if not line.startswith(SAME_IN_EVERY_MAIL)]
        found.append((mail["To"], mail["Subject"], own))
    return found


NHOM = [
    "BỊ CÁCH LY (từng dòng không được tính)",
    "- nhan_su.csv: 1 dòng (mới), BAD_ENUM",
    "Cột nhom phải là một trong: CAN_BO, CONG_CHUC, VIEN_CHUC.",
    "Ở đâu: dòng 3.",
]
DATE = [
    "BỊ CÁCH LY (từng dòng không được tính)",
    "- nhan_su.csv: 1 dòng (mới), BAD_DATE",
    "Cột ngay_vao_co_quan phải là YYYY-MM-DD hoặc DD/MM/YYYY, từ 1900 đến 2100.",
    "Ở đâu: dòng 5.",
]
SENDER = [
    "CHƯA GIAO (dữ liệu đến muộn hoặc thiếu)",
    "- danh_gia.csv (so_tai_chinh) (mới), MISSING_FILE",
    "Nơi gửi chưa giao tệp này.",
    "Tạm dùng bản giao ngày 11/12/2024.",
    "Ngoài ra: 1 lỗi được miễn có thời hạn, 0 lỗi chỉ đếm.",
]
BY_AGENCY = "THEO ĐƠN VỊ (đang mở)"
STILL = "VẪN CÒN TỪ TRƯỚC"


def instead(lines: list[str], **words: str) -> list[str]:
    """The lines with ``mới`` and the file's mark replaced."""
    changed = [line.replace("(mới)", f"({words['mới']})") for line in lines]
    return [line.replace("nhan_su.csv:", words.get("file", "nhan_su.csv:")) for line in changed]


EXPECTED: dict[str, list[tuple[str, str, list[str]]]] = {
    # Nothing is wrong.
    "2": [],
    "3": [
        (CITY, "[PAR] 03/12/2024 Thành phố: 1 dòng cần sửa (1 mới)",
         [BY_AGENCY, "- H29.01 Sở Nội vụ: 1 (1 mới), lâu nhất 1 ngày"]),
        (HOME_AFFAIRS, "[PAR] 03/12/2024 Sở Nội vụ: 1 dòng cần sửa (1 mới)", NHOM),
    ],
    # The old one is a number, the new one is told in full, each at home.
    "4": [
        (CITY, "[PAR] 04/12/2024 Thành phố: 2 dòng cần sửa (1 mới)",
         [BY_AGENCY, "- H29.01 Sở Nội vụ: 1 (0 mới), lâu nhất 2 ngày",
          "- H29.03 Sở Tài chính: 1 (1 mới), lâu nhất 1 ngày"]),
        (HOME_AFFAIRS, "[PAR] 04/12/2024 Sở Nội vụ: 1 dòng cần sửa",
         [STILL, "- nhan_su.csv, BAD_ENUM: 1, lâu nhất 2 ngày"]),
        (FINANCE, "[PAR] 04/12/2024 Sở Tài chính: 1 dòng cần sửa (1 mới)", DATE),
        (FINANCE_TOO, "[PAR] 04/12/2024 Sở Tài chính: 1 dòng cần sửa (1 mới)", DATE),
    ],
    # One repair; the other is open for the third night, so the city is told, once.
    "5": [
        (CITY, "[PAR] 05/12/2024 Thành phố: 1 dòng cần sửa",
         [*instead(NHOM, mới="quá hạn", file="nhan_su.csv [H29.01]:"), BY_AGENCY,
          "- H29.01 Sở Nội vụ: 1 (0 mới, 1 quá hạn), lâu nhất 3 ngày", "ĐÃ SỬA", "- nhan_su.csv: 1"]),
        (HOME_AFFAIRS, "[PAR] 05/12/2024 Sở Nội vụ: 1 dòng cần sửa",
         [STILL, "- nhan_su.csv, BAD_ENUM: 1, lâu nhất 3 ngày"]),
        (FINANCE, "[PAR] 05/12/2024 Sở Tài chính: đã sửa xong 1 lỗi", ["ĐÃ SỬA", "- nhan_su.csv: 1"]),
        (FINANCE_TOO, "[PAR] 05/12/2024 Sở Tài chính: đã sửa xong 1 lỗi", ["ĐÃ SỬA", "- nhan_su.csv: 1"]),
    ],
    # They would arrive on Saturday and Sunday.
    "6": [],
    "7": [],
    # Monday: what came back on Friday, and a source that was late and has delivered meanwhile.
    "8": [
        (CITY, "[PAR] 08/12/2024 Thành phố: 2 dòng cần sửa (1 mới)",
         [*instead(DATE, mới="quá hạn", file="nhan_su.csv [H29.03]:"), BY_AGENCY,
          "- H29.01 Sở Nội vụ: 1 (0 mới, 1 quá hạn), lâu nhất 6 ngày",
          "- H29.03 Sở Tài chính: 1 (1 mới, 1 quá hạn), lâu nhất 3 ngày", "ĐÃ SỬA", "- elearning: 1"]),
        (HOME_AFFAIRS, "[PAR] 08/12/2024 Sở Nội vụ: 1 dòng cần sửa",
         [STILL, "- nhan_su.csv, BAD_ENUM: 1, lâu nhất 6 ngày"]),
        (FINANCE, "[PAR] 08/12/2024 Sở Tài chính: 1 dòng cần sửa (1 mới)", instead(DATE, mới="tái phát")),
        (FINANCE_TOO, "[PAR] 08/12/2024 Sở Tài chính: 1 dòng cần sửa (1 mới)", instead(DATE, mới="tái phát")),
    ],
    # The mail server is down for two nights.
    "9": [],
    "10": [],
    # Both nights' mails, each recipient's in order. Of this night nothing: what is open is waived or only counted.
    "11": [
        (CITY, "[PAR] 09/12/2024 Thành phố: 1 tệp bị từ chối, 2 dòng cần sửa (1 mới)",
         ["BỊ TỪ CHỐI (cả tệp không được nhận)", "- nhan_su.csv (mới), MISSING_COLUMN",
          "Dòng tiêu đề thiếu cột bắt buộc của hợp đồng dữ liệu; hãy giữ nguyên dòng tiêu đề của mẫu và gửi lại đủ"
          " các cột. (thiếu cột: nhom; tệp có 6 dòng)",
          "Tạm dùng bản giao ngày 08/12/2024.", BY_AGENCY,
          "- H29.01 Sở Nội vụ: 1 (0 mới, 1 quá hạn), lâu nhất 7 ngày",
          "- H29.03 Sở Tài chính: 1 (0 mới, 1 quá hạn), lâu nhất 4 ngày",
          "- Chưa rõ đơn vị: 1 (1 mới), lâu nhất 1 ngày"]),
        (HOME_AFFAIRS, "[PAR] 09/12/2024 Sở Nội vụ: 1 dòng cần sửa",
         [STILL, "- nhan_su.csv, BAD_ENUM: 1, lâu nhất 7 ngày"]),
        (FINANCE, "[PAR] 09/12/2024 Sở Tài chính: 1 dòng cần sửa",
         [STILL, "- nhan_su.csv, BAD_DATE: 1, lâu nhất 4 ngày"]),
        (FINANCE_TOO, "[PAR] 09/12/2024 Sở Tài chính: 1 dòng cần sửa",
         [STILL, "- nhan_su.csv, BAD_DATE: 1, lâu nhất 4 ngày"]),
        (CITY, "[PAR] 10/12/2024 Thành phố: đã sửa xong 2 lỗi",
         ["ĐÃ SỬA", "- nhan_su.csv: 2", "Ngoài ra: 1 lỗi được miễn có thời hạn, 0 lỗi chỉ đếm."]),
        (HOME_AFFAIRS, "[PAR] 10/12/2024 Sở Nội vụ: đã sửa xong 1 lỗi", ["ĐÃ SỬA", "- nhan_su.csv: 1"]),
    ],
    "12": [
        (CITY, "[PAR] 12/12/2024 Thành phố: 1 nơi chưa giao dữ liệu (1 mới)",
         [BY_AGENCY, "- H29.03 Sở Tài chính: 1 (1 mới), lâu nhất 1 ngày",
          "Ngoài ra: 1 lỗi được miễn có thời hạn, 1 lỗi chỉ đếm."]),
        (FINANCE, "[PAR] 12/12/2024 Sở Tài chính: 1 nơi chưa giao dữ liệu (1 mới)", SENDER),
        (FINANCE_TOO, "[PAR] 12/12/2024 Sở Tài chính: 1 nơi chưa giao dữ liệu (1 mới)", SENDER),
    ],
    # A night that runs again sends nothing, whatever it finds; the next digest tells what the second run has found.
    "12 as it was": [],
    "12 otherwise": [],
    "13": [],
    "14": [],
    "15": [
        (CITY, "[PAR] 15/12/2024 Thành phố: 2 dòng cần sửa (2 mới)",
         ["BỊ CÁCH LY (từng dòng không được tính)", "- phan_cong_cchc.csv [H29.01]: 2 dòng (quá hạn), BAD_ENUM",
          "Cột linh_vuc phải là một trong: 1, 2, 3, 4, 5, 6.", "Ở đâu: dòng 1, 2.", BY_AGENCY,
          "- H29.01 Sở Nội vụ: 2 (2 mới, 2 quá hạn), lâu nhất 5 ngày", "ĐÃ SỬA", "- danh_gia.csv: 1",
          "Ngoài ra: 1 lỗi được miễn có thời hạn, 0 lỗi chỉ đếm."]),
        (HOME_AFFAIRS, "[PAR] 15/12/2024 Sở Nội vụ: 2 dòng cần sửa (2 mới)",
         ["BỊ CÁCH LY (từng dòng không được tính)",
          "- phan_cong_cchc.csv: 2 dòng (1 mới, 1 nay vướng lỗi khác), BAD_ENUM",
          "Cột linh_vuc phải là một trong: 1, 2, 3, 4, 5, 6.", "Ở đâu: dòng 1, 2."]),
        *((one, "[PAR] 15/12/2024 Sở Tài chính: đã sửa xong 1 lỗi",
           ["ĐÃ SỬA", "- danh_gia.csv: 1", "Ngoài ra: 1 lỗi được miễn có thời hạn, 0 lỗi chỉ đếm."])
          for one in (FINANCE, FINANCE_TOO)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("night", EXPECTED)
def test_each_office_is_told_this_and_nothing_else(fortnight: Script, night: str) -> None:
    assert told(fortnight.told[night]) == EXPECTED[night]


def test_the_chat_gets_the_citys_line_on_the_night_itself(fortnight: Script) -> None:
    titles = {name: [post["title"] for post in posts] for name, posts in fortnight.posts.items()}
    assert titles["3"] == ["[PAR] 03/12/2024 Thành phố: 1 dòng cần sửa (1 mới)"]
    # The mail server is down; the chat is not.
    assert titles["9"] == ["[PAR] 09/12/2024 Thành phố: 1 tệp bị từ chối, 2 dòng cần sửa (1 mới)"]
    assert [name for name, found in titles.items() if found] == ["3", "4", "5", "8", "9", "10", "12", "15"]
    assert set(fortnight.hook.paths) == {"/hook/SECRET-OF-THE-HOOK"}


def test_both_halves_and_both_forms_say_the_same(fortnight: Script) -> None:
    mails = [mail for found in fortnight.told.values() for mail in found]
    assert len(mails) > 20
    for mail in mails:
        vietnamese, english = plain(mail).split("-" * 70)
        page = mail.get_body(("html",)).get_content()
        assert "http" not in page and "<img" not in page and "src=" not in page
        numbers = re.findall(r"\d+", vietnamese)
        assert numbers and sorted(numbers) == sorted(re.findall(r"\d+", english))
        assert "Data of" in english and " | " not in plain(mail)
        for cell in re.findall(r"[A-Z]+_[A-Z]+", vietnamese):
            assert cell in page


ENUM_ROW = ("H29.01", "nhan_su.csv", "3", "BAD_ENUM")
DATE_ROW = ("H29.03", "nhan_su.csv", "5", "BAD_DATE")
FIELD_ROWS = [("H29.01", "phan_cong_cchc.csv", row, "BAD_ENUM") for row in "12"]


def test_the_attached_sheets_hold_exactly_the_open_rows_of_their_reader(fortnight: Script) -> None:
    sheets = {
        name: [(mail["To"], sheet_rows(part)) for mail in found for part in mail.iter_attachments()]
        for name, found in fortnight.told.items()
    }
    both = [(HOME_AFFAIRS, [ENUM_ROW]), (FINANCE, [DATE_ROW]), (FINANCE_TOO, [DATE_ROW])]
    assert {name: found for name, found in sheets.items() if found} == {
        "3": [(HOME_AFFAIRS, [ENUM_ROW])],
        "4": both,
        "5": [(HOME_AFFAIRS, [ENUM_ROW])],
        "8": both,
        # Of the 9th, when the file that has them was refused: they are open still.
        "11": both,
        "15": [(HOME_AFFAIRS, FIELD_ROWS)],
    }
    with_sheet = [mail for found in fortnight.told.values() for mail in found if list(mail.iter_attachments())]
    assert all("Tệp đính kèm liệt kê mọi dòng cần sửa" in plain(mail) for mail in with_sheet)


def test_no_steward_is_told_of_another_agency(fortnight: Script) -> None:
    foreign = {HOME_AFFAIRS: ("H29.03", "Tài chính", "so_tai_chinh"), FINANCE: ("H29.01", "Nội vụ", "so_noi_vu")}
    foreign[FINANCE_TOO] = foreign[FINANCE]
    searched = 0
    for mail in (mail for found in fortnight.told.values() for mail in found if mail["To"] != CITY):
        for part in mail.walk():
            content = part.get_content() if not part.is_multipart() else ""
            text = content if isinstance(content, str) else workbook_text(content)
            assert [word for word in foreign[mail["To"]] if word in text] == []
            searched += 1
    assert searched > 30


def test_nobody_is_named_in_a_message_or_a_waiting_file(fortnight: Script) -> None:
    numbers = set(re.findall(r"013085\d{6}", csv_text(BY_NAME["nhan_su"], city()["nhan_su"])))
    words = [*numbers, *PEOPLE.values(), "Nguyễn Thị Một", "Trần Văn Hai"]
    mails = [mail for found in fortnight.told.values() for mail in found]
    bodies = "".join(plain(mail) + mail["Subject"] for mail in mails)
    sheets = "".join(workbook_text(part.get_content()) for mail in mails for part in mail.iter_attachments())
    files = "".join(path.read_text() for path in fortnight.settings.outbox.glob("*.json"))
    assert len(numbers) == 6 and len(bodies) > 10_000
    # The sheet shows initials, for whoever has to find the person.
    assert "L. T. B." in sheets and "L. T. B." not in bodies
    assert [word for word in words if word in bodies + files + sheets] == []


def test_message_ids_are_unique_and_the_ledger_knows_what_became_of_each(fortnight: Script) -> None:
    mails = [mail for found in fortnight.told.values() for mail in found]
    ids = [mail["Message-ID"] for mail in mails]
    assert len(set(ids)) == len(ids)
    with open_ledger(fortnight.settings) as con:
        outbox.absorb(fortnight.settings, con)
        rows = con.execute(
            "select channel, state, count(*), max(attempts) from ledger.ops.message group by all order by all"
        ).fetchall()
    # Four mails of the 9th were tried on that night, on the next and on the third; two of the 10th twice.
    assert rows == [("chat", "sent", 8, 1), ("mail", "sent", len(mails), 3)]
    assert list(fortnight.settings.outbox.glob("*.json")) == []


def sheet_rows(part: EmailMessage) -> list[tuple[str, str, str, str]]:
    """Agency, file, row and rule of each row of a repair spreadsheet."""
    tables = [list(sheet.iter_rows(values_only=True)) for sheet in workbook(part.get_content())]
    rows = []
    for head, *body in tables:
        if "mã_phát_hiện" in head:
            at = [head.index(name) for name in ("cơ_quan", "tệp", "dòng", "quy_tắc")]
            rows += [tuple(str(row[one]) for one in at) for row in body]
    return rows


def workbook(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def workbook_text(content: bytes) -> str:
    """All cells of a workbook."""
    return "\n".join(str(cell.value) for sheet in workbook(content) for row in sheet.iter_rows() for cell in row)
