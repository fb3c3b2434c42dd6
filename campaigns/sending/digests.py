"""Digests: several alerts to one buyer are combined in one message.

A delivery that finds another alert of its buyer still waiting points at it as the host message. It waits and is claimed
with it, its text goes in the host's mail, and it is sent when that is. When the host does not leave after all, it goes
by itself. Only mail gathers: a text message with three arrivals would cost as much as three.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Recipe, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import with_ids
from campaigns.deliveries.transitions import Move, move, move_all
from campaigns.sending.pre_send_check import check_before_sending
from campaigns.texts.mail import MessageContext
from retention.bitmaps import ids_in
from retention.shops import Shop

_OF_ONE_MAIL = frozenset({Reason.CAPPED, Reason.YIELDED})  # the host was counted, and it is the same mail


def gather(session: Session, campaign: Campaign, run: Run) -> int:
    """Have the waiting deliveries of a new run go with an alert their buyer is still waiting for; return how many.

    The host messages are locked, so that none is on its way out while something is put on it.
    """
    if campaign.recipe is not Recipe.ARRIVAL_ALERT or campaign.medium is not Medium.EMAIL:
        return 0
    mine = sa.select(col(Delivery.buyer_id)).where(
        col(Delivery.shop_id) == run.shop_id,
        col(Delivery.run_id) == run.id,
        col(Delivery.state) == DeliveryState.WAITING,
    )
    waiting = (
        sa.select(col(Delivery.id))
        .where(*_waiting_alerts(campaign), col(Delivery.buyer_id).in_(mine))
        .with_for_update(skip_locked=True)
    )
    held = BitMap(session.execute(waiting).scalars())
    if not held:
        return 0
    other = aliased(Delivery)
    host = (
        sa.select(sa.func.min(col(other.id)))
        .where(col(other.id).in_(ids_in(session, held)), col(other.buyer_id) == col(Delivery.buyer_id))
        .scalar_subquery()
    )
    joining = (col(Delivery.shop_id) == run.shop_id, col(Delivery.run_id) == run.id, host.is_not(None))
    return move_all(session, Move.JOIN_DIGEST, *joining, digest_id=host)


def with_included(
    session: Session,
    shop_id: int,
    contexts: list[MessageContext],
    *,
    now: datetime,
    read: Callable[[Sequence[int]], list[MessageContext]],
) -> list[MessageContext]:
    """Return the message contexts, each with the alerts its message includes; what must not leave any more is skipped.

    `read` returns those of deliveries by their row numbers.
    """
    host_ids = [context.delivery.id for context in contexts if context.campaign.recipe is Recipe.ARRIVAL_ALERT]
    included = _included_by(session, shop_id, host_ids)
    if not included:
        return contexts
    ids = sorted(each for ids in included.values() for each in ids)
    wrong = {
        delivery_id: reason
        for delivery_id, reason in check_before_sending(session, shop_id, ids, at=now).skipped.items()
        if reason not in _OF_ONE_MAIL
    }
    for reason in sorted(set(wrong.values())):
        ids_of = [each for each, why in wrong.items() if why is reason]
        move(session, Move.SKIP, with_ids(shop_id, ids_of), reason=reason)
    others = {context.delivery.id: context for context in read([each for each in ids if each not in wrong])}
    return [
        replace(context, others=tuple(others[each] for each in included.get(context.delivery.id, ()) if each in others))
        for context in contexts
    ]


def settle_digests(session: Session) -> int:
    """Have deliveries whose host message does not leave go by themselves; return how many.

    Where nobody can know whether the host left, nobody can know it of what it included.
    """
    host, its = aliased(Delivery), aliased(Campaign)
    bound = (
        col(Delivery.shop_id).in_(sa.select(col(Shop.id))),  # leads to the index, which begins with the shop
        col(Delivery.digest_id).is_not(None),
    )
    of_host = sa.select(col(host.id)).where(col(host.id) == col(Delivery.digest_id))
    move_all(session, Move.LOSE_WITH_HOST, *bound, of_host.where(col(host.state) == DeliveryState.UNKNOWN).exists())
    on_its_way = (DeliveryState.WAITING, DeliveryState.CLAIMED, DeliveryState.SENT)
    stays = of_host.join(its, col(its.id) == col(host.campaign_id)).where(
        col(host.state).in_(on_its_way),
        sa.or_(col(host.state) != DeliveryState.WAITING, col(its.state) == CampaignState.RUNNING),
    )
    return move_all(session, Move.LEAVE_DIGEST, *bound, ~stays.exists())


def _waiting_alerts(campaign: Campaign) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of deliveries that can host those of a campaign."""
    alerts = sa.select(col(Campaign.id)).where(
        col(Campaign.shop_id) == campaign.shop_id,
        col(Campaign.id) != campaign.id,
        col(Campaign.recipe) == Recipe.ARRIVAL_ALERT,
        col(Campaign.medium) == campaign.medium,
        col(Campaign.state) == CampaignState.RUNNING,
        col(Campaign.sender_id).is_(None)
        if campaign.sender_id is None
        else col(Campaign.sender_id) == campaign.sender_id,
    )
    return (
        col(Delivery.shop_id) == campaign.shop_id,
        col(Delivery.state) == DeliveryState.WAITING,
        col(Delivery.digest_id).is_(None),
        col(Delivery.campaign_id).in_(alerts),
    )


def _included_by(session: Session, shop_id: int, host_ids: Sequence[int]) -> dict[int, list[int]]:
    if not host_ids:
        return {}
    rows = session.execute(
        sa.select(col(Delivery.digest_id), col(Delivery.id))
        .where(
            col(Delivery.shop_id) == shop_id,
            col(Delivery.digest_id).in_(host_ids),
            col(Delivery.state) == DeliveryState.WAITING,
        )
        .order_by(col(Delivery.id))
    )
    found: dict[int, list[int]] = defaultdict(list)
    for host, delivery_id in rows:
        found[host].append(delivery_id)
    return found
