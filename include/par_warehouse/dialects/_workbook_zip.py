"""The zip archive that an .xlsx or .ods file is: opened within limits, every XML part free of DTDs and entities."""

import re
import zipfile
import zlib
from io import BytesIO
from struct import error as StructError
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._workbook_facts import damaged, has_password

MAX_ENTRIES = 2_000
MAX_INFLATED = 256 << 20
MAX_RATIO = 200
"""Bytes that one compressed byte may become, in a part of more than a MiB."""

_CHUNK = 1 << 18
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    StructError,
    ParseError,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


class Archive:
    """The parts of a workbook by name. Every method raises UnreadableFile for a part damaged or beyond the limits."""

    def __init__(self, content: bytes) -> None:
        self._zip = _opened(content)
        self._parts = {part.filename.lower(): part for part in self._zip.infolist()}
        if len(self._parts) < len(self._zip.infolist()):
            raise damaged()  # of two parts with one name each reader takes another
        if any(part.flag_bits & 1 for part in self._parts.values()):
            raise has_password()

    def check(self) -> None:
        """Unpack every part once: none may be damaged, all together must keep the limits."""
        inflated = 0
        for name, part in self._parts.items():
            inflated += self._inflate(part, _Nothing() if re.search(r"\.(xml|rels)$", name) else None, inflated)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    def has_below(self, *folders: str) -> bool:
        """Whether there is any part in one of these folders."""
        return any(name.startswith(folders) and not name.endswith("/") for name in self._parts)

    def start(self, name: str) -> bytes:
        """The first bytes of a part, none when there is no such part."""
        if name not in self:
            return b""
        try:
            with self._zip.open(self._parts[name.lower()]) as stream:
                return stream.read(100)
        except _BROKEN:
            raise damaged() from None

    def parse(self, name: str, target: object) -> None:
        """Feed an XML part to a parser target (``start``, ``end``, ``data``)."""
        part = self._parts.get(name.lower())
        if part is None:
            raise damaged()
        self._inflate(part, target, 0)

    def _inflate(self, part: zipfile.ZipInfo, target: object | None, before: int) -> int:
        """Unpack a part, handing it to the target, and return its true size."""
        parser: Any = None if target is None else DefusedXMLParser(target=target, forbid_dtd=True)
        part.file_size = MAX_INFLATED + 1  # the stated size is not believed: unpack until the data ends
        size = 0
        try:
            with self._zip.open(part) as stream:
                while chunk := stream.read(_CHUNK):
                    size += len(chunk)
                    if before + size > MAX_INFLATED or (size > 1 << 20 and size > MAX_RATIO * part.compress_size):
                        raise _swells()
                    if parser is not None:
                        parser.feed(chunk)
            if parser is not None:
                parser.close()
        except DefusedXmlException:
            raise UnreadableFile(
                "Tệp có khai báo DTD hoặc thực thể XML, là thứ sổ tính không bao giờ cần. Tạo lại tệp bằng Excel rồi"
                " gửi lại.",
                "The file declares a DTD or XML entities, which no workbook needs. Make it again in Excel and send it.",
            ) from None
        except _BROKEN:
            raise damaged() from None
        return size


def _opened(content: bytes) -> zipfile.ZipFile:
    if content.count(b"PK\x01\x02") > MAX_ENTRIES:  # counted before a list of them is made
        raise _swells()
    try:
        return zipfile.ZipFile(BytesIO(content))
    except _BROKEN:
        raise damaged() from None


class _Nothing:
    """A target that only lets the parser check the part."""


def _swells() -> UnreadableFile:
    return UnreadableFile(
        f"Tệp khi giải nén quá lớn (hơn {MAX_INFLATED >> 20} MB) hoặc có quá nhiều thành phần. Chép riêng danh sách"
        " sang tệp mới rồi gửi lại.",
        f"Unpacked, the file is too large (over {MAX_INFLATED >> 20} MB) or has too many parts. Copy the list alone to"
        " a new file and send that.",
    )
