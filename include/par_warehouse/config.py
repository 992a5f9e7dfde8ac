"""Configuration that people edit: read, checked against its schema, and refused with file, line and what was expected.

``sources.yml`` says where each table of the export contract comes from; ``headings.yml``, ``values.yml`` and
``forbidden_columns.yml`` hold the words that real deliveries use; ``recipients.yml`` says who is told what was found. A
value ``!include other.yml`` stands for the content of that file.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from par_warehouse.contract import SOURCES, TABLES, TABLES_BY_NAME
from par_warehouse.dialects import DialectOptions, dialect
from par_warehouse.errors import ParError
from par_warehouse.pulls import pull_names
from par_warehouse.recipients import Recipients
from par_warehouse.text import fold
from par_warehouse.unit_aliases import read_aliases

MAX_VALUES = 20_000
"""In one file, with all that it includes or repeats."""
MAX_WILDCARDS = 3
"""Between two slashes of a pattern: what does not match must not cost more than a few milliseconds to find out."""
IDENTITY_MAP = "dinh_danh_cu"
"""A table beside the contract: old numbers, staff numbers and e-mail addresses, and whose they are (``identity``)."""

_WILDCARD = re.compile(r"(\*|\{part\})")
Location = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


class ConfigError(ParError):
    """One or more mistakes in the configuration, each a line ``file:line: place: what was expected``."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Feed(_Model):
    """One way by which rows of a source arrive: files of a delivery, or a system that is asked.

    ``files`` is a pattern below the folder of the data date. ``*`` stands for any characters but ``/``; ``{part}``
    too, and names the sender: a sender that is silent tonight is served by its last readable delivery.
    """

    table: str | None = Field(None, description="the contract table that the files fill")
    tables: tuple[str, ...] = Field((), description="the contract tables, of a dialect that fills several")
    name: str = Field(
        "",
        pattern="^[a-z0-9_]*$",
        description="name of the feed, unique in its source; by default that of its table, else of its dialect",
    )
    files: str = Field(
        "",
        description="pattern of file names below the folder of the data date, by default that of the contract's file;"
        " ``*`` stands for any characters but ``/``, and so does ``{part}``, which names the sender; at most three of"
        " them between two ``/``; small and capital letters are the same",
    )
    together: bool = Field(False, description="whether all files that match are one delivery, read as one")
    retired: Mapping[str, date] = Field(
        default_factory=dict,
        description="sender: data date from which on it is neither expected nor carried forward; a file that it sends"
        " all the same is read",
    )
    increments: bool = Field(False, description="whether each delivery holds only what has come since the one before")
    dialect: str = Field("csv", description="how the files are written; of a pull, the dialect of the same name")
    pull: str | None = Field(None, description="the kind of system that is asked, instead of files")
    connection: str | None = Field(None, description="Airflow connection of the system that is asked")
    options: DialectOptions = Field(DialectOptions(), validate_default=True, description="what the dialect may be told")
    absent: tuple[str, ...] = Field((), description="columns of the contract that these files never have")
    dates: Literal["contract", "day_first", "day_first_or_serial"] = Field(
        "contract",
        description="``day_first``: also 1/2/2024, 1-2-2024, 1.2.2024, with or without 00:00 behind it, and a date of"
        " birth that is only a year or a month counts as missing; ``day_first_or_serial``: also the number of a day, as"
        " spreadsheets have it",
    )
    decimals: Literal["point", "comma"] = Field("point", description="``comma``: 8,5 as well as 8.5")
    values: Mapping[str, str] = Field(default_factory=dict, description="column: name of a list in ``values.yml``")
    units: Literal["code", "code_or_name"] = Field(
        "code", description="``code_or_name``: also what a unit is called on the date of the row"
    )
    persons: Literal["number", "number_or_known", "matched"] = Field(
        "number",
        description="``number_or_known``: also by an identifier that HR knows, in place of the number; ``matched``:"
        " accounts by any identifier that HR knows; in one feed of a source only",
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("expected a feed, such as {table: don_vi}")
        feed = dict(data)
        if (pull := feed.get("pull")) is not None:
            if pull not in pull_names():
                text = f"expected a pull ({', '.join(pull_names())})"
                raise PydanticCustomError("inner", "{text}", {"text": text, "place": ("pull",)})
            if feed.setdefault("dialect", pull) != pull:
                text = f"expected no dialect beside pull: {pull}, whose pages the dialect of the same name reads"
                raise PydanticCustomError("inner", "{text}", {"text": text, "place": ("dialect",)})
        if isinstance(feed.get("table"), str):
            feed.setdefault("name", feed["table"])
            feed.setdefault("files", "" if feed.get("pull") else f"{feed['table']}.csv")
        elif isinstance(feed.get("dialect"), str):
            feed.setdefault("name", feed["dialect"])
        return feed

    @field_validator("dialect")
    @classmethod
    def _known_dialect(cls, name: str) -> str:
        try:
            dialect(name)
        except ParError:
            raise ValueError("expected the name of a module in par_warehouse/dialects") from None
        return name

    @field_validator("options", mode="before")
    @classmethod
    def _options(cls, options: Any, info: ValidationInfo) -> DialectOptions:
        if "dialect" not in info.data:
            return DialectOptions()
        model: type[DialectOptions] = dialect(info.data["dialect"]).Options
        try:
            return model.model_validate({} if isinstance(options, DialectOptions) else options)
        except ValidationError as error:
            first = error.errors()[0]
            raise PydanticCustomError(
                "inner", "{text}", {"text": _expected(first["msg"], first["type"]), "place": first["loc"]}
            ) from None

    @field_validator("table", "tables")
    @classmethod
    def _known_tables(cls, value: Any) -> Any:
        for name in (value,) if isinstance(value, str) else value or ():
            if name not in TABLES_BY_NAME and name != IDENTITY_MAP:
                raise ValueError(f"expected a table of the export contract ({', '.join(TABLES_BY_NAME)})")
        return value

    @field_validator("files")
    @classmethod
    def _inside(cls, pattern: str) -> str:
        if pattern.startswith("/") or ".." in pattern.split("/") or pattern.count("{part}") > 1:
            raise ValueError("expected a pattern below the folder of the data date, with {part} at most once")
        if any(len(_WILDCARD.findall(name)) > MAX_WILDCARDS for name in pattern.split("/")):
            raise ValueError(f"expected at most {MAX_WILDCARDS} of * and {{part}} in a name of the pattern")
        return pattern

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.table is None) == (not self.tables):
            raise ValueError("expected either table or tables")
        if (self.pull is None) == (not self.files):
            raise ValueError("expected either files or pull")
        if self.together and "{part}" in self.files:
            raise ValueError("expected either together: true or {part} in files, not both")
        if self.retired and not self.has_parts:
            raise ValueError("expected retired only where {part} or * in files names several senders")
        if self.persons == "matched" and "mdl_user" not in self.fills:
            raise ValueError("expected persons: matched only where mdl_user is filled")
        if self.pull is not None and self.connection is None:
            raise ValueError("expected connection, the Airflow connection of the system that is asked")
        for column in (*self.absent, *self.values):
            if not any(column == one.name for table in self.fills if table in TABLES_BY_NAME
                       for one in TABLES_BY_NAME[table].columns):  # fmt: skip
                raise ValueError(f"{column} is no column of {', '.join(self.fills)}")
        return self

    @property
    def fills(self) -> tuple[str, ...]:
        """Names of the tables that the feed fills."""
        return self.tables or (self.table or "",)

    @property
    def has_parts(self) -> bool:
        """Whether several senders fill the table, each with files of its own."""
        return not self.together and ("*" in self.files or "{part}" in self.files)

    def is_retired(self, sender: str, data_date: date) -> bool:
        """Whether a sender, as ``sender`` names it, has retired by a data date."""
        return any(_sender(name) == sender and day <= data_date for name, day in self.retired.items())

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches a file name of the delivery; its group ``part``, if any, names the sender."""
        known = {"*": "[^/]*", "{part}": "(?P<part>[^/]+)"}
        *folders, file = (
            "".join(known.get(piece, re.escape(piece)) for piece in _WILDCARD.split(name))
            for name in unicodedata.normalize("NFC", self.files).split("/")
        )
        # Once a folder matches, another way to match it could not help those below it.
        return re.compile("".join(f"(?>{folder}/)" for folder in folders) + file, re.IGNORECASE)

    def sender(self, name: str) -> str | None:
        """Whose a file of this name is, in small letters ("" with a single sender); None if the feed does not take it.

        Neither case matters nor how letters are composed: Windows knows no case, macOS takes letters apart.
        """
        match = self.pattern.fullmatch(unicodedata.normalize("NFC", name))
        if match is None:
            return None
        return _sender(match.groupdict().get("part") or (match[0] if self.has_parts else ""))


def _sender(name: str) -> str:
    """A sender's name in the form in which it is compared and kept."""
    return unicodedata.normalize("NFC", name).casefold()


class Source(_Model):
    """The feeds of one source system."""

    connection: str | None = Field(
        None, description="Airflow connection of the base URI, for ``sftp://`` and ``s3://``"
    )
    feeds: tuple[Feed, ...] = Field(description="by which ways the rows of the source arrive")

    @field_validator("feeds")
    @classmethod
    def _unique(cls, feeds: tuple[Feed, ...]) -> tuple[Feed, ...]:
        names = [feed.name for feed in feeds]
        for name in names:
            if not name or names.count(name) > 1:
                raise ValueError(f"expected each feed to have its own name; {name!r} is not")
        return feeds


class Sources(_Model):
    """The content of ``sources.yml``."""

    hr: Source = Field(description="the HR system: what is below ``PAR_HR_URI``, and systems that are asked")
    elearning: Source = Field(description="e-learning: what is below ``PAR_ELEARNING_URI``, and systems that are asked")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for source in SOURCES:
            fed = {name for feed in self.of(source).feeds for name in feed.fills}
            own = {table.name for table in TABLES if table.source == source}
            if missing := sorted(own - fed):
                raise ValueError(f"expected a feed of {source} for every contract table; none fills {missing[0]}")
            if sum("don_vi" in feed.fills for feed in self.of(source).feeds) > 1 or any(
                "don_vi" in feed.fills and feed.has_parts for feed in self.of(source).feeds
            ):
                raise ValueError("expected one feed without parts for don_vi, the register of all units")
            if sum(feed.persons == "matched" for feed in self.of(source).feeds) > 1:
                raise ValueError(f"expected at most one feed of {source} with persons: matched")
            if foreign := sorted(fed - own - ({IDENTITY_MAP} if source == "hr" else set())):
                raise ValueError(f"{foreign[0]} is not a table of {source}")
        return self

    @property
    def looks_up_persons(self) -> bool:
        """Whether any feed wants persons found by anything but the identification number."""
        return any(feed.persons != "number" for source in SOURCES for feed in self.of(source).feeds)

    def of(self, source: str) -> Source:
        """One source by name."""
        found: Source = getattr(self, source)
        return found


class _Headings(_Model):
    tables: dict[str, dict[str, tuple[str, ...]]]

    @field_validator("tables")
    @classmethod
    def _known(cls, tables: dict[str, dict[str, tuple[str, ...]]]) -> dict[str, dict[str, tuple[str, ...]]]:
        for name, columns in tables.items():
            if name not in TABLES_BY_NAME:
                raise ValueError(f"{name} is no table of the export contract")
            seen: dict[str, str] = {}
            for column, headings in columns.items():
                if column not in {one.name for one in TABLES_BY_NAME[name].columns}:
                    raise ValueError(f"{column} is no column of {name}")
                for heading in headings:
                    if seen.setdefault(fold(heading), column) != column:
                        raise ValueError(f"{name}: {heading!r} stands for {seen[fold(heading)]} and for {column}")
        return tables


class _Values(_Model):
    lists: dict[str, dict[str, tuple[str, ...]]]

    @field_validator("lists")
    @classmethod
    def _unique(cls, lists: dict[str, dict[str, tuple[str, ...]]]) -> dict[str, dict[str, tuple[str, ...]]]:
        for name, values in lists.items():
            spellings = [fold_value(spelling) for spelled in values.values() for spelling in spelled]
            if len(set(spellings)) != len(spellings):
                raise ValueError(f"{name}: a spelling stands for two values")
        return lists


class _Forbidden(_Model):
    columns: dict[str, tuple[str, ...]]


def fold_value(text: str) -> str:
    """How spellings of a value are compared: folded, or as they are if nothing is left (``✓``)."""
    return fold(text) or text


@dataclass(frozen=True)
class Configuration:
    """Everything below the configuration folder."""

    sources: Sources
    headings: Mapping[str, Mapping[str, str]]
    """Per table: folded heading -> column."""
    values: Mapping[str, Mapping[str, str]]
    """Per list: folded spelling -> value of the contract."""
    forbidden: Mapping[str, str]
    """Folded heading -> kind of personal data that the warehouse must not have."""
    unit_aliases: Path
    recipients: Recipients


def load_configuration(folder: Path) -> Configuration:
    """Read and check the configuration. Raises ConfigError with every mistake found."""
    mistakes: list[str] = []
    values = _load(_Document(folder / "values.yml", "lists"), _Values, mistakes)
    headings = _load(_Document(folder / "headings.yml", "tables"), _Headings, mistakes)
    forbidden = _load(_Document(folder / "forbidden_columns.yml", "columns"), _Forbidden, mistakes)
    document = _Document(folder / "sources.yml")
    sources = _load(document, Sources, mistakes)
    if sources is not None and values is not None:
        for source in SOURCES:
            for number, feed in enumerate(sources.of(source).feeds):
                for column, name in feed.values.items():
                    if name not in values.lists:
                        place = (source, "feeds", number, "values", column)
                        known = ", ".join(sorted(values.lists))
                        mistakes.append(document.sentence(place, f"expected a list of values.yml ({known})"))
    # A configuration folder of an earlier version has no such file; then nobody is told.
    recipients: Recipients | None = Recipients.model_validate({})
    if (folder / "recipients.yml").exists():
        recipients = _load(_Document(folder / "recipients.yml"), Recipients, mistakes)
    unit_aliases = folder / "unit_aliases.csv"
    mistakes += read_aliases(unit_aliases)[1]
    if mistakes or not (sources and headings and values and forbidden and recipients):
        raise ConfigError(mistakes)
    return Configuration(
        sources=sources,
        headings={
            table: {fold(heading): column for column, found in columns.items() for heading in (column, *found)}
            for table, columns in headings.tables.items()
        },
        values={
            name: {fold_value(one): value for value, spelled in spellings.items() for one in (value, *spelled)}
            for name, spellings in values.lists.items()
        },
        forbidden={fold(one): kind for kind, found in forbidden.columns.items() for one in found},
        unit_aliases=unit_aliases,
        recipients=recipients,
    )


def _load(document: "_Document", model: type[M], mistakes: list[str]) -> M | None:
    """The checked content of one file, None when it has mistakes."""
    try:
        return model.model_validate(document.content())
    except _Mistake as mistake:
        mistakes.append(str(mistake))
    except ValidationError as error:
        for one in error.errors():
            place = one["loc"] + one.get("ctx", {}).get("place", ())
            mistakes.append(document.sentence(place, _expected(one["msg"], one["type"])))
    return None


class _Mistake(Exception):
    """A mistake with its place, in one line."""


@dataclass
class _Document:
    """A YAML file as plain data, remembering the file and line of every value.

    ``field_name`` is the field of the model that the whole file stands for, if it is not the model itself.
    """

    path: Path
    field_name: str | None = None
    lines: dict[Location, str] = field(default_factory=dict)
    values: int = 0

    def content(self) -> Any:
        """The data of the file. Raises _Mistake."""
        content = self._read(self.path, (), 0)
        return {self.field_name: content} if self.field_name else content

    def _read(self, path: Path, at: Location, depth: int) -> Any:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise _Mistake(f"{path.name}: expected this file in the configuration folder") from None
        except (OSError, UnicodeDecodeError):
            raise _Mistake(f"{path.name}: expected a text file in UTF-8") from None
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
            raise _Mistake(f"{path.name}{line}: expected valid YAML; {error.problem}") from None
        except yaml.YAMLError:
            raise _Mistake(f"{path.name}: expected text without control characters") from None
        except RecursionError:
            raise _Mistake(f"{path.name}: expected less deeply nested content") from None
        if node is None:
            raise _Mistake(f"{path.name}: expected content, found an empty file")
        return self._plain(node, path, at, depth)

    def _plain(self, node: yaml.Node, path: Path, at: Location, depth: int) -> Any:
        line = f"{path.name}:{node.start_mark.line + 1}"
        self.lines.setdefault(at, line)
        self.values += 1
        if depth > 30 or self.values > MAX_VALUES:
            # A value may stand for a whole file (!include) or for another value (*), and these for others again.
            raise _Mistake(f"{line}: expected less content, and less deeply nested; is it part of itself?")
        is_include = node.tag == "!include" and isinstance(node, yaml.ScalarNode)
        if not is_include and (not node.tag.startswith("tag:yaml.org,2002:") or ":python/" in node.tag):
            raise _Mistake(f"{line}: expected a plain value, found the tag {node.tag}")
        if isinstance(node, yaml.MappingNode):
            content: dict[str, Any] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.value in content:
                    mark = f"{path.name}:{key.start_mark.line + 1}"
                    raise _Mistake(f"{mark}: expected each key once; {getattr(key, 'value', 'a list')!r} is repeated")
                self.lines[*at, key.value] = f"{path.name}:{key.start_mark.line + 1}"
                content[key.value] = self._plain(value, path, (*at, key.value), depth + 1)
            return content
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, path, (*at, index), depth + 1) for index, item in enumerate(node.value)]
        if is_include:
            if not re.fullmatch(r"[\w.-]+\.yml", node.value):
                raise _Mistake(f"{line}: expected the name of a .yml file in the configuration folder after !include")
            return self._read(self.path.parent / node.value, at, depth + 1)
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError):
            raise _Mistake(f"{line}: expected a value of the type {node.tag}") from None

    def sentence(self, place: Location, expected: str) -> str:
        """One line for a mistake at ``place``."""
        inside = place[1:] if self.field_name and place[:1] == (self.field_name,) else place
        known = inside
        while known not in self.lines:
            known = known[:-1]
        where = ".".join(str(one) for one in inside)
        return f"{self.lines[known]}: {where + ': ' if where else ''}{expected}"


def _expected(message: str, kind: str) -> str:
    """What was expected, out of a message of the schema."""
    wanted = {
        "extra_forbidden": "expected no such key; see docs/reference/sources.md",
        "missing": "expected this key",
    }
    text = message.removeprefix("Value error, ")
    return wanted.get(kind, text[0].lower() + text[1:])
