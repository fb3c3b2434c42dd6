import threading
from datetime import UTC, datetime

from retention import clock
from retention.database import reading, transaction
from segments.segments import find_segment, save_segment
from segments.snapshots import changes_since, refresh_all, refresh_segments, refresh_shop, trend
from tests.segments.makers import add_buyers, add_follow, make_shop


def a_shop_with_a_segment(engine):
    at = datetime.now(UTC)
    with transaction(engine) as session:
        shop = make_shop(session)
        (buyer,) = add_buyers(session, shop, "a")
        save_segment(session, shop.id, "followers", rule={"follows": {}}, actor="test", at=at)
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


def test_the_sweep_wakes_a_worker_for_each_shop_with_segments(engine, monkeypatch):
    shop, _ = a_shop_with_a_segment(engine)
    with transaction(engine) as session:
        make_shop(session, "empty")
    sent = []
    monkeypatch.setattr("retention.queue.send", lambda _session, *call: sent.append(call))
    with transaction(engine) as session:
        refresh_all(session)
        refresh_shop(session, 999)
    assert sent == [("segments.refresh_shop", shop.id)]
