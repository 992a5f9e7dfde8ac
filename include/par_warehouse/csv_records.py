"""Read CSV in UTF-8 as RFC 4180 says, in bounded memory, without a loop over rows.

NumPy finds the records and their field counts from the bytes; what is well formed goes to Arrow's CSV reader, which can
no longer disagree about it; a record with another number of fields than the header is set apart by its number. A run
without quotes, in which each line is a record of the right width, leaves nothing to find: Arrow takes it as it is.
"""

import csv
from collections.abc import Generator, Mapping
from io import StringIO
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv

from par_warehouse.dialects import Records, UnreadableFile
from par_warehouse.reading_ahead import read_ahead

CHUNK_BYTES = 1 << 23
LONGEST_RECORD_BYTES = 1 << 24
_LF, _CR, _QUOTE = 10, 13, 34
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_header(stream: BinaryIO, delimiter: str = ",") -> list[str]:
    """The raw names in the first record of a stream of UTF-8. Raises UnreadableFile."""
    for chunk in _chunks(stream):
        starts, ends, _ = _split(chunk, delimiter)
        for start, end in zip(starts, ends, strict=True):
            text = chunk[start:end].decode().rstrip("\r\n")
            if text.strip():
                return _names(text, delimiter)
    raise UnreadableFile(
        "tệp rỗng, không có dòng tiêu đề; hãy xuất lại rồi gửi lại",
        "the file is empty; export it anew and send it again",
    )


def _names(header: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(StringIO(header, newline=""), strict=True, delimiter=delimiter))
    except csv.Error:
        # The quotes are in order, or the record would not have been found: a name is longer than csv takes.
        raise UnreadableFile(
            f"dòng tiêu đề có một ô dài hơn {csv.field_size_limit():,} ký tự; hãy sửa dòng tiêu đề rồi gửi lại",
            f"a heading is longer than {csv.field_size_limit():,} characters; correct the first line and send it again",
        ) from None


def read_records(
    stream: BinaryIO, wanted: Mapping[str, int], field_count: int, delimiter: str = ","
) -> Generator[Records, None, None]:
    """Yield the records after the header; ``wanted`` maps column names to field positions. Raises UnreadableFile."""
    number = 0
    header_seen = False
    names = [f"f{position}" for position in range(field_count)]
    for chunk in read_ahead(_chunks(stream)):
        table = _parse_regular(chunk, names, wanted, delimiter) if header_seen else None
        if table is not None:
            numbers = np.arange(number + 1, number + len(table) + 1, dtype=np.int64)
            malformed = numbers[:0]
        else:
            starts, ends, fields = _split(chunk, delimiter)
            is_row = np.ones(len(starts), dtype=bool)
            for candidate in np.flatnonzero(fields == 1):
                is_row[candidate] = bool(chunk[starts[candidate] : ends[candidate]].decode().strip())
            if not header_seen and is_row.any():
                is_row[int(np.argmax(is_row))] = False
                header_seen = True
            counted = number + np.cumsum(is_row, dtype=np.int64)
            good = is_row & (fields == field_count)
            body = chunk if good.all() else _bytes(chunk)[np.repeat(good, ends - starts)].tobytes()
            table = _parse(body, names, wanted, delimiter)
            numbers, malformed = counted[good], counted[is_row & ~good]
        number += len(numbers) + len(malformed)
        yield Records(table, numbers, malformed)


def _parse_regular(chunk: bytes, names: list[str], wanted: Mapping[str, int], delimiter: str) -> pa.Table | None:
    """The rows of a run in which each line is a row of the right width; None when it is not, or has to be looked at.

    Without quotes every line is a record, and Arrow refuses a line of another width, a blank one too. It would take a
    carriage return alone for a line end, and overlook a byte order mark at the beginning.
    """
    is_odd = b'"' in chunk or (b"\r" in chunk and chunk.count(b"\r") != chunk.count(b"\r\n"))
    if is_odd or chunk.startswith(_BYTE_ORDER_MARK) or len(names) == 1 or not wanted:
        return None
    try:
        return _parse(chunk, names, wanted, delimiter)
    except pa.ArrowInvalid:
        return None


def _parse(body: bytes, names: list[str], wanted: Mapping[str, int], delimiter: str) -> pa.Table:
    if not body or not wanted:
        return pa.table({name: pa.array([], pa.string()) for name in wanted})
    table = arrow_csv.read_csv(
        pa.BufferReader(body),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=len(body) + 1, use_threads=False),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=[names[position] for position in wanted.values()],
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
        ),
    )
    return table.rename_columns(list(wanted))


def _chunks(stream: BinaryIO) -> Generator[bytes, None, None]:
    """Whole records, several megabytes at a time, as valid UTF-8 without byte order mark."""
    rest = stream.read(3).removeprefix(_BYTE_ORDER_MARK)
    while block := stream.read(CHUNK_BYTES):
        if b"\0" in block or b"\0" in rest[:3]:
            raise UnreadableFile(
                "tệp có byte NUL, không phải CSV dạng văn bản UTF-8; hãy lưu lại thành CSV UTF-8",
                "the file has NUL bytes, so it is not CSV text in UTF-8; save it again as CSV UTF-8",
            )
        rest += block
        end = _end_of_last_record(rest)
        if end == 0 and len(rest) > LONGEST_RECORD_BYTES:
            raise UnreadableFile(
                "một dòng dài hơn 16 MB; có thể thiếu dấu ngoặc kép đóng, hãy xuất lại tệp từ phần mềm gốc rồi gửi lại",
                "a record is longer than 16 MB; a closing double quote may be missing, so export the file anew from the"
                " system it comes from and send it again",
            )
        if end:
            yield _valid_text(rest[:end])
            rest = rest[end:]
    if rest:
        yield _valid_text(rest)


def _end_of_last_record(data: bytes) -> int:
    bytes_ = _bytes(data)
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    outside = np.flatnonzero((bytes_ == _LF) & ~_inside_quotes(bytes_))
    return int(outside[-1]) + 1 if len(outside) else 0


def _valid_text(data: bytes) -> bytes:
    # Arrow's check agrees with Python's, but makes no text of it.
    whole = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, len(data)], np.int32)), pa.py_buffer(data)]
    )
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        raise UnreadableFile(
            "tệp không phải mã UTF-8; hãy lưu lại thành CSV UTF-8",
            "the file is not in UTF-8; save it again as CSV UTF-8",
        ) from None
    return data


def _bytes(data: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)


def _inside_quotes(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    # A doubled quote inside a quoted field toggles twice, so parity alone tells inside from outside.
    return np.bitwise_xor.accumulate((data == _QUOTE).view(np.uint8)).view(np.bool_)


def _split(chunk: bytes, delimiter: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Start, end (after the line end) and number of fields of each record. Raises UnreadableFile."""
    data = _bytes(chunk)
    separator = ord(delimiter)
    if b'"' in chunk:
        inside = _inside_quotes(data)
        _check_quotes(data, separator)
        line_ends = np.flatnonzero((data == _LF) & ~inside)
        commas = np.flatnonzero((data == separator) & ~inside)
        returns = np.flatnonzero((data == _CR) & ~inside)
    else:
        line_ends = np.flatnonzero(data == _LF)
        commas = np.flatnonzero(data == separator)
        returns = np.flatnonzero(data == _CR)
    followers = data[np.minimum(returns + 1, len(data) - 1)]
    if len(returns) and (returns[-1] == len(data) - 1 or (followers != _LF).any()):
        raise UnreadableFile(
            "một dòng kết thúc chỉ bằng ký tự CR; hãy xuất lại sao cho mỗi dòng kết thúc bằng LF hoặc CRLF",
            "a line ends with a carriage return alone; export the file anew with lines that end with LF or CRLF",
        )
    ends = line_ends + 1
    if not len(ends) or ends[-1] != len(data):
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1]))
    fields = np.searchsorted(commas, ends) - np.searchsorted(commas, starts) + 1
    return starts, ends, fields


def _check_quotes(data: npt.NDArray[np.uint8], separator: int) -> None:
    """A quoted field begins right after a delimiter and ends right before one (RFC 4180, rules 5 to 7)."""
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes) % 2:
        raise UnreadableFile(
            "một dấu ngoặc kép mở mà không đóng; hãy xuất lại tệp từ phần mềm gốc, hoặc viết đôi dấu ngoặc kép trong ô,"
            " rồi gửi lại",
            "a double quote is opened and never closed; export the file anew from the system it comes from, or double"
            " the quotes inside the field, and send it again",
        )
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening == 0, _LF, data[np.maximum(opening - 1, 0)])
    after = np.where(closing == len(data) - 1, _LF, data[np.minimum(closing + 1, len(data) - 1)])
    if not np.isin(before, (_LF, separator, _QUOTE)).all() or not np.isin(after, (_LF, _CR, separator, _QUOTE)).all():
        raise UnreadableFile(
            "một dấu ngoặc kép nằm giữa ô; hãy đặt cả ô trong dấu ngoặc kép và viết đôi dấu bên trong, rồi gửi lại",
            "a double quote stands inside a field; put the field in quotes, double those inside, and send it again",
        )
