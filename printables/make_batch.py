"""Making a batch: pieces are reserved as rows, rendered outside any transaction, decoded, and only then released.

A crash between the steps leaves reserved rows; rendering again picks them up and comes to the same paper.
"""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason, step_name
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link, check_paper_url, paper_address
from campaigns.sending.parcel_check import skip_refused_parcels
from printables import proofs
from printables.batches import LIVE, Batch, BatchState, Piece, PieceLink, PieceState
from printables.drawing import sheets, stamp, verify
from printables.drawing.profiles import PROFILES
from printables.drawing.render import StaticLayer
from printables.flyers import Copy, Flyer, copy_of
from retention import audit, watchdog
from retention.buyers import Buyer
from retention.database import changed, choice, reading, transaction
from retention.errors import Conflict, Invalid
from retention.files import FileStore
from retention.parcels import Parcel
from retention.privacy.retention_periods import forget_files
from retention.queue import send
from retention.shops import Shop
from retention.tokens import spaced

RENDER = "printables.render"
"""The task that renders a reserved batch."""


def make_batch(
    engine: Engine,
    flyer_id: int,
    run_id: int,
    *,
    profile: str,
    files: FileStore,
    public_url: str,
    at: datetime,
    by: str,
    most: int | None = None,
    demo: bool = False,
) -> Batch:
    """Reserve, render and release a batch for the deliveries of a run that wait for paper, in picking order.

    With `most` it is for the first so many of them: one wave. Refusals as in `order_batch`.
    """
    check_paper_url(public_url, demo=demo)
    with transaction(engine) as session:
        batch = _reserve_proved(session, flyer_id, run_id, profile=profile, at=at, by=by, most=most)
    return render_batch(engine, batch.id, files=files, public_url=public_url, demo=demo)


def order_batch(
    session: Session, flyer_id: int, run_id: int, *, profile: str, at: datetime, by: str, most: int | None = None
) -> Batch:
    """Reserve the same batch and let a worker render it, so that a page need not wait.

    Conflict when the flyer's proof does not count, the campaign is not running, or nothing waits for paper; Invalid for
    a flyer of another campaign.
    """
    batch = _reserve_proved(session, flyer_id, run_id, profile=profile, at=at, by=by, most=most)
    send(session, RENDER, batch.id)
    return batch


def _reserve_proved(
    session: Session, flyer_id: int, run_id: int, *, profile: str, at: datetime, by: str, most: int | None
) -> Batch:
    flyer, run = session.get_one(Flyer, flyer_id), session.get_one(Run, run_id)
    if (flyer.shop_id, flyer.campaign_id) != (run.shop_id, run.campaign_id):
        raise Invalid("The flyer {flyer} belongs to another campaign.", flyer=flyer.name)
    copy = copy_of(session, session.get_one(Shop, flyer.shop_id), flyer)
    proof = proofs.current_proof(session, flyer, copy, profile=profile)
    return reserve_batch(session, flyer, run, proof, at=at, by=by, most=most)


def reserve_batch(
    session: Session,
    flyer: Flyer,
    run: Run,
    proof: proofs.Proof,
    *,
    at: datetime,
    by: str,
    partners: Sequence[int] = (),
    most: int | None = None,
) -> Batch:
    """Write the batch, its pieces in picking order and their links.

    `partners` are the other shops whose links the pieces carry too. Conflict when the campaign is not running or no
    delivery waits for paper: each has a piece that is not spoiled, unused or void.
    """
    campaign = session.get_one(Campaign, run.campaign_id)
    if campaign.state is not CampaignState.RUNNING:
        raise Conflict("The campaign {campaign} is not running, so nothing is printed for it.", campaign=campaign.name)
    take_turns(session, run.shop_id)
    batch = Batch(
        shop_id=run.shop_id,
        number=next_number(session, run.shop_id),
        flyer_id=flyer.id,
        run_id=run.id,
        proof_id=proof.id,
        profile=proof.profile,
        made_by=by,
        made_at=at,
    )
    session.add(batch)
    session.flush()
    left_out = skip_refused_parcels(session, run.shop_id, session.scalars(waiting_for_paper(run)).all(), at=at)
    _reserve_pieces(session, batch, run, most)
    _reserve_links(session, batch, [batch.shop_id, *partners])
    batch.pieces = session.exec(select(func.count()).where(Piece.batch_id == batch.id)).one()
    if not batch.pieces:
        raise _nothing_to_print(left_out)
    audit.record(
        session,
        batch.shop_id,
        by,
        action="batch.make",
        subject=f"batch:{batch.number}",
        after={"pieces": batch.pieces} | {reason.value: count for reason, count in left_out.items()},
        at=at,
    )
    return batch


def _nothing_to_print(left_out: Counter[Reason]) -> Conflict:
    """Say why a batch would be empty; the reasons of those left out are the run's own words."""
    if not left_out.total():
        return Conflict("No insert of this run is waiting to be printed.")
    why = [f"{step_name(reason)} ({count})" for reason, count in left_out.items()]
    return Conflict("Nothing is left to print for this run: {why}.", why=why)


def render_batch(engine: Engine, batch_id: int, *, files: FileStore, public_url: str, demo: bool = False) -> Batch:
    """Print the reserved pieces of a batch to PDF as proved, decode them, store the files and release the batch.

    So are the files of a batch that an erasure took before they were printed. Does nothing for any other, so it may run
    twice, also at once. Conflict for a public address that no phone reaches.
    """
    for _time in range(_MOST_DRAWS):
        with reading(engine) as session:
            batch = session.get_one(Batch, batch_id)
            if not batch.is_to_be_drawn:
                break
            copy = session.get_one(proofs.Proof, batch.proof_id).copy_shown
            inserts = _inserts(session, batch)
        check_paper_url(public_url, demo=demo)
        layer = proofs.layer_of(copy, batch.profile, files, demo=demo)
        pieces = [insert.stamped(layer, copy, public_url) for insert in inserts]
        printed = _print(layer, pieces, batch.profile)
        for file in printed:
            _decode(file)
        names = [files.put(file.content) for file in printed]
        with transaction(engine) as session:
            batch = _release(session, batch_id, inserts, names, sum(len(file.pages) for file in printed))
        forget_files(files, set(names) - set(batch.files))
        if not batch.is_to_be_drawn:
            break
    return batch


_MOST_DRAWS = 5
"""How often a batch is drawn at once whose buyers are erased meanwhile; a worker goes on later."""


def void_batch(session: Session, batch_id: int, *, at: datetime, by: str, why: str) -> None:
    """Give up a batch that was never rendered: its deliveries wait for paper again. Nothing for any other."""
    batch = session.get_one(Batch, batch_id)
    give_up = sa.update(Batch).where(col(Batch.id) == batch_id, col(Batch.state) == BatchState.RESERVED)
    if changed(session, give_up.values(state=BatchState.VOID, closed_at=at)):
        pieces = sa.update(Piece).where(col(Piece.shop_id) == batch.shop_id, col(Piece.batch_id) == batch_id)
        session.execute(pieces.values(state=PieceState.VOID))
        subject = f"batch:{batch.number}"
        audit.record(session, batch.shop_id, by, action="batch.void", subject=subject, after={"why": why}, at=at)


def take_turns(session: Session, shop_id: int) -> None:
    """Let two who print for one shop at once take turns: no delivery gets two pieces, no number is used twice.

    The lock leaves alone whoever only refers to the shop (FOR NO KEY UPDATE); SQLite has one writer anyway.
    """
    session.exec(select(Shop.id).where(Shop.id == shop_id).with_for_update(key_share=True)).one()


def next_number(session: Session, shop_id: int) -> int:
    """Return the next batch number of a shop; ask for it after `take_turns`."""
    return (session.exec(select(func.max(Batch.number)).where(Batch.shop_id == shop_id)).one() or 0) + 1


@dataclass(frozen=True)
class PieceContent:
    """What one piece needs to be printed: whose it is, where it goes, and the code and token of each of its slots."""

    name: str
    waybill: str
    copy_number: int
    codes: tuple[tuple[str, str, str], ...]  # slot, token, typed code

    def stamped(self, layer: StaticLayer, copy: Copy, public_url: str) -> stamp.PrintRecord:
        """Return the values of its slots. A slot of one's own is called ""; those of a joint flyer are 1 and 2."""
        tail = f"…{self.waybill[-4:]} · {self.copy_number}" if self.waybill else str(self.copy_number)
        values = {"piece": tail, "greeting": proofs.greeting(layer, self.name, copy.language)}
        for slot, token, code in self.codes:
            ending = f"_{slot}" if slot else ""
            values[f"qr{ending}"] = paper_address(public_url, token)
            values[f"code{ending}"] = spaced(code)
        return stamp.PrintRecord(values)


@dataclass(frozen=True)
class PrintFile:
    """One PDF of a batch, and which pieces lie on each of its pages."""

    content: bytes
    pages: list[list[stamp.PrintRecord]]


def waiting_for_paper(run: Run) -> sa.Select[Any]:
    """Return a SELECT of the deliveries of a run that need a piece, joined to their parcels, which are still here."""
    has_piece = select(Piece.id).where(
        Piece.shop_id == run.shop_id, Piece.delivery_id == Delivery.id, col(Piece.state).in_(LIVE)
    )
    return (
        sa.select(col(Delivery.id))
        .join(Parcel, col(Parcel.id) == Delivery.parcel_id)
        .where(
            col(Delivery.shop_id) == run.shop_id,
            col(Delivery.run_id) == run.id,
            col(Delivery.state) == DeliveryState.WAITING,
            col(Parcel.shipped_at).is_(None),
            ~has_piece.exists(),
        )
    )


def _reserve_pieces(session: Session, batch: Batch, run: Run, most: int | None) -> None:
    """One INSERT ... SELECT: the first `most` deliveries that wait for paper, numbered in picking order."""
    picking_order = (col(Parcel.pick_position), col(Parcel.waybill))
    earlier = aliased(Piece)
    copy_number = (
        select(func.coalesce(func.max(earlier.copy_number), 0) + 1)
        .where(earlier.shop_id == run.shop_id, earlier.delivery_id == Delivery.id)
        .scalar_subquery()
    )
    values: dict[str, Any] = {
        "shop_id": sa.literal(run.shop_id),
        "batch_id": sa.literal(batch.id),
        "number": func.row_number().over(order_by=picking_order),
        "copy_number": copy_number,
        "delivery_id": col(Delivery.id),
        "parcel_id": col(Delivery.parcel_id),
        "code": func.coalesce(Coupon.code, Link.token),
        "state": sa.literal(PieceState.RESERVED, choice(PieceState)),
        "packed_by": sa.literal(""),
    }
    own_link = sa.and_(
        col(Link.shop_id) == Delivery.shop_id, col(Link.delivery_id) == Delivery.id, col(Link.medium) == Medium.PARCEL
    )
    waiting = (
        waiting_for_paper(run)
        .join(Link, own_link)
        .outerjoin(Coupon, col(Coupon.id) == Delivery.coupon_id)
        .with_only_columns(*values.values())
        .order_by(*picking_order)
        .limit(most)
    )
    session.execute(sa.insert(Piece).from_select(list(values), waiting, include_defaults=False))


def _reserve_links(session: Session, batch: Batch, owners: Sequence[int]) -> None:
    """One INSERT ... SELECT: each piece takes the links of its delivery, one per slot."""
    links = (
        sa.select(sa.literal(batch.shop_id), col(Piece.id), col(Link.id), col(Link.slot))
        .join(Link, sa.and_(col(Link.shop_id).in_(owners), col(Link.delivery_id) == col(Piece.delivery_id)))
        .where(col(Piece.shop_id) == batch.shop_id, col(Piece.batch_id) == batch.id)
    )
    session.execute(sa.insert(PieceLink).from_select(["shop_id", "piece_id", "link_id", "slot"], links))


def _inserts(session: Session, batch: Batch) -> list[PieceContent]:
    """Return the pieces of a batch by number, each with its slots, in one statement."""
    rows = session.execute(
        sa.select(
            col(Piece.number),
            col(Buyer.name),
            col(Parcel.waybill),
            col(Piece.copy_number),
            col(PieceLink.slot),
            col(Link.token),
            func.coalesce(Coupon.code, Link.token),
        )
        .join(PieceLink, sa.and_(col(PieceLink.shop_id) == Piece.shop_id, col(PieceLink.piece_id) == Piece.id))
        .join(Link, col(Link.id) == PieceLink.link_id)
        .outerjoin(Coupon, col(Coupon.id) == Link.coupon_id)
        .outerjoin(Delivery, col(Delivery.id) == Piece.delivery_id)
        .outerjoin(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .outerjoin(Parcel, col(Parcel.id) == Piece.parcel_id)
        .where(
            col(Piece.shop_id) == batch.shop_id,
            col(Piece.batch_id) == batch.id,
            col(Piece.state).not_in((PieceState.SPOILED, PieceState.VOID)),
        )
        .order_by(col(Piece.number), col(PieceLink.slot))
    ).all()
    inserts = []
    for _number, group in groupby(rows, key=lambda row: row[0]):
        slots = list(group)
        _n, name, waybill, copy_number, *_rest = slots[0]
        inserts.append(PieceContent(name or "", waybill or "", copy_number, tuple((r[4], r[5], r[6]) for r in slots)))
    return inserts


def _print(layer: StaticLayer, pieces: list[stamp.PrintRecord], profile: str) -> list[PrintFile]:
    """Return A4 sheets for an office printer, else files of one piece a page."""
    device = PROFILES[profile]
    if profile == "office":
        out = io.BytesIO()
        sheets.impose(layer, _moving(pieces), out, profile=device)
        places = sheets.imposition(len(pieces), sheets.sheet_for(layer.width, layer.height).up)
        return [PrintFile(out.getvalue(), [[pieces[k] for k in page if k is not None] for page in places])]
    files = stamp.make(layer, _moving(pieces), profile=device)
    chunks = stamp.batched(pieces, stamp.CHUNK)
    return [PrintFile(file, [[piece] for piece in some]) for file, some in zip(files, chunks, strict=True)]


def _moving(pieces: Sequence[stamp.PrintRecord]) -> Iterator[stamp.PrintRecord]:
    """Yield the pieces, and say with each that the drawing goes on."""
    for piece in pieces:
        watchdog.move()
        yield piece


def _decode(printed: PrintFile) -> None:
    """Refuse a file of whose sampled pages one shows other codes than were asked for.

    Every symbol was decoded when it was made; this looks at the finished pages, the first, the last and every 50th.
    """
    sampled = verify.sample(printed.content)
    meant = [text for page in sampled for piece in printed.pages[page - 1] for text in _addresses(piece)]
    found = [code.text for code in verify.decode(printed.content, pages=sampled)]
    if sorted(found) != sorted(meant):
        raise Conflict(
            "A printed code could not be verified, so the batch is not released. Make a new proof of the flyer."
        )


def _addresses(piece: stamp.PrintRecord) -> list[str]:
    return [text for slot, text in piece.values.items() if slot.startswith("qr")]


def _release(session: Session, batch_id: int, inserts: list[PieceContent], names: list[str], sheet_count: int) -> Batch:
    """Let the batch out once, if it still says what was drawn: whoever comes second changes nothing."""
    batch = session.exec(select(Batch).where(Batch.id == batch_id).with_for_update()).one()
    if batch.is_to_be_drawn and _inserts(session, batch) == inserts:
        batch.state, batch.files, batch.sheets = BatchState.RENDERED, names, sheet_count
        session.add(batch)
        session.execute(
            sa.update(Piece)
            .where(col(Piece.batch_id) == batch_id, col(Piece.state) == PieceState.RESERVED)
            .values(state=PieceState.RENDERED)
        )
    return batch
