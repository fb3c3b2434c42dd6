"""A channel that keeps messages in memory, for tests and dry runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from campaigns.campaign.media import Medium
from campaigns.channels.channel import Message, Outcome, one_by_one


@dataclass
class MemoryChannel:
    """Keeps what it is given. `errors` maps an address to the exceptions its hand-overs raise, once each."""

    medium: Medium = Medium.EMAIL
    taken: list[Message] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    at_once: int = 1
    repeatable: bool = False

    @contextmanager
    def connect(self) -> Iterator["MemoryChannel"]:
        yield self

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        return one_by_one(self.hand_over, messages)

    def hand_over(self, message: Message) -> None:
        if waiting := self.errors.get(message.to):
            raise waiting.pop(0)
        self.taken.append(message)
