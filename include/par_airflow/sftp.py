"""SFTP as a file system of ``fsspec``: the host key is always checked, a lost connection is made again."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_SYMLINK
from fsspec.asyn import AsyncFileSystem  # type: ignore[import-untyped]
from sshfs import SSHFileSystem  # type: ignore[import-untyped]

from par_warehouse.copying import MAX_ENTRIES

_TYPES = {FILEXFER_TYPE_REGULAR: "file", FILEXFER_TYPE_DIRECTORY: "directory", FILEXFER_TYPE_SYMLINK: "link"}
_LOST = (asyncssh.DisconnectError, asyncssh.ChannelOpenError, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)

asyncssh.set_log_level("WARNING")  # it would tell every step of a connection


class SftpFileSystem(SSHFileSystem):  # type: ignore[misc]
    """``sshfs`` for reading what somebody else writes: links are shown as links, not followed; any name can be listed.

    Connects when it is first used; ``server`` names it in messages. Raises ValueError when a key cannot be read.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        password: str | None,
        private_key: str | None,
        passphrase: str | None,
        host_key: str,
    ) -> None:
        AsyncFileSystem.__init__(self)
        self.server = f"{host}:{port}"
        keys = [asyncssh.import_private_key(private_key, passphrase)] if private_key else None
        self._pool = _Session(
            host=host,
            port=port,
            username=username,
            password=password,
            client_keys=keys,
            known_hosts=([asyncssh.import_public_key(host_key)], [], []),
            # Nothing of this machine's user: no configuration, no agent, no certificates, no Kerberos.
            config=[],
            agent_path=None,
            x509_trusted_certs=None,
            gss_kex=False,
            gss_auth=False,
            connect_timeout=20,
            login_timeout=40,
            # A server that is silent for a minute is gone.
            keepalive_interval=15,
            keepalive_count_max=4,
        )

    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        async with self._pool.get() as sftp:
            return _described(path, await sftp.lstat(path))

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        found: list[dict[str, Any]] = []
        async with self._pool.get() as sftp:
            async for entry in sftp.scandir(path):
                if (name := os.fsdecode(entry.filename)) not in (".", ".."):
                    found.append(_described(f"{path.rstrip('/')}/{name}", entry.attrs))
                if len(found) > MAX_ENTRIES:
                    break
        return found if detail else [info["name"] for info in found]

    def _open(self, path: str, **options: Any) -> Any:
        # One request after the other: parallel ones are left behind, and complain, when the connection is lost.
        return super()._open(path, max_requests=1, **options)


class _Session:
    """One SFTP session, begun when first asked for and again when it was lost; ``sshfs`` calls it a pool."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._lock = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._sftp: asyncssh.SFTPClient | None = None

    @asynccontextmanager
    async def get(self) -> AsyncIterator[asyncssh.SFTPClient]:
        async with self._lock:
            if self._sftp is None or self._connection is None or self._connection.is_closed():
                self._sftp = None
                self._connection = await asyncssh.connect(**self._options)
                self._sftp = await self._connection.start_sftp_client(path_errors="surrogateescape")
        try:
            yield self._sftp
        except _LOST:
            self._sftp = None
            self._connection.abort()
            raise


def _described(name: str, attributes: asyncssh.SFTPAttrs) -> dict[str, Any]:
    written = attributes.mtime
    return {
        "name": name,
        "type": _TYPES.get(attributes.type, "other"),
        "size": attributes.size,
        "mtime": None if written is None else datetime.fromtimestamp(written, UTC),
    }
