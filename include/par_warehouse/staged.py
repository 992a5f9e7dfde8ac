"""Staged files: what ``standardise`` leaves for ``validate``, and what it found out about each delivered file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from par_warehouse.errors import PipelineError
from par_warehouse.landing import Delivery
from par_warehouse.settings import Settings


@dataclass(frozen=True)
class StagedPart:
    """What one sender's files gave for one table; becomes a row of ``ops.delivery_part``.

    ``state`` is ``read``, ``rejected`` or ``missing``; ``served_from`` is the data date whose rows serve, None if none.
    ``corrections`` changes with the corrections that are in these rows.
    """

    feed: str
    dialect: str
    part: str
    file_name: str
    state: str
    served_from: str | None = None
    sha256: str | None = None
    rows: int = 0
    missing_columns: tuple[str, ...] = ()
    repeated_columns: int = 0
    unknown_columns: int = 0
    forbidden_columns: tuple[str, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None
    corrections: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether the rows can be taken: everything was read and no column is missing or repeated."""
        return self.state == "read" and not self.missing_columns and not self.repeated_columns


@dataclass(frozen=True)
class StagedFile:
    """What ``standardise`` found for one table of a delivery. ``problem`` says why nothing can be read, else None."""

    path: str
    sha256: str | None
    rows_read: int
    problem: str | None
    missing_columns: tuple[str, ...]
    repeated_columns: int
    unknown_columns: int
    is_incremental: bool
    has_parts: bool
    parts: tuple[StagedPart, ...]


def staged_folder(settings: Settings, source: str, data_date: date) -> Path:
    """Where the staged files of a delivery lie."""
    return settings.staged / source / data_date.isoformat()


def write_staged(settings: Settings, delivery: Delivery, staged: Mapping[str, StagedFile]) -> None:
    """Note that a delivery is standardised, and how."""
    facts = {name: asdict(file) for name, file in sorted(staged.items())}
    folder = staged_folder(settings, delivery.source, delivery.data_date)
    write_json(folder / "standardised.json", {"delivery": delivery.fingerprint, "tables": facts})


def read_staged(settings: Settings, delivery: Delivery) -> dict[str, StagedFile]:
    """The staged files of a delivery by table name. Raises PipelineError when it is not standardised as it landed."""
    try:
        folder = staged_folder(settings, delivery.source, delivery.data_date)
        facts = json.loads((folder / "standardised.json").read_text())
    except FileNotFoundError:
        facts = {"delivery": None}
    if facts["delivery"] != delivery.fingerprint:
        raise PipelineError(
            f"The {delivery.source} delivery of {delivery.data_date} has landed but is not standardised. "
            "Run the step standardise of this date again, then validate."
        )
    return {name: _file_from(file) for name, file in facts["tables"].items()}


def part_from(facts: dict[str, Any]) -> StagedPart:
    """A part out of its JSON form."""
    lists = {name: tuple(facts[name]) for name in ("missing_columns", "forbidden_columns")}
    return StagedPart(**facts | lists)


def write_json(path: Path, facts: dict[str, Any]) -> None:
    """Write a file wholly or not at all."""
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(facts))
    partial.replace(path)


def _file_from(facts: dict[str, Any]) -> StagedFile:
    parts = tuple(part_from(one) for one in facts["parts"])
    return StagedFile(**facts | {"missing_columns": tuple(facts["missing_columns"]), "parts": parts})
