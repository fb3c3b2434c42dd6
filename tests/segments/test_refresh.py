import threading
from datetime import UTC, datetime, timedelta

from retention import clock
from retention.database import reading, transaction
from segments.rules import parse
from segments.segments import find_segment, save_segment
from segments.snapshots import changes_since, refresh_all, refresh_segments, refresh_shop, trend
from tests.factories import add_buyers, add_follow, make_shop

NOON = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)


def a_shop_with_a_segment(engine):
    at = datetime.now(UTC)
    with transaction(engine) as session:
        shop = make_shop(session)
        (buyer,) = add_buyers(session, shop, "a")
        save_segment(session, shop.id, "followers", rule=parse({"follows": {}}), actor="test", at=at)
        refresh_segments(session, shop, now=at)
        return shop, buyer


def test_two_refreshes_at_once_write_one_snapshot(engine):
    shop, buyer = a_shop_with_a_segment(engine)
    with transaction(engine) as session:
        add_follow(session, shop, buyer)
    start = threading.Barrier(2)
    failures = []

    def refresh():
        start.wait()
        try:
            with transaction(engine) as session:
                refresh_shop(session, shop.id)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with reading(engine) as session:
        changes = [(each.sequence, list(each.entered)) for each in changes_since(session, shop.id, "followers")]
        assert changes == [(1, []), (2, [buyer])]
        segment = find_segment(session, shop.id, "followers")
        assert [size for _, size in trend(session, shop.id, segment.id)] == [0, 1]
        assert segment.refreshed_at is not None
        assert segment.refreshed_at <= clock.now()


def test_the_sweep_wakes_a_worker_where_facts_have_changed_and_not_more_often_than_said(engine, monkeypatch):
    sent = []
    monkeypatch.setattr("retention.queue.send", lambda _session, *call: sent.append(call))
    monkeypatch.setattr("retention.clock.now", lambda: NOON)

    def sweep():
        sent.clear()
        with transaction(engine) as session:
            refresh_all(session)
            refresh_shop(session, 999)
        return sent

    with transaction(engine) as session:
        make_shop(session, "empty")
        shop = make_shop(session)
        (buyer,) = add_buyers(session, shop, "a")
        save_segment(session, shop.id, "followers", rule=parse({"follows": {}}), actor="test", at=NOON)
    wake = [("segments.refresh_shop", shop.id)]
    assert sweep() == wake  # never refreshed
    with transaction(engine) as session:
        refresh_segments(session, shop, now=NOON - timedelta(minutes=9))
    assert sweep() == []
    with transaction(engine) as session:
        add_follow(session, shop, buyer)
    assert sweep() == []  # changed, but refreshed nine minutes ago
    monkeypatch.setattr("retention.clock.now", lambda: NOON + timedelta(minutes=1))
    assert sweep() == wake
    with transaction(engine) as session:
        refresh_shop(session, shop.id)
        save_segment(session, shop.id, "others", rule=parse({"not": {"follows": {}}}), actor="test", at=NOON)
    assert sweep() == wake  # a new segment waits for nothing
    with transaction(engine) as session:
        refresh_shop(session, shop.id)
    monkeypatch.setattr("retention.clock.now", lambda: NOON + timedelta(minutes=20))
    assert sweep() == []  # nothing has changed
    monkeypatch.setattr("retention.clock.now", lambda: NOON + timedelta(minutes=30))
    assert sweep() == wake  # another hour: "the last N days" count back from it
