"""Whom an earlier run of the campaign reached; of one that comes again, only those whose last one still waits."""

from sqlmodel import func, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.campaign.campaigns import TAKEN, Campaign, Delivery, DeliveryState, deliveries_of
from campaigns.campaign.reasons import Reason
from campaigns.campaign.triggers import serves_once
from campaigns.plans.rules.rule import Dropped, Funnel, Rule
from retention.bitmaps import read_bitmap


def _drop(funnel: Funnel) -> Dropped:
    yield Reason.SERVED, read_bitmap(funnel.session, _served(funnel.campaign))


def _served(campaign: Campaign) -> SelectOfScalar[int]:
    counted = TAKEN if serves_once(campaign.trigger) else (DeliveryState.WAITING, DeliveryState.CLAIMED)
    # SQLite would prefer the index of states, though it holds all the shop ever sent; so it gets none.
    state = func.coalesce(Delivery.state, "")
    return select(Delivery.buyer_id).where(*deliveries_of(campaign), state.in_(counted))


SERVED = Rule(
    "served",
    drop=_drop,
    always=Reason.SERVED,
    one_form="Launches of a shop take turns, so no second run of the campaign can choose a buyer after the plan.",
)
