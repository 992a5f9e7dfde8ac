"""What the fuzzer has found, made small: each case is the damage to a seed and what has to become of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.fuzz.seeds import seeds


@dataclass(frozen=True)
class Case:
    """Files of a seed in another form (None: missing), and the outcome, ``read`` or ``refused``."""

    name: str
    seed: str
    changes: Mapping[str, bytes | None]
    outcome: str

    @property
    def files(self) -> dict[str, bytes]:
        """The whole delivery."""
        files = {**seeds()[self.seed].files, **self.changes}
        return {name: content for name, content in files.items() if content is not None}


def _changed(name: str, seed: str, file: str, old: bytes, new: bytes, outcome: str) -> Case:
    """A case of one place in one file."""
    content = seeds()[seed].files[file]
    assert content.count(old) >= 1
    return Case(name, seed, {file: content.replace(old, new, 1)}, outcome)


def _pages(name: str, page: str, old: bytes, new: bytes, outcome: str) -> Case:
    return _changed(name, "moodle_web_service", f"moodle/{page}.json", old, new, outcome)


def _values(name: str, content: bytes, **others: bytes) -> Case:
    """A case of ``values.yml`` and what it includes."""
    included = {f"{file}.yml": text for file, text in others.items()}
    return Case(name, "configuration", {"values.yml": content, **included}, "refused")


def _sources(name: str, old: bytes, new: bytes) -> Case:
    return _changed(name, "configuration", "sources.yml", old, new, "refused")


_LAUGHS = b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 10)) for letter in b"bcdefghij"
)

FOUND = (
    # Python's csv takes no cell of more than 131,072 characters, and its error is none that was expected.
    Case("a heading too long for csv", "csv utf-8", {"nhan_su.csv": b"x" * 131_073 + b"\n1\n"}, "refused"),
    Case(
        "a heading too long for csv on a screen",
        "moodle_log",
        {"moodle/nhat_ky.csv": b"x" * 131_073 + b"\n"},
        "refused",
    ),
    # The refusal named every column that means the same, which can be thousands.
    Case(
        "thousands of headings mean the same",
        "moodle_log",
        {"moodle/nhat_ky.csv": b"Time,Description" + b",Event name" * 5_000 + b"\n"},
        "refused",
    ),
    Case(
        "thousands of activities of one name",
        "moodle_activity_completion csv",
        {"moodle/hoat_dong.csv": b',"ID number"' + ',"Tài liệu 1",""'.encode() * 2_000 + b"\n"},
        "refused",
    ),
    # DuckDB shifts no negative number: the error was none that was expected. The rule on numbers finds the row.
    _pages("a negative account", "completions-00001", b'"userid": 11', b'"userid": -11', "read"),
    _pages("a negative account that views", "views-00001", b'"userid": 11', b'"userid": -11', "read"),
    # Notes count things, and there cannot be fewer than none.
    _pages("fewer warnings than none", "modules-00001", b'"warnings": 0', b'"warnings": -1', "refused"),
    _pages("more accounts than are enrolled", "complete", b'"users_enrolled": 3', b'"users_enrolled": 1', "read"),
    # A list of as many names of pages as the last page says was made before the first was looked for.
    _pages("a billion pages", "complete", b'"users": 2', b'"users": 1000000000', "refused"),
    # The refusal repeated the number, whatever it was.
    _pages(
        "as many rows as a person's number",
        "complete",
        b'"rows": {"courses": 2',
        b'"rows": {"courses": 13185000123',
        "refused",
    ),
    # YAML errors without a line, and errors of the libraries below it, came through as they were.
    _values("a control character in YAML", b"tick: \0"),
    _values("endless depth in YAML", b"{" * 3_000),
    _values("a time that is none in YAML", b"tick: !!timestamp y"),
    # What stands for other content was written out without a limit.
    _values("billion laughs in YAML", b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + _LAUGHS),
    _values("a file that includes itself", b"tick: !include values.yml"),
    _values(
        "files that include each other more and more",
        b"[" + b"!include one.yml," * 200 + b"]",
        one=b"[" + b"!include two.yml," * 200 + b"]",
        two=b"[" + b"!include three.yml," * 200 + b"]",
        three=b"a",
    ),
    # The name of a dialect was imported as it stood: parts of dialects, modules below modules.
    _sources("a part of a dialect as a dialect", b"dialect: spreadsheet", b"dialect: _xapi_sql"),
    _sources("a module below a dialect", b"dialect: spreadsheet", b"dialect: a.b"),
    Case(
        "a name of a unit too long for csv",
        "configuration",
        {"unit_aliases.csv": b"ten_goi,ma_don_vi,hieu_luc_tu,hieu_luc_den\n" + b"x" * 131_073 + b",H29,,\n"},
        "refused",
    ),
)
