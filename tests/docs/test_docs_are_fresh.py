"""The documentation says what is there: generated pages, links, commands, columns, variables."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from par_warehouse.cli import app
from par_warehouse.contract import TABLES, Table
from par_warehouse.ledger import OPS_TABLES
from par_warehouse.rules import DELIVERY_FILE_SUITE, load_suite, suite_of
from par_warehouse.settings import PROJECT_ROOT

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
        for words in re.findall(r"(?:^|\s|/)par ((?:[a-z]+-?[a-z]*|--[a-z-]+)(?: [^`\n|#]*)?)", command):
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


def not_portable(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return []
    # This file has to spell what it looks for.
    return [] if path == Path(__file__).resolve() else NOT_PORTABLE.findall(text)


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
