from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.deliveries.campaign_moves import pause
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.offers.offers import Offer
from campaigns.offers.redeem import redeem
from printables import make_batch, tasks
from printables.batches import Batch, BatchState, Piece, PieceState
from printables.drawing import verify
from printables.flyers import Flyer, change_flyer
from printables.make_batch import order_batch, render_batch
from printables.piece_ledger import PrintResult, close_batch, mark_printed, reprint
from retention.audit import AuditEntry
from retention.database import transaction
from retention.errors import Conflict, Invalid, NotFound
from retention.parcels import Parcel
from retention.settings import get_settings
from retention.tokens import spaced
from tests.campaigns.claims import claim_by_code
from tests.printables.conftest import NOON, URL, Bench, open_shop


def test_pieces_come_in_picking_order_and_every_page_reads_as_meant(bench: Bench) -> None:
    waybills = bench.parcels(9)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    batch = bench.print(flyer, run)

    assert (batch.number, batch.state, batch.pieces, batch.sheets) == (1, BatchState.RENDERED, 9, 3)
    pieces = bench.pieces(batch)
    parcels = {parcel.id: parcel.waybill for parcel in bench.rows(Parcel)}
    assert [parcels[piece.parcel_id] for piece in pieces] == waybills
    tokens = {link.delivery_id: link.token for link in bench.rows(Link)}
    meant = [f"HTTPS://R.EXAMPLE.CN/Q/{tokens[piece.delivery_id]}" for piece in pieces]
    pdf = bench.files.get(batch.files[0])
    found = [[code.text for code in verify.decode(pdf, pages=[page])] for page in (1, 2, 3)]
    # Cut the stack, lay the piles on one another in position order: nine pieces on three sheets, four places each.
    assert found == [[meant[place * 3 + sheet] for place in range(3)] for sheet in range(3)]


def test_labels_are_one_piece_a_page_in_picking_order(bench: Bench) -> None:
    batch = bench.printed(3, profile="label-300")

    tokens = {link.delivery_id: link.token for link in bench.rows(Link)}
    meant = [f"HTTPS://R.EXAMPLE.CN/Q/{tokens[piece.delivery_id]}" for piece in bench.pieces(batch)]
    assert [code.text for code in verify.decode(bench.files.get(batch.files[0]))] == meant


def test_control_buyers_get_no_paper(bench: Bench) -> None:
    batch = bench.printed(9, control=0.5)

    states = bench.states()
    assert 0 < states.count(DeliveryState.CONTROL) < 9
    assert batch.pieces == states.count(DeliveryState.WAITING)
    controls = {delivery.id for delivery in bench.rows(Delivery) if delivery.state is DeliveryState.CONTROL}
    assert not controls & {piece.delivery_id for piece in bench.rows(Piece)}


def test_an_unproved_flyer_prints_nothing(bench: Bench) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)

    with pytest.raises(Conflict, match="has no proof for this device"):
        bench.print(flyer, run)

    assert bench.rows(Batch) == []
    assert bench.rows(Piece) == []


def test_a_flyer_changed_after_its_proof_prints_nothing_until_it_says_the_same_again(bench: Bench) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    with transaction(bench.engine) as session:
        change_flyer(session, session.get_one(Flyer, flyer.id), {"headline": "慢慢喝"}, at=NOON, by="user:1")

    with pytest.raises(Conflict, match="has changed since its proof"):
        bench.print(flyer, run)
    assert bench.rows(Batch) == []

    with transaction(bench.engine) as session:
        change_flyer(session, session.get_one(Flyer, flyer.id), {}, at=NOON, by="user:1")
    assert bench.print(flyer, run).pieces == 2


def test_a_paused_campaign_prints_nothing(bench: Bench) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    with transaction(bench.engine) as session:
        pause(session, session.get_one(Campaign, run.campaign_id), at=NOON, actor="user:1")

    with pytest.raises(Conflict, match="is not running"):
        bench.print(flyer, run)
    assert bench.rows(Batch) == []


def test_a_flyer_of_another_campaign_is_refused(bench: Bench) -> None:
    bench.parcels(2)
    flyer = bench.flyer(bench.launched())
    bench.prove(flyer)
    other = bench.launched("winter")

    with pytest.raises(Invalid, match="another campaign"):
        bench.print(flyer, other)
    assert bench.rows(Batch) == []


def test_a_second_batch_is_for_the_rest_only(bench: Bench) -> None:
    batch = bench.printed(3)
    flyer_id, run_id = batch.flyer_id, batch.run_id

    nothing = "No insert of this run is waiting to be printed"
    with pytest.raises(Conflict, match=nothing), transaction(bench.engine) as session:
        order_batch(session, flyer_id, run_id, profile="office", at=NOON, by="user:1")

    with transaction(bench.engine) as session:
        close_batch(session, bench.packer, 1, unused=True, at=NOON)
        shipped = session.get_one(Parcel, bench.pieces(batch)[0].parcel_id)
        shipped.shipped_at = NOON
        session.add(shipped)
    with transaction(bench.engine) as session:
        again = order_batch(session, flyer_id, run_id, profile="office", at=NOON, by="user:1")
    assert [(piece.parcel_id, piece.copy_number, piece.code) for piece in bench.pieces(again)] == [
        (piece.parcel_id, 2, piece.code) for piece in bench.pieces(batch)[1:]
    ]


def test_a_wave_is_the_first_parcels_and_the_next_wave_the_rest(bench: Bench) -> None:
    waybills = bench.parcels(5)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    with transaction(bench.engine) as session:
        first = order_batch(session, flyer.id, run.id, profile="office", at=NOON, by="user:1", most=2)
        second = order_batch(session, flyer.id, run.id, profile="office", at=NOON, by="user:1")

    parcels = {parcel.id: parcel.waybill for parcel in bench.rows(Parcel)}
    waves = [[parcels[piece.parcel_id] for piece in bench.pieces(batch)] for batch in (first, second)]
    assert waves == [waybills[:2], waybills[2:]]
    assert [(batch.number, batch.pieces) for batch in (first, second)] == [(1, 2), (2, 3)]


def test_a_crash_between_reserving_and_rendering_is_made_good_by_the_sweep(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    with transaction(bench.engine) as session:
        batch = order_batch(session, flyer.id, run.id, profile="office", at=NOON, by="user:1")
    settings = get_settings().model_copy(update={"home": bench.files.folder.parent, "public_url": URL})
    monkeypatch.setattr(tasks, "get_settings", lambda: settings)
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(tasks, "send", lambda _session, *message: sent.append(message))

    with transaction(bench.engine) as session:
        tasks.render_waiting(session)
    assert sent == [(make_batch.RENDER, batch.id)]
    tasks.render_or_void(bench.engine, batch.id)
    tasks.render_or_void(bench.engine, batch.id)

    (after,) = bench.rows(Batch)
    assert (after.state, len(after.files), after.sheets) == (BatchState.RENDERED, 1, 1)
    assert {piece.state for piece in bench.rows(Piece)} == {PieceState.RENDERED}
    assert len(verify.decode(bench.files.get(after.files[0]))) == 2


def test_a_batch_that_cannot_be_printed_is_given_up_and_its_deliveries_wait_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    with transaction(bench.engine) as session:
        batch = order_batch(session, flyer.id, run.id, profile="office", at=NOON, by="user:1")
    empty = get_settings().model_copy(update={"home": bench.files.folder / "elsewhere", "public_url": URL})
    monkeypatch.setattr(tasks, "get_settings", lambda: empty)

    tasks.render_or_void(bench.engine, batch.id)

    assert [row.state for row in bench.rows(Batch)] == [BatchState.VOID]
    assert bench.print(flyer, run).pieces == 2


def test_rendering_twice_releases_the_same_paper_once(bench: Bench) -> None:
    batch = bench.printed(2)

    again = render_batch(bench.engine, batch.id, files=bench.files, public_url="https://elsewhere.example")

    assert again.files == batch.files


def test_a_spoiled_piece_is_printed_again_with_its_code_as_the_next_copy(bench: Bench) -> None:
    batch = bench.printed(3)
    spoiled = bench.pieces(batch)[1]

    piece, second = reprint(
        bench.engine, bench.packer, spaced(spoiled.code), files=bench.files, public_url=URL, at=NOON
    )

    assert (piece.code, piece.copy_number, piece.parcel_id, piece.state) == (
        spoiled.code,
        2,
        spoiled.parcel_id,
        PieceState.RENDERED,
    )
    assert (second.number, second.pieces, second.reprint_of) == (2, 1, spoiled.id)
    assert bench.pieces(batch)[1].state is PieceState.SPOILED
    old = [code.text for code in verify.decode(bench.files.get(batch.files[0]))]
    (new,) = verify.decode(bench.files.get(second.files[0]))
    assert new.text in old
    third, _batch = reprint(bench.engine, bench.packer, spoiled.code, files=bench.files, public_url=URL, at=NOON)
    assert third.copy_number == 3


def _use(bench: Bench, *codes: str) -> None:
    with transaction(bench.engine) as session:
        for code in codes:
            redeem(session, bench.shop, code, order_reference=f"A-{code}", amount=10_000, at=NOON)


def test_a_coupon_that_is_used_is_left_out_of_a_batch_with_its_reason(bench: Bench) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)
    first, second = (coupon.code for coupon in bench.rows(Coupon))
    _use(bench, first)
    batch = bench.print(flyer, run)
    assert [piece.code for piece in bench.pieces(batch)] == [second]
    assert [(row.state.value, row.reason) for row in bench.rows(Delivery)] == [
        ("skipped", "coupon_used"),
        ("waiting", ""),
    ]
    assert bench.rows(AuditEntry)[-1].after == {"pieces": 1, "coupon_used": 1}
    with transaction(bench.engine) as session:
        close_batch(session, bench.packer, 1, unused=True, at=NOON)
    _use(bench, second)
    with pytest.raises(Conflict, match=r"Nothing is left to print for this run: Coupon already redeemed \(1\)"):
        bench.print(flyer, run)


@pytest.mark.parametrize("result", [PrintResult.AGAIN, PrintResult.LATER])
def test_a_batch_with_a_coupon_that_is_used_is_not_printed_again_as_a_whole(bench: Bench, result: PrintResult) -> None:
    batch = bench.printed(2)
    _use(bench, bench.pieces(batch)[0].code)
    refused = pytest.raises(Conflict, match="1 of the 2 inserts of batch 1 show a redeemed or expired code")
    with refused, transaction(bench.engine) as session:
        mark_printed(session, bench.packer, 1, result, at=NOON)
    with transaction(bench.engine) as session:
        assert mark_printed(session, bench.packer, 1, PrintResult.GOOD, at=NOON).batch.state is BatchState.PRINTED


def test_a_coupon_that_is_used_or_over_is_not_printed_again(bench: Bench) -> None:
    batch = bench.printed(2)
    used, over = (piece.code for piece in bench.pieces(batch))
    _use(bench, used)
    with transaction(bench.engine) as session:
        claim_by_code(session, bench.shop, over, at=NOON - timedelta(days=15))  # its fourteen days are over
    for code, why in ((used, "has been redeemed"), (over, "has expired")):
        with pytest.raises(Conflict, match=f"{spaced(code)} {why}, so it is not reprinted"):
            reprint(bench.engine, bench.packer, code, files=bench.files, public_url=URL, at=NOON)
    assert len(bench.rows(Batch)) == 1
    assert {piece.state for piece in bench.pieces(batch)} == {PieceState.RENDERED}


def test_a_coupon_nobody_claimed_is_not_printed_again_once_its_offer_is_over(bench: Bench) -> None:
    code = bench.pieces(bench.printed(1))[0].code
    with transaction(bench.engine) as session:
        session.get_one(Offer, bench.offer.id).ends_at = NOON
    with pytest.raises(Conflict, match=f"{spaced(code)} has expired, so it is not reprinted"):
        reprint(bench.engine, bench.packer, code, files=bench.files, public_url=URL, at=NOON)


def test_a_reprint_shows_what_was_proved_though_the_flyer_says_something_else_now(bench: Bench) -> None:
    batch = bench.printed(2)
    spoiled = bench.pieces(batch)[0]
    with transaction(bench.engine) as session:
        change_flyer(session, session.get_one(Flyer, batch.flyer_id), {"amount": "¥9"}, at=NOON, by="user:1")

    _piece, second = reprint(bench.engine, bench.packer, spoiled.code, files=bench.files, public_url=URL, at=NOON)

    assert second.proof_id == batch.proof_id
    assert len(verify.decode(bench.files.get(second.files[0]))) == 1


def test_a_batch_closes_only_when_it_adds_up(bench: Bench) -> None:
    batch = bench.printed(3)
    first, second, _third = bench.pieces(batch)
    bench.scan("SF00000003", first.code)
    reprint(bench.engine, bench.packer, second.code, files=bench.files, public_url=URL, at=NOON)

    with transaction(bench.engine) as session:
        mark_printed(session, bench.packer, 1, PrintResult.GOOD, at=NOON)
    left = "1 of 3 inserts are neither packed, spoiled nor unused"
    with pytest.raises(Conflict, match=left), transaction(bench.engine) as session:
        close_batch(session, bench.packer, 1, at=NOON)
    assert bench.rows(Batch)[0].state is BatchState.PRINTED

    with transaction(bench.engine) as session:
        result = close_batch(session, bench.packer, 1, unused=True, at=NOON)
    assert dict(result.counts) == {PieceState.IN_PARCEL: 1, PieceState.SPOILED: 1, PieceState.UNUSED: 1}
    assert (result.total, result.open) == (3, 0)
    assert bench.rows(Batch)[0].state is BatchState.CLOSED


def test_a_batch_number_is_a_shops_own(bench: Bench) -> None:
    bench.printed(2)
    other = open_shop(bench.engine, bench.files, "silk", name="Silk", title="Scarf")

    assert other.printed(2).number == 1


def test_another_shops_batch_is_unknown(bench: Bench) -> None:
    bench.printed(2)
    other = open_shop(bench.engine, bench.files, "silk", name="Silk", title="Scarf")

    with pytest.raises(NotFound, match="No batch has the number 1"), transaction(bench.engine) as session:
        close_batch(session, other.packer, 1, unused=True, at=NOON)
    assert [batch.state for batch in bench.rows(Batch)] == [BatchState.RENDERED]


def test_two_who_make_the_batch_at_once_make_one(bench: Bench) -> None:
    bench.parcels(2)
    run = bench.launched()
    flyer = bench.flyer(run)
    bench.prove(flyer)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: _outcome(lambda: bench.print(flyer, run)), range(4)))

    assert sorted(made) == ["Batch", "Conflict", "Conflict", "Conflict"]
    assert [batch.number for batch in bench.rows(Batch)] == [1]
    assert len(bench.rows(Piece)) == 2


def _outcome(act: Callable[[], object]) -> str:
    try:
        return type(act()).__name__
    except Conflict:
        return "Conflict"
