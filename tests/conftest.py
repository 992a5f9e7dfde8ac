"""Unit tests reach no network, and property tests try the same cases in every run."""

import pytest
from hypothesis import settings
from pytest_socket import disable_socket

# `pytest --hypothesis-profile=default` tries others.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> None:
    if "unit" in request.path.parts:
        disable_socket(allow_unix_socket=True)
