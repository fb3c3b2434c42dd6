"""Labels of the values in rules: English keys, translated where they are shown."""

from retention.consent import Channel
from retention.i18n import gettext_noop
from retention.touches import TouchEvent

FIELDS = {
    "external_id": gettext_noop("buyer id"),
    "name": gettext_noop("name"),
    "email": gettext_noop("email address"),
    "phone": gettext_noop("phone number"),
    "language": gettext_noop("language"),
    "country": gettext_noop("country"),
    "region": gettext_noop("region"),
    "city": gettext_noop("city"),
    "timezone": gettext_noop("time zone"),
    "birthday": gettext_noop("birthday"),
    "created_at": gettext_noop("first entry"),
}

CHANNELS = {
    Channel.EMAIL: gettext_noop("email"),
    Channel.SMS: gettext_noop("SMS"),
    Channel.PARCEL: gettext_noop("parcel inserts"),
    Channel.GROUP: gettext_noop("group messages"),
    Channel.PERSONAL: gettext_noop("personal messages"),
    Channel.WEBHOOK: gettext_noop("app messages"),
}

ANSWERS = {
    "in": gettext_noop("opted in to {channel}"),
    "out": gettext_noop("opted out of {channel}"),
    "never": gettext_noop("have no recorded consent for {channel}"),
}

EVENTS = {
    TouchEvent.SENT: gettext_noop("were sent something"),
    TouchEvent.SCANNED: gettext_noop("scanned a code"),
    TouchEvent.CLICKED: gettext_noop("clicked a link"),
    TouchEvent.CLAIMED: gettext_noop("claimed a coupon"),
    TouchEvent.REDEEMED: gettext_noop("redeemed a coupon"),
}

NEVER = {
    TouchEvent.SENT: gettext_noop("were never sent anything"),
    TouchEvent.SCANNED: gettext_noop("never scanned a code"),
    TouchEvent.CLICKED: gettext_noop("never clicked a link"),
    TouchEvent.CLAIMED: gettext_noop("never claimed a coupon"),
    TouchEvent.REDEEMED: gettext_noop("never redeemed a coupon"),
}

GROUPS = {
    "champions": gettext_noop("Champions"),
    "loyal": gettext_noop("Loyal"),
    "active": gettext_noop("Active"),
    "new": gettext_noop("New"),
    "promising": gettext_noop("Promising"),
    "needs-attention": gettext_noop("Needs attention"),
    "at-risk": gettext_noop("At risk"),
    "previously-loyal": gettext_noop("Previously loyal"),
    "almost-lost": gettext_noop("Almost lost"),
    "dormant": gettext_noop("Dormant"),
    "prospects": gettext_noop("Prospects"),
}
"""The eleven RFM groups, best first."""

MEASURES = {
    "count": gettext_noop("number of orders"),
    "spend": gettext_noop("total spend"),
    "items": gettext_noop("items bought"),
    "products": gettext_noop("different products bought"),
    "average": gettext_noop("average order"),
    "largest": gettext_noop("largest order"),
    "returns": gettext_noop("number of returns"),
    "first": gettext_noop("first order"),
    "last": gettext_noop("last order"),
    "days_since_first": gettext_noop("days since the first order"),
    "days_since_last": gettext_noop("days since the last order"),
    "days_to_second": gettext_noop("days from first to second order"),
    "median_gap": gettext_noop("usual interval between orders, in days"),
    "lateness": gettext_noop("time since last order as a multiple of the usual interval"),
}

TEXT_TESTS = {
    "is": gettext_noop("is"),
    "is_not": gettext_noop("is not"),
    "contains": gettext_noop("contains"),
    "exists": gettext_noop("is known"),
    "missing": gettext_noop("is not known"),
}

DATE_TESTS = {
    "before": gettext_noop("before the day"),
    "after": gettext_noop("after the day"),
    "exists": gettext_noop("is known"),
    "missing": gettext_noop("is not known"),
}

FILTERS = {
    "sku": gettext_noop("product number (SKU)"),
    "category": gettext_noop("category"),
    "title_contains": gettext_noop("title contains"),
    "price_at_least": gettext_noop("price from"),
    "coupon_used": gettext_noop("coupon"),
    "country": gettext_noop("delivered to country"),
    "region": gettext_noop("delivered to region"),
    "city": gettext_noop("delivered to city"),
    "channel": gettext_noop("sales channel"),
}

CONSENTS = {
    "in": gettext_noop("opted in"),
    "out": gettext_noop("opted out"),
    "never": gettext_noop("never asked"),
}

PREDICTIONS = {
    "alive": gettext_noop("probability of ordering again"),
    "orders": gettext_noop("number of order days"),
    "days_to_next": gettext_noop("days to the next order"),
}

SCORES = {
    "recency": gettext_noop("recency"),
    "frequency": gettext_noop("frequency"),
    "monetary": gettext_noop("monetary value"),
}

SCALES = {
    "quintiles": gettext_noop("fifths of the buyers"),
    "steps": gettext_noop("fixed steps: 1, 2, 3, 5, 10 orders"),
}

CHOICES = {**FILTERS, **FIELDS, **TEXT_TESTS, **DATE_TESTS, **MEASURES, **PREDICTIONS, **SCORES, **SCALES, **GROUPS}
"""What a refusal calls the names it lists."""
