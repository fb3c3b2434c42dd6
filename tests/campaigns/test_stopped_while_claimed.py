"""What is claimed and not begun stays here, by whatever way the opt-out, the pause or the new address came in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Delivery, Recipe
from campaigns.campaign.media import Medium
from campaigns.channels.channel import Message
from campaigns.channels.memory import MemoryChannel
from campaigns.optouts.opt_in_out import Evidence, Subject, opt_out, pause
from campaigns.optouts.replies import take_reply
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.access import Member, Scope
from retention.buyers import Buyer
from retention.consent import Channel
from retention.files import FileStore
from retention.ingest import import_file
from retention.privacy.requests import erase_buyer
from tests.campaigns.conftest import NOON, Stage, later

IDENTITY = SenderIdentity("https://shop.example", b"a key for tests", "Shop <shop@shop.example>")
OnStage = Callable[[Callable[[Stage], Any]], Any]
PEOPLE = """buyer_id,email,phone,email_consent,sms_consent
ada,ada@example.com,13800138001,in,in
bo,bo@example.com,13800138002,in,in
"""
MEANWHILE: dict[str, tuple[str, str]] = {
    "nothing": ("ada@example.com bo@example.com", "13800138001 13800138002"),
    "a file with a no": ("ada@example.com", "13800138001"),
    "a file with a no of somebody else there": ("ada@example.com", "13800138001"),
    "a pause of somebody else there": ("ada@example.com", "13800138001"),
    "a new address, then a reply from the old": ("ada@example.com new@example.com", "13800138001 13900139000"),
    "an erasure": ("ada@example.com", "13800138001"),
}


class Interrupted(MemoryChannel):
    """Lets something happen once, when it has been given its first message."""

    meanwhile: Callable[[], Any] | None = None

    def hand_over(self, message: Message) -> None:
        super().hand_over(message)
        if happens := self.meanwhile:
            self.meanwhile = None
            happens()


@pytest.mark.parametrize("medium", [Medium.EMAIL, Medium.SMS])
@pytest.mark.parametrize("what", MEANWHILE)
def test_message_in_a_senders_hands_stays_here(
    engine: Engine, on_stage: OnStage, tmp_path: Path, what: str, medium: Medium
) -> None:
    on_stage(lambda stage: stage.shop.id)
    _import(engine, tmp_path, PEOPLE)
    on_stage(lambda stage: launch(stage.session, stage.shop, stage.push(medium=medium), at=NOON, actor="user:1"))
    channel = Interrupted(medium=medium)
    channel.meanwhile = lambda: _happens(engine, on_stage, tmp_path, what)
    send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)
    assert [message.to for message in channel.taken] == MEANWHILE[what][medium is Medium.SMS].split()


def test_digest_in_a_senders_hands_leaves_without_what_nobody_wants_any_more(engine: Engine, on_stage: OnStage) -> None:
    def launch_both(stage: Stage) -> None:
        topic = stage.topic()
        for name in ("ada", "bo"):
            stage.buyer(name)
        for number, about in enumerate(["", topic]):
            product = stage.product(f"T{number}", title=f"Tea {number}")
            alert = stage.draft(f"alert-{number}", Recipe.ARRIVAL_ALERT, product_id=product.id, topic=about)
            launch(stage.session, stage.shop, alert, at=NOON, actor="user:1")

    on_stage(launch_both)
    channel = Interrupted()
    no = Evidence(NOON, "page")
    channel.meanwhile = lambda: on_stage(
        lambda stage: opt_out(stage.session, Subject(1, 2, Channel.EMAIL), no, topic="arrivals")
    )
    send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)
    said = [(message.to, [f"Tea {number}" in message.text for number in (0, 1)]) for message in channel.taken]
    assert said == [("ada@example.com", [True, True]), ("bo@example.com", [True, False])]
    states = on_stage(lambda stage: [row.reason for row in stage.session.exec(select(Delivery).order_by(Delivery.id))])
    assert states == ["", "", "", "topic_out"]


def _happens(engine: Engine, on_stage: OnStage, folder: Path, what: str) -> None:
    """Let something come in about bo, or about who has the same address."""
    if what == "a file with a no":
        _import(engine, folder, "buyer_id,email_consent,sms_consent\nbo,out,out\n")
    elif what == "a file with a no of somebody else there":
        _import(engine, folder, "buyer_id,email,phone,email_consent,sms_consent\ndee,BO@example.com,+8613800138002,0,0")
    elif what == "a pause of somebody else there":
        _import(engine, folder, "buyer_id,email,phone\ndee,BO@example.com,+8613800138002\n")
        dee = lambda stage: stage.session.exec(select(Buyer.id).where(Buyer.external_id == "dee")).one()  # noqa: E731
        on_stage(
            lambda stage: pause(
                stage.session, Subject(1, dee(stage), Channel.SMS), until=later(days=9), at=NOON, source="page"
            )
        )
    elif what == "a new address, then a reply from the old":
        _import(engine, folder, "buyer_id,email,phone\nbo,new@example.com,13900139000\n")
        on_stage(lambda stage: take_reply(stage.session, 1, phone="13800138002", text="TD", at=NOON, source="reply"))
    elif what == "an erasure":
        member = Member(actor="user:1", shop_id=1, scopes=frozenset(Scope))
        on_stage(lambda stage: erase_buyer(stage.session, member, "bo", files=FileStore(folder), at=later(minutes=1)))


def _import(engine: Engine, folder: Path, text: str) -> None:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    import_file(engine, "tea", "buyers", path, now=later(minutes=1))
