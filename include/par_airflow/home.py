"""Airflow's home, metadata database and logs below the data folder, with nothing calling home."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from par_warehouse.errors import ParError
from par_warehouse.settings import PROJECT_ROOT, Settings

LOCAL_ENVIRONMENT = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__API__HOST": "127.0.0.1",
}


def use_local_airflow(settings: Settings) -> None:
    """Point Airflow at the data folder. Must come before the first import of Airflow."""
    home = settings.data_dir / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    scratch = settings.data_dir / "tmp"
    scratch.mkdir(exist_ok=True)
    tempfile.tempdir = str(scratch)
    os.environ.update(
        LOCAL_ENVIRONMENT,
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT_ROOT / "dags"),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home / 'airflow.db'}",
        AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(settings.logs / "airflow"),
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH=str(home / "bundles"),
        PAR_DATA_DIR=str(settings.data_dir),
        TMPDIR=str(scratch),
        # Airflow starts its parts by the name "airflow".
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    )


def has_database(settings: Settings) -> bool:
    """Whether the metadata database was brought up completely by this version of Airflow."""
    return _stamp(settings).exists()


def migrate_database(settings: Settings) -> None:
    """Create or upgrade the metadata database. Raises ParError when Airflow cannot."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    log = settings.logs / "airflow-migrate.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise ParError(f"Airflow could not set up its metadata database; the reason is in {log}.")
    _stamp(settings).touch()


def _stamp(settings: Settings) -> Path:
    from importlib.metadata import version

    return settings.data_dir / "airflow" / f"migrated-{version('apache-airflow')}"
