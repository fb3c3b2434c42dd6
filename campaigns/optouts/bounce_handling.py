"""Bounce handling: the changes that a report causes.

The delivery it is about is found by the Message-ID, which only we and the receiving side know; a report about no
delivery of ours is kept and changes nothing.

Hard: the address is sent nothing any more. Soft: counted, and the last of several within a month makes it hard.
Complaint: the buyer's no to mail, with the report as evidence. All at once, for what waits too.
"""

import hashlib
import mailbox
import re
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.stopping import skip_addresses
from campaigns.offers.links import Link
from campaigns.optouts.bounces import Bounce, BounceKind
from campaigns.optouts.mail_reports import Report, ReportKind, read_reports
from campaigns.optouts.opt_in_out import Evidence, Subject, opt_out
from retention import audit
from retention.addresses import email_key
from retention.buyers import Buyer
from retention.column_limits import fitting
from retention.consent import Channel
from retention.database import changed, insert
from retention.errors import NotFound
from retention.files import FileStore
from retention.shops import Shop
from retention.suppressions import keys_of

MOST_SOFT = 5
SOFT_DAYS = 30
"""The fifth soft bounce of an address within thirty days makes it hard."""

_OURS = re.compile(r"<(\d{1,18})\.([0-9a-f]{16})@[^<>\s]+>")
_KINDS = {
    ReportKind.HARD: BounceKind.HARD,
    ReportKind.SOFT: BounceKind.SOFT,
    ReportKind.COMPLAINT: BounceKind.COMPLAINT,
}


def take_report(
    session: Session, files: FileStore, raw: bytes, *, at: datetime, shop_id: int | None = None
) -> list[BounceKind]:
    """Take in one report and return what it said, per recipient; empty where it only says that all went well.

    With `shop_id`, deliveries of other shops are unknown, and what cannot be made out is kept in that shop's rows.
    Without it the shop is the delivery's. The same report again changes nothing and says the same.
    """
    reports = read_reports(raw)
    if not reports:
        return [_keep(session, files, raw, shop_id, BounceKind.UNREADABLE, at=at)]
    return [
        _take(session, files, raw, report, at=at, shop_id=shop_id)
        for report in reports
        if report.kind is not ReportKind.OTHER
    ]


def read_mailbox(session: Session, files: FileStore, path: Path, *, at: datetime) -> tuple[dict[str, int], Path | None]:
    """Take in every report of an mbox file or a Maildir folder; the mailbox is not changed.

    Returns how many reports said what, and the file beside the mailbox with those that fit no delivery, if there are
    any. NotFound when there is no mailbox.
    """
    if not path.exists():
        raise NotFound("There is no mailbox {path}.", path=str(path))
    rejects = path.with_name(f"{path.name}.rejected.mbox")
    rejects.unlink(missing_ok=True)
    counts: Counter[str] = Counter()
    box = mailbox.Maildir(path, create=False) if path.is_dir() else mailbox.mbox(path, create=False)
    aside = mailbox.mbox(rejects)
    with closing(box), closing(aside):
        for key in box.iterkeys():
            raw = box.get_bytes(key)
            found_kinds = take_report(session, files, raw, at=at)
            counts.update(kind.value for kind in found_kinds)
            if set(found_kinds) & {BounceKind.UNMATCHED, BounceKind.UNREADABLE}:
                aside.add(raw)
        fits = not len(aside)
    if fits:
        rejects.unlink(missing_ok=True)
    return dict(counts), None if fits else rejects


def lift_bounce(session: Session, shop: Shop, address: str, *, at: datetime, actor: str) -> int:
    """Allow an address again, because a person says so; return how many hard bounces that lifts. NotFound for none."""
    keys = _spellings(session, shop, address)
    of = (col(Bounce.shop_id) == shop.id, col(Bounce.address).in_(keys))
    # The soft ones go too: otherwise the next one would be the fifth again.
    counted = col(Bounce.kind).in_((BounceKind.HARD, BounceKind.SOFT))
    lifted = changed(session, sa.update(Bounce).where(*of, counted).values(kind=BounceKind.LIFTED))
    if not lifted:
        raise NotFound("{address} has no bounces.", address=address)
    for key in sorted(keys):
        audit.record(session, shop.id, actor, action="bounce.lift", subject=audit.of_address(key), at=at)
    return lifted


def _take(
    session: Session, files: FileStore, raw: bytes, report: Report, *, at: datetime, shop_id: int | None
) -> BounceKind:
    delivery = _find_delivery(session, report.message_id, shop_id)
    kind = _KINDS[report.kind]
    if delivery is None:
        detail = f"{kind.value}; {report.recipient}; {report.detail}"
        return _keep(session, files, raw, shop_id, BounceKind.UNMATCHED, at=at, detail=detail)
    buyer = session.get_one(Buyer, delivery.buyer_id)
    address = email_key(delivery.address or buyer.email)
    at = max(min(at, report.at), delivery.sent_at or report.at) if report.at else at  # no report is older than its mail
    detail = report.detail
    if kind is BounceKind.SOFT and _soft_before(session, delivery.shop_id, address, at=at) + 1 >= MOST_SOFT:
        kind, detail = BounceKind.HARD, f"{MOST_SOFT} soft bounces within {SOFT_DAYS} days; {detail}"
    row = Bounce(
        shop_id=delivery.shop_id,
        channel=Channel.EMAIL,
        kind=kind,
        address=address,
        buyer_id=buyer.id,
        delivery_id=delivery.id,
        detail=fitting(detail, 500),
        report=files.put(raw),
        at=at,
    )
    if _add(session, row):
        _apply(session, row, buyer.id)
    return kind


def _apply(session: Session, row: Bounce, buyer_id: int) -> None:
    """Skip what waits for the address, or record the no."""
    if row.kind is BounceKind.COMPLAINT:
        evidence = Evidence(row.at, "complaint", wording=row.detail, address=row.address, reached=row.address)
        opt_out(session, Subject(row.shop_id, buyer_id, Channel.EMAIL), evidence)
    if row.kind is BounceKind.HARD:
        skip_addresses(session, row.shop_id, channel=Channel.EMAIL, keys={row.address}, reason=Reason.BOUNCED)


def _keep(
    session: Session,
    files: FileStore,
    raw: bytes,
    shop_id: int | None,
    kind: BounceKind,
    *,
    at: datetime,
    detail: str = "",
) -> BounceKind:
    """Keep a report that changes nothing, where it is known whose it is."""
    if shop_id is not None:
        report = files.put(raw)
        row = Bounce(
            shop_id=shop_id, channel=Channel.EMAIL, kind=kind, detail=fitting(detail, 500), report=report, at=at
        )
        _add(session, row)
    return kind


def _add(session: Session, row: Bounce) -> bool:
    """Add a report's row; False when it is there already."""
    values = row.model_dump(exclude={"id"})
    added = insert(session, Bounce).values(**values).on_conflict_do_nothing().returning(col(Bounce.id))
    return session.execute(added).first() is not None


def _find_delivery(session: Session, message_id: str, shop_id: int | None) -> Delivery | None:
    """Return the delivery a Message-ID names, when its mark proves that we made it."""
    if not (ours := _OURS.fullmatch(message_id)):
        return None
    delivery = session.get(Delivery, int(ours[1]))
    if delivery is None or (shop_id is not None and delivery.shop_id != shop_id):
        return None
    tokens = session.exec(select(Link.token).where(Link.shop_id == delivery.shop_id, Link.delivery_id == delivery.id))
    return delivery if any(_mark(token) == ours[2] for token in tokens) else None


def _mark(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def _soft_before(session: Session, shop_id: int, address: str, *, at: datetime) -> int:
    soft = select(func.count()).where(
        Bounce.shop_id == shop_id,
        Bounce.channel == Channel.EMAIL,
        Bounce.address == address,
        Bounce.kind == BounceKind.SOFT,
        Bounce.at > at - timedelta(days=SOFT_DAYS),
        Bounce.at <= at,
    )
    return session.exec(soft).one()


def _spellings(session: Session, shop: Shop, address: str) -> set[str]:
    """Return how an address is kept, as mail and as a telephone number."""
    channels = (Channel.EMAIL, Channel.SMS)
    return {key for channel in channels for key in keys_of(session, shop.id, channel, [address])}
