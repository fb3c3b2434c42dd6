"""A shop that moves to another country: the numbers it keeps are read again, and a no by number still holds."""

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from retention import phone_renormalizing
from retention.buyers import Buyer, FormerAddress
from retention.consent import Answer, Channel, record_consent
from retention.database import reading, transaction
from retention.phone_renormalizing import renormalize_all
from retention.shops import Shop, find_shop
from retention.suppressions import OptOutSubject, held_buyers, is_held
from tests.campaigns.conftest import NOON
from tests.factories import make_shop

PHONES = ("0912 345 678", "13800138000", "0912-345-679", "", "+886 912 345 680", "0912345681")
TAIWAN = ["+886912345678", "+8613800138000", "+886912345679", "", "+886912345680", "+886912345681"]


def keys(session: Session, slug: str) -> list[str]:
    found = select(Buyer.phone_key).where(Buyer.shop_id == find_shop(session, slug).id)
    return list(session.exec(found.order_by(col(Buyer.id))))


def test_numbers_are_spelled_again_when_the_country_changes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_renormalizing, "AT_ONCE", 2)
    with transaction(engine) as session:
        for slug in ("tea", "stays"):
            shop = make_shop(session, slug, name=slug, at=NOON)
            for number, phone in enumerate(PHONES):
                session.add(Buyer(shop_id=shop.id, external_id=f"b{number}", phone=phone, created_at=NOON))
        session.flush()
        before = keys(session, "tea")
        assert before[0] != TAIWAN[0]
        shop = find_shop(session, "tea")
        first = session.exec(select(Buyer.id).where(Buyer.shop_id == shop.id).order_by(col(Buyer.id))).first() or 0
        record_consent(
            session, shop.id, buyer_id=first, channel=Channel.SMS, answer=Answer.OUT, source="phone", at=NOON
        )
        session.add(Buyer(shop_id=shop.id, external_id="same", phone="912345678", created_at=NOON))
    renormalize_all(engine)
    with transaction(engine) as session:
        assert keys(session, "tea")[:6] == before  # nothing has moved
        find_shop(session, "tea").timezone = "Asia/Taipei"
    phone_renormalizing.renormalize(engine, shop.id)
    with reading(engine) as session:
        tea = find_shop(session, "tea")
        assert (keys(session, "tea")[:6], keys(session, "stays"), tea.phones_of) == (TAIWAN, before, "TW")
        held = set(session.execute(held_buyers(OptOutSubject(tea.id, Channel.SMS))).scalars())
        names = session.exec(select(Buyer.external_id).where(col(Buyer.id).in_(held))).all()
        assert sorted(names) == ["b0", "same"]  # whoever has the number that said no, however it is written
        assert is_held(session, OptOutSubject(tea.id, Channel.SMS), "+886 912 345 678")
        assert session.get_one(Shop, tea.id).phones_of == "TW"
        former = session.exec(select(FormerAddress.address).order_by(col(FormerAddress.address))).all()
        assert set(former) == {key for key, now in zip(before, TAIWAN, strict=True) if key and key != now}
