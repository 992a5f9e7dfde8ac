"""What holds for every model, read from dbt's manifest and from the built files."""

import re
from pathlib import PurePosixPath
from typing import Any

import duckdb
import pytest
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode
from example_city import FIRST
from tiny_warehouse import PROJECT_DIR, Warehouse

READS = {
    "staging": {"sources"},
    "intermediate": {"staging", "intermediate", "seeds"},
    "marts": {"intermediate", "marts", "seeds"},
    "bi": {"marts"},
}
NAMES = {
    "staging": r"stg_(hr|elearning|serving)__[a-z_]+",
    "intermediate": r"int_[a-z0-9_]+__[a-z_]+",
    "marts": r"(fct|dim)_[a-z_]+",
    "bi": r"[a-z_]+",
}
COLUMN_NAMES = r"[a-z][a-z0-9_]*"


@pytest.fixture(scope="module")
def manifest(built: Warehouse) -> Manifest:
    return built.dbt("parse", as_of_date=FIRST).result


@pytest.fixture(scope="module")
def models(manifest: Manifest) -> dict[str, Any]:
    found = {node.name: node for node in manifest.nodes.values() if node.resource_type == "model"}
    assert len(found) > 40
    return found


def layer(node: Any) -> str:
    if node.resource_type == "model":
        return PurePosixPath(node.path).parts[0]
    return {"source": "sources", "seed": "seeds"}[node.resource_type]


def test_a_layer_reads_only_what_lies_below_it(manifest: Manifest, models: dict[str, Any]) -> None:
    nodes = manifest.nodes | manifest.sources
    wrong = [
        (name, parent)
        for name, model in models.items()
        for parent in model.depends_on.nodes
        if layer(nodes[parent]) not in READS[layer(model)]
    ]
    assert wrong == []


def test_models_are_named_by_the_rubric(models: dict[str, Any]) -> None:
    assert [name for name, model in models.items() if not re.fullmatch(NAMES[layer(model)], name)] == []


def test_columns_are_named_by_the_rubric(models: dict[str, Any]) -> None:
    columns = [(name, column) for name, model in models.items() for column in model.columns.values()]
    assert [(name, column.name) for name, column in columns if not re.fullmatch(COLUMN_NAMES, column.name)] == []
    for name, column in columns:
        if column.data_type == "boolean":
            assert column.name.startswith(("is_", "has_", "in_", "can_")), (name, column.name)
        if column.data_type == "date":
            assert column.name.endswith(("_date", "valid_from", "valid_to")), (name, column.name)


def test_every_sql_file_has_its_yml_beside_it() -> None:
    files = [*PROJECT_DIR.glob("models/**/*.sql"), *PROJECT_DIR.glob("seeds/*.csv")]
    assert [file.name for file in files if not file.with_suffix(".yml").exists()] == []


def test_every_model_says_grain_source_and_limits(models: dict[str, Any]) -> None:
    for name, model in models.items():
        for words in ("One row per", "Source:", "Not covered:"):
            assert words in model.description, (name, words)


def test_every_column_is_described_and_every_described_column_exists(built: Warehouse, manifest: Manifest) -> None:
    actual: dict[tuple[str, str], list[str]] = {}
    for file in (built.work_file, built.build_file):
        with duckdb.connect(str(file), read_only=True) as connection:
            for schema, table, column in connection.execute(
                "select schema_name, table_name, column_name from duckdb_columns() where not internal"
                " order by column_index"
            ).fetchall():
                actual.setdefault((schema, table), []).append(column)
    for node in manifest.nodes.values():
        if node.resource_type in {"model", "seed"}:
            assert sorted(node.columns) == sorted(actual[node.schema, node.name]), node.name
            assert [column.name for column in node.columns.values() if not column.description] == [], node.name


def test_every_model_and_seed_has_a_key_test(manifest: Manifest) -> None:
    tested = {
        node.attached_node
        for node in manifest.nodes.values()
        if isinstance(node, GenericTestNode) and node.test_metadata.name == "unique_key"
    }
    keyed = {node.unique_id for node in manifest.nodes.values() if node.resource_type in {"model", "seed"}}
    assert keyed - tested == set()


def test_published_models_are_tables_under_contract(models: dict[str, Any]) -> None:
    for name, model in models.items():
        published = layer(model) in {"marts", "bi"}
        assert model.contract.enforced == published, name
        assert (model.schema, model.database) == (layer(model), "par" if published else "work"), name
        if published:
            assert model.config.materialized in {"table", "incremental"}, name


def test_every_macro_is_described(manifest: Manifest) -> None:
    own = [macro for macro in manifest.macros.values() if macro.package_name == "par_warehouse"]
    assert len(own) > 20
    assert [macro.name for macro in own if not macro.description] == []


def test_every_indicator_has_its_sheet(built: Warehouse, manifest: Manifest) -> None:
    codes = {code for (code,) in built.query("select indicator_code from marts.dim_indicator")} | {"R1"}
    sheets = {doc.name.removeprefix("sheet_") for doc in manifest.docs.values() if doc.name.startswith("sheet_")}
    assert codes == sheets
