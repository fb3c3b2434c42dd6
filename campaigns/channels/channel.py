"""What sending asks of a channel: take one message, and say honestly what became of it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from campaigns.campaigns import Medium


@dataclass(frozen=True, slots=True)
class Message:
    """One message, complete. `message_id` is the same whenever this delivery is tried again."""

    to: str
    sender: str
    sender_name: str
    subject: str
    text: str
    html: str
    language: str
    message_id: str
    unsubscribe_address: str


class TryLater(Exception):
    """It was not taken this time and certainly not delivered; trying again is safe.

    Without `line_stands` the next message needs a new connection.
    """

    def __init__(self, detail: str, *, line_stands: bool = True) -> None:
        super().__init__(detail)
        self.line_stands = line_stands


class Refused(Exception):
    """It was refused for good."""


class Undecided(Exception):
    """The line broke after the message went out and before it was acknowledged; nobody can know."""


class Connection(Protocol):
    """An open line to whoever takes the messages."""

    def hand_over(self, message: Message) -> None:
        """Hand over one message; returning means it was taken. Raises TryLater, Refused or Undecided."""


class Channel(Protocol):
    """A way messages leave."""

    @property
    def medium(self) -> Medium: ...

    def connect(self) -> AbstractContextManager[Connection]:
        """Open a line for a batch; raises TryLater when nobody answers."""
