"""What a cell says when it names a unit: abbreviations spelled out, numbers and codes in one notation.

Names are compared in one of two ways. Folded, as ``text.fold`` does: for a cell that was written without any marks.
With marks, wherever in the word they stand (``Hoà`` is ``Hòa``): for all others, as Xã Thanh An is not Xã Thạnh An.
"""

import re
import unicodedata
from collections.abc import Callable
from itertools import product
from math import prod

from par_warehouse.text import fold

# A word with two meanings is read in both ways; the register knows which of them is a unit. "X" may be a number, too.
_ABBREVIATIONS = {
    "ubnd": ("uỷ ban nhân dân",),
    "hdnd": ("hội đồng nhân dân",),
    "hđnd": ("hội đồng nhân dân",),
    "vp": ("văn phòng",),
    "tphcm": ("thành phố hồ chí minh",),
    "hcm": ("hồ chí minh",),
    "tp": ("thành phố",),
    "tx": ("thị xã",),
    "tt": ("thị trấn", "trung tâm"),
    "dk": ("đặc khu",),
    "đk": ("đặc khu",),
    "q": ("quận",),
    "h": ("huyện",),
    "p": ("phường", "phòng"),
    "f": ("phường",),
    "x": ("xã", "x"),
}
_MOST_READINGS = 16
_AREAS = ("quận", "huyện", "thành phố", "thị xã", "thị trấn", "phường", "xã", "đặc khu")
_ROMAN = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")

# Letters for marks: grave, acute, hook, tilde, dot; circumflex, breve, horn, and the stroke of Đ.
_MARKS = dict(zip("\u0300\u0301\u0309\u0303\u0323\u0302\u0306\u031b\u0335", "fsrxjawod", strict=True))
_D_WITH_STROKE = str.maketrans(dict.fromkeys("ĐđÐðƉɖ", "d\u0335"))
_WORD = re.compile(r"(?:[^\W\d_][\u0300-\u036f]*)+")
_STRAY_MARK = re.compile(r"[\u0300-\u036f]")

# With a level at least: "P15" is Phường 15.
_CODE = re.compile(r"[A-Z][0-9]{2}(\.[0-9]{1,5})+")
_CODE_BEFORE_2020 = re.compile(r"(0{1,5}\.)*(?P<levels>((?!0+\.)[0-9]{1,5}\.)*[A-Z][0-9]{2})(?<=\..{3})")


def notation(cell: str) -> str | None:
    """An agency code in today's notation, None when the cell is a code in neither notation.

    Before 2020 levels ran from right to left, and those not set were zeros: ``000.02.07.H29`` is ``H29.07.02``.
    """
    code = "".join(cell.split()).upper()
    if found := _CODE_BEFORE_2020.fullmatch(code):
        return ".".join(reversed(found["levels"].split(".")))
    return code if _CODE.fullmatch(code) else None


def spelled(cell: str, with_marks: bool) -> tuple[str, ...]:
    """What a cell says: one reading, or several where an abbreviation has several meanings.

    ``UBND P.05 thuộc Q.III`` says ``phuong 5 quan 3`` (or a room ``phong 5``): a committee is called after its area.
    """
    return (_spelled_with_marks if with_marks else _spelled_folded)(cell)


def names(name: str, with_marks: bool) -> tuple[str, ...]:
    """All that a cell may say for this name: also without "và", which clerks leave out or write as "&" or "-"."""
    said = spelled(name, with_marks)
    without = (" ".join(word for word in key.split() if word not in ("va", "va_f")) for key in said)
    return tuple(sorted({*said, *without} - {""}))


def marked(text: str) -> str:
    """Folded, with the marks of each word behind it: ``Hoà`` and ``Hòa`` are ``hoa_f``."""
    apart = unicodedata.normalize("NFD", text.translate(_D_WITH_STROKE)).replace("_", " ")
    words = _STRAY_MARK.sub("", _WORD.sub(_marks_behind, apart).casefold())
    return " ".join(re.sub(r"\W+", " ", words).split())


def has_marks(text: str) -> bool:
    """Whether any word of the text bears a mark."""
    return "_" in marked(text)


def _marks_behind(word: re.Match[str]) -> str:
    marks = sorted(_MARKS[letter] for letter in word[0] if letter in _MARKS)
    letters = "".join(letter for letter in word[0] if letter.isalpha())
    return f"{letters}_{''.join(marks)}" if marks else letters


def _speller(compared: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    """How texts are spelled out that are compared as ``compared`` gives them."""
    abbreviations = {compared(word): tuple(map(compared, meanings)) for word, meanings in _ABBREVIATIONS.items()}
    district, ward = compared("quận"), compared("phường")
    glued_number = re.compile(rf"\b({district}|{ward}|q|p|f)(?=[0-9])")
    leading_zeros = re.compile(r"\b0+(?=[0-9])")
    roman_district = re.compile(rf"\b{district} ({'|'.join(_ROMAN[1:])})\b")
    committee_of_an_area = re.compile(rf"\b{compared('uỷ ban nhân dân')} (?=({'|'.join(map(compared, _AREAS))})\b)")
    belonging_to = re.compile(rf"(?<= )({'|'.join(map(compared, ('trực thuộc', 'thuộc', 'của')))}) ")

    def spell(cell: str) -> tuple[str, ...]:
        words = glued_number.sub(r"\1 ", compared(cell)).split()
        meanings = [abbreviations.get(word, (word,)) for word in words]
        if prod(map(len, meanings)) > _MOST_READINGS:
            return ()
        readings = set()
        for reading in map(" ".join, product(*meanings)):
            reading = leading_zeros.sub("", reading)
            reading = roman_district.sub(lambda found: f"{district} {_ROMAN.index(found[1])}", reading)
            reading = committee_of_an_area.sub("", reading)
            readings |= {reading, belonging_to.sub("", reading)}
        return tuple(sorted(readings - {""}))

    return spell


_spelled_folded = _speller(fold)
_spelled_with_marks = _speller(marked)
