"""Budget: what a run costs, and who is left out by chance when it would cost more than it may."""

import hashlib

import numpy as np
from pyroaring import BitMap
from sqlmodel import Session

from campaigns.assignment import hashes
from campaigns.campaigns import Campaign
from campaigns.policy import Policy
from campaigns.senders import Sender


def price_each(session: Session, campaign: Campaign, policy: Policy) -> int:
    """Return what one delivery costs in hundredths of a minor unit: what the policy says, else the sender's price."""
    if policy.cost_each is not None:
        return policy.cost_each
    sender = session.get(Sender, campaign.sender_id) if campaign.sender_id else None
    return sender.price if sender else 0


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
