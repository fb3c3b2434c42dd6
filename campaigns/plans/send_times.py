"""Send times: when each buyer's delivery of a run is to leave, as one moment for a zone and not for a buyer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.local_time import known_zone
from campaigns.campaign.policy import QUIET_MEDIA, Policy, Quiet, SendAt, Whose
from campaigns.campaign.triggers import FIRST_ZONE, Recurring
from campaigns.plans.hours import next_send, out_of_quiet
from retention import clock
from retention.bitmaps import rows_of
from retention.buyers import Buyer
from retention.database import is_postgresql
from retention.shops import Shop

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SendTimes:
    """When deliveries leave: at `at`, in some zones at another moment, and not before a cap allows it.

    `zones` holds the buyers' zones whose moment differs from `at`. `delayed` are buyers and `delayed_until` the
    seconds since 1970 at which the cap allows each of them something again, in the same order.
    """

    at: datetime
    zones: dict[str, datetime] = field(default_factory=dict)
    delayed: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    delayed_until: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def first(self) -> datetime:
        """The first moment at which one of them can be due."""
        return min(self.at, *self.zones.values()) if self.zones else self.at

    @property
    def last(self) -> datetime:
        """The last moment at which one of them is due."""
        allowed = (
            datetime.fromtimestamp(int(self.delayed_until.max()), self.at.tzinfo)
            if self.delayed_until.size
            else self.at
        )
        return max(self.at, allowed, *self.zones.values())

    def put_off(self, delayed_until: tuple[Numbers, Numbers]) -> "SendTimes":
        """Return these times with some buyers put off until their caps allow it, the latest moment of all caps."""
        ids, places = np.unique(np.concatenate((self.delayed, delayed_until[0])), return_inverse=True)
        latest = np.zeros(ids.size, dtype=np.int64)
        np.maximum.at(latest, places, np.concatenate((self.delayed_until, delayed_until[1])))
        return SendTimes(self.at, self.zones, ids, latest)

    def only(self, buyers: BitMap) -> "SendTimes":
        """Return these times without whoever is not among `buyers`."""
        chosen = np.isin(self.delayed, np.asarray(buyers.to_array(), dtype=np.int64))
        return SendTimes(self.at, self.zones, self.delayed[chosen], self.delayed_until[chosen])


def send_times_of(
    session: Session, shop: Shop, campaign: Campaign, policy: Policy, *, quiets: Sequence[Quiet], at: datetime
) -> SendTimes:
    """Return when what is planned at `at` leaves, by the zones the shop's buyers are in; by parcel at once."""
    if campaign.medium not in QUIET_MEDIA:
        return SendTimes(at)
    trigger = campaign.trigger
    day = None
    send_at = policy.send_at
    if isinstance(trigger, Recurring) and trigger.zone is Whose.BUYER:
        # The run is made where its day begins first; everywhere else it waits for that day.
        day, send_at = at.astimezone(clock.zone(FIRST_ZONE)).date(), SendAt(time=trigger.at, zone=Whose.BUYER)

    def due(buyer_zone: str) -> datetime:
        zones = {"buyer_zone": known_zone(buyer_zone, shop.timezone), "shop_zone": shop.timezone}
        return out_of_quiet(quiets, next_send(send_at, at, day=day, **zones) if send_at else at, **zones)

    default = due(shop.timezone)
    if not any(rule and rule.zone is Whose.BUYER for rule in (send_at, *quiets)):
        return SendTimes(default)
    named = select(Buyer.timezone).where(Buyer.shop_id == shop.id, Buyer.timezone != "").distinct()
    found = {zone: due(zone) for zone in session.exec(named)}
    return SendTimes(default, {zone: moment for zone, moment in found.items() if moment != default})


def join_delays(session: Session, send_times: SendTimes, chosen: sa.FromClause) -> tuple[sa.FromClause, Any]:
    """Return `chosen`, which has the buyers, joined with the seconds they are put off to; None when nobody is."""
    if not send_times.delayed.size:
        return chosen, None
    delays = rows_of(session, "delays", id=send_times.delayed.tolist(), seconds=send_times.delayed_until.tolist())
    return chosen.outerjoin(delays, delays.c.id == Buyer.id), delays.c.seconds


def due_moment(session: Session, send_times: SendTimes, seconds: Any, *, shift: timedelta = timedelta(0)) -> Any:
    """Return the SQL of a buyer's due moment, `shift` later; `seconds` is the column `join_delays` gave."""
    by_moment: dict[datetime, list[str]] = {}
    for zone, moment in sorted(send_times.zones.items()):
        by_moment.setdefault(moment, []).append(zone)
    usual: Any = _literal(send_times.at + shift)
    if by_moment:
        cases = ((col(Buyer.timezone).in_(zones), _literal(moment + shift)) for moment, zones in by_moment.items())
        usual = sa.case(*cases, else_=usual)
    if seconds is None:
        return usual
    delayed = _moment_of(session, seconds + int(shift.total_seconds()))
    return sa.case((sa.and_(seconds.is_not(None), delayed > usual), delayed), else_=usual)


def _literal(moment: datetime) -> sa.BindParameter[datetime]:
    return sa.literal(moment, UTCDateTime())


def _moment_of(session: Session, seconds: Any) -> Any:
    """Return the SQL of a moment from its seconds since 1970, spelled as this database keeps moments."""
    if is_postgresql(session):
        return sa.func.to_timestamp(seconds, type_=UTCDateTime())
    return sa.func.strftime("%Y-%m-%d %H:%M:%S.000000", seconds, "unixepoch", type_=UTCDateTime())
