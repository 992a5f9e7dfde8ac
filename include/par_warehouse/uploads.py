"""Uploads: the folder into which stewards put repaired spreadsheets, and the answers beside them.

Layout: ``<agency>/<account>/<file>`` below ``PAR_RESUBMIT_URI``; who may write there decides for which agency somebody
repairs and who it was. Findings of no known agency have the folder ``khong-ro``. The answer is ``<file>.answer.txt``. A
file that was answered is taken away; its bytes stay sealed in ``landing/resubmissions/done`` or ``refused``, below a
data date, and expire with the raw files of that date.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path

from par_warehouse.copying import Entry, PlaceUnreachable, fetch, listing, shown
from par_warehouse.dialects import UnreadableFile
from par_warehouse.dialects._workbook import MAX_BYTES
from par_warehouse.landing import ZONE
from par_warehouse.resubmission import Answer, refusal, resubmit
from par_warehouse.sealing import landing_key, seal
from par_warehouse.settings import Settings
from par_warehouse.signing import is_account

log = logging.getLogger("par_warehouse")

UNKNOWN_AGENCY = "khong-ro"
QUIET_SECONDS = 60
"""A file that changed less long ago may still be on its way, and is left for the next time."""
_ANSWER = ".answer.txt"
_OWN_FOLDERS = ("done", "refused")


@dataclass(frozen=True)
class _Upload:
    path: Path
    entry: Entry

    @property
    def answer_path(self) -> Path:
        return self.path.with_name(self.path.name + _ANSWER)

    @property
    def names(self) -> list[str]:
        """Agency, account and file."""
        return self.entry.name.split("/")


def take_uploads(settings: Settings, quiet_seconds: float = QUIET_SECONDS) -> list[str]:
    """Answer every file in the upload folder; one line for each, by name. Raises ParError when work could not be done.

    What cannot be done now leaves its file where it is, to be taken again.
    """
    return [_take(settings, upload) for upload in _uploads(settings, quiet_seconds)]


def _uploads(settings: Settings, quiet_seconds: float) -> Iterator[_Upload]:
    folder = settings.resubmissions
    for entry in listing(folder):
        first, name = entry.name.split("/")[0], entry.name
        if entry.kind == "folder" or first in _OWN_FOLDERS or name.endswith((_ANSWER, _ANSWER + ".part")):
            continue
        if entry.refusal is not None:
            log.warning("%s in the upload folder is no file that can be read; it is left there.", shown(name))
        elif time.time() - (folder / name).stat().st_mtime >= quiet_seconds:
            yield _Upload(folder / name, entry)


def _take(settings: Settings, upload: _Upload) -> str:
    content = b""
    try:
        if upload.entry.size > MAX_BYTES:
            raise UnreadableFile(
                f"Tệp lớn hơn {MAX_BYTES >> 20} MB, không phải bảng sửa dữ liệu đã gửi.",
                f"The file is larger than {MAX_BYTES >> 20} MB; it is no repair sheet.",
            )
        content = _content(upload.path)
        answer = _answer(settings, upload, content)
    except PlaceUnreachable:
        return f"{shown(upload.entry.name)}: still being written, left for the next time"
    except UnreadableFile as error:
        answer = refusal(error.vi, error.en)
    is_done = answer.is_taken or answer.was_known
    if content:
        day = min(answer.data_dates, default=datetime.now(ZONE).date())
        _keep(settings, _OWN_FOLDERS[not is_done], day, content)
    partial = upload.answer_path.with_name(upload.answer_path.name + ".part")
    partial.write_text(str(answer), encoding="utf-8")
    partial.replace(upload.answer_path)
    upload.path.unlink()
    return f"{shown(upload.entry.name)}: {str(answer).splitlines()[0]}"


def _answer(settings: Settings, upload: _Upload, content: bytes) -> Answer:
    if len(upload.names) != 3 or not is_account(upload.names[1]):
        raise UnreadableFile(
            "Tệp phải nằm trong thư mục <mã cơ quan>/<tài khoản>/ của thư mục tiếp nhận.",
            "The file has to be in the folder <agency>/<account>/ of the upload folder.",
        )
    agency, account, name = upload.names
    return resubmit(settings, name, content, account, "" if agency == UNKNOWN_AGENCY else agency)


def _content(path: Path) -> bytes:
    """The bytes of a file that did not change while they were read. Raises PlaceUnreachable."""
    tries: list[BytesIO] = []

    def sink() -> AbstractContextManager[BytesIO]:
        tries.append(BytesIO())
        return nullcontext(tries[-1])

    fetch(path, sink)
    return tries[-1].getvalue()


def _keep(settings: Settings, where: str, day: date, content: bytes) -> None:
    folder = settings.landing / "resubmissions" / where / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    settings.landing.chmod(0o700)
    partial = folder / "copying.part"
    with seal(partial, landing_key(settings)) as sealed:
        sealed.write(content)
    partial.replace(folder / f"{hashlib.sha256(content).hexdigest()}.age")
