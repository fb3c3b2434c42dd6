from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.deliveries.campaign_moves import cancel, pause, resume
from campaigns.offers.links import Link
from printables.batches import PackingEvent, PackingOutcome, Piece, PieceState
from printables.inserts import inserts_for
from printables.make_batch import order_batch
from printables.packing import OpenParcel, open_parcel, ship_parcel, today, undo
from printables.piece_ledger import close_batch, reprint
from retention.access import Member, Role
from retention.consent import Answer, Channel, record_consent
from retention.database import reading, transaction
from retention.errors import Conflict, Forbidden, NotFound
from retention.parcels import Parcel
from retention.tokens import spaced
from retention.touches import Touch
from tests.printables.conftest import NOON, URL, Bench, open_shop


def opened(bench: Bench, waybill: str) -> OpenParcel:
    with reading(bench.engine) as session:
        return open_parcel(session, bench.packer, waybill)


def move(bench: Bench, how: Callable[..., object]) -> None:
    with transaction(bench.engine) as session:
        how(session, session.exec(select(Campaign)).one(), at=NOON, actor="user:1")


def test_an_open_parcel_says_what_goes_in_and_masks_the_buyer(bench: Bench) -> None:
    batch = bench.printed(3)
    first = bench.pieces(batch)[0]

    parcel = opened(bench, " sf0000 0003 ")

    assert (parcel.waybill, parcel.buyer, parcel.position, parcel.of, parcel.complete) == (
        "SF00000003",
        "",
        1,
        3,
        False,
    )
    (insert,) = parcel.inserts
    assert (insert.campaign, insert.flyer, insert.code, insert.batch, insert.copy_number, insert.packed) == (
        "spring",
        "秋茶券",
        first.code,
        1,
        1,
        False,
    )
    assert opened(bench, "SF00000001").buyer == "A***"


@pytest.mark.parametrize("form", ["address", "token", "code", "typed"])
def test_the_right_piece_is_packed_however_it_is_read(bench: Bench, form: str) -> None:
    piece = bench.pieces(bench.printed(2))[0]
    token = next(link.token for link in bench.rows(Link) if link.delivery_id == piece.delivery_id)
    read = {
        "address": f"https://r.example.cn/q/{token.lower()}",
        "token": token,
        "code": piece.code,
        "typed": f" {spaced(piece.code).lower()} ",
    }

    answer = bench.scan("SF00000002", read[form])

    assert (answer.outcome, answer.code, answer.parcel.complete) == (PackingOutcome.PACKED, piece.code, True)
    (packed, _other) = bench.rows(Piece)
    assert (packed.state, packed.packed_at, packed.packed_by) == (PieceState.IN_PARCEL, NOON, "user:7")
    sent = next(row for row in bench.rows(Delivery) if row.id == piece.delivery_id)
    assert (sent.state, sent.sent_at) == (DeliveryState.SENT, NOON)
    assert [(touch.event, touch.buyer_id) for touch in bench.rows(Touch)] == [("sent", sent.buyer_id)]


def test_a_piece_of_another_parcel_is_caught_and_says_whose_it_is(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(3))[0]

    answer = bench.scan("SF00000001", piece.code)

    assert (answer.outcome, answer.belongs_to) == (PackingOutcome.WRONG_PARCEL, "0003")
    assert {piece.state for piece in bench.rows(Piece)} == {PieceState.RENDERED}
    assert set(bench.states()) == {DeliveryState.WAITING}


def test_a_piece_packed_twice_is_packed_once(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(2))[0]
    bench.scan("SF00000002", piece.code)

    assert bench.scan("SF00000002", piece.code).outcome is PackingOutcome.ALREADY_PACKED
    assert Counter(bench.states()) == {DeliveryState.SENT: 1, DeliveryState.WAITING: 1}


def test_two_packers_who_scan_one_piece_at_once_pack_it_once(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(2))[0]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: bench.scan("SF00000002", piece.code, member=_packer(bench, n)), range(8)))

    outcomes = Counter(answer.outcome for answer in answers)
    assert outcomes == {PackingOutcome.PACKED: 1, PackingOutcome.ALREADY_PACKED: 7}
    assert len(bench.rows(Touch)) == 1
    assert len(bench.rows(PackingEvent)) == 8


def test_an_unknown_code_is_answered_and_written_down(bench: Bench) -> None:
    bench.printed(2)

    answer = bench.scan("SF00000002", "6901234567892")

    assert (answer.outcome, answer.code) == (PackingOutcome.UNKNOWN_CODE, "6901234567892")
    (event,) = bench.rows(PackingEvent)
    assert (event.outcome, event.scanned, event.piece_id, event.actor) == (
        PackingOutcome.UNKNOWN_CODE,
        "6901234567892",
        None,
        "user:7",
    )


def test_a_piece_that_was_never_printed_cannot_be_packed(bench: Bench) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    with transaction(bench.engine) as session:
        order_batch(session, flyer.id, run.id, profile="office", at=NOON, by="user:1")
    piece = bench.rows(Piece)[0]

    assert bench.scan("SF00000002", piece.code).outcome is PackingOutcome.NOT_PRINTED
    assert set(bench.states()) == {DeliveryState.WAITING}


def test_undo_takes_the_last_piece_out_and_the_delivery_waits_again(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(2))[0]
    bench.scan("SF00000002", piece.code)

    with transaction(bench.engine) as session:
        parcel = undo(session, bench.packer, "SF00000002", at=NOON)

    assert not parcel.complete
    assert set(bench.states()) == {DeliveryState.WAITING}
    assert bench.rows(Touch) == []
    with pytest.raises(Conflict, match="Nothing has been packed"), transaction(bench.engine) as session:
        undo(session, bench.packer, "SF00000002", at=NOON)
    assert bench.scan("SF00000002", piece.code).outcome is PackingOutcome.PACKED


def test_a_parcel_that_left_stays_as_it_is(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(2))[0]
    bench.scan("SF00000002", piece.code)

    with transaction(bench.engine) as session:
        assert ship_parcel(session, bench.packer, "SF00000002", at=NOON).shipped
    with pytest.raises(Conflict, match="has already shipped"), transaction(bench.engine) as session:
        undo(session, bench.packer, "SF00000002", at=NOON)
    assert next(row for row in bench.rows(Parcel) if row.waybill == "SF00000002").shipped_at == NOON
    assert Counter(bench.states()) == {DeliveryState.SENT: 1, DeliveryState.WAITING: 1}


def test_the_days_counters_count_what_is_in_and_what_was_caught(bench: Bench) -> None:
    first, second, third = bench.pieces(bench.printed(3))
    bench.scan("SF00000003", first.code)
    bench.scan("SF00000002", third.code)
    bench.scan("SF00000002", second.code)
    with transaction(bench.engine) as session:
        undo(session, bench.packer, "SF00000002", at=NOON)

    with reading(bench.engine) as session:
        now = today(session, bench.shop, at=NOON)
        tomorrow = today(session, bench.shop, at=NOON + timedelta(days=1))
    assert (now.packed, now.caught) == (1, 1)
    assert (tomorrow.packed, tomorrow.caught) == (0, 0)


def test_a_code_printed_again_is_flagged_with_its_copy_number(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(2))[0]
    reprint(bench.engine, bench.packer, piece.code, files=bench.files, public_url=URL, at=NOON)

    answer = bench.scan("SF00000002", piece.code)

    assert (answer.outcome, answer.copy_number) == (PackingOutcome.PACKED, 2)
    assert sorted(row.state for row in bench.rows(Piece) if row.code == piece.code) == ["in_parcel", "spoiled"]
    with pytest.raises(Conflict, match="only a printed one can be marked as spoiled"):
        reprint(bench.engine, bench.packer, piece.code, files=bench.files, public_url=URL, at=NOON)


def test_a_piece_counted_as_unused_that_turns_up_is_packed(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(2))[0]
    with transaction(bench.engine) as session:
        close_batch(session, bench.packer, 1, unused=True, at=NOON)

    assert bench.scan("SF00000002", piece.code).outcome is PackingOutcome.PACKED


def test_a_paused_campaign_asks_for_nothing_until_it_goes_on(bench: Bench) -> None:
    first, second = bench.pieces(bench.printed(2))
    bench.scan("SF00000002", first.code)
    move(bench, pause)

    assert opened(bench, "SF00000001").inserts == ()
    assert [insert.packed for insert in opened(bench, "SF00000002").inserts] == [True]
    assert bench.scan("SF00000001", second.code).outcome is PackingOutcome.STOPPED
    assert Counter(bench.states()) == {DeliveryState.SENT: 1, DeliveryState.WAITING: 1}

    move(bench, resume)
    assert bench.scan("SF00000001", second.code).outcome is PackingOutcome.PACKED


def test_a_cancelled_campaign_asks_for_nothing_and_packs_nothing(bench: Bench) -> None:
    first = bench.pieces(bench.printed(2))[0]
    move(bench, cancel)

    assert opened(bench, "SF00000002").inserts == ()
    assert bench.scan("SF00000002", first.code).outcome is PackingOutcome.STOPPED
    assert set(bench.states()) == {DeliveryState.SKIPPED}


def test_the_parcel_of_a_control_buyer_shows_nothing(bench: Bench) -> None:
    bench.printed(9, control=0.5)
    parcels = {parcel.buyer_id: parcel.waybill for parcel in bench.rows(Parcel)}
    controls = [row.buyer_id for row in bench.rows(Delivery) if row.state is DeliveryState.CONTROL]

    assert controls
    assert [opened(bench, parcels[buyer]).inserts for buyer in controls] == [()] * len(controls)


def test_inserts_say_what_is_not_printed_yet(bench: Bench) -> None:
    bench.parcels(2)
    bench.launched()

    with reading(bench.engine) as session:
        (insert,) = inserts_for(session, bench.packer, "SF00000001", at=NOON)

    assert (insert.campaign, insert.code, insert.batch, insert.copy_number) == ("spring", "", None, 0)


def test_another_shops_parcels_and_pieces_are_unknown(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(2))[0]
    other = open_shop(bench.engine, bench.files, "silk", name="Silk", title="Scarf")
    (waybill,) = other.parcels(1, prefix="YT")

    unknown = pytest.raises(NotFound, match="No parcel has the waybill SF00000002")
    with reading(bench.engine) as session:
        with unknown:
            open_parcel(session, other.packer, "SF00000002")
        with unknown:
            inserts_for(session, other.packer, "SF00000002", at=NOON)
    assert other.scan(waybill, piece.code).outcome is PackingOutcome.UNKNOWN_CODE
    assert {row.state for row in bench.rows(Piece)} == {PieceState.RENDERED}


def refuse_parcels(bench: Bench, delivery: Delivery) -> None:
    with transaction(bench.engine) as session:
        record_consent(
            session,
            delivery.shop_id,
            buyer_id=delivery.buyer_id,
            channel=Channel.PARCEL,
            answer=Answer.OUT,
            source="phone",
            at=NOON,
        )


def test_a_no_that_comes_after_printing_keeps_the_insert_out_of_the_parcel(bench: Bench) -> None:
    piece = bench.pieces(bench.printed(2))[0]
    delivery = next(row for row in bench.rows(Delivery) if row.id == piece.delivery_id)
    waybill = next(row.waybill for row in bench.rows(Parcel) if row.id == piece.parcel_id)
    refuse_parcels(bench, delivery)

    with reading(bench.engine) as session:
        assert inserts_for(session, bench.packer, waybill, at=NOON) == ()
    assert bench.scan(waybill, piece.code).outcome is PackingOutcome.STOPPED
    after = next(row for row in bench.rows(Delivery) if row.id == delivery.id)
    assert (after.state, after.reason) == (DeliveryState.SKIPPED, "no_consent")
    assert next(row for row in bench.rows(Piece) if row.id == piece.id).state is PieceState.RENDERED


def test_a_no_that_comes_after_the_plan_costs_no_paper(bench: Bench) -> None:
    bench.parcels(3)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    refuse_parcels(bench, bench.rows(Delivery)[0])

    assert bench.print(flyer, run).pieces == 2
    assert Counter(bench.states()) == {DeliveryState.WAITING: 2, DeliveryState.SKIPPED: 1}


def test_who_may_not_pack_sees_no_parcel(bench: Bench) -> None:
    bench.printed(2)

    with pytest.raises(Forbidden), reading(bench.engine) as session:
        open_parcel(session, bench.person(9, Role.VIEWER), "SF00000002")


def _packer(bench: Bench, number: int) -> Member:
    return bench.person(100 + number, Role.WAREHOUSE)
