"""Dispatch: due deliveries of all senders in turns, so that a slow sender does not delay the others.

Where a turn is not enough, another worker is asked for: claims are shared, so each that comes takes part of what is
due. Each asks once, so that there are as many as there is work for and the worker has processes.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import col, select

from campaigns.campaign.campaigns import Campaign, CampaignState
from campaigns.campaign.media import Medium
from campaigns.channels.channel import MessageChannel
from campaigns.channels.senders import Sender, SenderState, channel_for
from campaigns.channels.smtp import SmtpChannel
from campaigns.sending.sending import identity_from_settings, send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.database import transaction
from retention.failures import Thing, each_alone
from retention.queue import send
from retention.settings import get_settings

log = structlog.get_logger()

TURN = 1000
"""Messages of one sender before the next has its turn."""

LONGEST = timedelta(minutes=5)
"""After which the task ends and the next sweep goes on, with settings and code reloaded."""

_HANDED_OVER = (Medium.EMAIL, Medium.SMS, Medium.WEBHOOK)


@dataclass(frozen=True)
class _Way:
    """A channel, whom its mail is from, and the row it belongs to; none for the installation's own mail server."""

    channel: MessageChannel
    identity: SenderIdentity
    sender: Sender | None = None


def send_all(engine: Engine, *, now: Callable[[], datetime]) -> Counter[str]:
    """Hand over what is due until nothing is left that can go on now; return the counts of `send_waiting`."""
    total: Counter[str] = Counter()
    ways = _ways(engine, now())
    until = time.monotonic() + LONGEST.total_seconds()
    asked = False
    while ways and time.monotonic() < until:
        for way in list(ways):
            counts = +send_waiting(engine, way.channel, now=now(), limit=TURN, identity=way.identity, sender=way.sender)
            total += counts
            if counts.total() >= TURN and not asked:
                asked = True
                _ask_for_another(engine)
            if not counts.keys() - {"later"}:
                ways.remove(way)  # nothing left, or the other side is away: the next sweep tries again
    return total


def _ask_for_another(engine: Engine) -> None:
    with transaction(engine) as session:
        send(session, "campaigns.send")


def _ways(engine: Engine, now: datetime) -> list[_Way]:
    """Return the installation's mail server, and every sender that a running campaign names and nobody has paused."""
    own = identity_from_settings()
    ways = [_Way(SmtpChannel(get_settings().smtp_url), own)]
    named = select(Campaign.sender_id).where(
        Campaign.state == CampaignState.RUNNING, col(Campaign.sender_id).is_not(None)
    )
    with transaction(engine) as session:
        rows = session.exec(
            select(Sender)
            .where(
                col(Sender.id).in_(named),
                Sender.state != SenderState.PAUSED,
                col(Sender.medium).in_(_HANDED_OVER),
            )
            .order_by(col(Sender.id))
        ).all()
    by_id = {row.id: row for row in rows}

    def open_way(thing: Thing) -> None:
        row = by_id[thing.id]
        mail_from = str(row.settings.get("mail_from") or own.mail_from)
        signature = str(row.settings.get("signature", ""))
        ways.append(_Way(channel_for(row), SenderIdentity(own.public_url, own.signing_key, mail_from, signature), row))

    things = [Thing(row.shop_id, "sender", row.id, row.slug) for row in rows]
    each_alone(engine, "sender", things, open_way, now=now)  # secrets that cannot be read fail this one
    return ways
