"""What the fields of the REST API mean, by name: one name means one thing everywhere.

A shape in which a name means something else says so beside its field. Times are ISO 8601 with an offset, in UTC where
we say them; amounts of money are strings in major units of the shop's currency.
"""

_BUYERS = {
    "address": "The mail address or phone number, in normalised form.",
    "blanked": "Rows kept with personal values removed.",
    "buyer": "The buyer's external id: what the shop itself calls them.",
    "buyer_id": "The buyer's external id: what the shop itself calls them.",
    "deleted": "How many rows were deleted.",
    "email": "The person's mail address, with which they sign in.",
    "entered": "How many buyers came in.",
    "left": "How many buyers went out.",
    "member": "Whether the buyer is in the segment.",
    "phone": "The buyer's phone number, with its country code or as it is dialled in the shop's country.",
}

_CONSENT = {
    "answer": "What the buyer said: `in` allows messages, `out` refuses them.",
    "at": "When it happened, in UTC.",
    "channel": "The channel that the answer is about.",
    "counts": "Whether it was the latest valid answer when it was recorded; an older one is kept and does not count.",
    "evidence": "What was asked and said, and how.",
    "held": "Whether the buyer's address has opted out, whoever said so.",
    "history": "The buyer's answers, the last recorded first.",
    "lifted": "How many reports no longer count.",
    "now": "What holds for each channel now.",
    "paused_until": "Until when nothing is sent to the buyer by any channel, in UTC; null for no pause.",
    "recorded": "The rows that the answer made: one for each buyer and channel.",
    "recorded_by": "Who wrote it down: `user:` or `key:` with a number, or the page or file it came by.",
    "source": "Where it was said, such as checkout, phone or mail.",
    "suppressions": "The addresses that have opted out, the latest first.",
    "topic": "The slug of the topic that it is about; empty for everything.",
    "topics": "The topics that buyers can unsubscribe from, in the shop's order.",
    "topics_out": "The slugs of the topics that the buyer unsubscribed from.",
}

_CAMPAIGNS = {
    "alerts": "The slugs of the campaigns that announce the product.",
    "answers": "Why the buyer did or did not get the campaign: one answer for each run, the first run first.",
    "arrival_at": "When the product becomes buyable, in UTC; null where that is not known.",
    "audience": "How many buyers were in the segment.",
    "campaign": "The campaign's slug.",
    "campaigns": "The shop's campaigns, the newest first.",
    "coming": "Products that are announced and not yet buyable, the next first.",
    "content": "What it says, by language (en, zh-CN): the subject and body as Liquid templates.",
    "control": "How many buyers go to the control group, who deliberately get nothing.",
    "decided_at": "When the review was decided, in UTC; null while it waits.",
    "decided_by": "Who decided the review: `user:` or `key:` with a number; empty while it waits.",
    "excluded": "The rule for the buyers who get nothing; null for none.",
    "final": "How many buyers would get it, after everybody who is left out.",
    "fingerprint": "A hash of what was planned or promised: another one says that something changed since.",
    "funnel": "The steps from the segment to the final set in order, each with how many buyers are left.",
    "live": "Products that arrived in the last 90 days and are in stock, the latest first.",
    "offer": "The offer's slug.",
    "outcome": "What became of it: a state of a delivery, `skipped`, or `absent` for who was not in the audience.",
    "policy": "The campaign's limits: control share, caps, quiet hours, cost ceiling and so on.",
    "product": "The SKU of the product that the campaign is about; null for none.",
    "reason": "Why, as a word for programs.",
    "recipe": "The recipe that the campaign is made from.",
    "resent": "How many deliveries wait to be sent again.",
    "review": "The latest review; null before the first.",
    "run": "The number of the campaign's run, beginning at 1.",
    "sales": "How many orders have had the product.",
    "scheduled_at": "The moment that the campaign is to be launched at, in UTC; null where its trigger says when.",
    "seconds_to_first_sale": "Seconds from the product's arrival to its first order; null before that.",
    "sender": "The slug of the sender that sends it; null for this installation's own mail server.",
    "skipped": "How many buyers are left out, by reason.",
    "sold_out": "Products that arrived in the last 90 days and are out of stock, the latest first.",
    "stage": "Where the product is: coming, live or sold out.",
    "stock": "How many units are in stock; null where the shop does not say.",
    "submitted_at": "When it was submitted for review, in UTC.",
    "submitted_by": "Who submitted it: `user:` or `key:` with a number.",
    "trigger": "What launches it: once, recurring, an event or waves.",
    "verdict": "What the review decided; `pending` while nobody has.",
}

_TEXTS = {
    "example": "What the variable could stand for.",
    "findings": "What the checks found in the text, the worst first; empty for nothing.",
    "html": "The HTML part of a mail; empty for other media.",
    "language": "The language of the text, such as en or zh-CN; empty where it holds for all.",
    "messages": "The messages, ready to be read.",
    "names": "The topic's name by language, such as en and zh-CN.",
    "note": "A note by whoever did it; empty for none.",
    "preheader": "The line that mail programs show beside the subject; empty for other media.",
    "severity": "Whether it will go wrong (`red`) or should be looked at (`amber`).",
    "subject": "The subject of the mail; empty for other media.",
    "text": "All that the buyer reads, as plain text.",
    "variables": "The variables that the text may use.",
}

_SENDING = {
    "bounces": "Reports of bounces and complaints, the newest first.",
    "due_at": "When it is due, in UTC.",
    "groups": "The shop's chat groups by slug.",
    "last_error": "The last error response of the mail server, gateway or bot; empty for none.",
    "left_this_month": "How many more may be sent this month; null for no limit.",
    "medium": "What it goes out by, such as email, sms or parcel.",
    "per_second": "Messages a second at most; null for no limit.",
    "posts": "The posts that are due and taken by nobody else, or those in the state asked for.",
    "senders": "The shop's senders by slug.",
    "sent_at": "When it was sent, in UTC; null before that.",
    "settings": "The plain values of the sender's kind, such as host and port; secrets are not among them.",
    "to": "The mail address or phone number that gets it.",
    "too_late_at": "From when on it is no longer sent, in UTC.",
    "waiting": "How many posts wait, on all pages.",
}

_WEBHOOKS = {
    "attempts": "How often it was tried.",
    "calls": "The webhook's calls, the newest first.",
    "event": "What happened: the type of the event.",
    "events": "The types of events that it is called for.",
    "hooks": "The shop's webhooks by slug.",
    "secret": "The secret that its calls are signed with. It is shown this once.",
    "url": "The address that is called.",
}

_PAPER = {
    "batch": "The number of the print batch; null while it is not printed.",
    "batches": "The shop's print batches, the newest first.",
    "closed_at": "When the batch was closed, in UTC; null while it is open.",
    "flyer": "The flyer's slug.",
    "inserts": "The inserts that go into the parcel; empty for none.",
    "made_at": "When it was made, in UTC.",
    "open": "How many inserts have no final state; the batch can be closed when it is 0.",
    "packed": "Whether the packing station confirmed that it is in the parcel.",
    "pieces": "How many inserts the batch prints.",
    "printed_at": "When somebody said that it is printed, in UTC; null before that.",
    "profile": "The printer profile that it is made for.",
    "sheets": "How many sheets of paper it takes.",
    "waybill": "The waybill number on the parcel.",
}

_ORDERS = {
    "again": "Whether this order had used the coupon before; nothing changed then.",
    "category": "The product's category in the shop.",
    "city": "The city that the parcel goes to.",
    "code": "The coupon's code, in groups of four characters.",
    "country": "The country that the parcel goes to.",
    "coupon": "The coupon and its terms.",
    "currency": "The shop's currency, ISO 4217.",
    "hold_expires_at": "When the hold for a checkout ends, in UTC; null while nobody holds it.",
    "lines": "What was ordered: one line for each product.",
    "order_id": "The order's own id in the system that numbers it.",
    "orders": "The orders to add or change.",
    "paid_at": "When it was paid, with an offset; null while it is not.",
    "cancelled_at": "When it was cancelled, with an offset; left out where it was not.",
    "placed_at": "When it was placed, with an offset.",
    "postage": "What the buyer paid for shipping, in major units of the shop's currency.",
    "quantity": "How many units; negative for a return.",
    "refunded": "What was given back of the order, in major units of the shop's currency.",
    "region": "The province or state that the parcel goes to.",
    "rejected": "The lines that were not taken.",
    "sku": "The product's SKU.",
    "status": "Whether the order is placed, paid, cancelled or returned.",
    "title": "The product's name in the shop.",
    "unchanged": "Orders that stand as they were.",
    "unit_price": "The price of one unit, in major units of the shop's currency.",
}

_SEGMENTS = {
    "asks": "What the preset needs to be told, by the names of its parameters; empty for nothing.",
    "buyers": "How many buyers match.",
    "buyers_at_refresh": "How many buyers were in it at its last refresh; null before the first.",
    "changes": "The changes, the oldest first.",
    "of": "How many buyers the shop has.",
    "parts": "How many buyers match each part of the rule by itself.",
    "path": "The path of the part within the rule.",
    "presets": "The ready-made rules.",
    "refreshed_at": "When it was last refreshed, in UTC; null before that.",
    "rule": "The rule as JSON: one node, which may hold others.",
    "segment": "The segment's slug.",
    "segments": "The segments by slug.",
    "sequence": "The number of the change: later ones are higher.",
    "words": "The rule as a sentence, in the language of the request.",
}

_SHOP = {
    "created_at": "When it was made, in UTC.",
    "expires_at": "When it stops working, in UTC; null for never.",
    "exported_at": "When the export was made, in UTC.",
    "failures": "What fails in the shop, what was tried last first.",
    "id": "Its number in this installation, by which addresses name it.",
    "key": "The key itself, to be sent as `Authorization: Bearer`. It is shown this once.",
    "keys": "The shop's API keys, the newest first.",
    "link": "The address to accept the invitation at, where it could not be mailed; empty otherwise.",
    "mailed": "Whether the invitation was mailed.",
    "name": "Its name, as people read it.",
    "number": "Its number, by which addresses name it.",
    "people": "Who works in the shop, by mail address.",
    "role": "The person's role, which says what they may do.",
    "scopes": "What the key may do.",
    "since": "When it began, in UTC.",
    "slug": "Its short name in addresses: small letters, digits and hyphens.",
    "tables": "The rows about the buyer, by the name of the table.",
    "tried_at": "When it was last tried, in UTC.",
}

CAMPAIGN_STATE = (
    "`draft`: being edited. `in_review`: submitted for review. `approved`: approved, not yet scheduled. `scheduled`: "
    "waits for its moment or trigger. `running`: has runs or waits for the next one. `paused`: sends nothing until "
    "it is resumed. `finished`: all its runs are done. `cancelled`: stopped for good."
)
"""The states of a campaign, for the shapes that have one."""

FIELDS: dict[str, str] = {
    **_BUYERS,
    **_CONSENT,
    **_CAMPAIGNS,
    **_TEXTS,
    **_SENDING,
    **_WEBHOOKS,
    **_PAPER,
    **_ORDERS,
    **_SEGMENTS,
    **_SHOP,
}
"""The sentence of each field. A test sees that no name stands in two of the lists."""
