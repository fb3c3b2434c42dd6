"""Who does not want it: by this channel or on this topic, said themselves or by somebody at their address."""

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import col

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.policy import needed_answer
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import any_of, with_ids
from campaigns.plans.rules.rule import Check, Dropped, Funnel, PendingDelivery, Rule
from retention.bitmaps import read_bitmap
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent, buyers_answering
from retention.suppressions import KEY, OptOutSubject, Suppression, held_buyers, same_address


def _drop_without_consent(funnel: Funnel) -> Dropped:
    answer = needed_answer(funnel.campaign.medium)
    answering = read_bitmap(funnel.session, buyers_answering(funnel.shop.id, funnel.channel, answer))
    yield Reason.NO_CONSENT, (funnel.left - answering if answer is Answer.IN else answering) | _held(funnel, "")


def _drop_by_topic(funnel: Funnel) -> Dropped:
    if topic := funnel.campaign.topic:
        out = buyers_answering(funnel.shop.id, funnel.channel, Answer.OUT, topic=topic)
        yield Reason.TOPIC_OUT, read_bitmap(funnel.session, out) | _held(funnel, topic)


def _held(funnel: Funnel, topic: str) -> BitMap:
    """Return who has an address that said no, whatever they said themselves."""
    if funnel.channel not in KEY:
        return BitMap()
    return read_bitmap(funnel.session, held_buyers(OptOutSubject(funnel.shop.id, funnel.channel, topic)))


def _refuse_without_consent(check: Check, row: PendingDelivery) -> Reason | None:
    answer = _answer(check, row, "")
    unwanted = answer is not Answer.IN if row.terms.needs_yes else answer is Answer.OUT
    return Reason.NO_CONSENT if unwanted or _address_held(check, row, "") else None


def _refuse_by_topic(check: Check, row: PendingDelivery) -> Reason | None:
    topic = row.terms.topic
    unwanted = topic and (_answer(check, row, topic) is Answer.OUT or _address_held(check, row, topic))
    return Reason.TOPIC_OUT if unwanted else None


def _answer(check: Check, row: PendingDelivery, topic: str) -> Answer | None:
    channel = row.terms.channel
    return check.once(("answers", channel, topic), lambda: _answers(check, channel, topic)).get(row.buyer_id)


def _answers(check: Check, channel: Channel, topic: str) -> dict[int, Answer]:
    buyers = {row.buyer_id for row in check.rows.values()}
    # Every answer of these buyers, the last to stand: a maximum by buyer had PostgreSQL read all of the shop's.
    rows = check.session.execute(
        sa.select(col(Consent.id), col(Consent.buyer_id), col(Consent.answer)).where(
            col(Consent.shop_id) == check.shop.id,
            col(Consent.channel) == channel,
            col(Consent.topic) == topic,
            col(Consent.counts),
            any_of(col(Consent.buyer_id), buyers),
        )
    )
    return {buyer_id: Answer(answer) for _, buyer_id, answer in sorted(map(tuple, rows))}


def _address_held(check: Check, row: PendingDelivery, topic: str) -> bool:
    """Return whether the buyer's address has said no, whoever said it."""
    channel = row.terms.channel
    if channel not in KEY:
        return False
    held = check.once(("held", channel), lambda: set(map(tuple, check.session.execute(_held_here(check, channel)))))
    return (row.id, topic) in held


def _held_here(check: Check, channel: Channel) -> sa.Select[int, str]:
    """Return a SELECT of deliveries whose buyer's present address has said no, and to what."""
    no = sa.and_(
        col(Suppression.shop_id) == check.shop.id,
        col(Suppression.channel) == channel,
        col(Suppression.lifted_at).is_(None),
        same_address(channel),
    )
    return (
        sa.select(col(Delivery.id), col(Suppression.topic))
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .join(Suppression, no)
        .where(with_ids(check.shop.id, check.rows))
    )


CONSENT = Rule("consent", drop=_drop_without_consent, refuse=_refuse_without_consent, always=Reason.NO_CONSENT)
TOPIC = Rule("topic", drop=_drop_by_topic, refuse=_refuse_by_topic)
