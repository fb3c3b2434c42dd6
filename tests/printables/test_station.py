from collections.abc import Callable

import pytest
from sqlmodel import col, select

from campaigns.campaign.campaigns import Delivery, DeliveryState
from printables.batches import PackingEvent, PackingOutcome, Piece, PieceState
from printables.station import Sign, StationReply, go_without, hear, spoil, take_back
from retention.database import reading, transaction
from retention.errors import Conflict, NotFound
from retention.parcels import Parcel
from tests.printables.conftest import NOON, Bench


def ask(bench: Bench, step: Callable[..., StationReply], *words: str, over: str = "") -> StationReply:
    with transaction(bench.engine) as session:
        return step(session, bench.packer, *words, over=over, at=NOON)


def left(bench: Bench) -> list[str]:
    with reading(bench.engine) as session:
        gone = select(Parcel.waybill).where(col(Parcel.shipped_at).is_not(None))
        return list(session.exec(gone.order_by(Parcel.waybill)))


def codes(bench: Bench) -> dict[str, str]:
    with reading(bench.engine) as session:
        pieces = select(Parcel.waybill, Piece.code).join(Piece, col(Piece.parcel_id) == Parcel.id)
        return {waybill: code for waybill, code in session.exec(pieces)}  # noqa: C416 - typed


def test_waybill_opens_piece_goes_in_and_the_next_waybill_closes(bench: Bench) -> None:
    bench.printed(2)
    code = codes(bench)
    one, two = sorted(code)

    assert ask(bench, hear, one.lower()) == StationReply(Sign.OPENED, one, missing=1)
    assert ask(bench, hear, code[two], over=one) == StationReply(
        Sign.WRONG_PARCEL, one, code=code[two], tail=two[-4:], missing=1
    )
    assert ask(bench, hear, code[one], over=one) == StationReply(Sign.COMPLETE, one, code=code[one])
    assert ask(bench, hear, code[one], over=one).sign is Sign.ALREADY_PACKED
    assert ask(bench, hear, two, over=one) == StationReply(Sign.OPENED, two, missing=1)
    assert left(bench) == [one]
    assert ask(bench, hear, one, over="").sign is Sign.LEFT


def test_nothing_closes_a_parcel_while_an_insert_is_missing(bench: Bench) -> None:
    bench.printed(2)
    one, two = sorted(codes(bench))
    assert ask(bench, hear, "", over=one) == StationReply(Sign.UNFINISHED, one, missing=1)
    assert ask(bench, hear, two, over=one) == StationReply(Sign.UNFINISHED, one, missing=1)
    assert left(bench) == []


def test_enter_closes_what_is_complete_and_undo_opens_it_up_before(bench: Bench) -> None:
    bench.printed(1)
    ((one, code),) = codes(bench).items()
    ask(bench, hear, code, over=one)
    assert ask(bench, take_back, over=one) == StationReply(Sign.UNDONE, one)
    assert ask(bench, hear, "", over=one).sign is Sign.UNFINISHED
    ask(bench, hear, code, over=one)
    assert ask(bench, hear, " ", over=one) == StationReply(Sign.SHIPPED, tail=one[-4:])
    assert left(bench) == [one]


def test_insert_left_out_is_skipped_in_the_ledger_and_its_parcel_goes(bench: Bench) -> None:
    bench.printed(2)
    one, two = sorted(codes(bench))
    assert ask(bench, go_without, over=one) == StationReply(Sign.LEFT_OUT, tail=one[-4:])
    assert left(bench) == [one]
    with reading(bench.engine) as session:
        states = select(Parcel.waybill, Delivery.state, Delivery.reason).join(
            Parcel, col(Parcel.id) == Delivery.parcel_id
        )
        assert sorted(session.exec(states)) == [
            (one, DeliveryState.SKIPPED, "not_at_bench"),
            (two, DeliveryState.WAITING, ""),
        ]
        assert session.exec(select(PackingEvent.outcome)).all() == [PackingOutcome.LEFT_OUT]
    with pytest.raises(Conflict, match="has already shipped"):
        ask(bench, go_without, over=one)


def test_spoiled_insert_is_reprinted_and_its_parcel_stays_open(bench: Bench) -> None:
    bench.printed(1)
    ((one, code),) = codes(bench).items()
    assert ask(bench, spoil, code, over=one) == StationReply(Sign.REPRINTED, one, code=code, copy_number=2, batch=2)
    with reading(bench.engine) as session:
        states = session.exec(select(Piece.state).order_by(col(Piece.copy_number))).all()
    assert states == [PieceState.SPOILED, PieceState.RESERVED]
    assert ask(bench, hear, code, over=one).sign is Sign.NOT_PRINTED


def test_what_no_parcel_has_is_refused_and_nothing_is_written(bench: Bench) -> None:
    bench.printed(1)
    ((_one, code),) = codes(bench).items()
    for words in ("SF-nobody", code):
        with pytest.raises(NotFound, match="No parcel has the waybill"):
            ask(bench, hear, words)
    with pytest.raises(Conflict, match="No parcel is open"):
        ask(bench, take_back)
    assert ask(bench, hear, "") == StationReply(Sign.READY)
    with reading(bench.engine) as session:
        assert session.exec(select(PackingEvent)).all() == []
