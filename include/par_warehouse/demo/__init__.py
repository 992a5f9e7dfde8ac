"""Deterministic demo exports of both source systems, in the export contract."""

from par_warehouse.demo.exports import write_demo_exports
from par_warehouse.demo.size import MOST_STAFF, SIZES, DemoSize

__all__ = ["MOST_STAFF", "SIZES", "DemoSize", "write_demo_exports"]
