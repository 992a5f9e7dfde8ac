"""Damage to a delivery: what networks, programs, people and attackers do to files.

Each mutation knows one kind of thing (bytes, lines, cells, JSON, XML, the parts of a zip archive, the sectors and
records of an .xls), so that damage also reaches what lies behind a parser, a checksum or a compression. A mutation that
finds nothing of its kind damages bytes.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from random import Random
from struct import error as StructError
from struct import pack, unpack_from
from typing import Any
from xml.sax.saxutils import quoteattr

from tests.fuzz.archives import NoArchive, packed, unpacked

LARGEST = 1 << 19
"""Bytes of a damaged file: what large files do is no matter of chance, and has tests of its own."""

Mutation = Callable[[bytes, Random], bytes]

TEXTS = (
    "", " ", "\u00a0", "'", '"', '""', ",", ";", "\t", "|", "\n", "\r", "\r\n", "\0", "\x1b[2J", "\x7f", "\x85",
    "\ufeff", "\ufffe", "\u200b", "\u202e", "\u2028", "\ud800", "\udfff\ud800", "\U0001f600", "\U000e0001", "e\u0301",
    "\u0301", "\u0323\u0302", "ß", "İ", "ǰ", "ﷺ", "ﬁ", "Đ", "x" * 300, "x" * 70_000, "ạ" * 70_000, "\u0301" * 5_000,
    "=1+1", '=HYPERLINK("http://a.invalid")', "@SUM(A1)", "+cmd|' /C calc'!A0", "%s%n", "{0}", "${HOME}", "\\", "\\0",
    "'; drop table person; --", "../../etc/passwd", "null", "None", "true", "NaN", "-inf", "?", "#", "<a>", "&#0;",
    "&b;",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "-1", "1", "00", "007", "+1", "1.0", "1.5", "1,5", "1e5", "1e400", "-1e-400", "0x10", "1_000", "٣", "²",
    "2147483647", "2147483648", "4294967296", "1152921504606846976", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "18446744073709551616", "9" * 20, "9" * 400, "0" * 400, "999999999", "123456789012",
    "253402300799", "253402300800", "-62135596800", "-62135596801",
)  # fmt: skip
TIMES = (
    "0000-00-00", "0000-01-01", "0000-99-99", "0001-01-01", "2024-02-30", "9999-12-31", "10000-01-01", "-2024-01-01",
    "00/00/0000", "99/99/9999", "31/12/0000", "31/12/9999", "1/1/1", "31.12.2024", "60000", "45657.5", "1900-02-29",
    "2024-12-31T24:00:00Z", "2024-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59", "9999-12-31 23:59:59", "0001-01-01 00:00:00", "0000-12-31 00:00:00",
    "99/12/31, 25:61:61", "1/01/9999, 00:00", "2024-12-31 00:00:00.999999999",
)  # fmt: skip
VALUES = TEXTS + NUMBERS + TIMES
_BYTES = (
    b"\0", b"\xff", b'"', b"\r", b"\n", b",", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xed\xa0\x80", b"\xc0\x80",
    b"\xf4\x90\x80\x80", b"\xe1\xba", b"\x1a", b"\0" * 600, b'"' * 7, b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
)  # fmt: skip
_WORDS = (b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f", b"\x01\0\0\x80", b"\xfe\xff\xff\xff", b"\xfd\xff\xff\xff",
          b"\x01\0\0\0", b"\x10\0\0\0")  # fmt: skip


def mutated(files: Mapping[str, bytes], others: Sequence[bytes], dice: Random) -> dict[str, bytes]:
    """The delivery with one to four mutations; ``others`` are files of other deliveries, to be mixed in."""
    changed = dict(files)
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4))):
        name = dice.choice(sorted(changed))
        if dice.randrange(12) == 0:
            changed[name] = _mixed(changed[name], dice.choice(others), dice)
        elif dice.randrange(20) == 0 and len(changed) > 1:
            _exchange(changed, name, dice)
        else:
            mutation = dice.choice(_OF_ENDING.get(PurePosixPath(name).suffix, (damaged_bytes,)))
            changed[name] = mutation(changed[name], dice)
        changed = {name: content[:LARGEST] for name, content in changed.items()}
    return changed


def _mixed(content: bytes, other: bytes, dice: Random) -> bytes:
    """The other file in place of this one, or one spliced into the other."""
    if dice.randrange(3) == 0:
        return other
    cut, start = dice.randrange(len(content) + 1), dice.randrange(len(other) + 1)
    return content[:cut] + other[start : start + dice.randrange(2000)] + dice.choice((b"", content[cut:]))


def _exchange(files: dict[str, bytes], name: str, dice: Random) -> None:
    """A file is missing, empty, has a second name, or the content of another."""
    other = dice.choice(sorted(files))
    match dice.randrange(4):
        case 0:
            del files[name]
        case 1:
            files[name] = b""
        case 2:
            files[re.sub(r"\d(?=\D*$)", "7", name)] = files[name]
        case _:
            files[name], files[other] = files[other], files[name]


def _repeated(piece: list[str], times: int) -> list[str]:
    return piece * min(times, 1 + LARGEST // (1 + len(piece[0])))


# Any file


def damaged_bytes(content: bytes, dice: Random) -> bytes:
    """Cut off, with flipped bits, other numbers, holes, repetitions or insertions."""
    damaged = bytearray(content) or bytearray(b"\0")
    at = dice.randrange(len(damaged))
    length = dice.choice((1, 2, 4, 8, 30, 400, 512))
    match dice.randrange(7):
        case 0:
            del damaged[at:]
        case 1:
            for _ in range(dice.randrange(1, 9)):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        case 2:
            damaged[at : at + 4] = dice.choice(_WORDS)
        case 3:
            del damaged[at : at + length]
        case 4:
            damaged[at:at] = damaged[at : at + length] * dice.choice((1, 1, 2, 50))
        case 5:
            damaged[at:at] = dice.choice(_BYTES)
        case _:
            chunk = damaged[at : at + length]
            del damaged[at : at + length]
            to = dice.randrange(len(damaged) + 1)
            damaged[to:to] = chunk
    return bytes(damaged)


# Text


def _decoded(content: bytes) -> tuple[str, str]:
    """The text, and the encoding to write it in again; each byte is a letter where it is neither UTF-8 nor UTF-16."""
    for encoding in ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8",):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            pass
    return content.decode("latin-1"), "latin-1"


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")


def damaged_lines(content: bytes, dice: Random) -> bytes:
    """Lines lost, repeated, exchanged, joined, very long, or ended otherwise."""
    text, encoding = _decoded(content)
    lines = text.splitlines(keepends=True) or ["\n"]
    at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines[at:at] = _repeated([lines[at]], dice.choice((1, 2, 300)))
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = lines[at].rstrip("\r\n") + dice.choice(("", "\r", "\r\n", "\u2028", "\v", "\n\n"))
        case 4:
            lines[at] = "".join(_repeated([lines[at].rstrip("\n")], dice.choice((2, 3000)))) + "\n"
        case _:
            delimiters = dice.sample(",;\t|", 2)
            lines[at] = lines[at].replace(*delimiters)
    return _encoded("".join(lines), encoding)


def damaged_cells(content: bytes, dice: Random) -> bytes:
    """A few cells of a delimited text with other values, as the rules of CSV want them written."""
    text, encoding = _decoded(content)
    delimiter = max(",;\t|", key=text.count)
    cells = list(re.finditer(rf'"(?:[^"]|"")*"|[^{re.escape(delimiter)}\r\n"]+', text))
    for cell in sorted(dice.sample(cells, min(len(cells), dice.randrange(1, 4))), key=lambda one: -one.start()):
        value = dice.choice(VALUES)
        if dice.randrange(3) == 0:
            value = cell[0].strip('"') + value
        if re.search(rf'["\r\n{re.escape(delimiter)}]', value):
            value = '"' + value.replace('"', '""') + '"'
        text = text[: cell.start()] + value + text[cell.end() :]
    return _encoded(text, encoding)


# JSON


def damaged_json(content: bytes, dice: Random) -> bytes:
    """One document, or one of the lines that are documents, with other values, keys or structure."""
    try:
        lines = content.decode().splitlines(keepends=True)
        at = dice.randrange(len(lines))
        changed = "".join([*lines[:at], _other_json(lines[at], dice), *lines[at + 1 :]])
        return changed.encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError, LookupError):
        return damaged_bytes(content, dice)


def _other_json(text: str, dice: Random) -> str:
    end = "\n" if text.endswith("\n") else ""
    if dice.randrange(5) == 0:
        return _other_json_text(text.rstrip("\n"), dice) + end
    document = json.loads(text)
    for _ in range(dice.randrange(1, 4)):
        holders = [(holder, key) for holder, key in _nodes([document]) if holder is not None]
        holder, key = dice.choice(holders)
        match dice.randrange(10):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[dice.choice((*TEXTS, *holder))] = holder.pop(key)
            case 2:
                holder[key] = [holder[key]] * dice.choice((0, 1, 2, 10))
            case 3:
                other, place = dice.choice(holders)
                holder[key] = json.loads(json.dumps(other[place]))
            case _:
                holder[key] = dice.choice(_like(holder[key]) if dice.randrange(3) else _JSON_VALUES)
    return json.dumps(document, ensure_ascii=dice.randrange(2) == 0) + end


def _nodes(holder: Any) -> list[tuple[Any, Any]]:
    """Every place of a document, as what holds it and the key (or index) there."""
    keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else []
    return [place for key in keys for place in [(holder, key), *_nodes(holder[key])]]


def _like(value: Any) -> Sequence[Any]:
    """Values of the same type, so that they get further."""
    if isinstance(value, bool):
        return (True, False)
    return _JSON_NUMBERS if isinstance(value, int) else VALUES


_JSON_NUMBERS = (
    -1, 0, 1, 2, 3, 999_999_999, 2**31 - 1, 2**31, -(2**31), 2**60, 2**63 - 1, 2**63, -(2**63), 2**64, 253_402_300_800,
    -62_135_596_801, 10**30,
)  # fmt: skip
_JSON_VALUES = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, 1e-320, float("inf"), float("nan"), 2**31 - 1, 2**31, 2**53 + 1,
    2**63 - 1, 2**63, -(2**63), 2**64, 10**400, [], {}, [[]], [None], {"": ""}, {"id": 1}, "", "\0", "\ud800",
)  # fmt: skip


def _other_json_text(text: str, dice: Random) -> str:
    """What no writer of JSON would write: keys twice, great depth, numbers and escapes in odd notations."""
    places = [match.end() for match in re.finditer(r"[{\[:,]", text)]
    at = dice.choice(places) if places else 0
    keys = re.findall(r'"[^"\\]*"(?=:)', text) or ['"id"']
    insertion = dice.choice(
        (
            f"{dice.choice(keys)}: 1, ", "[" * 2000 + "]" * 2000 + ",", '{"a":' * 600 + "1" + "}" * 600 + ",",
            "[" * 50_000,
            "1e999,", "-,", "01,", "1.,", ".5,", "+1,", "NaN,", "Infinity,", "'a',", "/* */", "// \n", '"\\ud800",',
            '"\\u0000",', '"\\x41",', '"\\', "\t", "\u2028", ",", "nul", '"a" "b"', "1" * 400 + ",", "\0",
        )
    )  # fmt: skip
    return text[:at] + insertion + text[at:]


# XML and archives of it


def damaged_xml(content: bytes, dice: Random) -> bytes:
    """Other values of attributes and texts, elements lost or repeated, and what a well-formed part may not have."""
    text, encoding = _decoded(content)
    places = list(re.finditer(r'(?<==)"[^"]*"|(?<=>)[^<>]+(?=<)', text))
    elements = list(re.finditer(r"<(\w[\w:.-]*)(?:\s[^<>]*)?(?:/>|>[^<>]*</\1>)", text))
    if dice.randrange(8) == 0 or not places:
        at = text.index("?>") + 2 if "?>" in text else 0
        odd = ("<!DOCTYPE a>", '<!DOCTYPE a [<!ENTITY b "b">]>', "<?a b?>", "<!-- a -->", "<![CDATA[a]]>", "&b;", "<a>")
        return _encoded(text[:at] + dice.choice(odd) + text[at:], encoding)
    if elements and dice.randrange(3) == 0:
        element = dice.choice(elements)
        again = "".join(_repeated([element[0]], dice.choice((0, 2, 3, 2000))))
        return _encoded(text[: element.start()] + again + text[element.end() :], encoding)
    chosen = dice.sample(places, min(len(places), dice.randrange(1, 4)))
    for place in sorted(chosen, key=lambda one: -one.start()):
        value = quoteattr(dice.choice(VALUES + 2 * _OF_WORKBOOKS))
        if dice.randrange(8):
            value = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", value)  # what XML forbids
        if not place[0].startswith('"'):
            value = value[1:-1]
        text = text[: place.start()] + value + text[place.end() :]
    return _encoded(text, encoding)


_OF_WORKBOOKS = (
    "A0", "A1", "a1", "XFD1048576", "ZZZ99999999", "A1:XFD1048576", "B2:A1", "A1:A1:A1", "$A$1", "e", "s", "d", "b",
    "n", "str", "inlineStr", "#N/A", "#SPILL!", "PT25H", "float", "date", "time", "percentage", "boolean", "hidden",
    "veryHidden", "rId99", "worksheet", "collapse", "false", "1048576", "16384", "1000000000", "-2147483648",
    "/xl/workbook.xml", "../../a.xml", "xl/worksheets/sheet1.xml", "yyyy-mm-dd", "[h]:mm", "General",
)  # fmt: skip


def damaged_part(content: bytes, dice: Random) -> bytes:
    """An archive with one damaged part, whose checksums are right."""
    try:
        parts = unpacked(content)
        is_xml = dice.randrange(8) > 0
        name = dice.choice([name for name in sorted(parts) if not is_xml or name.endswith((".xml", ".rels"))])
    except (NoArchive, IndexError):
        return damaged_bytes(content, dice)
    mutation = damaged_xml if is_xml else damaged_bytes
    return packed(parts | {name: mutation(parts[name], dice)})


def damaged_archive(content: bytes, dice: Random) -> bytes:
    """Parts lost, exchanged, under other names, or more of them; other numbers in the directory."""
    try:
        parts = unpacked(content)
        name, other = (dice.choice(sorted(parts)) for _ in range(2))
    except (NoArchive, IndexError):
        return damaged_bytes(content, dice)
    match dice.randrange(6):
        case 0:
            del parts[name]
        case 1:
            parts[name], parts[other] = parts[other], parts[name]
        case 2:
            parts[dice.choice((name.upper(), name + "/", "../" + name, "/" + name, "\u202e", "a" * 5000))] = parts.pop(
                name
            )
        case 3:
            parts |= {f"xl/media/{number}.xml": b"<a/>" for number in range(dice.choice((1, 50, 2100)))}
        case 4:
            parts[name] += bytes(dice.choice((1, 1000, 3 << 20)))
        case _:
            archive = bytearray(packed(parts))
            headers = [match.start() for match in re.finditer(rb"PK(?:\x01\x02|\x03\x04|\x05\x06)", archive)]
            at = dice.choice(headers) + dice.randrange(4, 46)
            archive[at : at + 2] = dice.choice((b"\0\0", b"\xff\xff", b"\x01\0", b"\x08\0", b"\x63\0", b"\0\x80"))
            return bytes(archive)
    return packed(parts)


# Workbooks of Excel 97


def damaged_sectors(content: bytes, dice: Random) -> bytes:
    """Sectors exchanged, lost or overwritten; other numbers in the tables that chain them."""
    sectors = [content[at : at + 512] for at in range(0, len(content), 512)] or [b""]
    at, other = dice.randrange(len(sectors)), dice.randrange(len(sectors))
    match dice.randrange(4):
        case 0:
            sectors[at], sectors[other] = sectors[other], sectors[at]
        case 1:
            sectors[at] = dice.choice((b"\xff", b"\0")) * 512
        case 2:
            sectors[at] = sectors[other]
        case _:
            place = dice.randrange(0, 512, 4)
            number = dice.choice((*_WORDS, pack("<I", dice.randrange(len(sectors)))))
            sectors[at] = sectors[at][:place] + number + sectors[at][place + 4 :]
    return b"".join(sectors)


def damaged_records(content: bytes, dice: Random) -> bytes:
    """Records of the sheets lost, repeated, with other codes, sizes or numbers."""
    records = _records(content)
    if not records:
        return damaged_bytes(content, dice)
    start, size = dice.choice(records)
    end = start + 4 + size
    match dice.randrange(5):
        case 0:
            changed = content[end:] + content[start:end]
        case 1:
            changed = content[start:end] + content[start : max(end, len(content) - size - 4)]
        case 2:
            changed = dice.choice(_CODES) + content[start + 2 :]
        case 3:
            changed = content[start : start + 2] + dice.choice((b"\0\0", b"\x01\0", b"\x20\x20")) + content[start + 4 :]
        case _:
            at = start + 4 + dice.randrange(max(1, size))
            changed = content[start:at] + dice.choice((b"\xff\xff", b"\0\0", b"\xff\x7f", b"\x01")) + content[at + 2 :]
    return (content[:start] + changed).ljust(len(content), b"\0")


_CODES = tuple(
    pack("<H", code)
    for code in (0x06, 0x0A, 0x2F, 0x85, 0xBD, 0xE5, 0xFC, 0xFD, 0x1AE, 0x203, 0x204, 0x205, 0x208, 0x27E, 0x809, 0x3C)
)


def _records(content: bytes) -> list[tuple[int, int]]:
    """Where the records of the stream of sheets start, and their sizes, as long as the stream is in one piece."""
    found, at = [], content.find(b"\x09\x08\x10\x00\x00\x06")
    try:
        while at >= 0:
            code, size = unpack_from("<HH", content, at)
            if code == 0 and size == 0:
                break
            found.append((at, size))
            at += 4 + size
    except StructError:
        pass
    return found


# Configuration


def damaged_yaml(content: bytes, dice: Random) -> bytes:
    """A value, a key or a line in another notation, of another type, or that means another place."""
    text, encoding = _decoded(content)
    scalars = list(re.finditer(r"[^\s:,\[\]{}#-][^:,\[\]{}\n#]*", text))
    if not scalars:
        return damaged_bytes(content, dice)
    place = dice.choice(scalars)
    start, end = place.span() if dice.randrange(2) else (place.start(), place.start())
    return _encoded(text[:start] + dice.choice(VALUES + _OF_YAML) + text[end:], encoding)


_OF_YAML = (
    "!include sources.yml", "!include values.yml", "!include xapi.yml", "!include ../sources.yml", "!include .yml",
    "!include [a]", "!a b", "!!binary YQ==", "!!binary ?", "!!timestamp 2024-99-99", "!!float x", "!!set {a}",
    "!!omap []", "!!python/name:os.system", "!!merge a", "&a [*a]", "&a {a: *a}", "*a", "<<: *a", "<<: 1", "? [a]",
    "? a", "- ", "[" * 3000, "{" * 3000, "[" * 40 + "]" * 40, "- " * 2000, "---", "...",
    "%YAML 9", "|", ">", "0o9", "1__0", "1:2:3",
    ".nan", ".inf", "2024-13-45", "~", "''", "yes", "csv.x", "_xapi_sql", "..", ".", "table: 1", "tables: []",
    "pull: moodle", "pull: os", "dialect: spreadsheet", "options: {}", "persons: matched", "files: '{part}{part}'",
    "files: '*' ", "absent: [id]", "values: {id: tick}", "together: true", "name: ''", "connection: 1",
    "&b [1,1]\n&c [*b,*b]",
)  # fmt: skip


_TEXT = (damaged_bytes, damaged_lines, damaged_cells, damaged_cells)
_JSON = (damaged_bytes, damaged_lines, *[damaged_json] * 6)
_ZIP = (damaged_bytes, *[damaged_part] * 6, damaged_archive)
_OF_ENDING: Mapping[str, Sequence[Mutation]] = {
    ".csv": _TEXT,
    ".json": _JSON,
    ".jsonl": _JSON,
    ".xlsx": _ZIP,
    ".ods": _ZIP,
    ".xls": (damaged_bytes, damaged_sectors, *[damaged_records] * 4),
    ".yml": (damaged_bytes, damaged_lines, damaged_yaml, damaged_yaml),
}
