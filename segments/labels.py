"""What the names inside rules are called for people: English keys, translated where they are shown."""

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
