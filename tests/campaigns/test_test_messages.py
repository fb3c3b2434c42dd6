"""A test message: to somebody of the shop, marked as one, in no ledger."""

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.channels.channel import Message, Refused, TryLater
from campaigns.channels.memory import MemoryChannel
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.texts.sending_tests import TESTS_A_DAY, send_test
from retention.access import Role
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.database import reading
from retention.errors import Conflict, Forbidden
from retention.users import add_user
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.texts import Acting, campaign, english


def tried(engine: Engine, *, to: str, channel: Any = None, at: Any = NOON) -> tuple[str, list[Message]]:
    used = channel or MemoryChannel()
    with reading(engine) as session:
        drafted = session.exec(select(Campaign)).one()
        stage = Stage(session, session.get_one(type(_shop(session)), drafted.shop_id))
        buyer = session.get_one(Buyer, 1)
        subject = send_test(session, stage.shop, drafted, buyer, to=to, at=at, actor="user:1", channel=used)
    return subject, used.taken


def _shop(session: Session) -> Any:
    from retention.shops import Shop

    return session.exec(select(Shop)).one()


def _prepared(stage: Stage) -> None:
    stage.buyer("may")
    campaign(stage, english("Dear {{ buyer.name }}, {{ coupon.code }}"))
    add_user(stage.session, "lin@tea.example", shop=stage.shop, role=Role.MARKETER, password="long enough!", at=NOON)


def _traces(stage: Stage) -> tuple[int, int, int, list[Any]]:
    rows = [len(stage.session.exec(select(table)).all()) for table in (Delivery, Coupon, Link)]
    tests = select(AuditEntry.after).where(AuditEntry.action == "campaign.test")
    return (*rows, list(stage.session.exec(tests)))


def test_a_test_goes_to_somebody_of_the_shop_marked_as_one_and_leaves_no_trace(
    engine: Engine, on_stage: Acting
) -> None:
    on_stage(_prepared)
    subject, taken = tried(engine, to="Lin@tea.example")
    assert subject == "[Test] New tea"
    (message,) = taken
    assert (message.to, message.subject) == ("Lin@tea.example", "[Test] New tea")
    assert "Dear May, 2345-6789" in message.text
    assert message.message_id.startswith("<test.")
    assert on_stage(_traces) == (0, 0, 0, [{"to": "Lin@tea.example", "said": ""}])


def test_a_test_goes_to_no_stranger(engine: Engine, on_stage: Acting) -> None:
    on_stage(_prepared)
    with pytest.raises(Forbidden, match="Tests can only be sent to users of the shop, and no user has the address"):
        tried(engine, to="may@example.com")
    assert on_stage(_traces) == (0, 0, 0, [])


class Refusing(MemoryChannel):
    def hand_over(self, message: Message) -> None:  # noqa: ARG002 - it takes none
        raise Refused("550 no such mailbox")


class Away(MemoryChannel):
    def connect(self) -> Any:
        raise TryLater("nobody answers")


@pytest.mark.parametrize(("channel", "said"), [(Refusing, "550 no such mailbox"), (Away, "nobody answers")])
def test_a_test_that_is_not_taken_says_why(engine: Engine, on_stage: Acting, channel: Any, said: str) -> None:
    on_stage(_prepared)
    with pytest.raises(Conflict, match=said):
        tried(engine, to="lin@tea.example", channel=channel())


def test_tests_are_limited_by_the_day(engine: Engine, on_stage: Acting) -> None:
    def used_up(stage: Stage) -> None:
        _prepared(stage)
        entry = {"shop_id": stage.shop.id, "actor": "user:1", "action": "campaign.test", "subject": "campaign:news"}
        stage.session.add_all(AuditEntry(**entry, at=NOON) for _ in range(TESTS_A_DAY))

    on_stage(used_up)
    with pytest.raises(Conflict, match="at most 50 tests in 24 hours"):
        tried(engine, to="lin@tea.example", at=later(hours=23))
    assert tried(engine, to="lin@tea.example", at=later(hours=24))[0] == "[Test] New tea"
