"""SMS and webhooks: one delivery as a text message, or as the data of a webhook's call."""

from datetime import datetime
from typing import Any

from campaigns.campaign.media import Medium
from campaigns.channels.channel import Message
from campaigns.offers.links import link_address
from campaigns.optouts.unsubscribe_links import unsubscribe_address, unsubscribe_token
from campaigns.texts.mail import MessageContext, SenderIdentity, delivery_key
from campaigns.texts.messages import choose_language, render
from campaigns.texts.sms import render_sms, sign
from campaigns.texts.wording import message_values
from retention.consent import Channel


def compose(context: MessageContext, identity: SenderIdentity, *, at: datetime) -> Message:
    """Return the message as of `at` in the buyer's language, else the shop's; Invalid when the text cannot be made."""
    shop, buyer, campaign = context.shop, context.buyer, context.campaign
    language = choose_language(campaign.content, buyer.language, shop.language)
    link = link_address(identity.public_url, context.link.token)
    code = context.coupon.code if context.coupon else ""
    ends = (context.coupon.expires_at if context.coupon else None) or (context.offer.ends_at if context.offer else None)
    values = message_values(
        shop, buyer, product=context.product, offer=context.offer, code=code, ends=ends, link=link, language=language,
        at=at,
    )  # fmt: skip
    text = render(campaign.content, values, language=language)
    is_sms = campaign.medium is Medium.SMS
    signature = identity.signature or sign(shop.name, language)
    channel = Channel.SMS if is_sms else Channel.WEBHOOK
    token = unsubscribe_token(identity.signing_key, shop_id=shop.id, buyer_id=buyer.id, channel=channel)
    key = delivery_key(context)
    return Message(
        to=buyer.phone if is_sms else buyer.external_id,
        sender="",
        sender_name=shop.name,
        subject=text.subject,
        text=render_sms(text.body, signature=signature, language=language) if is_sms else text.body,
        html="",
        language=language,
        message_id=key,
        unsubscribe_address=unsubscribe_address(identity.public_url, token),
        key=key,
        fields={"campaign": campaign.slug, "shop": shop.slug} | _flat(values),
    )


def _flat(values: dict[str, Any], path: str = "") -> dict[str, str]:
    """Return nested values by their path: coupon.code, buyer.name."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{path}{name}.")
        else:
            flat[f"{path}{name}"] = str(value)
    return flat
