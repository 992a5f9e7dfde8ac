"""What a Vietnamese syllable can be: an onset, a rime and a tone. A list of words would miss names; these are few."""

import re
import unicodedata
from functools import lru_cache

TONES = "\u0300\u0301\u0303\u0309\u0323"
"""The five written tones as combining marks: huyền, sắc, ngã, hỏi, nặng."""

LETTERS = "đĐ" + "".join(
    unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" for tone in ("", *TONES)
)
"""Every vowel with every tone, and the one consonant that is not in ASCII."""

_ONSETS = ("", *"b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x".split())  # noqa: SIM905
# By their first letter. Those in -k stand in place names of the Highlands (Đắk Lắk).
_RIMES = frozenset(
    """
    a ac ach ai ak am an ang anh ao ap at au ay ă ăc ăk ăm ăn ăng ăp ăt â âc âm ân âng âp ât âu ây
    e ec em en eng eo ep et ê êch êm ên êng ênh êp êt êu
    i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu
    o oa oac oach oai oam oan oang oanh oao oap oat oay oc oe oen oeo oet oi om on ong ooc oong op ot
    oăc oăm oăn oăng oăt ô ôc ôi ôk ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt
    u ua uc ui um un ung up ut uân uâng uât uây uê uêch uên uênh uôc uôi uôm uôn uông uôt uơ
    uy uya uych uyn uynh uyt uyu uyên uyêt ư ưa ưc ưi ưng ưt ưu ươc ươi ươm ươn ương ươp ươt ươu
    y ych yêm yên yêng yêt yêu yn ynh yt
    """.split()  # noqa: SIM905
)
_CONSONANTS = "bcdđghklmnpqrstvx"
_WORD = re.compile(r"[^\W\d_]+")
_WITHOUT_TONES = dict.fromkeys(map(ord, TONES))


def accented_words(text: str) -> set[str]:
    """The words (runs of letters, lower case) that have a letter outside ASCII. Abbreviations (``QĐ``) are no words."""
    words = {word.lower() for word in _WORD.findall(text) if not word.isascii()}
    return {word for word in words if word.strip(_CONSONANTS)}


@lru_cache(maxsize=1 << 14)
def is_syllable(word: str) -> bool:
    """Whether a word in lower case can be a Vietnamese syllable, wherever its tone is placed."""
    spelled = unicodedata.normalize("NFD", word)
    bare = unicodedata.normalize("NFC", spelled.translate(_WITHOUT_TONES))
    tones = [mark for mark in spelled if mark in TONES]
    if len(tones) > 1 or (bare.endswith(("c", "ch", "p", "t")) and not set(tones) & set("\u0301\u0323")):
        return False
    return any(bare.startswith(onset) and bare[len(onset) :] in _RIMES for onset in _ONSETS)
