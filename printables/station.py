"""The packing station: each scan, of a waybill or an insert, and its response for the parcel that is open.

A scanner types waybills and codes alike. What was typed is a waybill when a parcel has it, else an insert's code.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from printables.batches import PackingOutcome
from printables.inserts import parcel_for
from printables.packing import OpenParcel, ScanResult, leave_out, open_parcel, scan, ship_parcel, undo
from printables.piece_ledger import order_reprint
from retention.access import Member
from retention.errors import Conflict, NotFound


class Sign(StrEnum):
    """What the station says."""

    READY = "ready"
    OPENED = "opened"
    NOTHING = "nothing"  # nothing goes into this parcel: control group, or no campaign
    LEFT = "left"  # the parcel was shipped before
    PACKED = "packed"
    COMPLETE = "complete"
    WRONG_PARCEL = "wrong_parcel"
    ALREADY_PACKED = "already_packed"
    NOT_PRINTED = "not_printed"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    UNFINISHED = "unfinished"  # another waybill was scanned while something is missing
    SHIPPED = "shipped"
    UNDONE = "undone"
    LEFT_OUT = "left_out"
    REPRINTED = "reprinted"


_SIGNS = {
    PackingOutcome.WRONG_PARCEL: Sign.WRONG_PARCEL,
    PackingOutcome.ALREADY_PACKED: Sign.ALREADY_PACKED,
    PackingOutcome.NOT_PRINTED: Sign.NOT_PRINTED,
    PackingOutcome.STOPPED: Sign.STOPPED,
    PackingOutcome.UNKNOWN_CODE: Sign.UNKNOWN,
}


_FOR_A_PERSON = frozenset({Sign.LEFT, Sign.WRONG_PARCEL, Sign.NOT_PRINTED, Sign.STOPPED, Sign.UNKNOWN, Sign.UNFINISHED})


@dataclass(frozen=True)
class StationReply:
    """An answer: the sign, the waybill that is open now (empty for none), and what the words need.

    `tail` is the end of the waybill a piece belongs to, or that was closed; `missing` how many inserts are not in yet;
    `copy_number` above 1 that this code was printed again; `batch` the number of a reprint.
    """

    sign: Sign
    waybill: str = ""
    code: str = ""
    tail: str = ""
    missing: int = 0
    copy_number: int = 1
    batch: int = 0

    @property
    def needs_person(self) -> bool:
        """Whether somebody must look before what was scanned meanwhile is answered too: it may be about another parcel.

        So with paper that was printed again: the number in its small print is to be compared.
        """
        is_in = self.sign in (Sign.PACKED, Sign.COMPLETE)
        return self.sign in _FOR_A_PERSON or (is_in and self.copy_number > 1)


def hear(session: Session, member: Member, text: str, *, over: str, at: datetime) -> StationReply:
    """Answer what was typed while the parcel with the waybill `over` is open; empty text closes that parcel.

    A parcel is never closed while an insert is missing. NotFound for what is no waybill while none is open.
    """
    if not text.strip():
        return _close(session, member, over, at=at) if over else StationReply(Sign.READY)
    waybill = _waybill(session, member, text)
    if waybill is None and over:
        return _piece(session, member, text, over=over, at=at)
    if waybill is None:
        raise NotFound("No parcel has the waybill {waybill}.", waybill=text.strip()[:64])
    if over and waybill != over and (closed := _close(session, member, over, at=at)).sign is Sign.UNFINISHED:
        return closed
    return _opened(open_parcel(session, member, waybill))


def take_back(session: Session, member: Member, *, over: str, at: datetime) -> StationReply:
    """Take the insert packed last out of the open parcel again."""
    return StationReply(Sign.UNDONE, undo(session, member, _over(over), at=at).waybill)


def go_without(session: Session, member: Member, *, over: str, at: datetime) -> StationReply:
    """Leave out what is missing, and close the parcel."""
    leave_out(session, member, _over(over), at=at)
    parcel = ship_parcel(session, member, over, at=at)
    return StationReply(Sign.LEFT_OUT, tail=parcel.waybill[-4:])


def spoil(session: Session, member: Member, text: str, *, over: str, at: datetime) -> StationReply:
    """Count the insert with this code as spoiled and order its new copy."""
    piece, batch = order_reprint(session, member, text, at=at)
    return StationReply(Sign.REPRINTED, over, code=piece.code, copy_number=piece.copy_number, batch=batch.number)


def missing_in(parcel: OpenParcel) -> int:
    """Return how many inserts belong into a parcel and are not in yet."""
    return sum(not insert.packed for insert in parcel.inserts)


def _over(waybill: str) -> str:
    if not waybill:
        raise Conflict("No parcel is open. Scan a waybill first.")
    return waybill


def _waybill(session: Session, member: Member, text: str) -> str | None:
    try:
        return parcel_for(session, member, text).waybill
    except NotFound:
        return None


def _opened(parcel: OpenParcel) -> StationReply:
    if parcel.shipped:
        return StationReply(Sign.LEFT, parcel.waybill)
    missing = missing_in(parcel)
    sign = Sign.OPENED if missing else Sign.COMPLETE if parcel.inserts else Sign.NOTHING
    return StationReply(sign, parcel.waybill, missing=missing)


def _close(session: Session, member: Member, over: str, *, at: datetime) -> StationReply:
    parcel = open_parcel(session, member, over)
    if missing := missing_in(parcel):
        return StationReply(Sign.UNFINISHED, parcel.waybill, missing=missing)
    ship_parcel(session, member, over, at=at)
    return StationReply(Sign.SHIPPED, tail=parcel.waybill[-4:])


def _piece(session: Session, member: Member, text: str, *, over: str, at: datetime) -> StationReply:
    result = scan(session, member, over, text, at=at)
    missing = missing_in(result.parcel)
    return StationReply(
        _sign(result, missing),
        result.parcel.waybill,
        code=result.code[:64],
        tail=result.belongs_to,
        missing=missing,
        copy_number=result.copy_number,
    )


def _sign(result: ScanResult, missing: int) -> Sign:
    if result.outcome is PackingOutcome.PACKED:
        return Sign.PACKED if missing else Sign.COMPLETE
    return _SIGNS[result.outcome]
