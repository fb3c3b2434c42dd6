"""A bot killed right after its group has heard it: run by test_bots with an address of a database."""

import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from campaigns.campaign.media import Medium
from campaigns.channels.channel import Message
from campaigns.channels.memory import MemoryChannel
from campaigns.posts.bots import send_posts
from retention.database import open_engine


class Deadly(MemoryChannel):
    """Writes down what was said, then pulls the plug."""

    def hand_over(self, message: Message) -> None:
        Path(sys.argv[2]).write_text(message.to)
        os.kill(os.getpid(), signal.SIGKILL)


send_posts(
    open_engine(sys.argv[1]),
    lambda _: Deadly(Medium.BOT),
    public_url="https://shop.example",
    now=datetime.fromisoformat(sys.argv[3]),
)
