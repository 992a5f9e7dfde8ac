"""Standardise: turn landed files into contract tables without personal data, whatever dialect they are written in.

A dialect gives each file as rows of text for a contract table. Here each cell is cleaned, read and typed (``cells``); a
value that cannot be typed becomes the *unreadable mark* of its type, so that the rule in ``expectations/`` finds it and
no delivered text travels on. From here on a person is a ``person_key``. Only columns of the contract pass; all others
are dropped and counted.

Staged file: one row per record, ``row_number``, ``is_malformed`` (another number of fields than the header; all other
cells are then NULL), then the stored columns of the contract.

Several senders may fill one table, each with a file of its own: a *part*. The staged file is then all parts, one after
the other, with ``part_number`` and ``part_row`` (the row in the sender's file). A part that is missing or cannot be
read is served by the last readable one of that sender.
"""

import hashlib
import logging
import shutil
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path, PurePosixPath

import duckdb

from par_warehouse.config import IDENTITY_MAP, Configuration, Feed
from par_warehouse.contract import STORED_TYPE, TABLES, TABLES_BY_NAME, Table
from par_warehouse.copying import MAX_PATH, shown
from par_warehouse.corrections import Corrections, files_digest
from par_warehouse.dialects import Context, Part, UnreadableFile, dialect
from par_warehouse.errors import ParError
from par_warehouse.identity import create_identity_tables
from par_warehouse.landing import Delivery, landed
from par_warehouse.ledger import last_accepted, open_ledger
from par_warehouse.people import People
from par_warehouse.pseudonym import register_hashes
from par_warehouse.senders import Senders, folder_name
from par_warehouse.settings import Settings
from par_warehouse.staged import StagedFile, StagedPart, staged_folder, write_staged
from par_warehouse.staged_rows import StagedRows
from par_warehouse.text import fold, register_fold
from par_warehouse.units import UnitDirectory
from par_warehouse.vault import attached_vault, incoming_persons, remember_persons

log = logging.getLogger("par_warehouse")

TOLD_BY_SEVERAL = ("mdl_user", "mdl_course", "mdl_course_modules")
"""What each of several exports tells in part: an account is in every screen that shows its learner."""
MAX_COLUMNS = 2_000
"""Each costs memory even where it is dropped; the largest known exports have a few hundred."""
LOCK_FILES = ("~$", ".~lock.")
"""How the names of files begin that Excel and LibreOffice leave beside an open workbook."""


def standardise(
    settings: Settings, configuration: Configuration, source: str, data_date: date
) -> dict[str, StagedFile]:
    """Stage every table of a delivery that has files; return the staged files by table name."""
    delivery = landed(settings, source, data_date)
    if delivery is None:
        return {}
    folder = staged_folder(settings, source, data_date)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "parts").mkdir(parents=True)
    with _Stage(settings, configuration, delivery, folder) as stage:
        found = stage.read_all()
        staged = {name: stage.combine(name, parts) for name, parts in found.items()}
    remember_persons(settings)
    write_staged(settings, delivery, staged)
    return staged


def read_files(
    settings: Settings, configuration: Configuration, delivery: Delivery, feed: Feed, names: Sequence[str]
) -> list[Part]:
    """What the dialect of a feed finds in the landed files of one sender. Raises UnreadableFile."""
    names = without_lock_files(names)
    delivered = [delivery.delivered_file(settings, name) for name in (names if _is_one(feed) else names[:1])]
    headings = configuration.headings.get(feed.table or "", {})
    context = Context(delivery.data_date, feed.table, headings, settings.memory_limit, settings.threads)
    found: list[Part] = dialect(feed.dialect).read(delivered, feed.options, context)
    return found


def without_lock_files(names: Sequence[str]) -> Sequence[str]:
    """Beside a list the lock file of its program is no second list; alone it is refused by the dialect."""
    return [name for name in names if not PurePosixPath(name).name.startswith(LOCK_FILES)] or names


class _Stage:
    """The staging of one delivery: one connection, feed after feed, table after table."""

    def __init__(self, settings: Settings, configuration: Configuration, delivery: Delivery, folder: Path) -> None:
        self.settings = settings
        self.configuration = configuration
        self.delivery = delivery
        self.folder = folder
        self.day = delivery.data_date.isoformat()
        self.people: People | None = None
        self.corrections = Corrections(settings, delivery.source, delivery.data_date)
        self.senders = Senders(settings, delivery.source, self.day)
        self.feeds = sorted(configuration.sources.of(delivery.source).feeds, key=_order)

    def __enter__(self) -> "_Stage":
        with ExitStack() as stack:
            config: dict[str, str | bool | int | float | list[str]] = {
                "memory_limit": self.settings.memory_limit,
                "threads": self.settings.threads,
                "temp_directory": str(self.settings.vault / "spill"),
            }
            self.con = stack.enter_context(duckdb.connect(config=config))
            register_hashes(self.con, self.settings)
            register_fold(self.con)
            if self.configuration.sources.looks_up_persons:
                purpose = f"find the persons of the {self.delivery.source} delivery of {self.day}"
                vault = stack.enter_context(attached_vault(self.settings, self.con, purpose))
                create_identity_tables(self.con, vault)
                self.people = People(self.settings, self.con, vault, self.delivery.data_date)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read_all(self) -> dict[str, list[StagedPart]]:
        """Read every feed; the parts of each table by feed and sender, those of silent senders included."""
        self.senders.forget_tonight()
        found: dict[str, list[StagedPart]] = {}
        for feed in self.feeds:
            of_feed: dict[str, list[StagedPart]] = {}
            groups = {
                part: names
                for part, names in self.delivery.of_feed(feed).items()
                if not all(map(self._is_lock_of_a_list, names))
            }
            for part, names in groups.items():
                for table, staged in self._read_group(feed, part, names).items():
                    of_feed.setdefault(table, []).append(staged)
            for table in feed.fills:
                of_feed.setdefault(table, []).extend(self.senders.silent(feed, table, set(groups)))
            for table, parts in of_feed.items():
                found.setdefault(table, []).extend(sorted(parts, key=lambda one: one.part))
        return {table: parts for table, parts in found.items() if parts}

    def _is_lock_of_a_list(self, name: str) -> bool:
        """Whether a file is the lock file of a list that is delivered beside it: that is no sender of its own."""
        folder, _, own = name.rpartition("/")
        prefix = next((one for one in LOCK_FILES if own.startswith(one)), None)
        if prefix is None:
            return False
        listed = own.removeprefix(prefix).removesuffix("#")
        return (f"{folder}/{listed}" if folder else listed) in self.delivery.files

    def _read_group(self, feed: Feed, part: str, names: Sequence[str]) -> dict[str, StagedPart]:
        """Read the files of one sender. What cannot be read is rejected for every table of the feed."""
        names = without_lock_files(names)
        files = [self.delivery.files[name] for name in names]
        shas = [file.sha256 for file in files]
        is_one = _is_one(feed)
        file_name = names[0] if len(names) == 1 or not is_one else feed.files or feed.name
        blank = StagedPart(
            feed.name, feed.dialect, part, shown(file_name, MAX_PATH), "rejected",
            sha256=shas[0] if len(shas) == 1 else hashlib.sha256(repr(shas).encode()).hexdigest(),
        )  # fmt: skip
        staged: dict[str, StagedPart] = {}
        try:
            if refusal := next((file.refusal for file in files if file.refusal), None):
                raise UnreadableFile(*refusal)
            if not is_one and len(set(shas)) > 1:
                raise UnreadableFile(
                    f"có {len(names)} tệp khác nhau của cùng một nơi gửi; hãy chỉ gửi một tệp",
                    f"there are {len(names)} different files of one sender; send one only",
                )
            for found_part in read_files(self.settings, self.configuration, self.delivery, feed, names):
                one = self.corrections.applied(feed.name, part, files_digest(shas), found_part)
                if len(one.names) > MAX_COLUMNS:
                    raise UnreadableFile(
                        f"tệp có {len(one.names)} cột, nhiều hơn mức cho phép là {MAX_COLUMNS}; hãy xóa các cột thừa"
                        " rồi gửi lại",
                        f"the file has {len(one.names)} columns, more than the {MAX_COLUMNS} allowed; delete those that"
                        " are not needed and send it again",
                    )
                if one.table == IDENTITY_MAP:
                    staged[one.table] = self._remember_map(feed, one, blank)
                elif one.table in feed.fills:
                    found = self._stage_part(feed, one, blank)
                    # Notes on the delivery as a whole are counted with its first table.
                    is_told = any(found.notes == other.notes for other in staged.values())
                    staged[one.table] = replace(found, notes={}) if is_told else found
        except UnreadableFile as error:
            return self._rejected(feed, blank, str(error))
        except ParError:
            raise
        except Exception as error:
            # Whatever a parser stumbles over must cost this file only. The text of the error could hold a delivered
            # value; its kind and place are enough to find the cause.
            kind, place = type(error).__name__, traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            log.error("%s: the dialect %s met a %s at %s", blank.file_name, feed.dialect, kind, where)
            problem = (
                f"không đọc được tệp ({kind}); hãy mở, lưu lại và gửi lại"
                f" | the file cannot be read ({kind}); open it, save it again and send it"
            )
            return self._rejected(feed, blank, problem)
        return staged

    def _rejected(self, feed: Feed, blank: StagedPart, problem: str) -> dict[str, StagedPart]:
        """The answer for every table of the feed; what was staged before the fault was met is removed."""
        for table in feed.fills:
            path = self._part_path(feed.name, table, blank.part)
            path.unlink(missing_ok=True)
            self._persons_path(path).unlink(missing_ok=True)
        return {table: replace(blank, problem=problem) for table in feed.fills}

    def _stage_part(self, feed: Feed, part: Part, blank: StagedPart) -> StagedPart:
        """Write the rows of one part (none when a column is missing or repeated) and say what was found."""
        table = TABLES_BY_NAME[part.table]
        names, columns = list(part.names), {column.name for column in table.columns}
        unknown = set(names) - columns
        forbidden = {kind for name in unknown for kind in self._forbidden_kinds(name)}
        facts = replace(
            blank,
            state="read",
            served_from=self.day,
            corrections=self.corrections.digest(feed.name, blank.part, table.name),
            missing_columns=tuple(c.name for c in table.columns if c.name not in names and c.name not in feed.absent),
            repeated_columns=len(names) - len(set(names)),
            unknown_columns=len(unknown),
            forbidden_columns=tuple(sorted(forbidden)),
        )
        wanted = [column.name for column in table.stored_columns if column.name in names] if facts.is_usable else []
        if not facts.is_usable:
            return replace(facts, rows=sum(len(one.numbers) + len(one.malformed) for one in part.records(wanted)))
        rows, path = 0, self._part_path(feed.name, table.name, blank.part)
        with self._writer(feed, table, path) as target:
            for records in part.records(wanted):
                rows += len(records.numbers) + len(records.malformed)
                target.write(records)
        notes = dict(part.notes) | target.notes
        # Of a list that will not serve tonight nobody's staff number is believed, nor thought to be gone.
        is_believed = self.senders.problem(feed, table, replace(facts, rows=rows)) is None
        if self.people is not None and table.name == "nhan_su" and is_believed:
            self.people.remember_staff(part, f"{feed.name} {blank.part}")
        if self.people is not None and feed.persons == "matched" and table.name == "mdl_user":
            notes |= self.people.match_accounts(part, path)
        return replace(facts, rows=rows, notes={name: count for name, count in sorted(notes.items()) if count})

    def _forbidden_kinds(self, heading: str) -> set[str]:
        """The kinds of forbidden data that a heading means, by itself or below a group heading."""
        words = f" {fold(heading)}"
        return {kind for folded, kind in self.configuration.forbidden.items() if words.endswith(f" {folded}")}

    def _writer(self, feed: Feed, table: Table, path: Path) -> StagedRows:
        return StagedRows(
            con=self.con,
            feed=feed,
            table=table,
            data_date=self.delivery.data_date,
            spellings={column: self.configuration.values[name] for column, name in feed.values.items()},
            target=path,
            persons=self._persons_path(path),
            units=self._unit_directory if feed.units == "code_or_name" else None,
            people=self.people if feed.persons == "number_or_known" else None,
        )

    def _remember_map(self, feed: Feed, part: Part, blank: StagedPart) -> StagedPart:
        """Take the identity map of HR into the vault; only its counts go on."""
        if self.people is None:
            return replace(blank, problem="không có nguồn nào dùng tệp này | no feed is configured to use this file")
        notes = self.people.remember_map(part, feed.name)
        return replace(blank, state="read", served_from=self.day, rows=sum(notes.values()), notes=notes)

    @cached_property
    def _unit_directory(self) -> UnitDirectory:
        """The units of this delivery or, if it has none that can be read, those accepted last."""
        name = "don_vi"
        (feed,) = (feed for feed in self.feeds if name in feed.fills)
        path = self._part_path(feed.name, name, "")
        if not path.exists():
            with open_ledger(self.settings) as ledger:
                last = last_accepted(ledger, TABLES_BY_NAME[name], self.delivery.data_date, before=True)
            path = self.settings.accepted / last.path if last else path
        if path.exists():
            self.con.execute(f"create or replace temp table unit_staged as from read_parquet({_literal(path)})")
        else:
            columns = ", ".join(f"{c.name} {STORED_TYPE[c.kind]}" for c in TABLES_BY_NAME[name].stored_columns)
            self.con.execute(f"create or replace temp table unit_staged ({columns})")
        return UnitDirectory(self.con, "unit_staged", self.configuration.unit_aliases)

    def combine(self, name: str, parts: Sequence[StagedPart]) -> StagedFile:
        """The staged file of a table out of the parts of tonight and, for silent senders, of the last nights."""
        if name == IDENTITY_MAP:
            return StagedFile("", None, 0, None, (), 0, 0, False, True, tuple(parts))
        table, target = TABLES_BY_NAME[name], self.folder / f"{name}.parquet"
        feeding = [feed for feed in self.feeds if name in feed.fills]
        has_parts = len(feeding) > 1 or any(feed.has_parts for feed in feeding)
        if has_parts:
            feeds = {feed.name: feed for feed in feeding}
            parts = [self.senders.serve(feeds[p.feed], table, p, self._part_path(p.feed, name, p.part)) for p in parts]
            serving = [part for part in parts if part.served_from is not None]
            rows = self._write_all([(part, self.senders.rows(feeds[part.feed], name, part)) for part in parts], target)
            if name in TOLD_BY_SEVERAL and len(serving) > 1:
                parts, rows = self._merge(table, parts, target)
            problem = None if serving else parts[0].problem
            whole = StagedPart("", "", "", "", "read", rows=rows, problem=problem, sha256=_digest(parts))
        else:
            (whole,) = parts
            if (path := self._part_path(whole.feed, name, whole.part)).exists():
                path.replace(target)
        return StagedFile(
            path=str(target),
            sha256=whole.sha256,
            rows_read=whole.rows,
            problem=whole.problem,
            missing_columns=whole.missing_columns,
            repeated_columns=whole.repeated_columns,
            unknown_columns=sum(part.unknown_columns for part in parts),
            is_incremental=table.is_incremental or any(feed.increments for feed in feeding),
            has_parts=has_parts,
            parts=tuple(parts),
        )

    def _write_all(self, parts: Sequence[tuple[StagedPart, Path]], target: Path) -> int:
        """Write the rows of all serving parts; number them through and return how many they are."""
        queries, rows = [], 0
        for number, (part, path) in enumerate(parts):
            if part.served_from is not None:
                queries.append(
                    f"select {rows} + row_number() over (order by row_number) as row_number, * exclude (row_number),"
                    f" {number} as part_number, row_number as part_row from read_parquet({_literal(path)})"
                )
                rows += part.rows
        if queries:
            self.con.execute(
                f"copy ({' union all by name '.join(queries)} order by row_number) to {_literal(target)}"
                " (format parquet, compression zstd)"
            )
        return rows

    def _merge(self, table: Table, parts: Sequence[StagedPart], target: Path) -> tuple[list[StagedPart], int]:
        """Leave out each row to which another part's row of the same id adds something, or that is that of another
        part once more; note how many of each part's. Rows that contradict each other all stay, for the rules.
        """
        said = [c.name for c in table.stored_columns if c.name != table.person_column]
        said += ["person_key"] if table.person_column else []

        def agrees(one: str, other: str) -> str:
            return " and ".join(f"coalesce({one}.{name} = {other}.{name}, {one}.{name} is null)" for name in said)

        con, staged = self.con, f"read_parquet({_literal(target)})"
        con.execute(
            f"create or replace temp table merged as select own.* from {staged} as own anti join {staged} as other"
            f" on other.id = own.id and other.part_number <> own.part_number and {agrees('own', 'other')}"
            f" and (own.part_number < other.part_number or not ({agrees('other', 'own')}))"
        )
        con.execute(
            "copy (select * replace (row_number() over (order by row_number) as row_number) from merged"
            f" order by row_number) to {_literal(target)} (format parquet, compression zstd)"
        )
        kept: dict[int, int] = dict(con.execute("select part_number, count(*) from merged group by all").fetchall())
        noted = list(parts)
        for number, part in enumerate(parts):
            told = part.rows - kept.get(number, 0) if part.served_from is not None else 0
            if told:
                noted[number] = replace(part, notes=dict(part.notes) | {"told_by_others": told})
        return noted, sum(kept.values())

    def _part_path(self, feed: str, table: str, part: str) -> Path:
        return self.folder / "parts" / f"{feed}-{table}-{folder_name(part)}.parquet"

    def _persons_path(self, path: Path) -> Path:
        """Where the people in the staged rows at ``path`` wait for the vault."""
        return incoming_persons(self.settings, f"{self.delivery.source}-{self.day}-{path.stem}")


def _is_one(feed: Feed) -> bool:
    """Whether all files of a sender are read as one."""
    return feed.together or feed.pull is not None


def _order(feed: Feed) -> int:
    """Feeds in the order in which they refer to each other: the identity map, then as the contract's tables."""
    names = [table.name for table in TABLES]
    return min(-1 if table == IDENTITY_MAP else names.index(table) for table in feed.fills)


def _digest(parts: Sequence[StagedPart]) -> str:
    """Changes when what any part is served by changes."""
    return hashlib.sha256(repr([(part.part, part.sha256, part.served_from) for part in parts]).encode()).hexdigest()


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
