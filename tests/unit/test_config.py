"""Configuration: what is right loads; each mistake is named with file, line and what was expected."""

import shutil
import time
from pathlib import Path

import pytest

from par_warehouse.config import ConfigError, Feed, load_configuration
from par_warehouse.contract import TABLES
from par_warehouse.settings import PROJECT_ROOT

SHIPPED = PROJECT_ROOT / "include" / "config"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "config"))


def mistakes(folder: Path, file: str, text: str) -> list[str]:
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_configuration(folder)
    return caught.value.mistakes


def test_the_shipped_configuration_is_the_plain_contract() -> None:
    sources = load_configuration(SHIPPED).sources
    feeds = [feed for source in (sources.hr, sources.elearning) for feed in source.feeds]
    assert [(feed.table, feed.files, feed.dialect) for feed in feeds] == sorted(
        ((table.name, f"{table.name}.csv", "csv") for table in TABLES),
        key=lambda one: [feed.table for feed in feeds].index(one[0]),
    )
    assert not sources.looks_up_persons


ALIAS_HEADER = "ten_goi,ma_don_vi,hieu_luc_tu,hieu_luc_den"
ELEARNING = (SHIPPED / "sources.yml").read_text(encoding="utf-8").split("\n\n")[-1]
HR = """hr:
  feeds:
    - table: don_vi
    - table: nhan_su
      {extra}
    - table: phan_cong_cchc
    - table: danh_gia
    - table: quyet_dinh
    - table: sang_kien
    - table: lop_boi_duong

"""


@pytest.mark.parametrize(
    ("extra", "line", "expected"),
    [
        ("dialct: csv", 5, "hr.feeds.1.dialct: expected no such key; see docs/reference/sources.md"),
        ("dialect: word", 5, "hr.feeds.1.dialect: expected the name of a module in par_warehouse/dialects"),
        ("dates: us", 5, "hr.feeds.1.dates: input should be 'contract', 'day_first' or 'day_first_or_serial'"),
        ("files: ../other/{part}.csv", 5, "hr.feeds.1.files: expected a pattern below the folder"),
        ("options: {encoding: latin1}", 5, "hr.feeds.1.options.encoding: input should be 'utf-8', 'utf-16'"),
        ("options: {encodng: tcvn3}", 5, "hr.feeds.1.options.encodng: expected no such key"),
        ("options: tcvn3", 5, "hr.feeds.1.options: input should be a valid dictionary"),
        ("values: {la_lanh_dao: ticks}", 5, "hr.feeds.1.values.la_lanh_dao: expected a list of values.yml (assignment"),
        ("values: {ton_giao: tick}", 4, "hr.feeds.1: ton_giao is no column of nhan_su"),
        ("absent: [email]", 4, "hr.feeds.1: email is no column of nhan_su"),
        ("persons: matched", 4, "hr.feeds.1: expected persons: matched only where mdl_user is filled"),
        ("pull: moodle_web_service", 4, "hr.feeds.1: expected connection"),
        ("pull: csv", 5, "hr.feeds.1.pull: expected a pull (moodle_web_service, xapi)"),
        ("pull: oracle", 5, "hr.feeds.1.pull: expected a pull (moodle_web_service, xapi)"),
        ("pull: [xapi]", 5, "hr.feeds.1.pull: expected a pull (moodle_web_service, xapi)"),
        ("pull: xapi\n      dialect: csv", 6, "hr.feeds.1.dialect: expected no dialect beside pull: xapi"),
        ("files: '*_*_*_{part}.csv'", 5, "hr.feeds.1.files: expected at most 3 of * and {part} in a name"),
        ("retired: {so_cu: 2025-03-01}", 4, "hr.feeds.1: expected retired only where {part} or * in files"),
        ("files: '{part}.csv'\n      retired: {so_cu: 3/2025}", 6, "hr.feeds.1.retired.so_cu: input should be a valid"),
        ("tables: [don_vi]", 4, "hr.feeds.1: expected either table or tables"),
        ("table: nhan_su", 5, "expected each key once; 'table' is repeated"),
        ("name: don_vi", 2, "hr.feeds: expected each feed to have its own name; 'don_vi' is not"),
        ("name: Nhân Sự", 5, "hr.feeds.1.name: string should match pattern"),
        ("options: !include ../secret.yml", 5, "expected the name of a .yml file in the configuration folder"),
        ("options: !include gone.yml", None, "gone.yml: expected this file in the configuration folder"),
        ("options: !!python/object:os.system {}", 5, "expected a plain value, found the tag"),
        ("options: !!int x", 5, "expected a value of the type"),
        ("options: [", 6, "expected valid YAML"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_feed_is_named_with_its_line(folder: Path, extra: str, line: int | None, expected: str) -> None:
    (found, *_) = mistakes(folder, "sources.yml", HR.replace("{extra}", extra) + ELEARNING)
    assert expected in found
    if line is not None:
        assert found.startswith(f"sources.yml:{line}: ")


@pytest.mark.parametrize(
    ("pattern", "name", "part"),
    [
        ("{part}/*.csv", "so_y_te/thang 12.csv", "so_y_te"),
        ("{part}/*.csv", "so_y_te/cu/thang 12.csv", None),
        ("*_{part}_*.csv", "a_b_c_d.csv", "c"),
        ("*/*/{part}", "a/b/c.csv", "c.csv"),
        ("nhan_su.*.csv", "nhan_suX1.csv", None),
        ("nhan_su.csv", "NHAN_SU.CSV", ""),
        ("Sở Y tế/*.csv", "SỞ Y TẾ/Tháng 12.CSV", "sở y tế/tháng 12.csv"),
        ("{part}/*.csv", "Sơ\u0309_Y_Te/thang 12.csv", "sở_y_te"),
    ],
)
def test_a_pattern_names_the_sender(pattern: str, name: str, part: str | None) -> None:
    assert Feed(table="nhan_su", files=pattern).sender(name) == part


def test_a_name_that_does_not_match_is_found_out_fast() -> None:
    name = "/".join(["_" * 200] * 6)
    feeds = [Feed(table="nhan_su", files="/".join([one] * 6)) for one in ("*_*_*x", "*_*x_*", "***")]
    started = time.process_time()
    assert [feed.sender(f"{name}!") is not None for feed in feeds] == [False, False, True]
    assert time.process_time() - started < 2


def test_a_mistake_in_an_included_file_is_named_there(folder: Path) -> None:
    (folder / "mine.yml").write_text("# options\nencoding: utf-8\ndelimiter: x\n")
    (found,) = mistakes(folder, "sources.yml", HR.replace("{extra}", "options: !include mine.yml") + ELEARNING)
    assert found.startswith("mine.yml:3: hr.feeds.1.options.delimiter: ")


def test_every_table_needs_a_feed_of_its_own_source(folder: Path) -> None:
    without = (SHIPPED / "sources.yml").read_text(encoding="utf-8").replace("    - table: danh_gia\n", "")
    (found,) = mistakes(folder, "sources.yml", without)
    assert "expected a feed of hr for every contract table; none fills danh_gia" in found
    foreign = without.replace(
        "    - table: sang_kien\n", "    - table: sang_kien\n    - table: danh_gia\n    - table: mdl_user\n"
    )
    (found,) = mistakes(folder, "sources.yml", foreign)
    assert "mdl_user is not a table of hr" in found


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("headings.yml", "nhan_su:\n  ho_ten: [Họ tên]\n  ten: [Tên]\n", "headings.yml:1: ten is no column of nhan_su"),
        ("headings.yml", "nhan_su:\n  ho_ten: [Tên]\n  chuc_vu: [TÊN]\n", "stands for ho_ten and for chuc_vu"),
        ("values.yml", "tick:\n  x: [Có]\n  '': [có]\n", "values.yml:1: tick: a spelling stands for two values"),
        ("values.yml", "tick:\n  x: Có\n", "values.yml:2: tick.x: input should be a valid tuple"),
        ("forbidden_columns.yml", "", "forbidden_columns.yml: expected content, found an empty file"),
        ("recipients.yml", "city:\n  mail: [nobody]\n", "recipients.yml:2: city.mail.0: expected one mail address"),
        ("recipients.yml", "city:\n  mails: []\n", "recipients.yml:2: city.mails: expected no such key"),
        ("recipients.yml", "agencies:\n  city: {}\n", "recipients.yml:1: expected codes of units in agencies"),
        ("recipients.yml", "agencies:\n  H29.01: {senders: [x]}\n  H29.02: {senders: [x]}\n",
         "recipients.yml:1: expected each sender at one agency; 'x' is at H29.01 and H29.02"),
        ("recipients.yml", "severities:\n  BAD_DATES: first\n", "expected rule codes in severities (BAD_DATE, "),
        ("recipients.yml", "severities:\n  BAD_DATE: top\n", "recipients.yml:2: severities.BAD_DATE: input should be"),
        ("recipients.yml", "quiet:\n  weekdays: [sun]\n", "recipients.yml:2: quiet.weekdays.0: input should be"),
        ("recipients.yml", "quiet:\n  dates: [tomorrow]\n", "recipients.yml:2: quiet.dates.0: input should be a valid"),
        ("recipients.yml", "escalation:\n  after_nights: 0\n", "recipients.yml:2: escalation.after_nights: input"),
        ("recipients.yml", "city: {chat: [json://x/secret]}\n", "recipients.yml:1: city.chat.0: string should match"),
        ("unit_aliases.csv", f"{ALIAS_HEADER}\nSở X,H29.01,2024-13-01,\n", "unit_aliases.csv:2: "),
    ],
)  # fmt: skip
def test_mistakes_in_the_other_files(folder: Path, file: str, text: str, expected: str) -> None:
    assert any(expected in found for found in mistakes(folder, file, text))


def test_nobody_is_told_as_shipped_or_without_the_file(folder: Path) -> None:
    assert load_configuration(SHIPPED).recipients.offices == {}
    (folder / "recipients.yml").unlink()
    assert load_configuration(folder).recipients.offices == {}


def test_all_mistakes_are_named_at_once(folder: Path) -> None:
    (folder / "values.yml").write_text("tick: 1\n")
    found = mistakes(folder, "sources.yml", HR.replace("{extra}", "dates: us") + ELEARNING)
    assert len(found) == 2


def test_a_file_that_is_no_text_is_a_sentence(folder: Path) -> None:
    (folder / "sources.yml").write_bytes(b"\xff\xfe\x00h")
    with pytest.raises(ConfigError, match=r"sources.yml: expected a text file in UTF-8"):
        load_configuration(folder)
