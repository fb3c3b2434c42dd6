"""Recording consent: an answer a buyer gave a person of the shop or another of its systems, with its evidence.

Who wrote it down is kept with the answer and in the audit log. The same answer once more (same words, same moment) is
the one that is there already.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from campaigns.deliveries.stopping import skip_addresses
from campaigns.optouts.opt_in_out import Evidence, Subject, end_pause, opt_in, opt_out, pause
from campaigns.optouts.topics import find_topic
from retention import audit
from retention.access import Member, Scope
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent
from retention.errors import Invalid, NotFound
from retention.moments import show_end, show_moment
from retention.shops import Shop
from retention.suppressions import OptOutSubject, buyers_at, is_held, key_of, lift, suppress

SKEW = timedelta(minutes=5)
"""How far ahead another system's clock may be."""
LONGEST_PAUSE = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class ConsentStatement:
    """An answer as it was given, `at` that moment. Without `channel` it is about every way to reach the buyer."""

    answer: Answer
    wording: str
    source: str
    channel: Channel | None = None
    topic: str = ""
    at: datetime | None = None

    @property
    def channels(self) -> list[Channel]:
        """The channels it is about."""
        return [self.channel] if self.channel else list(Channel)


def record_answer(
    session: Session, member: Member, buyer: Buyer, statement: ConsentStatement, *, now: datetime
) -> list[Consent]:
    """Write down an answer of one buyer and return its rows; `counts` says whether a newer one stands against it.

    Invalid without evidence, or for a moment that has not come; NotFound for an unknown topic.
    """
    evidence = _checked(session, member, statement, now=now)
    rows = [
        _record(session, Subject(buyer.shop_id, buyer.id, each), statement, evidence) for each in statement.channels
    ]
    _note(session, member, audit.of_buyer(buyer.external_id), statement, evidence, now=now)
    return rows


def record_address(
    session: Session, member: Member, address: str, statement: ConsentStatement, *, now: datetime
) -> list[Consent]:
    """Write down an answer of whoever has a mail address or number; a no holds also when nobody has it yet.

    Invalid without a channel that has addresses; NotFound for a yes of an address nobody has or held.
    """
    evidence = _checked(session, member, statement, now=now, reached=address)
    if statement.channel is None:
        raise Invalid("Name the channel of the address {address}: email or sms.", address=repr(address))
    key = key_of(session, member.shop_id, statement.channel, address)
    about = OptOutSubject(member.shop_id, statement.channel, statement.topic)
    buyers = list(session.execute(buyers_at(member.shop_id, statement.channel, {key})).scalars())
    if statement.answer is Answer.OUT:
        suppress(session, about, {key}, source=evidence.source, wording=evidence.wording, at=evidence.at)
        skip_addresses(session, member.shop_id, channel=statement.channel, keys={key}, topic=statement.topic)
    elif not buyers and not is_held(session, about, address):
        raise NotFound("No buyer has the address {address}.", address=address)
    rows = [_record(session, Subject(member.shop_id, each, statement.channel), statement, evidence) for each in buyers]
    if statement.answer is Answer.IN:
        lift(session, about, {key}, at=evidence.at)
    _note(session, member, audit.of_address(key), statement, evidence, now=now)
    return rows


def pause_buyer(
    session: Session, member: Member, buyer: Buyer, until: datetime | None, *, source: str, now: datetime
) -> None:
    """Send a buyer nothing by any channel until a moment; None ends the quiet at once. Invalid for a moment gone by."""
    member.require(Scope.CONSENTS_WRITE)
    subject = Subject(buyer.shop_id, buyer.id, Channel.EMAIL)
    if until is None:
        end_pause(session, subject)
    elif not now < until <= now + LONGEST_PAUSE:
        raise Invalid(
            "A pause must end in the future, within ten years; {day} does not.",
            day=show_end(until, _zone(session, buyer.shop_id), at=now),
        )
    else:
        pause(session, subject, until=until, at=now, source=_named(source))
    after = {"until": until.isoformat() if until else None, "source": source}
    action = "consent.pause" if until else "consent.resume"
    about = audit.of_buyer(buyer.external_id)
    audit.record(session, buyer.shop_id, member.actor, action=action, subject=about, after=after, at=now)


def _record(session: Session, subject: Subject, statement: ConsentStatement, evidence: Evidence) -> Consent:
    same = select(Consent).where(
        Consent.shop_id == subject.shop_id,
        Consent.buyer_id == subject.buyer_id,
        Consent.channel == subject.channel,
        Consent.topic == statement.topic,
        Consent.answer == statement.answer,
        Consent.at == evidence.at,
        Consent.source == evidence.source,
        Consent.wording == evidence.wording,
    )
    if there := session.exec(same.order_by(col(Consent.id)).limit(1)).first():
        return there
    if statement.answer is Answer.IN:
        return opt_in(session, subject, evidence, topic=statement.topic)
    opt_out(session, subject, evidence, topic=statement.topic)
    return session.exec(same.order_by(col(Consent.id).desc()).limit(1)).one()


def _checked(
    session: Session, member: Member, statement: ConsentStatement, *, now: datetime, reached: str = ""
) -> Evidence:
    member.require(Scope.CONSENTS_WRITE)
    wording = statement.wording.strip()
    if not wording or len(wording) > 1000:
        raise Invalid("Enter the evidence of consent in up to {most} characters.", most=1000)
    if statement.topic:
        find_topic(session, member.shop_id, statement.topic)
    at = statement.at or now
    if at > now + SKEW:
        moment = show_moment(at, _zone(session, member.shop_id))
        raise Invalid("{moment} is in the future. Enter the time of the answer.", moment=moment)
    source = _named(statement.source)
    return Evidence(min(at, now), source, wording=wording, address=reached, reached=reached, recorded_by=member.actor)


def _zone(session: Session, shop_id: int) -> str:
    return session.get_one(Shop, shop_id).timezone


def _named(source: str) -> str:
    """Return a source as it is kept. What names itself like a file would be taken for one."""
    plain = " ".join(source.split())
    if not plain or len(plain) > 100 or plain.startswith("import:"):
        raise Invalid("Name the source in up to {most} characters: phone, checkout, email ...", most=100)
    return plain


def _note(
    session: Session, member: Member, subject: str, statement: ConsentStatement, evidence: Evidence, *, now: datetime
) -> None:
    channels = [channel.value for channel in statement.channels]
    answered = {
        "answer": statement.answer.value,
        "channels": channels,
        "topic": statement.topic,
        "source": evidence.source,
    }
    after = answered | {"at": evidence.at.isoformat()}
    audit.record(session, member.shop_id, member.actor, action="consent.record", subject=subject, after=after, at=now)
