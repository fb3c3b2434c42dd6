"""Reasons: the steps of a funnel and why a buyer gets nothing, each a word in rows and a sentence for people."""

from enum import StrEnum

from retention.i18n import gettext as _
from retention.i18n import gettext_noop as n_


class Reason(StrEnum):
    """Why somebody of the audience gets nothing; when planned or at hand-off."""

    EXCLUDED = "excluded"
    SERVED = "served"
    NO_CONSENT = "no_consent"
    NO_ADDRESS = "no_address"
    SAME_ADDRESS = "same_address"
    PAUSED = "paused"
    TOPIC_OUT = "topic_out"
    BOUNCED = "bounced"
    CAPPED = "capped"
    YIELDED = "yielded"
    NO_PARCEL = "no_parcel"
    PARCEL_FULL = "parcel_full"
    OVER_BUDGET = "over_budget"
    LATE = "late"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    OFFER_OVER = "offer_over"
    COUPON_USED = "coupon_used"
    COUPON_OVER = "coupon_over"
    SOLD_OUT = "sold_out"
    PRICE_CHANGED = "price_changed"
    BOUGHT_ALREADY = "bought_already"
    PAID_ALREADY = "paid_already"
    SOLD_ENOUGH = "sold_enough"
    TEXT_ERROR = "text_error"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    NO_RECORD = "no_record"
    NOT_AT_BENCH = "not_at_bench"


_STEPS = {
    "segment": n_("In the segment"),
    Reason.EXCLUDED: n_("Excluded by rule"),
    Reason.SERVED: n_("Already served by this campaign"),
    Reason.NO_CONSENT: n_("No consent"),
    Reason.NO_ADDRESS: n_("No address"),
    Reason.SAME_ADDRESS: n_("Same address as another buyer"),
    Reason.PAUSED: n_("Asked for a pause"),
    Reason.TOPIC_OUT: n_("Unsubscribed from this topic"),
    Reason.BOUNCED: n_("Address bounces"),
    Reason.CAPPED: n_("Reached the frequency cap"),
    Reason.YIELDED: n_("Held back for a higher-priority campaign"),
    Reason.NO_PARCEL: n_("No parcel to ship today"),
    Reason.PARCEL_FULL: n_("Insert limit of the parcel reached"),
    Reason.OVER_BUDGET: n_("Over the cost ceiling"),
    "control": n_("Control group"),
    "final": n_("Will get it"),
    Reason.LATE: n_("Too late to send"),
    Reason.DECLINED: n_("Manual post declined"),
    Reason.CANCELLED: n_("Cancelled before it left"),
    Reason.OFFER_OVER: n_("The offer was over"),
    Reason.COUPON_USED: n_("Used their coupon before"),
    Reason.COUPON_OVER: n_("Their coupon was over"),
    Reason.SOLD_OUT: n_("Sold out before it left"),
    Reason.PRICE_CHANGED: n_("The price changed before it left"),
    Reason.BOUGHT_ALREADY: n_("Bought it meanwhile"),
    Reason.PAID_ALREADY: n_("Paid meanwhile"),
    Reason.SOLD_ENOUGH: n_("Sales goal reached before it left"),
    Reason.TEXT_ERROR: n_("The text could not be made"),
    Reason.REFUSED: n_("Refused by the mail server"),
    Reason.GAVE_UP: n_("Gave up after several attempts"),
    Reason.NO_RECORD: n_("Outcome unknown"),
    Reason.NOT_AT_BENCH: n_("Not at the packing station when the parcel left"),
}

_SENTENCES = {
    Reason.EXCLUDED: n_("They match the rule of those this campaign leaves out."),
    Reason.SERVED: n_("An earlier run of this campaign reached them already."),
    Reason.NO_CONSENT: n_("They have not agreed to be reached this way, or no longer do."),
    Reason.NO_ADDRESS: n_("The shop has no address of theirs for this medium."),
    Reason.SAME_ADDRESS: n_("Another buyer with the same address gets it."),
    Reason.PAUSED: n_("They asked to hear nothing for a while, and that while is not over."),
    Reason.TOPIC_OUT: n_("They asked for nothing more on this topic."),
    Reason.BOUNCED: n_("What was sent to their address before came back for good."),
    Reason.CAPPED: n_("They had as many messages lately as the frequency cap allows."),
    Reason.YIELDED: n_("A campaign of higher priority takes the last place their frequency cap leaves."),
    Reason.NO_PARCEL: n_("No parcel of theirs was waiting to ship on that day."),
    Reason.PARCEL_FULL: n_("Their parcel carries as many inserts as a parcel may."),
    Reason.OVER_BUDGET: n_("The cost ceiling pays for fewer buyers, and the draw left them out."),
    Reason.LATE: n_("Their turn came later than the campaign allows."),
    Reason.DECLINED: n_("Whoever had to post it said why they did not."),
    Reason.CANCELLED: n_("The campaign was cancelled before theirs left."),
    Reason.OFFER_OVER: n_("The offer was over when their turn came."),
    Reason.COUPON_USED: n_("They had used their coupon of this offer before their turn came."),
    Reason.COUPON_OVER: n_("Their coupon of this offer was over or withdrawn when their turn came."),
    Reason.SOLD_OUT: n_("The product was sold out when their turn came."),
    Reason.PRICE_CHANGED: n_("The product cost something else when their turn came."),
    Reason.BOUGHT_ALREADY: n_("They bought the product before their turn came."),
    Reason.PAID_ALREADY: n_("They paid for their order, or took it back, before their turn came."),
    Reason.SOLD_ENOUGH: n_("The product had as many sales as the alert was for before their turn came."),
    Reason.TEXT_ERROR: n_("Their text could not be made."),
    Reason.REFUSED: n_("The receiving side refused it for good."),
    Reason.GAVE_UP: n_("It was tried several times and never got through."),
    Reason.NO_RECORD: n_("The sender stopped between handing it over and writing that down."),
    Reason.NOT_AT_BENCH: n_("Their insert was not at the packing station when their parcel left."),
}


def step_name(step: str) -> str:
    """Return a funnel step or reason as people read it."""
    return _(_STEPS.get(step, step))


def sentence(reason: str) -> str:
    """Return why somebody got nothing, as a sentence; empty for an unknown reason."""
    known = _SENTENCES.get(Reason(reason)) if reason in set(Reason) else None
    return _(known) if known else ""
