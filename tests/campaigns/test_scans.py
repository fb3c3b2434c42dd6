"""Links opened by buyers, robots and previews."""

import pytest
from sqlmodel import select

from campaigns.offers.coupons import CouponState
from campaigns.offers.links import Link, Scan, TouchKind, link_address, paper_address
from campaigns.offers.scans import open_link
from campaigns.runs.launch import launch
from retention.errors import NotFound
from retention.touches import Touch, TouchEvent
from tests.campaigns.conftest import NOON, Stage, later
from tests.factories import make_shop

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0.49"


def _link(stage: Stage, *, parcel: bool = False) -> Link:
    stage.buyer("ada", parcel=True)
    launch(stage.session, stage.shop, stage.flyer() if parcel else stage.push(), at=NOON, actor="user:1")
    return stage.session.exec(select(Link)).one()


@pytest.mark.parametrize(("parcel", "kind", "event"), [(True, "scan", "scanned"), (False, "click", "clicked")])
def test_opening_is_written_down_and_touches_nothing_else(stage: Stage, *, parcel: bool, kind: str, event: str) -> None:
    link = _link(stage, parcel=parcel)
    opened = open_link(stage.session, link.token.lower(), at=later(hours=1), user_agent=PHONE, address="192.0.2.7")
    assert (opened.shop.slug, opened.scan.kind, opened.scan.buyer_id) == ("tea", TouchKind(kind), 1)
    assert opened.offer is not None
    assert opened.coupon is not None
    assert opened.coupon.state is CouponState.ISSUED
    [touch] = stage.session.exec(select(Touch)).all()
    assert (touch.event, touch.buyer_id, touch.at) == (TouchEvent(event), 1, later(hours=1))
    assert "192.0.2.7" not in opened.scan.address_digest


@pytest.mark.parametrize(
    ("user_agent", "method", "purpose", "flag"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "GET", "", "bot"),
        ("curl/8.5.0", "GET", "", "bot"),
        ("WhatsApp/2.23.20.0", "GET", "", "preview"),
        (PHONE, "HEAD", "", "preview"),
        (PHONE, "GET", "prefetch;prerender", "preview"),
    ],
)
def test_bots_and_previews_are_flagged_stored_and_no_touch(
    stage: Stage, user_agent: str, method: str, purpose: str, flag: str
) -> None:
    link = _link(stage)
    scan = open_link(stage.session, link.token, at=NOON, user_agent=user_agent, method=method, purpose=purpose).scan
    assert {"bot": scan.bot, "preview": scan.preview}[flag]
    assert stage.session.exec(select(Scan)).all() == [scan]
    assert stage.session.exec(select(Touch)).all() == []


def test_second_opening_within_a_minute_is_a_repeat(stage: Stage) -> None:
    link = _link(stage)
    times = (0, 30, 59, 119)
    scans = [
        open_link(stage.session, link.token, at=later(seconds=s), user_agent=PHONE, address="192.0.2.7").scan
        for s in times
    ]
    assert [scan.repeat for scan in scans] == [False, True, True, False]
    other = open_link(stage.session, link.token, at=later(seconds=120), user_agent=PHONE, address="192.0.2.8").scan
    assert not other.repeat
    assert len(stage.session.exec(select(Touch)).all()) == 3


def test_unknown_token_is_not_found_and_leaves_no_scan(stage: Stage) -> None:
    _link(stage)
    with pytest.raises(NotFound):
        open_link(stage.session, "NOSUCHTOKEN0", at=NOON)
    assert stage.session.exec(select(Scan)).all() == []


def test_owner_of_a_joint_slot_learns_the_host_shop_but_not_the_buyer(stage: Stage) -> None:
    link = _link(stage, parcel=True)
    other = make_shop(stage.session, "cups", at=NOON)
    slot = Link(
        shop_id=other.id,
        host_shop_id=stage.shop.id,
        delivery_id=link.delivery_id,
        token="SLOTTOKEN001",
        slot="b",
        medium="parcel",
        created_at=NOON,
    )
    stage.session.add(slot)
    stage.session.flush()
    opened = open_link(stage.session, slot.token, at=NOON, user_agent=PHONE)
    assert opened.shop.slug == "cups"
    assert (opened.scan.shop_id, opened.scan.host_shop_id, opened.scan.buyer_id) == (other.id, stage.shop.id, None)
    [touch] = stage.session.exec(select(Touch)).all()
    assert (touch.shop_id, touch.campaign) == (stage.shop.id, "flyer")


def test_paper_address_is_in_capitals() -> None:
    assert link_address("https://r.example.cn/", "7K3M") == "https://r.example.cn/Q/7K3M"
    assert paper_address("https://r.example.cn", "7K3M") == "HTTPS://R.EXAMPLE.CN/Q/7K3M"
