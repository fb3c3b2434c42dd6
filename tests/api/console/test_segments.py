"""One segment and the list of them on both databases: who may do what, who came and left, manual members, exports."""

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.draft import Draft
from campaigns.runs.drafting import create_campaign
from retention.audit import AuditEntry
from retention.database import reading, transaction
from retention.followers_and_groups import Follow
from retention.shops import Shop, find_shop
from retention.versions import Family, raise_version
from segments.snapshots import refresh_segments
from tests.api.console import sample
from tests.api.console.doors import SignIn
from tests.api.console.rule_forms import HOME, form_of, saved


@pytest.fixture
def camellia(camellia_on_both: Engine) -> Engine:
    return camellia_on_both


def test_only_writers_write_and_only_inside_their_shop(sign_in: SignIn, camellia: Engine) -> None:
    before = saved(camellia)
    fields = {**form_of({"follows": {}}), "name": "X", "short_name": "x"}
    paths = ("save", "presets", "split", "lists", "saved/vip/refresh", "saved/vip/pin", "saved/vip/delete")
    viewer, stranger = sign_in("viewer"), sign_in("owner", shop="teahouse")
    assert [viewer.post(f"{HOME}/{path}", data=fields).status_code for path in paths] == [403] * len(paths)
    assert [stranger.post(f"{HOME}/{path}", data=fields).status_code for path in paths] == [404] * len(paths)
    assert stranger.get(f"{HOME}/saved/vip").status_code == 404
    assert sign_in("warehouse").get(HOME).status_code == 403
    assert stranger.get("/shops/teahouse/segments/saved/vip").status_code == 404
    assert saved(camellia) == before


def test_page_tells_who_came_and_left_and_what_uses_the_segment(sign_in: SignIn, camellia: Engine) -> None:
    with transaction(camellia) as session:
        shop = find_shop(session, "camellia")
        refresh_segments(session, shop, now=sample.NOW - timedelta(days=1))
        first = session.exec(select(Follow).order_by(Follow.id).limit(1)).one()
        first.ended_at = sample.NOW
        session.flush()
        raise_version(session, shop.id, Family.FOLLOWERS_AND_GROUPS)
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
    assert "followers" in saved(camellia)
    assert "never-scanned" not in saved(camellia)


def test_pins_hold_and_unknown_buyers_are_named(sign_in: SignIn, camellia: Engine) -> None:
    client = sign_in("marketer")
    assert "240 buyers" not in client.get(f"{HOME}/saved/group-members").text
    page = client.post(f"{HOME}/saved/group-members/pin", data={"buyers": "B0001\nB0002", "where": "in"}).text
    assert "50 buyers" in page
    page = client.post(f"{HOME}/saved/group-members/pin", data={"buyers": "B0000\nB0001", "where": "out"}).text
    assert "48 buyers" in page
    refused = client.post(f"{HOME}/saved/group-members/pin", data={"buyers": "B0005\nnobody", "where": "out"})
    assert (refused.status_code, "No buyer is called nobody" in refused.text) == (422, True)
    assert "48 buyers" in client.get(f"{HOME}/saved/group-members").text


def test_export_is_masked_by_role_and_written_down(sign_in: SignIn, camellia: Engine) -> None:
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
    with reading(camellia) as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.action == "segment.export").order_by(AuditEntry.id))
        written = [(each.actor, each.subject, each.after, each.at) for each in entries]
    assert [each[1:3] for each in written] == [
        ("segment:group-members", {"buyers": 48, "masked": masked, "as_of": None}) for masked in (False, True)
    ]
    assert written[0][0] != written[1][0]
    assert {each[3] for each in written} == {sample.NOW}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_page_of_segments_carries_script_or_style_of_its_own(sign_in: SignIn, language: str) -> None:
    client = sign_in("owner", language=language)
    for path in ("", "/new?preset=vip", "/saved/vip", "/saved/vip/edit", "/rfm", "/rfm/movement", "/overlap", "/lists"):
        answer = client.get(HOME + path)
        scripts = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", answer.text)
        inline = re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
        assert (path, answer.status_code, scripts, inline) == (path, 200, [], [])


def _campaign_on(session: Session, shop: Shop, slug: str) -> None:
    create_campaign(
        session,
        shop,
        Draft("reach", name="Reach followers", recipe=Recipe.COUPON_PUSH, offer_id=1, audience={"segment": slug}),
        actor="user:1",
        at=sample.NOW,
    )
