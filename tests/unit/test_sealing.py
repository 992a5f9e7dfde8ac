"""What is sealed comes back byte by byte to whoever has the key; a changed byte or another key gives nothing false."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pyrage import x25519

from par_warehouse.errors import ParError
from par_warehouse.keys import LANDING_KEY
from par_warehouse.sealing import LandingKey, landing_key, open_sealed, seal
from par_warehouse.settings import Settings

AGE_CHUNK = 64 * 1024
NUMBER = b"013085000001"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for variable in ("PAR_LANDING_KEY", "PAR_LANDING_KEY_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return Settings(tmp_path / "data", "", "")


@pytest.fixture
def key() -> LandingKey:
    return LandingKey((x25519.Identity.generate(),))


def sealed(path: Path, key: LandingKey, content: bytes) -> Path:
    with seal(path, key) as sink:
        sink.write(content)
    return path


def content_of(path: Path, key: LandingKey) -> bytes:
    with open_sealed(path, key) as stream:
        return stream.read()


KEY = LandingKey((x25519.Identity.generate(),))


@effort(max_examples=25, deadline=None)
@given(st.integers(0, 3 * AGE_CHUNK), st.integers(1, 2 * AGE_CHUNK), st.integers(1, 2 * AGE_CHUNK))
def test_comes_back_whatever_its_size_and_the_sizes_of_writes_and_reads(
    tmp_path_factory: pytest.TempPathFactory, size: int, writes: int, reads: int
) -> None:
    content = hashlib.shake_128(b"content").digest(size)
    path = tmp_path_factory.mktemp("sealed") / "file.age"
    with seal(path, KEY) as sink:
        for start in range(0, size, writes):
            assert sink.write(content[start : start + writes]) == len(content[start : start + writes])
    with open_sealed(path, KEY) as stream:
        pieces = list(iter(lambda: stream.read(reads), b""))
    assert b"".join(pieces) == content


def test_is_an_age_file_that_only_the_owner_reads(tmp_path: Path, key: LandingKey) -> None:
    path = sealed(tmp_path / "file.age", key, NUMBER * 10_000)
    assert NUMBER not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert pyrage.decrypt(path.read_bytes(), list(key.identities)) == NUMBER * 10_000
    path.write_bytes(pyrage.encrypt(b"by another program", [key.identities[0].to_public()]))
    assert content_of(path, key) == b"by another program"


def test_each_former_key_still_opens_and_the_first_one_seals(tmp_path: Path, key: LandingKey) -> None:
    both = LandingKey((x25519.Identity.generate(), *key.identities))
    assert content_of(sealed(tmp_path / "old.age", key, b"old"), both) == b"old"
    assert content_of(sealed(tmp_path / "new.age", both, b"new"), LandingKey(both.identities[:1])) == b"new"


def test_another_key_is_told_at_once_with_what_to_do(tmp_path: Path, key: LandingKey) -> None:
    path = sealed(tmp_path / "file.age", key, b"text")
    with pytest.raises(ParError, match=r"file.age was sealed with another key.*Add the former key to PAR_LANDING_KEY"):
        open_sealed(path, LandingKey((x25519.Identity.generate(),)))


def test_a_file_that_is_gone_names_the_retention(tmp_path: Path, key: LandingKey) -> None:
    with pytest.raises(ParError, match=r"hr/2024-12-31/file.age is no longer .*PAR_RAW_RETENTION_DAYS"):
        open_sealed(tmp_path / "hr" / "2024-12-31" / "file.age", key)


@pytest.mark.parametrize("chunk", range(40))
def test_nothing_after_a_changed_byte_is_given_out(tmp_path: Path, key: LandingKey, chunk: int) -> None:
    content = os.urandom(40 * AGE_CHUNK)
    path = sealed(tmp_path / "file.age", key, content)
    damaged = bytearray(path.read_bytes())
    head = len(damaged) - 40 * (AGE_CHUNK + 16)
    damaged[head + chunk * (AGE_CHUNK + 16) + 1000] ^= 1
    path.write_bytes(damaged)
    got = b""
    with pytest.raises(ParError, match="changed or damaged"), open_sealed(path, key) as stream:
        while piece := stream.read1(1000):
            got += piece
    assert got == content[: len(got)]
    assert len(got) <= chunk * AGE_CHUNK


@pytest.mark.parametrize("cut", [1, 16, AGE_CHUNK + 16, 3 * (AGE_CHUNK + 16), 3 * (AGE_CHUNK + 16) + 1])
def test_a_shortened_file_is_an_error_even_at_a_border(tmp_path: Path, key: LandingKey, cut: int) -> None:
    path = sealed(tmp_path / "file.age", key, bytes(3 * AGE_CHUNK))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ParError, match="changed or damaged"):
        content_of(path, key)


@pytest.mark.parametrize("content", [b"", b"so_dinh_danh,ho_ten\n", b"age-encryption.org/v1\n"])
def test_what_was_never_sealed_is_not_read(tmp_path: Path, key: LandingKey, content: bytes) -> None:
    (tmp_path / "file.age").write_bytes(content)
    with pytest.raises(ParError, match="changed or damaged"):
        open_sealed(tmp_path / "file.age", key)


def test_a_copy_that_fails_leaves_no_file(tmp_path: Path, key: LandingKey) -> None:
    with pytest.raises(OSError, match="source"), seal(tmp_path / "file.age", key) as sink:
        sink.write(bytes(5_000_000))
        raise OSError("the source went away")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_more_is_a_sentence_and_leaves_no_file(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from pyrage import x25519
from par_warehouse.errors import ParError
from par_warehouse.sealing import LandingKey, seal
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    with seal(Path(sys.argv[1]), LandingKey((x25519.Identity.generate(),))) as sink:
        for _ in range(20):
            sink.write(bytes(1 << 20))
except ParError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "file.age")]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "file.age could not be sealed (" in told.stdout and "Is the disk full?" in told.stdout
    assert told.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_closing_early_ends_the_thread_and_leaks_no_descriptor(tmp_path: Path, key: LandingKey) -> None:
    path = sealed(tmp_path / "file.age", key, bytes(20_000_000))
    descriptors = Path("/proc/self/fd")
    before = len([*descriptors.iterdir()]), threading.active_count()
    for _ in range(20):
        with open_sealed(path, key) as stream:
            assert stream.read(10) == bytes(10)
    open_sealed(path, key)  # forgotten: collected like any file
    assert (len([*descriptors.iterdir()]), threading.active_count()) == before


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from pyrage import x25519
from par_warehouse.sealing import LandingKey, open_sealed, seal
key, path = LandingKey((x25519.Identity.generate(),)), Path(sys.argv[1])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
with seal(path, key) as sink:
    for _ in range(150):
        sink.write(bytes(1 << 20))
with open_sealed(path, key) as stream:
    assert sum(len(piece) for piece in iter(lambda: stream.read(1 << 20), b"")) == 150 << 20
print(peak() - before)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "file.age")]
    grown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert int(grown) < 20_000, "KiB for 150 MiB"


def test_a_stream_that_nobody_closed_does_not_hold_up_the_end_of_the_process(tmp_path: Path, key: LandingKey) -> None:
    path = sealed(tmp_path / "file.age", key, bytes(20_000_000))
    script = (
        "import sys, pyrage; from pathlib import Path; from par_warehouse.sealing import *;"
        f"key = LandingKey((pyrage.x25519.Identity.from_str('{key.identities[0]}'),));"
        f"stream = open_sealed(Path('{path}'), key); sys.modules['kept'] = stream"
    )
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    assert time.monotonic() - started < 20


def test_a_development_key_is_made_once_with_mode_0600(settings: Settings) -> None:
    first = landing_key(settings)
    path = LANDING_KEY.development_path(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [str(one) for one in landing_key(settings).identities] == [str(one) for one in first.identities]
    assert path.read_text() == str(first.identities[0])


def test_no_second_key_is_made_for_files_that_have_one(settings: Settings) -> None:
    folder = settings.landing / "hr" / "2024-12-31"
    folder.mkdir(parents=True)
    sealed(folder / "file.age", landing_key(settings), b"text")
    LANDING_KEY.development_path(settings).unlink()
    with pytest.raises(ParError, match=r"PAR_LANDING_KEY is not set\. Set it again"):
        landing_key(settings)
    assert not LANDING_KEY.development_path(settings).exists()


def test_a_given_key_may_be_a_file_as_age_keygen_writes_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = x25519.Identity.generate(), x25519.Identity.generate()
    (tmp_path / "key").write_text(f"# created: 2025-01-01\n# public key: {new.to_public()}\n{new}\n{old}\n")
    monkeypatch.setenv("PAR_LANDING_KEY_FILE", str(tmp_path / "key"))
    assert [str(one) for one in landing_key(settings).identities] == [str(new), str(old)]
    monkeypatch.setenv("PAR_LANDING_KEY", str(old))
    assert [str(one) for one in landing_key(settings).identities] == [str(old)], "the variable goes before the file"
    assert not LANDING_KEY.development_path(settings).exists()


@pytest.mark.parametrize("text", ["secret", "# only a remark", "AGE-SECRET-KEY-1QQQ", "age1qqq"])
def test_what_is_no_key_is_told_and_not_shown(settings: Settings, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PAR_LANDING_KEY", text)
    with pytest.raises(ParError, match="age-keygen") as caught:
        landing_key(settings)
    assert text not in str(caught.value)


def test_a_key_is_not_in_its_representation(key: LandingKey) -> None:
    assert repr(key) == "LandingKey()"
