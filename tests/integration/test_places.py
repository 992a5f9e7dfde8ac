"""Deliveries at real servers: OpenSSH and S3 give the entries and bytes that a folder does, or one of two answers."""

import asyncio
import hashlib
import io
import json
import os
import re
import ssl
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
import boto3
import httpx
import pytest

from par_warehouse import copying
from par_warehouse.copying import (
    CHUNK,
    Fetched,
    Place,
    PlaceRefused,
    PlaceUnreachable,
    fetch,
    is_there,
    listing,
    subfolders,
)
from par_warehouse.errors import ParError
from par_warehouse.settings import PROJECT_ROOT, Settings
from tests.real_servers import S3Server, SftpServer, free_port, new_key, private_text, public_text

SETTING = "PAR_HR_URI"


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Airflow's home and the user's, both empty, before Airflow is imported."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(home / "airflow"))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.setenv("HOME", str(home))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "SSH_AUTH_SOCK"):
            patch.delenv(name, raising=False)
        yield home


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    server = SftpServer(tmp_path_factory.mktemp("sshd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    server = S3Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3: S3Server, request: pytest.FixtureRequest) -> Any:
    """A new bucket, as boto3 sees it."""
    name = request.node.originalname.replace("_", "-")[:60].rstrip("-")
    resource = boto3.resource(
        "s3", endpoint_url=s3.url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    return resource.create_bucket(Bucket=name)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Place]:
    """The place of a URI with the connection whose JSON is given."""

    def connect(uri: str, connection: str) -> Place:
        from par_airflow.places import place

        monkeypatch.setenv("AIRFLOW_CONN_HR_FILES", connection)
        return place(uri, "hr_files", SETTING)

    return connect


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """A delivery's folder with what people and programs put into one."""
    folder = tmp_path / "hr exports" / "2024-12-31"
    (folder / "so_y_te" / "thang_12").mkdir(parents=True)
    (folder / "nhan_su.csv").write_bytes(b"so_dinh_danh\r\n013085000001\r\n" * 1000)
    (folder / "Sở Y tế #1 50% [cuối].xlsx").write_bytes(os.urandom(1000))
    (folder / "a?versionId=1").write_bytes(b"question mark")
    (folder / "so_y_te" / "thang_12" / "danh_gia.csv").write_bytes(b"x")
    (folder / "so_y_te" / "empty.csv").touch()
    (folder / "_SUCCESS").touch()
    return folder


@pytest.fixture
def hostile(delivery: Path) -> Path:
    """The same folder with what must not be taken from it."""
    (delivery / "out.csv").symlink_to("/etc/passwd")
    (delivery / "loop").symlink_to(delivery)
    (delivery / "line\nbreak.csv").touch()
    with open(os.fsencode(delivery) + b"/caf\xe9.csv", "wb"):  # noqa: PTH123 - a path that is no text
        pass
    os.mkfifo(delivery / "pipe.csv")
    (delivery / "folder.csv").mkdir()
    return delivery


class Sinks:
    """Gives a fresh sink for each try and keeps them all; ``on_write`` runs after the first piece of each."""

    def __init__(self, on_write: Callable[[], None] = lambda: None) -> None:
        self.tries: list[bytearray] = []
        self.pieces: list[int] = []
        self.on_write = on_write

    def __call__(self) -> io.RawIOBase:
        content = bytearray()
        self.tries.append(content)
        sinks = self

        class Sink(io.RawIOBase):
            def write(self, data: bytes, /) -> int:
                is_first = not content
                content.extend(data)
                sinks.pieces.append(len(data))
                if is_first:
                    sinks.on_write()
                return len(data)

        return Sink()


def fetched(content: bytes) -> Fetched:
    return Fetched(hashlib.sha256(content).hexdigest(), len(content))


def once(action: Callable[[], object]) -> Callable[[], None]:
    """Do it at the first call only."""
    left = iter([action])

    def act() -> None:
        for action in left:
            action()
            return

    return act


def at(server: SftpServer, folder: Path) -> str:
    return f"sftp://127.0.0.1:{server.port}{folder}"


def no_sleep(_: float) -> None:
    pass


# --- SFTP


def test_sftp_shows_and_gives_what_the_folder_holds(sftp: SftpServer, connect: Any, hostile: Path) -> None:
    base = connect(at(sftp, hostile.parent), sftp.connection())
    assert subfolders(base) == ["2024-12-31"]
    there, here = listing(base / "2024-12-31"), listing(hostile)
    assert there == here
    assert len(here) == 6 + 2 + 6, "files, folders, and what is refused"
    files = [entry for entry in there if entry.refusal is None]
    assert len(files) == 6
    for entry in files:
        assert fetch(base / "2024-12-31" / entry.name, Sinks()) == fetched((hostile / entry.name).read_bytes())
    assert is_there(base / "2024-12-31" / "_SUCCESS")
    assert not is_there(base / "2024-12-30" / "_SUCCESS")
    assert listing(base / "2024-12-30") == []


def test_sftp_never_waits_for_a_pipe_nor_follows_a_link(sftp: SftpServer, connect: Any, hostile: Path) -> None:
    place = connect(at(sftp, hostile), sftp.connection())
    for name in ("pipe.csv", "out.csv", "loop", "folder.csv"):
        with pytest.raises(PlaceRefused, match="is not a regular file"):
            fetch(place / name, Sinks())
        assert not is_there(place / name)


def test_sftp_never_holds_a_large_file_as_a_whole(sftp: SftpServer, connect: Any, tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(96 << 20)
    place = connect(at(sftp, tmp_path), sftp.connection())
    tracemalloc.start()
    copied = fetch(place / "large.csv", partial(Path(os.devnull).open, "wb"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert copied.size == 96 << 20
    assert peak < 5 * CHUNK


def test_sftp_signs_in_with_a_key_file_and_a_passphrase(
    sftp: SftpServer, connect: Any, delivery: Path, tmp_path: Path
) -> None:
    key_file = tmp_path / "id"
    key_file.write_text(private_text(sftp.user_key))
    assert listing(connect(at(sftp, delivery), sftp.connection(private_key=None, key_file=str(key_file))))
    locked = sftp.user_key.export_private_key(passphrase="a phrase").decode()
    good = sftp.connection(private_key=locked, private_key_passphrase="a phrase")
    assert listing(connect(at(sftp, delivery), good))
    for bad in (
        sftp.connection(private_key=locked),
        sftp.connection(private_key=locked, private_key_passphrase="no"),
        sftp.connection(private_key="not a key"),
        sftp.connection(host_key="127.0.0.1 " + public_text(sftp.host_key)),
    ):
        with pytest.raises(PlaceRefused, match="hr_files holds a key that cannot be read") as refused:
            connect(at(sftp, delivery), bad)
        assert "a phrase" not in str(refused.value) and "not a key" not in str(refused.value)
    with pytest.raises(PlaceRefused, match="key_file that cannot be read"):
        connect(at(sftp, delivery), sftp.connection(private_key=None, key_file=str(tmp_path / "no")))


def test_sftp_with_another_host_key_is_refused(sftp: SftpServer, connect: Any, delivery: Path, home: Path) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {public_text(sftp.host_key)}\n")
    place = connect(at(sftp, delivery), sftp.connection(host_key=public_text(new_key())))
    with pytest.raises(PlaceRefused, match="does not show the host key of the connection hr_files"):
        listing(place)
    with pytest.raises(PlaceRefused, match="does not show the host key"):
        fetch(place / "nhan_su.csv", Sinks())


def test_sftp_without_a_host_key_is_refused_although_the_user_knows_the_server(
    sftp: SftpServer, connect: Any, delivery: Path, home: Path
) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {public_text(sftp.host_key)}\n")
    with pytest.raises(PlaceRefused, match=r"connection hr_files does not say how to know the server.*host_key"):
        connect(at(sftp, delivery), sftp.connection(host_key=None))


@pytest.mark.parametrize("switch", ["no_host_key_check", "ignore_hostkey_verification", "allow_host_key_change"])
@pytest.mark.parametrize("on", [True, "true", "True"])
def test_sftp_with_the_check_switched_off_is_refused(
    sftp: SftpServer, connect: Any, delivery: Path, switch: str, on: object
) -> None:
    with pytest.raises(PlaceRefused, match=f"hr_files switches off the check of the host key. Remove {switch}"):
        connect(at(sftp, delivery), sftp.connection(**{switch: on}))
    assert connect(at(sftp, delivery), sftp.connection(**{switch: "false"}))


def test_sftp_with_another_user_key_is_refused_although_the_user_of_the_machine_has_the_right_one(
    sftp: SftpServer, connect: Any, delivery: Path, home: Path
) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh/id_ed25519").write_text(private_text(sftp.user_key))
    place = connect(at(sftp, delivery), sftp.connection(private_key=private_text(new_key())))
    with pytest.raises(PlaceRefused, match="refuses the sign-in of the connection hr_files"):
        listing(place)
    password = json.loads(sftp.connection(private_key=None)) | {"password": "a-secret-word"}
    with pytest.raises(PlaceRefused, match="refuses the sign-in") as refused:
        listing(connect(at(sftp, delivery), json.dumps(password)))
    assert "a-secret-word" not in str(refused.value)


def test_sftp_does_not_read_the_configuration_of_the_user(
    sftp: SftpServer, connect: Any, delivery: Path, home: Path
) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh/config").write_text("Host *\n  Hostname 127.0.0.2\n  Port 9\n  ProxyCommand false\n")
    try:
        assert listing(connect(at(sftp, delivery), sftp.connection()))
    finally:
        (home / ".ssh/config").unlink()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"login": None}, "hr_files cannot sign in"),
        ({"extra": {"host_key": "ssh-ed25519 x"}}, "hr_files cannot sign in"),
        ({"conn_type": "ssh"}, "hr_files is of type 'ssh'; PAR_HR_URI needs 'sftp'"),
        ({"host": "other.example.vn"}, "leads to other.example.vn:"),
        ({"port": 22}, "leads to 127.0.0.1:22. They must agree"),
    ],
)
def test_sftp_connections_that_cannot_work_are_refused_before_anything_is_asked(
    sftp: SftpServer, connect: Any, delivery: Path, change: dict[str, Any], text: str
) -> None:
    with pytest.raises(PlaceRefused, match=text):
        connect(at(sftp, delivery), json.dumps(json.loads(sftp.connection()) | change))


def test_sftp_that_is_down_is_unreachable_and_tried_again(tmp_path: Path, connect: Any) -> None:
    server = SftpServer(tmp_path / "sshd")
    waits: list[float] = []
    place = connect(at(server, tmp_path), server.connection())
    with pytest.raises(PlaceUnreachable) as caught:
        listing(place, waits.append)
    where = f"sftp://127.0.0.1:{server.port}{tmp_path}"
    assert str(caught.value) == (
        f"{where} cannot be read now (Connection refused). If this lasts, ask whoever runs the server of the connection"
        " hr_files."
    )
    assert waits == [5, 20]
    with pytest.raises(PlaceUnreachable):
        is_there(place / "_SUCCESS", no_sleep)


def test_a_server_without_an_address_is_unreachable(connect: Any) -> None:
    connection = json.dumps(json.loads(SftpServer(Path("/")).connection()) | {"host": "sftp.invalid", "port": 22})
    with pytest.raises(PlaceUnreachable, match=r"sftp://sftp.invalid:22/outgoing cannot be read now .* hr_files\."):
        listing(connect("sftp://sftp.invalid/outgoing", connection), no_sleep)


def test_sftp_killed_in_the_middle_of_a_copy_and_back_gives_equal_bytes(tmp_path: Path, connect: Any) -> None:
    server = SftpServer(tmp_path / "sshd")
    server.start()
    try:
        content = os.urandom(40 << 20)
        (tmp_path / "nhan_su.csv").write_bytes(content)
        place = connect(at(server, tmp_path), server.connection())
        sinks = Sinks(once(server.stop))
        assert fetch(place / "nhan_su.csv", sinks, lambda _: server.start()) == fetched(content)
        assert len(sinks.tries) == 2
        assert 0 < len(sinks.tries[0]) < len(content)
        assert sinks.tries[1] == content
        gone = Sinks(server.stop)
        with pytest.raises(PlaceUnreachable, match=r"nhan_su\.csv cannot be read now"):
            fetch(place / "nhan_su.csv", gone, no_sleep)
        server.start()
        assert listing(place), "a lost connection is made again"
    finally:
        server.stop()


def test_sftp_file_that_grows_during_the_copy_is_copied_again(sftp: SftpServer, connect: Any, tmp_path: Path) -> None:
    source = tmp_path / "nhan_su.csv"
    source.write_bytes(b"a" * (10 << 20))

    def grow() -> None:
        with source.open("ab") as file:
            file.write(b"b")

    place = connect(at(sftp, tmp_path), sftp.connection()) / "nhan_su.csv"
    assert fetch(place, Sinks(once(grow)), no_sleep) == fetched(source.read_bytes())
    with pytest.raises(PlaceUnreachable, match="the source is still writing"):
        fetch(place, Sinks(grow), no_sleep)


class Malicious(asyncssh.SFTPServer):
    """Answers whatever is asked with folders in folders, and with names that no folder can hold."""

    names = (b"../escape.csv", b"/etc/passwd", b"", b"a/b.csv", b"nul\x00.csv", b"again", b"013085000001.csv")

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        if path.endswith(b"/many"):
            for number in range(20_000):
                yield asyncssh.SFTPName(b"%d" % number, attrs=asyncssh.SFTPAttrs(permissions=0o100644, size=1))
        for name in self.names:
            mode = 0o040755 if name == b"again" else 0o100644
            yield asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(permissions=mode, size=1))

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        if path.endswith(b"/denied.csv"):
            raise asyncssh.SFTPPermissionDenied("013085000001 may not read this")
        if path.endswith(b"/broken.csv"):
            raise asyncssh.SFTPFailure("013085000001 is broken")
        return asyncssh.SFTPAttrs(permissions=0o100644, size=1 << 60)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        return io.BytesIO(b"short")


@pytest.fixture
def malicious() -> Iterator[SftpServer]:
    """A server that is not OpenSSH and not a friend."""
    server = SftpServer(Path("/"))
    loop = asyncio.new_event_loop()
    options = {
        "server_host_keys": [server.host_key],
        "authorized_client_keys": asyncssh.import_authorized_keys(public_text(server.user_key)),
        "sftp_factory": Malicious,
        "allow_scp": False,
    }
    listener = loop.run_until_complete(asyncssh.listen("127.0.0.1", server.port, **options))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server

    async def close() -> None:
        listener.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run_coroutine_threadsafe(close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_malicious_server_gets_nothing_but_refusals(malicious: SftpServer, connect: Any) -> None:
    place = connect(at(malicious, Path("/delivery")), malicious.connection())
    entries = listing(place, no_sleep)
    taken = [entry.name for entry in entries if entry.refusal is None]
    assert taken == sorted("again/" * depth + "013085000001.csv" for depth in range(copying.MAX_DEPTH))
    assert len(entries) == 7 * copying.MAX_DEPTH
    with pytest.raises(PlaceRefused, match="more than 10,000 files"):
        listing(place / "many", no_sleep)
    with pytest.raises(PlaceUnreachable, match="the source is still writing"):
        fetch(place / "013085000001.csv", Sinks(), no_sleep)
    for name, kind in (("denied.csv", PlaceRefused), ("broken.csv", PlaceUnreachable), ("013085000001.csv", ParError)):
        with pytest.raises(kind) as answer:
            fetch(place / name, Sinks(), no_sleep)
        assert "013085" not in str(answer.value)


# --- S3


def test_s3_shows_and_gives_what_the_folder_holds(s3: S3Server, bucket: Any, connect: Any, delivery: Path) -> None:
    for path in sorted(delivery.rglob("*")):
        if path.is_file():
            bucket.put_object(Key=f"hr exports/2024-12-31/{path.relative_to(delivery)}", Body=path.read_bytes())
    base = connect(f"s3://{bucket.name}/hr exports", s3.connection())
    assert subfolders(base) == ["2024-12-31"]
    there = listing(base / "2024-12-31")
    assert there == listing(delivery)
    files = [entry for entry in there if entry.refusal is None]
    assert len(files) == 6
    for entry in files:
        assert fetch(base / "2024-12-31" / entry.name, Sinks()) == fetched((delivery / entry.name).read_bytes())
    assert is_there(base / "2024-12-31" / "_SUCCESS")
    assert not is_there(base / "2024-12-31" / "so_y_te")
    assert not is_there(base / "2024-12-30" / "_SUCCESS")
    assert listing(base / "2024-12-30") == []
    assert subfolders(connect(f"s3://{bucket.name}", s3.connection())) == ["hr exports"]
    with pytest.raises(PlaceUnreachable, match=r"nothing\.csv is not there"):
        fetch(base / "nothing.csv", Sinks(), no_sleep)


def test_s3_lists_more_than_one_page(s3: S3Server, bucket: Any, connect: Any) -> None:
    s3.fill(bucket.name, {f"2024-12-31/{number:04}.csv": b"x" * (number % 7) for number in range(1100)})
    entries = listing(connect(f"s3://{bucket.name}/2024-12-31", s3.connection()))
    assert [(entry.name, entry.size) for entry in entries] == [(f"{n:04}.csv", n % 7) for n in range(1100)]


def test_s3_sees_at_once_what_is_new(s3: S3Server, bucket: Any, connect: Any) -> None:
    base = connect(f"s3://{bucket.name}", s3.connection())
    assert listing(base) == [] and not is_there(base / "2024-12-31" / "_SUCCESS")
    bucket.put_object(Key="2024-12-31/_SUCCESS", Body=b"")
    assert is_there(base / "2024-12-31" / "_SUCCESS")
    assert subfolders(base) == ["2024-12-31"]
    bucket.Object("2024-12-31/_SUCCESS").delete()
    assert listing(base) == []


def test_s3_keys_that_no_folder_can_hold_are_refused(s3: S3Server, bucket: Any, connect: Any) -> None:
    for key in ("in/", "in/a.csv", "in/a.csv/b.csv", "in/../out.csv", "in//double.csv", "in/tab\t.csv",
                f"in/{'x' * 300}.csv", "in/empty/", "in/\u202e.csv", "index.csv"):  # fmt: skip
        bucket.put_object(Key=key, Body=b"x")
    entries = listing(connect(f"s3://{bucket.name}/in", s3.connection()))
    assert [entry.name for entry in entries if entry.refusal is None] == ["a.csv", "a.csv/b.csv"]
    assert sorted(entry.name for entry in entries if entry.refusal is not None) == sorted(
        ["", "..", "a.csv", "empty", "tab\t.csv", "x" * 300 + ".csv", "\u202e.csv"]
    )


def test_s3_copies_piece_by_piece(s3: S3Server, bucket: Any, connect: Any) -> None:
    content = os.urandom(3 * CHUNK + 1)
    bucket.put_object(Key="nhan_su.csv", Body=content)
    sinks = Sinks()
    assert fetch(connect(f"s3://{bucket.name}", s3.connection()) / "nhan_su.csv", sinks) == fetched(content)
    assert sinks.pieces == [CHUNK, CHUNK, CHUNK, 1]


def test_s3_stopped_in_the_middle_of_a_copy_and_back_gives_equal_bytes(s3: S3Server, bucket: Any, connect: Any) -> None:
    content = os.urandom(3 * CHUNK)
    bucket.put_object(Key="nhan_su.csv", Body=content)
    place = connect(f"s3://{bucket.name}", s3.connection(config_kwargs={"retries": {"max_attempts": 0}}))
    sinks = Sinks(once(s3.stop))
    assert fetch(place / "nhan_su.csv", sinks, lambda _: s3.start()) == fetched(content)
    assert [len(content) for content in sinks.tries] == [CHUNK, 3 * CHUNK]


def test_s3_object_that_is_replaced_during_the_copy_is_copied_again(s3: S3Server, bucket: Any, connect: Any) -> None:
    bucket.put_object(Key="nhan_su.csv", Body=b"a" * 2 * CHUNK)
    after = b"b" * 2 * CHUNK
    place = connect(f"s3://{bucket.name}", s3.connection()) / "nhan_su.csv"
    sinks = Sinks(once(lambda: bucket.put_object(Key="nhan_su.csv", Body=after)))
    assert fetch(place, sinks, no_sleep) == fetched(after)
    assert len(sinks.tries) == 2
    numbers = iter(range(9))
    always = Sinks(lambda: bucket.put_object(Key="nhan_su.csv", Body=b"%d" % next(numbers) * 2 * CHUNK))
    with pytest.raises(PlaceUnreachable, match="the source is still writing"):
        fetch(place, always, no_sleep)


def test_s3_that_is_down_is_unreachable(connect: Any) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    waits: list[float] = []
    place = connect(
        "s3://hr/exports",
        S3Server().connection(endpoint_url=endpoint, config_kwargs={"retries": {"max_attempts": 0}}),
    )
    with pytest.raises(PlaceUnreachable, match=r"s3://hr_files@hr/exports cannot be read now \(EndpointConnection"):
        listing(place, waits.append)
    assert waits == [5, 20]


def test_s3_without_the_bucket_is_refused(s3: S3Server, connect: Any) -> None:
    place = connect("s3://no-such-bucket/exports", s3.connection())
    with pytest.raises(PlaceRefused, match="there is no such bucket"):
        listing(place)
    with pytest.raises(PlaceRefused, match="there is no such bucket"):
        is_there(place / "_SUCCESS")
    with pytest.raises(PlaceRefused, match="there is no such bucket"):
        fetch(place / "nhan_su.csv", Sinks())


def test_s3_with_another_key_is_refused(s3: S3Server, bucket: Any, connect: Any) -> None:
    bucket.put_object(Key="nhan_su.csv", Body=b"x")
    place = connect(f"s3://{bucket.name}", s3.connection())
    httpx.post(f"{s3.url}/moto-api/reset-auth", content=b"0")
    try:
        for ask in (listing, subfolders, lambda place: is_there(place / "nhan_su.csv")):
            with pytest.raises(PlaceRefused, match=r"the access key, the secret key.*connection hr_files") as refused:
                ask(place)
            assert "a-secret-key" not in str(refused.value) and "an-access-key" not in str(refused.value)
    finally:
        httpx.post(f"{s3.url}/moto-api/reset-auth", content=b"inf")


@contextmanager
def answering(status: int, body: bytes, certified: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that has one answer for everything; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        if certified:
            server.socket = certified.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "answer"),
    [
        (503, "SlowDown", PlaceUnreachable),
        (500, "InternalError", PlaceUnreachable),
        (502, "XBehindAProxy", PlaceUnreachable),
        (429, "TooManyRequests", PlaceUnreachable),
        (403, "SignatureDoesNotMatch", PlaceRefused),
        (400, "AuthorizationHeaderMalformed", PlaceRefused),
        (301, "PermanentRedirect", PlaceRefused),
    ],
)
def test_s3_answers_are_told_apart(connect: Any, status: int, code: str, answer: type[ParError]) -> None:
    body = f"<Error><Code>{code}</Code><Message>013085000001</Message></Error>".encode()

    with answering(status, body) as port:
        connection = S3Server(port=port).connection(config_kwargs={"retries": {"max_attempts": 0}})
        with pytest.raises(answer) as error:
            listing(connect("s3://hr/exports", connection), no_sleep)
    assert isinstance(error.value, PlaceUnreachable) == (answer is PlaceUnreachable)
    assert "013085" not in str(error.value)


def test_s3_with_a_certificate_of_an_unknown_authority_is_refused(
    connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "certificate"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    certified = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certified.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    with answering(200, b"<ListBucketResult><Name>hr</Name></ListBucketResult>", certified) as port:
        connection = S3Server(port=port).connection(
            endpoint_url=f"https://127.0.0.1:{port}", config_kwargs={"retries": {"max_attempts": 0}}
        )
        with pytest.raises(PlaceRefused, match=r"certificate cannot be trusted.*AWS_CA_BUNDLE"):
            listing(connect("s3://hr/exports", connection))
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "certificate"))
        # Another connection, as another process would have; the refused one keeps what it trusted.
        assert listing(connect("s3://hr/exports", connection.replace("an-access-key", "another"))) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"login": None, "password": None}, "hr_files cannot sign in"),
        ({"conn_type": "sftp"}, "hr_files is of type 'sftp'; PAR_HR_URI needs 'aws'"),
        ({"extra": {"endpoint_url": "http://minio.example.vn"}}, "endpoint_url without encryption"),
        ({"extra": {"service_config": {"s3": {"endpoint_url": "http://x.example.vn"}}}}, "without encryption"),
        (
            {"extra": {"endpoint_url": "https://minio.example.vn", "verify": False}},
            "switches off the check of the cert",
        ),
    ],
)
def test_s3_connections_that_cannot_work_are_refused_before_anything_is_asked(
    s3: S3Server, connect: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], text: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-the-environment")
    with pytest.raises(PlaceRefused, match=text):
        connect("s3://hr/exports", json.dumps(json.loads(s3.connection()) | change))


# --- addresses and connections


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("/srv/exports", "begins with none of file://, sftp://, s3://"),
        ("ftp://server/exports", "begins with none of"),
        ("", "begins with none of"),
        ("file:srv/exports", "is not a file:/// address"),
        ("file://server/exports", "is not a file:/// address"),
        ("file://./exports", "is not a file:/// address"),
        ("sftp:///exports", "lacks the server or bucket"),
        ("sftp://server", "lacks the server or bucket"),
        ("s3:///exports", "lacks the server or bucket"),
        ("sftp://server:port/exports", "is not an address"),
        ("sftp://user:a-secret-word@server/exports", "must be a plain address"),
        ("s3://hr/exports?versionId=1", "must be a plain address"),
        ("file:///exports#1", "must be a plain address"),
        ("sftp://server/exports/../secrets", "must not go up"),
        ("sftp://server/exports", "needs an Airflow connection.*connection: of the source in sources.yml"),
    ],
)
def test_addresses_that_cannot_work_name_the_variable(uri: str, text: str) -> None:
    from par_airflow.places import place

    with pytest.raises(PlaceRefused, match=f"{SETTING}.*{text}") as refused:
        place(uri, None, SETTING)
    assert "a-secret-word" not in str(refused.value)


def test_a_file_address_is_a_path() -> None:
    from par_airflow.places import place

    assert place("file:///srv/hr%20exports", None, SETTING) == Path("/srv/hr exports")
    assert place("file://localhost/srv", "not_looked_at", SETTING) == Path("/srv")


def test_an_unknown_connection_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from par_airflow.places import place

    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", '{"conn_type": "sftp", "password": "a-secret-word"')
    with pytest.raises(PlaceRefused, match=r"no connection broken, .* Set AIRFLOW_CONN_BROKEN to its JSON") as refused:
        place("sftp://server/exports", "broken", SETTING)
    assert "a-secret-word" not in str(refused.value)
    with pytest.raises(
        PlaceRefused, match=r"no connection not_there, which PAR_HR_URI needs\. Set AIRFLOW_CONN_NOT_TH"
    ):
        place("sftp://server/exports", "not_there", SETTING)


def test_the_base_of_a_source_takes_its_connection_from_the_configuration(
    sftp: SftpServer, delivery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from par_airflow.places import base_of

    config = tmp_path / "config"
    config.mkdir()
    for file in (PROJECT_ROOT / "include" / "config").iterdir():
        text = file.read_text()
        (config / file.name).write_text(text.replace("\nhr:\n", "\nhr:\n  connection: city_hr\n"))
    monkeypatch.setenv("AIRFLOW_CONN_CITY_HR", sftp.connection())
    elsewhere = delivery.parent.as_uri()
    settings = Settings(tmp_path, at(sftp, delivery.parent), elsewhere, config_dir=config)
    assert subfolders(base_of(settings, "hr")) == ["2024-12-31"]
    assert base_of(settings, "elearning") == delivery.parent


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({"host": "hoc.example.vn"}, "https://hoc.example.vn"),
        ({"host": "https://hoc.example.vn/moodle"}, "https://hoc.example.vn/moodle"),
        ({"host": "127.0.0.1", "schema": "http", "port": 8000}, "http://127.0.0.1:8000"),
        ({"host": "hoc.example.vn", "schema": "http"}, None),
        ({"host": "http://hoc.example.vn"}, None),
        ({"host": ""}, None),
        ({"host": "https://a-secret-word@hoc.example.vn"}, None),
    ],
)
def test_systems_are_asked_by_https(
    connection: dict[str, object], url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from par_airflow.places import access_of

    monkeypatch.setenv("AIRFLOW_CONN_MOODLE", json.dumps({"conn_type": "http", "password": "a-token"} | connection))
    if url is None:
        with pytest.raises(ParError, match="moodle needs a host that is asked by https") as refused:
            access_of("moodle")
        assert "a-secret-word" not in str(refused.value)
    else:
        access = access_of("moodle")
        assert (access.url, access.login, access.secret) == (url, None, "a-token")


def test_the_commands_of_the_how_to_page_lead_to_the_delivery(
    sftp: SftpServer, s3: S3Server, bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from par_airflow.places import place

    (tmp_path / "outgoing" / "2024-12-31").mkdir(parents=True)
    (tmp_path / "outgoing" / "2024-12-31" / "_SUCCESS").touch()
    page = (PROJECT_ROOT / "docs" / "how-to" / "fetch-from-sftp-or-s3.md").read_text()
    blocks = re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL)
    make_key, ask_server, set_sftp, set_s3 = (block for language, block in blocks if not language)
    ours = {
        "/etc/par": str(tmp_path),
        "sftp.example.vn:22/outgoing": f"127.0.0.1:{sftp.port}{tmp_path}/outgoing",
        "sftp.example.vn": "127.0.0.1",
        "-p 22": f"-p {sftp.port}",
        '"port": 22': f'"port": {sftp.port}',
        '"login": "par"': f'"login": "{sftp.user}"',
        "https://s3.example.vn": s3.url,
        "s3://elearning": f"s3://{bucket.name}",
    }

    def run(commands: str) -> str:
        for theirs, our in ours.items():
            assert theirs in page
            commands = commands.replace(theirs, our)
        return subprocess.run(["bash", "-ec", commands], capture_output=True, text=True, check=True).stdout

    run(make_key)
    with (sftp.folder / "authorized_keys").open("a") as known:
        known.write((tmp_path / "hr_files_key.pub").read_text())
    assert sftp.host_key.get_fingerprint() in run(ask_server)
    ours["ssh-ed25519 AAAA…"] = (tmp_path / "hr_files_host_key").read_text().strip()
    shown = run(f'{set_sftp}{set_s3}env -0 | grep -z -E "^(AIRFLOW_CONN|PAR)_"')
    for name, value in (setting.split("=", 1) for setting in shown.strip("\0").split("\0")):
        monkeypatch.setenv(name, value)
    s3.fill(bucket.name, {"exports/2024-12-31/_SUCCESS": b""})
    for source, connection in (("HR", "hr_files"), ("ELEARNING", "elearning_files")):
        base = place(os.environ[f"PAR_{source}_URI"], connection, f"PAR_{source}_URI")
        assert subfolders(base) == ["2024-12-31"]
        assert is_there(base / "2024-12-31" / "_SUCCESS")


WITHIN_AIRFLOW = """
import json, os, sys
from pathlib import Path
from par_warehouse.settings import Settings
from par_airflow.home import migrate_database, use_local_airflow

settings = Settings.from_environment()
use_local_airflow(settings)
dags = settings.data_dir / "dags"
dags.mkdir()
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(dags)
(dags / "reading.py").write_text('''
from airflow.sdk import dag, task

@dag(schedule=None)
def reading():
    @task
    def names(connection: str, out: str) -> None:
        import os
        from pathlib import Path
        from par_airflow.places import place
        from par_warehouse.copying import listing
        found = listing(place(os.environ["PAR_HR_URI"], connection, "PAR_HR_URI"))
        Path(out).write_text(" ".join(entry.name for entry in found))

    for connection in ("in_environment", "in_database"):
        names.override(task_id=connection)(connection, os.environ["PAR_DATA_DIR"] + "/" + connection)

import os
reading()
''')

from par_airflow.places import place
from par_warehouse.copying import listing
from par_warehouse.errors import ParError

def read(connection):
    try:
        return [entry.name for entry in listing(place(settings.hr_uri, connection, "PAR_HR_URI"))]
    except ParError as error:
        return str(error)

answers = {"before": [read("in_environment"), read("in_database")]}
migrate_database(settings)

from airflow.models.connection import Connection
from airflow.utils.session import create_session

with create_session() as session:
    given = json.loads(os.environ["AIRFLOW_CONN_IN_ENVIRONMENT"])
    given["extra"] = json.dumps(given["extra"])
    session.add(Connection(conn_id="in_database", **given))
answers["after"] = [read("in_environment"), read("in_database")]

from airflow.dag_processing.dagbag import DagBag

run = DagBag(str(dags)).dags["reading"].test()
answers["run"] = str(run.state)
answers["tasks"] = [(settings.data_dir / name).read_text() for name in ("in_environment", "in_database")]
print(json.dumps(answers))
"""


def test_connections_are_found_within_a_task_and_outside_of_one(
    sftp: SftpServer, delivery: Path, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PAR_", "AIRFLOW"))} | {
        "PAR_DATA_DIR": str(tmp_path / "data"),
        "PAR_HR_URI": at(sftp, delivery / "so_y_te"),
        "AIRFLOW_CONN_IN_ENVIRONMENT": sftp.connection(),
    }
    script = textwrap.dedent(WITHIN_AIRFLOW)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    names = ["empty.csv", "thang_12", "thang_12/danh_gia.csv"]
    assert answers["before"][0] == names
    assert answers["before"][1].startswith("Airflow has no connection in_database, which PAR_HR_URI needs.")
    assert answers["after"] == [names, names]
    assert answers["run"] == "success"
    assert answers["tasks"] == [" ".join(names)] * 2
    output = done.stdout + done.stderr
    for secret in private_text(sftp.user_key).splitlines()[1:-1]:
        assert secret not in output
