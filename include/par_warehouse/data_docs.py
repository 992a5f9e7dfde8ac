"""Make Great Expectations' Data Docs self-contained: no script, style, font or picture from elsewhere."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template

from par_warehouse.templates import TEMPLATES

KEPT_NIGHTS = 14
"""Sites of so many data dates are kept."""
_FROM_ELSEWHERE = re.compile(
    r"<script\b[^>]*\ssrc=[\"']?https?:[^>]*>\s*</script>"
    r"|<(?:link|img)\b[^>]*\s(?:href|src)=[\"']?https?:[^>]*>"
)


def make_self_contained(folder: Path, data_date: str, counts: Mapping[str, tuple[int, int, int]]) -> None:
    """Rewrite a site in place, with a front page that works without scripts.

    ``counts`` gives for each suite how many rules were evaluated, how many failed, and how many could not run.
    """
    rows = []
    for suite, numbers in counts.items():
        page = next((folder / "validations" / suite).rglob("*.html"))
        cells = "".join(f"<td>{number}</td>" for number in numbers)
        rows.append(f'<tr><td><a href="{page.relative_to(folder)}">{suite}</a></td>{cells}</tr>')
    front = Template((TEMPLATES / "data_docs_index.html").read_text(encoding="utf-8"))
    (folder / "index.html").write_text(front.substitute(data_date=data_date, rows="\n".join(rows)), encoding="utf-8")
    for page in folder.rglob("*.html"):
        page.write_text(_styled(_FROM_ELSEWHERE.sub("", page.read_text(encoding="utf-8"))), encoding="utf-8")


def keep_last_nights(folder: Path) -> None:
    """Keep the sites of the last ``KEPT_NIGHTS`` data dates, one folder each, and write the page that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    nights = sorted((path for path in folder.glob("????-??-??") if path.is_dir()), reverse=True)
    for path in folder.iterdir():
        if path.is_dir() and path not in nights[:KEPT_NIGHTS]:
            shutil.rmtree(path)
    rows = [f'<li><a href="{path.name}/index.html">{path.name}</a></li>' for path in nights[:KEPT_NIGHTS]]
    page = Template((TEMPLATES / "data_docs_nights.html").read_text(encoding="utf-8"))
    text = _styled(page.substitute(nights=len(rows), rows="\n".join(rows)))
    (folder / "index.html").write_text(text, encoding="utf-8")


def _styled(page: str) -> str:
    style = f"<style>\n{(TEMPLATES / 'data_docs.css').read_text(encoding='utf-8')}</style>\n</head>"
    return page.replace("</head>", style, 1)
