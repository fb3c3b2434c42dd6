"""A sender killed with SIGKILL between hand-over and record: nobody gets two, nobody is lost, one is unknown."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaigns import Delivery, Run
from campaigns.channels.memory import MemoryChannel
from campaigns.launch import launch
from campaigns.ledger import count
from campaigns.mail import Sender
from campaigns.sending import send_waiting
from tests.campaigns.conftest import NOON, Stage, later

ROOT = Path(__file__).resolve().parents[2]
SENDER = Sender("https://shop.example", b"a key for tests", "Shop <shop@shop.example>")


def test_sender_killed_after_hand_over_leaves_exactly_the_undecidable_one_unknown(
    engine: Engine, database_url: str, on_stage: Callable[..., Any], tmp_path: Path
) -> None:
    def prepare(stage: Stage) -> None:
        for number in range(8):
            stage.buyer(f"b{number}")
        launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")

    on_stage(prepare)
    arrived = tmp_path / "arrived"
    command = [
        sys.executable,
        ROOT / "tests/campaigns/sender_that_dies.py",
        database_url,
        arrived,
        "3",
        later().isoformat(),
    ]
    died = subprocess.run([str(part) for part in command], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert died.returncode == -9

    channel = MemoryChannel()
    assert +send_waiting(engine, channel, now=later(minutes=9), sender=SENDER) == Counter()
    assert +send_waiting(engine, channel, now=later(minutes=10), sender=SENDER) == Counter(sent=5)
    got = Counter(arrived.read_text().split()) + Counter(message.to for message in channel.taken)
    assert got == Counter(f"b{number}@example.com" for number in range(8))

    def look(stage: Stage) -> None:
        rows = stage.session.exec(select(Delivery).order_by(Delivery.buyer_id)).all()
        assert [row.state.value for row in rows] == ["sent", "sent", "unknown", "sent", "sent", "sent", "sent", "sent"]
        ledger = count(stage.session, stage.session.exec(select(Run)).one())
        assert (ledger.sent, ledger.unknown, ledger.adds_up) == (7, 1, True)

    on_stage(look)
