"""Claiming: how senders share deliveries without anybody getting two, and how a row learns what became of it.

waiting -> claimed            by conditional UPDATE, with a token and an expiry; rows another sender locks are passed by
claimed -> begun              `handed_at` is written and committed before a byte leaves
begun   -> sent, failed, waiting again, or unknown
An expired claim that had not begun waits again; one that had is unknown, since nobody can know.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Medium
from campaigns.deliveries import write_sent_touches
from campaigns.reasons import Reason
from campaigns.stopping import UNCLAIMED

CLAIM = timedelta(minutes=10)

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720))
"""Waits after each try that may be repeated; after the last of them the delivery has failed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries of one shop in one sender's hands."""

    shop_id: int
    token: str
    delivery_ids: list[int]


def shops_with_work(session: Session, medium: Medium) -> list[int]:
    """Return the shops that have a running campaign by this medium."""
    running = sa.select(col(Campaign.shop_id)).where(
        col(Campaign.state) == CampaignState.RUNNING, col(Campaign.medium) == medium
    )
    return sorted(set(session.execute(running).scalars()))


def claim(session: Session, shop_id: int, medium: Medium, *, now: datetime, limit: int) -> Claim:
    """Take up to `limit` due deliveries of running campaigns, the longest due first."""
    running = sa.select(col(Campaign.id)).where(
        col(Campaign.shop_id) == shop_id,
        col(Campaign.state) == CampaignState.RUNNING,
        col(Campaign.medium) == medium,
    )
    due = (
        sa.select(col(Delivery.id))
        .where(
            col(Delivery.shop_id) == shop_id,
            col(Delivery.state) == DeliveryState.WAITING,
            col(Delivery.due_at) <= now,
            col(Delivery.campaign_id).in_(running),
        )
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite has one writer and leaves this out
    )
    # Two statements: inside one UPDATE, PostgreSQL may run the limited SELECT once per row and take too many.
    ids = list(session.execute(due).scalars())
    token = secrets.token_hex(16)
    taken = {"state": DeliveryState.CLAIMED, "claim_token": token, "claim_expires_at": now + CLAIM}
    claimed = (
        sa.update(Delivery)
        .where(col(Delivery.id).in_(ids), col(Delivery.state) == DeliveryState.WAITING)
        .values(**taken, handed_at=None, attempts=Delivery.attempts + 1)
    )
    rows = session.execute(claimed.returning(col(Delivery.id)), execution_options=_NO_SYNC)
    return Claim(shop_id, token, sorted(rows.scalars()))


def skip(session: Session, held: Claim, reasons: Mapping[int, Reason]) -> None:
    """Give claimed deliveries up for good, each with its reason: one UPDATE per reason."""
    for reason in sorted(set(reasons.values())):
        ids = [delivery_id for delivery_id, why in reasons.items() if why is reason]
        _settle(session, held, ids, state=DeliveryState.SKIPPED, reason=reason.value)


def begin(session: Session, held: Claim, delivery_id: int, *, now: datetime) -> bool:
    """Write down that the hand-over begins; False when the row was taken out of our hands meanwhile."""
    begun = sa.update(Delivery).where(*_ours(held, [delivery_id]), col(Delivery.handed_at).is_(None))
    row = session.execute(begun.values(handed_at=now).returning(col(Delivery.id)), execution_options=_NO_SYNC).first()
    return row is not None


def record_sent(
    session: Session, held: Claim, delivery_id: int, *, at: datetime, message_id: str, address: str
) -> None:
    """Write down that it was taken, also when our claim has expired meanwhile and the row already says unknown."""
    values = {"sent_at": at, "message_id": message_id, "address": address, "reason": "", "detail": ""}
    if _settle(session, held, [delivery_id], state=DeliveryState.SENT, **values) or _correct(
        session, held, delivery_id, state=DeliveryState.SENT, **values
    ):
        write_sent_touches(session, held.shop_id, [delivery_id])


def record_refused(session: Session, held: Claim, delivery_id: int, *, reason: Reason, detail: str) -> None:
    """Write down that it will never be taken."""
    values = {"reason": reason.value, "detail": detail[:500]}
    _settle(session, held, [delivery_id], state=DeliveryState.FAILED, **values)


def record_undecided(session: Session, held: Claim, delivery_id: int, *, detail: str) -> None:
    """Write down that nobody can know."""
    values = {"reason": Reason.NO_RECORD.value, "detail": detail[:500]}
    _settle(session, held, [delivery_id], state=DeliveryState.UNKNOWN, **values)


def record_later(session: Session, held: Claim, delivery_ids: Sequence[int], *, now: datetime, detail: str) -> None:
    """Have deliveries tried again after the next wait; those that have had every wait have failed."""
    late = (*_ours(held, delivery_ids), col(Delivery.attempts) > len(BACK_OFF))
    gone = {"state": DeliveryState.FAILED, "reason": Reason.GAVE_UP.value, "detail": detail[:500], **UNCLAIMED}
    session.execute(sa.update(Delivery).where(*late).values(**gone), execution_options=_NO_SYNC)
    waits = sa.case(
        *((col(Delivery.attempts) == tries, sa.literal(now + wait, _MOMENT)) for tries, wait in enumerate(BACK_OFF, 1)),
        else_=sa.literal(now, _MOMENT),
    )
    _settle(session, held, delivery_ids, state=DeliveryState.WAITING, due_at=waits, handed_at=None, detail=detail[:500])


def release(session: Session, held: Claim, delivery_ids: Sequence[int]) -> None:
    """Put deliveries that were not begun back as if they had not been claimed."""
    _settle(session, held, delivery_ids, state=DeliveryState.WAITING, attempts=Delivery.attempts - 1)


def expire_claims(session: Session, *, now: datetime) -> int:
    """Settle the claims of senders that died; return how many deliveries became unknown."""
    expired = (col(Delivery.state) == DeliveryState.CLAIMED, col(Delivery.claim_expires_at) <= now)
    session.execute(
        sa.update(Delivery)
        .where(*expired, col(Delivery.handed_at).is_(None))
        .values(state=DeliveryState.WAITING, **UNCLAIMED)
    )
    unknown = (
        sa.update(Delivery)
        .where(*expired)
        .values(state=DeliveryState.UNKNOWN, reason=Reason.NO_RECORD.value, **UNCLAIMED)
    )
    return len(session.execute(unknown.returning(col(Delivery.id))).all())


_NO_SYNC = {"synchronize_session": False}
_MOMENT = UTCDateTime()


def _ours(held: Claim, delivery_ids: Sequence[int]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Delivery.shop_id) == held.shop_id,
        col(Delivery.id).in_(delivery_ids),
        col(Delivery.state) == DeliveryState.CLAIMED,
        col(Delivery.claim_token) == held.token,
    )


def _settle(session: Session, held: Claim, delivery_ids: Sequence[int], **values: Any) -> bool:
    """Take deliveries out of the claim; False when none was in it any more."""
    settled = sa.update(Delivery).where(*_ours(held, delivery_ids)).values(**values, **UNCLAIMED)
    return bool(session.execute(settled.returning(col(Delivery.id)), execution_options=_NO_SYNC).all())


def _correct(session: Session, held: Claim, delivery_id: int, **values: Any) -> bool:
    """Change a row that came to say unknown while we were still handing it over."""
    corrected = sa.update(Delivery).where(
        col(Delivery.shop_id) == held.shop_id,
        col(Delivery.id) == delivery_id,
        col(Delivery.state) == DeliveryState.UNKNOWN,
        col(Delivery.reason) == Reason.NO_RECORD.value,
    )
    return bool(
        session.execute(corrected.values(**values).returning(col(Delivery.id)), execution_options=_NO_SYNC).all()
    )
