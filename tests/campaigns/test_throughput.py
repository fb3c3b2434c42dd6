"""The throughput of a run: what left lately, how long the rest takes, what went wrong, from the rows alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import col, select, update

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.throughput import DeliveryError, RunProgress, Throughput, delivery_errors_of, run_progress_of
from campaigns.runs.launch import launch
from tests.campaigns.conftest import NOON, Stage, later


def set_rows(stage: Stage, ids: list[int], **values: object) -> None:
    stage.session.execute(update(Delivery).where(col(Delivery.id).in_(ids)).values(**values))


def launched(stage: Stage, buyers: int) -> tuple[Run, list[int]]:
    for number in range(buyers):
        stage.buyer(f"buyer-{number}")
    campaign = stage.push()
    run = launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    ids = stage.session.exec(select(Delivery.id).where(Delivery.run_id == run.id).order_by(col(Delivery.id))).all()
    return run, list(ids)


def moving(stage: Stage, run: Run, *, at: datetime) -> RunProgress:
    return run_progress_of(stage.session, stage.shop.id, [run], now=at)[run.id]


@contextmanager
def counted_statements(stage: Stage) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    engine = stage.session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_pace_is_what_left_lately_and_says_how_long_the_rest_takes(stage: Stage) -> None:
    run, ids = launched(stage, 10)
    set_rows(stage, ids[:1], state=DeliveryState.SENT, sent_at=NOON)
    set_rows(stage, ids[1:4], state=DeliveryState.SENT, sent_at=later(minutes=9))
    set_rows(stage, ids[4:6], due_at=later(hours=3))
    throughput = moving(stage, run, at=later(minutes=10)).throughput
    assert throughput == Throughput(per_minute=3.0, due=4, next_due_at=later(hours=3))
    assert throughput
    assert throughput.left == timedelta(minutes=4 / 3)


@pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=30)])
def test_run_of_which_nothing_left_lately_does_not_guess(stage: Stage, age: timedelta) -> None:
    run, _ids = launched(stage, 2)
    throughput = moving(stage, run, at=NOON + age).throughput
    assert throughput
    assert (throughput.per_minute, throughput.due, throughput.left) == (0.0, 2, None)


def test_run_that_is_through_has_no_pace(stage: Stage) -> None:
    run, ids = launched(stage, 2)
    set_rows(stage, ids, state=DeliveryState.SENT, sent_at=NOON)
    through = moving(stage, run, at=later(minutes=1))
    assert (through.throughput, through.progress.sent, through.progress.waiting) == (None, 2, 0)
    assert run_progress_of(stage.session, stage.shop.id, [], now=NOON) == {}


def test_errors_are_reported_by_reason_the_most_frequent_first(stage: Stage) -> None:
    run, ids = launched(stage, 6)
    set_rows(stage, ids[:1], state=DeliveryState.UNKNOWN, reason=Reason.NO_RECORD)
    set_rows(stage, ids[1:4], state=DeliveryState.FAILED, reason=Reason.REFUSED, detail="550")
    set_rows(stage, ids[4:5], state=DeliveryState.SENT, sent_at=NOON)
    run_progress = moving(stage, run, at=later(minutes=1))
    assert (run_progress.progress.waiting, run_progress.progress.with_errors, run_progress.progress.aimed) == (1, 4, 6)
    campaign = stage.session.get_one(Campaign, run.campaign_id)
    assert delivery_errors_of(stage.session, campaign) == [
        DeliveryError(DeliveryState.FAILED, "refused", "550", 3),
        DeliveryError(DeliveryState.UNKNOWN, "no_record", "", 1),
    ]


def test_motion_of_any_number_of_runs_is_one_statement(stage: Stage) -> None:
    run, _ids = launched(stage, 4)
    with counted_statements(stage) as seen:
        run_progress_of(stage.session, stage.shop.id, [run, run], now=NOON)
    assert len(seen) == 1
