"""Dialect ``csv``: the contract's own CSV; other encodings, delimiters and headings by options."""

from collections.abc import Iterator, Sequence
from typing import Literal

from par_warehouse.csv_records import read_header, read_records
from par_warehouse.dialects import Context, DeliveredFile, DialectOptions, Part, Records
from par_warehouse.encodings import as_utf8, verify
from par_warehouse.text import clean, fold


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
        names = [clean(name) for name in read_header(stream, options.delimiter)]
    if options.headings == "known":
        names = [context.header_names.get(fold(name), name) for name in names]

    def records(wanted: Sequence[str]) -> Iterator[Records]:
        positions = {name: names.index(name) for name in wanted}
        with as_utf8(file, options.encoding) as stream:
            yield from read_records(stream, positions, len(names), options.delimiter)

    return [Part(context.table, names, records)]
