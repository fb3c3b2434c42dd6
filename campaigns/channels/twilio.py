"""Text messages over Twilio: its Messages resource, with the account's identifier and token as basic authentication.

What Twilio tells us is signed with the same token. The resource documents no key that would make a second try harmless;
what it does not answer is unknown, and can be looked up in Twilio's own log of messages.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from campaigns.campaign.media import Medium
from campaigns.channels.addresses import WebAddress
from campaigns.channels.channel import Accepted, Message, Refused
from campaigns.channels.web import HttpRequest, HttpResponse, WebChannel
from retention.errors import Wrong
from retention.i18n import gettext_noop


class TwilioSettings(BaseModel):
    """The account, and the number or messaging service that sends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    sender: str = Field("", max_length=40, description="A number (+14155550100) or an alphanumeric sender.")
    messaging_service_sid: str = Field("", max_length=34)
    status_callback: str = Field("", max_length=1000)
    endpoint: WebAddress = Field("https://api.twilio.com", pattern=r"^https?://[^/?#]+$", max_length=200)
    signature: str = Field("", max_length=40)
    at_once: int = Field(4, ge=1, le=50)

    @model_validator(mode="after")
    def _one_sender(self) -> "TwilioSettings":
        if bool(self.sender) == bool(self.messaging_service_sid):
            raise Wrong(gettext_noop("Give either the sender number or name, or the messaging service SID."))
        return self


def twilio_channel(settings: TwilioSettings, secrets: Mapping[str, str], *, allow_private: bool) -> WebChannel:
    """Return the channel. Secret: auth_token."""
    known = base64.b64encode(f"{settings.account_sid}:{secrets['auth_token']}".encode()).decode()
    headers = {"Authorization": f"Basic {known}", "Content-Type": "application/x-www-form-urlencoded"}
    url = f"{settings.endpoint}/2010-04-01/Accounts/{quote(settings.account_sid)}/Messages.json"

    def build_request(message: Message) -> HttpRequest:
        wanted = {"To": message.to, "Body": message.text}
        if settings.sender:
            wanted["From"] = settings.sender
        else:
            wanted["MessagingServiceSid"] = settings.messaging_service_sid
        if settings.status_callback:
            wanted["StatusCallback"] = settings.status_callback
        return HttpRequest("POST", url, headers, urlencode(wanted).encode())

    return WebChannel(Medium.SMS, build_request, read_response, at_once=settings.at_once, allow_private=allow_private)


def read_response(response: HttpResponse) -> Accepted:
    """Return that it was taken, by Twilio's name for it (SM...); Refused when its status says that it failed."""
    data = response.json()
    if not isinstance(data, dict) or not data.get("sid"):
        raise Refused(response.excerpt())
    if data.get("status") in {"failed", "undelivered"} or data.get("error_code"):
        raise Refused(f"{data.get('error_code')} {data.get('error_message') or data.get('status')}")
    return Accepted(str(data["sid"]))


def signature_of(address: str, form: Mapping[str, Sequence[str]], auth_token: str) -> str:
    """Return the X-Twilio-Signature of a form that Twilio sends to an address: names sorted, each with its values.

    https://www.twilio.com/docs/usage/security#validating-requests
    """
    signed = address + "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
