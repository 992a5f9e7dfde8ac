"""What has to hold, however damaged a delivery is: it gives rows that agree with what is said of them, or a refusal.

A check gives what became of the delivery, in one word. It raises ``Complaint`` when a promise is broken; any other
exception is a broken promise too.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache, partial
from io import BytesIO
from pathlib import Path

import duckdb

from par_warehouse.config import ConfigError, load_configuration
from par_warehouse.contract import TABLES_BY_NAME
from par_warehouse.dialects import Context, DeliveredFile, Part, Records, UnreadableFile, dialect
from par_warehouse.settings import PROJECT_ROOT
from par_warehouse.staged import StagedFile
from tests.configurations import SHIPPED, with_feeds
from tests.fuzz.child import Complaint, Files
from tests.fuzz.seeds import Seed, seeds
from tests.small_world import NIGHT, settings_for, stage


def check(seed: str, files: Files) -> str:
    """Let the reader of a seed read these files in its place; ``read`` or ``refused``."""
    whole = seeds()[seed]
    if whole.is_of_dialect:
        return _check_dialect(whole, files)
    return {"standardise": _check_standardise, "configuration": _check_configuration}[whole.target](whole, files)


def parts_of(seed: Seed, files: Files) -> list[Part]:
    """What the dialect of a seed gives for files in its place. Raises UnreadableFile."""
    module = dialect(seed.target)
    context = Context(date(2024, 12, 31), seed.table, _headings().get(seed.table or "", {}), "256MB", 1)
    delivered = [
        DeliveredFile(name, len(content), partial(BytesIO, content)) for name, content in sorted(files.items())
    ]
    parts: list[Part] = module.read(delivered, module.Options.model_validate(seed.options), context)
    return parts


def _check_dialect(seed: Seed, files: Files) -> str:
    try:
        for part in parts_of(seed, files):
            _check_part(part)
    except UnreadableFile as refusal:
        check_message(refusal.vi, refusal.en, files)
        return "refused"
    return "read"


def _check_part(part: Part) -> None:
    """The columns of the contract, then others too: rows of text, numbered upwards, the same both times."""
    names = list(dict.fromkeys(part.names))
    for name in names:
        name.encode()  # no half of a character
    wanted = [column.name for column in TABLES_BY_NAME[part.table].columns if column.name in names]
    first, second = (list(_rows(part.records(chosen), chosen)) for chosen in (wanted, names[:100]))
    if first != second:
        raise Complaint(f"{part.table} has other rows when it is read again")
    for note, count in part.notes.items():
        if not re.fullmatch("[a-z0-9_]+", note) or count < 0:
            raise Complaint("a note is no count of a kind")


def _rows(runs: Iterator[Records], wanted: list[str]) -> Iterator[tuple[list[int], list[int]]]:
    """The numbers of the well-formed and of the malformed records, run by run."""
    last = 0
    for run in runs:
        numbers, malformed = run.numbers.tolist(), run.malformed.tolist()
        if run.table.column_names != wanted or (wanted and len(run.table) != len(numbers)):
            raise Complaint("a run of records has other columns or rows than it says")
        run.table.validate(full=True)
        if any(str(column.type) != "string" for column in run.table.columns):
            raise Complaint("a column is no text")
        together = sorted([last, *numbers, *malformed])
        if numbers != sorted(numbers) or together[0] != last or len(set(together)) < len(together):
            raise Complaint("records are not numbered upwards")
        last = together[-1]
        yield numbers, malformed


def check_message(vi: str, en: str, files: Files) -> None:
    """A refusal says what is wrong in both languages, in words of the program: none comes from the file."""
    for name in files:
        vi, en = vi.replace(name, ""), en.replace(name, "")
    if not re.search(r"[ăâđêôơưàảãáạèéìíòóùúýỳ]|[\u1ea0-\u1ef9]", vi) or not re.search("[a-z]{3}", en):
        raise Complaint("a refusal lacks a language")
    if re.search("[ăđơư\u1ea0-\u1ef9]", re.sub("“[^”]*”|\\([^)]*\\)", "", en)):
        raise Complaint("a refusal has its languages mixed up")
    if len(vi) > 1000 or len(en) > 1000:
        raise Complaint("a refusal is too long to be read")
    if re.search(r"\d{9}", vi + en) or not (vi + en).isprintable():
        raise Complaint("a refusal repeats a number or has a line break")
    columns = r"\b[A-Z]{1,3}\b"
    words = re.findall(r"[^\W\d_]+", re.sub(columns, "", f"{vi} {en}"))
    if strange := [word for word in words if word not in _words()]:
        raise Complaint(f"a refusal has {len(strange)} words that are not the program's")


@cache
def _words() -> frozenset[str]:
    """Words that a refusal may have: those of the modules that refuse, and of the configuration."""
    package = PROJECT_ROOT / "include" / "par_warehouse"
    names = ("csv_records", "encodings", "copying", "standardise", "senders", "people", "contract")
    paths = [*package.glob("dialects/*.py"), *(package / f"{name}.py" for name in names), SHIPPED / "headings.yml"]
    configured = [label for seed in seeds().values() for label in seed.options.get("title_fields", {}).values()]
    texts = [*(path.read_text(encoding="utf-8") for path in paths), *configured]
    return frozenset(word for text in texts for word in re.findall(r"[^\W\d_]+", text))


@cache
def _headings() -> Mapping[str, Mapping[str, str]]:
    return load_configuration(SHIPPED).headings


def _check_standardise(seed: Seed, files: Files) -> str:
    """Every delivered file is answered; as many rows are staged as were told, none of a file that is refused."""
    os.environ["PAR_PERSON_KEY_SECRET"] = "a secret of the tests"
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for name, content in files.items():
            source, _, rest = name.partition("/")
            path = base / source / NIGHT.isoformat() / rest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        settings = with_feeds(settings_for(base), **seed.options)
        answered: set[str] = set()
        refused = False
        for source in ("hr", "elearning"):
            (base / source / NIGHT.isoformat() / "_SUCCESS").touch()
            for table, staged in stage(settings, source).items():
                refused |= _check_staged(table, staged, files)
                answered |= {f"{source}/{part.file_name}" for part in staged.parts}
        if not answered:
            raise Complaint("no file was answered")
    return "refused" if refused else "read"


def _check_staged(table: str, staged: StagedFile, files: Files) -> bool:
    """Whether any part was refused."""
    for part in staged.parts:
        if (part.state == "rejected") != (part.problem is not None):
            raise Complaint(f"{table}: a part is refused without a reason, or read with a problem")
        if part.problem is not None:
            vi, _, en = part.problem.partition(" | ")
            if vi.startswith("không đọc được tệp ("):
                raise Complaint(f"the dialect {part.dialect} met {vi[20:].partition(')')[0]}")
            check_message(vi, en, {name.partition("/")[2]: b"" for name in files})
    if Path(staged.path).is_file():
        query = "select count(*), count(distinct row_number) from read_parquet(?)"
        found = duckdb.execute(query, [staged.path]).fetchone()
        if found != (staged.rows_read, staged.rows_read):
            raise Complaint(f"{table}: {staged.rows_read} rows were told, {found} are staged")
    elif staged.rows_read and not staged.missing_columns and not staged.repeated_columns and staged.path:
        raise Complaint(f"{table}: {staged.rows_read} rows were told, none are staged")
    return any(part.state == "rejected" for part in staged.parts)


def _check_configuration(_seed: Seed, files: Files) -> str:
    """A configuration loads, or every mistake is a line that begins with its file."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        try:
            load_configuration(Path(folder))
        except ConfigError as error:
            if not error.mistakes or not all(re.match(r"[\w.-]+\.(yml|csv)(:\d+)?: .", one) for one in error.mistakes):
                raise Complaint("a mistake does not say where it is") from None
            return "refused"
    return "read"
