"""Wherever people read when an offer ends, it is the last day on which it works, on the shop's calendar."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from api.console import figures
from api.public.offer_view import view_offer
from campaigns.campaign.media import Medium
from campaigns.offers.coupons import Coupon
from campaigns.offers.offers import Offer
from campaigns.offers.redeem import hold
from campaigns.runs.launch import launch
from campaigns.texts.composing import compose
from campaigns.texts.content import sample_context, text_source_of
from printables.flyers import offer_words
from retention.buyers import Buyer
from retention.errors import Conflict, Invalid
from retention.i18n import speaking
from tests.campaigns.claims import claim_by_code
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.texts import IDENTITY

MIDNIGHT = datetime(2026, 3, 20, 16, tzinfo=UTC)  # the first moment of 21 March in Shanghai: the 20th is the last day
SOON, FAR = MIDNIGHT - timedelta(hours=2), MIDNIGHT - timedelta(days=9)
CONTENT = {"en": {"subject": "Hi", "body": "Until {{ coupon.ends }}. {{ link }}"}}

Place = Callable[[Stage, Offer, Coupon, datetime], Iterator[str]]


def _page(stage: Stage, offer: Offer, coupon: Coupon, at: datetime) -> Iterator[str]:
    yield view_offer(stage.shop, offer, None, at=at).window
    yield view_offer(stage.shop, offer, coupon, at=at).ends


def _message(medium: Medium) -> Place:
    def made(stage: Stage, offer: Offer, coupon: Coupon, at: datetime) -> Iterator[str]:
        campaign = stage.push(f"by-{medium.value}-{at:%d-%H}", offer_id=offer.id, content=CONTENT)
        campaign.medium = medium
        about = text_source_of(stage.session, stage.shop, campaign)
        context = sample_context(stage.session, about, stage.session.get_one(Buyer, coupon.buyer_id))
        message = compose(replace(context, coupon=coupon), IDENTITY, at=at)
        yield message.text
        if message.html:
            yield message.html
        if message.fields:
            yield message.fields["coupon.ends"]

    return made


def _paper(stage: Stage, offer: Offer, _coupon: Coupon, at: datetime) -> Iterator[str]:
    drop = Offer(**offer.model_dump() | {"starts_at": at})
    yield offer_words(drop, stage.shop)["fine_print"]


def _list(stage: Stage, offer: Offer, _coupon: Coupon, at: datetime) -> Iterator[str]:
    yield figures.FILTERS["end"](offer.ends_at, stage.shop.timezone, at)


def _refusal(stage: Stage, offer: Offer, coupon: Coupon, at: datetime) -> Iterator[str]:
    later = 2 * MIDNIGHT.timestamp() - at.timestamp()  # as long after the end
    over: dict[str, Any] = {"order_reference": "A1", "at": datetime.fromtimestamp(later, UTC)}
    with pytest.raises(Conflict) as whole:
        hold(stage.session, stage.shop, coupon.code, **over)
    offer.ends_at = None
    with pytest.raises(Conflict) as own:
        hold(stage.session, stage.shop, coupon.code, **over)
    offer.ends_at = MIDNIGHT
    assert (whole.value.type, own.value.type) == ("offer-over", "coupon-expired")
    yield from (str(whole.value), str(own.value))


PLACES: dict[str, Place] = {
    "page": _page,
    "mail": _message(Medium.EMAIL),
    "text message": _message(Medium.SMS),
    "webhook": _message(Medium.WEBHOOK),
    "paper": _paper,
    "console": _list,
    "refusal": _refusal,
}


@pytest.mark.parametrize("place", PLACES)
def test_an_end_is_shown_as_the_last_day_everywhere(stage: Stage, place: str) -> None:
    stage.buyer("ada")
    offer = stage.offer(ends_at=MIDNIGHT)
    launch(stage.session, stage.shop, stage.push(offer_id=offer.id), at=NOON, actor="user:1")
    coupon = stage.session.exec(select(Coupon)).one()
    claim_by_code(stage.session, stage.shop, coupon.code, at=NOON)
    with speaking("en"):
        far, soon = list(PLACES[place](stage, offer, coupon, FAR)), list(PLACES[place](stage, offer, coupon, SOON))
    for text in (*far, *soon):
        assert re.search("Mar(ch)? 20, 2026|20 Mar 2026", text), text
        assert not re.search("Mar(ch)? 21|21 Mar|UTC", text), text
    assert [("24:00" in text) for text in far] == [False] * len(far)
    assert [("24:00" in text) for text in soon] == [True] * len(soon)


def test_an_offer_that_ends_before_it_starts_is_refused_in_the_shops_time_zone(stage: Stage) -> None:
    with pytest.raises(Invalid, match="ends at March 21, 2026, 00:00, before"):
        stage.offer(starts_at=MIDNIGHT + timedelta(hours=1), ends_at=MIDNIGHT)
