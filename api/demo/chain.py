"""The chain of the demonstration, from order file to lift, step by step."""

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, func, select

from api.demo import packing, reach, shops
from api.demo.aftermath import IN_THE_POST_HOURS, Crowd
from api.demo.post_office import PostOffice
from api.demo.reach import Sent
from api.demo.shops import Cast
from api.demo.stage import Stage
from api.demo.summary import Flyers, Joint, LiftFigures, MessageFigures
from campaigns.deliveries import ledger
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Scan
from campaigns.results import results
from printables.batches import Batch, Piece, PieceState
from printables.joint.matrix import scan_matrix
from printables.joint.partners import JointFlyer
from retention.database import reading
from retention.errors import Conflict
from retention.metrics import repeat_report

JointRuns = list[tuple[Cast, Sent, Batch]]


def play(stage: Stage, office: PostOffice, *, orders: Path | None, preset: str, buyers: int | None) -> dict[str, Any]:
    """Run every step and return the figures of the summary."""
    stage.at(9)
    own, partner = shops.open_shops(stage, orders, preset, buyers)
    segments = shops.save_segments(stage, own.shop)
    push = reach.push_coupons(stage, own, office)
    flyers, batches = reach.print_flyers(stage, own)
    joint, joint_runs = reach.share_a_flyer(stage, own, partner)
    for hour, cast in ((14, own), (15, partner)):
        packing.pack(stage, cast, hour=hour)
    alert = reach.announce_arrival(stage, own)
    crowd = _let_live(stage, own, partner, push, alert, flyers, joint_runs)
    for cast in (own, partner):
        crowd.come_back(cast)
        crowd.leave_parcels(cast)
    with reading(stage.engine) as session:
        figures = _figures(stage, session, own, push, alert, flyers, batches, joint, joint_runs)
    _count_the_mail(figures, office)
    return figures | {"segments": segments, "files": _files(stage)}


def _let_live(
    stage: Stage, own: Cast, partner: Cast, push: Sent, alert: Sent, flyers: Sent, joint_runs: JointRuns
) -> Crowd:
    crowd = Crowd(stage)
    crowd.live(own, push, "push")
    crowd.live(own, alert, "alert")
    crowd.live(own, flyers, "flyer", delay_hours=IN_THE_POST_HOURS)
    for cast, sent, _batch in joint_runs:
        crowd.live(cast, sent, "joint", delay_hours=IN_THE_POST_HOURS)
        crowd.meet(partner if cast is own else own, cast, sent)
    crowd.replay()
    return crowd


def _figures(
    stage: Stage,
    session: Session,
    own: Cast,
    push: Sent,
    alert: Sent,
    flyers: Sent,
    batches: list[Batch],
    joint: JointFlyer,
    joint_runs: JointRuns,
) -> dict[str, Any]:
    report = repeat_report(session, own.shop, as_of=stage.moment(9))
    return {
        "shop": own.shop.name,
        "seed": stage.seed,
        "day": stage.day.isoformat(),
        "buyers": report.buyers,
        "orders": report.orders,
        "repeat_rate": report.repeat_rate,
        "push": _message(session, push),
        "alert": _message(session, alert),
        "flyers": _flyers(session, own, flyers, batches),
        "joint": _joint(session, joint, joint_runs),
        "scans": session.exec(
            select(func.count()).where(
                col(Scan.bot).is_(False), col(Scan.preview).is_(False), col(Scan.repeat).is_(False)
            )
        ).one(),
        "claims": session.exec(select(func.count()).where(col(Coupon.claimed_at).is_not(None))).one(),
        "redemptions": session.exec(select(func.count()).where(col(Coupon.redeemed_at).is_not(None))).one(),
        "lift": _lift(session, own, push, stage.morning),
    }


def _message(session: Session, sent: Sent) -> MessageFigures:
    counted = ledger.count(session, sent.run)
    return MessageFigures(
        audience=counted.audience,
        sent=counted.sent,
        skipped=counted.skipped,
        control=counted.control,
        failed=counted.failed,
        unknown=counted.unknown,
    )


def _flyers(session: Session, own: Cast, flyers: Sent, batches: list[Batch]) -> Flyers:
    counted = ledger.count(session, flyers.run)
    inside = select(func.count()).where(
        Piece.shop_id == own.shop.id,
        Piece.state == PieceState.IN_PARCEL,
        Piece.batch_id == Batch.id,
        Batch.run_id == flyers.run.id,
    )
    return Flyers(
        pieces=sum(batch.pieces for batch in batches),
        in_parcels=session.exec(inside).one(),
        control=counted.control,
    )


def _joint(session: Session, joint: JointFlyer, joint_runs: JointRuns) -> Joint:
    slugs = {cast.shop.id: cast.shop.slug for cast, _sent, _batch in joint_runs}
    return Joint(
        shops=list(slugs.values()),
        pieces=sum(batch.pieces for _cast, _sent, batch in joint_runs),
        scans={f"{slugs[cell.host]} -> {slugs[cell.owner]}": cell.scans or 0 for cell in scan_matrix(session, joint)},
    )


def _lift(session: Session, own: Cast, push: Sent, end: datetime) -> LiftFigures:
    measured = results.campaign_results(session, own.shop, push.campaign, at=end).lift
    if measured is None:
        raise Conflict("The push was never launched, so there is nothing to measure.")
    return LiftFigures(
        treated=measured.treated.rate.buyers,
        control=measured.control.rate.buyers,
        difference=measured.difference,
        interval=(measured.interval.low, measured.interval.high) if measured.interval else None,
    )


def _count_the_mail(figures: dict[str, Any], office: PostOffice) -> None:
    """Hold the ledger against the other side: every mail it calls sent arrived, and none besides."""
    in_ledger = figures["push"].sent + figures["alert"].sent
    if in_ledger != len(office.arrived):
        raise Conflict(
            "The ledger counts {counted} emails, but {arrived} arrived.", counted=in_ledger, arrived=len(office.arrived)
        )


def _files(stage: Stage) -> list[str]:
    mails = sorted(path.relative_to(stage.out).as_posix() for path in (stage.out / "mails").glob("*.eml"))
    papers = ["flyers-a4.pdf", "flyers-label.pdf", "joint-flyer.pdf"]
    written = ["summary.json", "orders.csv", *papers, *mails]
    return [name for name in written if name == "summary.json" or (stage.out / name).exists()]
