"""Consent per buyer and channel: a ledger of evidence of which the last row that counts decides.

Whether a row counts is settled when it is written: an answer given earlier than the last one is kept and changes
nothing. A no by mail or phone also holds for the address (`retention.suppressions`). Rows of files: `ingest.consents`.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from retention import channels, suppressions
from retention.buyers import Buyer
from retention.database import BigId, ShopRow, choice
from retention.figures import Figure, define
from retention.paging import Page, Wanted, page_of, where_between, where_equal
from retention.privacy.personal import personal
from retention.versions import Family, raise_version

Channel = channels.Channel


class Answer(StrEnum):
    """What a buyer said. Never asked is the absence of a row."""

    IN = "in"
    OUT = "out"


class Consent(ShopRow, table=True):
    """One answer with its evidence. With a `topic` it is about messages of that topic only.

    `at` is when the buyer gave it, `recorded_by` who wrote it down. `undated`: a file told of it and not of when; then
    `at` is the import. `counts`: it was the latest valid answer when it was written.
    """

    __tablename__ = "consents"
    __table_args__ = (Index(None, "shop_id", "channel", "buyer_id", "id"), {"sqlite_autoincrement": True})

    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    channel: Channel = Field(sa_type=choice(Channel))
    topic: str = Field(default="", max_length=64)
    answer: Answer = Field(sa_type=choice(Answer))
    source: str = Field(max_length=100)
    wording: str = Field(default="", max_length=1000)
    address: str = Field(default="", max_length=254)
    at: datetime
    undated: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    counts: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    recorded_by: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": sa.text("''")})

    def yields_to(self, answer: Answer, at: datetime) -> bool:
        """Tell whether an answer of the buyer's own, given at a moment, is a newer word than this one.

        What a file tells without a date yields to any such answer, but for a no, which holds until a later yes.
        """
        undated = self.undated and (self.answer is Answer.IN or answer is Answer.OUT)
        return undated or at >= self.at


class Pause(ShopRow, table=True):
    """A buyer's pause of all channels until a time; afterwards the earlier consent applies again."""

    __tablename__ = "pauses"
    __table_args__ = (UniqueConstraint("shop_id", "buyer_id"),)

    buyer_id: int = Field(foreign_key="buyers.id", sa_type=BigId)
    until: datetime
    source: str = Field(max_length=100)
    at: datetime


def record_consent(  # noqa: PLR0913 - all that is known of an answer, by name
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
    reached: Collection[str] = (),
    recorded_by: str = "",
) -> Consent:
    """Add an answer of the buyer's own to the ledger. The same answer again is evidence too and is kept.

    It counts from now on unless a newer one is there. By mail and phone a no that counts holds for the buyer's address
    and for those in `reached` (where messages of ours went, or a reply came from), and a yes lifts it from them.
    """
    last = _last(session, shop_id, buyer_id=buyer_id, channel=channel, topic=topic)
    consent = Consent(
        shop_id=shop_id,
        buyer_id=buyer_id,
        channel=channel,
        topic=topic,
        answer=answer,
        source=source,
        wording=wording,
        address=address,
        at=at,
        counts=last is None or last.yields_to(answer, at),
        recorded_by=recorded_by,
    )
    session.add(consent)
    raise_version(session, shop_id, Family.CONSENTS)
    if consent.counts and channel in suppressions.KEY:
        own = session.exec(select(suppressions.KEY[channel]).where(Buyer.id == buyer_id)).one()
        keys = {own, *suppressions.keys_of(session, shop_id, channel, reached)}
        about = suppressions.OptOutSubject(shop_id, channel, topic)
        if answer is Answer.OUT:
            suppressions.suppress(session, about, keys, source=source, wording=wording, at=at)
        else:
            suppressions.lift(session, about, keys, at=at)
    return consent


def buyers_answering(shop_id: int, channel: Channel, answer: Answer, *, topic: str = "") -> SelectOfScalar[int]:
    """Return a SELECT of the buyers whose last answer for `channel`, or for a topic on it, is `answer`."""
    last = (
        select(func.max(Consent.id))
        .where(Consent.shop_id == shop_id, Consent.channel == channel, Consent.topic == topic, col(Consent.counts))
        .group_by(col(Consent.buyer_id))
    )
    return select(Consent.buyer_id).where(
        Consent.shop_id == shop_id, col(Consent.id).in_(last), Consent.answer == answer
    )


def last_answer(session: Session, shop_id: int, *, buyer_id: int, channel: Channel, topic: str = "") -> Answer | None:
    """Return what a buyer last said about a channel, or None when never asked."""
    last = _last(session, shop_id, buyer_id=buyer_id, channel=channel, topic=topic)
    return last.answer if last else None


def page_of_answers(
    session: Session,
    shop_id: int,
    buyer_id: int,
    wanted: Wanted,
    *,
    channel: Channel | None = None,
    topic: str | None = None,
    answer: Answer | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Consent]:
    """Return a page of all a buyer said, with what did not count, the last recorded first."""
    channels_asked = [channel] if channel else list(Channel)  # named, since the index begins with them
    found = select(Consent).where(Consent.shop_id == shop_id, col(Consent.channel).in_(channels_asked))
    found = where_equal(found.where(Consent.buyer_id == buyer_id), {col(Consent.answer): answer})
    found = found if topic is None else found.where(Consent.topic == topic)
    found = where_between(found, col(Consent.at), since, until)
    return page_of(session, found, wanted, col(Consent.id), latest_first=True)


def answers_of(session: Session, shop_id: int, buyer_id: int, *, limit: int = 200) -> list[Consent]:
    """Return all a buyer said, with what did not count, the last recorded first."""
    rows = select(Consent).where(Consent.shop_id == shop_id, Consent.buyer_id == buyer_id)
    return list(session.exec(rows.order_by(col(Consent.id).desc()).limit(limit)))


def count_answers(session: Session, shop_id: int) -> dict[Channel, dict[Answer, int]]:
    """Return how many buyers last said yes and how many no, by channel; who was never asked is in neither."""
    about = (Consent.shop_id == shop_id, Consent.topic == "", col(Consent.counts))
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


def _last(session: Session, shop_id: int, *, buyer_id: int, channel: Channel, topic: str) -> Consent | None:
    rows = select(Consent).where(
        Consent.shop_id == shop_id,
        Consent.buyer_id == buyer_id,
        Consent.channel == channel,
        Consent.topic == topic,
        col(Consent.counts),
    )
    return session.exec(rows.order_by(col(Consent.id).desc()).limit(1)).first()


personal(Consent, blank={"address": "", "wording": ""}, addresses=("address",))
personal(Pause)
