"""Reports of gateways and mail servers: SMS replies, bounces, complaints.

The token in the address is the proof, and with Twilio its signature too. Whether we know a number or an address is not
to be learned here: every message in a form we can read is answered the same, and refused when it comes a second time.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from sqlmodel import Session

from api.deps import CurrentSettings, Files, Now, Writing
from campaigns.optouts.bounce_handling import take_report
from campaigns.optouts.bounces import is_known
from campaigns.optouts.inbound import Gateway, check_signature, find_gateway, inbound_address
from campaigns.optouts.replays import IDS, TIMES, Reply, stated, take_once
from campaigns.optouts.replies import is_start_word, is_stop_word, take_reply
from retention.column_limits import fitting
from retention.errors import Conflict, Invalid
from retention.i18n import gettext_noop

router = APIRouter()


async def read_body(request: Request) -> bytes:
    """Return the body; reading it is the one thing here that waits for others."""
    return await request.body()


Body = Annotated[bytes, Depends(read_body)]

_FROM = ("From", "from", "phone_number", "phone", "mobile", "msisdn")
_TEXT = ("Body", "text", "content", "message", "Text")
_HEADERS = ("webhook-id", "webhook-timestamp")


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
    _take_all(session, gateway, _replies(request, body, is_form=is_form), secret=key, at=at)
    if is_form:
        return Response('<?xml version="1.0" encoding="UTF-8"?><Response/>', media_type="text/xml")
    return JSONResponse({"code": 0, "msg": "ok"})


@router.post("/in/{token}/mail")
def take_mail(
    token: str, body: Body, session: Writing, settings: CurrentSettings, files: Files, at: Now
) -> JSONResponse:
    """Take one report as the mail it came in (message/rfc822); one that cannot be made out is kept too."""
    gateway = find_gateway(session, token, key=settings.signing_key())
    if is_known(session, gateway.shop_id, body):
        raise Conflict(gettext_noop("This report was received before and changes nothing.")).typed("message-replayed")
    take_report(session, files, body, at=at, shop_id=gateway.shop_id)
    return JSONResponse({"taken": 1}, 202)


def _take_all(session: Session, gateway: Gateway, replies: list[Reply], *, secret: bytes, at: datetime) -> None:
    """Take what is new; when nothing is, the refusal of the first. What means neither no nor yes needs no memory."""
    refused: list[Conflict] = []
    for reply in replies:
        try:
            if is_stop_word(reply.text) or is_start_word(reply.text):
                take_once(session, gateway, reply, secret=secret, at=at)
        except Conflict as refusal:
            refused.append(refusal)
        else:
            take_reply(session, gateway.shop_id, phone=reply.phone, text=reply.text, at=at, source="sms reply")
    if len(refused) == len(replies):
        raise refused[0]


def _replies(request: Request, body: bytes, *, is_form: bool) -> list[Reply]:
    """Return what each reply says; Invalid when the body is none of the forms we read."""
    try:
        sent: Any = {name: values[0] for name, values in _form(body).items()} if is_form else json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _unreadable() from error
    several = sent if isinstance(sent, list) else [sent]
    # A call that holds one message may be numbered and timed as a whole (Standard Webhooks).
    outside = {name: request.headers[name] for name in _HEADERS if name in request.headers and len(several) == 1}
    replies = [_reply(each, outside) for each in several]
    if not replies or not all(reply.phone for reply in replies):
        raise _unreadable()
    return replies


def _reply(values: object, outside: Mapping[str, object]) -> Reply:
    known = {**outside, **values} if isinstance(values, dict) else {}
    return Reply(_pick(values, _FROM), _pick(values, _TEXT), id=stated(known, IDS), sent_at=stated(known, TIMES))


def _form(body: bytes) -> dict[str, list[str]]:
    return parse_qs(body.decode(errors="replace"), keep_blank_values=True)


def _pick(values: object, names: tuple[str, ...]) -> str:
    found = (values.get(name) for name in names) if isinstance(values, dict) else ()
    return next((fitting(str(value), 1000) for value in found if isinstance(value, str | int) and str(value)), "")


def _unreadable() -> Invalid:
    return Invalid(gettext_noop("Send a form with From and Body, or JSON with from and text."))
