"""Text as the warehouse compares it: cleaned as the export contract says, or folded for matching by name."""

import unicodedata

# Letters that look like Đ and are typed for it (Eth, African D); Đ itself has no decomposition.
_LOOK_ALIKES = str.maketrans("ĐđÐðƉɖ", "dddddd")


def clean(text: str) -> str:
    """NFC, white space collapsed and trimmed: what the contract does to every text before anything else."""
    return " ".join(unicodedata.normalize("NFC", text).split())


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
