"""Buyers' pages: opening writes down a scan, only the button claims, and the way out needs one click."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Page
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.links import Link, Scan
from campaigns.optouts.topics import create_topic
from campaigns.optouts.unsubscribe_links import unsubscribe_token
from campaigns.texts.branding import set_branding
from retention.consent import Answer, Channel, Consent, Pause, buyers_answering
from retention.database import reading
from retention.files import FileStore
from retention.tokens import spaced
from tests.api.conftest import SECRET, launched
from tests.campaigns.conftest import NOON, Stage

Tea = Callable[[Callable[[Stage], Any]], Any]


def flyer_link(stage: Stage, **terms: Any) -> str:
    """Launch a parcel flyer to one buyer and return the token on the paper."""
    stage.buyer("may", parcel=True)
    offer = stage.offer(**({"days_from_claim": 14} | terms))
    product = stage.product(title="Autumn oolong", picture="", url="https://tea.example/autumn")
    launched(stage, stage.flyer(offer_id=offer.id, product_id=product.id))
    return stage.session.exec(select(Link.token)).one()


def rows(engine: Engine, table: type[Any]) -> list[Any]:
    with reading(engine) as session:
        return list(session.exec(select(table).order_by(table.id)))


def test_the_page_shows_the_offer_and_its_terms(tea: Tea, phone: TestClient, engine: Engine) -> None:
    token = tea(flyer_link)
    page = phone.get(f"/Q/{token}")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    for words in ("Tea &amp; Co", "¥20", "from ¥99", "Valid for 14 days from claiming", "Claim", "Autumn oolong"):
        assert words in page.text, words
    assert spaced(rows(engine, Coupon)[0].code) in page.text


@pytest.mark.parametrize("spelled", ["/Q/{}", "/q/{}"])
def test_a_token_in_any_case_is_one_scan(tea: Tea, phone: TestClient, engine: Engine, spelled: str) -> None:
    token = tea(flyer_link)
    assert phone.get(spelled.format(token.lower())).status_code == 200
    scans = rows(engine, Scan)
    assert [(scan.bot, scan.preview, scan.repeat) for scan in scans] == [(False, False, False)]


def test_opening_claims_nothing_whoever_opens(tea: Tea, phone: TestClient, engine: Engine) -> None:
    token = tea(flyer_link)
    phone.get(f"/Q/{token}")
    phone.head(f"/Q/{token}")
    phone.get(f"/Q/{token}", headers={"User-Agent": "Googlebot/2.1"})
    assert [(scan.bot, scan.preview) for scan in rows(engine, Scan)] == [(False, False), (False, True), (True, False)]
    assert [coupon.state for coupon in rows(engine, Coupon)] == [CouponState.ISSUED]


def test_the_button_claims_once_and_starts_the_clock(
    tea: Tea, phone: TestClient, engine: Engine, tea_app: FastAPI
) -> None:
    token = tea(flyer_link)
    answer = phone.post(f"/Q/{token}/claim")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/Q/{token}/coupon")
    coupon = rows(engine, Coupon)[0]
    assert (coupon.state, coupon.expires_at) == (CouponState.CLAIMED, NOON + timedelta(days=14, hours=12))
    shown = phone.get(answer.headers["location"]).text
    assert spaced(coupon.code) in shown
    assert "Use it by March 24, 2026" in shown
    tea_app.state.moment = NOON + timedelta(days=3)
    assert phone.post(f"/Q/{token}/claim").status_code == 303
    assert rows(engine, Coupon) == [coupon]
    assert rows(engine, Scan) == []


def test_an_offer_that_is_over_says_so_and_claims_nothing(
    tea: Tea, phone: TestClient, engine: Engine, tea_app: FastAPI
) -> None:
    token = tea(lambda stage: flyer_link(stage, ends_at=NOON + timedelta(days=2)))
    tea_app.state.moment = NOON + timedelta(days=2)
    assert "This offer has ended." in phone.get(f"/Q/{token}").text
    refused = phone.post(f"/Q/{token}/claim")
    assert refused.status_code == 409
    assert "The offer has ended: its last day was March 12, 2026, 12:00." in refused.text
    assert [coupon.state for coupon in rows(engine, Coupon)] == [CouponState.ISSUED]


def test_another_site_cannot_press_the_button(tea: Tea, phone: TestClient, engine: Engine) -> None:
    token = tea(flyer_link)
    assert phone.post(f"/Q/{token}/claim", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert [coupon.state for coupon in rows(engine, Coupon)] == [CouponState.ISSUED]


def test_an_unknown_token_is_a_friendly_page(phone: TestClient) -> None:
    for token in ("7K3M9PQR7K3M", "%00", "a%2Fb", "X" * 400, "包裹"):
        answer = phone.get(f"/Q/{token}")
        assert answer.status_code == 404
        assert "Not found" in answer.text
        assert phone.post(f"/Q/{token}/claim").status_code == 404


def test_a_link_without_an_offer_leads_on_to_its_destination(tea: Tea, phone: TestClient, engine: Engine) -> None:
    def product_link(stage: Stage) -> str:
        link = {"shop_id": stage.shop.id, "host_shop_id": stage.shop.id, "medium": "email", "created_at": NOON}
        stage.session.add(Link(token="PLAIN0TOKEN1", destination="https://tea.example/new", **link))
        stage.session.add(Link(token="PLAIN0TOKEN2", destination="javascript:alert(1)", **link))
        return "PLAIN0TOKEN1"

    answer = phone.get(f"/Q/{tea(product_link)}")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://tea.example/new")
    assert phone.get("/Q/PLAIN0TOKEN2").status_code == 200
    assert len(rows(engine, Scan)) == 2


def test_the_page_speaks_the_buyers_language_before_the_phones(tea: Tea, phone: TestClient) -> None:
    def chinese_buyer(stage: Stage) -> str:
        from retention.buyers import Buyer

        token = flyer_link(stage)
        stage.session.exec(select(Buyer)).one().language = "zh-CN"
        return token

    token = tea(chinese_buyer)
    assert '<html lang="zh-CN">' in phone.get(f"/Q/{token}").text
    assert '<html lang="en">' in phone.get(f"/Q/{token}?lang=en").text
    assert '<html lang="en">' in phone.get(f"/Q/{token}").text


def test_the_picture_is_that_of_the_links_product(tea: Tea, phone: TestClient, tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n rest"

    def with_picture(stage: Stage) -> str:
        from retention.products import Product

        token = flyer_link(stage)
        stage.session.exec(select(Product)).one().picture = FileStore(tmp_path / "files").put(png)
        return token

    token = tea(with_picture)
    answer = phone.get(f"/Q/{token}/picture")
    assert (answer.content, answer.headers["content-type"]) == (png, "image/png")
    assert f'src="/Q/{token}/picture"' in phone.get(f"/Q/{token}").text


def test_a_link_without_a_picture_shows_none(tea: Tea, phone: TestClient) -> None:
    token = tea(flyer_link)
    assert phone.get(f"/Q/{token}/picture").status_code == 404


def leaving_token(stage: Stage) -> str:
    buyer = stage.buyer("may")
    return unsubscribe_token(SECRET.encode(), shop_id=stage.shop.id, buyer_id=buyer, channel=Channel.EMAIL)


def test_leaving_is_asked_on_a_page_and_done_by_one_post(tea: Tea, phone: TestClient) -> None:
    token = tea(leaving_token)
    assert "Unsubscribe from email?" in phone.get(f"/u/{token}").text
    assert tea(mails_allowed) == {1}
    # What a mail program sends by itself for the button in its own bar (RFC 8058): no cookie, no origin of ours.
    answer = phone.post(
        f"/u/{token}", data={"List-Unsubscribe": "One-Click"}, headers={"Origin": "https://mail.example"}
    )
    assert (answer.status_code, "You have been unsubscribed" in answer.text) == (200, True)
    assert tea(mails_allowed) == set()


def mails_allowed(stage: Stage) -> set[int]:
    return set(stage.session.exec(buyers_answering(stage.shop.id, Channel.EMAIL, Answer.IN)))


def answers(engine: Engine) -> list[tuple[str, str, str, str]]:
    """Return what was said on these pages: (channel, topic, answer, the words on the button)."""
    said = [row for row in rows(engine, Consent) if row.source == "unsubscribe link"]
    return [(row.channel.value, row.topic, row.answer.value, row.wording) for row in said]


def test_the_page_keeps_what_was_read_when_the_button_was_pressed(tea: Tea, phone: TestClient, engine: Engine) -> None:
    token = tea(leaving_token)
    assert "Subscribe again" not in phone.get(f"/u/{token}").text
    phone.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
    phone.post(f"/u/{token}", data={"choice": "channel"})
    page = phone.get(f"/u/{token}").text
    assert "You are unsubscribed from email." in page
    question = "May Tea &amp; Co send you email again? You can unsubscribe at any time."
    assert question in page
    assert "Welcome back." in phone.post(f"/u/{token}", data={"choice": "in"}).text
    assert answers(engine) == [
        ("email", "", "out", "List-Unsubscribe=One-Click"),
        ("email", "", "out", "Unsubscribe"),
        ("email", "", "in", f"{question.replace('&amp;', '&')} Subscribe again"),
    ]
    assert tea(mails_allowed) == {1}


def test_topics_are_kept_or_left_one_by_one(tea: Tea, phone: TestClient, engine: Engine) -> None:
    def with_topics(stage: Stage) -> str:
        for slug, name in (("arrivals", "New tea"), ("offers", "Offers")):
            create_topic(stage.session, stage.shop, slug, names={"en": name}, at=NOON, actor="user:1")
        return leaving_token(stage)

    token = tea(with_topics)
    page = phone.post(f"/u/{token}", data={"choice": "topics", "keep": ["offers"]}).text
    assert 'value="offers" checked> Offers' in page
    assert 'value="arrivals"> New tea' in page
    assert answers(engine) == [(each.value, "arrivals", "out", "Save selected topics") for each in Channel]
    phone.post(f"/u/{token}", data={"choice": "topics", "keep": ["offers", "arrivals"]})
    assert answers(engine)[6:] == [(each.value, "arrivals", "in", "Save selected topics") for each in Channel]
    assert tea(mails_allowed) == {1}


def test_a_pause_says_until_when_and_can_be_ended(tea: Tea, phone: TestClient, engine: Engine) -> None:
    token = tea(leaving_token)
    assert "Paused until June 8, 2026." in phone.post(f"/u/{token}", data={"choice": "pause-90"}).text
    assert [row.until for row in rows(engine, Pause)] == [NOON + timedelta(days=90)]
    assert "The pause has ended." in phone.post(f"/u/{token}", data={"choice": "resume"}).text
    assert rows(engine, Pause) == []
    phone.post(f"/u/{token}", data={"choice": "pause-30"})
    phone.post(f"/u/{token}", data={"choice": "in"})
    assert rows(engine, Pause) == []


def test_a_choice_that_is_not_on_the_page_changes_nothing(tea: Tea, phone: TestClient, engine: Engine) -> None:
    token = tea(leaving_token)
    for choice in ("pause-3650", "everything", "x" * 30):
        assert phone.post(f"/u/{token}", data={"choice": choice}).status_code == 422
    assert (answers(engine), rows(engine, Pause)) == ([], [])


def test_the_logo_of_a_shop_is_public_and_no_other_file_is(tea: Tea, phone: TestClient, tmp_path: Path) -> None:
    files = FileStore(tmp_path / "files")
    png = b"\x89PNG\r\n\x1a\n rest"
    look = tea(lambda stage: set_branding(stage.session, stage.shop, files, logo=png, at=NOON, actor="user:1"))
    answer = phone.get(f"/logo/{look.logo}")
    assert (answer.content, answer.headers["content-type"]) == (png, "image/png")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for other in (files.put(b"a buyer's proof"), "0" * 64, "x"):
        assert phone.get(f"/logo/{other}").status_code == 404


def test_a_leaving_address_we_did_not_sign_is_unknown(phone: TestClient) -> None:
    assert phone.get("/u/AAAA").status_code == 404
    assert phone.post("/u/AAAA").status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_claiming_on_a_phone(
    tea: Tea, tea_app: FastAPI, served: Callable[[Any], str], browse: Callable[..., Page], locale: str
) -> None:
    token = tea(flyer_link)
    page = browse(f"{served(tea_app)}/Q/{token}", locale=locale, width=390, height=780)
    page.get_by_role("button").click()
    page.wait_for_url("**/coupon")
    assert page.locator(".code").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.browser
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_leaving_on_a_phone(
    tea: Tea, tea_app: FastAPI, served: Callable[[Any], str], browse: Callable[..., Page], engine: Engine, locale: str
) -> None:
    def with_topics(stage: Stage) -> str:
        for slug, names in (("arrivals", {"en": "New tea", "zh-CN": "新茶上市"}), ("care", {"en": "Brewing tips"})):
            create_topic(stage.session, stage.shop, slug, names=names, at=NOON, actor="user:1")
        return leaving_token(stage)

    page = browse(f"{served(tea_app)}/u/{tea(with_topics)}", locale=locale, width=390, height=900)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator('input[value="arrivals"]').uncheck()
    page.locator(".ticks button").click()
    assert not page.locator('input[value="arrivals"]').is_checked()
    assert page.locator('input[value="care"]').is_checked()
    page.locator('form:has(input[value="channel"]) button').click()
    page.locator('form:has(input[value="in"]) button').wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [(channel, topic) for channel, topic, _, _ in answers(engine)][-1] == ("email", "")
