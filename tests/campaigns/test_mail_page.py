"""The page filled in for one buyer is, byte for byte, the page rendered for that buyer."""

import itertools

import pytest

from campaigns.branding import Look
from campaigns.mail_page import Frame, set_mail, set_mail_in_full
from campaigns.messages import Text

BODIES = (
    "",
    "one line",
    "two\nlines",
    "one\n\n\n\nthree <b>&'\"</b>\n",
    "您好！\n\n谢谢\n您\n\n常来。",
    "{{ frame.code }} %s {0}",
)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_page_filled_in_has_the_bytes_of_the_full_rendering(language: str) -> None:
    looks = (Look(), Look("a" * 64, "#0a7d3c"))
    coupons = (
        {},
        {"code": "7K3M <&>"},
        {"code": "7K3M", "ends": "2026年11月30日 & later", "headline": "<20>", "terms": "&"},
    )
    for body, preheader, look, coupon in itertools.product(BODIES, ("", "Only <300> & 'tins'"), looks, coupons):
        logo = "https://r.example/logo/a?b&c" if look.logo else ""
        frame = Frame("Tea & <Co>", "https://r.example/Q/7?a&b", "https://r.example/u/A'", look, logo, **coupon)
        text = Text('New <tea> & "more"', body, language, preheader)
        assert set_mail(text, frame) == set_mail_in_full(text, frame)


def test_pages_of_two_buyers_share_nothing_of_their_own() -> None:
    one = Frame("Tea", "https://r.example/Q/1", "https://r.example/u/1", code="AAAA")
    other = Frame("Tea", "https://r.example/Q/2", "https://r.example/u/2", code="BBBB")
    set_mail(Text("To Ada", "Dear Ada", "en"), one)
    for part in set_mail(Text("To Bo", "Dear Bo", "en"), other):
        assert not any(own in part for own in ("Ada", "/Q/1", "/u/1", "AAAA"))
