"""The SQLAlchemy dialect through which Great Expectations reads DuckDB; see ``quality_gate``."""

from typing import Any

from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy import Connection, types
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedPrimaryKeyConstraint

from par_warehouse.quality_gate import current_connection


class ParDialect(Dialect):
    """DuckDB under PostgreSQL's name, on a connection that is already open, without transactions of its own."""

    name = "postgresql"
    supports_statement_cache = False

    def connect(self, *_: Any, **__: Any) -> Any:
        return ConnectionWrapper(current_connection().cursor())

    def get_columns(
        self, connection: Connection, table_name: str, schema: str | None = None, **_: Any
    ) -> list[ReflectedColumn]:
        """Asked of DuckDB itself: the questions to PostgreSQL's catalogue take longer than most rules."""
        columns = connection.exec_driver_sql(f"describe {table_name}").fetchall()
        return [
            {"name": name, "type": getattr(types, type_)(), "nullable": True, "default": None}
            for name, type_, *_ in columns
        ]

    def get_pk_constraint(
        self, connection: Connection, table_name: str, schema: str | None = None, **_: Any
    ) -> ReflectedPrimaryKeyConstraint:
        """Judged relations have no keys."""
        return {"constrained_columns": [], "name": None}

    def do_begin(self, _: Any) -> None:
        """Transactions belong to the caller."""

    def do_commit(self, _: Any) -> None:
        """Transactions belong to the caller."""

    def do_rollback(self, _: Any) -> None:
        """Transactions belong to the caller."""
