"""Who has had as much as the frequency caps allow, or has to wait until they allow more."""

from datetime import datetime

from pyroaring import BitMap

from campaigns.campaign.policy import caps_on
from campaigns.campaign.reasons import Reason
from campaigns.plans.caps import (
    OtherDelivery,
    RankedDelivery,
    buyers_at_cap,
    check_cap,
    earliest_counted,
    other_deliveries,
)
from campaigns.plans.rules.rule import Check, Dropped, Funnel, PendingDelivery, Rule


def _drop(funnel: Funnel) -> Dropped:
    """Yield whom the caps drop; whom they delay stay, put off."""
    yield Reason.CAPPED, BitMap()  # the step is shown even where no cap is set
    session, shop, campaign = funnel.session, funnel.shop, funnel.campaign
    at = funnel.send_times.at  # on the shop's clock; whoever leaves at another hour is checked again then
    for cap in caps_on(funnel.policy, funnel.shop_policy, campaign.medium):
        if cap.messages == 0:
            yield Reason.CAPPED, funnel.left.copy()
            continue
        at_cap = buyers_at_cap(session, shop, campaign, cap=cap, policy=funnel.policy, at=at)
        yield from at_cap.skipped.items()
        if at_cap.delayed_until:
            funnel.send_times = funnel.send_times.put_off(at_cap.delayed_until)


def _refuse(check: Check, row: PendingDelivery) -> Reason | datetime | None:
    terms = row.terms
    if not terms.caps:
        return None
    others = check.once("others", lambda: _others(check)).get(row.id, ())
    pending = RankedDelivery(row.id, terms.medium, terms.priority)
    zone = check.shop.timezone
    # Where there is nothing else, a cap only holds that lets nothing leave at all.
    binding = terms.caps if others else [cap for cap in terms.caps if cap.messages == 0]
    verdicts = [check_cap(cap, pending, others, at=check.at, timezone=zone) for cap in binding]
    reasons = [each for each in verdicts if isinstance(each, Reason)]
    return reasons[0] if reasons else max((each for each in verdicts if isinstance(each, datetime)), default=None)


def _others(check: Check) -> dict[int, list[OtherDelivery]]:
    binding = [cap for terms in check.terms for cap in terms.caps]
    since = earliest_counted(binding, check.at, check.shop.timezone)
    return other_deliveries(check.session, check.shop.id, check.rows, since=since)


CAPPED = Rule("capped", drop=_drop, refuse=_refuse, always=Reason.CAPPED)
