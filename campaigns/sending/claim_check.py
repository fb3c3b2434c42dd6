"""A claim is checked again before more of it is sent, where consent or an address has changed meanwhile.

An opt-out on a page releases its own deliveries from the claim (`deliveries.stopping`). A file of opt-outs, a new
address, somebody else's pause or a topic in a digest touch no delivery, but each raises a data version of the shop.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.media import Medium
from campaigns.deliveries import claiming
from campaigns.deliveries.claiming import Claim
from campaigns.deliveries.row_ids import with_ids
from campaigns.plans.rules.address import ADDRESS
from campaigns.sending.pre_send_check import check_before_sending
from retention.buyers import Buyer
from retention.versions import Family, version_of


class CheckedVersions(NamedTuple):
    """The data versions a claim was checked under."""

    consents: int
    buyers: int


def versions_now(session: Session, shop_id: int) -> CheckedVersions:
    """Return the versions of now. Read them before the check, so that what comes during it counts as a change."""
    return CheckedVersions(*(version_of(session, shop_id, family) for family in (Family.CONSENTS, Family.BUYERS)))


def recheck_claim(session: Session, held: Claim, medium: Medium, to: Mapping[int, str], *, at: datetime) -> None:
    """Release claimed deliveries that must not leave any more, or whose message was made for another address.

    `to` are the addresses of the messages by delivery. A message that has others in it is made again too.
    """
    ids: Sequence[int] = sorted(to)
    check = check_before_sending(session, held.shop_id, ids, at=at)
    claiming.skip(session, held, check.skipped)
    claiming.postpone(session, held, check.later)
    claiming.release(session, held, sorted(held.hosts.intersection(ids) | _moved(session, held, medium, to)))


def _moved(session: Session, held: Claim, medium: Medium, to: Mapping[int, str]) -> set[int]:
    """Return the deliveries whose buyer has another address by now."""
    address = ADDRESS.get(medium, col(Buyer.external_id))
    rows = session.execute(
        sa.select(col(Delivery.id), address)
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .where(with_ids(held.shop_id, to))
    )
    return {delivery_id for delivery_id, now in rows if now != to[delivery_id]}
