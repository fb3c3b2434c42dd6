"""Consent per buyer and channel: a ledger of evidence of which the last row counts."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from retention.database import BigId, ShopRow, choice
from retention.figures import Figure, define
from retention.versions import Family, raise_version


class Channel(StrEnum):
    """The ways something can reach a buyer that consent is asked for."""

    EMAIL = "email"
    SMS = "sms"
    PARCEL = "parcel"
    GROUP = "group"
    PERSONAL = "personal"  # a member of the shop writes to them
    WEBHOOK = "webhook"  # the shop's own system reaches them


class Answer(StrEnum):
    """What a buyer said. Never asked is the absence of a row."""

    IN = "in"
    OUT = "out"


class Consent(ShopRow, table=True):
    """One answer with its evidence. With a `topic` it is about messages of that topic only."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "shop_id", "channel", "buyer_id", "id"),)

    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    channel: Channel = Field(sa_type=choice(Channel))
    topic: str = Field(default="", max_length=64)
    answer: Answer = Field(sa_type=choice(Answer))
    source: str = Field(max_length=100)
    wording: str = Field(default="", max_length=1000)
    address: str = Field(default="", max_length=254)
    at: datetime


class Pause(ShopRow, table=True):
    """A buyer wants to hear nothing by any channel until a moment; what they said before counts again after it."""

    __tablename__ = "pauses"
    __table_args__ = (UniqueConstraint("shop_id", "buyer_id"),)

    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    until: datetime
    source: str = Field(max_length=100)
    at: datetime


def record_consent(
    session: Session,
    shop_id: int,
    *,
    buyer_id: int,
    channel: Channel,
    answer: Answer,
    source: str,
    at: datetime,
    wording: str = "",
    address: str = "",
    topic: str = "",
) -> None:
    """Add an answer to the ledger; it counts from now on. The same answer again is evidence too and is kept."""
    session.add(
        Consent(
            shop_id=shop_id,
            buyer_id=buyer_id,
            channel=channel,
            topic=topic,
            answer=answer,
            source=source,
            wording=wording,
            address=address,
            at=at,
        )
    )
    raise_version(session, shop_id, Family.CONSENTS)


def buyers_answering(shop_id: int, channel: Channel, answer: Answer, *, topic: str = "") -> SelectOfScalar[int]:
    """Return a SELECT of the buyers whose last answer for `channel`, or for a topic on it, is `answer`."""
    last = (
        select(func.max(Consent.id))
        .where(Consent.shop_id == shop_id, Consent.channel == channel, Consent.topic == topic)
        .group_by(col(Consent.buyer_id))
    )
    return select(Consent.buyer_id).where(
        Consent.shop_id == shop_id, col(Consent.id).in_(last), Consent.answer == answer
    )


def last_answer(session: Session, shop_id: int, *, buyer_id: int, channel: Channel, topic: str = "") -> Answer | None:
    """Return what a buyer last said about a channel, or None when never asked."""
    rows = select(Consent.answer).where(
        Consent.shop_id == shop_id,
        Consent.buyer_id == buyer_id,
        Consent.channel == channel,
        Consent.topic == topic,
    )
    answer = session.exec(rows.order_by(col(Consent.id).desc()).limit(1)).first()
    return Answer(answer) if answer else None


def count_answers(session: Session, shop_id: int) -> dict[Channel, dict[Answer, int]]:
    """Return how many buyers last said yes and how many no, by channel; who was never asked is in neither."""
    about = (Consent.shop_id == shop_id, Consent.topic == "")
    last = select(func.max(Consent.id)).where(*about).group_by(col(Consent.channel), col(Consent.buyer_id))
    rows = session.exec(
        select(Consent.channel, Consent.answer, func.count())
        .where(Consent.shop_id == shop_id, col(Consent.id).in_(last))
        .group_by(col(Consent.channel), col(Consent.answer))
    )
    found: dict[Channel, dict[Answer, int]] = {channel: dict.fromkeys(Answer, 0) for channel in Channel}
    for channel, answer, count in rows:
        found[Channel(channel)][Answer(answer)] = count
    return found


ANSWERS = define(
    Figure(
        "answers",
        (Family.CONSENTS,),
        dict[Channel, dict[Answer, int]],
        lambda session, shop, _, _now: count_answers(session, shop.id),
        first=True,
    )
)


def count_pauses(session: Session, shop_id: int, *, at: datetime) -> int:
    """Return how many buyers have asked to hear nothing at this moment."""
    return session.exec(select(func.count()).where(Pause.shop_id == shop_id, Pause.until > at)).one()
