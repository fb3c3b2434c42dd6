"""Text messages over any HTTP gateway, described by templates: what is asked, and how its responses are read.

A gateway says that it took a message in its body as often as in its status, and some say 200 and mean no: `taken` names
the field to look at and the values that mean yes. What is neither yes nor later is no.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field

from campaigns.campaign.media import Medium
from campaigns.channels.addresses import WebAddress
from campaigns.channels.channel import Accepted, Message, Refused, TryLater
from campaigns.channels.placeholders import fill, names_in, values_of
from campaigns.channels.web import HttpRequest, HttpResponse, WebChannel

Scalar = str | int | bool


class Reading(BaseModel):
    """A place in the response's JSON (data.0.code) and the values there that mean something."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str = Field(min_length=1, max_length=200)
    values: list[Scalar] = Field(min_length=1, max_length=50)

    def fits(self, response: Any) -> bool:
        found = look_up(response, self.field)
        return found is not None and str(found).casefold() in {str(value).casefold() for value in self.values}


class SmsHttpSettings(BaseModel):
    """How to ask and how to read. `{to}`, `{text}`, `{key}`, `{coupon.code}` or `{secret.token}` are filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: WebAddress = Field(pattern=r"^https?://[^/?#{}]+", max_length=1000)
    method: Literal["POST", "PUT", "GET"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict, max_length=20)
    body: Literal["json", "form", "none"] = "json"
    fields: dict[str, Any] = Field(default_factory=dict)
    taken: Reading | None = Field(None, description="What means yes; without it every 2xx does.")
    later: Reading | None = Field(None, description="What means not now.")
    reference: str = Field("", max_length=200, description="Where the gateway's own name of the message is.")
    says: str = Field("", max_length=200, description="Where it says why not.")
    takes_key_once: bool = Field(False, description="The gateway promises to send what it has seen under {key} once.")
    signature: str = Field("", max_length=40, description="How a text begins; the shop's name when empty.")
    at_once: int = Field(4, ge=1, le=50)


def sms_channel(settings: SmsHttpSettings, secrets: Mapping[str, str], *, allow_private: bool) -> WebChannel:
    """Return the channel a gateway's description makes."""
    named = names_in(settings.url)

    def build_request(message: Message) -> HttpRequest:
        values = values_of(message, secrets)
        in_address = {name: quote(values.get(name, ""), safe="") for name in named}
        headers = {name: _one_line(fill(value, values)) for name, value in settings.headers.items()}
        body, kind = _body(settings, fill(settings.fields, values))
        return HttpRequest(settings.method, fill(settings.url, in_address), {**kind, **headers}, body)

    def read(response: HttpResponse) -> Accepted:
        return read_response(settings, response)

    return WebChannel(
        Medium.SMS,
        build_request,
        read,
        repeatable=settings.takes_key_once,
        at_once=settings.at_once,
        allow_private=allow_private,
    )


def read_response(settings: SmsHttpSettings, response: HttpResponse) -> Accepted:
    """Return that it was taken, or raise what the response says instead."""
    if settings.taken is None and settings.later is None and not settings.reference:
        return Accepted()
    data = response.json()
    if settings.later and settings.later.fits(data):
        raise TryLater(_why(settings, data, response), of_sender=True)
    if settings.taken and not settings.taken.fits(data):
        raise Refused(_why(settings, data, response))
    reference = look_up(data, settings.reference) if settings.reference else None
    return Accepted("" if reference is None else str(reference)[:200])


def look_up(response: Any, path: str) -> Any:
    """Return what is at a path such as data.0.code; None where nothing is."""
    for step in path.split("."):
        if isinstance(response, dict):
            response = response.get(step)
        elif isinstance(response, list) and step.isdecimal() and int(step) < len(response):
            response = response[int(step)]
        else:
            return None
    return response


def _body(settings: SmsHttpSettings, filled: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    if settings.body == "json":
        return json.dumps(filled, ensure_ascii=False).encode(), {"Content-Type": "application/json; charset=utf-8"}
    if settings.body == "form":
        return urlencode(filled).encode(), {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return b"", {}


def _why(settings: SmsHttpSettings, data: Any, response: HttpResponse) -> str:
    words = look_up(data, settings.says) if settings.says else None
    return str(words) if words else response.excerpt()


def _one_line(text: str) -> str:
    return " ".join(text.split())
