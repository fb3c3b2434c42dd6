"""What tests of texts put on the stage: words, campaigns that say them, buyers with names."""

from collections.abc import Callable
from typing import Any

from campaigns.campaign.campaigns import Campaign, Recipe
from campaigns.campaign.media import Medium
from campaigns.channels.senders import Sender, SenderKind
from campaigns.texts.mail import SenderIdentity
from retention.buyers import Buyer
from tests.campaigns.conftest import NOON, Stage

IDENTITY = SenderIdentity("https://r.teahouse.cn", b"a key for tests", "Tea <shop@teahouse.cn>")
Acting = Callable[[Callable[[Stage], Any]], Any]


def english(body: str, subject: str = "New tea", **more: str) -> dict[str, Any]:
    return {"en": {"subject": subject, "body": body, **more}}


def campaign(stage: Stage, content: dict[str, Any], *, medium: Medium = Medium.EMAIL, **values: Any) -> Campaign:
    drafted = stage.draft("news", Recipe.COUPON_PUSH, **values)
    drafted.content_json, drafted.medium = content, medium
    stage.session.flush()
    return drafted


def gateway(stage: Stage, **values: Any) -> Sender:
    row = {"slug": "sms", "name": "Gateway", "medium": Medium.SMS, "kind": SenderKind.SMS_HTTP, "created_at": NOON}
    sender = Sender(shop_id=stage.shop.id, **row | values)
    stage.session.add(sender)
    stage.session.flush()
    return sender


def named(stage: Stage, *names: str) -> list[Buyer]:
    """Add buyers with these names, numbered from 1; an empty name is none."""
    rows = [stage.session.get_one(Buyer, stage.buyer(f"b{number}")) for number, _ in enumerate(names)]
    for row, name in zip(rows, names, strict=True):
        row.name, row.phone = name, "13800138000"
    stage.session.flush()
    return rows
