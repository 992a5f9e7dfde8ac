"""Sealing: delivered bytes rest encrypted, in the age format, and are only ever opened as a stream.

``pyrage`` pushes a whole stream from a reader to a writer. Here it does so in a thread at the other end of a pipe: the
caller writes or reads as with any file, and the pipe bounds the memory. age authenticates each 64 KiB before it gives
them out, and the end of the file, so a changed or shortened file ends in an error and nothing false is ever read.
"""

import fcntl
import io
import os
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, cast

from pyrage import IdentityError, decrypt_io, encrypt_io, x25519

from par_warehouse.errors import ParError
from par_warehouse.keys import LANDING_KEY, given_secret
from par_warehouse.settings import Settings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_CHUNK = 1 << 20


@dataclass(frozen=True)
class LandingKey:
    """The age identities of the landing zone: the first one seals, each of them opens."""

    identities: tuple[x25519.Identity, ...] = field(repr=False)


def landing_key(settings: Settings) -> LandingKey:
    """The key of the landing zone: ``PAR_LANDING_KEY``, or a development key made once in the data folder.

    Its text is that of an age identity file: one ``AGE-SECRET-KEY-1…`` per line, the newest first; lines with ``#`` are
    remarks. Raises ParError when it is not, and when no key is given although files are sealed with one.
    """
    has_key = given_secret(LANDING_KEY.variable) is not None or LANDING_KEY.development_path(settings).exists()
    if not has_key and any(settings.landing.glob("*/*/*.age")):
        raise ParError("The raw files in the landing zone are sealed, but PAR_LANDING_KEY is not set. Set it again.")
    lines = [line.strip() for line in LANDING_KEY.value(settings).splitlines()]
    try:
        identities = tuple(x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#"))
    except IdentityError:
        identities = ()
    if not identities:
        raise ParError(
            "PAR_LANDING_KEY is not an age key, a line that begins with AGE-SECRET-KEY-1. Make one with age-keygen."
        )
    return LandingKey(identities)


def seal(target: Path, key: LandingKey) -> BinaryIO:
    """A stream whose bytes are written to ``target`` encrypted; closing it completes the file.

    Leaving a ``with`` block by an exception removes the file. Raises ParError when it cannot be written.
    """
    recipients = [key.identities[0].to_public()]
    file = open(target, "wb", buffering=_CHUNK, opener=partial(os.open, mode=0o600))  # noqa: SIM115
    outlet, inlet = _wide_pipe()
    reader = os.fdopen(outlet, "rb", _CHUNK)
    flow = _Flow(lambda reader, writer: encrypt_io(reader, writer, recipients), reader, file)
    return cast(BinaryIO, _Sealing(target, os.fdopen(inlet, "wb", _CHUNK), flow))


def open_sealed(path: Path, key: LandingKey) -> BinaryIO:
    """The bytes of a sealed file as a stream that goes forward only; it may be closed at any place.

    Raises ParError, here or while it is read, when the file is gone, was sealed with another key, or was changed.
    """
    try:
        file = path.open("rb", buffering=_CHUNK)
    except FileNotFoundError:
        raise ParError(
            f"{_shown(path)} is no longer in the landing zone; raw files are deleted after PAR_RAW_RETENTION_DAYS days."
            " Let the source deliver this date again, or leave the date as it is published."
        ) from None
    outlet, inlet = _wide_pipe()
    writer = os.fdopen(inlet, "wb", _CHUNK)
    flow = _Flow(lambda reader, writer: decrypt_io(reader, writer, key.identities), file, writer)
    stream = io.BufferedReader(_Unsealing(path, os.fdopen(outlet, "rb", 0), flow), _CHUNK)
    try:
        stream.peek(1)
    except BaseException:
        stream.close()
        raise
    return stream


class _Flow:
    """What a thread pushes from a reader to a writer; it closes both at its end."""

    def __init__(self, push: Callable[[BinaryIO, BinaryIO], None], reader: BinaryIO, writer: BinaryIO) -> None:
        self._failure: Exception | None = None
        # A daemon, because Python would wait for any other before it lets _stop end it.
        self._thread = Thread(target=self._run, args=(push, reader, writer), daemon=True)
        self._thread.start()

    def _run(self, push: Callable[[BinaryIO, BinaryIO], None], reader: BinaryIO, writer: BinaryIO) -> None:
        try:
            with reader, writer:
                push(reader, writer)
        except Exception as error:
            self._failure = error

    def end(self) -> Exception | None:
        """Wait for the end; why it failed, None when all went through."""
        self._thread.join()
        return self._failure


class _Stream(io.RawIOBase):
    """The caller's end of the pipe."""

    def __init__(self, path: Path, end: BinaryIO, flow: _Flow) -> None:
        self._path = path
        self._end = end
        self._flow = flow
        # Runs also when nobody closed the stream, and before the interpreter ends, which the thread must not outlive.
        self._stop = weakref.finalize(self, _stop, end, flow)

    def close(self) -> None:
        super().close()
        self._stop()


class _Sealing(_Stream):
    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return self._end.write(data)
        except BrokenPipeError:
            self.close()
            raise

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        if failure := self._flow.end():
            self._path.unlink(missing_ok=True)
            raise ParError(
                f"{_shown(self._path)} could not be sealed ({failure}). Is the disk full? Then run the night again."
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        with suppress(ParError):
            self.close()
        self._path.unlink(missing_ok=True)


class _Unsealing(_Stream):
    _end: io.FileIO

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        count = self._end.readinto(buffer)
        if count == 0 and (failure := self._flow.end()):
            if "No matching keys" in str(failure):
                raise ParError(
                    f"{_shown(self._path)} was sealed with another key than PAR_LANDING_KEY. "
                    "Add the former key to PAR_LANDING_KEY, on a line of its own after the present one."
                )
            raise ParError(
                f"{_shown(self._path)} was changed or damaged since it landed ({failure}). Delete this file and run "
                "the night of its date again: it is copied anew from the source."
            )
        return count


def _stop(end: BinaryIO, flow: _Flow) -> None:
    """Close the caller's end, so that the thread finds no more to take or nobody to give to, and wait for its end."""
    with suppress(BrokenPipeError):
        end.close()
    flow.end()


def _wide_pipe() -> tuple[int, int]:
    """A pipe that changes hands less often, where the system grants it: twice as fast."""
    outlet, inlet = os.pipe()
    with suppress(OSError):
        fcntl.fcntl(inlet, fcntl.F_SETPIPE_SZ, _CHUNK)
    return outlet, inlet


def _shown(path: Path) -> str:
    return "/".join(path.parts[-3:])
