"""Great Expectations on DuckDB: evaluate the suites on the present connection, and build the Data Docs.

Great Expectations has no dialect for DuckDB. This module registers one that speaks PostgreSQL's SQL to Great
Expectations, runs on the caller's own connection, and leaves transactions alone (a rollback would empty results that
are read late).
"""

import logging
import os
import shutil
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from par_warehouse.data_docs import make_self_contained
from par_warehouse.rules import Suite

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext

_connection: duckdb.DuckDBPyConnection | None = None


@dataclass(frozen=True)
class Batch:
    """A relation in the default schema, to be judged by a suite."""

    suite: Suite
    relation: str


@dataclass(frozen=True)
class Evaluation:
    """What Great Expectations found for one expectation; ``error`` is set when it could not be evaluated."""

    suite: str
    position: int
    success: bool | None
    observed_value: str | None
    unexpected_count: int | None
    error: str | None


def evaluate(
    con: duckdb.DuckDBPyConnection, batches: Iterable[Batch], name: str, data_docs: Path | None = None
) -> list[Evaluation]:
    """Evaluate each batch against its suite, in the order of the expectations.

    With ``data_docs`` the results are also rendered as pages into that folder. No value of a row enters a result.
    """
    global _connection
    _connection = con
    _register_dialect()
    try:
        context, results, suites = _run(batches, data_docs)
        evaluations = []
        for run in results:
            positions = {expectation.id: i for i, expectation in enumerate(suites[run.suite_name].expectations)}
            for outcome in run.results:
                config = outcome.expectation_config
                assert config is not None
                evaluations.append(_evaluation(run.suite_name, positions[config.id], outcome))
        evaluations.sort(key=lambda evaluation: (evaluation.suite, evaluation.position))
        if data_docs is not None:
            shutil.rmtree(data_docs, ignore_errors=True)
            context.build_data_docs()
            make_self_contained(data_docs, name, _counts(evaluations))
        return evaluations
    finally:
        _connection = None


def _run(
    batches: Iterable[Batch], data_docs: Path | None
) -> "tuple[EphemeralDataContext, list[ExpectationSuiteValidationResult], dict[str, Any]]":
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import_module("par_warehouse.gx_expectation")  # after the level is set: the library warns of the name taken over
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    context.variables.data_docs_sites = {}
    if data_docs is not None:
        context.add_data_docs_site(
            "local_site",
            {
                "class_name": "SiteBuilder",
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(data_docs)},
            },
        )
    source = context.data_sources.add_sql(
        "warehouse", connection_string="duckdb+par:///:memory:", create_temp_table=False
    )
    definitions, suites = [], {}
    for batch in batches:
        suite = context.suites.add(gx.ExpectationSuite(**batch.suite.document))
        suites[batch.suite.name] = suite
        asset = source.add_table_asset(batch.relation, table_name=batch.relation)
        definition = gx.ValidationDefinition(
            name=batch.relation, data=asset.add_batch_definition_whole_table("all rows"), suite=suite
        )
        definitions.append(context.validation_definitions.add(definition))
    result_format = {"result_format": "BASIC", "partial_unexpected_count": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return context, [definition.run(result_format=result_format) for definition in definitions], suites


def _counts(evaluations: Iterable[Evaluation]) -> dict[str, tuple[int, int, int]]:
    counts: dict[str, tuple[int, int, int]] = {}
    for one in evaluations:
        rules, failed, errors = counts.get(one.suite, (0, 0, 0))
        counts[one.suite] = (rules + 1, failed + (one.success is False), errors + (one.error is not None))
    return counts


def _evaluation(suite: str, position: int, outcome: Any) -> Evaluation:
    # The exception comes first: an expectation that could not run also says success = False.
    problem = _problem(outcome.exception_info or {})
    if problem is not None:
        return Evaluation(suite, position, None, None, None, problem)
    count = outcome.result.get("unexpected_count", outcome.result.get("observed_value"))
    if count is None:  # the library's answer for a relation without rows
        count = 0
    return Evaluation(suite, position, bool(outcome.success), str(count), int(count), None)


def _problem(info: dict[str, Any]) -> str | None:
    if "raised_exception" in info:
        return _first_line(info["exception_message"]) if info["raised_exception"] else None
    messages = sorted({_first_line(one["exception_message"]) for one in info.values() if one.get("raised_exception")})
    return "; ".join(messages) or None


def _first_line(message: object) -> str:
    return str(message).strip().split("\n", 1)[0]


def _register_dialect() -> None:
    from sqlalchemy.dialects import registry

    registry.register("duckdb.par", "par_warehouse.gx_dialect", "ParDialect")


def current_connection() -> duckdb.DuckDBPyConnection:
    """The connection that Great Expectations is to use at this moment."""
    assert _connection is not None, "Great Expectations is used outside evaluate()"
    return _connection
