"""What a publication must hold: the rows of the tables of `warehouse.md`, by their grain."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class LoadState:
    """One row of ops.load_file."""

    state: str
    served_from_date: date | None
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_warned: int = 0
    rows_repaired: int = 0


@dataclass(frozen=True)
class QuarantineRow:
    """One row of ops.quarantine_row."""

    rule_code: str
    rule_codes: tuple[str, ...]


@dataclass(frozen=True)
class IndicatorRow:
    """One row of marts.fct_indicator_daily."""

    numerator: int
    denominator: int | None
    value: float | None
    unit: str
    target_comparator: str | None
    target_value: float | None
    target_date: date | None
    status: str
    is_stale: bool


@dataclass(frozen=True)
class EvidenceRow:
    """One row of marts.fct_indicator_evidence."""

    org_unit_code: str
    population_group: str
    in_numerator: bool


@dataclass(frozen=True)
class CandidateRow:
    """One row of marts.fct_leadership_candidate."""

    org_unit_code: str
    excellent_years: int
    applied_initiatives: int


@dataclass
class Expected:
    """What a publication must hold. Keys are the grain of the table."""

    load_files: dict[tuple[date, str, str], LoadState] = field(default_factory=dict)
    quarantine: dict[tuple[date, str, str, int], QuarantineRow] = field(default_factory=dict)
    indicators: dict[tuple[date, str, str, str], IndicatorRow] = field(default_factory=dict)
    evidence: dict[tuple[date, str, str], EvidenceRow] = field(default_factory=dict)
    candidates: dict[tuple[date, str], CandidateRow] = field(default_factory=dict)

    def copy(self) -> Expected:
        return Expected(
            dict(self.load_files),
            dict(self.quarantine),
            dict(self.indicators),
            dict(self.evidence),
            dict(self.candidates),
        )
