"""Pages of segments on both databases: who may do what, what is refused and keeps its form, masks, sets, RFM."""

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, select

from api.app import create_app
from api.console.rule_fields import Field, Known
from api.console.rule_kinds import KINDS
from api.console.rule_tree import FRESH, change, draw, open_rule, read_form, rule_of, tidy
from campaigns.campaigns import Recipe
from campaigns.drafting import create_campaign
from retention.audit import AuditEntry
from retention.database import open_engine, reading, transaction
from retention.queue import app as queue
from retention.relations import Follow
from retention.settings import Settings
from retention.shops import Shop, find_shop
from retention.versions import Family, raise_version
from segments.nodes import to_json
from segments.presets import PRESETS, save_presets
from segments.rules import parse
from segments.segments import Segment, find_segment
from segments.snapshots import refresh_segments
from tests.api.console import sample

HOME = "/shops/camellia/segments"
KNOWN = Known(
    segments=(("", "choose one"), ("vip", "VIP")),
    lists=(("", "choose one"), ("staff", "Staff")),
    groups=(("tea-friends", "Tea friends"),),
    campaigns=(("spring", "Spring"),),
    currency="CNY",
    today="2026-11-21",
)
SignIn = Callable[..., TestClient]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    sample.fill(opened)
    with transaction(opened) as session:
        save_presets(session, find_shop(session, "camellia"), at=sample.NOW)
    yield opened
    opened.dispose()


@pytest.fixture
def sign_in(engine: Engine, tmp_path: Path) -> SignIn:
    """Open the console as somebody: `sign_in("viewer")`."""
    app = create_app(
        Settings(home=tmp_path, public_url="http://testserver", secret="test"), engine=engine, now=lambda: sample.NOW
    )
    queue.conf.update(broker_url="memory://")

    def enter(who: str, *, shop: str = "camellia", language: str = "en") -> TestClient:
        client = TestClient(app, headers={"Accept-Language": language, "Sec-Fetch-Site": "same-origin"})
        login = {"email": f"{who}@{shop}.example", "password": sample.PASSWORD}
        assert client.post(f"/login?lang={language}", data=login, follow_redirects=False).status_code == 303
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get(f"/shops/{shop}").text)
        assert token
        client.headers["X-CSRF-Token"] = token[1]
        return client

    return enter


def form_of(rule: Any) -> dict[str, list[str]]:
    """The fields of the builder as a browser would send them for a rule."""
    sent: dict[str, list[str]] = {}
    for box in draw(open_rule(rule, KNOWN), KNOWN).walk():
        if box.draft.is_group:
            sent[f"{box.id}.join"] = [box.join]
            continue
        sent[f"{box.id}.kind"] = [box.draft.kind]
        sent |= {f"{box.id}.not": ["yes"]} if box.draft.negated else {}
        fields = [part for part in box.parts if isinstance(part, Field)]
        sent |= {f"{box.id}.{each.name}": list(each.values) for each in fields}
    return sent


def saved(engine: Engine) -> dict[str, Any]:
    with reading(engine) as session:
        return dict(session.exec(select(Segment.slug, Segment.rule)).all())


RULES: list[Any] = [
    *(dict(preset.rule) for preset in PRESETS.values()),
    {
        "orders": {
            "measure": "spend",
            "between": ["100.00", "500.50"],
            "window": {"from": "2026-01-01", "to": "2026-07-01"},
        }
    },
    {"orders": {"measure": "last", "after": "2026-01-01", "of": {"sku": ["A", "B"], "coupon_used": False}}},
    {"orders": {"measure": "largest", "less_than": "20", "of": {"price_at_least": "9.9", "region": "广东"}}},
    {"orders": {"measure": "median_gap", "at_most": "12.5", "window": {"from": "2026-01-01"}}},
    {"buyer": {"field": "name", "contains": ["Noah", "“Ada” 😀"]}},
    {"buyer": {"field": "email", "exists": False}},
    {"buyer": {"field": "birthday", "month": 4}},
    {"buyer": {"field": "created_at", "before": "2026-05-01"}},
    {"buyer": {"field": "region", "is_not": ["广东"]}},
    {"follows": {"window": {"last_days": 30}}},
    {"group": {"slug": "tea-friends", "window": {"last_days": 7}}},
    {"consent": {"channel": "sms", "is": "never"}},
    {"touch": {"event": "sent", "at_least": 3, "campaign": ["spring", "autumn"], "window": {"last_days": 90}}},
    {"rfm": {"recency": {"at_least": 4}, "frequency": {"is": 2}, "monetary": {"between": [2, 4]}, "scale": "steps"}},
    {"rfm": {"group": ["champions", "at-risk"]}},
    {"prediction": {"measure": "alive", "less_than": 0.5}},
    {"prediction": {"measure": "orders", "between": ["0.2", "1.5"], "days": 365}},
    {"prediction": {"measure": "days_to_next", "at_most": 14}},
    {
        "any": [
            {"segment": "vip"},
            {"not": {"list": "staff"}},
            {"bucket": {"of": 1000, "from": 5, "to": 9, "seed": "x"}},
        ]
    },
    {"not": {"all": [{"follows": {}}, {"any": []}, {"not": {"any": [{"group": {}}]}}]}},
    {"orders": {"measure": "count", "at_least": 2, "less_than": 9}},
    {"orders": {"of": {"sku": [f"SKU {number}" for number in range(500)]}}},
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: json.dumps(rule, ensure_ascii=False)[:60])
def test_rule_opened_and_sent_back_is_the_same_rule(rule: Any) -> None:
    again = tidy(rule_of(read_form(form_of(rule), KNOWN)))
    assert to_json(parse(again)) == to_json(parse(rule))


def test_every_kind_of_condition_can_be_added_and_has_fields() -> None:
    assert {next(iter(rule)) for _name, rule in FRESH.values()} == KINDS.keys()
    draft = open_rule({"all": []}, KNOWN)
    for kind in FRESH:
        change(draft, f"add:r:{kind}", KNOWN)
    assert [box.draft.kind for box in draw(draft, KNOWN).boxes] == [next(iter(rule)) for _name, rule in FRESH.values()]


def test_wrong_rules_are_kept_as_they_are_written() -> None:
    for rule in (5, "{", {"colour": "red"}, {"orders": 5}, {"all": 5}, {"orders": {"window": "soon"}}, {"rfm": {}}, {}):
        assert tidy(rule_of(read_form(form_of(rule), KNOWN))) == rule


def test_counts_come_per_condition_and_in_both_languages(sign_in: SignIn) -> None:
    rule = {"all": [{"orders": {"at_least": 2}}, {"not": {"follows": {}}}]}
    both = sum(len(sample.order_times(number)) >= 2 for number in range(0, sample.BUYERS, 2))
    for language, words in (("en", "Buyers who placed at least 2 orders"), ("zh-CN", "单")):
        text = sign_in("viewer", language=language).post(f"{HOME}/preview", data=form_of(rule)).text
        assert re.findall(r'id="c-(r-\d)"[^>]*>(\d*)</b>', text) == [
            ("r-0", str(sample.repeat_buyers())),
            ("r-1", "120"),
        ]
        assert f'<div class="matches"><b>{both}</b>' in text
        assert words in text
        assert "style=" not in text


def test_as_of_counts_what_was_known_and_refuses_the_future(sign_in: SignIn) -> None:
    client = sign_in("marketer")
    rule = {"orders": {"at_least": 1}}
    day = sample.NOW - timedelta(days=100)
    then = sum(
        sample.order_times(number)[0] < day.replace(hour=16, minute=0) - timedelta(days=1) for number in range(240)
    )
    text = client.post(f"{HOME}/preview", data={**form_of(rule), "as_of": f"{day:%Y-%m-%d}"}).text
    assert f'<div class="matches"><b>{then}</b>' in text
    assert "Nobody knows yet" in client.post(f"{HOME}/preview", data={**form_of(rule), "as_of": "2027-01-01"}).text
    assert "give a day such as" in client.post(f"{HOME}/preview", data={**form_of(rule), "as_of": "soon"}).text


def test_sample_is_masked_for_a_viewer(sign_in: SignIn) -> None:
    fields = form_of({"buyer": {"field": "name", "is": ["陈佳宁"]}})
    assert "陈佳宁</a>" in sign_in("marketer").post(f"{HOME}/preview", data=fields).text
    viewer = sign_in("viewer").post(f"{HOME}/preview", data=fields).text
    assert "陈**</a>" in viewer
    assert "陈佳宁</a>" not in viewer


def test_rule_is_saved_refreshed_and_changed_in_place(sign_in: SignIn, engine: Engine) -> None:
    client = sign_in("marketer")
    rule = {"buyer": {"field": "region", "is": ["广东"]}}
    page = client.post(f"{HOME}/save", data={**form_of(rule), "name": "广东", "short_name": "guangdong"})
    assert page.url.path == f"{HOME}/saved/guangdong"
    assert "广东: 80 buyers" in page.text
    assert "80 came in" in page.text
    assert saved(engine)["guangdong"] == rule
    other = {"buyer": {"field": "region", "is": ["上海"]}}
    client.post(f"{HOME}/save", data={**form_of(other), "name": "上海", "editing": "guangdong"})
    with reading(engine) as session:
        segment = find_segment(session, find_shop(session, "camellia").id, "guangdong")
        assert (segment.name, segment.rule) == ("上海", other)


def test_refused_save_keeps_the_form_and_saves_nothing(sign_in: SignIn, engine: Engine) -> None:
    client, before = sign_in("marketer"), saved(engine)
    wrong = form_of({"orders": {"at_least": "plenty"}})
    refusals: list[tuple[dict[str, Any], str]] = [
        ({**wrong, "name": "Kept name", "short_name": "kept"}, "orders.at_least: give a whole number"),
        ({**form_of({"follows": {}}), "name": "Kept name", "short_name": "vip"}, "There is a segment vip already"),
        ({**form_of({"follows": {}}), "name": "Kept name", "short_name": "Not So"}, "cannot stand in an address"),
        ({**form_of({"segment": "vip"}), "name": "Kept name", "editing": "vip"}, "cannot contain itself"),
        ({**form_of({"group": {"slug": "gone"}}), "name": "", "short_name": "kept"}, "Give the segment a name"),
    ]
    for fields, why in refusals:
        answer = client.post(f"{HOME}/save", data=fields)
        assert answer.status_code in {409, 422}
        assert why in answer.text
        assert not fields["name"] or 'value="Kept name"' in answer.text
    assert 'value="plenty"' in client.post(f"{HOME}/save", data=refusals[0][0]).text
    assert saved(engine) == before


def test_only_writers_write_and_only_inside_their_shop(sign_in: SignIn, engine: Engine) -> None:
    before = saved(engine)
    fields = {**form_of({"follows": {}}), "name": "X", "short_name": "x"}
    paths = ("save", "presets", "split", "lists", "saved/vip/refresh", "saved/vip/pin", "saved/vip/delete")
    viewer, stranger = sign_in("viewer"), sign_in("owner", shop="teahouse")
    assert [viewer.post(f"{HOME}/{path}", data=fields).status_code for path in paths] == [403] * len(paths)
    assert [stranger.post(f"{HOME}/{path}", data=fields).status_code for path in paths] == [404] * len(paths)
    assert stranger.get(f"{HOME}/saved/vip").status_code == 404
    assert sign_in("warehouse").get(HOME).status_code == 403
    assert stranger.get("/shops/teahouse/segments/saved/vip").status_code == 404
    assert saved(engine) == before


def test_page_tells_who_came_and_left_and_what_uses_the_segment(sign_in: SignIn, engine: Engine) -> None:
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        refresh_segments(session, shop, now=sample.NOW - timedelta(days=1))
        first = session.exec(select(Follow).order_by(Follow.id).limit(1)).one()
        first.ended_at = sample.NOW
        session.flush()
        raise_version(session, shop.id, Family.RELATIONS)
        _campaign_on(session, shop, "followers")
        refresh_segments(session, shop, now=sample.NOW)
    page = sign_in("marketer").get(f"{HOME}/saved/followers").text
    assert "119 buyers" in page
    assert "One left" in page
    assert "Reach followers" in page
    assert re.search(r'"values": \[120, 119\]', page)
    refused = sign_in("owner").post(f"{HOME}/saved/followers/delete")
    assert (refused.status_code, "is used by Reach followers" in refused.text) == (409, True)
    assert sign_in("owner").post(f"{HOME}/saved/never-scanned/delete").status_code == 200
    assert "followers" in saved(engine)
    assert "never-scanned" not in saved(engine)


def test_pins_hold_and_unknown_buyers_are_named(sign_in: SignIn, engine: Engine) -> None:
    client = sign_in("marketer")
    assert "240 buyers" not in client.get(f"{HOME}/saved/group-members").text
    page = client.post(f"{HOME}/saved/group-members/pin", data={"buyers": "B0001\nB0002", "where": "in"}).text
    assert "50 buyers" in page
    page = client.post(f"{HOME}/saved/group-members/pin", data={"buyers": "B0000\nB0001", "where": "out"}).text
    assert "48 buyers" in page
    refused = client.post(f"{HOME}/saved/group-members/pin", data={"buyers": "B0005\nnobody", "where": "out"})
    assert (refused.status_code, "No buyer is called nobody" in refused.text) == (422, True)
    assert "48 buyers" in client.get(f"{HOME}/saved/group-members").text


def test_export_is_masked_by_role_and_written_down(sign_in: SignIn, engine: Engine) -> None:
    def rows(who: str) -> list[dict[str, str]]:
        answer = sign_in(who).get(f"{HOME}/saved/group-members/buyers.csv")
        assert "camellia-group-members.csv" in answer.headers["content-disposition"]
        return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))

    full, masked = rows("marketer"), rows("viewer")
    assert [len(full), len(masked)] == [48, 48]
    assert [row["buyer_id"] for row in full] == [row["buyer_id"] for row in masked]
    assert "Noah Schmidt" in {row["name"] for row in full}
    assert {row["name"] for row in full} & {row["name"] for row in masked} == set()
    assert {row["phone"] for row in full} & {row["phone"] for row in masked} == set()
    assert sign_in("viewer").get(f"{HOME}/saved/nowhere/buyers.csv").status_code == 404
    with reading(engine) as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.action == "segment.export").order_by(AuditEntry.id))
        written = [(each.actor, each.subject, each.after, each.at) for each in entries]
    assert [each[1:3] for each in written] == [
        ("segment:group-members", {"buyers": 48, "masked": masked, "as_of": None}) for masked in (False, True)
    ]
    assert written[0][0] != written[1][0]
    assert {each[3] for each in written} == {sample.NOW}


@pytest.mark.parametrize(
    ("preset", "given", "rule"),
    [
        ("category-fans", {"category": "茶"}, {"orders": {"at_least": 2, "of": {"category": "茶"}}}),
        (
            "bought-but-not",
            {"bought": "TEA-1", "missing": "TEA-2"},
            {
                "all": [
                    {"orders": {"at_least": 1, "of": {"sku": "TEA-1"}}},
                    {"not": {"orders": {"at_least": 1, "of": {"sku": "TEA-2"}}}},
                ]
            },
        ),
    ],
)
def test_preset_that_asks_for_something_opens_with_it(sign_in: SignIn, preset: str, given: Any, rule: Any) -> None:
    client = sign_in("marketer")
    asking = client.get(f"{HOME}/new", params={"preset": preset})
    assert asking.status_code == 200
    assert re.findall(r'<input[^>]* name="(\w+)"[^>]* required', asking.text) == list(given)
    assert 'name="r-0.kind"' not in asking.text
    page = client.get(f"{HOME}/new", params={"preset": preset, **given}).text
    kept = re.search(r'<textarea[^>]* id="f-json"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert kept
    assert to_json(parse(json.loads(html.unescape(kept[1])))) == to_json(parse(rule))
    assert all(value in page for value in given.values())
    assert client.get(f"{HOME}/new?preset=nothing").status_code == 404


def test_fifty_thousand_products_and_a_name_of_quotes_and_emoji_are_kept(sign_in: SignIn, engine: Engine) -> None:
    skus = [f"SKU-{number}" for number in range(50_000)]
    name, odd = "“Ada” & 'Bob' <b>🍵</b>", "O'Neil\"; DROP TABLE buyers; -- 🍵"
    rule = {"any": [{"orders": {"of": {"sku": [*skus, odd]}}}, {"buyer": {"field": "name", "is": odd}}]}
    client = sign_in("marketer")
    fields = {**form_of(rule), "name": name, "short_name": "odd"}
    assert client.post(f"{HOME}/preview", data=fields).status_code == 200
    assert "&lt;b&gt;🍵&lt;/b&gt;" in client.post(f"{HOME}/save", data=fields).text
    assert to_json(parse(saved(engine)["odd"])) == to_json(parse(rule))
    assert client.get(f"{HOME}/saved/odd/edit").status_code == 200
    assert client.post(f"{HOME}/draw", data={**fields, "do": "add:r:follows"}).status_code == 200


def test_overlap_counts_pairs_and_leads_to_the_builder(sign_in: SignIn) -> None:
    client = sign_in("viewer")
    page = client.get(f"{HOME}/overlap?of=followers&of=repeat-customers").text
    shared = sum(len(sample.order_times(number)) >= 2 for number in range(1, sample.BUYERS, 2))
    cells = re.findall(r"<td class=\"(?:own|shade-\d)\"><(?:span><b|a [^>]*)>(\d+)<", page)
    assert cells == ["120", str(shared), str(shared), str(sample.repeat_buyers())]
    for how, count in (
        ("any", 120 + sample.repeat_buyers() - shared),
        ("all", shared),
        ("minus", 120 - shared),
    ):
        page = client.get(f"{HOME}/combine?how={how}&of=followers&of=repeat-customers&first=followers").text
        assert f'<div class="matches"><b>{count}</b>' in page
    assert client.get(f"{HOME}/combine?how=some&of=followers").status_code == 422
    assert client.get(f"{HOME}/combine?how=any&of=nowhere").status_code == 404


def test_split_deals_everybody_once_and_refuses_shares_that_do_not_add_up(sign_in: SignIn, engine: Engine) -> None:
    client, before = sign_in("marketer"), saved(engine)
    refused = client.post(f"{HOME}/split", data={"segment": "followers", "shares": "50 40"})
    assert (refused.status_code, "add up to 100" in refused.text) == (422, True)
    assert client.post(f"{HOME}/split", data={"segment": "followers", "shares": "half"}).status_code == 422
    assert saved(engine) == before
    client.post(f"{HOME}/split", data={"segment": "followers", "shares": "70, 20，10 %"})
    parts = [f"followers-part-{number}" for number in (1, 2, 3)]
    assert set(saved(engine)) - set(before) == set(parts)
    page = client.get(f"{HOME}/combine?how=any&" + "&".join(f"of={part}" for part in parts)).text
    assert '<div class="matches"><b>120</b>' in page
    page = client.get(f"{HOME}/combine?how=all&" + "&".join(f"of={part}" for part in parts[:2])).text
    assert '<div class="matches"><b>0</b>' in page


def test_list_is_uploaded_and_says_which_ids_nobody_has(sign_in: SignIn, engine: Engine) -> None:
    client = sign_in("marketer")
    fields = {"name": "内部员工", "short_name": "staff"}
    page = client.post(
        f"{HOME}/lists", data=fields, files={"file": ("ids.txt", "\ufeffB0001\r\nB0002\r\n\r\nB9999\r\n")}
    ).text
    assert "2 buyers are on the list." in page
    assert "B9999" in page
    rule = {"not": {"list": "staff"}}
    assert '<div class="matches"><b>238</b>' in client.post(f"{HOME}/preview", data=form_of(rule)).text
    picture = client.post(f"{HOME}/lists", data=fields, files={"file": ("ids.txt", b"\x89PNG\r\n\x1a\n\xff")})
    assert (picture.status_code, 'value="内部员工"' in picture.text) == (422, True)
    assert '<div class="matches"><b>238</b>' in client.post(f"{HOME}/preview", data=form_of(rule)).text


@pytest.mark.parametrize("scale", ["quintiles", "steps"])
def test_rfm_squares_and_groups_hold_everybody_and_open_as_segments(sign_in: SignIn, scale: str) -> None:
    client = sign_in("viewer")
    page = client.get(f"{HOME}/rfm?scale={scale}").text
    squares = re.findall(r'<td class="shade-\d"><a href="([^"]+)"[^>]*>(\d+)<small>', page)
    assert sum(int(count) for _address, count in squares) == sample.BUYERS
    address, count = squares[0]
    assert f'<div class="matches"><b>{count}</b>' in client.get(address.replace("&amp;", "&")).text
    groups = re.findall(r'<td class="n">(\d+)</td><td class="n tiny">', page)
    assert (len(groups), sum(map(int, groups))) == (11, sample.BUYERS)
    moved = client.get(f"{HOME}/rfm/movement?scale={scale}").text
    sides = re.findall(r'<td class="n">(\d+)</td><td class="n">(\d+)</td><td class="n', moved)[:11]
    assert [sum(int(side[place]) for side in sides) for place in (0, 1)] == [sample.BUYERS, sample.BUYERS]


def test_prediction_that_cannot_be_made_says_why(sign_in: SignIn) -> None:
    fields = form_of({"prediction": {"measure": "alive", "less_than": 0.5}})
    client = sign_in("marketer")
    assert "Nothing is predicted yet" in client.post(f"{HOME}/preview", data=fields).text
    past = client.post(f"{HOME}/preview", data={**fields, "as_of": "2026-06-01"}).text
    assert re.search(r'id="e-r-0"[^>]*><span class="down">', past)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_page_of_segments_carries_script_or_style_of_its_own(sign_in: SignIn, language: str) -> None:
    client = sign_in("owner", language=language)
    for path in ("", "/new?preset=vip", "/saved/vip", "/saved/vip/edit", "/rfm", "/rfm/movement", "/overlap", "/lists"):
        answer = client.get(HOME + path)
        scripts = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", answer.text)
        inline = re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
        assert (path, answer.status_code, scripts, inline) == (path, 200, [], [])


def test_rule_of_two_hundred_conditions_is_drawn_counted_and_saved(sign_in: SignIn, engine: Engine) -> None:
    rule = {"any": [{"orders": {"at_least": 1, "of": {"sku": [f"TEA-{number}"]}}} for number in range(200)]}
    client = sign_in("marketer")
    fields = {**form_of(rule), "name": "Many", "short_name": "many"}
    assert len(fields) > 1000
    assert client.post(f"{HOME}/preview", data=fields).text.count('hx-swap-oob="true" aria-label') == 200
    client.post(f"{HOME}/save", data=fields)
    assert to_json(parse(saved(engine)["many"])) == to_json(parse(rule))


def _campaign_on(session: Session, shop: Shop, slug: str) -> None:
    create_campaign(
        session, shop, "reach", name="Reach followers", recipe=Recipe.COUPON_PUSH, offer_id=1,
        audience={"segment": slug}, actor="user:1", at=sample.NOW,
    )  # fmt: skip
