"""The secret is made once, private, and never changed under a data folder."""

from pathlib import Path

import pytest

from par_warehouse.errors import ParError
from par_warehouse.pseudonym import check_secret, development_secret_path, ensure_development_secret, person_secret
from par_warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("PAR_PERSON_KEY_SECRET", raising=False)
    return Settings(tmp_path / "data", "", "")


def test_a_development_secret_is_made_once_with_mode_0600(settings: Settings) -> None:
    assert ensure_development_secret(settings)
    secret = person_secret(settings)
    assert len(secret) >= 32
    assert development_secret_path(settings).stat().st_mode & 0o777 == 0o600
    assert not ensure_development_secret(settings)
    assert person_secret(settings) == secret


def test_a_given_secret_is_used_as_utf_8_and_none_is_made(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "bí mật")
    assert not ensure_development_secret(settings)
    assert person_secret(settings) == "bí mật".encode()
    assert not development_secret_path(settings).exists()


def test_another_secret_for_the_same_data_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "first")
    check_secret(settings)
    check_secret(settings)
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "second")
    with pytest.raises(ParError, match="Set the former secret"):
        check_secret(settings)
