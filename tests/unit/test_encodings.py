"""Delivered bytes become UTF-8 whatever the encoding and wherever a block ends; a wrong declaration is refused."""

import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from par_warehouse import encodings
from par_warehouse.dialects import DeliveredFile, UnreadableFile
from par_warehouse.encodings import ENCODINGS, as_utf8, verify

# By hand, apart from the tables of the module: each letter, then its bytes in hex, or as Windows-1252 shows them.
TCVN3 = """
    Ă A1 Â A2 Ê A3 Ô A4 Ơ A5 Ư A6 Đ A7 ă A8 â A9 ê AA ô AB ơ AC ư AD đ AE
    à B5 ả B6 ã B7 á B8 ạ B9 ằ BB ẳ BC ẵ BD ắ BE ặ C6 ầ C7 ẩ C8 ẫ C9 ấ CA ậ CB
    è CC ẻ CE ẽ CF é D0 ẹ D1 ề D2 ể D3 ễ D4 ế D5 ệ D6 ì D7 ỉ D8 ĩ DC í DD ị DE
    ò DF ỏ E1 õ E2 ó E3 ọ E4 ồ E5 ổ E6 ỗ E7 ố E8 ộ E9 ờ EA ở EB ỡ EC ớ ED ợ EE
    ù EF ủ F1 ũ F2 ú F3 ụ F4 ừ F5 ử F6 ữ F7 ứ F8 ự F9 ỳ FA ỷ FB ỹ FC ý FD ỵ FE
""".split()  # noqa: SIM905
VNI = """
    à aø á aù ả aû ã aõ ạ aï ă aê ằ aè ắ aé ẳ aú ẵ aü ặ aë â aâ ầ aà ấ aá ẩ aå ẫ aã ậ aä
    è eø é eù ẻ eû ẽ eõ ẹ eï ê eâ ề eà ế eá ể eå ễ eã ệ eä ì ì í í ỉ æ ĩ ó ị ò
    ò oø ó où ỏ oû õ oõ ọ oï ô oâ ồ oà ố oá ổ oå ỗ oã ộ oä ơ ô ờ ôø ớ ôù ở ôû ỡ ôõ ợ ôï
    ù uø ú uù ủ uû ũ uõ ụ uï ư ö ừ öø ứ öù ử öû ữ öõ ự öï ỳ yø ý yù ỷ yû ỹ yõ ỵ î đ ñ
""".split()  # noqa: SIM905
WINDOWS_1258 = dict(zip("ăâđêôơưĂÂĐÊÔƠƯ\u0300\u0301\u0303\u0309\u0323", bytes.fromhex(
    "E3E2F0EAF4F5FDC3C2D0CAD4D5DDCCECDED2F2"), strict=True))  # fmt: skip

TCVN3_BYTES = {letter: bytes.fromhex(code) for letter, code in zip(TCVN3[::2], TCVN3[1::2], strict=True)}
VNI_BYTES = {
    case(letter): case(shown).encode("cp1252")
    for case in (str.lower, str.upper)
    for letter, shown in zip(VNI[::2], VNI[1::2], strict=True)
}
LETTERS = "".join(VNI_BYTES)
NAMES = (
    "stt,ho_ten,don_vi\n1,Nguyễn Thị Hồng,Sở Nội vụ\n2,Trần Đức Tường,Phường Thủ Dầu Một\n3,Lê Quốc Việt,Xã Bà Điểm\n"
)


def windows_1258(text: str) -> bytes:
    """Each tone after its letter, as that letter is in Windows-1258."""
    written = bytearray()
    for letter in text:
        spelled = unicodedata.normalize("NFD", letter)
        tones = [mark for mark in spelled if mark in "\u0300\u0301\u0303\u0309\u0323"]
        bare = unicodedata.normalize("NFC", "".join(mark for mark in spelled if mark not in tones))
        written += bytes(WINDOWS_1258.get(one) or ord(one) for one in (bare, *tones))
    return bytes(written)


def tcvn3(text: str) -> bytes:
    return b"".join(TCVN3_BYTES.get(one) or TCVN3_BYTES.get(one.lower()) or one.encode("ascii") for one in text)


def vni(text: str) -> bytes:
    return b"".join(VNI_BYTES.get(one) or one.encode("ascii") for one in text)


def utf16(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le")


def twice(text: str) -> bytes:
    """UTF-8 read as Windows-1252, where five bytes mean nothing and pass as control characters, written as UTF-8."""
    readings = (bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())
    return "".join(readings).encode()


WRITERS = {"utf-8": str.encode, "utf-16": utf16, "windows-1258": windows_1258, "tcvn3": tcvn3, "vni": vni}


def delivered(content: bytes) -> DeliveredFile:
    return DeliveredFile("ho-so.csv", len(content), lambda: io.BytesIO(content))


def decoded(content: bytes, encoding: str) -> str:
    with as_utf8(delivered(content), encoding) as stream:
        return stream.read().decode()


def refusal(content: bytes, encoding: str) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        verify(delivered(content), encoding)
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "content", "text"),
    [
        ("utf-8", b"\xef\xbb\xbfs\xe1\xbb\x91", "số"),
        ("utf-8", b"s\xe1\xbb\x91", "số"),
        ("utf-8", b"", ""),
        ("utf-16", b"\xff\xfes\x00\xd1\x1e", "số"),
        ("utf-16", b"\xfe\xff\x00s\x1e\xd1", "số"),
        ("utf-16", b"\xff\xfe=\xd8\x4a\xdc", "👊"),
        ("windows-1258", b"Nguy\xea\xden \xd0\xfd\xf5\xccng", "Nguyễn Đường"),
        ("tcvn3", b"Nguy\xd4n Th\xde H\xe5ng \x97 S\xeb N\xe9i v\xf4", "Nguyễn Thị Hồng — Sở Nội vụ"),
        # Capitals come from another font: TRẦN is typed with the small letter.
        ("tcvn3", b"TR\xc7N", "TRầN"),
        ("vni", b"Xin cha\xf8o ca\xf9c ba\xefn, \xd1\xf6\xf4\xf8ng", "Xin chào các bạn, Đường"),
        ("vni", b"NGUYE\xc3N TH\xd2 A\xd9NH, A\xf9nh", "NGUYỄN THỊ ÁNH, Ánh"),
    ],
)
def test_bytes_become_text(encoding: str, content: bytes, text: str) -> None:
    assert decoded(content, encoding) == text


def test_every_letter_of_the_table_has_its_bytes() -> None:
    assert len(TCVN3_BYTES) == 74 and len(VNI_BYTES) == 134
    assert {letter: decoded(code, "tcvn3") for letter, code in TCVN3_BYTES.items()} == {one: one for one in TCVN3_BYTES}
    for encoding, write in (("vni", vni), ("windows-1258", windows_1258), ("utf-16", utf16)):
        assert decoded(write(LETTERS), encoding) == LETTERS


@settings(max_examples=100, deadline=None)
@given(data=st.data(), block=st.sampled_from([1, 2, 3, 7]), size=st.sampled_from([1, 5, -1]))
@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name != "utf-8"])
def test_text_is_the_same_wherever_a_block_ends(encoding: str, data: st.DataObject, block: int, size: int) -> None:
    letters = {"utf-16": LETTERS + "👊🏽", "tcvn3": "".join(TCVN3_BYTES)}.get(encoding, LETTERS)
    text = data.draw(st.text(st.sampled_from(letters) | st.sampled_from("aeouy AEOUY,\n"), max_size=30))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "BLOCK_BYTES", block)
        with as_utf8(delivered(WRITERS[encoding](text)), encoding) as stream:
            read = b"".join(iter(lambda: stream.read(size), b""))
    assert read.decode() == text


def test_utf8_passes_as_it_is_without_its_mark() -> None:
    # Decomposed text and bytes that are no UTF-8 are for whoever reads them.
    content = "Hiếu".encode() + unicodedata.normalize("NFD", "Hiếu").encode() + b"\xff\x00"
    for mark in (b"", b"\xef\xbb\xbf"):
        with as_utf8(delivered(mark + content), "utf-8") as stream:
            assert stream.read() == content


def test_other_encodings_come_composed() -> None:
    assert decoded(utf16(unicodedata.normalize("NFD", "Hiếu Đường")), "utf-16") == "Hiếu Đường"


def test_a_file_is_read_as_it_is_needed() -> None:
    line = "Nguyễn Thị Hồng,Sở Nội vụ\n"
    content = vni(line) * 200_000
    source = io.BytesIO(content)
    with as_utf8(DeliveredFile("lon.csv", len(content), lambda: source), "vni") as stream:
        assert stream.read(10).decode() == line[:8]
        assert source.tell() <= 1 << 20
        assert len(content) > 4 << 20
    assert source.closed


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("tcvn3", b"a,\xcd"),
        ("windows-1258", b"a,\x8a"),
        ("vni", b"a,\x81"),
        ("vni", b"M\xfcller"),  # ü is a mark, and M takes none
        ("vni", b"co\xe9"),  # é puts a breve on the o
        ("vni", b"\xf9a"),
        ("utf-16", b"s\x00"),
        ("utf-16", b"\xff\xfes"),
        ("utf-16", b"\xff\xfe=\xd8,\x00"),
        ("utf-16", b"\xff\xfe" + "một\0hai".encode("utf-16-le")),
        ("tcvn3", b"a\0b"),
        ("vni", b"a\0b"),
        ("windows-1258", b"a\0b"),
        ("tcvn3", b"\xb8" * 300_000),
    ],
)
def test_what_has_no_meaning_in_the_encoding_is_unreadable(encoding: str, content: bytes) -> None:
    with pytest.raises(UnreadableFile, match="không đọc được theo mã"), as_utf8(delivered(content), encoding) as stream:
        stream.read()


def test_a_meaningless_byte_is_found_behind_good_ones() -> None:
    with as_utf8(delivered(tcvn3(NAMES) * 40_000 + b"\xcd"), "tcvn3") as stream:
        assert stream.read(20).decode().startswith("stt,ho_ten")
        with pytest.raises(UnreadableFile):
            stream.read()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_right_declaration_is_accepted(encoding: str) -> None:
    for text in (NAMES, NAMES * 2_000, NAMES.splitlines()[0] + "\n1,Lý Ý,H29\n"):
        verify(delivered(WRITERS[encoding](text)), encoding)


@pytest.mark.parametrize("declared", ENCODINGS)
@pytest.mark.parametrize("real", ENCODINGS)
def test_a_wrong_declaration_is_refused_with_the_right_guess(real: str, declared: str) -> None:
    if real == declared:
        return
    shown = {
        "utf-8": "UTF-8", "utf-16": "UTF-16", "windows-1258": "Windows-1258", "tcvn3": "TCVN3 (ABC)",
        "vni": "VNI-Windows",
    }  # fmt: skip
    for text in (NAMES, NAMES * 2_000):
        error = refusal(WRITERS[real](text), declared)
        assert error.vi.startswith(f"tệp được khai báo là {shown[declared]} nhưng có vẻ là {shown[real]};")
        assert error.en.startswith(f"the file is declared to be {shown[declared]}, but it seems to be {shown[real]};")


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name != "utf-16"])
def test_text_in_ascii_is_right_in_every_encoding_of_bytes(encoding: str) -> None:
    verify(delivered(b"id,code\n1,H29.01\n"), encoding)
    verify(delivered(b""), encoding)


def test_a_byte_order_mark_proves_an_encoding() -> None:
    for declared in ("tcvn3", "vni", "windows-1258"):
        assert "có vẻ là UTF-8" in refusal(b"\xef\xbb\xbfid,code\n1,2\n", declared).vi


def test_utf16_without_mark_is_recognised() -> None:
    for declared in ENCODINGS:
        assert "UTF-16 thiếu dấu BOM" in refusal(NAMES.encode("utf-16-le"), declared).vi
        assert "có byte NUL" in refusal(NAMES.encode() + b"\0", declared).vi


def test_a_character_cut_by_the_end_of_the_sample_is_no_mistake() -> None:
    for start in range(3):
        verify(delivered(b"a" * start + "ế".encode() * (encodings.SAMPLE_BYTES // 3 + 10)), "utf-8")
        verify(delivered(b"\xff\xfe" + "a,👊".encode("utf-16-le") * encodings.SAMPLE_BYTES), "utf-16")


def test_bytes_that_fit_nothing_are_not_guessed_at() -> None:
    error = refusal(b"a,\x81\x8a\xcd\n", "utf-8")
    assert error.vi == "tệp được khai báo là UTF-8 nhưng không đọc được theo mã đó; hãy lưu lại thành CSV UTF-8"
    # Signs alone, without a word, say nothing about the encoding.
    assert "có vẻ" not in refusal(b"1 \x96 2\n", "utf-8").vi


@pytest.mark.parametrize("declared", ENCODINGS)
def test_double_encoding_is_recognised(declared: str) -> None:
    error = refusal(twice(NAMES), declared)
    assert "có vẻ là UTF-8 bị đọc nhầm thành Windows-1252 rồi lưu lại (mã hoá hai lần)" in error.vi
    assert "it seems to be UTF-8 read as Windows-1252 (double encoding)" in error.en


def test_double_encoding_is_recognised_by_the_known_example_and_through_control_characters() -> None:
    assert "mã hoá hai lần" in refusal("ho_ten\nNguyá»…n Thá»\u2039 HoÃ Há»“ng".encode(), "utf-8").vi
    # Đ, ề and ờ have bytes (90, 81, 9D) that Windows-1252 does not define; Latin-1 gives control characters for all.
    assert "mã hoá hai lần" in refusal(twice("Đỗ,Điền,Đường,Đề"), "utf-8").vi
    assert "mã hoá hai lần" in refusal("Nguyễn Thị Đường".encode().decode("latin-1").encode(), "utf-8").vi
    assert "mã hoá hai lần" in refusal(utf16("Nguyá»…n Thá»\u2039 Há»“ng"), "utf-16").vi


@pytest.mark.parametrize(
    "text",
    [
        "Müller,François,Łukasz,Jürgen,Ångström,Šimić,Œuvre,naïve",
        "김철수,王小明,Иванов,Ωmega",
        "NGUYỄN THỊ HỒNG,ĐẮK LẮK,ĐẶNG",
        unicodedata.normalize("NFD", "Nguyễn Thị Hồng, Đắk Lắk"),
        "Hoà,Hòa,Thuý,Thúy,Khoẻ,Khỏe,Uỷ ban,Ủy ban",
        "Y Krông Niê,H'Đoê Kpă,Rơ Châm Siu,Ksor Ƀlut",
        "“UBND XÃ” và “ĐẠI ĐỒNG XÔ”",
        "“XÃ”",
        "“XÃ”,“XÃ”,“XÃ”, Nguyễn Thị Hồng, Sở Nội vụ",
        "Nguyá»…n",  # one word is no evidence
        "NguyÔn ThÞ Hång",  # letters of TCVN3 kept as characters: readable as what it is, UTF-8
    ],
)
def test_honest_unicode_is_never_refused(text: str) -> None:
    verify(delivered(text.encode()), "utf-8")
    verify(delivered(utf16(text)), "utf-16")


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("windows-1258", windows_1258("Đắk Lắk,Hồ Hòa Hoà,1/QĐ-SNV,2/QĐ-SNV,NĐ-CP,ĐVHC") + b",Fran\xe7ois,M\xfcller"),
        ("tcvn3", tcvn3("Y Krông Niê,H'Đoê,Nguyễn Thị Hồng")),
        ("windows-1258", b"M\xfcller,Fran\xe7ois"),
    ],
)
def test_a_strange_word_among_few_is_no_evidence(encoding: str, content: bytes) -> None:
    verify(delivered(content), encoding)


def test_no_message_repeats_what_the_file_says() -> None:
    for real in ENCODINGS:
        for declared in ENCODINGS:
            if real != declared:
                text = str(refusal(WRITERS[real](NAMES), declared))
                assert not any(name in text for name in ("Nguy", "ng,", "Trần", "Điểm", "ho_ten"))
