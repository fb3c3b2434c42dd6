"""What is filled in for one buyer the short way is, byte for byte, what is rendered for that buyer in full."""

import itertools

import pytest
from liquid.exceptions import LiquidError

from campaigns.texts.branding import BrandStyle
from campaigns.texts.mail_page import MailFrame, render_mail, render_mail_in_full
from campaigns.texts.messages import Text
from campaigns.texts.templating import fill

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
    looks = (BrandStyle(), BrandStyle("a" * 64, "#0a7d3c"))
    coupons = (
        {},
        {"code": "7K3M <&>"},
        {"code": "7K3M", "ends": "2026年11月30日 & later", "headline": "<20>", "terms": "&"},
    )
    for body, preheader, style, coupon in itertools.product(BODIES, ("", "Only <300> & 'tins'"), looks, coupons):
        logo = "https://r.example/logo/a?b&c" if style.logo else ""
        frame = MailFrame("Tea & <Co>", "https://r.example/Q/7?a&b", "https://r.example/u/A'", style, logo, **coupon)
        text = Text('New <tea> & "more"', body, language, preheader)
        assert render_mail(text, frame) == render_mail_in_full(text, frame)


def test_pages_of_two_buyers_share_nothing_of_their_own() -> None:
    one = MailFrame("Tea", "https://r.example/Q/1", "https://r.example/u/1", code="AAAA")
    other = MailFrame("Tea", "https://r.example/Q/2", "https://r.example/u/2", code="BBBB")
    render_mail(Text("To Ada", "Dear Ada", "en"), one)
    for part in render_mail(Text("To Bo", "Dear Bo", "en"), other):
        assert not any(own in part for own in ("Ada", "/Q/1", "/u/1", "AAAA"))


PLAIN_TEMPLATES = (
    "Dear {{ buyer.name }},\n\nsee {{link}}.",
    "{{- buyer['name'] -}}  here  {{- coupon.code }} {{ link }}",
    "{{ buyer.name }}{{ buyer.name }}",
    "no names { } {{ '{{' }} at all",
    "{{ count }} {{ nothing }} {{ list }} {{ list[0] }} {{ buyer.name.size }}",
    "{% comment %}{{ gone }}{% endcomment %}{{ buyer.name | upcase }} {{ list.size }}",
)
NOT_PLAIN = "{% if link %}{% endif %}"


@pytest.mark.parametrize("template", PLAIN_TEMPLATES)
def test_plain_template_has_the_letters_the_library_gives_it(template: str) -> None:
    values = {"buyer": {"name": "林 <{{ link }}>"}, "coupon": {"code": "7K3M"}, "link": "https://r.example/Q/7"}
    values |= {"count": 3, "nothing": None, "list": ["a", "b"]}
    assert fill(template, values) == fill(template + NOT_PLAIN, values)


@pytest.mark.parametrize("template", ["{{ buyer.age }}", "{{ nobody }}", "{{ nobody.name }}", "{{ link.name }}"])
def test_plain_template_that_asks_for_what_is_not_there_is_refused_in_the_librarys_words(template: str) -> None:
    values = {"buyer": {"name": "Ada"}, "link": "https://r.example/Q/7"}
    with pytest.raises(LiquidError) as in_full:
        fill(template + NOT_PLAIN, values)
    with pytest.raises(LiquidError) as plain:
        fill(template, values)
    assert plain.value.message == in_full.value.message
