"""The few ways in which the columns of demo tables are made of arrays."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from par_warehouse.demo.draw import NEVER, Days, Flags, Ints


def dates(days: Days) -> pa.Array:
    """A date column; never is empty."""
    return pa.array(days.astype("datetime64[D]"), mask=days == NEVER)


def pick(values: Sequence[str], index: npt.NDArray[np.integer]) -> pa.Array:
    """A text column that names values by position; negative positions are empty."""
    return pc.take(pa.array(values, pa.string()), pa.array(index.astype(np.int64), mask=index < 0))


def flags(marked: Flags) -> pa.Array:
    """A flag column: `x` or empty."""
    return pick(["x"], marked.astype(np.int64) - 1)


def numbered(prefix: str, numbers: Ints, width: int = 0) -> pa.Array:
    """Texts such as CB000123."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")
    return joined(prefix, digits)


def joined(*parts: pa.Array | str) -> pa.Array:
    """Concatenation, row by row."""
    return pc.binary_join_element_wise(*parts, "")
