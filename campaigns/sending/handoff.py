"""Hand-off: the messages of one claim in groups, each begun, handed over and recorded on a connection kept open.

`handed_at` is committed before a byte of a group leaves, and one transaction records a group and begins the next. A
group is as large as the channel has messages in the air at once: when the sender dies, no more than that is in doubt.
Where a second try under the same key is harmless it is as many as leave in a quarter of a second. A database that is
away for a while is waited for, since what came of the messages is still known here.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Self, TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlmodel import Session

from campaigns.campaign.reasons import Reason
from campaigns.channels import breaker, rates
from campaigns.channels.channel import (
    Accepted,
    Connection,
    Message,
    MessageChannel,
    Outcome,
    Refused,
    TryLater,
    Undecided,
)
from campaigns.channels.rates import Slots
from campaigns.channels.senders import Sender
from campaigns.deliveries import claiming
from campaigns.deliveries.claiming import Claim, Receipt
from campaigns.sending.claim_check import CheckedVersions, recheck_claim, versions_now
from retention.database import transaction

log = structlog.get_logger()

LARGEST_GROUP = 200
"""Messages begun together at most where a second try is harmless: one transaction for all of them."""

GROUP_SECONDS = 0.25
"""How long a group larger than what is in the air should take: so soon does a pause or an opt-out take effect."""

PATIENCE = timedelta(minutes=2)
"""How long a database that is away is waited for; claims hold five times as long."""

Result = TypeVar("Result")
Ready = tuple[int, Message]
"""A delivery's row number and its message."""


@dataclass
class KeptConnection:
    """One process's connection to one channel, opened when the first message is ready and kept from batch to batch.

    `seconds_each` is how long a message of the last group took, 0 before the first.
    """

    channel: MessageChannel
    seconds_each: float = 0.0
    _exits: ExitStack = field(default_factory=ExitStack)
    _connection: Connection | None = None

    def open(self) -> Connection:
        """Return the open connection; TryLater when nobody answers."""
        if self._connection is None:
            self._connection = self._exits.enter_context(self.channel.connect())
        return self._connection

    def close(self) -> None:
        self._connection = None
        self._exits.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class ClaimedBatch:
    """The deliveries of one claim, and what it was checked under. `sender` is None for the installation's own."""

    engine: Engine
    connection: KeptConnection
    held: Claim
    now: datetime
    counts: Counter[str]
    checked: CheckedVersions
    sender: Sender | None = None
    slots: Slots | None = None
    first_error: str = ""
    """The first error of the sender, as text."""

    _started: float = field(default_factory=time.monotonic)
    _outcomes: list[tuple[Ready, Outcome]] = field(default_factory=list)

    def hand_over(self, ready: Sequence[Ready]) -> bool:
        """Hand over all messages, or up to the first error of the sender; False when there was one."""
        try:
            connection = self.connection.open()
        except TryLater as error:  # nobody answered, so nothing began
            self._note_outcomes(ready, [error] * len(ready))
            retry_transaction(self.engine, self._record)
            return False
        start, usable = 0, True
        while start < len(ready) and usable:
            group = ready[start : start + self._size()]
            self._wait_for_slot(start + len(group) - 1)
            begun, self.checked = retry_transaction(
                self.engine, partial(self._record_and_begin, group=group, rest=ready[start:])
            )
            to_send = [each for each in group if each[0] in begun]
            start += len(group)
            before = time.monotonic()
            outcomes = connection.hand_over_all([message for _, message in to_send])
            if to_send:
                self.connection.seconds_each = (time.monotonic() - before) / len(to_send)
            self._note_outcomes(to_send, outcomes)
            usable = not any(_is_of_sender(outcome) for outcome in outcomes)
        left = [delivery_id for delivery_id, _ in ready[start:]]
        retry_transaction(self.engine, partial(self._record_and_release, left=left))
        if not usable:
            self.connection.close()
        return usable

    def _note_outcomes(self, group: Sequence[Ready], outcomes: Sequence[Outcome]) -> None:
        self._outcomes = list(zip(group, outcomes, strict=True))
        self.first_error = self.first_error or next((str(each) for each in outcomes if _is_of_sender(each)), "")
        names = {
            Accepted: "sent",
            Refused: "failed",
            Undecided: "later" if self.connection.channel.repeatable else "unknown",
        }
        self.counts.update(names.get(type(outcome), "later") for outcome in outcomes)

    def _size(self) -> int:
        size = self.connection.channel.at_once
        if self.connection.channel.repeatable and self.connection.seconds_each:
            size = max(size, min(LARGEST_GROUP, int(GROUP_SECONDS / self.connection.seconds_each)))
        if self.slots:
            size = min(size, int(GROUP_SECONDS / self.slots.pause.total_seconds()))
        return max(1, size)

    def _wait_for_slot(self, number: int) -> None:
        if self.slots is None:
            return
        wait = (self.slots.moment(number) - self.now).total_seconds() - (time.monotonic() - self._started)
        if wait > 0:
            time.sleep(wait)

    def _record_and_begin(
        self, session: Session, group: Sequence[Ready], rest: Sequence[Ready]
    ) -> tuple[set[int], CheckedVersions]:
        checked = versions_now(session, self.held.shop_id)
        if checked != self.checked:
            medium, to = self.connection.channel.medium, {delivery_id: message.to for delivery_id, message in rest}
            recheck_claim(session, self.held, medium, to, at=self.now)
        # What every sender of the shop touches comes last, so that none waits for another longer than a commit takes.
        begun = claiming.begin(session, self.held, [delivery_id for delivery_id, _ in group], now=self.now)
        self._record(session)
        return begun, checked

    def _record_and_release(self, session: Session, left: Sequence[int]) -> None:
        self._record(session)
        claiming.release(session, self.held, left)

    def _record(self, session: Session) -> None:
        """Write down what came of the group before. Run again, it writes what did not stand the first time."""
        held, now, again = self.held, self.now, self.connection.channel.repeatable
        sent, refused, later, undecided = (self._receipts(kind) for kind in (Accepted, Refused, TryLater, Undecided))
        claiming.record_sent(session, held, sent, at=now)
        claiming.record_refused(session, held, refused, reason=Reason.REFUSED, at=now, settles_earlier=again)
        self._record_later(session, later)
        if again:
            claiming.record_later(session, held, undecided, now=now, may_have_arrived=True)
        else:
            claiming.record_undecided(session, held, undecided)
        if self.sender and self._outcomes:
            self._note(session, self.sender, taken=len(sent))

    def _record_later(self, session: Session, later: Sequence[Receipt]) -> None:
        waits = {delivery_id: outcome.wait for (delivery_id, _), outcome in self._outcomes
                 if isinstance(outcome, TryLater) and outcome.wait}  # fmt: skip
        tries = [each for each in later if each.id not in waits]
        claiming.record_later(session, self.held, tries, now=self.now)
        if waits:
            until = self.now + max(waits.values())
            claiming.record_wait(session, self.held, [each for each in later if each.id in waits], until=until)
            if self.sender:
                rates.wait_until(session, self.sender.id, until)

    def _note(self, session: Session, sender: Sender, *, taken: int) -> None:
        failed = [str(outcome) for _, outcome in self._outcomes if _is_failure(outcome)]
        if failed or taken:
            detail = failed[-1] if failed else ""
            breaker.note(session, sender, failures=len(failed), taken=taken, detail=detail, now=self.now)

    def _receipts(self, kind: type[Outcome]) -> list[Receipt]:
        return [_receipt(each, outcome) for each, outcome in self._outcomes if isinstance(outcome, kind)]


def retry_transaction(engine: Engine, work: Callable[[Session], Result]) -> Result:
    """Run `work` in a transaction; when the database goes away in the middle, wait for it and run it again.

    `work` must come to the same when its first run stood after all.
    """
    deadline = time.monotonic() + PATIENCE.total_seconds()
    pause = 0.1
    while True:
        try:
            with transaction(engine) as session:
                return work(session)
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > deadline or not _is_transient(engine, error):
                raise
            log.warning("the database is away, waiting for it", why=error)
            time.sleep(pause)
            pause = min(2 * pause, 2)


def _is_transient(engine: Engine, error: DBAPIError) -> bool:
    """Tell a database that is away or busy from a statement that is wrong, which SQLite reports alike."""
    return engine.dialect.name != "sqlite" or "locked" in str(error.orig)


def _receipt(each: Ready, outcome: Outcome) -> Receipt:
    delivery_id, message = each
    if isinstance(outcome, Accepted):
        return Receipt(delivery_id, message_id=outcome.reference or message.message_id, address=message.to)
    return Receipt(delivery_id, detail=str(outcome))


def _is_of_sender(outcome: Outcome) -> bool:
    """Tell whether the next message would meet the same error."""
    return isinstance(outcome, Undecided) or (isinstance(outcome, TryLater) and outcome.of_sender)


def _is_failure(outcome: Outcome) -> bool:
    """Tell whether it counts against the sender; being asked to wait does not."""
    return _is_of_sender(outcome) and not (isinstance(outcome, TryLater) and outcome.wait)
