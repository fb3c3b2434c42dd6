"""A small shop to campaign in: buyers by name, with or without an address, a yes, a parcel."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from campaigns.campaign.campaigns import Campaign, Recipe
from campaigns.campaign.draft import Draft
from campaigns.offers.offers import Offer
from campaigns.optouts.opt_in_out import Evidence, opt_out
from campaigns.optouts.unsubscribe_links import find_subject
from campaigns.runs.drafting import create_campaign
from retention.buyers import Buyer
from retention.consent import Answer, Channel, record_consent
from retention.database import transaction
from retention.products import Product
from retention.shops import Shop
from tests.factories import add_offer, add_parcel, add_product, add_topic, make_shop

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)  # noon in Shanghai
EVERYBODY: dict[str, Any] = {"buyer": {"field": "external_id", "exists": True}}


@dataclass(frozen=True)
class Stage:
    """A shop inside one session, and the few things a test puts into it."""

    session: Session
    shop: Shop

    def buyer(self, name: str, *, email: str | None = None, answer: str | None = "in", parcel: bool = False) -> int:
        """Add a buyer and return the row's number; `answer` is the last word on both channels."""
        address = f"{name}@example.com" if email is None else email
        row = Buyer(shop_id=self.shop.id, external_id=name, name=name.title(), email=address, created_at=NOON)
        self.session.add(row)
        self.session.flush()
        for channel in (Channel.EMAIL, Channel.PARCEL):
            if answer:
                self.answer(row.id, answer, channel)
        if parcel:
            self.parcel(row.id, f"W-{name}")
        return row.id

    def answer(
        self,
        buyer_id: int,
        answer: str,
        channel: Channel = Channel.EMAIL,
        *,
        at: datetime = NOON,
        topic: str = "",
    ) -> None:
        record_consent(
            self.session,
            self.shop.id,
            buyer_id=buyer_id,
            channel=channel,
            answer=Answer(answer),
            source="test",
            at=at,
            topic=topic,
        )

    def parcel(self, buyer_id: int, waybill: str, *, day: int = 0) -> int:
        return add_parcel(self.session, self.shop, buyer_id, waybill, day=self.shop.day(NOON) + day).id

    def offer(self, slug: str = "twenty-off", **terms: Any) -> Offer:
        return add_offer(self.session, self.shop, slug, at=NOON, **terms)

    def product(self, sku: str = "TEA-1", **values: Any) -> Product:
        return add_product(self.session, self.shop, sku, **values)

    def topic(self, slug: str = "arrivals") -> str:
        """Add a topic and return its slug."""
        return add_topic(self.session, self.shop, slug)

    def push(self, slug: str = "spring", *, control: float = 0.0, **values: Any) -> Campaign:
        """Draft a coupon push to everybody, without cap or control unless said."""
        return self.draft(slug, Recipe.COUPON_PUSH, control=control, **values)

    def flyer(self, slug: str = "flyer", *, control: float = 0.0, **values: Any) -> Campaign:
        return self.draft(slug, Recipe.PARCEL_FLYER, control=control, **values)

    def draft(self, slug: str, recipe: Recipe, *, control: float = 0.0, **values: Any) -> Campaign:
        policy = {"control_share": control, "caps": []} | values.pop("policy", {})
        needs_offer = recipe in {Recipe.COUPON_PUSH, Recipe.PARCEL_FLYER} and "offer_id" not in values
        if needs_offer:
            values["offer_id"] = self.offer(f"offer-{slug}").id
        audience = values.pop("audience", EVERYBODY)
        return create_campaign(
            self.session,
            self.shop,
            Draft(slug, recipe=recipe, audience=audience, policy=policy, **values),
            at=NOON,
            actor="user:1",
        )


@pytest.fixture
def stage(session: Session) -> Stage:
    """A tea shop in Shanghai, in the test's one transaction."""
    return Stage(session, make_shop(session, "tea", at=NOON))


@pytest.fixture
def on_stage(engine: Engine) -> Callable[[Callable[[Stage], Any]], Any]:
    """Run a function on the tea shop in a transaction of its own, which is committed: `on_stage(lambda stage: ...)`."""

    def run(act: Callable[[Stage], Any]) -> Any:
        with transaction(engine) as session:
            shop = session.get(Shop, 1) or make_shop(session, "tea", at=NOON)
            return act(Stage(session, shop))

    return run


def later(**delta: float) -> datetime:
    """Return a moment after noon: later(hours=1)."""
    return NOON + timedelta(**delta)


def leave(session: Session, token: str, *, key: bytes, at: datetime, address: str = "") -> None:
    """Opt out by the link of a mail, as the page of that link does."""
    opt_out(session, find_subject(session, token, key=key), Evidence(at, "unsubscribe link", address=address))
