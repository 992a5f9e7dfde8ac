"""Unit tests reach no network."""

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> None:
    if "unit" in request.path.parts:
        disable_socket(allow_unix_socket=True)
