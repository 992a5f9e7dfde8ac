"""The commands people type, through the real DAG: what they print, what they leave, and how they end."""

import os
import re
import subprocess
from pathlib import Path

import duckdb
import pytest

from par_warehouse.run_lock import run_lock
from par_warehouse.settings import PROJECT_ROOT, Settings
from tests.configurations import with_feeds
from tests.oracle.compare import compare_publication
from tests.oracle.oracle import compute
from tests.small_world import NIGHT, clean_world, deliver, settings_for

PAR = PROJECT_ROOT / ".venv" / "bin" / "par"
SECRET = "command line"


# Of no use anywhere but here.
LANDING_KEY = "AGE-SECRET-KEY-1AZSKW00YLJZY5R7R3FS5HLAX85XUHYMXYJ9SDGWNZXJ0ZQQMKZKQHHR4HF"


def par(
    settings: Settings | None, *arguments: str, data_dir: Path | None = None, extra: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PAR_", "AIRFLOW"))}
    environment |= {"PAR_PERSON_KEY_SECRET": SECRET, "COLUMNS": "160", "PAR_DATA_DIR": str(data_dir)}
    environment["PAR_LANDING_KEY"] = LANDING_KEY
    if settings:
        environment |= {
            "PAR_DATA_DIR": str(settings.data_dir),
            "PAR_HR_URI": settings.hr_uri,
            "PAR_ELEARNING_URI": settings.elearning_uri,
        }
    environment |= extra or {}
    return subprocess.run([str(PAR), *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A backfill of the three demo nights; its data folder and what it printed."""
    data_dir = tmp_path_factory.mktemp("demo")
    done = par(None, "backfill", "--from", "2024-12-29", "--to", "2024-12-31", data_dir=data_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    return data_dir, done.stdout


def test_the_demo_nights_equal_the_oracle(demo: tuple[Path, str]) -> None:
    data_dir, _ = demo
    exports = data_dir / "landing" / "demo-exports"
    days = [NIGHT.replace(day=day) for day in (29, 30, 31)]
    outcome = compute(exports / "hr", exports / "elearning", days, SECRET)[-1]
    assert compare_publication(data_dir / "warehouse" / "current.duckdb", outcome.publication) == []


def test_says_what_it_does_and_shows_the_indicators(demo: tuple[Path, str]) -> None:
    text = demo[1]
    assert "writing demo exports" in text
    for line in ("Night of 2024-12-29", "hr: landed 2024-12-29", "14 files accepted, 0 rejected", "audits held"):
        assert line in text
    assert re.search(r"I1 .*> 90 % by 2024-12-31.*(✓ met|✗ missed)", text)


def test_shows_the_quality_of_the_data_on_the_terminal_and_on_a_page(demo: tuple[Path, str]) -> None:
    data_dir, _ = demo
    told = par(None, "quality", data_dir=data_dir).stdout
    with duckdb.connect(str(data_dir / "warehouse" / "current.duckdb"), read_only=True) as con:
        row = con.execute(
            "select count(*) filter (state = 'open'), any_value(finding_key) filter (state = 'open') from ops.finding"
        ).fetchone()
        assert row is not None
        assert con.execute("select count(*) from ops.quarantine_row where finding_key is null").fetchone() == (0,)
    assert f"Findings: {row[0]:,} open" in told and "H29.01" in told
    page = (data_dir / "reports" / "quality" / "index.html").read_text("utf-8")
    assert "nhan_su.csv" in page and "Sở Nội vụ" in page and f"<b>{row[0]:,}</b>đang mở" in page
    assert not re.search(r"(src|href)=[\"']?https?:|<script", page)
    assert row[1] in par(None, "show", "findings", "--limit", "500", data_dir=data_dir).stdout.replace("\n", "")
    no = par(None, "show", "findings", "--state", "gone", data_dir=data_dir)
    assert no.returncode == 1 and "Choose open, waived, repaired or all" in no.stdout


def test_shows_loads_quarantine_and_units(demo: tuple[Path, str]) -> None:
    data_dir, _ = demo
    assert "nhan_su.csv" in par(None, "show", "loads", "--date", "2024-12-30", data_dir=data_dir).stdout
    quarantine = par(None, "show", "quarantine", "--limit", "5", data_dir=data_dir).stdout
    assert "the first 5" in quarantine
    assert "H29.01" in par(None, "show", "indicators", "--unit", "H29.01", data_dir=data_dir).stdout
    unknown = par(None, "show", "indicators", "--unit", "H29.none", data_dir=data_dir)
    assert unknown.returncode == 1 and "Unit H29.none has no indicators on 2024-12-31" in unknown.stdout


def test_nobody_is_named_outside_landing_and_vault(demo: tuple[Path, str]) -> None:
    data_dir, text = demo
    with duckdb.connect(str(data_dir / "vault" / "identity.duckdb"), read_only=True) as con:
        numbers = {row[0] for row in con.execute("select so_dinh_danh from person").fetchall()}
        names = {
            row[0].encode() for row in con.execute("select ho_ten from person where ho_ten is not null").fetchall()
        }
    assert len(numbers) > 1000
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    public = [path for path in files if path.relative_to(data_dir).parts[0] not in ("landing", "vault")]
    assert {path.relative_to(data_dir).parts[0] for path in public} >= {
        "airflow",
        "ledger",
        "logs",
        "reports",
        "warehouse",
    }
    for path in public:
        content = path.read_bytes()
        found = {number.decode() for number in re.findall(rb"(?<![0-9a-f])013[0-9]{9}(?![0-9a-f])", content)}
        assert not found & numbers, path.relative_to(data_dir)
        if path.suffix in (".log", ".html", ".json", ".db"):
            assert not any(name in content for name in names), path.relative_to(data_dir)
    assert not set(re.findall(r"013[0-9]{9}", text)) & numbers


def test_rolls_back_and_says_which_dates_are_gone(demo: tuple[Path, str]) -> None:
    data_dir, _ = demo
    done = par(None, "rollback", data_dir=data_dir)
    assert done.returncode == 0
    assert "does not hold 2024-12-31" in done.stdout
    again = par(None, "nightly", "--date", "2024-12-31", data_dir=data_dir)
    assert again.returncode == 0, again.stdout


def test_a_failed_night_ends_with_one_sentence(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    deliver(tmp_path, clean_world(), replace={"don_vi": None})
    done = par(settings, "nightly")
    assert done.returncode == 1
    assert "nothing was ever accepted for don_vi.csv" in done.stdout
    loads = par(settings, "show", "loads").stdout
    assert "Loads of 2024-12-31" in loads and "missing" in loads
    assert done.stdout.rstrip().splitlines()[-1].startswith("Not done: 2024-12-31 not published")
    assert "Traceback" not in done.stdout + done.stderr
    assert not settings.current.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nightly",), "No delivery found"),
        (("backfill", "--from", "2024-12-31", "--to", "2024-12-30"), "FROM (2024-12-31) is after TO"),
        (("backfill", "--from", "2020-01-01", "--to", "2020-01-02"), "Nothing was delivered from 2020-01-01"),
        (("show", "loads"), "Nothing is published yet"),
        (("rollback",), "Nothing is published yet"),
        (("demo-exports", "--size", "huge"), "There is no size 'huge'"),
        (("demo-exports", "--staff", "804"), "give --staff a number from there to 800,000, not 804"),
        (("demo-exports", "--staff", "800001"), "The size demo has 805 people with a part to play"),
    ],
)
def test_mistakes_are_answered_in_one_sentence(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    done = par(settings_for(tmp_path), *arguments)
    assert done.returncode == 1
    assert done.stdout.startswith("Not done: ") and sentence in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(("variable", "value"), [("PAR_THREADS", "many"), ("PAR_MEMORY_LIMIT", "lots")])
def test_a_setting_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    done = par(settings_for(tmp_path), "nightly", extra={variable: value})
    assert done.returncode == 1
    assert done.stdout.startswith(f"Not done: {variable} is '{value}'; it must be")


def test_a_second_run_at_once_is_refused(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with run_lock(settings):
        done = par(settings, "nightly")
    assert done.returncode == 1
    assert "Another run is writing this data folder" in done.stdout


def test_a_mistake_in_the_configuration_is_named_by_the_command_and_by_the_night(tmp_path: Path) -> None:
    settings = with_feeds(settings_for(tmp_path), danh_gia={"dates": "us"})
    extra = {"PAR_CONFIG_DIR": str(settings.config_dir)}
    line = (settings.config_dir / "sources.yml").read_text().splitlines().index("    dates: us") + 1
    mistake = f"sources.yml:{line}: hr.feeds.6.dates: input should be 'contract', 'day_first' or 'day_first_or_serial'"
    for command in (("check-config",), ("nightly", "--date", "2024-12-31")):
        done = par(settings, *command, extra=extra)
        assert done.returncode == 1 and mistake in done.stdout
    right = par(settings_for(tmp_path), "check-config")
    assert right.returncode == 0 and "hr 7 feeds, elearning 7 feeds" in right.stdout


def test_the_parts_and_the_bytes_of_a_delivery_can_be_looked_at(demo: tuple[Path, str], tmp_path: Path) -> None:
    data_dir, _ = demo
    parts = par(None, "show", "parts", data_dir=data_dir)
    assert parts.returncode == 0 and "Delivered parts of 2024-12-31" in parts.stdout and "danh_gia.csv" in parts.stdout
    copy = tmp_path / "don_vi.csv"
    unsealed = par(None, "unseal", "hr", "2024-12-31", "don_vi.csv", "--into", str(copy), data_dir=data_dir)
    original = data_dir / "landing" / "demo-exports" / "hr" / "2024-12-31" / "don_vi.csv"
    assert unsealed.returncode == 0 and copy.read_bytes() == original.read_bytes()
    assert "look at the delivered file don_vi.csv of hr" in (data_dir / "vault" / "reads.jsonl").read_text()
