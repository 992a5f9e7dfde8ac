"""Deliveries on this machine: only regular files with plain names are read, and a copy is whole or does not count."""

import hashlib
import io
import os
import socket
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from par_warehouse import copying
from par_warehouse.copying import Fetched, PlaceRefused, PlaceUnreachable, fetch, is_there, listing, shown, subfolders


class Sinks:
    """Gives a fresh sink for each try and keeps them all; ``on_write`` runs after the first piece of each."""

    def __init__(self, on_write: Callable[[], None] = lambda: None) -> None:
        self.tries: list[bytearray] = []
        self.on_write = on_write

    def __call__(self) -> io.RawIOBase:
        self.tries.append(bytearray())
        return _Sink(self.tries[-1], self.on_write)


class _Sink(io.RawIOBase):
    def __init__(self, content: bytearray, on_write: Callable[[], None]) -> None:
        self.content = content
        self.on_write = on_write

    def write(self, data: bytes, /) -> int:
        is_first = not self.content
        self.content += data
        if is_first:
            self.on_write()
        return len(data)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_copy_has_the_bytes_and_their_hash(tmp_path: Path) -> None:
    content = os.urandom(20 << 20)
    (tmp_path / "a.csv").write_bytes(content)
    sinks = Sinks()
    assert fetch(tmp_path / "a.csv", sinks) == Fetched(sha256(content), 20 << 20)
    assert sinks.tries == [content]
    (tmp_path / "empty.csv").touch()
    assert fetch(tmp_path / "empty.csv", Sinks()) == Fetched(sha256(b""), 0)


def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(200 << 20)
    tracemalloc.start()
    copied = fetch(tmp_path / "large.csv", partial(Path(os.devnull).open, "wb"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert copied.size == 200 << 20
    assert peak < 3 * copying.CHUNK


def test_a_file_that_grows_once_is_copied_again_from_its_start(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b"first half,")
    waits: list[float] = []
    growth = iter([b"second half"])

    def grow() -> None:
        with source.open("ab") as file:
            file.write(next(growth, b""))

    sinks = Sinks(grow)
    assert fetch(source, sinks, waits.append) == Fetched(sha256(b"first half,second half"), 22)
    assert bytes(sinks.tries[-1]) == b"first half,second half"
    assert waits == [5]


def test_a_file_that_always_grows_is_still_being_written(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b"x")

    def grow() -> None:
        with source.open("ab") as file:
            file.write(b"x")

    waits: list[float] = []
    sinks = Sinks(grow)
    with pytest.raises(PlaceUnreachable, match=r"a\.csv changed while it was copied: the source is still writing"):
        fetch(source, sinks, waits.append)
    assert len(sinks.tries) == 3
    assert waits == [5, 20]


@pytest.mark.parametrize("replaced", [b"NEW!", b"new", b""])
def test_a_file_that_is_replaced_meanwhile_is_copied_again(tmp_path: Path, replaced: bytes) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b"old!")
    news = iter([replaced])

    def replace() -> None:
        if (content := next(news, None)) is not None:
            (tmp_path / "upload").write_bytes(content)
            os.utime(tmp_path / "upload", ns=(0, source.stat().st_mtime_ns))  # size and time may both agree
            (tmp_path / "upload").replace(source)

    assert fetch(source, Sinks(replace), lambda _: None) == Fetched(sha256(replaced), len(replaced))


def test_a_file_that_comes_back_is_copied_and_one_that_is_gone_is_unreachable(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    with pytest.raises(PlaceUnreachable, match=r"a\.csv is not there"):
        fetch(source, Sinks(), lambda _: None)
    assert fetch(source, Sinks(), lambda _: source.write_bytes(b"x") and None).size == 1


def test_what_a_sink_raises_is_not_blamed_on_the_place(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")

    def full() -> None:
        raise OSError(28, "No space left on device")

    sinks = Sinks(full)
    with pytest.raises(OSError, match="No space left"):
        fetch(tmp_path / "a.csv", sinks)
    assert len(sinks.tries) == 1


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "link.csv").symlink_to(tmp_path / "secret")
    for name in ("pipe.csv", "folder.csv", "link.csv"):
        with pytest.raises(PlaceRefused, match="is not a regular file"):
            fetch(tmp_path / name, Sinks())
        assert not is_there(tmp_path / name)
    assert is_there(tmp_path / "secret")
    assert not is_there(tmp_path / "nothing")


def test_a_file_that_turns_into_a_pipe_or_a_link_after_it_was_looked_at_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, secret = tmp_path / "a.csv", tmp_path / "secret"
    secret.write_bytes(b"secret")
    open_as_it_is = copying._open
    for swap in (os.mkfifo, lambda path: path.symlink_to(secret)):
        source.write_bytes(b"public")

        def swapped(path: Path, swap: Callable[[Path], None] = swap) -> object:
            path.unlink()
            swap(path)
            return open_as_it_is(path)

        monkeypatch.setattr(copying, "_open", swapped)
        sinks = Sinks()
        with pytest.raises((PlaceRefused, PlaceUnreachable)):
            fetch(source, sinks, lambda _: None)
        assert not any(sinks.tries)
        source.unlink()


def test_a_delivery_is_listed_by_name_with_a_reason_for_what_is_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "2024-12-31"
    (folder / "so_y_te").mkdir(parents=True)
    (folder / "b.csv").write_bytes(b"12345")
    (folder / "Sở Y tế (2).xlsx").write_bytes(b"1")
    (folder / "so_y_te" / "a.csv").write_bytes(b"")
    (tmp_path / "outside.csv").write_bytes(b"secret")
    (folder / "out.csv").symlink_to(tmp_path / "outside.csv")
    (folder / "loop").symlink_to(folder)
    (folder / "danh_gia.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        entries = {entry.name: entry for entry in listing(folder)}
    assert list(entries) == sorted(
        [
            "Sở Y tế (2).xlsx",
            "b.csv",
            "danh_gia.csv",
            "loop",
            "out.csv",
            "pipe.csv",
            "so_y_te",
            "so_y_te/a.csv",
            "socket",
        ]
    )
    assert {name for name, entry in entries.items() if entry.refusal is None} == {
        "b.csv",
        "so_y_te/a.csv",
        "Sở Y tế (2).xlsx",
    }
    assert entries["b.csv"].size == 5
    kinds = {name: entry.kind for name, entry in entries.items() if entry.refusal}
    assert kinds == {
        "danh_gia.csv": "folder", "so_y_te": "folder", "loop": "link", "out.csv": "link", "pipe.csv": "special",
        "socket": "special",
    }  # fmt: skip
    vi, en = entries["danh_gia.csv"].refusal or ("", "")
    assert vi.startswith("Đây là thư mục, không phải tệp.")
    assert en.startswith("This is a folder, not a file.")


@pytest.mark.parametrize(
    "name",
    [b"a\nb.csv", b"a\x1b[31m.csv", b"a\x00b.csv", b"caf\xe9.csv", "a\u202evsc.exe".encode(), "a\u200b.csv".encode()],
)
def test_names_that_could_deceive_are_refused(tmp_path: Path, name: bytes) -> None:
    if b"\x00" in name:  # no file system holds it; a server could send it
        assert copying._refusal(name.decode(), "file", 0) is copying._NAME
        return
    with open(os.fsencode(tmp_path) + b"/" + name, "wb"):  # noqa: PTH123 - a path that is no text
        pass
    [entry] = listing(tmp_path)
    assert entry.refusal is copying._NAME
    assert shown(entry.name).isprintable()


def test_paths_and_long_names_are_refused() -> None:
    for name in ("", ".", "..", "../a.csv", "/etc/passwd", "a/b.csv"):
        assert copying._refusal(name, "file", 0) is copying._NAME
        assert copying._refusal(name, "folder", 0) is copying._NAME
    assert copying._refusal("á" * 101, "file", 0) is copying._LONG_NAME
    assert copying._refusal("á" * 100, "file", 0) is None


def test_folders_are_read_six_levels_deep(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"123456789")
    deep.mkdir(parents=True)
    (deep / "lost.csv").touch()
    (tmp_path / "1/2/3/4/5/found.csv").touch()
    entries = listing(tmp_path)
    assert [entry.name for entry in entries] == ["1", "1/2", "1/2/3", "1/2/3/4", "1/2/3/4/5", "1/2/3/4/5/6",
                                                 "1/2/3/4/5/found.csv"]  # fmt: skip
    assert entries[-1].refusal is None
    assert "deeper than 6 levels" in (entries[-2].refusal or ("", ""))[1]


def test_a_folder_with_too_much_in_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MAX_ENTRIES", 10)
    for number in range(5):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}/a.csv").touch()
    assert len(listing(tmp_path)) == 10
    (tmp_path / "3/b.csv").touch()
    with pytest.raises(PlaceRefused, match="more than 10 files and folders"):
        listing(tmp_path)


def test_no_folder_is_an_empty_one_and_a_file_is_no_folder(tmp_path: Path) -> None:
    assert listing(tmp_path / "nothing") == []
    assert subfolders(tmp_path / "nothing") == []
    (tmp_path / "file").touch()
    with pytest.raises(PlaceRefused, match="cannot be read as it is"):
        listing(tmp_path / "file")


def test_subfolders_are_real_folders(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("2024-12-31", "2024-12-30", "bad\nname"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "2024-12-29").symlink_to(tmp_path / "2024-12-30")
    assert subfolders(tmp_path) == ["2024-12-30", "2024-12-31"]
    assert "2024-12-29 in " in caplog.text
    assert "bad\\nname in " in caplog.text


def test_names_are_shown_on_one_line_without_the_number_of_a_person() -> None:
    assert shown("nhan_su 2024-12-31.csv") == "nhan_su 2024-12-31.csv"
    assert shown("013085000001.csv") == "############.csv"
    assert shown("a12345678b123456789") == "a12345678b#########"
    assert shown("a\nb\x1b[2Jc\udcff\u202e") == "a\\nb\\x1b[2Jc\\udcff\\u202e"
    long = shown("x" * 60 + "013085000001" * 10 + ".csv")
    assert len(long) == 80 and long.endswith("#.csv") and "…" in long
