"""The interface of a channel: it takes messages and returns an outcome for each."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from campaigns.campaign.media import Medium
from retention.column_limits import fitting
from retention.error_text import RemoteError, public_message

LONGEST_REFERENCE = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One message, complete. `message_id` and `key` are the same whenever this delivery is tried again.

    `key` goes to gateways that promise to take what they have seen under it only once. `fields` are the values the text
    was made from, for gateways that keep the text themselves and ask for its values. `picture` goes along with a post
    where the platform takes one; `picture_address` is where everybody may see it.
    """

    to: str
    sender: str
    sender_name: str
    subject: str
    text: str
    html: str
    language: str
    message_id: str
    unsubscribe_address: str
    key: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    picture: bytes = field(default=b"", repr=False)
    picture_address: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """It was taken; `reference` is what the other side calls it, if it says so."""

    reference: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", fitting(self.reference, LONGEST_REFERENCE))


class TryLater(RemoteError):
    """It was not taken this time and certainly not delivered; trying again is safe.

    Without `connection_usable` the next message needs a new connection. `of_sender` tells an error that the next
    message would meet too (nobody answers, the password is wrong) from one of this message. `wait` is how long the
    other side asked to be left alone: such a try is not counted.
    """

    def __init__(
        self, detail: str, *, connection_usable: bool = True, of_sender: bool = False, wait: timedelta | None = None
    ) -> None:
        super().__init__(detail)
        self.connection_usable = connection_usable
        self.of_sender = of_sender
        self.wait = wait


class Refused(RemoteError):
    """It was refused for good."""


class Undecided(RemoteError):
    """The message went out and no answer came, or none that can be read; nobody can know."""


Outcome = Accepted | TryLater | Refused | Undecided


class Connection(Protocol):
    """An open connection to whoever takes the messages."""

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        """Hand messages over and return what became of each, in their order; exceptions are returned, not raised."""


class MessageChannel(Protocol):
    """A way messages leave.

    `at_once` messages may be in the air together: more is quicker where the other side is far away, and leaves more of
    them unknown when the sender dies. With `repeatable` none is: the other side takes the same key only once.
    """

    @property
    def medium(self) -> Medium: ...

    @property
    def at_once(self) -> int: ...

    @property
    def repeatable(self) -> bool: ...

    def connect(self) -> AbstractContextManager[Connection]:
        """Open a connection; raises TryLater when nobody answers."""


def one_by_one(hand_over: Callable[[Message], Accepted | None], messages: Sequence[Message]) -> list[Outcome]:
    """Hand over one message after the other by a function that raises."""

    def work(message: Message) -> Generator[None, None, Accepted]:
        yield
        return hand_over(message) or Accepted()

    return [together([work(message)])[0] for message in messages]


def in_groups(
    work: Callable[[int, Message], Generator[None, None, Accepted]], messages: Sequence[Message], *, at_once: int
) -> list[Outcome]:
    """Hand messages over side by side, on `at_once` connections; `work` is given its position and the message."""
    outcomes: list[Outcome] = []
    width = max(1, at_once)
    for start in range(0, len(messages), width):
        group = messages[start : start + width]
        outcomes += together([work(position, message) for position, message in enumerate(group)])
    return outcomes


def together(works: Sequence[Generator[None, None, Accepted]]) -> list[Outcome]:
    """Run hand-overs side by side and return their outcomes in order.

    Each yields between writing and reading, so that all requests are under way before the first response is waited for:
    many connections in one thread, and the wait is that of the slowest.
    """
    outcomes: dict[int, Outcome] = {}
    running = dict(enumerate(works))
    begun: set[int] = set()
    while running:
        for position, work in list(running.items()):
            try:
                next(work)
            except StopIteration as done:
                outcomes[position] = done.value
            except (TryLater, Refused, Undecided) as error:
                outcomes[position] = error
            except Exception as error:  # noqa: BLE001 - one that nobody foresaw is the outcome of this message alone
                outcomes[position] = _unforeseen(error, begun=position in begun)
            else:
                begun.add(position)
                continue
            del running[position]
    return [outcomes[position] for position in range(len(works))]


def _unforeseen(error: Exception, *, begun: bool) -> Outcome:
    """Return what an exception means that no channel raises on purpose; before its words went out, nothing has left."""
    return Undecided(public_message(error)) if begun else TryLater(public_message(error))
