"""Consent on a buyer's page: current state, history, and the forms that record an answer."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from api.console.shell import Here, go
from api.date_input import end_of_day, typed_moment
from api.deps import Now, Writing, require
from campaigns.optouts.recording import ConsentStatement, pause_buyer, record_answer
from retention.access import Scope
from retention.buyers import buyer_for
from retention.consent import Answer, Channel
from retention.errors import Invalid
from retention.i18n import gettext_noop

router = APIRouter(prefix="/shops/{slug}/buyers", dependencies=[require(Scope.CONSENTS_WRITE)])


class AnswerForm(BaseModel):
    """An answer as typed; an empty channel is every way, an empty topic everything."""

    model_config = ConfigDict(str_strip_whitespace=True)

    answer: Answer
    source: str
    evidence: str = ""
    channel: str = ""
    topic: str = ""
    at: str = ""


@router.post("/{external_id:path}/answers")
def record(session: Writing, place: Here, now: Now, external_id: str, typed: Annotated[AnswerForm, Form()]) -> Response:
    """Write down what the buyer said to whoever is signed in."""
    buyer = buyer_for(session, place.member, external_id)
    channel = _channel(typed.channel)
    at = typed_moment(typed.at, place.shop.timezone) if typed.at else None
    statement = ConsentStatement(typed.answer, typed.evidence, typed.source, channel=channel, topic=typed.topic, at=at)
    record_answer(session, place.member, buyer, statement, now=now)
    return _back(place, external_id)


@router.post("/{external_id:path}/pause")
def pause(
    session: Writing,
    place: Here,
    now: Now,
    external_id: str,
    last_day: Annotated[str, Form(max_length=10)] = "",
    source: Annotated[str, Form(max_length=100)] = "phone",
) -> Response:
    """Send the buyer nothing up to and with a day of the shop; without a day, end that."""
    buyer = buyer_for(session, place.member, external_id)
    until = end_of_day(last_day, place.shop.timezone) if last_day else None
    pause_buyer(session, place.member, buyer, until, source=source, now=now)
    return _back(place, external_id)


def _back(place: Here, external_id: str) -> Response:
    return go(f"/shops/{place.shop.slug}/buyers/{quote(external_id, safe='')}", done="saved")


def _channel(name: str) -> Channel | None:
    try:
        return Channel(name) if name else None
    except ValueError as error:
        raise Invalid(gettext_noop("{name} is not a channel."), name=repr(name)) from error
