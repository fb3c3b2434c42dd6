"""Replies to text messages: a word that means no is a no, one that takes it back is a yes again.

Both are kept with what was said and the number it came from.
"""

import re
import unicodedata
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.noes.unsubscribe import Evidence, Subject, opt_in, opt_out
from retention.buyers import Buyer
from retention.consent import Answer, Channel, last_answer

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


def means_no(text: str) -> bool:
    """Tell whether a reply asks for no more: a stop word alone, in any case and width, or a sentence begun by one."""
    said = _plain(text)
    return said.replace(" ", "") in STOP_WORDS or f"{said} ".startswith(_BEGINNINGS)


def takes_it_back(text: str) -> bool:
    """Tell whether a reply is a word that asks for messages again, alone, in any case and width."""
    return _plain(text).replace(" ", "") in START_WORDS


def take_reply(session: Session, shop_id: int, *, phone: str, text: str, at: datetime, source: str) -> int:
    """Record what a reply means for every buyer of the shop with this number, and return for how many.

    A no counts for all of them; taking it back only for those who had said no, since a word is no answer to a question
    that nobody asked.
    """
    no, evidence = means_no(text), Evidence(at, source, wording=text, address=phone)
    if not no and not takes_it_back(text):
        return 0
    subjects = [Subject(shop_id, each, Channel.SMS) for each in session.exec(_with_phone(shop_id, phone))]
    if no:
        for subject in subjects:
            opt_out(session, subject, evidence)
        return len(subjects)
    back = [each for each in subjects if _said_no(session, each)]
    for subject in back:
        opt_in(session, subject, evidence)
    return len(back)


def phone_spellings(phone: str) -> set[str]:
    """Return the digits a number may be stored as: with and without its country code or trunk zero.

    Without a plus sign, eleven digits that begin like a mobile number of the Chinese mainland are taken for one.
    """
    written = unicodedata.normalize("NFKC", phone).strip()
    digits = "".join(letter for letter in written if letter.isdecimal())
    if len(digits) < 5:  # nothing that short is one person's number
        return set()
    abroad = written.startswith(("+", "00"))
    if not abroad and re.fullmatch(r"1[3-9]\d{9}", digits):
        return {digits, f"86{digits}"}
    digits = digits.removeprefix("00")
    national = _national(digits)
    return {digits, digits.lstrip("0"), *national, *(f"0{each}" for each in national)}


def _plain(text: str) -> str:
    said = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w\s]+", " ", said).split())


def _said_no(session: Session, subject: Subject) -> bool:
    last = last_answer(session, subject.shop_id, buyer_id=subject.buyer_id, channel=subject.channel)
    return last is Answer.OUT


def _national(digits: str) -> set[str]:
    import phonenumbers  # its tables take a tenth of a second to load

    try:
        parsed = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return set()
    return {phonenumbers.national_significant_number(parsed)} if phonenumbers.is_possible_number(parsed) else set()


def _with_phone(shop_id: int, phone: str) -> SelectOfScalar[int]:
    stored: Any = col(Buyer.phone)
    for mark in (" ", "-", "+", "(", ")", "."):
        stored = sa.func.replace(stored, mark, "")
    of_shop = select(Buyer.id).where(Buyer.shop_id == shop_id, Buyer.phone != "")
    return of_shop.where(stored.in_(sorted(phone_spellings(phone))))
