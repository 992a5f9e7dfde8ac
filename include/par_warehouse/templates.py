"""Templates: the pages and messages for people in ``include/templates/``."""

from typing import TYPE_CHECKING

from par_warehouse.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = PROJECT_ROOT / "include" / "templates"


def environment() -> "Environment":
    """Jinja's environment: HTML is escaped, and a name that is not there is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
