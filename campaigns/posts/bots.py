"""Bots: a post to a chat group is sent once for all its deliveries, which share its outcome.

Begun is committed before the message leaves. Whoever dies between that and the record leaves a post and deliveries that
are unknown, since no bot can say whether it has spoken; `campaigns.posts.outcomes.reconcile_posts` finds them.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.campaign.posts import BOT, Post, PostState
from campaigns.campaign.reasons import Reason, step_name
from campaigns.channels import breaker
from campaigns.channels.channel import Accepted, Message, MessageChannel, Outcome, Refused, TryLater
from campaigns.channels.senders import Sender
from campaigns.deliveries.claiming import BACK_OFF, CLAIM, farthest
from campaigns.deliveries.transitions import Move
from campaigns.offers.links import link_address
from campaigns.plans.reachable_groups import bots_of
from campaigns.posts.outcomes import recheck_post, settle
from campaigns.posts.posts import has_waiting_delivery, planned_ahead
from campaigns.posts.wording import text_of
from retention.database import changed, storable, transaction
from retention.errors import Invalid, NotFound
from retention.failures import Thing, each_alone
from retention.files import FileStore
from retention.followers_and_groups import Group
from retention.shops import Shop

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Ready:
    """A post about to leave: the bot that says it, and the whole message."""

    post: Post
    bot: Sender
    message: Message


def send_posts(
    engine: Engine,
    channel_for: Callable[[Sender], MessageChannel],
    *,
    public_url: str,
    now: datetime,
    files: FileStore | None = None,
    limit: int = 100,
) -> Counter[str]:
    """Hand over up to `limit` due posts of running campaigns; return how many posts were sent, failed and so on.

    With `files` each goes with its picture, where the platform takes one. Keys of the result: sent, skipped, failed,
    unknown, later (will be tried again).
    """
    with transaction(engine) as session:
        due = sa.select(col(Post.id)).where(
            col(Post.state) == PostState.WAITING,
            sa.or_(col(Post.due_at) <= now, _put_off(now), planned_ahead(now)),
            col(Post.campaign_id).in_(sa.select(col(Campaign.id)).where(col(Campaign.medium) == Medium.BOT)),
            has_waiting_delivery(),
        )
        found = due.add_columns(col(Post.shop_id), col(Campaign.slug)).join(
            Campaign, col(Campaign.id) == Post.campaign_id
        )
        rows = session.execute(found.order_by(col(Post.due_at), col(Post.id)).limit(limit)).all()
    counts: Counter[str] = Counter()

    def send_one(thing: Thing) -> None:
        counts[_send_one(engine, channel_for, thing.id, public_url=public_url, files=files, now=now)] += 1

    posts = [Thing(shop_id, "post", post_id, slug, daily=False) for post_id, shop_id, slug in rows]
    each_alone(engine, "posts", posts, send_one, now=now)
    return counts


def _put_off(now: datetime) -> sa.ColumnElement[bool]:
    """Tell that a post waits for longer than after any try: it was put off by a clock that was ahead."""
    return sa.and_(col(Post.attempts) > 0, col(Post.due_at) > farthest(Post.attempts, now))


def _send_one(
    engine: Engine,
    channel_for: Callable[[Sender], MessageChannel],
    post_id: int,
    *,
    public_url: str,
    files: FileStore | None,
    now: datetime,
) -> str:
    with transaction(engine) as session:
        ready = _prepare(session, post_id, public_url=public_url, now=now)
    if isinstance(ready, str):
        return ready
    message = ready.message if files is None else _with_picture(ready, files)
    outcome: Outcome
    channel = channel_for(ready.bot)
    try:
        with channel.connect() as connection:
            with transaction(engine) as session:
                if (refusal := _begin(session, ready.post.id, now=now)) is not None:
                    return refusal
            outcome = connection.hand_over_all([message])[0]
    except TryLater as error:  # nobody answered, so nothing began
        outcome = error
    with transaction(engine) as session:
        return _record(session, ready, outcome, now=now)


def _prepare(session: Session, post_id: int, *, public_url: str, now: datetime) -> _Ready | str:
    """Return the post with its bot and its words, or what came of it already."""
    post = session.get_one(Post, post_id)
    shop, group = session.get_one(Shop, post.shop_id), session.get_one(Group, post.group_id)
    bot = bots_of(session, shop.id).get(group.slug)
    if bot is None or breaker.allowed(session, bot, now=now) == 0:
        return "later"
    try:
        post_text = text_of(session, shop, post, public_url=public_url, at=now)
    except Invalid as error:
        _end(session, post, Move.FAIL_TEXT, reason=Reason.TEXT_ERROR, detail=str(error), at=now)
        return "failed"
    post.text, post.picture = post_text.text, post_text.picture
    session.add(post)
    name = f"post.{post.id}.{post.token}"
    message = Message(
        to=group.slug, sender="", sender_name=shop.name, subject=post_text.subject, text=post_text.text, html="",
        language=post_text.language, message_id=name, unsubscribe_address="", key=name,
        picture_address=f"{link_address(public_url, post.token)}/picture" if post_text.picture else "",
    )  # fmt: skip
    return _Ready(post, bot, message)


def _with_picture(ready: _Ready, files: FileStore) -> Message:
    """Return the message with the picture of the post; where that is not stored, the words stand alone."""
    if not ready.post.picture:
        return ready.message
    try:
        return replace(ready.message, picture=files.get(ready.post.picture))
    except NotFound:
        log.warning("the picture of a post is not stored", post=ready.post.id)
        return replace(ready.message, picture_address="")


def _begin(session: Session, post_id: int, *, now: datetime) -> str | None:
    """Write down that the hand-over begins; return what came of it where it does not."""
    taken = sa.update(Post).where(col(Post.id) == post_id, col(Post.state) == PostState.WAITING, has_waiting_delivery())
    values = {"state": PostState.TAKEN, "assignee": BOT, "taken_at": now, "attempts": Post.attempts + 1}
    if not changed(session, taken.values(**values).execution_options(synchronize_session=False)):
        return "skipped"
    post = session.get_one(Post, post_id, populate_existing=True)
    if found := recheck_post(session, post, at=now):
        session.add(post)
        if isinstance(found, datetime):
            post.state, post.assignee, post.taken_at, post.due_at = PostState.WAITING, "", None, found
            return "later"
        post.state, post.note = PostState.SKIPPED, step_name(found)
        return "skipped"
    claim = {"claim_token": secrets.token_hex(16), "claim_expires_at": now + CLAIM, "handed_at": now}
    settle(session, post, Move.CLAIM_POST, **claim)
    return None


def _record(session: Session, ready: _Ready, outcome: Outcome, *, now: datetime) -> str:
    post = session.get_one(Post, ready.post.id, with_for_update=True, populate_existing=True)
    of_bot = isinstance(outcome, TryLater) and outcome.of_sender
    known = isinstance(outcome, Accepted | Refused | TryLater)
    detail = "" if isinstance(outcome, Accepted) else storable(str(outcome), 500)
    breaker.note(
        session, ready.bot, failures=int(of_bot or not known), taken=int(isinstance(outcome, Accepted)),
        detail=detail, now=now,
    )  # fmt: skip
    match outcome:
        case Accepted():
            settle(session, post, Move.POST_BY_BOT, sent_at=now)
            post.state, post.sent_at, post.sent_by = PostState.SENT, now, BOT
            session.add(post)
            return "sent"
        case Refused():
            _end(session, post, Move.REFUSE, reason=Reason.REFUSED, detail=detail, at=now)
            return "failed"
        case TryLater():
            return _again(session, post, detail, wait=outcome.wait, now=now)
    _end(session, post, Move.LOSE, detail=detail, at=now)
    return "unknown"


def _again(session: Session, post: Post, detail: str, *, wait: timedelta | None, now: datetime) -> str:
    """Have a post tried once more after the next wait; one that has had every wait has failed."""
    if wait is None and post.attempts > len(BACK_OFF):
        _end(session, post, Move.REFUSE, reason=Reason.GAVE_UP, detail=detail, at=now)
        return "failed"
    post.due_at = now + (wait or BACK_OFF[max(0, post.attempts - 1)])
    post.state, post.assignee, post.taken_at, post.note = PostState.WAITING, "", None, detail[:500]
    session.add(post)
    settle(session, post, Move.RETRY, detail=detail[:500])
    return "later"


_ENDS = {Move.FAIL_TEXT: PostState.FAILED, Move.REFUSE: PostState.FAILED, Move.LOSE: PostState.UNKNOWN}


def _end(session: Session, post: Post, which: Move, *, detail: str, at: datetime, **reason: Reason) -> None:
    """End a post with its deliveries; their `due_at` keeps the moment, as webhooks read it."""
    post.state, post.note = _ENDS[which], detail[:500]
    session.add(post)
    settle(session, post, which, **reason, detail=post.note, due_at=at)
