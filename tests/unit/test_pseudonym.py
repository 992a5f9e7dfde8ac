"""The secret is made once, private, and never changed under a data folder."""

import hashlib
import hmac
import logging
from pathlib import Path

import duckdb
import pytest

from par_warehouse.errors import ParError
from par_warehouse.keys import PERSON_KEY
from par_warehouse.pseudonym import (
    check_secret,
    code_secret,
    code_secret_path,
    keep_proofs,
    kept_proofs,
    person_secret,
    register_hashes,
    secret_proof,
)
from par_warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for variable in ("PAR_PERSON_KEY_SECRET", "PAR_PERSON_KEY_SECRET_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return Settings(tmp_path / "data", "", "")


def test_a_development_secret_is_made_once_with_mode_0600(settings: Settings) -> None:
    assert PERSON_KEY.ensure_development(settings)
    secret = person_secret(settings)
    assert len(secret) >= 32
    assert PERSON_KEY.development_path(settings).stat().st_mode & 0o777 == 0o600
    assert not PERSON_KEY.ensure_development(settings)
    assert person_secret(settings) == secret


def test_whoever_needs_a_secret_first_makes_it_and_says_so(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    secret = person_secret(settings)
    assert person_secret(settings) == secret
    assert [record.getMessage() for record in caplog.records] == [
        f"PAR_PERSON_KEY_SECRET is not set: made a development secret in {PERSON_KEY.development_path(settings)}."
    ]


def test_a_given_secret_is_used_as_utf_8_and_none_is_made(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "bí mật")
    assert not PERSON_KEY.ensure_development(settings)
    assert person_secret(settings) == "bí mật".encode()
    assert not PERSON_KEY.development_path(settings).exists()


def test_a_secret_may_be_given_as_a_file_and_the_variable_goes_first(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "person-key"
    file.write_text("bí mật \n", encoding="utf-8")
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET_FILE", str(file))
    assert person_secret(settings) == "bí mật ".encode(), "only the line break at the end is not part of it"
    assert not PERSON_KEY.development_path(settings).exists()
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "variable")
    assert person_secret(settings) == b"variable"


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), (b"\n", "is empty"), (b"\xff", "be read")])
def test_a_file_without_a_secret_is_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, told: str
) -> None:
    file = tmp_path / "person-key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET_FILE", str(file))
    with pytest.raises(ParError, match=f"PAR_PERSON_KEY_SECRET_FILE names .*person-key, which .*{told}"):
        person_secret(settings)
    assert not PERSON_KEY.development_path(settings).exists()


def test_another_secret_for_the_same_data_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "first")
    check_secret(settings)
    check_secret(settings)
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "second")
    with pytest.raises(ParError, match="Set the former secret"):
        check_secret(settings)


def test_while_a_rotation_is_half_done_neither_secret_will_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_proofs(settings, secret_proof(b"first"), secret_proof(b"second"))
    for secret in ("first", "second"):
        monkeypatch.setenv("PAR_PERSON_KEY_SECRET", secret)
        with pytest.raises(ParError, match="Run par rotate-person-key again"):
            check_secret(settings)
    assert kept_proofs(settings) == [secret_proof(b"first"), secret_proof(b"second")]


def test_a_short_secret_is_allowed_with_a_warning_and_never_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "fifteen letters")
    check_secret(settings)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "fifteen letters" not in caplog.text
    caplog.clear()
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "sixteen letters.")
    keep_proofs(settings, secret_proof(b"sixteen letters."))
    check_secret(settings)
    assert not caplog.records


def test_codes_have_a_key_of_their_own_that_a_rotation_keeps(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "first")
    before = code_secret(settings)
    assert before not in (b"first", secret_proof(b"first").encode()) and len(before) == 32
    with duckdb.connect() as con:
        register_hashes(con, settings)
        person, code = con.execute("select keyed_hash('013085000001'), code_hash('013085000001')").fetchone()
    assert person == hmac.new(b"first", b"013085000001", hashlib.sha256).hexdigest()
    assert code == hmac.new(before, b"013085000001", hashlib.sha256).hexdigest()
    code_secret_path(settings).parent.mkdir(parents=True)
    code_secret_path(settings).write_bytes(before)
    monkeypatch.setenv("PAR_PERSON_KEY_SECRET", "second")
    assert code_secret(settings) == before
