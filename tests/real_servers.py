"""Real servers for tests, on loopback ports: OpenSSH's sshd and the S3 of moto, started and stopped at will."""

import getpass
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import psutil
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import s3_backends

SSHD = Path("/usr/sbin/sshd")


def new_key() -> asyncssh.SSHKey:
    """A key pair for a host or a user."""
    return asyncssh.generate_private_key("ssh-ed25519")


def public_text(key: asyncssh.SSHKey) -> str:
    """The public half as it stands in ``known_hosts`` and in a connection: type and key."""
    return key.export_public_key().decode().strip()


def private_text(key: asyncssh.SSHKey) -> str:
    """The private half as it stands in a key file."""
    return key.export_private_key().decode()


@dataclass
class SftpServer:
    """OpenSSH for the present user, with a host key and a user key of its own; serves the whole machine's folders."""

    folder: Path
    host_key: asyncssh.SSHKey = field(default_factory=new_key)
    user_key: asyncssh.SSHKey = field(default_factory=new_key)
    user: str = field(default_factory=getpass.getuser)
    port: int = field(default_factory=lambda: free_port())
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert SSHD.exists(), f"{SSHD} is missing: install the package openssh-server."
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd asks for it when it is started by root
        self.folder.mkdir(parents=True, exist_ok=True)
        files = {"host_key": private_text(self.host_key), "authorized_keys": public_text(self.user_key) + "\n"}
        for name, text in files.items():
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o600)
        (self.folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nAllowUsers {self.user}\nPermitRootLogin yes\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "Subsystem sftp internal-sftp\nForceCommand internal-sftp\n"
        )
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", self.folder / "sshd_config"], stdout=log, stderr=log
            )
        until = time.monotonic() + 20
        while not _answers(self.port):
            assert self._process.poll() is None, (self.folder / "sshd.log").read_text()
            assert time.monotonic() < until, "sshd does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it with all its sessions, as a power cut would."""
        if self._process is not None:
            parent = psutil.Process(self._process.pid)
            for process in [parent, *parent.children(recursive=True)]:
                process.kill()
            self._process.wait()
            self._process = None

    def connection(self, **changes: object) -> str:
        """The Airflow connection as the JSON of ``AIRFLOW_CONN_…``; ``changes`` go into its extra, None removes."""
        extra = {"host_key": public_text(self.host_key), "private_key": private_text(self.user_key)} | changes
        return json.dumps(
            {
                "conn_type": "sftp",
                "host": "127.0.0.1",
                "port": self.port,
                "login": self.user,
                "extra": {key: value for key, value in extra.items() if value is not None},
            }
        )


@dataclass
class S3Server:
    """moto's S3; what is in its buckets survives a stop."""

    port: int = 0
    _server: ThreadedMotoServer | None = None

    def start(self) -> None:
        """Start it, on the same port as before."""
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        """Stop it; connections are refused then."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def fill(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Put many objects straight into moto's memory, which is faster than asking it to."""
        for key, content in objects.items():
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, content)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def connection(self, **changes: object) -> str:
        """The Airflow connection as the JSON of ``AIRFLOW_CONN_…``; ``changes`` go into its extra."""
        extra = {"endpoint_url": self.url, "region_name": "us-east-1"} | changes
        return json.dumps({"conn_type": "aws", "login": "an-access-key", "password": "a-secret-key", "extra": extra})


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
