"""Zip archives as their parts, and back, without the time of day."""

import io
import zipfile
import zlib
from collections.abc import Mapping

_DAY = (2024, 12, 31, 0, 0, 0)


class NoArchive(Exception):
    """The content is no archive, or a damaged one."""


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The parts of an archive by name. Raises NoArchive."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as source:
            return {part.filename: source.read(part) for part in source.infolist()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise NoArchive from error


def packed(parts: Mapping[str, bytes]) -> bytes:
    """An archive of these parts, whose checksums are right; ``mimetype`` is stored, as OpenDocument wants it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, _DAY)
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return target.getvalue()
