"""SMS replies: a stop word opts out, a start word opts in again.

Both are kept with what was said and the number it came from.
"""

import re
import unicodedata
from datetime import datetime

from sqlmodel import Session

from campaigns.optouts.opt_in_out import Evidence, Subject, opt_in, opt_out
from retention.column_limits import fitting
from retention.consent import Answer, Channel, last_answer
from retention.suppressions import OptOutSubject, buyers_at, keys_of, lift, suppress

STOP_WORDS = frozenset(
    {"td", "t", "r", "n", "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"}
    | {"退订", "退订回复", "拒收", "取消", "取消订阅", "停止"}
)
"""Words that, alone, mean no: what our own messages ask for and what networks demand to be understood."""

START_WORDS = frozenset(
    {"start", "unstop", "optin", "subscribe", "resubscribe", "resume"}
    | {"开通", "开启", "恢复", "恢复订阅", "订阅", "重新订阅"}
)
"""Words that, alone, take a no back. A bare yes is not among them: it may answer any question."""

_BEGINNINGS = ("stop ", "unsubscribe ", "退订", "拒收")


def is_stop_word(text: str) -> bool:
    """Tell whether a reply asks for no more: a stop word alone, in any case and width, or a sentence begun by one."""
    words = _plain(text)
    return words.replace(" ", "") in STOP_WORDS or f"{words} ".startswith(_BEGINNINGS)


def is_start_word(text: str) -> bool:
    """Tell whether a reply is a word that asks for messages again, alone, in any case and width."""
    return _plain(text).replace(" ", "") in START_WORDS


def take_reply(session: Session, shop_id: int, *, phone: str, text: str, at: datetime, source: str) -> int:
    """Record what a reply means for every buyer of the shop with this number, and return for how many.

    A no counts for all of them; taking it back only for those who had said no, since a word is no answer to a question
    that nobody asked.
    """
    no, evidence = is_stop_word(text), Evidence(at, source, wording=text, address=phone, reached=phone)
    keys = keys_of(session, shop_id, Channel.SMS, [phone])
    if not keys or not (no or is_start_word(text)):
        return 0
    here = session.execute(buyers_at(shop_id, Channel.SMS, keys)).scalars()
    subjects = [Subject(shop_id, each, Channel.SMS) for each in here]
    if no:
        # Also where nobody has it yet: the number may come with the next file.
        suppress(
            session,
            OptOutSubject(shop_id, Channel.SMS),
            keys,
            source=fitting(source, 100),
            wording=fitting(text, 1000),
            at=at,
        )
        for subject in subjects:
            opt_out(session, subject, evidence)
        return len(subjects)
    back = [each for each in subjects if _said_no(session, each)]
    for subject in back:
        opt_in(session, subject, evidence)
    lift(session, OptOutSubject(shop_id, Channel.SMS), keys, at=at)
    return len(back)


def _plain(text: str) -> str:
    words = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w\s]+", " ", words).split())


def _said_no(session: Session, subject: Subject) -> bool:
    last = last_answer(session, subject.shop_id, buyer_id=subject.buyer_id, channel=subject.channel)
    return last is Answer.OUT
