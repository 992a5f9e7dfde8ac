"""Where a run reads and writes, taken once from the environment."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from par_warehouse.errors import ParError

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def _checked(variable: str, default: str, pattern: str, expected: str) -> str:
    value = os.environ.get(variable) or default
    if not re.fullmatch(pattern, value):
        raise ParError(f"{variable} is {value!r}; it must be {expected}.")
    return value


@dataclass(frozen=True)
class Settings:
    """Places and limits of a run. Every path lies below ``data_dir``."""

    data_dir: Path
    hr_uri: str
    elearning_uri: str
    memory_limit: str = "1GB"
    threads: int = 2
    keep_versions: int = 5
    raw_retention_days: int = 90
    config_dir: Path = PROJECT_ROOT / "include" / "config"
    resubmit_uri: str = ""

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read ``PAR_*``; without source URIs the demo exports below the landing zone are the sources.

        Raises ParError when a value cannot be used.
        """
        data_dir = Path(os.environ.get("PAR_DATA_DIR") or PROJECT_ROOT / "data").resolve()
        demo = data_dir / "landing" / "demo-exports"
        return cls(
            data_dir=data_dir,
            hr_uri=os.environ.get("PAR_HR_URI") or (demo / "hr").as_uri(),
            elearning_uri=os.environ.get("PAR_ELEARNING_URI") or (demo / "elearning").as_uri(),
            memory_limit=_checked(
                "PAR_MEMORY_LIMIT", "1GB", r"\d+(\.\d+)? ?[KMGT]i?B", "an amount such as 1GB or 800MB"
            ),
            config_dir=Path(os.environ.get("PAR_CONFIG_DIR") or PROJECT_ROOT / "include" / "config").resolve(),
            resubmit_uri=os.environ.get("PAR_RESUBMIT_URI") or "",
            threads=int(_checked("PAR_THREADS", "2", r"[1-9]\d{0,2}", "a number of threads such as 2")),
            raw_retention_days=int(_checked("PAR_RAW_RETENTION_DAYS", "90", r"\d{1,5}", "a number of days such as 90")),
        )

    @property
    def uses_demo(self) -> bool:
        """Whether both sources are the demo exports that the warehouse writes itself."""
        demo = (self.data_dir / "landing" / "demo-exports").as_uri()
        return self.hr_uri == f"{demo}/hr" and self.elearning_uri == f"{demo}/elearning"

    def uri(self, source: str) -> str:
        """Base URI of ``hr`` or ``elearning``."""
        return {"hr": self.hr_uri, "elearning": self.elearning_uri}[source]

    @property
    def landing(self) -> Path:
        """Delivered bytes as they came."""
        return self.data_dir / "landing"

    @property
    def resubmissions(self) -> Path:
        """Where stewards put repaired spreadsheets. Raises ParError when ``PAR_RESUBMIT_URI`` is no local folder."""
        if not self.resubmit_uri:
            return self.landing / "resubmissions"
        parts = urlsplit(self.resubmit_uri)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise ParError("PAR_RESUBMIT_URI is not a file:/// address of a folder. Set it to file:///path/of/it.")
        return Path(unquote(parts.path))

    @property
    def vault(self) -> Path:
        """Who a ``person_key`` is."""
        return self.data_dir / "vault"

    @property
    def staged(self) -> Path:
        """Contract tables before judgement, one Parquet file per delivered file."""
        return self.data_dir / "staged"

    @property
    def parts(self) -> Path:
        """Staged files of single senders, kept to serve the nights on which they are silent."""
        return self.data_dir / "parts"

    @property
    def accepted(self) -> Path:
        """Accepted rows of every delivery, one Parquet file per delivered file."""
        return self.data_dir / "accepted"

    @property
    def quarantined(self) -> Path:
        """Rows of every delivery that break a rule, as far as they are stored, one Parquet file per delivered file."""
        return self.data_dir / "quarantined"

    @property
    def ledger(self) -> Path:
        """What was taken in, how it was judged, and the learning evidence that stays."""
        return self.data_dir / "ledger" / "ledger.duckdb"

    @property
    def work(self) -> Path:
        """Scratch files of the present run."""
        return self.data_dir / "work"

    @property
    def builds(self) -> Path:
        """Published versions, each an immutable DuckDB file."""
        return self.data_dir / "warehouse" / "builds"

    @property
    def current(self) -> Path:
        """The publication: a symbolic link into ``builds``."""
        return self.data_dir / "warehouse" / "current.duckdb"

    @property
    def outbox(self) -> Path:
        """Messages that wait for their hand-over, with what they tell."""
        return self.data_dir / "outbox"

    @property
    def reports(self) -> Path:
        """Pages for people: Data Docs."""
        return self.data_dir / "reports"

    @property
    def logs(self) -> Path:
        """Logs of runs, Airflow's included."""
        return self.data_dir / "logs"
