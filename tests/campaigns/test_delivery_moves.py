"""The moves of a delivery: what each does to a row in every state, and that nothing else in the code writes one."""

from itertools import product
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, Run
from campaigns.campaign.campaigns import DeliveryState as State
from campaigns.campaign.posts import Post
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.transitions import MOVES, Move, Prepared, create, move, move_all, statement
from retention.buyers import Buyer
from retention.touches import Touch, TouchEvent
from retention.versions import Family, read_versions
from tests.campaigns.conftest import NOON, Stage, later
from tests.factories import make_shop

CLAIM = "claim_token claim_expires_at"

TABLE: dict[Move, tuple[str, str, str]] = {
    Move.CLAIM: ("waiting", "claimed", f"state attempts {CLAIM}"),
    Move.CLAIM_POST: ("waiting", "claimed", f"state handed_at {CLAIM}"),
    Move.BEGIN: ("claimed begun", "claimed", "handed_at"),
    Move.RELEASE: ("claimed", "waiting", f"state attempts due_at detail {CLAIM}"),
    Move.DEFER: ("claimed begun", "waiting", f"state attempts due_at detail handed_at {CLAIM}"),
    Move.EXPIRE: ("claimed", "waiting", f"state {CLAIM}"),
    Move.RETRY: ("claimed begun", "waiting", f"state due_at detail handed_at {CLAIM}"),
    Move.RETRY_DOUBTED: ("claimed begun", "waiting", f"state reason due_at detail handed_at {CLAIM}"),
    Move.SEND: ("claimed begun", "sent", f"state reason detail message_id address sent_at {CLAIM}"),
    Move.SEND_LATE: ("waiting? unknown?", "sent", "state reason detail message_id address sent_at"),
    Move.INCLUDE: ("waiting", "sent", "state reason detail sent_at"),
    Move.POST_BY_BOT: ("claimed begun unknown", "sent", f"state reason detail sent_at {CLAIM}"),
    Move.POST_BY_HAND: ("waiting skipped", "sent", "state reason detail sent_at"),
    Move.UNSEND: ("sent", "waiting", "state sent_at handed_at"),
    Move.SKIP: ("waiting claimed", "skipped", f"state reason {CLAIM}"),
    Move.SKIP_IN_POST: ("waiting", "skipped", "state reason detail post_id"),
    Move.UNSKIP: ("skipped", "waiting", "state reason detail"),
    Move.FAIL: ("claimed begun", "failed", f"state reason detail due_at {CLAIM}"),
    Move.REFUSE: ("claimed begun", "failed", f"state reason detail due_at {CLAIM}"),
    Move.FAIL_TEXT: ("waiting", "failed", "state reason detail due_at"),
    Move.LOSE: ("claimed begun", "unknown", f"state reason detail due_at {CLAIM}"),
    Move.LOSE_WITH_HOST: ("waiting", "unknown", "state reason"),
    Move.RESEND: ("failed unknown", "waiting", "state reason due_at attempts handed_at"),
    Move.RESCHEDULE: ("waiting", "waiting", "due_at attempts"),
    Move.ASSIGN_POST: ("waiting", "waiting", "post_id"),
    Move.JOIN_DIGEST: ("waiting", "waiting", "digest_id"),
    Move.LEAVE_DIGEST: ("waiting", "waiting", "digest_id"),
}
"""From where, to where, and which columns may change. `begun` is a claimed row whose hand-over has begun; of what is
marked ? only rows that may have arrived move."""

REMEMBERS = {Move.SKIP, Move.SKIP_IN_POST, Move.FAIL, Move.FAIL_TEXT}
"""Moves after which a row that may have arrived is unknown, whatever else it would be."""

PLACES = [*(state.value for state in State), "begun"]


class World(NamedTuple):
    stage: Stage
    campaign: Campaign
    run: Run
    given: dict[str, Any]
    posts: tuple[int, int]
    host: Delivery


def world(stage: Stage) -> World:
    """A run with two posts and the mail that may carry another's content."""
    campaign = stage.push()
    run = Run(
        shop_id=stage.shop.id, campaign_id=campaign.id, number=1, planned_at=NOON, fingerprint="", funnel=[],
        audience=0, audience_ids=b"", read_out_at=NOON,
    )  # fmt: skip
    stage.session.add(run)
    stage.session.flush()
    mine = {"shop_id": stage.shop.id, "campaign_id": campaign.id, "run_id": run.id}
    posts = [Post(**mine, state="waiting", due_at=NOON) for _ in range(2)]
    host = Delivery(**mine, buyer_id=stage.buyer("host"), state=State.CONTROL, due_at=NOON)
    stage.session.add_all([*posts, host])
    stage.session.flush()
    given = {
        "claim_token": "b" * 32, "claim_expires_at": later(hours=1), "handed_at": later(minutes=1),
        "due_at": later(hours=2), "attempts": 0, "sent_at": later(minutes=5),
        "reason": Reason.DECLINED, "detail": "after",
        "message_id": "<after@x>", "address": "after@x", "post_id": posts[1].id, "digest_id": host.id,
    }  # fmt: skip
    return World(stage, campaign, run, given, (posts[0].id, posts[1].id), host)


def rows_everywhere(world: World, buyers: list[int], *, digest: int | None) -> list[Delivery]:
    """Two rows in every place, certain and in doubt; those that are sent have their touch."""
    stage, rows = world.stage, []
    for buyer, (place, doubted, _) in zip(buyers, product(PLACES, (False, True), range(2)), strict=True):
        state = State.CLAIMED if place == "begun" else State(place)
        claimed, sent = state is State.CLAIMED, state is State.SENT
        rows.append(
            Delivery(
                shop_id=stage.shop.id, campaign_id=world.campaign.id, run_id=world.run.id, buyer_id=buyer, state=state,
                reason=Reason.NO_RECORD.value if doubted else Reason.TEXT_ERROR.value, detail="before", attempts=3,
                address="before@x", message_id="<before@x>", due_at=NOON, post_id=world.posts[0], digest_id=digest,
                claim_token="a" * 32 if claimed else None, claim_expires_at=NOON if claimed else None,
                handed_at=NOON if place in {"begun", "sent", "failed", "unknown"} else None,
                sent_at=NOON if sent else None,
            )
        )  # fmt: skip
        if sent:
            touch = {"event": TouchEvent.SENT, "campaign": world.campaign.slug, "at": NOON}
            stage.session.add(Touch(shop_id=stage.shop.id, buyer_id=buyer, **touch))
    stage.session.add_all(rows)
    stage.session.flush()
    return rows


def columns_of(row: Delivery) -> dict[str, Any]:
    assert row.id  # read again, where a move made it stale
    return row.model_dump()


def place_of(row: dict[str, Any]) -> str:
    return "begun" if row["state"] is State.CLAIMED and row["handed_at"] else row["state"].value


def touched(session: Session) -> set[Any]:
    return {tuple(row) for row in session.execute(sa.select(col(Touch.buyer_id), col(Touch.campaign), col(Touch.at)))}


def test_each_move_changes_the_rows_it_is_for_and_leaves_all_others(stage: Stage) -> None:
    session, here = stage.session, world(stage)
    buyers = [stage.buyer(f"b{number}", answer=None) for number in range(4 * len(PLACES))]
    assert set(TABLE) == set(Move) == set(MOVES)
    for which, (sources, target, may_change) in TABLE.items():
        step = MOVES[which]
        rows = rows_everywhere(here, buyers, digest=here.host.id if which is Move.LEAVE_DIGEST else None)
        before = [columns_of(row) for row in rows]
        meant = [row.id for row in rows[::2]]  # one of each two
        values = {name: here.given[name] for name in step.asks | step.takes}
        version = read_versions(session, stage.shop.id)[Family.TOUCHES]
        moved = move(session, which, col(Delivery.id).in_(meant), **values)
        for old, row in zip(before, rows, strict=True):
            new, doubted = columns_of(row), old["reason"] == Reason.NO_RECORD.value
            place = place_of(old)
            moves = row.id in meant and (place in sources.split() or (doubted and f"{place}?" in sources.split()))
            assert (row.id in moved) is moves, (which, place)
            changed = {name for name in new if new[name] != old[name]}
            assert changed <= (set(may_change.split()) if moves else set()), (which, place)
            if moves:
                kept = doubted and which in REMEMBERS
                assert new["state"] is (State.UNKNOWN if kept else State(target)), (which, place)
                assert kept <= (new["reason"] == Reason.NO_RECORD.value), (which, place)
                expected = {name: value for name, value in values.items() if not (kept and name == "reason")}
                assert {name: new[name] for name in expected} == expected, (which, place)
        # What holds of every row, wherever it came from.
        assert all((row.state is State.CLAIMED) == (row.claim_token is not None) for row in rows), which
        assert all((row.state is State.SENT) == (row.sent_at is not None) for row in rows), which
        assert all(row.handed_at is None for row in rows if row.state is State.WAITING), which
        got_it = {(row.buyer_id, here.campaign.slug, row.sent_at) for row in rows if row.state is State.SENT}
        assert touched(session) == got_it, which
        ended = any(
            old["state"] is not row.state and {old["state"], row.state} != {State.WAITING, State.CLAIMED}
            for old, row in zip(before, rows, strict=True)
        )
        assert read_versions(session, stage.shop.id)[Family.TOUCHES] == version + ended, which
        if State(target) not in step.sources:
            assert move(session, which, col(Delivery.id).in_(moved), **values) == [], which
        session.execute(sa.delete(Touch))
        session.execute(sa.delete(Delivery).where(col(Delivery.id).in_([row.id for row in rows])))


def test_columns_of_a_move_become_what_the_table_says(stage: Stage) -> None:
    session, here = stage.session, world(stage)
    buyers = [stage.buyer(f"b{number}", answer=None) for number in range(4 * len(PLACES))]
    rows = {place_of(columns_of(row)): row for row in rows_everywhere(here, buyers, digest=here.host.id)[::-1]}

    def after(place: str, which: Move, **values: Any) -> Delivery:
        assert move(session, which, col(Delivery.id) == rows[place].id, **values) == [rows[place].id]
        return rows[place]

    claim = {name: here.given[name] for name in CLAIM.split()}
    assert after("waiting", Move.CLAIM, **claim).attempts == 4
    assert after("waiting", Move.RELEASE).attempts == 3
    assert after("begun", Move.DEFER, due_at=NOON).attempts == 2
    assert after("claimed", Move.EXPIRE).attempts == 3
    failed = after("failed", Move.RESEND, due_at=NOON)
    assert (failed.attempts, failed.reason, failed.handed_at) == (0, "", None)
    assert after("unknown", Move.RESEND, due_at=NOON).reason == Reason.TEXT_ERROR
    assert (after("skipped", Move.UNSKIP).reason, rows["skipped"].detail) == ("", "")
    assert after("waiting", Move.LEAVE_DIGEST).digest_id is None
    for which, values in ((Move.RETRY_DOUBTED, {}), (Move.LOSE, {})):
        rows["waiting"].reason = ""
        session.add(rows["waiting"])
        after("waiting", Move.CLAIM, **claim)
        assert after("waiting", which, **values).reason == Reason.NO_RECORD


def test_a_move_over_two_shops_leaves_each_its_touches(stage: Stage) -> None:
    session, rows = stage.session, []
    other = Stage(session, make_shop(session, "mugs", timezone="UTC", currency="EUR", at=NOON))
    for each in (stage, other):
        here = world(each)
        rows.append(here.host)
        here.host.state = State.WAITING
        session.add(here.host)
    assert sorted(move(session, Move.INCLUDE, sa.true(), sent_at=NOON)) == [row.id for row in rows]
    assert set(session.exec(select(Touch.shop_id, Touch.buyer_id))) == {(row.shop_id, row.buyer_id) for row in rows}
    assert len(move(session, Move.UNSEND, sa.true())) == 2
    assert touched(session) == set()


def test_many_are_moved_without_reading_their_numbers_and_objects_are_read_again(stage: Stage) -> None:
    here = world(stage)
    waiting = Delivery(**here.host.model_dump(exclude={"id", "buyer_id", "state"}), buyer_id=1, state=State.WAITING)
    waiting.buyer_id = stage.buyer("ann")
    stage.session.add(waiting)
    stage.session.flush()
    assert move_all(stage.session, Move.SKIP, col(Delivery.run_id) == here.run.id, reason=Reason.CANCELLED) == 1
    assert (waiting.state, waiting.reason, here.host.state) == (State.SKIPPED, "cancelled", State.CONTROL)


def test_a_move_takes_just_the_columns_it_asks_for(stage: Stage) -> None:
    for which, values in ((Move.SKIP, {}), (Move.SEND, {"due_at": NOON}), (Move.EXPIRE, {"reason": Reason.LATE})):
        with pytest.raises(TypeError, match=f"{which} asks for"):
            statement(which, **values)
    for which in (each for each, step in MOVES.items() if step.touch):
        with pytest.raises(ValueError, match=which):
            move_all(stage.session, which, sent_at=NOON)
    with pytest.raises(ValueError, match="unsend"):
        Prepared(Move.UNSEND)
    for state in set(State) - {State.WAITING, State.CONTROL}:
        with pytest.raises(ValueError, match=state):
            create(stage.session, state, sa.select(Buyer.id).subquery(), order_by=None)


# Who writes what.
