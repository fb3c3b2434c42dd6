"""Outcomes of posts: a post and all its deliveries change state together."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Delivery, DeliveryState, Run
from campaigns.campaign.posts import BOT, HOLD, LIFE, Post, PostState
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.claiming import CLAIM
from campaigns.deliveries.row_ids import any_of
from campaigns.deliveries.transitions import Move, move, move_all
from campaigns.posts.posts import claimed_within, has_delivery_in, served_by
from campaigns.sending.pre_send_check import AT_ONCE, check_before_sending, note_damage
from retention.database import changed

_NO_SYNC = {"synchronize_session": False}


def recheck_post(session: Session, post: Post, *, at: datetime) -> Reason | datetime | None:
    """Check a post's deliveries again before it is sent; skip those that must not go and let go of them.

    Return the reason when nobody is left, the moment to wait for when all of them may only hear it later, None when it
    may be said. A group in which some may hear it now hears it now.
    """
    waiting = select(Delivery.id).where(*served_by(post), Delivery.state == DeliveryState.WAITING)
    ids = list(session.exec(waiting.order_by(col(Delivery.id))))
    found: dict[int, Reason] = {}
    later: list[datetime] = []
    for start in range(0, len(ids), AT_ONCE):
        check = check_before_sending(session, post.shop_id, ids[start : start + AT_ONCE], at=at)
        found |= check.skipped
        later += check.later.values()
        note_damage(session, post.shop_id, check, work="posts", at=at)
    for reason in sorted(set(found.values())):
        _let_go(session, post, [each for each, why in found.items() if why is reason], reason)
    if len(found) == len(ids):
        return next(iter(found.values()), Reason.CANCELLED)
    return min(later) if len(found) + len(later) == len(ids) else None


def settle(session: Session, post: Post, which: Move, **values: Any) -> int:
    """Move the deliveries of a post together, those that the move takes; return how many."""
    return len(move(session, which, *served_by(post), **values))


def reconcile_posts(session: Session, *, at: datetime) -> int:
    """Bring posts and deliveries together again, from the rows alone; return how many posts ended.

    Too late: the post has expired and what waits for it is skipped as late. A bot's that was never told of is
    unknown. Nobody left, after a cancel or a no: skipped. One whose deliveries a person put back to wait waits again.
    """
    ended = _expire(session, at=at)
    lost = sa.update(Post).where(
        col(Post.state) == PostState.TAKEN, col(Post.assignee) == BOT, ~claimed_within(CLAIM, at)
    )
    ended += changed(session, lost.values(state=PostState.UNKNOWN).execution_options(**_NO_SYNC))
    has_delivery = has_delivery_in(DeliveryState.WAITING, DeliveryState.CLAIMED)
    left_over = sa.update(Post).where(col(Post.state) == PostState.WAITING, ~has_delivery)
    ended += changed(session, left_over.values(state=PostState.SKIPPED).execution_options(**_NO_SYNC))
    open_runs = sa.select(col(Run.id)).where(col(Run.finished_at).is_(None))  # the skipped ones of all runs are many
    over = sa.or_(
        col(Post.state).in_((PostState.FAILED, PostState.UNKNOWN)),
        sa.and_(col(Post.state) == PostState.SKIPPED, col(Post.run_id).in_(open_runs)),
    )
    again = sa.update(Post).where(over, has_delivery_in(DeliveryState.WAITING))
    values = {"state": PostState.WAITING, "assignee": "", "taken_at": None, "due_at": at, "attempts": 0}
    session.execute(again.values(**values), execution_options=_NO_SYNC)
    session.expire_all()
    return ended


def _expire(session: Session, *, at: datetime) -> int:
    late = sa.or_(col(Post.expires_at) < at, sa.and_(col(Post.expires_at).is_(None), col(Post.due_at) < at - LIFE))
    idle = sa.or_(
        col(Post.state) == PostState.WAITING,
        sa.and_(col(Post.state) == PostState.TAKEN, col(Post.assignee) != BOT, ~claimed_within(HOLD, at)),
    )
    over = sa.update(Post).where(late, idle).values(state=PostState.EXPIRED)
    rows = session.execute(
        over.returning(col(Post.shop_id), col(Post.run_id), col(Post.id)), execution_options=_NO_SYNC
    )
    by_run: dict[tuple[int, int], list[int]] = defaultdict(list)
    for shop_id, run_id, post_id in rows:
        by_run[shop_id, run_id].append(post_id)
    for (shop_id, run_id), posts in by_run.items():
        for start in range(0, len(posts), AT_ONCE):
            _skip_late(session, shop_id, run_id, posts[start : start + AT_ONCE])
    return sum(map(len, by_run.values()))


def _skip_late(session: Session, shop_id: int, run_id: int, posts: Sequence[int]) -> None:
    late = (col(Delivery.shop_id) == shop_id, col(Delivery.run_id) == run_id, col(Delivery.post_id).in_(posts))
    move_all(session, Move.SKIP_IN_POST, *late, reason=Reason.LATE)


def _let_go(session: Session, post: Post, ids: Sequence[int], reason: Reason) -> None:
    """Skip deliveries that a post to a group serves no longer; one to a buyer goes on pointing at its own."""
    values = {"post_id": None} if post.buyer_id is None else {}
    move(session, Move.SKIP_IN_POST, *served_by(post), any_of(col(Delivery.id), ids), reason=reason, **values)
