"""Text as the warehouse compares it: cleaned as the export contract says, or folded for matching by name."""

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

WHITE_SPACE = r"[\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+"
"""White space as Unicode defines it (property White_Space), as a DuckDB pattern."""

INVISIBLE = (
    r"[\x{AD}\x{34F}\x{61C}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{206F}\x{FEFF}]+"
)
"""Characters that no font shows and that come along when text is copied, as a DuckDB pattern."""
_INVISIBLE = re.compile(re.sub(r"\\x\{(\w+)\}", lambda code: chr(int(code[1], 16)), INVISIBLE))

# Letters that look like Đ and are typed for it (Eth, African D); Đ itself has no decomposition.
_LOOK_ALIKES = str.maketrans("ĐđÐðƉɖ", "dddddd")


def clean(text: str) -> str:
    """NFC, invisible characters gone, white space collapsed and trimmed: the text before anything else."""
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFC", text)).split())


def fold(text: str) -> str:
    """A form in which spellings of one Vietnamese name agree: no tones or marks, lower case, letters and digits only.

    ``Hoà``, ``Hòa`` and ``HOÀ`` agree; so do ``Sở KH&ĐT`` and ``so  kh & dt``. For matching only, never shown.
    """
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFD", text.translate(_LOOK_ALIKES))
        if not unicodedata.combining(letter)
    )
    return " ".join("".join(letter if letter.isalnum() else " " for letter in bare.casefold()).split())


def register_fold(con: "duckdb.DuckDBPyConnection") -> None:
    """Create the SQL macros ``folded(text)``, which gives what ``fold`` gives, and ``folded_value(text)``: the text
    itself where folding leaves nothing (``✓``)."""
    con.execute(
        "create or replace temp macro folded(given) as trim(regexp_replace(lower(strip_accents(translate("
        "nfc_normalize(given), 'ĐđÐðƉɖ', 'dddddd'))), '[^\\p{L}\\p{N}]+', ' ', 'g'))"
    )
    con.execute("create or replace temp macro folded_value(given) as coalesce(nullif(folded(given), ''), given)")
