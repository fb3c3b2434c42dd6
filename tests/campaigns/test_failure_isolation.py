"""One failure must not stop others: whatever it raises is kept as its own, and the rest of its kind go on."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns import tasks
from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState
from campaigns.channels.senders import Sender, SenderKind, create_sender
from campaigns.offers.match_marks import MatchMark
from campaigns.runs.launch import launch
from campaigns.sending.dispatch import send_all
from campaigns.webhooks.webhooks import Webhook, WebhookCall, create_webhook
from retention import clock, failures
from retention.database import reading, transaction
from retention.errors import Conflict
from retention.failures import Failure, Thing, each_alone
from retention.ingest.jobs import run_imports
from retention.jobs import Job, JobState
from retention.shops import Shop
from retention.touches import Touch, TouchEvent
from retention.versions import Family, raise_version
from segments.forecasting import ShopForecast, forecast_shop
from segments.rules import parse
from segments.segments import Segment, save_segment
from segments.snapshots import SegmentSnapshot, refresh_shop
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.triggers import FOLLOWED, follow, scheduled
from tests.factories import make_shop

OnStage = Callable[[Callable[[Stage], Any]], Any]


def _good_and_bad(stage: Stage) -> None:
    """Leave two of every kind, the first of them in a state nobody foresaw."""
    session, shop = stage.session, stage.shop
    ada = stage.buyer("ada")
    follow(stage, "cyd", later(hours=2))
    for name in ("bad", "good"):
        by = create_sender(session, shop, name, kind=SenderKind.MEMORY, settings={}, secrets={}, at=NOON, actor="u")
        running = stage.push(f"{name}-sender", sender_id=by.id)
        launch(session, shop, running, at=NOON, actor="u")
        scheduled(stage, {}, f"{name}-launch", scheduled_at=later(hours=1))
        scheduled(stage, FOLLOWED, f"{name}-event")
        scheduled(stage, FOLLOWED, f"{name}-goal", product_id=stage.product(name, arrival_at=later(days=9)).id)
        create_webhook(session, shop, name, url="https://hook.example/", events=["link.scanned"], at=NOON, actor="u")
        save_segment(session, shop.id, name, rule=parse({"bucket": {"of": 2, "from": 0, "to": 1}}), actor="u", at=NOON)
    session.add(Touch(shop_id=shop.id, buyer_id=ada, event=TouchEvent.SCANNED, at=later(hours=1)))
    raise_version(session, shop.id, Family.TOUCHES)
    _row(session, Sender, "bad").encrypted_secrets = b"no secret"
    _row(session, Campaign, "bad-launch").audience_json = {"no": "rule"}
    _row(session, Campaign, "bad-event").audience_json = {"no": "rule"}
    _row(session, Campaign, "bad-goal").policy_json = {"stop_after_sales": "many"}
    _row(session, Campaign, "good-goal").policy_json = {"stop_after_sales": 3}
    _row(session, Webhook, "bad").read_until = {"touches": "no mark"}
    _row(session, Segment, "bad").rule_json = {"no": "rule"}
    session.flush()


def _row(session: Session, kind: Any, slug: str) -> Any:
    return session.exec(select(kind).where(kind.slug == slug)).one()


def test_every_kind_of_thing_that_fails_is_noted_and_the_others_go_on(
    engine: Engine, on_stage: OnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_stage(_good_and_bad)
    monkeypatch.setattr(clock, "now", lambda: later(hours=3))
    send_all(engine, now=clock.now)
    tasks.launch_due(engine)
    tasks.sweep_all_events(engine)
    tasks.settle_arrivals(engine)
    with reading(engine) as session:
        shop_id = session.exec(select(Shop.id)).one()
    monkeypatch.setattr(tasks, "make_calls", lambda *_, **__: 0)  # nobody is called outside this machine
    tasks.call_hooks(engine)
    with transaction(engine) as session:
        refresh_shop(session, shop_id)
    with reading(engine) as session:
        sent = session.exec(select(Delivery.campaign_id).where(Delivery.state == DeliveryState.SENT)).all()
        assert {session.get_one(Campaign, each).slug for each in sent} == {"good-sender"}
        assert _row(session, Campaign, "good-launch").state is CampaignState.RUNNING
        assert _row(session, Campaign, "good-event").state is CampaignState.RUNNING
        assert _row(session, Campaign, "bad-launch").state is CampaignState.SCHEDULED
        called = session.exec(select(WebhookCall.hook_id)).all()
        assert called == [_row(session, Webhook, "good").id]
        refreshed = session.exec(select(SegmentSnapshot.segment_id)).all()
        assert refreshed == [_row(session, Segment, "good").id]
        found = {(each.work, each.kind, each.name): each for each in session.exec(select(Failure))}
    assert set(found) == {
        ("sender", "sender", "bad"),
        ("launch", "campaign", "bad-launch"),
        ("events", "campaign", "bad-event"),
        ("events", "campaign", "bad-goal"),  # its policy is read there too
        ("sold", "campaign", "bad-goal"),
        ("hook", "hook", "bad"),
        ("refresh", "segment", "bad"),
    }
    assert {each.tries for each in found.values()} == {1}
    assert all(each.why for each in found.values())


def test_a_thing_that_goes_on_failing_is_given_up_and_one_that_recovers_is_forgotten(
    engine: Engine, on_stage: OnStage
) -> None:
    shop_id = on_stage(lambda stage: stage.shop.id)
    tried: list[tuple[str, timedelta]] = []
    once, daily = Thing(shop_id, "batch", 1, "once", daily=False), Thing(shop_id, "hook", 2, "daily")
    ill = True

    def look(thing: Thing) -> None:
        tried.append((thing.name, now - NOON))
        if ill:
            raise KeyError("nobody foresaw this")

    now = NOON
    while now < NOON + timedelta(days=4):
        each_alone(engine, "hook", [once, daily], look, now=now)
        now += timedelta(minutes=30)
    assert len([1 for name, _ in tried if name == "once"]) == failures.MOST_TRIES
    assert len([1 for name, _ in tried if name == "daily"]) == failures.MOST_TRIES + 3
    ill = False
    each_alone(engine, "hook", [daily], look, now=now + timedelta(days=1))
    with reading(engine) as session:
        assert [each.name for each in session.exec(select(Failure))] == ["once"]


def test_a_failure_that_a_clock_that_was_ahead_left_rests_no_longer(engine: Engine, on_stage: OnStage) -> None:
    thing = Thing(on_stage(lambda stage: stage.shop.id), "shop", 1)
    tried = []

    def look(_: Thing) -> None:
        tried.append(1)
        raise Conflict("It cannot be.")

    each_alone(engine, "orders", [thing], look, now=NOON + timedelta(days=3))
    each_alone(engine, "orders", [thing], look, now=NOON)
    assert len(tried) == 2


def test_what_cannot_even_be_written_down_ends_the_sweep(engine: Engine) -> None:
    def look(_: Thing) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        each_alone(engine, "orders", [Thing(4711, "shop", 4711)], look, now=NOON)  # no such shop, so no row either


def test_an_import_and_a_forecast_that_fail_keep_no_other_shop_from_having_its_own(
    engine: Engine, on_stage: OnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(stage: Stage) -> list[int]:
        bad = make_shop(stage.session, "bad", timezone="UTC", at=NOON)
        for shop in (bad, stage.shop):
            stage.session.add(Job(shop_id=shop.id, kind="import", input={}, actor="u", created_at=NOON))
        bad.timezone = "No/Where"
        return [bad.id, stage.shop.id]

    shops = on_stage(fill)
    monkeypatch.setattr(clock, "now", lambda: later(hours=3))
    for shop_id in shops:
        forecast_shop(engine, shop_id)
    run_imports(engine)
    with reading(engine) as session:
        found = {(each.work, each.shop_id, each.name) for each in session.exec(select(Failure))}
        assert found == {("forecast", shops[0], ""), ("import", shops[0], "1"), ("import", shops[1], "2")}
        assert session.exec(select(ShopForecast.shop_id)).all() == [shops[1]]
        assert session.exec(select(Job.state)).all() == [JobState.WAITING, JobState.WAITING]
    for hours in (6, 12):
        monkeypatch.setattr(clock, "now", lambda at=hours: later(hours=at))
        run_imports(engine)
    with reading(engine) as session:
        assert session.exec(select(Job.state)).all() == [JobState.FAILED, JobState.FAILED]
        assert {each.work for each in session.exec(select(Failure))} == {"forecast"}, "the page of the import says why"


EACH_ALONE, ONE_STATEMENT, WAKES = "each alone", "one statement for all", "only wakes workers"
SWEEPS = {
    "addresses.respell": EACH_ALONE,
    "campaigns.call_hooks": EACH_ALONE,
    "campaigns.launch_due": EACH_ALONE,
    "campaigns.match_orders": EACH_ALONE,
    "campaigns.send_posts": EACH_ALONE,
    "campaigns.send": EACH_ALONE,
    "campaigns.settle_arrivals": EACH_ALONE,
    "campaigns.sweep_events": EACH_ALONE,
    "figures.count": EACH_ALONE,
    "imports.run": EACH_ALONE,
    "printables.render_waiting": WAKES,
    "privacy.forget": EACH_ALONE,
    "retention.forget_answers": ONE_STATEMENT,
    "retention.forget_logins": ONE_STATEMENT,
    "retention.forget_one_time_links": ONE_STATEMENT,
    "retention.say_that_sweeps_run": ONE_STATEMENT,
    "segments.forecast": WAKES,
    "segments.refresh": WAKES,
}
"""How one bad thing keeps no other waiting, in every sweep there is."""


def test_every_sweep_takes_what_it_looks_at_alone() -> None:
    """A sweep that is added says here how it does; the other two kinds have no loop but one that sends."""
    from api import worker

    sweeps = {name for name in worker.app.conf.beat_schedule if not name.startswith("tests.")}
    assert sweeps == set(SWEEPS)
    for name in sorted(sweeps):
        source = _source_of(worker.app.tasks[name].run)
        loops = [each for each in ast.walk(source) if isinstance(each, ast.For | ast.While)]
        sends = all("send" in ast.dump(each) for each in loops)
        assert SWEEPS[name] == EACH_ALONE or (not loops if SWEEPS[name] == ONE_STATEMENT else sends), name


def _source_of(run: Any) -> ast.AST:
    """Return the code of the function a task was made from, which its wrapper holds."""
    function = next(each.cell_contents for each in run.__closure__ if callable(each.cell_contents))
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


UNFORESEEN = KeyError("nobody foresaw this")


def test_a_post_a_batch_an_order_match_and_an_import_that_raise_leave_the_others_alone(
    engine: Engine, on_stage: OnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two shops; in the first, one of two fails with what nobody foresaw. The good ones of both are done."""

    def shops(stage: Stage) -> list[int]:
        other = make_shop(stage.session, "other", timezone="UTC", at=NOON)
        return [stage.shop.id, other.id]

    first, second = on_stage(shops)
    for work, kind in (("posts", "post"), ("batch", "batch"), ("orders", "shop"), ("import", "job")):
        things = [Thing(first, kind, 1, "bad"), Thing(first, kind, 2, "good"), Thing(second, kind, 3, "there")]
        done: list[str] = []

        def do(thing: Thing, done: list[str] = done) -> None:
            if thing.name == "bad":
                raise UNFORESEEN
            done.append(thing.name)

        each_alone(engine, work, things, do, now=NOON)
        assert done == ["good", "there"]
    with reading(engine) as session:
        found = session.exec(select(Failure)).all()
        assert {(each.work, each.name, each.tries, each.shop_id) for each in found} == {
            (work, "bad", 1, first) for work in ("posts", "batch", "orders", "import")
        }
    monkeypatch.setattr("campaigns.offers.matching.match_orders", _raise_for(first))
    on_stage(lambda stage: [raise_version(stage.session, each, Family.ORDERS) for each in (first, second)])
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=1))
    tasks.match_all_orders(engine)
    with reading(engine) as session:
        marks = {each.shop_id: each.begun_at is None for each in session.exec(select(MatchMark))}
    assert marks == {first: False, second: True}


def _raise_for(shop_id: int) -> Callable[..., int]:
    def match(_session: Session, shop: Shop, **_: Any) -> int:
        if shop.id == shop_id:
            raise UNFORESEEN
        return 0

    return match
