"""A property of consent: after an opt-out nothing leaves by that address until a newer yes of the buyer's own.

Random histories of files, pages, replies and answers told by other systems, over few buyers who share few addresses in
many spellings. Who a plan takes and who the pre-send check lets go is compared with the histories read plainly.
"""

import csv
import itertools
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.media import Medium
from campaigns.optouts.opt_in_out import Evidence, Subject, opt_in, opt_out
from campaigns.optouts.replies import take_reply
from campaigns.plans.planning import plan
from campaigns.runs.launch import launch
from campaigns.sending.pre_send_check import refused_before_sending
from retention.buyers import Buyer
from retention.consent import Channel
from retention.database import transaction
from retention.ingest import import_file
from retention.shops import Shop
from tests.campaigns.conftest import NOON, Stage
from tests.factories import make_shop

BUYERS = ("ada", "bo", "cy")
MAILS = [["m1@example.com", " M1@Example.COM", "ｍ1@example.com"], ["m2@example.com", "M2@EXAMPLE.com "]]
PHONES = [
    ["13800138000", "+86 138-0013-8000", "008613800138000", "１３８００１３８０００"],
    ["13900139000", "+8613900139000"],
]
_shops = itertools.count(1)

who, place, spelling = st.sampled_from(BUYERS), st.integers(0, 1), st.integers(0, 3)
said = st.sampled_from(["in", "out"])
ago = st.integers(0, 40)
"""Hours before the moment it comes to our ears; a step of a history takes twenty."""
files = st.tuples(st.just("file"), who, place, spelling, st.sampled_from(["", "in", "out"]), st.none() | ago)
pages = st.tuples(st.just("page"), who, said)
told = st.tuples(st.just("told"), who, said, ago)
replies = st.tuples(st.just("reply"), place, spelling, said)
histories = st.lists(files | pages | told | replies, min_size=2, max_size=9)


@dataclass
class Plain:
    """What must never happen, read from a history: opt-outs by buyer and by address, each with its moment."""

    at: dict[str, int] = field(default_factory=dict)
    optouts: dict[Any, datetime] = field(default_factory=dict)
    yeses: dict[Any, datetime] = field(default_factory=dict)

    def no(self, *keys: Any, at: datetime) -> None:
        for key in keys:
            self.optouts[key] = max(at, self.optouts.get(key, at))

    def yes(self, *keys: Any, at: datetime) -> None:
        for key in keys:
            self.yeses[key] = max(at, self.yeses.get(key, at))

    def forbidden(self, buyer: str) -> bool:
        """Tell whether this buyer, or the address they have by now, said no and no newer yes."""
        keys = (buyer, self.at.get(buyer))
        return any(
            key in self.optouts and self.yeses.get(key, NOON - timedelta(days=99)) < self.optouts[key] for key in keys
        )


@pytest.mark.parametrize("medium", [Medium.EMAIL, Medium.SMS])
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=histories)
def test_after_a_no_nothing_leaves_by_that_address_until_a_newer_yes(
    engine: Engine, *, medium: Medium, history: list[Any]
) -> None:
    slug, plain = f"law-{next(_shops)}", Plain()
    with transaction(engine) as session:
        shop = make_shop(session, slug, name="Tea", at=NOON)
        campaign = Stage(session, shop).push(medium=medium).id
    for step, event in enumerate([("file", name, place, 0, "in", None) for place, name in ((0, "ada"), (1, "bo"))]):
        live(engine, slug, plain, event, medium=medium, at=NOON - timedelta(days=2, hours=step))
    with transaction(engine) as session:
        shop = session.exec(select(Shop).where(Shop.slug == slug)).one()
        launch(session, shop, session.get_one(Campaign, campaign), at=NOON, actor="user:1")
    for step, event in enumerate(history, 1):
        at = NOON + timedelta(hours=20 * step)
        live(engine, slug, plain, event, medium=medium, at=at)
        with transaction(engine) as session:
            assert not {name for name in reached(session, slug, campaign, at=at) if plain.forbidden(name)}, event


def live(engine: Engine, slug: str, plain: Plain, event: Any, *, medium: Medium, at: datetime) -> None:
    """Let one thing happen, to the shop and to the plain reading of it."""
    channel = Channel(medium.value)
    spellings = MAILS if medium is Medium.EMAIL else PHONES
    match event:
        case "file", name, number, spelling, answer, hours:
            moment = None if hours is None else at - timedelta(hours=hours)
            _import(engine, slug, [name, spellings[number][spelling % len(spellings[number])], answer, moment], at=at)
            plain.at[name] = number
            if answer == "out" and _news(plain, name, moment):
                again = moment is None and _told_before_a_yes_from_there(plain, name, number)
                plain.no(name, *([] if again else [number]), at=moment or at)
            elif answer == "in" and moment:
                plain.yes(name, number, at=moment - timedelta(microseconds=1))  # later than a no, not with it
        case "page" | "told", name, answer, *hours:
            if name not in plain.at:
                return
            moment = at - timedelta(hours=hours[0] if hours else 0)
            with transaction(engine) as session:
                shop_id, buyer_id = _ids(session, slug, name)
                evidence = Evidence(moment, "test", wording="Yes" if answer == "in" else "No")
                (opt_in if answer == "in" else opt_out)(session, Subject(shop_id, buyer_id, channel), evidence)
            yes_since = plain.yeses.get(name, moment)
            if answer == "in":
                plain.yes(name, plain.at[name], at=moment)
            elif yes_since <= moment:
                plain.no(name, plain.at[name], at=moment)
        case "reply", number, spelling, answer:
            if medium is Medium.EMAIL:
                return
            with transaction(engine) as session:
                shop_id = session.exec(select(Shop.id).where(Shop.slug == slug)).one()
                phone, text = PHONES[number][spelling % len(PHONES[number])], "STOP" if answer == "out" else "START"
                take_reply(session, shop_id, phone=phone, text=text, at=at, source="sms reply")
            keys = [number, *(name for name, where in plain.at.items() if where == number)]
            (plain.no if answer == "out" else plain.yes)(*keys, at=at)


def reached(session: Session, slug: str, campaign_id: int, *, at: datetime) -> set[str]:
    """Return who a plan of now would take, and whose waiting delivery the pre-send check would let go."""
    shop = session.exec(select(Shop).where(Shop.slug == slug)).one()
    names = dict(session.exec(select(Buyer.id, Buyer.external_id).where(Buyer.shop_id == shop.id)).all())
    again = Stage(session, shop).push(f"again-{at:%d%H}", medium=session.get_one(Campaign, campaign_id).medium)
    planned = plan(session, shop, again, at=at).final
    waiting = dict(
        session.exec(select(Delivery.id, Delivery.buyer_id).where(Delivery.campaign_id == campaign_id)).all()
    )
    kept = refused_before_sending(session, shop.id, list(waiting), at=at)
    return {names[each] for each in planned} | {names[buyer] for number, buyer in waiting.items() if number not in kept}


def _news(plain: Plain, name: str, moment: datetime | None) -> bool:
    """Tell whether a file's no is one: a yes of the buyer's own, known to be later, stands against it."""
    yes = plain.yeses.get(name)
    return yes is None or (moment is not None and moment > yes)


def _told_before_a_yes_from_there(plain: Plain, name: str, number: int) -> bool:
    """Tell whether an undated no is the one a buyer told before, and somebody at the address has said yes since."""
    no = plain.optouts.get(name)
    return no is not None and plain.yeses.get(name, no) <= no < plain.yeses.get(number, no)


def _import(engine: Engine, slug: str, row: list[Any], *, at: datetime) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "buyers.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(["buyer_id", "email", "phone", "email_consent", "sms_consent", "consent_at"])
            name, address, answer, moment = row
            both = [address, ""] if "@" in address or "＠" in address else ["", address]
            lines.writerow([name, *both, answer, answer, moment.isoformat() if moment else ""])
        import_file(engine, slug, "buyers", path, now=at)


def _ids(session: Session, slug: str, name: str) -> tuple[int, int]:
    ids = select(Shop.id, Buyer.id).join(Buyer, Buyer.shop_id == Shop.id)
    return session.exec(ids.where(Shop.slug == slug, Buyer.external_id == name)).one()
