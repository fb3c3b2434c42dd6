"""Whom the campaign's own exclusion leaves out."""

from pyroaring import BitMap

from campaigns.campaign.reasons import Reason
from campaigns.plans.rules.rule import Dropped, Funnel, Rule
from segments.matching import match


def _drop(funnel: Funnel) -> Dropped:
    excluded = funnel.campaign.excluded
    yield (
        Reason.EXCLUDED,
        match(funnel.session, funnel.shop, excluded, now=funnel.at) if excluded else BitMap(),
    )


EXCLUDED = Rule(
    "excluded",
    drop=_drop,
    always=Reason.EXCLUDED,
    one_form="Audience and exclusion are as of the plan that was approved; whoever changes segment afterwards stays.",
)
