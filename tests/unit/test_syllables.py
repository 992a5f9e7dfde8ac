"""What counts as Vietnamese: real syllables in every spelling, and nothing that a wrong encoding makes."""

import unicodedata

from par_warehouse.syllables import LETTERS, accented_words, is_syllable

SYLLABLES = """
    nguyễn trần lê phạm hoàng huỳnh võ vũ đặng bùi đỗ hồ ngô lý đinh trịnh đoàn vương thị quốc quý quyền quyết quỳnh
    quýt gì giữa giếng giới gián nghĩa nghiêng khuya thuở khuỷu chuyện xoắn hoẵng ngoằn loẹt ngoéo ướt ươu được hươu yến
    yêu yểm ẩm ăn ở ý ủy uỷ hòa hoà thúy thuý khỏe khoẻ mĩ mỹ đắk lắk búp sách tiếp việc nước điện tử chính sở nội vụ
    phường xã ủy ban tổ chức cán bộ công đã hưởng huệ bạch tuệ xuất thuế chuẩn loại lũy khuếch tán boóc xoong
""".split()  # noqa: SIM905
NOT_SYLLABLES = """
    nguyôn thþ hång së néi chaøo caùc baïn müller façade naïve àc tât kpă nạnh̀ ðinh đđ ươi2 qú ngíê krông̀ tốchức
""".split()  # noqa: SIM905


def test_syllables_are_known_however_they_are_composed() -> None:
    accented = [word for word in SYLLABLES if not word.isascii()]
    assert len(accented) > 80
    assert [word for word in accented if not is_syllable(word)] == []
    assert [word for word in accented if not is_syllable(unicodedata.normalize("NFD", word))] == []


def test_other_words_are_not() -> None:
    assert [word for word in NOT_SYLLABLES if is_syllable(word)] == []


def test_a_stop_takes_only_two_tones() -> None:
    assert [is_syllable(word) for word in ("mát", "mạt", "màt", "mảt", "mãt", "học", "hòc")] == [
        True, True, False, False, False, True, False,
    ]  # fmt: skip


def test_only_words_with_accents_count_each_once_and_abbreviations_do_not() -> None:
    assert accented_words("Số 12/QĐ-UBND ngày 5: Sở Nội vụ, sở NỘI VỤ; ĐVHC, HĐND") == {"số", "ngày", "sở", "nội", "vụ"}


def test_there_are_146_letters_of_which_134_are_outside_ascii() -> None:
    # 12 vowels with 6 tones and đ, twice; 6 plain vowels in each case are ASCII.
    assert len(set(LETTERS)) == len(LETTERS) == 146
    assert sum(not letter.isascii() for letter in LETTERS) == 134
