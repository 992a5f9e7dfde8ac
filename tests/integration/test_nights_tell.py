"""Whole nights by the command, through the real DAG: no mail server can stop one, and a failed one alerts."""

import os
import subprocess
from email.message import EmailMessage
from pathlib import Path

import duckdb
import pytest

from par_warehouse.settings import PROJECT_ROOT, Settings
from tests.configurations import with_feeds
from tests.receivers import MailServer, Webhook
from tests.small_world import NIGHT, clean_world, deliver, settings_for

PAR = PROJECT_ROOT / ".venv" / "bin" / "par"
CITY, STEWARD = "quantri@par.example.vn", "thongke@sonoivu.example.vn"
EARLIER = NIGHT.replace(day=30)


class Office:
    """A data folder with recipients, a mail server and a chat."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "home").mkdir()
        self.settings: Settings = with_feeds(settings_for(base))
        (self.settings.config_dir / "recipients.yml").write_text(
            f"city: {{mail: [{CITY}], chat: [phong]}}\nagencies:\n  H29.01: {{mail: [{STEWARD}]}}\n"
        )
        self.mails, self.hook = MailServer(), Webhook()
        self.hook.start()

    def par(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PAR_", "AIRFLOW"))}
        environment |= {
            "COLUMNS": "200",
            "PAR_DATA_DIR": str(self.settings.data_dir),
            "PAR_CONFIG_DIR": str(self.settings.config_dir),
            "PAR_HR_URI": self.settings.hr_uri,
            "PAR_ELEARNING_URI": self.settings.elearning_uri,
            "PAR_CHAT_URLS": f"phong={self.hook.url}",
            "AIRFLOW_CONN_PAR_SMTP": self.mails.connection(),
            "HOME": str(self.base / "home"),
        }
        return subprocess.run([str(PAR), *arguments], env=environment, capture_output=True, text=True, check=False)

    def written(self) -> str:
        """Everything that the runs have logged."""
        return "".join(path.read_text(errors="replace") for path in self.settings.logs.rglob("*") if path.is_file())


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def plain(mail: EmailMessage) -> str:
    return str(mail.get_body(("plain",)).get_content())


def test_nights_tell_and_a_mail_server_that_is_down_only_delays(office: Office) -> None:
    world = clean_world()
    world["nhan_su"][0]["nhom"] = "CONGCHUC"
    office.mails.start()
    deliver(office.base, world, EARLIER)
    done = office.par("nightly", "--date", str(EARLIER))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 messages queued for 2 of 2 offices" in done.stdout and "messages: 3 sent" in done.stdout
    assert [(mail["To"], mail["Subject"]) for mail in office.mails.take()] == [
        (CITY, "[PAR] 30/12/2024 Thành phố: 1 dòng cần sửa (1 mới)"),
        (STEWARD, "[PAR] 30/12/2024 Sở Nội vụ: 1 dòng cần sửa (1 mới)"),
    ]
    office.mails.stop()
    deliver(office.base, world)
    done = office.par("nightly", "--date", str(NIGHT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The mail server of par_smtp cannot be reached (ConnectionRefusedError). 2 messages wait" in done.stdout
    with duckdb.connect(str(office.settings.current), read_only=True) as con:
        days = con.execute("select count(distinct as_of_date) from marts.fct_indicator_daily").fetchone()
        published = con.execute(
            "select data_date, channel, kind, scope, state, attempts from ops.message order by all"
        ).fetchall()
    assert days == (2,)
    # As of the build, which comes before the messages of its own night.
    assert published == [
        (EARLIER, "chat", "digest", "city", "queued", 0),
        (EARLIER, "mail", "digest", "H29.01", "queued", 0),
        (EARLIER, "mail", "digest", "city", "queued", 0),
    ]
    office.mails.start()
    done = office.par("send")
    assert done.returncode == 0 and "messages: 2 sent" in done.stdout, done.stdout + done.stderr
    assert [mail["Subject"] for mail in office.mails.take()] == [
        "[PAR] 31/12/2024 Thành phố: 1 dòng cần sửa", "[PAR] 31/12/2024 Sở Nội vụ: 1 dòng cần sửa",
    ]  # fmt: skip
    assert "nothing waits to be sent" in office.par("send").stdout
    assert list((office.base / "home").iterdir()) == [], "Airflow's home is below the data folder"
    office.mails.stop()
    assert [post["title"] for post in office.hook.posts] == [
        "[PAR] 30/12/2024 Thành phố: 1 dòng cần sửa (1 mới)", "[PAR] 31/12/2024 Thành phố: 1 dòng cần sửa",
    ]  # fmt: skip
    assert "SECRET-OF-THE-HOOK" not in office.written() + done.stdout


def test_a_failed_night_alerts_the_city_once_with_what_to_do(office: Office) -> None:
    office.mails.start()
    deliver(office.base, clean_world(), replace={"danh_gia": None})
    done = office.par("nightly", "--date", str(NIGHT))
    assert done.returncode == 1
    mails = office.mails.take()
    office.mails.stop()
    assert [(mail["To"], mail["Subject"]) for mail in mails] == [(CITY, "[PAR] 31/12/2024: chưa công bố được số liệu")]
    text = plain(mails[0])
    assert "bị lỗi tại bước warehouse.validate. Số liệu đã công bố được giữ nguyên." in text
    assert "nothing was ever accepted for danh_gia.csv up to that date. Ask the source to deliver again" in text
    assert "make nightly DATE=2024-12-31" in text and "Traceback" not in text
    assert [post["title"] for post in office.hook.posts] == ["[PAR] 31/12/2024: chưa công bố được số liệu"]
