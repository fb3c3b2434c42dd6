"""What a field is called on a page, for refusals that name it: "Short name", not slug.

Programs are told the name they sent. People are told the label their form carries, and where no form is at hand the
name from here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from retention.i18n import gettext, gettext_noop

NAMES = {
    "accent": gettext_noop("Accent colour"),
    "address": gettext_noop("Address"),
    "agents": gettext_noop("Browsers of scans"),
    "amount": gettext_noop("Amount"),
    "answer": gettext_noop("Answer"),
    "arrival": gettext_noop("Arrives, on the shop's clock"),
    "arrival_at": gettext_noop("Arrives, on the shop's clock"),
    "assignee": gettext_noop("Who posts it"),
    "at": gettext_noop("When"),
    "at_once": gettext_noop("Messages in the air at once"),
    "audience": gettext_noop("Rule"),
    "audit": gettext_noop("Audit"),
    "body": gettext_noop("Text"),
    "buyer": gettext_noop("Buyer"),
    "buyer_id": gettext_noop("Buyer"),
    "buyers": gettext_noop("Buyers"),
    "campaign": gettext_noop("Campaign"),
    "category": gettext_noop("Category"),
    "channel": gettext_noop("Channel"),
    "choice": gettext_noop("Choice"),
    "code": gettext_noop("Code"),
    "content": gettext_noop("Content"),
    "control_share": gettext_noop("Control group"),
    "current": gettext_noop("Present password"),
    "day": gettext_noop("Day"),
    "days": gettext_noop("Days"),
    "days_from_claim": gettext_noop("Days from claiming"),
    "detail": gettext_noop("Details"),
    "email": gettext_noop("Mail address"),
    "ends_at": gettext_noop("Last day"),
    "events": gettext_noop("Events"),
    "external_id": gettext_noop("Customer number"),
    "file": gettext_noop("File"),
    "flyer": gettext_noop("Flyer"),
    "gift": gettext_noop("Gift"),
    "group": gettext_noop("Group"),
    "image": gettext_noop("Picture"),
    "key": gettext_noop("Key"),
    "kind": gettext_noop("Kind"),
    "language": gettext_noop("Language"),
    "last_day": gettext_noop("Last day"),
    "minimum": gettext_noop("Smallest order"),
    "most_coupons": gettext_noop("Most coupons"),
    "name": gettext_noop("Name"),
    "names": gettext_noop("Name"),
    "note": gettext_noop("Note"),
    "number": gettext_noop("Number"),
    "page": gettext_noop("Page"),
    "partner": gettext_noop("Partner shop"),
    "password": gettext_noop("Password"),
    "per_day": gettext_noop("Messages a day"),
    "per_month": gettext_noop("Messages a month"),
    "per_second": gettext_noop("Messages a second"),
    "phone": gettext_noop("Phone"),
    "picture": gettext_noop("Picture"),
    "policy": gettext_noop("Policy"),
    "postage": gettext_noop("Postage"),
    "price": gettext_noop("Price"),
    "product_id": gettext_noop("Product"),
    "profile": gettext_noop("Printer"),
    "quantity": gettext_noop("Quantity"),
    "reason": gettext_noop("Reason"),
    "result": gettext_noop("Result"),
    "role": gettext_noop("Role"),
    "rule": gettext_noop("Rule"),
    "run": gettext_noop("Run"),
    "scheduled_at": gettext_noop("When"),
    "scopes": gettext_noop("What it may do"),
    "encrypted_secrets": gettext_noop("Secrets"),
    "secret": gettext_noop("Signing secret"),
    "segment": gettext_noop("Segment"),
    "sender": gettext_noop("Sender"),
    "settings": gettext_noop("Settings"),
    "shares": gettext_noop("Percent of each part"),
    "short": gettext_noop("Short name"),
    "short_name": gettext_noop("Short name"),
    "slot": gettext_noop("Slot"),
    "slug": gettext_noop("Short name"),
    "source": gettext_noop("Source"),
    "starts_at": gettext_noop("First day"),
    "step": gettext_noop("Step"),
    "stock": gettext_noop("In stock"),
    "subject": gettext_noop("Subject"),
    "text": gettext_noop("Text"),
    "texts": gettext_noop("Message texts"),
    "theme": gettext_noop("Theme"),
    "title": gettext_noop("Title"),
    "to": gettext_noop("To"),
    "topic": gettext_noop("Topic"),
    "trigger": gettext_noop("What happens"),
    "unlock_at": gettext_noop("When"),
    "until": gettext_noop("Last day"),
    "uploads": gettext_noop("Uploaded files"),
    "url": gettext_noop("Address"),
    "user_agent": gettext_noop("Browser"),
    "value": gettext_noop("Value"),
    "values": gettext_noop("Values of the template"),
    "waybill": gettext_noop("Waybill"),
    "why": gettext_noop("Reason"),
    "wording": gettext_noop("Wording"),
}
"""By the name of a column or of a field of a form."""

_labels: ContextVar[Mapping[str, str] | None] = ContextVar("labels", default=None)


@contextmanager
def labelled(labels: Mapping[str, str] | None) -> Iterator[None]:
    """Name fields by these labels in the body, and those without one as above; None names them as programs do."""
    token = _labels.set(labels)
    try:
        yield
    finally:
        _labels.reset(token)


def name_field(name: str) -> str:
    """Return what to call a field to whoever is spoken to now."""
    labels = _labels.get()
    if labels is None:
        return name
    if name in labels:
        return labels[name]
    return gettext(NAMES[name]) if name in NAMES else name.replace("_", " ")
