"""Reasons: the steps of a funnel and why a buyer gets nothing, each with a stored value and a sentence."""

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
    Reason.SERVED: n_("Already received this campaign"),
    Reason.NO_CONSENT: n_("No consent"),
    Reason.NO_ADDRESS: n_("No address"),
    Reason.SAME_ADDRESS: n_("Same address as another buyer"),
    Reason.PAUSED: n_("Paused by the buyer"),
    Reason.TOPIC_OUT: n_("Unsubscribed from this topic"),
    Reason.BOUNCED: n_("Address bounces"),
    Reason.CAPPED: n_("Reached the frequency cap"),
    Reason.YIELDED: n_("Held back for a higher-priority campaign"),
    Reason.NO_PARCEL: n_("No parcel to ship today"),
    Reason.PARCEL_FULL: n_("Insert limit of the parcel reached"),
    Reason.OVER_BUDGET: n_("Over budget"),
    "control": n_("Control group"),
    "final": n_("Will be sent"),
    Reason.LATE: n_("Expired before sending"),
    Reason.DECLINED: n_("Manual post declined"),
    Reason.CANCELLED: n_("Cancelled before sending"),
    Reason.OFFER_OVER: n_("Offer expired"),
    Reason.COUPON_USED: n_("Coupon already redeemed"),
    Reason.COUPON_OVER: n_("Coupon expired"),
    Reason.SOLD_OUT: n_("Sold out before sending"),
    Reason.PRICE_CHANGED: n_("Price changed before sending"),
    Reason.BOUGHT_ALREADY: n_("Product already bought"),
    Reason.PAID_ALREADY: n_("Order already paid"),
    Reason.SOLD_ENOUGH: n_("Sales goal reached before sending"),
    Reason.TEXT_ERROR: n_("Message could not be rendered"),
    Reason.REFUSED: n_("Refused by the mail server"),
    Reason.GAVE_UP: n_("Gave up after several attempts"),
    Reason.NO_RECORD: n_("Outcome unknown"),
    Reason.NOT_AT_BENCH: n_("Not at the packing station when the parcel left"),
}

_SENTENCES = {
    Reason.EXCLUDED: n_("They match the exclusion rule of this campaign."),
    Reason.SERVED: n_("An earlier run of this campaign has reached them."),
    Reason.NO_CONSENT: n_("They have not opted in to this channel, or have opted out."),
    Reason.NO_ADDRESS: n_("The shop has no address of this buyer for this channel."),
    Reason.SAME_ADDRESS: n_("Another buyer with the same address receives it."),
    Reason.PAUSED: n_("They have paused all messages, and the pause has not ended."),
    Reason.TOPIC_OUT: n_("They unsubscribed from this topic."),
    Reason.BOUNCED: n_("Earlier messages to their address hard-bounced."),
    Reason.CAPPED: n_("They have reached the frequency cap."),
    Reason.YIELDED: n_("A campaign of higher priority uses the last message their frequency cap allows."),
    Reason.NO_PARCEL: n_("They had no parcel to ship on that day."),
    Reason.PARCEL_FULL: n_("Their parcel has reached the insert limit."),
    Reason.OVER_BUDGET: n_("The budget covers fewer buyers, and they were left out at random."),
    Reason.LATE: n_("The message expired before it could be sent."),
    Reason.DECLINED: n_("The user who had the task declined it with a reason."),
    Reason.CANCELLED: n_("The campaign was cancelled before their message was sent."),
    Reason.OFFER_OVER: n_("The offer had expired when their message was due."),
    Reason.COUPON_USED: n_("They had redeemed their coupon of this offer before their message was due."),
    Reason.COUPON_OVER: n_("Their coupon of this offer had expired or was void when their message was due."),
    Reason.SOLD_OUT: n_("The product was sold out when their message was due."),
    Reason.PRICE_CHANGED: n_("The price of the product had changed when their message was due."),
    Reason.BOUGHT_ALREADY: n_("They bought the product before their message was due."),
    Reason.PAID_ALREADY: n_("They paid or cancelled their order before their message was due."),
    Reason.SOLD_ENOUGH: n_("The sales goal of the product was reached before their message was due."),
    Reason.TEXT_ERROR: n_("Their message could not be rendered."),
    Reason.REFUSED: n_("The receiving server rejected it permanently."),
    Reason.GAVE_UP: n_("Delivery failed after several attempts."),
    Reason.NO_RECORD: n_("The sending process stopped before the outcome was recorded."),
    Reason.NOT_AT_BENCH: n_("Their insert was not at the packing station when their parcel shipped."),
}


def step_name(step: str) -> str:
    """Return a funnel step or reason as people read it."""
    return _(_STEPS.get(step, step))


def sentence(reason: str) -> str:
    """Return why somebody got nothing, as a sentence; empty for an unknown reason."""
    known = _SENTENCES.get(Reason(reason)) if reason in set(Reason) else None
    return _(known) if known else ""
