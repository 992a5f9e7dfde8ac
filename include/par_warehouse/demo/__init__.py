"""Deterministic demo exports of both source systems, in the export contract."""

from par_warehouse.demo.exports import write_demo_exports
from par_warehouse.demo.size import SIZES, DemoSize

__all__ = ["SIZES", "DemoSize", "write_demo_exports"]
