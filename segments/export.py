"""Segments as files: their buyers as CSV, with contact data as far as the reader may see it; lists read from a file.

Who took which segment out, when, and how many buyers it had, stays in the audit log.
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any, TextIO

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col

from retention import audit, money
from retention.access import Member, Scope
from retention.aggregates import BuyerAggregates
from retention.buyers import Buyer, masked_email, masked_name, masked_phone
from retention.database import write_after
from retention.shops import Shop
from retention.spreadsheets import BUYER_EXPORT, open_csv, plain
from segments.lists import BuyerList, buyers_called, save_list
from segments.matching import match
from segments.rule_ast import InSegment

READ_AT_ONCE = 10_000


def export_segment(
    session: Session,
    shop: Shop,
    member: Member,
    *,
    slug: str,
    target: TextIO,
    now: datetime,
    as_of: datetime | None = None,
) -> int:
    """Write the buyers of a segment as CSV like `write_csv`, record who did, and return how many they are.

    The record is written once the session, which may be one that only reads, has ended well; when that fails, so does
    the request.
    """
    count = write_csv(
        session, shop, member, buyers=match(session, shop, InSegment(slug), now=now, as_of=as_of), target=target
    )
    details = {
        "buyers": count,
        "masked": not member.may(Scope.BUYERS_PERSONAL),
        "as_of": as_of.isoformat() if as_of else None,
    }
    subject, actor = f"segment:{slug}", member.actor
    write_after(
        session,
        lambda own: audit.record(own, shop.id, actor, action="segment.export", subject=subject, at=now, after=details),
    )
    return count


def write_csv(session: Session, shop: Shop, member: Member, *, buyers: BitMap, target: TextIO) -> int:
    """Write buyers as CSV, by their id, and return how many. Name, mail and phone are masked for those who may not.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    writer = open_csv(target)
    writer.write(BUYER_EXPORT)
    personal = member.may(Scope.BUYERS_PERSONAL)
    count = 0
    for row in _rows(session, shop, buyers):
        writer.write(_cells(row, shop, personal=personal))
        count += 1
    return count


def upload_list(
    session: Session, shop: Shop, slug: str, *, lines: Iterator[str], actor: str, at: datetime, name: str = ""
) -> tuple[BuyerList, list[str]]:
    """Keep the buyers named by external id as a list; return it with the ids that no buyer has.

    The lines are one id each, or a table with a column `buyer_id`, such as an exported segment.
    """
    found, unknown = buyers_called(session, shop.id, _ids(line.lstrip("\ufeff") for line in lines))
    return save_list(session, shop.id, slug, members=found, actor=actor, at=at, name=name), unknown


def _ids(lines: Iterator[str]) -> Iterator[str]:
    first = next(lines, "")
    for delimiter in ",;\t":
        header = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=delimiter), [])]
        if "buyer_id" in header:
            place = header.index("buyer_id")
            rows = csv.reader(lines, delimiter=delimiter)
            return (plain(row[place]) for row in rows if len(row) > place)
    return chain([first], lines)


def _rows(session: Session, shop: Shop, buyers: BitMap) -> Iterator[Any]:
    joined = sa.and_(col(BuyerAggregates.shop_id) == col(Buyer.shop_id), col(BuyerAggregates.buyer_id) == col(Buyer.id))
    query = (
        sa.select(
            col(Buyer.id),
            col(Buyer.external_id),
            col(Buyer.name),
            col(Buyer.email),
            col(Buyer.phone),
            col(Buyer.country),
            col(Buyer.region),
            col(Buyer.city),
            sa.func.coalesce(col(BuyerAggregates.orders), 0),
            sa.func.coalesce(col(BuyerAggregates.spend), 0),
            col(BuyerAggregates.last_at),
        )
        .outerjoin(BuyerAggregates, joined)
        .where(col(Buyer.shop_id) == shop.id)
        .order_by(col(Buyer.external_id))
    )
    result = session.connection().execute(query, execution_options={"yield_per": READ_AT_ONCE})
    return (row for row in result if row[0] in buyers)


def _cells(row: Any, shop: Shop, *, personal: bool) -> list[str]:
    _, external_id, name, email, phone, country, region, city, orders, spend, last_at = row
    contact = [name, email, phone] if personal else [masked_name(name), masked_email(email), masked_phone(phone)]
    paid = format(money.major(spend, shop.currency), "f")
    return [external_id, *contact, country, region, city, str(orders), paid, last_at.isoformat() if last_at else ""]
