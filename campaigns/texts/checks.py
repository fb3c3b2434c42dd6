"""Checks of a campaign's text: `red` findings are errors, `amber` ones are warnings.

The text that is looked at is made by the composing of the send, for one buyer per language.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from urllib.parse import urlsplit

from liquid.exceptions import UndefinedError
from pyroaring import BitMap
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.texts.content import ShownMessage, extremes, identity_of, show_to, text_source_of, variables
from campaigns.texts.mail import SenderIdentity
from campaigns.texts.sms import is_seen_at_once, opt_out_words, sign
from campaigns.texts.suspect_words import absolute_words, spam_words
from retention.bitmaps import read_bitmap
from retention.buyers import Buyer
from retention.errors import Invalid
from retention.i18n import LANGUAGES, ngettext
from retention.i18n import gettext as _
from retention.internet import is_public_host
from retention.salutations import salutation
from retention.shops import Shop
from segments.matching import match

LONGEST_SUBJECT = 60
"""Columns of a subject that inboxes show; a Chinese character takes two."""

MOST_PARTS = 2
MOST_NAMED = 5

SHORTENERS = frozenset(
    {"bit.ly", "t.cn", "url.cn", "dwz.cn", "suo.im", "tinyurl.com", "goo.gl", "t.co", "is.gd", "ow.ly", "buff.ly"}
    | {"rebrand.ly", "cutt.ly", "rb.gy", "shorturl.at", "u.nu", "v.ht", "t.hk", "u.to", "c7.gg", "mrw.so", "sourl.cn"}
)
_LINK = re.compile(r"https?://[^\s<>\"'）)】，。；！？]+", re.IGNORECASE)
_BARE_NAME = re.compile(r"\{\{-?\s*buyer\.name\s*(?:\|(?!\s*default)[^}]*)?-?\}\}")


class Severity(StrEnum):
    """How much a finding weighs."""

    RED = "red"
    AMBER = "amber"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: a word for programs, a sentence in the language spoken, the text's language or empty for all."""

    severity: Severity
    kind: str
    sentence: str
    language: str = ""


def check_text(
    session: Session, shop: Shop, campaign: Campaign, *, at: datetime, identity: SenderIdentity | None = None
) -> list[Finding]:
    """Return what is found in a campaign's text, red first; empty when nothing is. It changes nothing."""
    identity = identity or identity_of(text_source_of(session, shop, campaign).sender)
    audience = match(session, shop, campaign.audience, now=at)
    found = [*_of_audience(session, shop, campaign, audience)]
    someone = next(iter(extremes(session, shop, campaign, at=at)[::-1]), None)
    for language in (each for each in LANGUAGES if each in campaign.content):
        recipient = _recipient(shop, someone, language)
        found += [
            Finding(each.severity, each.kind, each.sentence, language)
            for each in _of_language(session, shop, campaign, recipient, identity)
        ]
    return sorted(found, key=lambda each: each.severity is not Severity.RED)


def _of_audience(session: Session, shop: Shop, campaign: Campaign, audience: BitMap) -> Iterator[Finding]:
    """What only the audience tells: languages nobody has written in, names that are not there."""
    if not campaign.content:
        return
    for language in (each for each in LANGUAGES if each not in campaign.content):
        readers = select(Buyer.id).where(Buyer.shop_id == shop.id, Buyer.language == language)
        if count := len(read_bitmap(session, readers) & audience):
            say = ngettext(
                "{count} buyer in the audience reads {language}, and there is no text in that language.",
                "{count} buyers in the audience read {language}, and there is no text in that language.",
                count,
            )
            yield _amber("missing_translation", say.format(count=count, language=language))
    if any(_BARE_NAME.search(part) for text in campaign.content.values() for part in text.parts):
        names = select(Buyer.id, Buyer.name).where(Buyer.shop_id == shop.id).execution_options(yield_per=20_000)
        if count := sum(number in audience and not salutation(name) for number, name in session.exec(names)):
            say = ngettext(
                "{count} buyer in the audience has no name, and the text would leave a gap. Write {example}.",
                "{count} buyers in the audience have no name, and the text would leave a gap. Write {example}.",
                count,
            )
            yield _amber("empty_name", say.format(count=count, example="{{ buyer.name | default: 'friend' }}"))


def _of_language(
    session: Session, shop: Shop, campaign: Campaign, recipient: Buyer, identity: SenderIdentity
) -> Iterator[Finding]:
    try:
        shown = show_to(session, shop, campaign, recipient, identity=identity)
    except Invalid as error:
        yield _cannot_be_made(error, [each.name for each in variables(session, shop, campaign)])
        return
    yield from _of_words(shown)
    yield from _of_links(shown, campaign, identity)
    if shown.medium is Medium.SMS:
        yield from _of_sms(shown, shop, identity)
    elif shown.medium is Medium.EMAIL and f"{identity.public_url.rstrip('/')}/u/" not in shown.html:
        yield _red("no_way_out", _("The message does not say how to unsubscribe."))


def _cannot_be_made(error: Invalid, names: list[str]) -> Finding:
    cause = error.__cause__
    if not isinstance(cause, UndefinedError):
        return _red("text_error", error.say(_))
    asked = str(cause.message).split(" ")[0].strip("'\"")
    if near := get_close_matches(asked, names, n=1):
        say = _("The text uses {asked}, which this campaign does not have. Did you mean {near}?")
        return _red("unknown_variable", say.format(asked=asked, near=near[0]))
    say = _("The text uses {asked}, which this campaign does not have. It has: {names}.")
    return _red("unknown_variable", say.format(asked=asked, names=", ".join(names)))


def _of_words(shown: ShownMessage) -> Iterator[Finding]:
    whole_text = f"{shown.subject}\n{shown.preheader}\n{shown.body}"
    if shown.medium is Medium.EMAIL and (width := _columns(shown.subject)) > LONGEST_SUBJECT:
        say = _("The subject is {width} columns wide; most inboxes cut it after {most}.")
        yield _amber("long_subject", say.format(width=width, most=LONGEST_SUBJECT))
    if words := spam_words(whole_text):
        yield _amber("spam_words", _("Spam filters penalise these words: {words}.").format(words=_some(words)))
    if words := absolute_words(whole_text):
        say = _("Advertising law forbids absolute claims: {words}. Remove them, or be ready to prove them.")
        yield _amber("absolute_words", say.format(words=_some(words)))
    if re.search(r"[!！]{2,}|\b[A-Z]{2,}(?:\s+[A-Z]{2,}){2,}\b", whole_text):
        yield _amber(
            "shouting", _("Avoid several exclamation marks in a row and words in capitals; spam filters penalise both.")
        )


def _of_links(shown: ShownMessage, campaign: Campaign, identity: SenderIdentity) -> Iterator[Finding]:
    ours = urlsplit(identity.public_url).netloc.lower()
    for address in dict.fromkeys(_LINK.findall(shown.body)):
        host = (urlsplit(address).hostname or "").lower()
        if urlsplit(address).netloc.lower() == ours:
            continue
        if not is_public_host(host):
            yield _red("private_link", _("No buyer can open {address}.").format(address=address))
            continue
        if host.removeprefix("www.") in SHORTENERS:
            say = _("{address} hides its target; carriers and mail filters block such links. Use {{{{ link }}}}.")
            yield _red("short_link", say.format(address=address))
            continue
        if address.lower().startswith("http:"):
            yield _amber("plain_link", _("{address} is not encrypted. Use https.").format(address=address))
        say = _("Clicks on {address} are not tracked. Use {{{{ link }}}}, which leads to the campaign's target.")
        yield _amber("uncounted_link", say.format(address=address))
    if not is_public_host(urlsplit(identity.public_url).hostname or ""):
        say = _("No buyer can open links to {address}. Set REGULARS_PUBLIC_URL.")
        yield _amber("private_address", say.format(address=identity.public_url))
    if shown.medium is not Medium.EMAIL and not any("link" in part for part in campaign.content[shown.language].parts):
        yield _amber("no_link", _("The text has no {{ link }}, so clicks cannot be tracked."))


def _of_sms(shown: ShownMessage, shop: Shop, identity: SenderIdentity) -> Iterator[Finding]:
    signature = identity.signature or sign(shop.name, shown.language)
    name = signature.strip("【】[]: ")
    if not shown.text.startswith(signature) or not name:
        yield _red("no_signature", _("A text message begins with the shop's signature; this one does not."))
    elif not is_seen_at_once(name, shown.language):
        say = _("Message lists show only the first seven characters, which cut off {signature}.")
        yield _amber("long_signature", say.format(signature=signature.strip()))
    if opt_out_words(shown.language).casefold() not in shown.text.casefold():
        yield _red("no_way_out", _("The message does not say how to unsubscribe."))
    if shown.sms and shown.sms.parts > MOST_PARTS:
        say = _("The SMS is billed as {parts} parts: {letters} characters in {encoding}.")
        parts = shown.sms
        yield _amber("many_parts", say.format(parts=parts.parts, letters=parts.letters, encoding=parts.encoding.value))


def _recipient(shop: Shop, someone: Buyer | None, language: str) -> Buyer:
    """Return the buyer to read for: the longest name of the audience, in the language that is looked at."""
    if someone is None:
        return Buyer(shop_id=shop.id, external_id="sample", name="Ada", language=language, created_at=shop.created_at)
    return Buyer(**someone.model_dump(exclude={"language"}), language=language)


def _columns(text: str) -> int:
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _some(words: list[str]) -> str:
    return ", ".join(words[:MOST_NAMED]) + (" …" if len(words) > MOST_NAMED else "")


def _red(kind: str, sentence: str) -> Finding:
    return Finding(Severity.RED, kind, sentence)


def _amber(kind: str, sentence: str) -> Finding:
    return Finding(Severity.AMBER, kind, sentence)
