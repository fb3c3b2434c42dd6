"""A sender that is killed right after its first message was taken: run by test_kill with an address of a database."""

import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from campaigns.channels.channel import Message
from campaigns.channels.memory import MemoryChannel
from campaigns.mail import Sender
from campaigns.sending import send_waiting
from retention.database import open_engine


class Deadly(MemoryChannel):
    """Writes down what arrived, then pulls the plug, at the chosen message."""

    def hand_over(self, message: Message) -> None:
        with Path(sys.argv[2]).open("a") as arrived:
            arrived.write(f"{message.to}\n")
            arrived.flush()
            os.fsync(arrived.fileno())
        self.taken.append(message)
        if len(self.taken) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)


send_waiting(
    open_engine(sys.argv[1]),
    Deadly(),
    now=datetime.fromisoformat(sys.argv[4]),
    sender=Sender("https://shop.example", b"a key for tests", "Shop <shop@shop.example>"),
)
