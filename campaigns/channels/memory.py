"""A channel into memory: for tests, and for seeing what would go out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from campaigns.campaigns import Medium
from campaigns.channels.channel import Message


@dataclass
class MemoryChannel:
    """Keeps what it is given. `troubles` maps an address to the exception its hand-over raises, once each."""

    medium: Medium = Medium.EMAIL
    taken: list[Message] = field(default_factory=list)
    troubles: dict[str, list[Exception]] = field(default_factory=dict)

    @contextmanager
    def connect(self) -> Iterator["MemoryChannel"]:
        yield self

    def hand_over(self, message: Message) -> None:
        if waiting := self.troubles.get(message.to):
            raise waiting.pop(0)
        self.taken.append(message)
