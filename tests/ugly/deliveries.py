"""The whole folder: every delivery of this package, by name."""

from tests.ugly import dates, learning, meaning, senders, workbooks, writing  # noqa: F401  (each registers its own)
from tests.ugly.delivery import made, names

__all__ = ["made", "names"]
