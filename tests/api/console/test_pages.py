"""Every page of the console: who may open it, in which language, and that none breaks the strict content policy."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import func, select

from api import pages
from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery
from retention.database import open_engine, reading
from retention.keys import ApiKey
from tests.api.console import sample
from tests.api.console.doors import HOME, SignIn, doors_of, fill, send

SEGMENTS = ["/segments", "/segments/new", "/segments/new?preset=bought-but-not", "/segments/saved/vip",
            "/segments/saved/vip/edit", "/segments/rfm", "/segments/overlap", "/segments/lists"]  # fmt: skip
EVERY_PAGE = {
    "owner": ["", "/buyers", "/buyers/B0003", *SEGMENTS, "/imports", "/campaigns", "/campaigns/new",
              "/campaigns/new/coupon-push", "/campaigns/new/arrival-alert", "/campaigns/new/parcel-flyer",
              "/calendar", "/arrivals", "/tasks", "/tasks/limits", "/policies", "/senders",
              "/senders/new/smtp", "/hooks", "/offers", "/offers/new", "/print-room", "/packing", "/joint", "/results",
              "/people"],
}  # fmt: skip
FOR_OWNERS = {"/people", "/hooks", "/senders/new/smtp"}
EVERY_PAGE["marketer"] = [path for path in EVERY_PAGE["owner"] if path not in FOR_OWNERS]
EVERY_PAGE["viewer"] = ["", "/buyers", "/buyers/B0003", *SEGMENTS, "/campaigns", "/calendar",
                        "/arrivals", "/policies", "/senders", "/offers", "/print-room", "/results"]  # fmt: skip
EVERY_PAGE["warehouse"] = ["", "/print-room", "/packing"]


def heading(text: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("role", list(EVERY_PAGE))
def test_each_role_opens_its_own_pages_and_no_other(sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    answers = {path: client.get(HOME + path).status_code for path in EVERY_PAGE["owner"]}
    assert answers == {path: 200 if path in EVERY_PAGE[role] else 403 for path in EVERY_PAGE["owner"]}


@pytest.mark.parametrize("role", list(EVERY_PAGE))
def test_navigation_leads_nowhere_a_role_may_not_go(sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    navigation = re.search(r"<nav.*?</nav>", client.get(HOME).text, re.DOTALL)
    assert navigation
    links = re.findall(rf'href="({HOME}[^"?]*)"', navigation[0])
    assert links
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


@pytest.mark.postgres
def test_every_page_opens_on_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    opened = open_engine(postgresql_url)
    fill(opened)
    client = doors_of(opened, tmp_path)("owner")
    answers = {path: client.get(HOME + path).status_code for path in EVERY_PAGE["owner"]}
    opened.dispose()
    assert answers == dict.fromkeys(EVERY_PAGE["owner"], 200)


def test_another_shop_answers_like_one_that_does_not_exist(sign_in: SignIn) -> None:
    client = sign_in("owner", shop="teahouse")
    for path in EVERY_PAGE["owner"]:
        theirs, nobodys = client.get(HOME + path), client.get(f"/shops/nowhere{path}")
        assert (theirs.status_code, theirs.text) == (404, nobodys.text.replace("nowhere", "camellia"))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_page_carries_script_or_style_of_its_own(sign_in: SignIn, language: str) -> None:
    client = sign_in("owner", language=language)
    for path in EVERY_PAGE["owner"]:
        text = client.get(HOME + path).text
        scripts = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", text)
        inline = re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
        assert (path, scripts, inline) == (path, [], [])
        assert f'<html lang="{language}"' in text


def test_viewer_sees_masked_buyers_and_cannot_find_them_by_what_is_masked(sign_in: SignIn) -> None:
    client = sign_in("viewer")
    page = client.get(f"{HOME}/buyers/B0003").text
    assert "王芳" not in page
    assert "王*" in page
    assert "b***@mail.example" in page
    assert "buyer3@mail.example" in sign_in("marketer").get(f"{HOME}/buyers/B0003").text
    assert "No buyer matches" in client.get(f"{HOME}/buyers?q=buyer3@mail").text
    assert "B0003" in client.get(f"{HOME}/buyers?q=B0003").text


def test_list_of_buyers_is_walked_page_by_page_and_misses_nobody(sign_in: SignIn) -> None:
    client, address, seen = sign_in("owner"), f"{HOME}/buyers", []
    while address and len(seen) <= sample.BUYERS:
        text = client.get(address).text
        seen += re.findall(r'<div class="tiny">(B\d{4})</div>', text)
        following = re.search(r'class="btn" href="([^"]*before=\d+)"', text)
        address = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"B{number:04}" for number in reversed(range(sample.BUYERS))]


def test_titles_answer_in_both_languages(sign_in: SignIn) -> None:
    english, chinese = sign_in("owner"), sign_in("owner", language="zh-CN")
    titles = {path: (heading(english.get(HOME + path).text), heading(chinese.get(HOME + path).text)) for path in
              ("", "/buyers", "/segments", "/results")}  # fmt: skip
    rate = f"{100 * sample.repeat_buyers() / sample.BUYERS:.1f}"
    assert titles == {
        "": ("12 parcels ship today", "今天有 12 个包裹要出库"),
        "/buyers": ("240 buyers", "240 位顾客"),
        "/segments": ("13 segments of 240 buyers", "240 位顾客的 13 个人群"),
        "/results": (f"{rate}\N{NARROW NO-BREAK SPACE}% of the buyers came back", f"{rate}% 的顾客有复购"),
    }


def test_draft_that_is_refused_keeps_what_was_typed_and_makes_nothing(sign_in: SignIn, camellia: Engine) -> None:
    client = sign_in("marketer")
    text = send(
        client, "/campaigns/new/coupon-push", name="Autumn letter", slug="autumn", excluded="vip", offer="autumn-20"
    )
    assert "Choose at least one segment as the audience." in text
    assert 'value="Autumn letter"' in text
    assert 'name="excluded" value="vip" checked' in text
    with reading(camellia) as session:
        assert session.exec(select(func.count()).select_from(Campaign)).one() == 0


def test_launch_of_a_plan_that_is_not_the_present_one_changes_nothing(sign_in: SignIn, camellia: Engine) -> None:
    client = sign_in("marketer")
    draft = {"slug": "autumn", "segment": "repeat-customers", "offer": "autumn-20", "to": "check"}
    assert "Review the plan, then launch" in send(client, "/campaigns/new/coupon-push", name="Autumn", **draft)
    text = send(client, "/campaigns/autumn/launch", fingerprint="0" * 64, funnel='[["segment", 5]]')
    assert "The plan has changed since you reviewed it" in text
    assert f"In the segment: 5 → {sample.repeat_buyers()}" in text
    with reading(camellia) as session:
        assert session.exec(select(Campaign.state)).one() == CampaignState.DRAFT
        assert session.exec(select(func.count()).select_from(Delivery)).one() == 0


def test_key_is_shown_once_and_ends_when_it_is_revoked(sign_in: SignIn, camellia: Engine) -> None:
    client = sign_in("owner")
    text = send(client, "/people/keys", name="warehouse system", scopes="inserts:read")
    assert re.search(r"rk_[\w-]{40,}", text)
    assert "rk_" not in client.get(f"{HOME}/people").text
    with reading(camellia) as session:
        key = session.exec(select(ApiKey)).one()
    send(client, f"/people/keys/{key.id}/revoke")
    with reading(camellia) as session:
        assert session.exec(select(ApiKey.revoked_at)).one() == sample.NOW


def test_offer_with_terms_that_promise_nothing_is_refused_in_words(sign_in: SignIn) -> None:
    client = sign_in("marketer")
    text = send(client, "/offers/new", slug="free", name="Free", kind="amount", value="0", days_from_claim="14")
    assert "An amount off must be more than 0" in text
    text = send(client, "/offers/new", slug="ten", name="Ten", kind="percent", value="10", ends_on="2026-12-31")
    assert "10% off" in text
    assert "31 Dec 2026" in text or "1 Jan 2027" in text


def test_warehouse_finds_no_buyer_behind_any_of_its_pages(sign_in: SignIn) -> None:
    client = sign_in("warehouse")
    assert "buyer" not in client.get(HOME).text.lower().replace("buyers:read", "")


def test_every_icon_a_page_asks_for_is_one_the_build_finds() -> None:
    templates = Path(pages.__file__).parent / "console" / "templates"
    unseen = [
        (path.name, call)
        for path in templates.glob("*.html")
        for call in re.findall(r"\bicon\(([^)]*)\)", path.read_text())
        if not call.startswith(('"', "'")) and call not in {'name, label=""', "link.icon", "card.icon", "mark", "name"}
    ]
    assert unseen == []
