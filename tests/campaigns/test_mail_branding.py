"""The page of a mail: HTML and plain text, the branding of the shop, its width."""

from collections.abc import Callable
from typing import Any

import pytest

from campaigns.texts.branding import BrandStyle, contrast, set_branding
from campaigns.texts.content import show_to
from campaigns.texts.mail_page import MailFrame, render_mail
from campaigns.texts.messages import Text
from retention.buyers import Buyer
from retention.errors import Invalid
from retention.files import FileStore
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.texts import IDENTITY, campaign, english

FRAME = MailFrame(shop="Tea & Co", link="https://r.teahouse.cn/Q/7K3M", unsubscribe="https://r.teahouse.cn/u/AA")
TEXT = Text("New <tea>", "Dear Ada,\n\nthe oolong is here.\nBrew it hot.", "en", "Only 300 tins")


def test_both_twins_carry_the_same_links_and_words() -> None:
    html, plain = render_mail(TEXT, FRAME)
    for words in ("https://r.teahouse.cn/Q/7K3M", "https://r.teahouse.cn/u/AA", "the oolong is here.", "Unsubscribe"):
        assert words in html
        assert words in plain
    assert "Tea &amp; Co" in html
    assert "New &lt;tea&gt;" in html
    assert "<script" not in html
    assert "Only 300 tins" in html.split("</div>")[0]


def test_a_shops_logo_and_colour_are_on_its_mail(stage: Stage, tmp_path: Any) -> None:
    files = FileStore(tmp_path)
    style = set_branding(
        stage.session, stage.shop, files, logo=b"\x89PNG\r\n\x1a\n", accent="#0B6E4F", at=NOON, actor="user:1"
    )
    stage.buyer("may")
    shown = show_to(
        stage.session, stage.shop, campaign(stage, english("Hi")), stage.session.get_one(Buyer, 1), identity=IDENTITY
    )
    assert f'src="https://r.teahouse.cn/logo/{style.logo}"' in shown.html
    assert "background:#0b6e4f" in shown.html
    for wrong in (
        {"accent": "green"},
        {"accent": "#12345"},
        {"logo": b"<svg>"},
        {"logo": b"\x89PNG\r\n\x1a\n" + b"x" * 500_000},
    ):
        with pytest.raises(Invalid):
            set_branding(stage.session, stage.shop, files, at=NOON, actor="user:1", **wrong)
    assert set_branding(stage.session, stage.shop, files, logo=b"", at=NOON, actor="user:1") == BrandStyle(
        "", "#0b6e4f"
    )


@pytest.mark.parametrize("accent", ["#000000", "#ffffff", "#b8440e", "#ffd54a", "#0b6e4f", "#808080", "#ff0000"])
def test_any_colour_can_be_read_on_light_and_dark_and_under_its_button(accent: str) -> None:
    style = BrandStyle("", accent)
    assert contrast(style.on_light, "#ffffff") >= 4.5
    assert contrast(style.on_dark, "#2f2a24") >= 4.5
    assert contrast(style.on_accent, accent) >= 4.5


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 800])
def test_a_mail_fits_a_phone_and_stays_within_600_pixels(browse: Callable[..., Any], tmp_path: Any, width: int) -> None:
    long = Text("x", "y" * 300 + "\n\n" + "长" * 300, "zh-CN")
    html, _ = render_mail(long, FRAME)
    (tmp_path / "mail.html").write_text(html, "utf-8")
    page = browse(f"file://{tmp_path / 'mail.html'}", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator(".card").bounding_box()["width"] == min(600, width - 16)
