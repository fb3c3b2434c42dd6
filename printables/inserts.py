"""The inserts of a parcel, for the packing station and the shop's other systems."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState
from campaigns.sending.pre_send_check import check_before_sending
from printables.batches import ON_PAPER, Batch, Piece, PieceState
from printables.flyers import Flyer
from retention.access import Member, Scope
from retention.errors import NotFound
from retention.parcels import Parcel
from retention.waybills import spellings

PACKABLE = (*ON_PAPER, PieceState.UNUSED)
"""What may go into a parcel: a piece counted as unused may turn up after all, and is then as good as any."""


# Built once: an alias created at every scan costs more than the query.
_OTHER = aliased(Piece)
_NEWEST = (
    select(func.max(_OTHER.id))
    .where(
        _OTHER.shop_id == Delivery.shop_id,
        _OTHER.delivery_id == Delivery.id,
        col(_OTHER.state).in_((*PACKABLE, PieceState.IN_PARCEL)),
    )
    .scalar_subquery()
)


@dataclass(frozen=True)
class Insert:
    """One thing that belongs into a parcel. Without a piece it has not been printed yet."""

    delivery_id: int
    campaign: str
    flyer: str
    code: str
    batch: int | None
    copy_number: int
    packed: bool


def inserts_for(session: Session, member: Member, waybill: str, *, at: datetime) -> tuple[Insert, ...]:
    """Return the inserts of a parcel, empty for one that gets none, whatever the reason: consent is looked at again.

    NotFound for an unknown waybill and for another shop's alike.
    """
    member.require(Scope.INSERTS_READ)
    asked = inserts_in(session, parcel_for(session, member, waybill))
    waiting = [insert.delivery_id for insert in asked if not insert.packed]
    found = check_before_sending(session, member.shop_id, waiting, at=at)
    withdrawn = found.skipped.keys() | found.damaged.keys()
    return tuple(insert for insert in asked if insert.delivery_id not in withdrawn)


def parcel_for(session: Session, member: Member, waybill: str) -> Parcel:
    """Return the parcel with this waybill in the member's shop; NotFound otherwise."""
    parcel = session.exec(
        select(Parcel).where(Parcel.shop_id == member.shop_id, col(Parcel.waybill).in_(spellings(waybill)))
    ).first()
    if parcel is None:
        raise NotFound("No parcel has the waybill {waybill}.", waybill=waybill.strip())
    return parcel


def inserts_in(session: Session, parcel: Parcel) -> tuple[Insert, ...]:
    """Return what goes into a parcel, by campaign, each with its newest piece.

    What a paused campaign waits with is not asked for; what is in already is shown whatever the campaign does now.
    """
    rows = session.execute(
        sa.select(
            col(Delivery.id),
            col(Delivery.state),
            col(Campaign.name),
            col(Flyer.name),
            col(Piece.code),
            col(Batch.number),
            col(Piece.copy_number),
        )
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .outerjoin(Piece, sa.and_(col(Piece.delivery_id) == Delivery.id, col(Piece.id) == _NEWEST))
        .outerjoin(Batch, col(Batch.id) == Piece.batch_id)
        .outerjoin(Flyer, col(Flyer.id) == Batch.flyer_id)
        .where(
            col(Delivery.shop_id) == parcel.shop_id,
            col(Delivery.parcel_id) == parcel.id,
            sa.or_(col(Delivery.state) == DeliveryState.SENT, asked_for()),
        )
        .order_by(col(Campaign.id))
    ).all()
    return tuple(
        Insert(
            delivery_id=delivery_id,
            campaign=campaign,
            flyer=flyer or "",
            code=code or "",
            batch=batch,
            copy_number=copy_number or 0,
            packed=DeliveryState(state) is DeliveryState.SENT,
        )
        for delivery_id, state, campaign, flyer, code, batch, copy_number in rows
    )


def asked_for() -> sa.ColumnElement[bool]:
    """Return the condition on Delivery and Campaign that an insert still waits to be packed."""
    return sa.and_(
        col(Delivery.state) == DeliveryState.WAITING,
        col(Campaign.state).in_((CampaignState.RUNNING, CampaignState.FINISHED)),
    )
