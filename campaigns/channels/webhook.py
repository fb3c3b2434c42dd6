"""The shop's own system by a signed call (https://www.standardwebhooks.com), whose id makes a second try harmless."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import Webhook as Signer

from campaigns.campaign.media import Medium
from campaigns.channels.addresses import WebAddress
from campaigns.channels.channel import Accepted, Message
from campaigns.channels.web import HttpRequest, HttpResponse, WebChannel
from retention import clock


class WebhookSettings(BaseModel):
    """Where the calls go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: WebAddress = Field(pattern=r"^https?://[^/?#]+", max_length=1000)
    at_once: int = Field(4, ge=1, le=50)


def webhook_channel(settings: WebhookSettings, secrets: Mapping[str, str], *, allow_private: bool) -> WebChannel:
    """Return the channel. Secret: secret (whsec_...)."""
    sign = signer(secrets["secret"])

    def build_request(message: Message) -> HttpRequest:
        at = clock.now()
        body = {
            "type": "message",
            "timestamp": at.isoformat(),
            "data": {
                "to": message.to,
                "subject": message.subject,
                "text": message.text,
                "language": message.language,
                "unsubscribe": message.unsubscribe_address,
                "values": dict(message.fields),
            },
        }
        return signed_request(settings.url, sign, f"msg_{message.key}", body, at=at)

    return WebChannel(
        Medium.WEBHOOK, build_request, _taken, repeatable=True, at_once=settings.at_once, allow_private=allow_private
    )


def signer(secret: str) -> Signer:
    """Return what signs with a secret (whsec_ and Base64)."""
    return Signer(secret)


def signed_request(url: str, sign: Signer, call_id: str, body: Mapping[str, Any], *, at: datetime) -> HttpRequest:
    """Return a call with its three headers; the identifier is the same at every try, the time is not."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": call_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": sign.sign(call_id, at.astimezone(UTC), text),
    }
    return HttpRequest("POST", url, headers, text.encode())


def _taken(_response: HttpResponse) -> Accepted:
    return Accepted()
