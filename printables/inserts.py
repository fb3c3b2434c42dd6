"""What goes into waybill W? The question the shop's other systems ask."""

from sqlmodel import Session

from printables.packing import Insert, inserts_in, parcel_for
from retention.access import Member, Scope


def inserts_for(session: Session, member: Member, waybill: str) -> tuple[Insert, ...]:
    """Return the inserts of a parcel, empty for one that gets none, whatever the reason.

    NotFound for an unknown waybill and for another shop's alike.
    """
    member.require(Scope.INSERTS_READ)
    return inserts_in(session, parcel_for(session, member, waybill))
