"""Launching: a run's rows are made from a plan in one transaction, exactly those that the preview showed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, func, select
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaign import lifecycle
from campaigns.campaign.campaigns import Campaign, DeliveryState, Run, RunSkip
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import goes_to_groups
from campaigns.campaign.reasons import step_name
from campaigns.campaign.triggers import Recurring, may_go_to_all, starts_itself
from campaigns.deliveries.transitions import create
from campaigns.offers.coupons import Coupon
from campaigns.offers.issuing import issue_coupons
from campaigns.offers.linking import link_deliveries
from campaigns.offers.offers import Offer
from campaigns.plans.planning import Plan, plan
from campaigns.plans.rules.address import ADDRESS
from campaigns.plans.rules.parcel import waiting_parcels
from campaigns.plans.send_times import due_moment, join_delays
from campaigns.posts.posting import make_posts
from campaigns.runs.approvals import require_approval
from campaigns.sending.digests import gather
from retention import audit, money
from retention.bitmaps import ids_in, parts_of
from retention.buyers import Buyer
from retention.database import lock
from retention.errors import Conflict
from retention.i18n import current_locale
from retention.queue import send
from retention.shops import Shop
from retention.versions import Family, raise_version

_CHUNK = 100_000  # deliveries made at a time, so that memory stays flat


def launch(
    session: Session,
    shop: Shop,
    campaign: Campaign,
    *,
    at: datetime,
    actor: str,
    fingerprint: str | None = None,
    funnel: Sequence[tuple[str, int]] | None = None,
    among: BitMap | None = None,
    wave: int = 0,
) -> Run:
    """Plan again with the same code as the preview, and make the run: skips, deliveries, control, coupons, links.

    With the preview's `fingerprint`, Conflict when the plan is another by now; with its `funnel` too, the message says
    at which steps. Conflict also when the state, the offer's limit or the cost ceiling does not allow it. Nothing is
    written then. `among` are the buyers of an event or wave; `wave` counts waves from 1.
    """
    take_turns(session, shop)
    lock(session, campaign)  # two people who press the button at once: the second then finds the campaign running
    trigger = campaign.trigger
    repeats = starts_itself(trigger)
    target = lifecycle.after(lifecycle.CampaignMove.LAUNCH, campaign.state, medium=campaign.medium, repeats=repeats)
    if among is None and not may_go_to_all(trigger):
        raise Conflict("This campaign has a trigger. Schedule it to start sending automatically.")
    require_approval(session, shop, campaign, at=at)
    planned = plan(session, shop, campaign, at=at, among=among)
    if fingerprint and fingerprint != planned.fingerprint:
        raise _moved(planned, funnel)
    if planned.over_ceiling:
        raise _too_dear(shop, planned)
    before, campaign.state = campaign.state, target
    if among is None and not isinstance(trigger, Recurring):
        campaign.stop_waiting()  # everybody has had their turn
    session.add(campaign)
    run = _add_run(session, campaign, planned, wave)
    _add_deliveries(session, shop, campaign, run, planned)
    make_posts(session, shop, campaign, run, at=at)
    if not goes_to_groups(campaign):  # a group shares the link of its post
        link_deliveries(session, campaign, run, at=at)
    gather(session, campaign, run)
    raise_version(session, shop.id, Family.TOUCHES)  # what waits counts for caps and results
    audit.record(
        session,
        shop.id,
        actor,
        action="campaign.launch",
        subject=f"campaign:{campaign.slug}",
        before={"state": before.value},
        after={"state": target.value, "run": run.number, "funnel": run.funnel, "fingerprint": run.fingerprint},
        at=at,
    )
    send(session, "campaigns.send")
    return run


def take_turns(session: Session, shop: Shop) -> None:
    """Have the launches of a shop come one after the other.

    Two at once could both take the last place under a cap or in a parcel. Rows that merely refer to the shop are not
    held up by this.
    """
    session.exec(select(Shop.id).where(Shop.id == shop.id).with_for_update(key_share=True)).one()


def _moved(planned: Plan, funnel: Sequence[tuple[str, int]] | None) -> Conflict:
    before, now = dict(funnel or ()), dict(planned.funnel)
    changes = [
        f"{step_name(step)}: {before.get(step, 0)} → {now.get(step, 0)}"
        for step in (*now, *(step for step in before if step not in now))
        if before and before.get(step, 0) != now.get(step, 0)
    ]
    return Conflict(
        "The plan has changed since you reviewed it: {changes}. Review it again, then launch.",
        changes="; ".join(changes) or step_name("content"),
    )


def _too_dear(shop: Shop, planned: Plan) -> Conflict:
    amounts = (planned.cost, planned.policy.cost_ceiling or 0)
    cost, ceiling = (money.show(amount, shop.currency, current_locale()) for amount in amounts)
    return Conflict(
        "This run would cost {cost}, over the budget of {ceiling}. Raise the budget, let the plan leave buyers out, "
        "or choose a smaller audience.",
        cost=cost,
        ceiling=ceiling,
    )


def _add_run(session: Session, campaign: Campaign, planned: Plan, wave: int) -> Run:
    number = session.exec(
        select(func.count()).where(Run.shop_id == campaign.shop_id, Run.campaign_id == campaign.id)
    ).one()
    run = Run(
        shop_id=campaign.shop_id,
        campaign_id=campaign.id,
        number=number + 1,
        wave=wave,
        planned_at=planned.at,
        fingerprint=planned.fingerprint,
        funnel=[list(step) for step in planned.funnel],
        audience=len(planned.audience),
        audience_ids=planned.audience.serialize(),
        control_share=planned.policy.control_share,
        product_price=planned.product_price,
        read_out_at=planned.policy.read_out_at(planned.at),
    )
    session.add(run)
    session.flush()
    for reason, buyers in planned.skips.items():
        if buyers:
            session.add(
                RunSkip(
                    shop_id=run.shop_id,
                    run_id=run.id,
                    reason=reason,
                    buyers=len(buyers),
                    buyer_ids=buyers.serialize(),
                )
            )
    session.flush()
    return run


def _add_deliveries(session: Session, shop: Shop, campaign: Campaign, run: Run, planned: Plan) -> None:
    offer = session.get(Offer, campaign.offer_id) if campaign.offer_id else None
    if offer and planned.final and not goes_to_groups(campaign):  # a group has no code of anybody's own
        issue_coupons(session, offer, planned.final, at=planned.at)
    for state, buyers in ((DeliveryState.WAITING, planned.final), (DeliveryState.CONTROL, planned.control)):
        for part in parts_of(buyers, _CHUNK):
            _insert_deliveries(session, shop, campaign, run, buyers=part, state=state, planned=planned)


def _insert_deliveries(
    session: Session,
    shop: Shop,
    campaign: Campaign,
    run: Run,
    *,
    buyers: BitMap,
    state: DeliveryState,
    planned: Plan,
) -> None:
    """Store one row per buyer by one INSERT ... SELECT; control rows get no address, parcel, coupon or lateness."""
    members = ids_in(session, buyers).subquery()
    values: dict[str, Any] = {
        "shop_id": sa.literal(shop.id),
        "campaign_id": sa.literal(campaign.id),
        "run_id": sa.literal(run.id),
        "buyer_id": col(Buyer.id),
        "due_at": sa.literal(planned.at, UTCDateTime()),
    }
    chosen: sa.FromClause = sa.join(Buyer, members, col(Buyer.id) == members.c.id)
    if state is DeliveryState.WAITING:
        chosen, special = _what_is_sent(session, shop, campaign, planned, chosen)
        values |= special
    create(session, state, chosen, order_by=col(Buyer.id), **values)


def _what_is_sent(
    session: Session, shop: Shop, campaign: Campaign, planned: Plan, chosen: sa.FromClause
) -> tuple[sa.FromClause, dict[str, Any]]:
    """Return `chosen` with what a real delivery needs joined to it, and the columns that come of it."""
    values: dict[str, Any] = {}
    if campaign.offer_id:
        owned = (col(Coupon.shop_id) == shop.id, col(Coupon.offer_id) == campaign.offer_id)
        chosen = chosen.outerjoin(Coupon, sa.and_(*owned, col(Coupon.buyer_id) == Buyer.id))
        values["coupon_id"] = col(Coupon.id)
    if campaign.medium is Medium.PARCEL:
        parcels = waiting_parcels(shop, planned.at)
        chosen = chosen.join(parcels, parcels.c.buyer_id == Buyer.id)
        values["parcel_id"] = parcels.c.parcel_id
    if campaign.medium in ADDRESS:
        values["address"] = ADDRESS[campaign.medium]
    chosen, delayed = join_delays(session, planned.send_times, chosen)
    values["due_at"] = due_moment(session, planned.send_times, delayed)
    if planned.policy.lateness and campaign.medium is not Medium.PARCEL:
        values["expires_at"] = due_moment(session, planned.send_times, delayed, shift=planned.policy.lateness)
    return chosen, values
