"""Results of a joint flyer by host shop and slot owner: copies, scans, claims and orders, as counts only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func

from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.links import Link, Scan, TouchKind
from printables.batches import Batch, Piece, PieceLink, PieceState
from printables.joint.partners import JointFlyer, partners_of
from retention.access import Member

FLOOR = 5
"""Another shop's figures from 1 to 4 are not shown: so few may be somebody one knows."""


@dataclass(frozen=True)
class MatrixCell:
    """What came of one shop's slot in one shop's parcels, both by their shop ids. None stands for 1 to 4."""

    host: int
    owner: int
    copies: int | None
    scans: int | None
    claims: int | None
    orders: int | None


def scan_matrix(session: Session, joint: JointFlyer, *, member: Member | None = None) -> list[MatrixCell]:
    """Return a cell per host shop and slot owner, in slot order.

    copies: pieces a packer put into a parcel; scans: by people, each once a minute; claims and orders: coupons. With
    `member`, as that shop may see it: cells of other shops' slots have a floor of 5. Without, exact.
    """
    shops = [partner.shop_id for partner in partners_of(session, joint)]
    packed, scans, coupons = _copies(session, joint), _scans(session, joint), _coupons(session, joint)
    cells = []
    for host, owner in product(shops, shops):
        figures = (packed.get(host, 0), scans.get((host, owner), 0), *coupons.get((host, owner), (0, 0)))
        exact = member is None or member.shop_id == owner
        cells.append(MatrixCell(host, owner, *_shown(figures, exact=exact)))
    return cells


def _shown(counts: Iterable[int], *, exact: bool) -> list[int | None]:
    return [count if exact or count == 0 or count >= FLOOR else None for count in counts]


def _pieces(joint: JointFlyer, *columns: Any) -> sa.Select[Any]:
    """Return a SELECT over the pieces of a joint flyer that are in parcels."""
    return (
        sa.select(*columns)
        .select_from(Piece)
        .join(Batch, col(Batch.id) == Piece.batch_id)
        .where(col(Batch.flyer_id) == joint.flyer_id, col(Piece.state) == PieceState.IN_PARCEL)
    )


def _links(joint: JointFlyer, *columns: Any) -> sa.Select[Any]:
    """Return a SELECT over the links of those pieces, a row per piece and slot."""
    return (
        _pieces(joint, *columns)
        .join(PieceLink, sa.and_(col(PieceLink.shop_id) == Piece.shop_id, col(PieceLink.piece_id) == Piece.id))
        .join(Link, col(Link.id) == PieceLink.link_id)
    )


def _copies(session: Session, joint: JointFlyer) -> Mapping[int, int]:
    counted = _pieces(joint, col(Piece.shop_id), func.count()).group_by(col(Piece.shop_id))
    return {host: count for host, count in session.execute(counted)}  # noqa: C416 - typed


def _scans(session: Session, joint: JointFlyer) -> Mapping[tuple[int, int], int]:
    human = sa.and_(col(Scan.kind) == TouchKind.SCAN, ~col(Scan.bot), ~col(Scan.preview), ~col(Scan.repeat))
    rows = session.execute(
        _links(joint, col(Piece.shop_id), col(Link.shop_id), func.count())
        .join(Scan, sa.and_(col(Scan.shop_id) == Link.shop_id, col(Scan.link_id) == Link.id, human))
        .group_by(col(Piece.shop_id), col(Link.shop_id))
    )
    return {(host, owner): count for host, owner, count in rows}


def _coupons(session: Session, joint: JointFlyer) -> Mapping[tuple[int, int], tuple[int, int]]:
    ordered = func.count(sa.case((col(Coupon.state) == CouponState.REDEEMED, col(Coupon.id))))
    rows = session.execute(
        _links(joint, col(Piece.shop_id), col(Link.shop_id), func.count(col(Coupon.claimed_at)), ordered)
        .join(Coupon, col(Coupon.id) == Link.coupon_id)
        .group_by(col(Piece.shop_id), col(Link.shop_id))
    )
    return {(host, owner): (claims, orders) for host, owner, claims, orders in rows}
