"""Labels of fields for error messages: "Short name" for slug.

Programs are told the name they sent. People are told the label their form carries, and where no form is at hand the
name from here.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from retention.i18n import gettext, gettext_noop

NAMES = {
    "accent": gettext_noop("Accent colour"),
    "access_key_id": gettext_noop("Access key"),
    "account_sid": gettext_noop("Account SID"),
    "address": gettext_noop("Address"),
    "after": gettext_noop("Hours later"),
    "again": gettext_noop("A buyer can receive it more than once"),
    "agents": gettext_noop("Browser data of scans"),
    "amount": gettext_noop("Amount"),
    "answer": gettext_noop("Answer"),
    "approval_required": gettext_noop("Campaigns need approval by a second person"),
    "arrival": gettext_noop("Arrival time (shop's time zone)"),
    "arrival_at": gettext_noop("Arrival time (shop's time zone)"),
    "assignee": gettext_noop("Posted by"),
    "at": gettext_noop("When"),
    "at_least": gettext_noop("at least"),
    "at_most": gettext_noop("at most"),
    "at_once": gettext_noop("Concurrent messages"),
    "audience": gettext_noop("Rule"),
    "audit": gettext_noop("Audit"),
    "authority": gettext_noop("Additional trusted certificate (PEM)"),
    "between": gettext_noop("from … to"),
    "body": gettext_noop("Text"),
    "buyer": gettext_noop("Buyer"),
    "buyer_id": gettext_noop("Buyer"),
    "buyers": gettext_noop("Buyers"),
    "campaign": gettext_noop("Campaign"),
    "campaigns": gettext_noop("Campaigns"),
    "caps": gettext_noop("Frequency caps"),
    "category": gettext_noop("Category"),
    "channel": gettext_noop("Channel"),
    "choice": gettext_noop("Choice"),
    "code": gettext_noop("Code"),
    "content": gettext_noop("Content"),
    "control_share": gettext_noop("Control group"),
    "cost_ceiling": gettext_noop("Budget"),
    "cost_each": gettext_noop("Price per message"),
    "current": gettext_noop("Current password"),
    "day": gettext_noop("Day"),
    "days": gettext_noop("Days"),
    "days_from_claim": gettext_noop("Valid days after claiming"),
    "detail": gettext_noop("Details"),
    "email": gettext_noop("Email address"),
    "en": gettext_noop("Name in English"),
    "endpoint": gettext_noop("Gateway URL"),
    "ends_at": gettext_noop("Last day"),
    "events": gettext_noop("Events"),
    "external_id": gettext_noop("Customer number"),
    "file": gettext_noop("File"),
    "flyer": gettext_noop("Flyer"),
    "from": gettext_noop("Quiet hours from"),
    "gift": gettext_noop("Gift"),
    "group": gettext_noop("Group"),
    "headers": gettext_noop("Headers"),
    "host": gettext_noop("Host"),
    "hours": gettext_noop("Delay in hours"),
    "image": gettext_noop("Picture"),
    "key": gettext_noop("Key"),
    "kind": gettext_noop("Kind"),
    "language": gettext_noop("Language"),
    "last_day": gettext_noop("Last day"),
    "late_after": gettext_noop("Expires after, in hours"),
    "less_than": gettext_noop("less than"),
    "mail_from": gettext_noop("From address"),
    "messages": gettext_noop("At most"),
    "messaging_service_sid": gettext_noop("Messaging service SID"),
    "method": gettext_noop("Method"),
    "minimum": gettext_noop("Minimum order"),
    "more_than": gettext_noop("more than"),
    "most_coupons": gettext_noop("Maximum coupons"),
    "most_inserts": gettext_noop("Maximum inserts per parcel"),
    "name": gettext_noop("Name"),
    "names": gettext_noop("Name"),
    "note": gettext_noop("Note"),
    "number": gettext_noop("Number"),
    "of": gettext_noop("Filter"),
    "orders": gettext_noop("Orders"),
    "over": gettext_noop("Counts"),
    "over_ceiling": gettext_noop("If over budget"),
    "page": gettext_noop("Page"),
    "partner": gettext_noop("Partner shop"),
    "password": gettext_noop("Password"),
    "per": gettext_noop("Period"),
    "per_day": gettext_noop("Messages a day"),
    "per_month": gettext_noop("Messages a month"),
    "per_second": gettext_noop("Messages a second"),
    "percent": gettext_noop("Percentages of the parts"),
    "phone": gettext_noop("Phone"),
    "picture": gettext_noop("Picture"),
    "platform": gettext_noop("Platform"),
    "policy": gettext_noop("Policy"),
    "port": gettext_noop("Port"),
    "postage": gettext_noop("Postage"),
    "posts_to": gettext_noop("Posted by"),
    "preheader": gettext_noop("Preheader"),
    "price": gettext_noop("Price"),
    "priority": gettext_noop("Priority, 0 to 100"),
    "product_id": gettext_noop("Product"),
    "profile": gettext_noop("Printer"),
    "quantity": gettext_noop("Quantity"),
    "quiet": gettext_noop("Quiet hours"),
    "quiet_from": gettext_noop("Quiet hours from"),
    "quiet_to": gettext_noop("Quiet hours until"),
    "read_out_days": gettext_noop("Result read-out after, in days"),
    "reason": gettext_noop("Reason"),
    "region": gettext_noop("Region"),
    "result": gettext_noop("Result"),
    "role": gettext_noop("Role"),
    "rule": gettext_noop("Rule"),
    "run": gettext_noop("Run"),
    "scheduled_at": gettext_noop("When"),
    "scopes": gettext_noop("Permissions"),
    "encrypted_secrets": gettext_noop("Secrets"),
    "secret": gettext_noop("Signing secret"),
    "segment": gettext_noop("Segment"),
    "send_at": gettext_noop("Send time"),
    "sender": gettext_noop("Sender"),
    "settings": gettext_noop("Settings"),
    "shares": gettext_noop("Percentages of the parts"),
    "short": gettext_noop("Short name"),
    "short_name": gettext_noop("Short name"),
    "signature": gettext_noop("SMS signature"),
    "slot": gettext_noop("Slot"),
    "slug": gettext_noop("Short name"),
    "source": gettext_noop("Source"),
    "starts_at": gettext_noop("First day"),
    "status_callback": gettext_noop("URL for delivery reports"),
    "step": gettext_noop("Step"),
    "stock": gettext_noop("In stock"),
    "stop_after_sales": gettext_noop("Stop after this many sales of the product"),
    "subject": gettext_noop("Subject"),
    "template": gettext_noop("Approved template"),
    "text": gettext_noop("Text"),
    "texts": gettext_noop("Message texts"),
    "theme": gettext_noop("Theme"),
    "time": gettext_noop("Time"),
    "title": gettext_noop("Title"),
    "tls": gettext_noop("Encryption"),
    "to": gettext_noop("To"),
    "topic": gettext_noop("Topic"),
    "touch": gettext_noop("Campaign activity: sent, scanned, redeemed"),
    "transactional": gettext_noop("Transactional (about the buyer's own order)"),
    "trigger": gettext_noop("Event"),
    "unlock_at": gettext_noop("Unlocks after this many joined"),
    "until": gettext_noop("Last day"),
    "uploads": gettext_noop("Uploaded files"),
    "url": gettext_noop("Address"),
    "user": gettext_noop("User"),
    "user_agent": gettext_noop("Browser"),
    "value": gettext_noop("Value"),
    "values": gettext_noop("Values of the template"),
    "waves": gettext_noop("Waves"),
    "waybill": gettext_noop("Waybill"),
    "when_full": gettext_noop("When the cap is reached"),
    "why": gettext_noop("Reason"),
    "window": gettext_noop("Period"),
    "wording": gettext_noop("Wording"),
    "zh": gettext_noop("Name in Chinese"),
    "zone": gettext_noop("Time zone"),
}
"""By the name of a column or of a field of a form."""

_labels: ContextVar[Mapping[str, str] | None] = ContextVar("labels", default=None)
_choices: ContextVar[Mapping[str, str]] = ContextVar("choices", default=MappingProxyType({}))


@contextmanager
def labelled(labels: Mapping[str, str] | None, choices: Mapping[str, str] = MappingProxyType({})) -> Iterator[None]:
    """Name fields and choices by these labels in the body, those without one as above; None names as programs do."""
    tokens = _labels.set(labels), _choices.set(choices)
    try:
        yield
    finally:
        _labels.reset(tokens[0])
        _choices.reset(tokens[1])


def name_field(name: str) -> str:
    """Return what to call a field to whoever is spoken to now."""
    labels = _labels.get()
    if labels is None:
        return name
    if name in labels:
        return labels[name]
    parts = [_called(part, labels) for part in name.split(".")]
    return gettext(": ").join(part for part in parts if part) or name.replace("_", " ")


def name_choice(name: str, names: Mapping[str, str]) -> str:
    """Return what to call a choice: as the page at hand, `names` or the fields above call it; programs its name."""
    if _labels.get() is None:
        return name
    shown = _choices.get().get(name)
    return shown or gettext(names.get(name) or NAMES.get(name) or re.sub("[-_.]", " ", name))


def name_path(path: str) -> str:
    """Return what to call the place of a value in a rule: of rule.all[0].orders.at_least the last that has a name."""
    labels = _labels.get()
    if labels is None:
        return path
    named = [part for part in re.split(r"[.\[\]]+", path) if part in NAMES and part != "rule"]
    return gettext(NAMES[named[-1] if named else "rule"])


def _called(part: str, labels: Mapping[str, str]) -> str:
    """Return a part of a name: its label, the number of its line, or nothing for what people never see."""
    if part.isdecimal():
        return str(int(part) + 1)
    return labels.get(part) or (gettext(NAMES[part]) if part in NAMES else part.replace("_", " "))
