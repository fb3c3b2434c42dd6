"""Text messages: what a text takes and costs, by known answers; the signature first, the way out last."""

import pytest

from campaigns.texts.sms import SmsEncoding, count_sms, is_seen_at_once, render_sms, sign

GSM, WIDE = SmsEncoding.GSM7, SmsEncoding.UCS2


@pytest.mark.parametrize(
    ("text", "encoding", "letters", "places", "parts", "free"),
    [
        ("", GSM, 0, 0, 0, 160),
        ("a", GSM, 1, 1, 1, 159),
        ("a" * 160, GSM, 160, 160, 1, 0),
        ("a" * 161, GSM, 161, 161, 2, 145),
        ("a" * 306, GSM, 306, 306, 2, 0),
        ("a" * 307, GSM, 307, 307, 3, 152),
        ("@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¡ÄÖÑÜ§¿äöñüà", GSM, 40, 40, 1, 120),
        ("€", GSM, 1, 2, 1, 158),
        ("^{}\\[~]|€", GSM, 9, 18, 1, 142),
        ("a" * 158 + "€", GSM, 159, 160, 1, 0),
        ("a" * 159 + "€", GSM, 160, 161, 2, 145),
        ("a" * 152 + "€" + "a" * 10, GSM, 163, 164, 2, 141),  # the euro is not cut: 152, then 12
        ("`", WIDE, 1, 1, 1, 69),  # the back-tick is not in the alphabet
        ("ç", WIDE, 1, 1, 1, 69),  # nor is the small cedilla; the large one is
        ("茶" * 70, WIDE, 70, 70, 1, 0),
        ("茶" * 71, WIDE, 71, 71, 2, 63),
        ("茶" * 134, WIDE, 134, 134, 2, 0),
        ("茶" * 135, WIDE, 135, 135, 3, 66),
        ("🍵", WIDE, 1, 2, 1, 68),
        ("茶" * 69 + "🍵", WIDE, 70, 71, 2, 63),
        ("茶" * 66 + "🍵" + "茶" * 10, WIDE, 77, 78, 2, 55),  # the pair is not cut: 66, then 12
        ("line\r\nline", GSM, 10, 10, 1, 150),
    ],
)
def test_a_text_takes_what_the_standard_says(
    text: str, encoding: SmsEncoding, letters: int, places: int, parts: int, free: int
) -> None:
    found = count_sms(text)
    assert (found.encoding, found.letters, found.places, found.parts, found.free) == (
        encoding,
        letters,
        places,
        parts,
        free,
    )


def test_the_signature_counts_and_decides_the_encoding_too() -> None:
    assert count_sms("a" * 155, "Tea: ").parts == 1
    assert count_sms("a" * 156, "Tea: ").parts == 2
    assert (count_sms("a" * 67, "【茶】").encoding, count_sms("a" * 67, "【茶】").parts) == (WIDE, 1)
    assert count_sms("a" * 68, "【茶】").parts == 2


def test_a_gateway_that_counts_wide_counts_every_text_so() -> None:
    assert count_sms("a" * 71).parts == 1
    assert count_sms("a" * 71, always_wide=True).parts == 2


def test_each_part_is_paid_for() -> None:
    assert count_sms("茶" * 71).cost(450) == 900
    assert count_sms("").cost(450) == 0


def test_signature_comes_first_and_the_way_out_last() -> None:
    said = render_sms("春茶上新，\n点击查看", signature=sign("云间茶", "zh-CN"), language="zh-CN")
    assert said == "【云间茶】春茶上新， 点击查看，拒收请回复R"
    assert render_sms("New tea.", signature=sign("Tea", "en"), language="en") == "Tea: New tea. Reply STOP to opt out"


def test_what_the_author_wrote_already_is_not_said_twice() -> None:
    signature = sign("云间茶", "zh-CN")
    assert (
        render_sms("【云间茶】新茶。拒收请回复R", signature=signature, language="zh-CN")
        == "【云间茶】新茶。拒收请回复R"
    )
    assert (
        render_sms("Hi. reply stop to opt out.", signature="Tea: ", language="en") == "Tea: Hi. reply stop to opt out."
    )


@pytest.mark.parametrize(
    ("name", "language", "seen"),
    [
        ("云间茶", "zh-CN", True),
        ("云间茶叶旗舰", "zh-CN", True),
        ("云间茶叶旗舰店", "zh-CN", False),
        ("Teahome", "en", True),
    ],
)
def test_the_first_seven_characters_carry_the_name(name: str, language: str, *, seen: bool) -> None:
    assert is_seen_at_once(name, language) is seen
