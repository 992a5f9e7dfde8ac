"""Reading a delivery: what lies in its folder, and copies of its files that are whole or do not count.

The folder is on this machine (``pathlib.Path``) or at a place that Airflow reaches (``ObjectStoragePath``). Whoever
writes into it is not trusted: only regular files with plain names are offered, links are never followed, and nothing
is opened that could block.
"""

import errno
import hashlib
import logging
import os
import re
import stat
import time
import unicodedata
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from par_warehouse.errors import ParError, Unreachable

MAX_ENTRIES = 10_000
MAX_DEPTH = 6
MAX_NAME_BYTES = 200  # a file system takes 255; the rest is for what is added to a name
MAX_PATH = MAX_DEPTH * (MAX_NAME_BYTES + 1)
MAX_BYTES = 8 << 30  # of a file; the largest that a city delivers is far below one GB
CHUNK = 8 << 20  # bytes held in memory while copying
TRIES = 3

log = logging.getLogger(__name__)

Kind: TypeAlias = Literal["file", "folder", "link", "special"]
T = TypeVar("T")


class RemotePath(Protocol):
    """What is used of ``ObjectStoragePath``: a path with the ``fsspec`` file system that reaches it."""

    @property
    def fs(self) -> Any: ...
    @property
    def path(self) -> str: ...
    def open(self, mode: str) -> Any: ...
    def __truediv__(self, name: str) -> "RemotePath": ...


Place: TypeAlias = Path | RemotePath


class PlaceUnreachable(Unreachable):
    """The place cannot be read now, or its files still change; reading it again later may help."""


class PlaceRefused(ParError):
    """The place refuses, or holds what cannot be read; a person has to change something."""


class _Missing(PlaceUnreachable):
    """There is nothing of this name."""


class Sink(Protocol):
    """Where a copy goes."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True)
class Fetched:
    """A finished copy: SHA-256 and number of the bytes that were read."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Entry:
    """One thing in a delivery's folder.

    ``name`` is its path below the folder, with ``/``; it is as the place gives it (but text in any case: bytes that are
    no UTF-8 are written as escapes; nothing of such a name is opened): print it through ``shown`` only.
    ``refusal`` says (vi, en) why it is not a file to be read; None for a regular file with a plain name.
    """

    name: str
    kind: Kind
    size: int
    refusal: tuple[str, str] | None = None

    @property
    def is_closed_folder(self) -> bool:
        """Whether it is a folder that was not looked into, because of its name or its depth."""
        return self.kind == "folder" and self.refusal != _FOLDER


def listing(folder: Place, sleep: Callable[[float], None] = time.sleep) -> list[Entry]:
    """Everything below a folder, folders included, by name; empty when the folder is not there.

    Raises PlaceUnreachable and PlaceRefused, the latter also when there are more than 10,000 entries.
    """
    return _patiently(lambda: _walk(folder), sleep)


def subfolders(folder: Place, sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """Names of the folders directly in a folder, ascending; empty when the folder is not there.

    Links and names that are not plain are left out, with a line in the log. Raises as ``listing`` does.
    """
    names = []
    for name, kind, _ in _patiently(lambda: _children(folder), sleep):
        if kind == "link" or (kind == "folder" and _refusal(name, kind, 0) != _FOLDER):
            log.warning("%s in %s is not a folder with a plain name; it is not looked at.", shown(name), _where(folder))
        elif kind == "folder":
            names.append(name)
    return sorted(names)


def is_there(file: Place, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether there is a regular file. Raises PlaceUnreachable and PlaceRefused."""

    def look() -> bool:
        try:
            return _state(file).kind == "file"
        except _Missing:
            return False

    return _patiently(look, sleep)


def fetch(
    source: Place,
    sink_factory: Callable[[], AbstractContextManager[Sink] | BinaryIO],
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Copy a file into a sink; at most three tries, each with a sink of its own that gets the file from its start.

    A copy counts when ``fetch`` returns: it has the size that the place states, and the file did not change meanwhile.
    What was written into the sinks of earlier tries is to be thrown away. Holds 8 MiB in memory.

    Raises PlaceUnreachable and PlaceRefused; what a sink raises comes through as it is.
    """
    return _patiently(lambda: _fetch_once(source, sink_factory), sleep)


def shown(name: str, limit: int = 80) -> str:
    """A name as it may be printed: one line, not too long, no run of nine digits that could identify a person."""
    plain = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)
    masked = re.sub(r"\d{9,}", lambda digits: "#" * len(digits.group()), plain)
    return masked if len(masked) <= limit else f"{masked[: limit - 31]}…{masked[-30:]}"


@dataclass(frozen=True)
class _State:
    """What tells one version of a file from the next."""

    kind: Kind
    size: int
    version: tuple[object, ...]


def _fetch_once(source: Place, sink_factory: Callable[[], AbstractContextManager[Sink] | BinaryIO]) -> Fetched:
    before = _state(source)
    if before.kind != "file":
        raise PlaceRefused(f"{_where(source)} is not a regular file. Ask the source to deliver the file itself.")
    digest, size = hashlib.sha256(), 0
    with sink_factory() as sink, closing(_chunks(source)) as chunks:
        for chunk in chunks:
            size += len(chunk)
            if size > before.size:
                break
            digest.update(chunk)
            sink.write(chunk)
        if size != before.size or _state(source) != before:
            raise PlaceUnreachable(
                f"{_where(source)} changed while it was copied: the source is still writing. "
                "It has to write _SUCCESS last, after all files are complete."
            )
    return Fetched(digest.hexdigest(), size)


def _chunks(source: Place) -> Generator[bytes, None, None]:
    with _reading(source), _open(source) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _open(source: Place) -> Any:
    if not isinstance(source, Path):
        return source.open("rb")
    # Should a pipe or a link have taken the file's name since it was looked at, this does not wait and does not follow.
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    return os.fdopen(descriptor, "rb", buffering=0)


def _state(source: Place) -> _State:
    with _reading(source):
        if isinstance(source, Path):
            found = source.lstat()
            return _State(_kind(found.st_mode), found.st_size, (found.st_ino, found.st_mtime_ns))
        info = source.fs.info(source.path)
        version = tuple(info.get(key) for key in ("ETag", "VersionId", "LastModified", "mtime"))
        return _State(_REMOTE_KINDS.get(info["type"], "special"), info["size"] or 0, version)


def _walk(folder: Place) -> list[Entry]:
    entries: list[Entry] = []
    pending = [("", folder)]
    while pending:
        prefix, place = pending.pop()
        for name, kind, size in _children(place):
            depth = prefix.count("/")
            refusal = _refusal(name, kind, depth, size)
            text = name.encode(errors="backslashreplace").decode()
            entries.append(Entry(prefix + text, kind, size if kind == "file" else 0, refusal))
            if refusal == _FOLDER:
                pending.append((f"{prefix}{name}/", place / name))
        if len(entries) > MAX_ENTRIES:
            raise _too_many(folder)
    return sorted(entries, key=lambda entry: (entry.name, entry.kind))


def _children(folder: Place) -> list[tuple[str, Kind, int]]:
    """Name, kind and size of what is directly in a folder; nothing when there is no such folder."""
    found: list[tuple[str, Kind, int]] = []
    try:
        with _reading(folder):
            if isinstance(folder, Path):
                with os.scandir(folder) as entries:
                    for entry in entries:
                        status = entry.stat(follow_symlinks=False)
                        found.append((entry.name, _kind(status.st_mode), status.st_size))
                        if len(found) > MAX_ENTRIES:
                            break
            else:
                prefix = folder.path.rstrip("/") + "/"
                for info in folder.fs.ls(folder.path, detail=True):
                    name = info["name"].removeprefix(prefix)
                    found.append((name, _REMOTE_KINDS.get(info["type"], "special"), info["size"] or 0))
    except _Missing:
        return []
    if len(found) > MAX_ENTRIES:
        raise _too_many(folder)
    return found


_REMOTE_KINDS: dict[str, Kind] = {"file": "file", "directory": "folder", "link": "link"}


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "special"


_LINK = (
    "Đây là liên kết (symlink), không phải tệp. Hãy đặt chính tệp đó vào thư mục gửi.",
    "This is a link, not a file. Put the file itself into the delivery's folder.",
)
_SPECIAL = (
    "Đây không phải là tệp thông thường (mà là ống dẫn, socket hoặc thiết bị). Hãy gửi tệp thông thường.",
    "This is not a regular file (but a pipe, a socket or a device). Deliver a regular file.",
)
_FOLDER = (
    "Đây là thư mục, không phải tệp. Hãy gửi tệp mang tên này.",
    "This is a folder, not a file. Deliver a file of this name.",
)
_NAME = (
    "Tên có ký tự không dùng được (ký tự điều khiển, xuống dòng, đường dẫn hoặc không phải UTF-8). Hãy đổi tên tệp.",
    "The name has characters that cannot be used (control characters, line breaks, a path, or no UTF-8). Rename it.",
)
_LONG_NAME = (
    f"Tên dài quá {MAX_NAME_BYTES} byte. Hãy đặt tên ngắn hơn.",
    f"The name is longer than {MAX_NAME_BYTES} bytes. Give it a shorter one.",
)
_DEEP = (
    f"Thư mục nằm sâu quá {MAX_DEPTH} cấp nên không được đọc. Hãy đưa các tệp lên cấp trên.",
    f"The folder is nested deeper than {MAX_DEPTH} levels and is not read. Move its files up.",
)


_LARGE = (
    f"Tệp lớn hơn {MAX_BYTES >> 30} GB nên không được chép. Kiểm tra có đúng tệp cần gửi không; nếu đúng, hãy tách nhỏ"
    " rồi gửi lại.",
    f"The file is larger than {MAX_BYTES >> 30} GB and is not copied. Check that it is the file you mean; if so, split"
    " it and send it again.",
)


def _refusal(name: str, kind: Kind, depth: int, size: int = 0) -> tuple[str, str] | None:
    """Why an entry is not a file to be read. ``depth`` counts the folders between it and the delivery's folder."""
    # Categories C*: control, format (invisible, or turning the direction of writing), surrogate (no UTF-8), unassigned.
    if name in ("", ".", "..") or any(unicodedata.category(one) in _UNUSABLE or one == "/" for one in name):
        return _NAME
    if len(name.encode()) > MAX_NAME_BYTES:
        return _LONG_NAME
    if kind == "folder":
        return _FOLDER if depth + 1 < MAX_DEPTH else _DEEP
    if kind == "file":
        return _LARGE if size > MAX_BYTES else None
    return {"link": _LINK, "special": _SPECIAL}[kind]


_UNUSABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _too_many(folder: Place) -> PlaceRefused:
    return PlaceRefused(
        f"{_where(folder)} holds more than {MAX_ENTRIES:,} files and folders: this is no folder of a delivery. "
        "Check the address, or ask the source to clean up."
    )


def _where(place: Place) -> str:
    """A place as it is named in messages. Of SFTP the path alone does not know the server, its file system does."""
    text = str(place)
    if not isinstance(place, Path) and (server := getattr(place.fs, "server", None)):
        text = f"sftp://{server}{place.path}"
    return shown(text, 200)


def _who(place: Place) -> str:
    """Whom to ask."""
    connection = getattr(place, "conn_id", None)
    return f"whoever runs the server of the connection {connection}" if connection else "whoever runs the place"


def _patiently(read: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Read, again after 5 and 20 seconds while the place cannot be reached."""
    retrying = Retrying(
        retry=retry_if_exception_type(PlaceUnreachable),
        stop=stop_after_attempt(TRIES),
        wait=wait_exponential(multiplier=5, exp_base=4, max=60),
        sleep=sleep,
        before_sleep=_report,
        reraise=True,
    )
    return retrying(read)


def _report(state: RetryCallState) -> None:
    assert state.outcome is not None and state.next_action is not None
    log.warning("%s Next try in %.0f s.", state.outcome.exception(), state.next_action.sleep)


@contextmanager
def _reading(place: Place) -> Iterator[None]:
    """Turn what the libraries raise into the two answers that matter: again later, or a person has to act."""
    try:
        yield
    except Exception as error:
        answer = _answer_local(error, place) if isinstance(place, Path) else _answer_remote(error, place)
        if answer is None:
            raise
        raise answer from None


def _answer_local(error: BaseException, place: Place) -> ParError | None:
    if not isinstance(error, OSError):
        return None
    where = _where(place)
    if isinstance(error, FileNotFoundError):
        return _Missing(f"{where} is not there.")
    if isinstance(error, PermissionError):
        return PlaceRefused(f"{where} may not be read. Ask for the right to read it.")
    # What the system says; a failed look-up of a name has a number and a text of its own.
    number = error.errno or 0
    reason = os.strerror(number) if number > 0 else shown(error.strerror or type(error).__name__)
    if error.errno in _LASTING:
        return PlaceRefused(f"{where} cannot be read as it is ({reason}). Check the address.")
    return PlaceUnreachable(f"{where} cannot be read now ({reason}). If this lasts, ask {_who(place)}.")


_LASTING = {errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EINVAL}


def _answer_remote(error: BaseException, place: Place) -> ParError | None:
    # The texts of these libraries are not repeated: a server writes part of them.
    from aiohttp import ClientError as HttpError
    from asyncssh import (
        Error,
        HostKeyNotVerifiable,
        KeyExchangeFailed,
        PermissionDenied,
        ProtocolNotSupported,
        SFTPNoSuchFile,
        SFTPNoSuchPath,
        SFTPPermissionDenied,
    )
    from botocore.exceptions import (  # type: ignore[import-untyped]
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
        SSLError,
    )

    # sshfs and s3fs raise errors of the operating system in place of what happened.
    origin = error
    while origin.__cause__ is not None and not isinstance(origin, Error | ClientError | BotoCoreError):
        origin = origin.__cause__
    where, connection = _where(place), getattr(place, "conn_id", None)
    match origin:
        case HostKeyNotVerifiable():
            return PlaceRefused(
                f"{where}: the server does not show the host key of the connection {connection}. Ask its "
                "administrator whether the key was changed; only if so, put the new one into host_key. "
                "Else somebody may stand in between."
            )
        case PermissionDenied():
            return PlaceRefused(
                f"{where}: the server refuses the sign-in of the connection {connection}. "
                "Check its login and its key or password, and that the server knows the key."
            )
        case KeyExchangeFailed() | ProtocolNotSupported():
            return PlaceRefused(f"{where}: the server and this client have no method of encryption in common.")
        case SFTPNoSuchFile() | SFTPNoSuchPath():
            return _Missing(f"{where} is not there.")
        case SFTPPermissionDenied():
            return PlaceRefused(
                f"{where} may not be read by the connection {connection}. Ask for the right to read it."
            )
        case Error():
            pass
        case ClientError():
            code, status = origin.response["Error"].get("Code", ""), _status(origin)
            if code == "NoSuchBucket":
                return PlaceRefused(f"{where}: there is no such bucket. Check the address and endpoint_url.")
            if code in ("NoSuchKey", "404"):
                return _Missing(f"{where} is not there.")
            if status == 412:
                return PlaceUnreachable(f"{where} changed while it was copied: the source is still writing.")
            if status < 500 and status != 429 and code not in ("SlowDown", "RequestTimeout"):
                return PlaceRefused(
                    f"{where}: the server refuses ({shown(code)}). Check the access key, the secret key, endpoint_url "
                    f"and region_name of the connection {connection}, and its right to list and read the bucket."
                )
        case SSLError():
            return PlaceRefused(
                f"{where}: the server's certificate cannot be trusted. Check endpoint_url; the certificate of an own "
                "authority belongs in a file that the variable AWS_CA_BUNDLE names."
            )
        case ConnectionError() | HTTPClientError() | HttpError():
            pass
        case BotoCoreError():
            return PlaceRefused(f"{where} cannot be read ({type(origin).__name__}). Check the connection {connection}.")
        case _:
            return _answer_local(origin, place)
    return PlaceUnreachable(f"{where} cannot be read now ({type(origin).__name__}). If this lasts, ask {_who(place)}.")


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
