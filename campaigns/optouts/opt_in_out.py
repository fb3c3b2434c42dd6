"""Opting in and out: the answer is recorded in the consent ledger, and deliveries that wait are skipped.

Whatever way an opt-out comes in (the unsubscribe page, a reply, a complaint, a person of the shop), it passes here, is
kept with its evidence, and skips waiting deliveries in the same transaction. A pause does the same until a moment.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.policy import CHANNEL
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.stopping import skip_addresses, skip_buyer
from campaigns.optouts.topics import topics_of
from retention.buyers import Buyer
from retention.column_limits import fitting
from retention.consent import Answer, Channel, Consent, Pause, last_answer, record_consent
from retention.database import insert
from retention.suppressions import KEY, keys_of
from retention.versions import Family, raise_version


@dataclass(frozen=True, slots=True)
class Subject:
    """Who unsubscribes from what."""

    shop_id: int
    buyer_id: int
    channel: Channel


@dataclass(frozen=True, slots=True)
class Evidence:
    """When a buyer said something, by which way, in answer to which words, from which address.

    `reached` is the mail address or telephone it came from, where that is known; `recorded_by` who wrote it down.
    """

    at: datetime
    source: str
    wording: str = ""
    address: str = ""
    reached: str = ""
    recorded_by: str = ""


@dataclass(frozen=True, slots=True)
class ConsentChoices:
    """What a buyer has said so far: about the channel, about topics, and until when they want quiet."""

    answer: Answer | None
    topics_out: frozenset[str]
    paused_until: datetime | None


def opt_out(session: Session, subject: Subject, evidence: Evidence, *, topic: str = "") -> int:
    """Record a no to the channel, or to a topic on it, and return how many waiting deliveries it skipped."""
    consent = _record(session, subject, Answer.OUT, evidence, topic=topic)
    if not consent.counts:
        return 0
    about: dict[str, Any] = {
        "channel": subject.channel,
        "topic": topic,
        "reason": Reason.TOPIC_OUT if topic else Reason.NO_CONSENT,
    }
    skipped = skip_buyer(session, subject.shop_id, buyer_id=subject.buyer_id, **about)
    if subject.channel in KEY:
        keys = keys_said(session, subject, evidence)
        skipped += skip_addresses(session, subject.shop_id, keys=keys, **about)
    return skipped


def opt_out_of_all(session: Session, subject: Subject, evidence: Evidence) -> int:
    """Record a no to every channel of the shop, and return how many waiting deliveries it skipped."""
    return sum(opt_out(session, each, evidence) for each in on_every_channel(subject))


def opt_in(session: Session, subject: Subject, evidence: Evidence, *, topic: str = "") -> Consent:
    """Record a yes to the channel or a topic. `evidence.wording` is the question they said yes to."""
    return _record(session, subject, Answer.IN, evidence, topic=topic)


def keys_said(session: Session, subject: Subject, evidence: Evidence) -> set[str]:
    """Return the addresses an answer is about: the buyer's, where it came from, and where our messages went."""
    buyer = session.get_one(Buyer, subject.buyer_id)
    own = buyer.email if subject.channel is Channel.EMAIL else buyer.phone
    known = [own, *_reached(session, subject, evidence)]
    return keys_of(session, subject.shop_id, subject.channel, known)


def keep_topics(session: Session, subject: Subject, evidence: Evidence, *, keep: Collection[str]) -> None:
    """Record which of the shop's topics a buyer wants, on every channel; only what changes is written."""
    for channel in on_every_channel(subject):
        out = topics_out(session, channel)
        for topic in (each.slug for each in topics_of(session, subject.shop_id)):
            if topic not in keep and topic not in out:
                opt_out(session, channel, evidence, topic=topic)
            elif topic in keep and topic in out:
                _record(session, channel, Answer.IN, evidence, topic=topic)


def pause(session: Session, subject: Subject, *, until: datetime, at: datetime, source: str) -> int:
    """Send nothing by any channel until a moment; return how many waiting deliveries that skipped."""
    row = insert(session, Pause).values(
        shop_id=subject.shop_id, buyer_id=subject.buyer_id, until=until, source=source, at=at
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=["shop_id", "buyer_id"], set_={"until": until, "source": source, "at": at}
        )
    )
    raise_version(session, subject.shop_id, Family.CONSENTS)
    return skip_buyer(session, subject.shop_id, buyer_id=subject.buyer_id, reason=Reason.PAUSED)


def end_pause(session: Session, subject: Subject) -> None:
    """Let messages come again at once."""
    gone = sa.delete(Pause).where(col(Pause.shop_id) == subject.shop_id, col(Pause.buyer_id) == subject.buyer_id)
    session.execute(gone)
    raise_version(session, subject.shop_id, Family.CONSENTS)


def choices_of(session: Session, subject: Subject, *, at: datetime) -> ConsentChoices:
    """Return what a buyer has said so far."""
    until = session.exec(
        select(Pause.until).where(Pause.shop_id == subject.shop_id, Pause.buyer_id == subject.buyer_id)
    ).first()
    return ConsentChoices(
        answer=last_answer(session, subject.shop_id, buyer_id=subject.buyer_id, channel=subject.channel),
        topics_out=topics_out(session, subject),
        paused_until=until if until and until > at else None,
    )


def topics_out(session: Session, subject: Subject) -> frozenset[str]:
    """Return the topics a buyer wants nothing on by the channel."""
    of = (col(Consent.shop_id) == subject.shop_id, col(Consent.buyer_id) == subject.buyer_id)
    conditions = (Consent.channel == subject.channel, Consent.topic != "", col(Consent.counts))
    last = select(sa.func.max(Consent.id)).where(*of, *conditions)
    rows = select(Consent.topic).where(
        col(Consent.id).in_(last.group_by(col(Consent.topic))), Consent.answer == Answer.OUT
    )
    return frozenset(session.exec(rows))


def on_every_channel(subject: Subject) -> list[Subject]:
    """Return the same buyer on each channel there is."""
    return [Subject(subject.shop_id, subject.buyer_id, channel) for channel in Channel]


def _reached(session: Session, subject: Subject, evidence: Evidence) -> list[str]:
    """Return the addresses an answer came from or our messages to the buyer went to, whatever theirs is by now."""
    media = [medium for medium, channel in CHANNEL.items() if channel is subject.channel]
    went = (
        select(Delivery.address)
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .where(
            Delivery.shop_id == subject.shop_id,
            Delivery.buyer_id == subject.buyer_id,
            col(Delivery.sent_at).is_not(None),
            Delivery.address != "",
            col(Campaign.medium).in_(media),
        )
    )
    return [evidence.reached, *session.exec(went.distinct())]


def _record(session: Session, subject: Subject, answer: Answer, evidence: Evidence, *, topic: str = "") -> Consent:
    return record_consent(
        session,
        subject.shop_id,
        buyer_id=subject.buyer_id,
        channel=subject.channel,
        answer=answer,
        topic=topic,
        source=fitting(evidence.source, 100),
        wording=fitting(evidence.wording, 1000),
        address=fitting(evidence.address, 254),
        at=evidence.at,
        reached=_reached(session, subject, evidence) if subject.channel in KEY else (),
        recorded_by=evidence.recorded_by,
    )
