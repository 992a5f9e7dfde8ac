"""The SQLAlchemy dialect through which Great Expectations reads DuckDB; see ``quality_gate``."""

from typing import Any

from duckdb_engine import ConnectionWrapper, Dialect

from par_warehouse.quality_gate import current_connection


class ParDialect(Dialect):
    """DuckDB under PostgreSQL's name, on a connection that is already open, without transactions of its own."""

    name = "postgresql"
    supports_statement_cache = False

    def connect(self, *_: Any, **__: Any) -> Any:
        return ConnectionWrapper(current_connection().cursor())

    def do_begin(self, _: Any) -> None:
        """Transactions belong to the caller."""

    def do_commit(self, _: Any) -> None:
        """Transactions belong to the caller."""

    def do_rollback(self, _: Any) -> None:
        """Transactions belong to the caller."""
