from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from example_city import EVIDENCE, FIRST, QUALITY, SERVING
from tiny_warehouse import Warehouse


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The example city, built for its first date; tests that alter it take `altered`."""
    warehouse = Warehouse(tmp_path_factory.mktemp("warehouse"))
    warehouse.deliver(FIRST, SERVING, EVIDENCE, quality=QUALITY)
    warehouse.build(FIRST)
    return warehouse


@pytest.fixture
def altered(built: Warehouse, tmp_path: Path) -> Iterator[Warehouse]:
    """The example city, free to alter; in place, so that dbt need not parse again, and put back afterwards."""
    files = [built.build_file, built.work_file, built.ledger_file]
    for file in files:
        copyfile(file, tmp_path / file.name)
    yield built
    for file in files:
        copyfile(tmp_path / file.name, file)
