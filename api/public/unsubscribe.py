"""The unsubscribe page: `/u/{token}` shows what a buyer can choose, a POST to it records the choice.

Without a choice, the POST opts out of the channel of the message: mail programs send that for their one-click button
(RFC 8058). A scanner that follows links only opens the page, which changes nothing.
"""

from datetime import datetime, timedelta
from typing import Annotated

from babel.dates import format_date
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlmodel import Session

from api.deps import CurrentSettings, Now, Reading, Writing
from api.middleware import LANGUAGE_COOKIE
from api.pages import page
from api.public import limits
from campaigns.optouts import opt_in_out
from campaigns.optouts.opt_in_out import Evidence, Subject
from campaigns.optouts.topics import topics_of
from campaigns.optouts.unsubscribe_links import find_subject
from retention import clock
from retention.buyers import Buyer, buyer_numbered
from retention.consent import Answer, Channel
from retention.errors import Invalid
from retention.i18n import current_language, current_locale, gettext, gettext_noop, speaking
from retention.shops import Shop, get_shop

router = APIRouter()

NAMES = {
    Channel.EMAIL: gettext_noop("email"),
    Channel.SMS: gettext_noop("SMS"),
    Channel.PARCEL: gettext_noop("parcel inserts"),
    Channel.GROUP: gettext_noop("group messages"),
    Channel.PERSONAL: gettext_noop("personal messages"),
    Channel.WEBHOOK: gettext_noop("app messages"),
}

WORDINGS = {
    "channel": gettext_noop("Unsubscribe"),
    "all": gettext_noop("Unsubscribe from all channels"),
    "topics": gettext_noop("Save selected topics"),
    "pause-30": gettext_noop("Pause for 30 days"),
    "pause-90": gettext_noop("Pause for 90 days"),
    "resume": gettext_noop("Resume now"),
    "in": gettext_noop("Subscribe again"),
}
"""The words on each button. What was read when it was pressed is kept with the answer."""

ONE_CLICK = "List-Unsubscribe=One-Click"


@router.get("/u/{token}")
def ask(request: Request, token: str, session: Reading, settings: CurrentSettings, at: Now) -> Response:
    """Show the choices; changes nothing."""
    subject = find_subject(session, token, key=settings.signing_key())
    return _show(request, session, subject, at=at, done="")


def _may_answer(request: Request, token: str, at: Now) -> None:
    """Asked before a transaction is open; what was said the first times stands."""
    limits.check(request, limits.Act.ANSWER, token, at=at)


@router.post("/u/{token}", dependencies=[Depends(_may_answer)])
def answer(
    request: Request,
    token: str,
    session: Writing,
    settings: CurrentSettings,
    at: Now,
    choice: Annotated[str, Form(max_length=20)] = "",
    keep: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Do what was chosen and say so; without a choice it is a no to the channel. Again is harmless."""
    subject = find_subject(session, token, key=settings.signing_key())
    if choice and choice not in WORDINGS:
        raise Invalid(gettext_noop("This choice is not on the page."))
    with speaking(_language(request, buyer_numbered(session, subject.shop_id, subject.buyer_id))):
        wording = _read_words(session, subject, choice) if choice else ONE_CLICK
    visitor = request.client.host if request.client else ""
    evidence = Evidence(at, "unsubscribe link", wording=wording, address=visitor)
    done = choice or "channel"
    _do(session, subject, done, evidence, keep=keep or [])
    return _show(request, session, subject, at=at, done=done)


def _read_words(session: Session, subject: Subject, choice: str) -> str:
    """Return what the buyer read when they pressed the button."""
    button = gettext(WORDINGS[choice])
    return f"{_question(session, subject)} {button}" if choice == "in" else button


def _question(session: Session, subject: Subject) -> str:
    shop, channel = get_shop(session, subject.shop_id), gettext(NAMES[subject.channel])
    asked = gettext("May {shop} send you {channel} again? You can unsubscribe at any time.")
    return asked.format(shop=shop.name, channel=channel)


def _do(session: Session, subject: Subject, done: str, evidence: Evidence, *, keep: list[str]) -> None:
    if done == "channel":
        opt_in_out.opt_out(session, subject, evidence)
    elif done == "all":
        opt_in_out.opt_out_of_all(session, subject, evidence)
    elif done == "topics":
        opt_in_out.keep_topics(session, subject, evidence, keep=keep)
    elif done == "resume":
        opt_in_out.end_pause(session, subject)
    elif done == "in":
        opt_in_out.opt_in(session, subject, evidence)
        opt_in_out.end_pause(session, subject)  # who says write to me again means now
    else:
        until = evidence.at + timedelta(days=int(done.removeprefix("pause-")))
        opt_in_out.pause(session, subject, until=until, at=evidence.at, source=evidence.source)


def _show(request: Request, session: Session, subject: Subject, *, at: datetime, done: str) -> Response:
    shop = get_shop(session, subject.shop_id)
    choices = opt_in_out.choices_of(session, subject, at=at)
    with speaking(_language(request, buyer_numbered(session, subject.shop_id, subject.buyer_id))):
        until = choices.paused_until
        topics = topics_of(session, shop.id)
        return page(
            request,
            "public/unsubscribe.html",
            shop_name=shop.name,
            channel=gettext(NAMES[subject.channel]),
            done=done,
            question=_question(session, subject),
            is_out=choices.answer is Answer.OUT,
            until=_day(shop, until) if until else "",
            topics=[(each.slug, each.name(current_language()), each.slug not in choices.topics_out) for each in topics],
            wordings={name: gettext(words) for name, words in WORDINGS.items()},
        )


def _language(request: Request, buyer: Buyer | None) -> str:
    """Return the language to speak: chosen on these pages, the buyer's own, the phone's."""
    chosen = "lang" in request.query_params or LANGUAGE_COOKIE in request.cookies
    return buyer.language if buyer and buyer.language and not chosen else current_language()


def _day(shop: Shop, at: datetime) -> str:
    return format_date(at.astimezone(clock.zone(shop.timezone)).date(), "long", locale=current_locale())
