"""The rules, read from ``expectations/``: Great Expectations suites in the library's own JSON form.

The same expectation serves twice: Great Expectations evaluates it and reports (``quality_gate``), and its query form
here finds every row that breaks it. Each ``meta`` names the rule code, the severity (``row``: quarantine, ``file``:
rejection, ``warning``: the row is kept), the column, and the message in Vietnamese and English.

Queries may name these schemas, each with one relation per contract table: ``staged`` (every record), ``{batch}`` (the
well-formed ones), ``passed`` (those that pass all row rules but DUPLICATE_KEY), ``accepted``, ``serving`` (accepted
rows that serve the data date), and ``known.account``, ``known.module``, ``night.run`` (``data_date``).
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from par_warehouse.contract import Table
from par_warehouse.errors import PipelineError
from par_warehouse.settings import PROJECT_ROOT

EXPECTATIONS = PROJECT_ROOT / "expectations"
DELIVERY_FILE_SUITE = "delivery_file"


@dataclass(frozen=True)
class Rule:
    """One expectation: its configuration for Great Expectations, and what to do when it fails."""

    suite: str
    type: str
    kwargs: dict[str, Any]
    code: str
    severity: str
    column: str | None
    message_vi: str
    message_en: str

    @property
    def message(self) -> str:
        """The message for people, Vietnamese first."""
        return f"{self.message_vi} | {self.message_en}"

    def failing_rows(self, batch: str) -> str:
        """A query for the ``row_number`` of every row of relation ``batch`` that breaks the rule."""
        if self.type == "unexpected_rows_expectation":
            return str(self.kwargs["unexpected_rows_query"]).replace("{batch}", batch)
        return f"select row_number from {batch} where {_failing_condition(self.type, self.kwargs)}"


@dataclass(frozen=True)
class Suite:
    """The rules of one table; ``document`` is the JSON document that Great Expectations takes."""

    name: str
    document: dict[str, Any]
    rules: tuple[Rule, ...]


def suite_of(table: Table) -> Suite:
    """The rules of one contract file."""
    return load_suite(f"{table.source}__{table.name}")


@cache
def load_suite(stem: str) -> Suite:
    """The suite of one file in ``expectations/``. Raises PipelineError when an expectation cannot be understood."""
    document = json.loads((EXPECTATIONS / f"{stem}.json").read_text(encoding="utf-8"))
    rules = tuple(_rule(document["name"], expectation) for expectation in document["expectations"])
    return Suite(document["name"], document, rules)


def _rule(suite: str, expectation: dict[str, Any]) -> Rule:
    meta = expectation["meta"]
    rule = Rule(
        suite=suite,
        type=expectation["type"],
        kwargs=expectation["kwargs"],
        code=meta["rule_code"],
        severity=meta["severity"],
        column=meta["column"],
        message_vi=meta["message_vi"],
        message_en=meta["message_en"],
    )
    if rule.severity not in ("row", "file", "warning"):
        raise PipelineError(f"Suite {suite}: severity {rule.severity!r} is none of row, file, warning.")
    rule.failing_rows("batch")
    return rule


def _failing_condition(type_: str, kwargs: dict[str, Any]) -> str:
    """The SQL condition under which a row fails; a NULL never fails but under "not be null"."""
    column = kwargs["column"]
    match type_:
        case "expect_column_values_to_not_be_null":
            return f"{column} is null"
        case "expect_column_values_to_be_null":
            return f"{column} is not null"
        case "expect_column_values_to_be_in_set":
            return f"{column} not in ({', '.join(_literal(value) for value in kwargs['value_set'])})"
        case "expect_column_values_to_be_between":
            limits = [
                f"{column} {operator} {_literal(kwargs[limit])}"
                for limit, operator in (("min_value", "<"), ("max_value", ">"))
                if limit in kwargs
            ]
            return " or ".join(limits)
    raise PipelineError(f"No query form is known for {type_}; add it to par_warehouse/rules.py.")


def _literal(value: str | int | float) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
