"""Phone numbers normalised again after a shop's country changes, so that opt-outs still apply.

A number without a country is one of the shop's country. Some buyers a transaction are read again; where a key changes,
a no by the old one holds for the new one from the same transaction on. The old no stays: it may have been meant too.
"""

from datetime import timedelta

import polars as pl
import sqlalchemy as sa
import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from retention import clock
from retention.addresses import country_of, is_number, phone_key, phone_keys
from retention.buyers import Buyer, FormerAddress
from retention.channels import Channel
from retention.database import insert, reading, transaction
from retention.failures import Thing, each_alone
from retention.queue import engine_task
from retention.shops import Shop
from retention.staging import take_turn
from retention.suppressions import Suppression, carry_over
from retention.versions import Family, raise_version

log = structlog.get_logger()

AT_ONCE = 5_000
"""Buyers of one transaction, so that nobody waits long behind it."""


@engine_task("addresses.respell", every=timedelta(minutes=1))
def renormalize_all(engine: Engine) -> None:
    """Spell the numbers again of every shop whose time zone is in another country than they are spelled for."""
    with reading(engine) as session:
        shops = session.exec(select(Shop).order_by(col(Shop.id))).all()
    moved = [
        Thing(shop.id, "shop", shop.id, shop.slug) for shop in shops if shop.phones_of != country_of(shop.timezone)
    ]
    each_alone(engine, "respell", moved, lambda shop: renormalize(engine, shop.shop_id), now=clock.now())


def renormalize(engine: Engine, shop_id: int) -> int:
    """Spell the numbers of one shop again and return how many keys changed; again from the beginning when cut short."""
    with reading(engine) as session:
        country = country_of(session.get_one(Shop, shop_id).timezone)
    after: int | None = 0
    number = 0
    while after is not None:
        with transaction(engine) as session:
            take_turn(session, shop_id)
            after, some = _renormalize_some(session, shop_id, country, after)
            number += some
    with transaction(engine) as session:
        _renormalize_suppressions(session, shop_id, country)
        # Where the zone has changed meanwhile, the next sweep begins again.
        session.execute(sa.update(Shop).where(col(Shop.id) == shop_id).values(phones_of=country))
        raise_version(session, shop_id, Family.CONSENTS)
        raise_version(session, shop_id, Family.BUYERS)
    log.info("telephone numbers are spelled again", shop=shop_id, country=country, changed=number)
    return number


def _renormalize_some(session: Session, shop_id: int, country: str, after: int) -> tuple[int | None, int]:
    """Spell the next buyers' numbers again; return after whom to go on, None at the end, and how many keys changed."""
    here = (col(Buyer.shop_id) == shop_id, col(Buyer.phone) != "", col(Buyer.id) > after)
    query = sa.select(col(Buyer.id), col(Buyer.phone), col(Buyer.phone_key), col(Buyer.country)).where(*here)
    rows = session.execute(query.order_by(col(Buyer.id)).limit(AT_ONCE)).all()
    phones, countries = (
        pl.Series([getattr(row, name) for row in rows], dtype=pl.String) for name in ("phone", "country")
    )
    keys = phone_keys(phones, country, countries).to_list() if rows else []
    other = [(row.id, row.phone_key, key) for row, key in zip(rows, keys, strict=True) if row.phone_key != key]
    if other:
        session.execute(sa.update(Buyer), [{"id": number, "phone_key": key} for number, _old, key in other])
        former = [{"shop_id": shop_id, "buyer_id": number, "address": old} for number, old, _key in other if old]
        if former:
            session.execute(insert(session, FormerAddress).on_conflict_do_nothing(), former)
        carry_over(session, shop_id, Channel.SMS, {(old, key) for _number, old, key in other if old and key})
    return (rows[-1].id if len(rows) == AT_ONCE else None), len(other)


def _renormalize_suppressions(session: Session, shop_id: int, country: str) -> None:
    """Let opt-outs by what was no whole number for the old country hold for what it is in the new one."""
    held = select(Suppression.address).where(
        Suppression.shop_id == shop_id,
        Suppression.channel == Channel.SMS,
        col(Suppression.lifted_at).is_(None),
        ~col(Suppression.address).startswith("+"),
    )
    pairs = {(old, phone_key(old, country)) for old in session.exec(held.distinct())}
    carry_over(session, shop_id, Channel.SMS, {(old, key) for old, key in pairs if is_number(key)})
