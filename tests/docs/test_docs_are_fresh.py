"""The documentation says what is there: generated pages, links, commands, columns, variables."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import typer

from par_warehouse import dialects
from par_warehouse.cli import app
from par_warehouse.config import load_configuration
from par_warehouse.contract import SOURCES, TABLES, Table
from par_warehouse.ledger import OPS_TABLES
from par_warehouse.rules import DELIVERY_FILE_SUITE, load_suite, suite_of
from par_warehouse.settings import PROJECT_ROOT

SHIPPED = PROJECT_ROOT / "include" / "config"
DOCS = PROJECT_ROOT / "docs"
README = PROJECT_ROOT / "README.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
# Homes and checkouts of one machine, and package indexes. The home of the image's user is the same everywhere.
NOT_PORTABLE = re.compile(
    r"(?<![\w.$}/~-])/(?:root|Users|work|home/(?!par/))[/\w]"  # an absolute path
    r"|--(?:extra-)?index-url|--find-links|https?://[^\s\"']*/simple\b"
)


def test_generated_pages_are_as_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_and_a_missing_page_are_stale(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    same, changed, missing = (tmp_path / name for name in ("same", "changed", "missing"))
    same.write_text("text")
    changed.write_text("text, by hand")
    assert generate.stale_pages(dict.fromkeys((same, changed, missing), "text")) == [changed, missing]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text("utf-8"))):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))
def test_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT_ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert len(targets) > 5
    for command in code(page.read_text("utf-8")):
        for target in re.findall(r"(?:^|\s)make ([a-z]+)", command):
            assert target in targets, f"make {target}"
        for words in re.findall(r"(?:^|\s|/)par ((?:[a-z]+(?:-[a-z]+)*|--[a-z-]+)(?: [^`\n|#]*)?)", command):
            assert wrong_word(words.split()) is None, f"par {words}"


def test_readme_is_short_and_shows_commands() -> None:
    text = README.read_text("utf-8")
    assert len(text.splitlines()) <= 120
    assert {"make nightly", "make test"} <= {line.split("  ")[0] for line in code(text)}


def test_nothing_tracked_names_a_machine_or_a_package_index() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, check=True)
    paths = [PROJECT_ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(paths) > 100
    found = [(str(path.relative_to(PROJECT_ROOT)), hit) for path in paths for hit in not_portable(path)]
    assert found == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.file_name)
def test_export_contract_describes_every_column_as_it_is_judged(table: Table) -> None:
    text = (DOCS / "reference" / "export-contract.md").read_text("utf-8")
    section = text.split(f"\n### `{table.file_name}`")[1].split("\n#")[0]
    marks = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            names, mark = [cell.strip() for cell in line.split("|")[1:3]]
            marks |= dict.fromkeys(re.findall(r"`(\w+)`", names), mark)
    assert list(marks) == [column.name for column in table.columns]
    required = {rule.column for rule in suite_of(table).rules if rule.code == "REQUIRED"}
    assert {name for name, mark in marks.items() if mark == "**k**"} == set(table.key)
    assert {name for name, mark in marks.items() if mark == "*r*"} == required - set(table.key)


def test_every_rule_code_every_ops_column_and_every_variable_is_described() -> None:
    contract, warehouse, configuration = (
        (DOCS / "reference" / f"{name}.md").read_text("utf-8")
        for name in ("export-contract", "warehouse", "configuration")
    )
    suites = [load_suite(DELIVERY_FILE_SUITE), *(suite_of(table) for table in TABLES)]
    codes = {rule.code for suite in suites for rule in suite.rules}
    columns = {name for names in OPS_TABLES.values() for name in names.split(", ")}
    code_files = [*(PROJECT_ROOT / "include").rglob("*.py"), *(PROJECT_ROOT / "dags").glob("*.py")]
    variables = {name for path in code_files for name in re.findall(r"\bPAR_[A-Z_]+\b", path.read_text("utf-8"))}
    assert len(codes) > 15 and len(columns) > 20 and len(variables) > 5
    assert [code for code in sorted(codes) if f"`{code}`" not in contract] == []
    assert [column for column in sorted(columns) if f"`{column}`" not in warehouse] == []
    assert [name for name in sorted(variables) if f"`{name}`" not in configuration] == []


@pytest.mark.parametrize("name", [module.name for module in iter_modules(dialects.__path__) if module.name[0] != "_"])
def test_every_dialect_is_described_and_its_examples_are_right(name: str, tmp_path: Path) -> None:
    text = (DOCS / "reference" / "dialects.md").read_text("utf-8")
    section = text.split(f"\n## `{name}`")[1].split("\n## ")[0]
    examples = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert examples
    for number, example in enumerate(examples):
        folder = Path(shutil.copytree(SHIPPED, tmp_path / str(number)))
        (folder / "sources.yml").write_text(with_example(example), encoding="utf-8")
        sources = load_configuration(folder).sources
        assert [feed.dialect for source in SOURCES for feed in sources.of(source).feeds].count(name) >= 1


def test_every_note_that_is_described_is_counted_somewhere() -> None:
    text = (DOCS / "reference" / "dialects.md").read_text("utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    notes = {note for cell in cells for note in re.findall(r"`([a-z]\w+)`", cell)}
    code_text = "".join(path.read_text("utf-8") for path in (PROJECT_ROOT / "include").rglob("*.py"))
    made = {f"matched_by_{kind}" for kind in ("idnumber", "cmnd", "so_hieu", "email")} | {"ngay_sinh_without_day"}
    assert len(notes) > 40 and made <= notes
    assert [note for note in sorted(notes - made) if not re.search(rf"\b{note}\b", code_text)] == []


def test_every_message_that_is_explained_exists() -> None:
    page = (DOCS / "how-to" / "repair-a-delivery.md").read_text("utf-8").split("\n## 4. ")[1].split("\n## 5. ")[0]
    quoted = re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)))
    texts = set(messages())
    assert len(quoted) > 25
    missing = [one for one in quoted if not any(re.search(message_pattern(one), text) for text in texts)]
    assert missing == []


def not_portable(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return []
    # This file has to spell what it looks for.
    return [] if path == Path(__file__).resolve() else NOT_PORTABLE.findall(text)


def messages() -> Iterator[str]:
    """Every text in the code; what is put into it at run time is …"""
    for path in (PROJECT_ROOT / "include").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def message_pattern(quoted: str) -> str:
    return ".*".join(re.escape(piece.strip()) for piece in quoted.split("…"))


def with_example(feeds: str) -> str:
    """The shipped ``sources.yml`` with these feeds in place of those of the same tables."""
    tables = set(re.findall(r"\b(?:danh_gia|lop_boi_duong|mdl_\w+)\b", feeds.split("files:")[0].split("pull:")[0]))
    shipped = (SHIPPED / "sources.yml").read_text("utf-8").splitlines(keepends=True)
    places = [number for number, line in enumerate(shipped) if line.strip().removeprefix("- table: ") in tables]
    assert len(places) == len(tables) > 0
    kept = [line for number, line in enumerate(shipped) if number not in places]
    kept.insert(places[0], "".join(f"    {line}\n" for line in feeds.splitlines()))
    return "".join(kept)


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def code(text: str) -> Iterator[str]:
    """Lines of code blocks, and code inside sentences."""
    for language, block in re.findall(r"```([a-z]*)\n(.*?)```", text, re.DOTALL):
        if language in ("", "python"):
            yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", without_code(text))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that headings get on GitHub."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text("utf-8")), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def wrong_word(words: list[str]) -> str | None:
    """The first word of a `par` command line that is no command or option of it."""
    command: Any = typer.main.get_command(app)
    options = {"--help"}
    for word in words:
        if hasattr(command, "commands"):
            if word in options:
                continue
            if word not in command.commands:
                return word
            command = command.commands[word]
            options |= {option for parameter in command.params for option in parameter.opts}
        elif word.startswith("--") and word not in options:
            return word
    return None
