"""The library's expectation on a query, without its sample of failing rows; importing it registers it."""

from typing import Any, ClassVar

from great_expectations.expectations.core import unexpected_rows_expectation as library


class UnexpectedRowsExpectation(library.UnexpectedRowsExpectation):
    """Stands in for the library's own, under its name: the rows are counted by one query and not fetched by another.

    The library fetches up to 200 of them and then leaves them out of the result, which may hold no values.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(self, metrics: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        return super()._validate(metrics | {"unexpected_rows_query.table": []}, *arguments, **named)
