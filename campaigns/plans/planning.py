"""Planning: who gets a campaign at a moment, who does not and why, as sets. Preview and launch both call `plan`.

It writes nothing. The funnel takes its steps in one fixed order (`rules`), each from who is left by the one before, so
that every buyer of the segment is in exactly one of: a skip, the control group, the final set.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pyroaring import BitMap
from sqlmodel import Session

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.policy import OverCeiling, Policy, limits_on, quiet_on
from campaigns.campaign.posts import goes_to_groups
from campaigns.campaign.reasons import Reason
from campaigns.campaign.shop_policy import shop_policy, shop_policy_of
from campaigns.campaign.triggers import Once
from campaigns.channels.senders import Sender
from campaigns.offers.issuing import buyers_with_coupon
from campaigns.offers.offers import Offer
from campaigns.plans.assignment import control_group
from campaigns.plans.budget import affordable, beyond, cost_of, price_each
from campaigns.plans.rules import RULES
from campaigns.plans.rules.rule import Funnel
from campaigns.plans.send_times import SendTimes, send_times_of
from retention import money
from retention.bitmaps import read_bitmap
from retention.products import Product
from retention.shops import Shop
from segments.matching import match


class FunnelStep(NamedTuple):
    """One line of a funnel: `segment` and `final` count who is there, every other who drops out at this step."""

    name: str
    buyers: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a launch at this moment would do. `audience` = skips + `control` + `final`, without overlap.

    `coupons` are the codes it would make and `coupons_left` what the offer still allows (None: no limit). `send_times`
    says when each delivery leaves. `cost` is in minor units; a plan `over_ceiling` is not launched.
    """

    at: datetime
    policy: Policy
    funnel: list[FunnelStep]
    skips: dict[str, BitMap]
    control: BitMap
    final: BitMap
    audience: BitMap
    fingerprint: str
    send_times: SendTimes
    coupons: int = 0
    coupons_left: int | None = None
    product_price: int | None = None
    cost: int = 0
    over_ceiling: bool = False

    def as_json(self, currency: str) -> dict[str, Any]:
        """Return plain values; money in major units as strings."""
        ceiling = self.policy.cost_ceiling
        return {
            "funnel": [list(step) for step in self.funnel],
            "audience": len(self.audience),
            "skipped": {reason: len(buyers) for reason, buyers in self.skips.items() if buyers},
            "control": len(self.control),
            "final": len(self.final),
            "coupons": self.coupons,
            "coupons_left": self.coupons_left,
            "transactional": self.policy.transactional,
            "due_at": self.send_times.at.isoformat(),
            "last_due_at": self.send_times.last.isoformat(),
            "delayed": len(self.send_times.delayed),
            "cost": money.write(self.cost, currency),
            "cost_ceiling": None if ceiling is None else money.write(ceiling, currency),
            "over_ceiling": self.over_ceiling,
            "read_out_at": self.policy.read_out_at(self.at).isoformat(),
            "fingerprint": self.fingerprint,
        }


def plan(session: Session, shop: Shop, campaign: Campaign, *, at: datetime, among: BitMap | None = None) -> Plan:
    """Return who would get `campaign` at `at`, with every reason why somebody would not.

    With `among`, only these buyers of the audience are looked at: those an event happened to, or the people of a wave.
    """
    if campaign.damage:
        raise campaign.damage
    policy, limits = campaign.policy, shop_policy(session, shop)
    to_groups = goes_to_groups(campaign)
    if to_groups:  # whoever is in the group reads it, so nobody can be held back
        policy = policy.model_copy(update={"control_share": 0.0})
    audience = match(session, shop, campaign.audience, now=at)
    audience = audience.copy() if among is None else audience & among
    send_times = send_times_of(session, shop, campaign, policy, quiets=quiet_on(policy, limits, campaign.medium), at=at)
    funnel = Funnel(session, shop, campaign, policy, limits, at=at, left=audience.copy(), send_times=send_times)
    skips = _walk(funnel)
    price = price_each(session, shop, campaign, policy, at=at)
    control, final = _divide(funnel, skips, policy, price)
    offer = session.get(Offer, campaign.offer_id) if campaign.offer_id else None
    product = session.get(Product, campaign.product_id) if campaign.product_id else None
    cost = cost_of(len(final), price)
    return Plan(
        at=at,
        policy=policy,
        funnel=[
            FunnelStep("segment", len(audience)),
            *(FunnelStep(reason, len(buyers)) for reason, buyers in skips.items()),
            FunnelStep("control", len(control)),
            FunnelStep("final", len(final)),
        ],
        skips=skips,
        control=control,
        final=final,
        audience=audience,
        fingerprint=_fingerprint(promise(session, campaign), [*skips.values(), control, final]),
        send_times=funnel.send_times.only(final),
        coupons=len(final - read_bitmap(session, buyers_with_coupon(offer))) if offer and not to_groups else 0,
        coupons_left=offer.most_coupons - offer.issued if offer and offer.most_coupons is not None else None,
        product_price=product.price if product else None,
        cost=cost,
        over_ceiling=policy.cost_ceiling is not None and cost > policy.cost_ceiling,
    )


def promise(session: Session, campaign: Campaign) -> str:
    """Return the SHA-256 of what a campaign promises, whoever gets it: words, rules, terms, time. Approvals bind to it.

    Of the shop's policy only what holds this campaign belongs to it. The moment of a launch belongs to it only where a
    person chose it; of a recurring campaign the trigger does.
    """
    offer = session.get(Offer, campaign.offer_id) if campaign.offer_id else None
    product = session.get(Product, campaign.product_id) if campaign.product_id else None
    sender = session.get(Sender, campaign.sender_id) if campaign.sender_id else None
    policy, limits = campaign.policy, shop_policy_of(session, campaign.shop_id)
    once = isinstance(campaign.trigger, Once)
    promised = {
        "campaign": campaign.model_dump(
            mode="json", by_alias=True, include={*_PROMISED, *({"scheduled_at"} if once else ())}
        ),
        "offer": offer.model_dump(mode="json", exclude={"issued"}) if offer else None,
        "product": product.model_dump(mode="json", include={"sku", "title", "price"}) if product else None,
        "sender": sender.model_dump(mode="json", include={"slug", "medium", "kind", "price"}) if sender else None,
        "shop": limits_on(policy, limits, campaign.medium).model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(promised, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


_PROMISED = frozenset(
    {
        "slug",
        "recipe",
        "medium",
        "audience_json",
        "excluded_json",
        "content_json",
        "policy_json",
        "trigger_json",
        "sender_id",
        "topic",
    }
)


def _walk(funnel: Funnel) -> dict[str, BitMap]:
    """Ask every rule in order and return whom each dropped, by reason; whoever stays is left in the funnel."""
    skips: dict[str, BitMap] = {}
    for rule in RULES:
        for reason, found in rule.drop(funnel):
            dropped = found & funnel.left
            if dropped or reason is rule.always:
                skips[reason.value] = skips.get(reason.value, BitMap()) | dropped
            funnel.left -= dropped
    return skips


def _divide(funnel: Funnel, skips: dict[str, BitMap], policy: Policy, price: int) -> tuple[BitMap, BitMap]:
    """Return the control group and the final set, after leaving out those the cost ceiling does not pay for."""
    left, secret = funnel.left, funnel.campaign.secret
    control = control_group(left, secret=secret, share=policy.control_share)
    if policy.cost_ceiling is not None and policy.over_ceiling is OverCeiling.CUT:
        most = affordable(policy.cost_ceiling, price)
        if most is not None and (unpaid := beyond(left, control, most=most, secret=secret)):
            skips[Reason.OVER_BUDGET.value] = unpaid
            control -= unpaid
            left -= unpaid
    return control, left - control


def _fingerprint(promised: str, sets: Iterable[BitMap]) -> str:
    """Return the SHA-256 of all that was promised and to whom: the promise, then every set of buyers."""
    digest = hashlib.sha256(promised.encode())
    for buyers in sets:
        digest.update(len(buyers).to_bytes(8, "little") + buyers.to_array().tobytes())
    return digest.hexdigest()
