"""Places: where a source delivers, as a path to read from.

``file://`` is a path on this machine. ``sftp://`` and ``s3://`` are Airflow's ``ObjectStoragePath``, with the sign-in
of an Airflow connection. Whom to trust and how to sign in stands in the connection alone: no SSH key, known host or
agent of the machine's user is used, no access key from elsewhere, and there is no anonymous access.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from par_warehouse.config import load_configuration
from par_warehouse.copying import Place, PlaceRefused
from par_warehouse.errors import ParError
from par_warehouse.pulls import Access
from par_warehouse.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Connection


def base_of(settings: Settings, source: str) -> Place:
    """The folder behind ``PAR_HR_URI`` or ``PAR_ELEARNING_URI``. Raises ParError when it cannot be used."""
    connection = load_configuration(settings.config_dir).sources.of(source).connection
    return place(settings.uri(source), connection, f"PAR_{source.upper()}_URI")


def access_of(connection_id: str) -> Access:
    """How to ask the system behind an Airflow connection of type ``http``; without a schema it is https.

    Raises ParError when there is no such connection, or when it would send the secret in the clear.
    """
    found = connection_of(connection_id, "http", "the feed in sources.yml")
    host = found.host or ""
    url = host if "://" in host else f"{found.schema or 'https'}://{host}"
    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None or not _is_protected(parts):
        raise ParError(f"The connection {connection_id} needs a host that is asked by https://, without a user in it.")
    if found.port:
        url = parts._replace(netloc=f"{parts.hostname}:{found.port}").geturl()
    return Access(url, found.login, found.password)


def place(uri: str, connection: str | None, setting: str) -> Place:
    """The folder at ``uri``; ``setting`` names in messages what the person set (``PAR_HR_URI``). Nothing is read yet.

    Works inside a task and outside of one. Raises PlaceRefused when the address or the connection cannot be used.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise PlaceRefused(f"{setting} is not an address. {_EXPECTED}") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise PlaceRefused(f"{setting} must be a plain address, without a user, a password, ? and #. {_EXPECTED}")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise PlaceRefused(f"{setting} is not a file:/// address of a folder. {_EXPECTED}")
        return Path(unquote(parts.path))
    if parts.scheme not in ("sftp", "s3"):
        raise PlaceRefused(f"{setting} begins with none of file://, sftp://, s3://. {_EXPECTED}")
    if not parts.hostname or (parts.scheme == "sftp" and not parts.path):
        raise PlaceRefused(f"{setting} lacks the server or bucket, or the folder. {_EXPECTED}")
    if ".." in parts.path.split("/"):
        raise PlaceRefused(f"{setting} must not go up with '..'. {_EXPECTED}")
    if not connection:
        raise PlaceRefused(
            f"{setting} is at {parts.scheme}://, which needs an Airflow connection. "
            "Name it as connection: of the source in sources.yml."
        )
    found = connection_of(connection, {"sftp": "sftp", "s3": "aws"}[parts.scheme], setting)
    if parts.scheme == "sftp":
        if (parts.hostname, port or 22) != ((found.host or "").lower(), found.port or 22):
            raise PlaceRefused(
                f"{setting} is at {parts.hostname}:{port or 22}, but the connection {connection} leads to "
                f"{found.host}:{found.port or 22}. They must agree."
            )
        return _attached(uri, connection, _sftp(found))
    return _attached(uri, connection, _s3(found, setting))


_EXPECTED = "Set it to file:///path/of/the/exports, sftp://server/path or s3://bucket/prefix."


def connection_of(connection_id: str, kind: str, setting: str) -> "Connection":
    """An Airflow connection, inside a task and outside of one. Raises PlaceRefused when there is none of this kind."""
    from airflow.models.connection import Connection as StoredConnection
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

    try:
        try:
            found = BaseHook.get_connection(connection_id)
        except AirflowNotFoundException:
            # Outside a task the SDK asks the environment only; this asks Airflow's metadata database too.
            found = StoredConnection.get_connection_from_secrets(connection_id)
    except AirflowException:
        raise PlaceRefused(
            f"Airflow has no connection {connection_id}, which {setting} needs. "
            f"Set AIRFLOW_CONN_{connection_id.upper()} to its JSON, or make the connection in Airflow."
        ) from None
    if found.conn_type != kind:
        raise PlaceRefused(f"The connection {connection_id} is of type {found.conn_type!r}; {setting} needs {kind!r}.")
    return found


def _attached(uri: str, connection_id: str, fs: Any) -> Place:
    """A path whose file system is ``fs``.

    The providers' own file systems are passed by: that of SFTP checks no host key, that of S3 falls back to the
    machine's sign-in and then to none.
    """
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.io import attach

    # A store is kept for the life of the process; its connection may have changed since.
    attach(urlsplit(uri).scheme, connection_id, fs=fs).fs = fs
    return ObjectStoragePath(uri, conn_id=connection_id)


def _sftp(connection: "Connection") -> Any:
    from par_airflow.sftp import SftpFileSystem

    name, extra = connection.conn_id, connection.extra_dejson
    for switch in ("no_host_key_check", "ignore_hostkey_verification", "allow_host_key_change"):
        if str(extra.get(switch, "false")).lower() != "false":
            raise PlaceRefused(f"The connection {name} switches off the check of the host key. Remove {switch}.")
    host_key = str(extra.get("host_key") or "").strip()
    if not host_key:
        raise PlaceRefused(
            f"The connection {name} does not say how to know the server. Put its host key into host_key of the extra, "
            "such as 'ssh-ed25519 AAAA…', after its administrator has confirmed the fingerprint."
        )
    key_file, private_key = extra.get("key_file"), extra.get("private_key")
    if not connection.login or not (connection.password or key_file or private_key):
        raise PlaceRefused(
            f"The connection {name} cannot sign in. Give it a login, and key_file, private_key or a password."
        )
    if key_file:
        try:
            private_key = Path(key_file).read_text()
        except (OSError, UnicodeDecodeError):
            raise PlaceRefused(f"The connection {name} names a key_file that cannot be read. Check its path.") from None
    try:
        return SftpFileSystem(
            host=connection.host or "",
            port=connection.port or 22,
            username=connection.login,
            password=connection.password or None,
            private_key=private_key,
            passphrase=extra.get("private_key_passphrase"),
            host_key=host_key,
        )
    except ValueError:
        raise PlaceRefused(
            f"The connection {name} holds a key that cannot be read. host_key is of the form 'ssh-ed25519 AAAA…'; "
            "the private key is in OpenSSH or PEM form, and its passphrase in private_key_passphrase."
        ) from None


def _s3(connection: "Connection", setting: str) -> Any:
    from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper

    from par_airflow.s3 import S3FileSystem

    aws = AwsConnectionWrapper(conn=connection)
    if not (aws.aws_access_key_id and aws.aws_secret_access_key):
        raise PlaceRefused(
            f"The connection {aws.conn_id} cannot sign in. Give it the access key as login, the secret key as password."
        )
    if aws.verify is False:
        raise PlaceRefused(f"The connection {aws.conn_id} switches off the check of the certificate. Remove verify.")
    endpoint = aws.get_service_endpoint_url("s3")
    if endpoint and not _is_protected(urlsplit(endpoint)):
        raise PlaceRefused(
            f"The connection {aws.conn_id} has an endpoint_url without encryption. {setting} needs https://."
        )
    return S3FileSystem(
        key=aws.aws_access_key_id,
        secret=aws.aws_secret_access_key,
        token=aws.aws_session_token,
        endpoint_url=endpoint,
        client_kwargs={"region_name": aws.region_name} if aws.region_name else {},
        config_kwargs=aws.extra_config.get("config_kwargs", {}),
    )


def _is_protected(endpoint: SplitResult) -> bool:
    return endpoint.scheme == "https" or endpoint.hostname in ("localhost", "127.0.0.1", "::1")
