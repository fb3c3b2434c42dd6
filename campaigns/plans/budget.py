"""Budget: the cost of a run, and a random selection of recipients where it would exceed the budget."""

import hashlib
from contextlib import suppress
from datetime import datetime

import numpy as np
from pyroaring import BitMap
from sqlmodel import Session

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Policy
from campaigns.channels.senders import Sender
from campaigns.plans.assignment import hashes
from campaigns.texts.content import extremes, show_to
from retention.errors import Invalid
from retention.shops import Shop


def price_each(session: Session, shop: Shop, campaign: Campaign, policy: Policy, *, at: datetime) -> int:
    """Return what one delivery costs in hundredths of a minor unit: what the policy says, else the sender's price.

    A text message costs as many parts as the longest case in the audience takes, so that a run never costs more.
    """
    if policy.cost_each is not None:
        return policy.cost_each
    sender = session.get(Sender, campaign.sender_id) if campaign.sender_id else None
    if sender is None or campaign.medium is not Medium.SMS or not sender.price:
        return sender.price if sender else 0
    costs = [sender.price]
    for buyer in extremes(session, shop, campaign, at=at):
        with suppress(Invalid):  # a text that cannot be made is shown where texts are checked, and costs nothing
            costs.append(show_to(session, shop, campaign, buyer).cost or 0)
    return max(costs)


def cost_of(deliveries: int, price: int) -> int:
    """Return the cost in minor units, rounded up."""
    return -(-deliveries * price // 100)


def affordable(ceiling: int, price: int) -> int | None:
    """Return how many deliveries a ceiling in minor units pays for; None when they cost nothing."""
    return ceiling * 100 // price if price else None


def beyond(left: BitMap, control: BitMap, *, most: int, secret: str) -> BitMap:
    """Return those to leave out so that at most `most` of `left` outside `control` stay: the last by a keyed hash.

    Both sides are cut at the same hash, so that the control group keeps its share and the two stay comparable. The
    hash is another than the one that chose the control group, and the same buyer has it in every plan.
    """
    if len(left) - len(control) <= most:
        return BitMap()
    ids = np.asarray(left.to_array(), dtype=np.uint64)
    key = hashlib.sha256(f"budget {secret}".encode()).digest()[:16]
    places = hashes(left, key)
    treated = np.isin(ids, np.asarray(control.to_array(), dtype=np.uint64), invert=True)
    last = np.sort(places[treated])[most]  # the first that cannot be paid for
    return BitMap(ids[places >= last].astype(np.uint32))
