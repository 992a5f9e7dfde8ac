"""What a delivered file really is, by its content; its name only has to agree."""

import re
from pathlib import PurePosixPath
from typing import Literal

from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._workbook_facts import has_password, too_old
from par_warehouse.dialects._workbook_xls import Container
from par_warehouse.dialects._workbook_zip import Archive

Kind = Literal["xlsx", "xls", "ods"]

_KINDS: dict[Kind, tuple[str, str]] = {
    "xlsx": ("sổ tính Excel (.xlsx)", "an Excel workbook (.xlsx)"),
    "xls": ("sổ tính Excel 97-2003 (.xls)", "an Excel 97-2003 workbook (.xls)"),
    "ods": ("sổ tính OpenDocument (.ods)", "an OpenDocument spreadsheet (.ods)"),
}
_OTHER_ZIPS = {
    "xl/workbook.bin": ("sổ tính Excel nhị phân (.xlsb)", "a binary Excel workbook (.xlsb)"),
    "word/document.xml": ("văn bản Word (.docx)", "a Word document (.docx)"),
    "ppt/presentation.xml": ("bài trình chiếu PowerPoint (.pptx)", "a PowerPoint presentation (.pptx)"),
}
_OTHER_CONTAINERS = {
    "WordDocument": ("văn bản Word (.doc)", "a Word document (.doc)"),
    "PowerPoint Document": ("bài trình chiếu PowerPoint (.ppt)", "a PowerPoint presentation (.ppt)"),
}
_OTHER_STARTS = {
    rb"%PDF": ("tệp PDF", "a PDF"),
    rb"\{\\rtf": ("văn bản RTF", "an RTF document"),
    rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\x00|MM\x00\*": ("tệp ảnh", "an image"),
    rb"Rar!|7z\xbc\xaf|\x1f\x8b": ("tệp nén", "a compressed archive"),
    rb"(?i)mime-version:": ("trang web lưu trữ (.mht)", "a web archive (.mht)"),
    rb"(?is)<\?xml.{0,2000}schemas-microsoft-com:office:spreadsheet": (
        "bảng tính XML 2003",
        "an XML Spreadsheet 2003",
    ),
    rb"(?is)(<\?xml[^>]*>|<!--.{0,500}?-->|\s)*<(!doctype\s+html|html|head|meta|body|table|style|div)": (
        "trang web HTML",
        "a web page (HTML)",
    ),
    rb"<": ("tệp XML", "an XML file"),
}


def kind_of(name: str, content: bytes) -> Kind:
    """The format of a workbook. Raises UnreadableFile when it is none, or when its name says another one."""
    kind = _kind(content)
    if PurePosixPath(name).suffix.lower() == f".{kind}":
        return kind
    vi, en = _KINDS[kind]
    raise UnreadableFile(
        f"Nội dung tệp là {vi} nhưng đuôi tên tệp ghi khác. Kiểm tra có đúng tệp cần gửi không, đổi đuôi tên thành"
        f" .{kind} rồi gửi lại.",
        f"The content is {en} but the name of the file says otherwise. Check that it is the file you mean, give its"
        f" name the ending .{kind} and send it again.",
    )


def _kind(content: bytes) -> Kind:
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(content)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _container_kind(content)
    if re.match(rb"\x09[\x00\x02\x04\x08]", content):
        raise too_old()
    start = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, names in _OTHER_STARTS.items():
        if re.match(pattern, start):
            raise _other(*names)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" not in content:
        raise _other("tệp văn bản (CSV)", "a text file (CSV)")
    raise _other("tệp thuộc loại không nhận ra được", "of a kind that is not recognised")


def _zip_kind(content: bytes) -> Kind:
    archive = Archive(content)
    if "xl/workbook.xml" in archive:
        return "xlsx"
    if archive.start("mimetype") == b"application/vnd.oasis.opendocument.spreadsheet":
        return "ods"
    for name, described in _OTHER_ZIPS.items():
        if name in archive:
            raise _other(*described)
    raise _other("tệp nén (.zip)", "a zip archive")


def _container_kind(content: bytes) -> Kind:
    names = Container(content).names
    if "EncryptedPackage" in names:
        raise has_password()
    if "Workbook" in names:
        return "xls"
    if "Book" in names:
        raise too_old()
    for name, described in _OTHER_CONTAINERS.items():
        if name in names:
            raise _other(*described)
    raise _other("tệp thuộc loại không nhận ra được", "of a kind that is not recognised")


def _other(vi: str, en: str) -> UnreadableFile:
    return UnreadableFile(
        f"Tệp này thực ra là {vi}, không phải sổ tính .xlsx, .xls hay .ods. Mở danh sách bằng Excel, chọn File > Save"
        " As > Excel Workbook (.xlsx) rồi gửi lại.",
        f"This file is really {en}, not a workbook .xlsx, .xls or .ods. Open the list in Excel, choose File > Save As >"
        " Excel Workbook (.xlsx) and send that.",
    )
