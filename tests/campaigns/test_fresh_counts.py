"""No count is stale: each use case that changes facts, run for real, is seen by the next one who asks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign
from campaigns.offers.links import Link
from campaigns.offers.redeem import claim_coupon, give_back, redeem
from campaigns.offers.scans import open_link
from campaigns.optouts.unsubscribe_links import unsubscribe_token
from campaigns.runs.launch import launch
from retention.consent import Channel
from retention.database import reading
from retention.ingest import import_file
from retention.shops import find_shop
from segments.matching import match
from segments.rules import parse
from tests.campaigns.conftest import NOON, Stage, later, leave

RULES: dict[str, Any] = {
    "all": {"all": []},
    "bought": {"orders": {}},
    "bought lately": {"orders": {"window": {"last_days": 30}}},
    "spent 100": {"orders": {"measure": "spend", "at_least": 100}},
    "tea": {"orders": {"of": {"sku": "TEA"}}},
    "new": {"rfm": {"group": ["prospects"]}},
    "named": {"buyer": {"field": "name", "is": "Ada L"}},
    "follows": {"follows": {}},
    "group": {"group": {}},
    "agreed": {"consent": {"channel": "email"}},
    "sent": {"touch": {"event": "sent"}},
    "scanned": {"touch": {"event": "scanned"}},
    "claimed": {"touch": {"event": "claimed"}},
    "redeemed": {"touch": {"event": "redeemed"}},
}
ACTORS = Callable[[Callable[[Stage], Any]], Any]


class Counts:
    """All counts now, by whoever asks next: a reader of its own, with the answers kept by the readers before."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.last: dict[str, int] = {}

    def changed(self) -> dict[str, int]:
        """Return the counts that are not as they were."""
        with reading(self.engine) as session:
            shop = find_shop(session, "tea")
            now = {name: len(match(session, shop, parse(rule), now=later(hours=3))) for name, rule in RULES.items()}
        found = {name: count for name, count in now.items() if count != self.last.get(name)}
        self.last = now
        return found


@pytest.fixture
def counts(engine: Engine, on_stage: ACTORS) -> Counts:
    on_stage(lambda stage: [stage.buyer("ada", parcel=True), stage.buyer("bob", answer=None)])
    found = Counts(engine)
    assert found.changed()["all"] == 2
    assert found.changed() == {}
    return found


def test_no_count_is_stale_after_an_import(engine: Engine, counts: Counts, tmp_path: Path) -> None:
    def imported(kind: str, *lines: str) -> dict[str, int]:
        path = tmp_path / f"{kind}.csv"
        path.write_text("\n".join(lines), "utf-8")
        assert import_file(engine, "tea", kind, path, now=later(hours=2)).rejected == 0
        return counts.changed()

    head = "order_id,buyer_id,paid_at,amount,sku,quantity,status"
    first = imported("orders", head, "1,ada,2026-03-01T10:00:00,120.00,TEA,1,paid", "2,eve,2025-03-01,5.00,CUP,1,paid")
    assert first == {"all": 3, "bought": 2, "bought lately": 1, "spent 100": 1, "tea": 1, "new": 1}
    assert imported("orders", head, "1,ada,2026-03-01T10:00:00,90.00,TEA,1,paid") == {"spent 100": 0}
    assert imported("orders", head, "1,ada,2026-03-01T10:00:00,90.00,TEA,1,cancelled") == {
        "bought": 1, "bought lately": 0, "tea": 0, "new": 2,
    }  # fmt: skip
    assert imported("buyers", "buyer_id,name", "ada,Ada L", "joe,Joe") == {"all": 4, "named": 1, "new": 3}
    assert imported("followers", "buyer_id,followed_at", "bob,2026-03-01") == {"follows": 1}
    assert imported("followers", "buyer_id,followed_at,ended_at", "bob,2026-03-01,2026-03-05") == {"follows": 0}
    assert imported("members", "group,buyer_id,joined_at", "tea-friends,bob,2026-03-01") == {"group": 1}


def test_no_count_is_stale_after_a_send_scan_claim_redemption_and_a_no(counts: Counts, on_stage: ACTORS) -> None:
    on_stage(lambda stage: launch(stage.session, stage.shop, stage.flyer(), at=NOON, actor="user:1"))
    assert counts.changed() == {}

    def link(stage: Stage) -> Link:
        return stage.session.exec(select(Link)).one()

    on_stage(lambda stage: open_link(stage.session, link(stage).token, at=later(hours=1), user_agent="Phone"))
    assert counts.changed() == {"scanned": 1}
    code = on_stage(lambda stage: claim_coupon(stage.session, link(stage), at=later(hours=1)).code)
    assert counts.changed() == {"claimed": 1}
    on_stage(
        lambda stage: redeem(stage.session, stage.shop, code, order_reference="A-1", amount=12_000, at=later(hours=2))
    )
    assert counts.changed() == {"redeemed": 1}
    on_stage(lambda stage: give_back(stage.session, stage.shop, order_reference="A-1"))
    assert counts.changed() == {"redeemed": 0}
    token = unsubscribe_token(b"key", shop_id=1, buyer_id=1, channel=Channel.EMAIL)
    on_stage(lambda stage: leave(stage.session, token, key=b"key", at=later(hours=2)))
    assert counts.changed() == {"agreed": 0}
    on_stage(lambda stage: stage.answer(2, "in", at=later(hours=2)))
    assert counts.changed() == {"agreed": 1}
    assert on_stage(lambda stage: stage.session.exec(select(Campaign)).one().slug) == "flyer"
