"""Dialect ``csv``: the contract's own CSV; other encodings, delimiters and headings by options."""

from collections.abc import Iterator, Sequence
from typing import Literal

from par_warehouse.csv_records import read_header, read_records
from par_warehouse.dialects import Context, DeliveredFile, DialectOptions, Part, Records, UnreadableFile
from par_warehouse.encodings import as_utf8, verify
from par_warehouse.reading_ahead import read_ahead
from par_warehouse.text import clean, fold

_DELIMITERS = {
    ",": ("dấu phẩy", "commas"),
    ";": ("dấu chấm phẩy", "semicolons"),
    "\t": ("dấu tab", "tabs"),
    "|": ("dấu gạch đứng", "vertical bars"),
}


class Options(DialectOptions):
    """``headings: contract`` takes the contract's column names only; ``known`` also the headings of headings.yml."""

    encoding: Literal["utf-8", "utf-16", "windows-1258", "tcvn3", "vni"] = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    headings: Literal["contract", "known"] = "contract"


def read(files: Sequence[DeliveredFile], options: Options, context: Context) -> list[Part]:
    """One part for the table of the feed; records are numbered from 1 after the header. Raises UnreadableFile."""
    (file,) = files
    assert context.table is not None
    verify(file, options.encoding)
    with as_utf8(file, options.encoding) as stream:
        header = read_header(stream, options.delimiter)
    if len(header) == 1:
        _refuse_other_delimiter(header[0], options.delimiter)
    names = [clean(name) for name in header]
    if options.headings == "known":
        names = [context.header_names.get(fold(name), name) for name in names]

    def records(wanted: Sequence[str]) -> Iterator[Records]:
        positions = {name: names.index(name) for name in wanted}
        with as_utf8(file, options.encoding) as stream:
            yield from read_ahead(read_records(stream, positions, len(names), options.delimiter))

    return [Part(context.table, names, records)]


def _refuse_other_delimiter(header: str, declared: str) -> None:
    """Raise UnreadableFile when a header that is all one column has another delimiter in it."""
    for delimiter, (vi, en) in _DELIMITERS.items():
        if delimiter in header:
            declared_vi, declared_en = _DELIMITERS[declared]
            raise UnreadableFile(
                f"các cột ngăn cách bằng {vi} nhưng tệp được khai báo là ngăn cách bằng {declared_vi}; hãy lưu lại cho"
                " đúng, hoặc báo quản trị viên sửa khai báo của nguồn này",
                f"the columns are set apart by {en}, but the file is declared to have {declared_en}; save it so, or"
                " have the delimiter of this feed corrected",
            )
