"""An eligibility rule: one reason why a buyer of the audience gets nothing, asked in two forms.

The set form drops buyers from a plan; the row form refuses, or puts off, a delivery about to leave. Both stand in the
module of the rule, so that they cannot drift apart.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.policy import Policy, ShopPolicy, channel_of
from campaigns.campaign.reasons import Reason
from campaigns.plans.rules.terms import Terms
from campaigns.plans.send_times import SendTimes
from retention.consent import Channel
from retention.shops import Shop

_Found = TypeVar("_Found")


@dataclass
class Funnel:
    """A plan in the making. `left` is who is left when the next rule is asked; a cap that delays moves `send_times`."""

    session: Session
    shop: Shop
    campaign: Campaign
    policy: Policy
    shop_policy: ShopPolicy
    at: datetime
    left: BitMap
    send_times: SendTimes

    @property
    def channel(self) -> Channel:
        """The consent channel the campaign answers to."""
        return channel_of(self.campaign.medium, self.policy)


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """A delivery about to leave, with its buyer as they are now and the terms of its run."""

    terms: Terms
    id: int
    coupon_id: int | None
    expires_at: datetime | None
    buyer_id: int
    email: str
    phone_key: str
    timezone: str
    paused_until: datetime | None


@dataclass
class Check:
    """One check of deliveries about to leave, of one shop. What only some rules need is asked when the first does."""

    session: Session
    shop: Shop
    at: datetime
    rows: dict[int, PendingDelivery]
    terms: Collection[Terms]
    _answers: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, ask: Callable[[], _Found]) -> _Found:
        """Return what `ask` returned the first time it was asked under this key."""
        if key not in self._answers:
            self._answers[key] = ask()
        found: _Found = self._answers[key]
        return found

    def deliveries(self, key: Hashable, questions: Callable[[], Iterable[sa.Select[int]]]) -> set[int]:
        """Return the deliveries that any of these SELECTs finds; asked once under this key."""
        return self.once(key, lambda: {each for asked in questions() for each in self.session.execute(asked).scalars()})


Dropped = Iterator[tuple[Reason, BitMap]]


def _drops_nobody(_funnel: Funnel) -> Dropped:
    return iter(())


def _refuses_nothing(_check: Check, _row: PendingDelivery) -> None:
    return None


class Rule(NamedTuple):
    """The two forms of one rule, under its name. A rule with one form alone says in `one_form` why the other is none.

    `drop` yields whom a plan leaves out, with the reason; nothing where the rule does not apply. `refuse` returns why
    a delivery may not leave, the moment until which it has to wait, or None. A funnel shows the step `always` even
    where it drops nobody.
    """

    name: str
    drop: Callable[[Funnel], Dropped] = _drops_nobody
    refuse: Callable[[Check, PendingDelivery], Reason | datetime | None] = _refuses_nothing
    always: Reason | None = None
    one_form: str = ""
