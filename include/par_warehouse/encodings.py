"""Encodings: delivered text as UTF-8, and a check that the encoding declared for it is the one it is written in.

Three encodings from before Unicode are still in use. Windows-1258 writes a tone as a mark after its letter; TCVN3
(fonts ``.VnTime``) has one byte per toned letter and leaves their capitals to another font, so that case is lost; VNI
writes the marks of a letter as a second letter (``caùc`` is ``các``). Nothing in a file says which it is. So it is
declared per feed, and checked: read in a wrong encoding, most words are no Vietnamese syllables.
"""

import codecs
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from encodings import cp1252, cp1258
from typing import BinaryIO

from par_warehouse.dialects import DeliveredFile, UnreadableFile
from par_warehouse.syllables import LETTERS, accented_words, is_syllable

_SHOWN = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "windows-1258": "Windows-1258",
    "tcvn3": "TCVN3 (ABC)",
    "vni": "VNI-Windows",
}
ENCODINGS = tuple(_SHOWN)
"""The names that a configuration may use; ``utf-8`` with or without byte order mark, ``utf-16`` only with one."""

BLOCK_BYTES = 1 << 20
SAMPLE_BYTES = 1 << 18
LONGEST_WORD = 1 << 18
"""Text has no longer run of characters outside ASCII."""

FEWEST_STRANGE_WORDS = 3
STRANGE_SHARE = 0.5
"""A sample is refused when it has so many strange words, and they are more than this share of all that count."""


def as_utf8(file: DeliveredFile, encoding: str) -> BinaryIO:
    """The file as a stream of UTF-8 without byte order mark, to be closed; it holds a few megabytes at a time.

    UTF-8 is passed on as it is, unchecked: whoever reads it checks it. Text in any other encoding is normalised to NFC,
    and reading it raises UnreadableFile at bytes without meaning in the encoding and at a NUL.
    """
    stream = file.open()
    if encoding != "utf-8":
        return io.BufferedReader(_Encoded(stream, _texts(stream, encoding)), BLOCK_BYTES)
    if stream.read(3) != codecs.BOM_UTF8:
        stream.close()
        stream = file.open()
    return stream


def verify(file: DeliveredFile, encoding: str) -> None:
    """Check the beginning of a file against its declared encoding. Raises UnreadableFile with the best guess.

    UTF-8 and UTF-16 prove themselves, however foreign their words are: there only text that was encoded twice is
    refused. In the others, words with letters outside ASCII are counted, each once.
    """
    with file.open() as stream:
        raw = stream.read(SAMPLE_BYTES)
    text = _sample(raw, encoding)
    if text is None or (_is_encoded_twice(text) if _proves_itself(encoding) else _is_strange(text)):
        guess_vi, guess_en = _guess(raw, encoding)
        shown = _SHOWN[encoding]
        raise UnreadableFile(
            f"tệp được khai báo là {shown} nhưng {guess_vi}", f"the file is declared to be {shown}, but {guess_en}"
        )


def encoding_of_fonts(text: str) -> str | None:
    """The encoding from before Unicode whose fonts show this text as Vietnamese; None for text in Unicode.

    Typed with such fonts, it holds the letters that Windows has for the bytes of the encoding: of ``Nguyễn`` in TCVN3
    ``NguyÔn``.
    """
    tokens = {token for token in _TOKEN.findall(text) if not token.isascii()}
    strange = [token for token in tokens if not is_syllable(token.lower())]
    meant = {encoding: sum(_shows_syllable(token, encoding) for token in strange) for encoding in ("tcvn3", "vni")}
    best = max(meant, key=meant.__getitem__)
    return _SHOWN[best] if meant[best] >= FEWEST_STRANGE_WORDS and meant[best] > STRANGE_SHARE * len(strange) else None


def _shows_syllable(token: str, encoding: str) -> bool:
    try:
        return is_syllable("".join(_texts(io.BytesIO(token.encode("cp1252")), encoding)).lower())
    except (UnicodeError, UnreadableFile):
        return False


class _Encoded(io.RawIOBase):
    """Texts as a stream of UTF-8."""

    def __init__(self, source: BinaryIO, texts: Iterator[str]) -> None:
        self._source = source
        self._texts = texts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]  # any buffer; BufferedReader's is this
        while not self._rest:
            text = next(self._texts, None)
            if text is None:
                return 0
            self._rest = memoryview(text.encode())
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        self._source.close()
        super().close()


def _texts(stream: BinaryIO, encoding: str, is_whole: bool = True) -> Iterator[str]:
    """The decoded text in pieces, each ending before a character of ASCII, so that none ends within a letter."""
    held = ""
    try:
        decode = _decoder(stream, encoding)
        while block := stream.read(BLOCK_BYTES):
            held += decode(block, False)
            end = len(held) - 1
            while end > 0 and not held[end].isascii():
                end -= 1
            if len(held) - end > LONGEST_WORD:
                raise UnicodeError
            if end > 0:
                yield _composed(held[:end], encoding)
                held = held[end:]
        yield _composed(held + decode(b"", is_whole), encoding)
    except UnicodeError:
        shown = _SHOWN[encoding]
        raise UnreadableFile(
            f"tệp có chỗ không đọc được theo mã {shown}; hãy lưu lại thành CSV UTF-8",
            f"the file has bytes that mean nothing in {shown}; save it as CSV UTF-8",
        ) from None


def _decoder(stream: BinaryIO, encoding: str) -> Callable[[bytes, bool], str]:
    """Turns blocks into text, the last one with True. It takes the byte order mark off. Raises UnicodeError."""
    if encoding in _TABLES:
        table = _TABLES[encoding]
        return lambda block, _: codecs.charmap_decode(block, "strict", table)[0]  # type: ignore[arg-type]
    if encoding == "utf-8":
        return codecs.getincrementaldecoder("utf-8-sig")().decode
    mark = stream.read(2)
    if mark not in _UTF16_MARKS:
        raise UnicodeError
    return codecs.getincrementaldecoder(_UTF16_MARKS[mark])().decode


def _composed(text: str, encoding: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    if "\0" in composed or (encoding == "vni" and _NOT_VNI.search(composed)):
        raise UnicodeError
    return composed


_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How .xlsx and .ods begin, as all zip archives do, and .xls."""
_UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def _tcvn3_table() -> str:
    """Runs of letters by their first byte; below them, punctuation as Windows has it."""
    runs = {
        0xA1: "ĂÂÊÔƠƯĐăâêôơưđ", 0xB5: "àảãáạ", 0xBB: "ằẳẵắ", 0xC6: "ặầẩẫấậè", 0xCE: "ẻẽéẹềểễếệìỉ", 0xDC: "ĩíịò",
        0xE1: "ỏõóọồổỗốộờởỡớợù", 0xF1: "ủũúụừửữứựỳỷỹýỵ",
    }  # fmt: skip
    table = list(cp1252.decoding_table[:0xA1].ljust(0x100, "\ufffe"))
    for first, run in runs.items():
        table[first : first + len(run)] = run
    return "".join(table)


def _vni_table() -> dict[int, str]:
    """Letters of their own, and letters that stand for marks on the letter before."""
    letters = {"ñ": "đ", "ô": "ơ", "ö": "ư", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}
    grave, acute, hook, tilde, dot, circumflex, breve = (
        "\u0300",
        "\u0301",
        "\u0309",
        "\u0303",
        "\u0323",
        "\u0302",
        "\u0306",
    )
    marks = {
        "ø": grave, "ù": acute, "û": hook, "õ": tilde, "ï": dot,
        "â": circumflex, "à": circumflex + grave, "á": circumflex + acute, "å": circumflex + hook,
        "ã": circumflex + tilde, "ä": circumflex + dot,
        "ê": breve, "è": breve + grave, "é": breve + acute, "ú": breve + hook, "ü": breve + tilde, "ë": breve + dot,
    }  # fmt: skip
    meanings = letters | marks
    meanings |= {letter.upper(): meaning.upper() for letter, meaning in meanings.items()}
    return {byte: meanings.get(letter, letter) for byte, letter in enumerate(cp1252.decoding_table)}


_TABLES: Mapping[str, str | dict[int, str]] = {
    "windows-1258": cp1258.decoding_table,
    "tcvn3": _tcvn3_table(),
    "vni": _vni_table(),
}
"""Text by byte; U+FFFE where a byte means nothing."""

_SIGNS = "".join(sign for sign in cp1252.decoding_table[0x80:] if not sign.isalpha() and sign != "\ufffe")
# A mark on a letter that never has it makes a letter that is not Vietnamese, or stays a mark.
_NOT_VNI = re.compile(f"[^\\x00-\\x7f{LETTERS}{re.escape(_SIGNS)}]")

# A letter of two or three bytes in UTF-8, each of them read as Windows-1252; undefined bytes come as C1 controls.
_BYTE = {
    reading: byte
    for byte in range(0x80, 0x100)
    for reading in (chr(byte), bytes([byte]).decode("cp1252", "ignore"))
    if reading
}
_FOLLOWING = re.escape("".join(reading for reading, byte in _BYTE.items() if byte < 0xC0))
_TWICE = re.compile(f"(?:[ÃÄÅÆ]|á[º»])[{_FOLLOWING}]")
_TOKEN = re.compile(r"[^\x00-@\[-`{-\x7f]+")


def _sample(raw: bytes, encoding: str) -> str | None:
    """The beginning of a file as text; None if it cannot be text in this encoding."""
    if encoding in _TABLES and raw.startswith((codecs.BOM_UTF8, *_UTF16_MARKS)):
        return None
    try:
        return "".join(_texts(io.BytesIO(raw), encoding, is_whole=len(raw) < SAMPLE_BYTES))
    except UnreadableFile:
        return None


def _proves_itself(encoding: str) -> bool:
    return encoding in ("utf-8", "utf-16")


def _is_strange(text: str) -> bool:
    words = accented_words(text)
    strange = len(words) - sum(map(is_syllable, words))
    return strange >= FEWEST_STRANGE_WORDS and strange > STRANGE_SHARE * len(words)


def _is_encoded_twice(text: str) -> bool:
    """Whether the words that become Vietnamese when a second encoding is undone are several, and more than those that
    are Vietnamese as they stand.

    One alone proves nothing: a quotation mark after a capital (``XÃ”``) looks the same.
    """
    if not _TWICE.search(text):
        return False
    twice = once = 0
    for token in _TOKEN.findall(text):
        undone, count = _TWICE.subn(_undone, token)
        if any(map(is_syllable, accented_words(undone))):
            twice += count > 0
            once += count == 0
    return twice >= FEWEST_STRANGE_WORDS and twice > once


def _undone(match: re.Match[str]) -> str:
    return bytes(_BYTE[reading] for reading in match.group()).decode("utf-8", "replace")


def _guess(raw: bytes, declared: str) -> tuple[str, str]:
    """What the file seems to be instead, and what to do; in Vietnamese and in English."""
    text = _sample(raw, "utf-8") or _sample(raw, "utf-16")
    if text is not None and _is_encoded_twice(text):
        return (
            "có vẻ là UTF-8 bị đọc nhầm thành Windows-1252 rồi lưu lại (mã hoá hai lần);"
            " hãy xuất lại tệp từ phần mềm gốc",
            "it seems to be UTF-8 read as Windows-1252 (double encoding); export it anew from where it was made",
        )
    if raw.startswith(_WORKBOOKS):
        return (
            "thực ra là sổ tính Excel (hoặc tệp nén); hãy mở bằng Excel, lưu thành CSV UTF-8 rồi gửi lại, hoặc báo quản"
            " trị viên khai báo nguồn này gửi sổ tính",
            "it is really an Excel workbook (or an archive); open it in Excel, save it as CSV UTF-8 and send that, or"
            " have this feed configured to send workbooks",
        )
    if b"\0" in raw and not raw.startswith(tuple(_UTF16_MARKS)):
        if raw.count(0) * 4 > len(raw):
            return (
                "có vẻ là UTF-16 thiếu dấu BOM; hãy lưu lại thành CSV UTF-8",
                "it seems to be UTF-16 without byte order mark; save it as CSV UTF-8",
            )
        return (
            "có byte NUL nên không phải văn bản; hãy lưu lại thành CSV UTF-8",
            "it has NUL bytes, so it is no text; save it as CSV UTF-8",
        )
    likely = {name: _likelihood(raw, name) for name in ENCODINGS if name != declared}
    best = max(likely, key=likely.__getitem__)
    if likely[best] < 1 - STRANGE_SHARE:
        return "không đọc được theo mã đó; hãy lưu lại thành CSV UTF-8", "cannot be read so; save it as CSV UTF-8"
    return (
        f"có vẻ là {_SHOWN[best]}; hãy lưu lại thành CSV UTF-8, hoặc báo quản trị viên sửa mã khai báo của nguồn này",
        f"it seems to be {_SHOWN[best]}; save it as CSV UTF-8, or have the encoding of this feed corrected",
    )


def _likelihood(raw: bytes, encoding: str) -> float:
    """The share of syllables among the words that count; more than all of them for an encoding that proves itself."""
    text = _sample(raw, encoding)
    if text is None:
        return 0
    if _proves_itself(encoding):
        return 2
    words = accented_words(text)
    return sum(map(is_syllable, words)) / max(len(words), 1)
