"""What gateways and mail servers tell us: replies to text messages, bounces, complaints.

The token in the address is the proof, and with Twilio its signature too. Whether we know a number or an address is not
to be learned here: every message in a form we can read is answered the same.
"""

import json
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.deps import CurrentSettings, Files, Now, Writing
from campaigns.noes.bouncing import take_report
from campaigns.noes.inbound import check_signature, find_gateway, inbound_address
from campaigns.noes.replies import take_reply
from retention.errors import Invalid
from retention.words import gettext_noop

router = APIRouter()


async def read_body(request: Request) -> bytes:
    """Return the body; reading it is the one thing here that waits for others."""
    return await request.body()


Body = Annotated[bytes, Depends(read_body)]

_FROM = ("From", "from", "phone_number", "phone", "mobile", "msisdn")
_TEXT = ("Body", "text", "content", "message", "Text")


@router.post("/in/{token}/sms")
def take_sms(
    request: Request, token: str, body: Body, session: Writing, settings: CurrentSettings, at: Now
) -> Response:
    """Take replies: a form with From and Body (Twilio), or JSON with from and text, one or a list (Aliyun)."""
    key = settings.signing_key()
    gateway = find_gateway(session, token, key=key)
    is_form = "json" not in request.headers.get("content-type", "")
    check_signature(
        session,
        gateway,
        key=key,
        address=inbound_address(settings.public_url, token, "sms")
        + (f"?{query}" if (query := request.url.query) else ""),
        form=_form(body) if is_form else {},
        signature=request.headers.get("x-twilio-signature", ""),
    )
    for phone, text in _replies(body, is_form=is_form):
        take_reply(session, gateway.shop_id, phone=phone, text=text, at=at, source="sms reply")
    if is_form:
        return Response('<?xml version="1.0" encoding="UTF-8"?><Response/>', media_type="text/xml")
    return JSONResponse({"code": 0, "msg": "ok"})


@router.post("/in/{token}/mail")
def take_mail(
    token: str, body: Body, session: Writing, settings: CurrentSettings, files: Files, at: Now
) -> JSONResponse:
    """Take one report as the mail it came in (message/rfc822); one that cannot be made out is kept too."""
    gateway = find_gateway(session, token, key=settings.signing_key())
    take_report(session, files, body, at=at, shop_id=gateway.shop_id)
    return JSONResponse({"taken": 1}, 202)


def _replies(body: bytes, *, is_form: bool) -> list[tuple[str, str]]:
    """Return (number, text) of each reply; Invalid when the body is none of the forms we read."""
    try:
        sent: Any = {name: values[0] for name, values in _form(body).items()} if is_form else json.loads(body)
    except ValueError as error:
        raise _unreadable() from error
    replies = [(_pick(each, _FROM), _pick(each, _TEXT)) for each in (sent if isinstance(sent, list) else [sent])]
    if not replies or not all(phone for phone, _ in replies):
        raise _unreadable()
    return replies


def _form(body: bytes) -> dict[str, list[str]]:
    return parse_qs(body.decode(errors="replace"), keep_blank_values=True)


def _pick(values: object, names: tuple[str, ...]) -> str:
    found = (values.get(name) for name in names) if isinstance(values, dict) else ()
    return next((str(value)[:1000] for value in found if isinstance(value, str | int) and str(value)), "")


def _unreadable() -> Invalid:
    return Invalid(gettext_noop("Send a form with From and Body, or JSON with from and text."))
