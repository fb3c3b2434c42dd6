"""Text messages over Alibaba Cloud: its SendSms call, signed as its RPC interface asks (HMAC-SHA1, version 1.0).

The text is a template that Alibaba Cloud has approved and keeps; we send its values. It takes no key that would make a
second try harmless, so what it does not answer is unknown.
"""

import base64
import hashlib
import hmac
import json
import secrets as randomness
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field

from campaigns.campaign.media import Medium
from campaigns.channels.addresses import WebAddress
from campaigns.channels.channel import Accepted, Message, Refused, TryLater
from campaigns.channels.placeholders import fill, values_of
from campaigns.channels.web import HttpRequest, HttpResponse, WebChannel, read_wait
from retention import clock

_LATER = ("isp.SYSTEM_ERROR", "Throttling", "ServiceUnavailable", "InternalError")
_LIMITED = ("isv.BUSINESS_LIMIT_CONTROL",)  # too many to this number in a minute, an hour or a day
_OF_ACCOUNT = ("isv.AMOUNT_NOT_ENOUGH", "isv.OUT_OF_SERVICE", "isv.ACCOUNT", "isv.SMS_SIGN", "isv.SMS_TEMPLATE",
               "isp.RAM_PERMISSION_DENY", "Signature", "InvalidAccessKeyId", "Forbidden")  # fmt: skip


class AliyunSettings(BaseModel):
    """`sign_name` and `template_code` as approved; `values` fills the template: {"code": "{coupon.code}"}."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_key_id: str = Field(min_length=1, max_length=100)
    sign_name: str = Field(min_length=1, max_length=40)
    template_code: str = Field(min_length=1, max_length=40)
    values: dict[str, str] = Field(default_factory=dict, max_length=20)
    region: str = Field("cn-hangzhou", max_length=40)
    endpoint: WebAddress = Field("https://dysmsapi.aliyuncs.com", pattern=r"^https?://[^/?#]+$", max_length=200)
    signature: str = Field("", max_length=40)
    at_once: int = Field(4, ge=1, le=50)


def aliyun_channel(settings: AliyunSettings, secrets: Mapping[str, str], *, allow_private: bool) -> WebChannel:
    """Return the channel. Secret: access_key_secret."""
    secret = secrets["access_key_secret"]

    def build_request(message: Message) -> HttpRequest:
        values = json.dumps(fill(settings.values, values_of(message, {})), ensure_ascii=False)
        wanted = {
            "PhoneNumbers": message.to.removeprefix("+86"),
            "SignName": settings.sign_name,
            "TemplateCode": settings.template_code,
            "TemplateParam": values,
            "OutId": message.key,
            "RegionId": settings.region,
        }
        signed = sign_call("SendSms", wanted, settings.access_key_id, secret, at=clock.now(), nonce=_nonce())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return HttpRequest("POST", f"{settings.endpoint}/", headers, urlencode(signed).encode())

    return WebChannel(Medium.SMS, build_request, read_response, at_once=settings.at_once, allow_private=allow_private)


def sign_call(
    action: str,
    wanted: Mapping[str, str],
    key_id: str,
    secret: str,
    *,
    at: datetime,
    nonce: str,
    method: str = "POST",
) -> dict[str, str]:
    """Return the parameters of a call with its signature, SignatureVersion 1.0 of the RPC interface.

    The parameters sorted by name and percent-encoded (RFC 3986) are joined with & and =; method, encoded "/" and the
    encoded whole joined with & are what is signed, with the secret and one more & as key.
    """
    call = {
        "AccessKeyId": key_id,
        "Action": action,
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": nonce,
        "SignatureVersion": "1.0",
        "Timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "Version": "2017-05-25",
    } | dict(wanted)
    return call | {"Signature": signature_of(call, secret, method=method)}


def signature_of(call: Mapping[str, str], secret: str, *, method: str) -> str:
    """Return the Base64 signature of a call's parameters."""
    joined = "&".join(f"{_encoded(name)}={_encoded(call[name])}" for name in sorted(call))
    signed = f"{method}&{_encoded('/')}&{_encoded(joined)}"
    return base64.b64encode(hmac.new(f"{secret}&".encode(), signed.encode(), hashlib.sha1).digest()).decode()


def read_response(response: HttpResponse) -> Accepted:
    """Return that it was taken: Code is OK. Everything else is said with status 200 too."""
    data = response.json()
    code = str(data.get("Code", "")) if isinstance(data, dict) else ""
    if code == "OK":
        return Accepted(str(data.get("BizId", "")))
    why = f"{code} {data.get('Message', '') if isinstance(data, dict) else response.excerpt()}".strip()
    if code.startswith(_LIMITED):
        raise TryLater(why)
    if code.startswith(_LATER):
        raise TryLater(why, of_sender=True, wait=read_wait(response.headers.get("retry-after", "")))
    if code.startswith(_OF_ACCOUNT):
        raise TryLater(why, of_sender=True)
    raise Refused(why)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _nonce() -> str:
    return randomness.token_hex(16)
