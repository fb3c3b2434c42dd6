"""The fields of a file that is imported, as people read them."""

from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.ingest.presets import KINDS

FIELD_NAMES = {
    "order_id": gettext_noop("Order number"),
    "buyer_id": gettext_noop("Buyer number or nickname"),
    "buyer": gettext_noop("Buyer number or nickname"),
    "ordered_at": gettext_noop("Time of the order"),
    "paid_at": gettext_noop("Paid at"),
    "placed_at": gettext_noop("Ordered at"),
    "status": gettext_noop("Order status"),
    "sku": gettext_noop("Product number (SKU)"),
    "title": gettext_noop("Product name"),
    "category": gettext_noop("Category"),
    "quantity": gettext_noop("Quantity"),
    "unit_price": gettext_noop("Unit price"),
    "amount": gettext_noop("Amount of the line"),
    "order_total": gettext_noop("Total of the order"),
    "line_discount": gettext_noop("Discount of the line"),
    "order_discount": gettext_noop("Discount of the order"),
    "refunded": gettext_noop("Refunded"),
    "line_refunded": gettext_noop("Refunded of the line"),
    "order_refunded": gettext_noop("Refunded of the order"),
    "total_after_refunds": gettext_noop("Total after refunds"),
    "refund_status": gettext_noop("Refund status"),
    "cancelled_at": gettext_noop("Cancelled at"),
    "updated_at": gettext_noop("Changed at"),
    "line_id": gettext_noop("Line number"),
    "postage": gettext_noop("Shipping"),
    "country": gettext_noop("Country"),
    "region": gettext_noop("Region or province"),
    "city": gettext_noop("City"),
    "address": gettext_noop("Delivery address"),
    "phone": gettext_noop("Phone"),
    "email": gettext_noop("Email address"),
    "name": gettext_noop("Buyer name"),
    "waybill": gettext_noop("Waybill number"),
    "shipped_at": gettext_noop("Shipped at"),
    "delivered_at": gettext_noop("Delivered at"),
    "ship_date": gettext_noop("Ships on"),
    "ship_day": gettext_noop("Ships on"),
    "pick_position": gettext_noop("Picking order"),
    "coupon": gettext_noop("Coupon code"),
    "channel": gettext_noop("Sales channel"),
    "currency": gettext_noop("Currency"),
    "counts": gettext_noop("Counts"),
    "language": gettext_noop("Language"),
    "birthday": gettext_noop("Birthday"),
    "timezone": gettext_noop("Time zone"),
    "created_at": gettext_noop("Known since"),
    "email_consent": gettext_noop("Email consent"),
    "sms_consent": gettext_noop("SMS consent"),
    "email_suppressed": gettext_noop("Email suppressed"),
    "email_suppressed_at": gettext_noop("Email suppressed since"),
    "consent_at": gettext_noop("Consent given at"),
    "email_consent_at": gettext_noop("Email consent given at"),
    "sms_consent_at": gettext_noop("SMS consent given at"),
    "brand": gettext_noop("Brand"),
    "price": gettext_noop("Price"),
    "stock": gettext_noop("In stock"),
    "arrival_at": gettext_noop("Buyable from"),
    "picture": gettext_noop("Picture"),
    "url": gettext_noop("Web address"),
    "followed_at": gettext_noop("Followed at"),
    "ended_at": gettext_noop("Unfollowed at"),
    "group": gettext_noop("Group"),
    "group_name": gettext_noop("Name of the group"),
    "slug": gettext_noop("Group"),
    "joined_at": gettext_noop("Joined at"),
    "left_at": gettext_noop("Left at"),
}


_STATES = {
    "paid": gettext_noop("Paid"),
    "placed": gettext_noop("Not paid yet"),
    "cancelled": gettext_noop("Cancelled"),
    "returned": gettext_noop("Refunded"),
}
_CONSENTS = {
    "in": gettext_noop("Opted in"),
    "out": gettext_noop("Opted out"),
    "never": gettext_noop("Never asked"),
    "ended": gettext_noop("No opt-in"),
}
_STORED = {
    "status": _STATES,
    "email_consent": _CONSENTS,
    "sms_consent": _CONSENTS,
    "counts": {"true": gettext_noop("yes"), "false": gettext_noop("no")},
}


def stored_words(field: str) -> dict[str, str]:
    """Return the words of a field as people read them: states of orders, answers. Of a text of the file, none."""
    return {word: _(name) for word, name in _STORED.get(field, {}).items()}


def field_name(field: str) -> str:
    """Return a field, or several between commas, as people read them."""
    return _(", ").join(_(FIELD_NAMES.get(each, each.replace("_", " "))) for each in field.split(","))


def field_choices(kind: str, current: str) -> list[tuple[str, str]]:
    """Return what a column can be taken for; what it is taken for now is among it."""
    names = list(KINDS[kind])
    if current and current not in names:
        names.insert(0, current)
    return [("", _("Not imported")), *((name, field_name(name)) for name in names)]
