"""Whether texts that belong to landing and vault alone stand anywhere else below a data folder."""

from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb

from par_warehouse.settings import Settings


def leaks(settings: Settings, secrets: Collection[str]) -> list[str]:
    """``file: secret`` for every secret in the rows of a table, or the bytes of a file, outside landing and vault;
    and for every one in the bytes of the landing zone, where all is sealed."""
    found = []
    for path in sorted(path for path in settings.data_dir.rglob("*") if path.is_file()):
        if not path.is_relative_to(settings.vault):
            texts = [path.read_bytes().decode(errors="replace"), *_rows(path)]
            found += [
                f"{path.relative_to(settings.data_dir)}: {one}" for one in secrets if any(one in t for t in texts)
            ]
    return found


def _rows(path: Path) -> Iterator[str]:
    """All rows of a file of tables, as text."""
    if path.suffix == ".parquet":
        yield str(duckdb.execute("select columns(*)::varchar from read_parquet(?)", [str(path)]).fetchall())
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as con:
            for schema, table in con.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                yield str(con.execute(f'select columns(*)::varchar from "{schema}"."{table}"').fetchall())
