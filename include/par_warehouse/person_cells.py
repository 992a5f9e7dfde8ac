"""Person cells: the cells that name persons as numbers, which are grouped and joined at a fraction of the cost of text.

Twelve digits are their number. Any other text gets a negative number and is kept in the temporary table
``person_text`` (code, text); one text may have several.
"""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CODE = pa.int64()
TEXT = "coalesce(person_text.text, lpad(code::varchar, 12, '0'))"
"""SQL for the cell of a code, once ``person_text`` is left-joined."""


class PersonCells:
    """The cells of one part."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._texts = 0
        con.execute("create or replace temp table person_text (code bigint, text varchar)")

    def codes(self, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        """The number of each cell, NULL where it is NULL."""
        has_twelve = pc.and_(pc.equal(pc.binary_length(cells), 12), pc.ascii_is_decimal(cells))
        if pc.all(has_twelve, skip_nulls=False).as_py():
            return cells.cast(CODE)
        others = pc.if_else(has_twelve, None, cells).combine_chunks().dictionary_encode()
        codes = pa.array(np.arange(-self._texts - 1, -self._texts - 1 - len(others.dictionary), -1), CODE)
        self._keep(codes, others.dictionary)
        return pc.coalesce(pc.if_else(has_twelve, cells, None).cast(CODE), codes.take(others.indices))

    def _keep(self, codes: pa.Array, texts: pa.Array) -> None:
        self._texts += len(codes)
        self._con.register("person_text_given", pa.table({"code": codes, "text": texts}))
        self._con.execute("insert into person_text from person_text_given")
        self._con.unregister("person_text_given")
