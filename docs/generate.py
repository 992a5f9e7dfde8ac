"""Write the pages of docs/reference that follow from the code: data dictionary, ER diagram, DAGs, rules, sources,
recipients.

`--check` writes nothing, names every page that is not as the code says, and ends with status 1 if there is one.
`--picture` draws the indicators of the present publication for the README instead.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from io import StringIO
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any

import typer

from par_warehouse import contract, dialects, pulls, rules
from par_warehouse.settings import PROJECT_ROOT, Settings

REFERENCE = PROJECT_ROOT / "docs" / "reference"
PICTURE = PROJECT_ROOT / "docs" / "images" / "indicators.svg"
NOTE = "<!-- Written by docs/generate.py; change the source named below, not this page. -->"
SCHEMAS = {"marts": "for analysts; pseudonymous, no names, no identification numbers", "bi": "for BI tools"}
ANSWERS = {"row": "row to quarantine", "file": "file rejected", "warning": "row kept and counted"}


def main(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; status 1 if a page is stale.")] = False,
    picture: Annotated[bool, typer.Option("--picture", help="Draw the indicators for the README instead.")] = False,
) -> None:
    """Write the generated pages of docs/reference."""
    if picture:
        draw_indicators(PICTURE)
        return
    expected = pages()
    stale = stale_pages(expected)
    for path in stale:
        name = path.relative_to(PROJECT_ROOT)
        if check:
            print(f"{name} is not as the code says. Run python docs/generate.py and commit what it writes.")
        else:
            path.write_text(expected[path], encoding="utf-8")
            print(f"{name} written")
    sys.exit(1 if check and stale else 0)


def stale_pages(expected: dict[Path, str]) -> list[Path]:
    """The pages that are missing or hold another text."""
    return [path for path, text in expected.items() if not path.exists() or path.read_text("utf-8") != text]


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    with tempfile.TemporaryDirectory() as scratch:
        manifest = parsed_manifest(Path(scratch))
        return {
            REFERENCE / "data-dictionary.md": data_dictionary(manifest),
            REFERENCE / "er-diagram.md": er_diagram(manifest),
            REFERENCE / "dags.md": dag_catalogue(loaded_dags(Path(scratch))),
            REFERENCE / "rules.md": rule_catalogue(),
            REFERENCE / "sources.md": source_reference(),
            REFERENCE / "recipients.md": recipient_reference(),
        }


def parsed_manifest(scratch: Path) -> Any:
    """dbt's manifest of the project as it is; nothing is run and nothing is written outside ``scratch``."""
    for name in ("PAR_BUILD_FILE", "PAR_WORK_FILE", "PAR_LEDGER_FILE"):
        os.environ[name] = str(scratch / f"{name}.duckdb")
    os.environ.update(PAR_AS_OF_DATE="2000-01-01", DO_NOT_TRACK="1")
    from dbt.cli.main import dbtRunner

    project = str(PROJECT_ROOT / "dbt_project")
    places = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(scratch / "target")]
    quiet = ["--log-path", str(scratch / "logs"), "--log-level", "none"]
    outcome = dbtRunner().invoke(["parse", "--no-partial-parse", *places, *quiet])
    if not outcome.success:
        raise SystemExit(f"dbt cannot parse the project: {outcome.exception}")
    return outcome.result


def loaded_dags(scratch: Path) -> list[Any]:
    """Every DAG of ``dags/``, loaded by Airflow with a home of its own."""
    os.environ.pop("PAR_TASK_RETRIES", None)
    os.environ.update(
        AIRFLOW_HOME=str(scratch / "airflow"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT_ROOT / "dags"),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{scratch / 'airflow.db'}",
        AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    )
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(PROJECT_ROOT / "dags"))
    if bag.import_errors:
        raise SystemExit(f"A DAG cannot be loaded: {bag.import_errors}")
    if not bag.dags:
        raise SystemExit("No DAG was found in dags/.")
    return [bag.dags[name] for name in sorted(bag.dags)]


def data_dictionary(manifest: Any) -> str:
    """The published models with grain, columns, types and descriptions, then the sheets of the indicators."""
    lines = [
        NOTE,
        "# Data dictionary",
        "",
        "The published tables that dbt builds, from `dbt_project/models/{marts,bi}/*.yml`. The tables of schema `ops` "
        "are in the [warehouse contract](warehouse.md#schema-ops-administrators); how they hang together is in the "
        "[ER diagram](er-diagram.md).",
        "",
    ]
    for schema, purpose in SCHEMAS.items():
        lines += [f"## Schema `{schema}`", "", f"{purpose[0].upper()}{purpose[1:]}.", ""]
        for model in published(manifest, schema):
            lines += [f"### `{schema}.{model.name}`", "", *described(model), ""]
            lines += [f"Key: {', '.join(f'`{column}`' for column in keys(manifest)[model.unique_id])}.", ""]
            rows = [
                (f"`{one.name}`", sql_type(one), "" if is_required(one) else "yes", one_line(one.description))
                for one in model.columns.values()
            ]
            lines += [*table(("column", "type", "may be empty", "meaning"), rows), ""]
    lines += ["## Indicators", "", "One sheet per indicator, from `dbt_project/models/marts/indicators/`.", ""]
    for name, doc in sorted((doc.name, doc) for doc in manifest.docs.values()):
        if name.startswith("sheet_"):
            lines += [doc.block_contents.strip().replace("## ", "### ", 1), ""]
    return finished(lines)


def er_diagram(manifest: Any) -> str:
    """Keys and references of the published models as a Mermaid diagram."""
    marts, bi = published(manifest, "marts"), published(manifest, "bi")
    lines = [
        NOTE,
        "# ER diagram",
        "",
        "From the key and relationship tests in `dbt_project/models/{marts,bi}/*.yml`: a table refers to a "
        "dimension when it has all columns of its key (or a relationship test says so), and a table of `bi` shows the "
        "table of `marts` with the same key. PK: part of the table's key. FK: part of a reference. Columns that are "
        "neither are in the [data dictionary](data-dictionary.md).",
        "",
        "```mermaid",
        "erDiagram",
    ]
    references = sorted(set(references_of(manifest, marts, bi)))
    for child, parent, columns, cardinality in references:
        lines.append(f'    {child} {cardinality} {parent} : "{", ".join(columns)}"')
    for model in [*marts, *bi]:
        key = keys(manifest)[model.unique_id]
        foreign = {column for child, _, columns, _ in references if child == entity(model) for column in columns}
        lines.append(f"    {entity(model)} {{")
        for column in model.columns.values():
            marks = [mark for mark, names in (("PK", key), ("FK", foreign)) if column.name in names]
            if marks:
                lines.append(f"        {sql_type(column).lower()} {column.name} {', '.join(marks)}")
        lines.append("    }")
    return finished([*lines, "```"])


def references_of(
    manifest: Any, marts: Sequence[Any], bi: Sequence[Any]
) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Child, parent, columns and Mermaid cardinality of each reference between published models."""
    key = keys(manifest)
    for node in manifest.nodes.values():
        test = getattr(node, "test_metadata", None)
        if test is not None and test.name == "relationships" and node.attached_node in {m.unique_id for m in marts}:
            child = manifest.nodes[node.attached_node]
            parent = manifest.nodes[next(one for one in node.depends_on.nodes if one != node.attached_node)]
            yield entity(child), entity(parent), (node.column_name,), cardinality_of(child, [node.column_name])
    for child in marts:
        for parent in marts:
            wanted = key[parent.unique_id]
            points_up = parent.name.startswith("dim_") and set(wanted) <= set(child.columns)
            is_mutual = child.name.startswith("dim_") and set(key[child.unique_id]) <= set(wanted)
            if child is not parent and points_up and not is_mutual:
                yield entity(child), entity(parent), tuple(wanted), cardinality_of(child, wanted)
    for view in bi:
        for mart in marts:
            if key[view.unique_id] == key[mart.unique_id]:
                yield entity(view), entity(mart), tuple(key[mart.unique_id]), "||--||"


def cardinality_of(child: Any, columns: Iterable[str]) -> str:
    return "}o--||" if all(is_required(child.columns[column]) for column in columns) else "}o--o|"


def dag_catalogue(dags: Sequence[Any]) -> str:
    """Each DAG with its own words, its settings and its tasks."""
    lines = [NOTE, "# DAGs", "", "From the files in `dags/`, as Airflow loads them.", ""]
    for dag in dags:
        tasks = sorted(dag.topological_sort(), key=place_of)
        parameters = [f"`{name}`: {dag.params.get_param(name).description}" for name in sorted(dag.params)]
        rows = [
            ("file", f"`dags/{Path(dag.fileloc).name}`"),
            ("schedule", schedule_of(dag)),
            ("catch-up", "yes" if dag.catchup else "no"),
            ("runs at a time", str(dag.max_active_runs)),
            ("parameters", "; ".join(parameters) or "none"),
        ]
        lines += [f"## `{dag.dag_id}`", "", *table(("setting", "value"), rows), ""]
        lines += ["```mermaid", "flowchart LR", *flow(tasks), "```", ""]
        rows = [
            (f"`{task.task_id}`", one_line(task.doc_md or ""), waits_for(task), str(task.retries)) for task in tasks
        ]
        lines += [*table(("task", "does", "after", "retries"), rows), ""]
        lines += [(dag.doc_md or "").strip(), ""]
    return finished(lines)


def schedule_of(dag: Any) -> str:
    expression = getattr(dag.timetable, "expression", None)
    return f"`{expression}` ({dag.timetable.timezone})" if expression else "none: started by hand or by a DAG"


def place_of(task: Any) -> tuple[int, str]:
    """How deep a task lies, so that the table reads from the first task to the last."""
    return (len(task.get_flat_relative_ids(upstream=True)), task.task_id)


def waits_for(task: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(task.upstream_task_ids)) or "nothing"


def flow(tasks: Sequence[Any]) -> Iterator[str]:
    """Mermaid lines: a box per task group, an arrow per dependency."""
    groups: dict[str, list[Any]] = {}
    for task in tasks:
        groups.setdefault(task.task_group.group_id or "", []).append(task)
    for group, members in groups.items():
        yield f"    subgraph {group or 'tasks'}"
        yield from (f"        {task.task_id.replace('.', '_')}[{task.label}]" for task in members)
        yield "    end"
    for task in tasks:
        for follower in sorted(task.downstream_task_ids):
            yield f"    {task.task_id.replace('.', '_')} --> {follower.replace('.', '_')}"


def rule_catalogue() -> str:
    """Every rule, file by file."""
    lines = [
        NOTE,
        "# Rules",
        "",
        "From `expectations/*.json`. What a code means and what happens then is in the"
        " [export contract](export-contract.md#what-happens-to-bad-input); how one rule is both evaluated and compiled"
        " to the quarantine query is explained in [How rules work](../explanation/how-rules-work.md).",
        "",
        "Order of precedence of the row codes: " + ", ".join(f"`{code}`" for code in contract.ROW_RULES) + ".",
        "",
    ]
    suites = [(rules.load_suite(rules.DELIVERY_FILE_SUITE), "Every file, before its rows are judged")]
    suites += [(rules.suite_of(one), f"`{one.source}/{one.file_name}`") for one in contract.TABLES]
    for suite, title in suites:
        rows = [
            (
                f"`{rule.code}`",
                ANSWERS[rule.severity],
                ", ".join(f"`{column}`" for column in rule.column.split(", ")) if rule.column else "",
                one_line(rule.message_vi),
                one_line(rule.message_en),
            )
            for rule in suite.rules
        ]
        lines += [f"## {title}", "", *table(("code", "answer", "column", "Vietnamese", "English"), rows), ""]
    return finished(lines)


def source_reference() -> str:
    """Every key of the files in the configuration folder, from the models that check them."""
    from par_warehouse.config import Feed, Source, Sources
    from par_warehouse.dialects._xapi_mapping import MappingOfStatements
    from par_warehouse.unit_aliases import ALIAS_COLUMNS

    lines = [
        NOTE,
        "# Sources",
        "",
        "Every key of the files in the configuration folder (`include/config/`, or `PAR_CONFIG_DIR`), from the models"
        " that check them: `config.py`, and `Options` of each module in `dialects/`. `par check-config` checks the"
        " whole folder. How to use all this: [Add a source](../how-to/add-a-source.md).",
        "",
        "In the tables `[]` stands for each element of a list and `*` for a name of your choice. A key without a"
        " default may be left out. Wherever a value is expected, `!include other.yml` stands for the content of that"
        " file of the same folder.",
        "",
        "## `sources.yml`",
        "",
        "Where each table of the [export contract](export-contract.md) comes from.",
        "",
        *key_table(Sources),
        "",
        "### A source",
        "",
        *key_table(Source),
        "",
        "### A feed",
        "",
        *key_table(Feed),
        "",
        "A feed has either `table` or `tables`, and either `files` or `pull`. Together the feeds of a source fill every"
        " table of that source; several feeds may fill one table, and then each needs a `name` of its own."
        " `{table: don_vi}` alone is the contract's own `don_vi.csv`. The table `dinh_danh_cu` stands beside the"
        " contract: [Match accounts to people](../how-to/match-accounts-to-people.md).",
        "",
        "## Options of dialects",
        "",
        "What may stand under `options:` of a feed. What each dialect reads and gives is in [Dialects](dialects.md).",
        "",
    ]
    for name in module_names(dialects):
        lines += [f"### `{name}`", "", *option_table(dialects.dialect(name).Options), ""]
    lines += [
        "## Pulls",
        "",
        "A pull asks a system behind an Airflow connection of type `http`, the `connection` of the feed: host, login,"
        " password (a token). It has the options of the dialect of the same name.",
        "",
    ]
    for name in module_names(pulls):
        module = import_module(f"{pulls.__name__}.{name}")
        asked = one_line(module.__doc__).partition(": ")[2]
        lines += [f"### Pull `{name}`", "", asked[0].upper() + asked[1:], ""]
        if hasattr(module, "RIGHTS"):
            rows = [(f"`{function}`", f"`{rights}`") for function, rights in module.RIGHTS.items()]
            lines += [*table(("function that is asked", "rights that the account of the token needs"), rows), ""]
    lines += [
        "## `xapi.yml`",
        "",
        markdown(MappingOfStatements.__doc__) + " A feed names the file: `options: {mapping: !include xapi.yml}`. The"
        " one that is shipped is an example for three platforms, to be replaced by your own addresses and codes.",
        "",
        *key_table(MappingOfStatements),
        "",
        "## `headings.yml`",
        "",
        *leading_comment("headings.yml"),
        "As shipped it has headings of " + ", ".join(f"`{name}`" for name in shipped("headings.yml")) + ".",
        "",
        "## `values.yml`",
        "",
        *leading_comment("values.yml"),
    ]
    rows = [
        (f"`{name}`", ", ".join(f"`{value}`" if value else "empty" for value in values))
        for name, values in shipped("values.yml").items()
    ]
    lines += [*table(("list, as shipped", "values of the contract"), rows), ""]
    lines += ["## `forbidden_columns.yml`", "", *leading_comment("forbidden_columns.yml")]
    rows = [(f"`{kind}`", ", ".join(headings)) for kind, headings in shipped("forbidden_columns.yml").items()]
    lines += [*table(("kind, as shipped", "headings"), rows), ""]
    lines += [
        "## `unit_aliases.csv`",
        "",
        f"What people call a unit and `don_vi` does not; columns {', '.join(f'`{name}`' for name in ALIAS_COLUMNS)}."
        " Read by feeds with `units: code_or_name`: [Units over time](../explanation/units-over-time.md"
        "#the-alias-table).",
    ]
    return finished(lines)


def recipient_reference() -> str:
    """Every key of ``recipients.yml``, from the models that check it."""
    from par_warehouse.recipients import Agency, Office, Recipients, rule_codes

    lines = [
        NOTE,
        "# Recipients",
        "",
        "Every key of `recipients.yml` in the configuration folder, from `recipients.py`, which checks it;"
        " `par check-config` checks the whole folder. As shipped, and without the file, nobody is told. How to use it:"
        " [Send alerts](../how-to/send-alerts.md).",
        "",
        "`*` stands for a code or name of your choice, `[]` for each element of a list. A key without a default may be"
        " left out.",
        "",
        *key_table(Recipients),
        "",
        "## The city",
        "",
        *key_table(Office),
        "",
        "## An agency",
        "",
        *key_table(Agency),
        "",
        "## Rule codes",
        "",
        "What may stand below `severities`: " + ", ".join(f"`{code}`" for code in sorted(rule_codes())) + ". They are"
        " explained in the [export contract](export-contract.md#what-happens-to-bad-input). `NOT_DELIVERED`: a source"
        " has not delivered; `MISSING_FILE`: a file or one of several senders is missing; `UNUSABLE`: the file of one"
        " of several senders cannot be used.",
    ]
    return finished(lines)


# Models that have a table of their own: what stands for them in the others.
LINKS = {
    "Source": "[source](#a-source)",
    "Feed": "[feeds](#a-feed)",
    "Office": "[city](#the-city)",
    "Agency": "[agency](#an-agency)",
    "DialectOptions": "[options](#options-of-dialects)",
    "MappingOfStatements": "[mapping](#xapiyml)",
}


def module_names(package: Any) -> list[str]:
    """The public modules of a package."""
    return [module.name for module in iter_modules(package.__path__) if not module.name.startswith("_")]


def option_table(model: Any) -> list[str]:
    """The options of a dialect; a model that does not describe each of them says so in its docstring."""
    fields = model.model_fields.values()
    if not fields:
        return ["None."]
    words = [] if all(field.description for field in fields) else [markdown(model.__doc__), ""]
    return [*words, *key_table(model)]


def key_table(model: Any) -> list[str]:
    """One row per key of a model and of the models in it, but for those that have a table of their own."""
    schema = model.model_json_schema()
    head, rows = ("key", "value", "default", "meaning"), list(keys_in(schema, schema.get("$defs", {}), ""))
    if not any(meaning for *_, meaning in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return table(head, rows)


def keys_in(schema: Any, models: Any, before: str) -> Iterator[tuple[str, ...]]:
    """Rows of ``key_table`` out of a JSON schema; ``before`` is the path that leads to it."""
    for name, one in schema["properties"].items():
        value, step, below = value_of(one, models)
        default = "required" if name in schema.get("required", ()) else shown_default(one.get("default"))
        yield f"`{before}{name}`", value, default, markdown(one.get("description", ""))
        if below:
            yield from keys_in(below, models, f"{before}{name}{step}.")


def value_of(schema: Any, models: Any) -> tuple[str, str, Any]:
    """What a value may be; how the path goes on below it; the schema of the keys that are there, if any."""
    choices = [one for one in schema.get("anyOf", ()) if one["type"] != "null"]
    if choices:
        return value_of(choices[0], models)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return LINKS.get(name, "keys"), "", None if name in LINKS else models[name]
    if "enum" in schema:
        cells = {"\t": "tab", "|": r"`\|`"}
        return ", ".join(cells.get(one, f"`{one}`") for one in schema["enum"]), "", None
    match schema["type"]:
        case "array":
            value, step, below = value_of(schema["items"], models)
            return f"list of {value}", f"[]{step}", below
        case "object":
            value, step, below = value_of(schema["additionalProperties"], models)
            return f"{value} by name", f".*{step}", below
        case "integer":
            return f"whole number from {schema['minimum']:,} to {schema['maximum']:,}", "", None
        case "number":
            return f"number over {schema['exclusiveMinimum']:,} up to {schema['maximum']:,}", "", None
        case "boolean":
            return "`true`, `false`", "", None
        case "string":
            return "date" if schema.get("format") == "date" else "text", "", None
    raise SystemExit(f"No words for the schema {schema}.")


def shown_default(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "" if isinstance(value, dict) or value in (None, "", []) else f"`{value}`"


def leading_comment(name: str) -> list[str]:
    """The remark at the head of a shipped file, as paragraphs."""
    head = (PROJECT_ROOT / "include" / "config" / name).read_text("utf-8").split("\n\n")[0]
    paragraphs = "\n".join(line.removeprefix("#").strip() for line in head.splitlines()).split("\n\n")
    return [line for paragraph in paragraphs for line in (one_line(paragraph), "")]


def shipped(name: str) -> dict[str, Any]:
    """The content of a shipped YAML file."""
    import yaml

    content: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "include" / "config" / name).read_text("utf-8"))
    return content


def markdown(docstring: str) -> str:
    """The first paragraph of a docstring, or a description, as Markdown."""
    return one_line(docstring).replace("``", "`")


def draw_indicators(target: Path) -> None:
    """Draw what ``par show indicators`` shows of the present publication; the picture fetches no font."""
    from rich.console import Console
    from rich.terminal_theme import DIMMED_MONOKAI

    from par_warehouse import show

    console = Console(record=True, width=132, file=StringIO(), force_terminal=True, highlight=False)
    console.print(show.indicators(Settings.from_environment(), None))
    target.parent.mkdir(parents=True, exist_ok=True)
    console.save_svg(str(target), title="par show indicators", theme=DIMMED_MONOKAI, code_format=svg_without_fonts())


def svg_without_fonts() -> str:
    """Rich's picture format without its addresses of fonts."""
    from rich._export_format import CONSOLE_SVG_FORMAT

    fonts = "Noto Sans Mono, Consolas, Menlo, Liberation Mono, monospace"  # with Vietnamese letters
    return re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
        "Fira Code, monospace", fonts
    )


def published(manifest: Any, schema: str) -> list[Any]:
    """The models of one published schema, by name."""
    found = [node for node in manifest.nodes.values() if node.resource_type == "model" and node.schema == schema]
    if not found:
        raise SystemExit(f"No model is published in schema {schema}.")
    return sorted(found, key=lambda node: node.name)


def keys(manifest: Any) -> dict[str, list[str]]:
    """Columns of the key of each model, from its key test."""
    return {
        node.attached_node: node.test_metadata.kwargs["columns"]
        for node in manifest.nodes.values()
        if getattr(node, "test_metadata", None) is not None and node.test_metadata.name == "unique_key"
    }


def entity(model: Any) -> str:
    return f'"{model.schema}.{model.name}"'


def described(model: Any) -> Iterator[str]:
    """The description, one list item per part: grain, source, limits."""
    text = " ".join(model.description.split())
    for label in ("Source:", "Not covered:"):
        text = text.replace(f" {label}", f"\n{label}")
    yield from (f"- {part}" for part in text.split("\n"))


def sql_type(column: Any) -> str:
    return {"string": "VARCHAR"}.get(column.data_type, column.data_type.upper())


def is_required(column: Any) -> bool:
    return any(constraint.type == "not_null" for constraint in column.constraints)


def one_line(text: str) -> str:
    """The first paragraph on one line, fit for a cell of a Markdown table."""
    paragraph = text.strip().split("\n\n", 1)[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def finished(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    typer.run(main)
