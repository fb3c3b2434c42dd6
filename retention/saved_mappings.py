"""Mappings saved under a name: what was said of a file once is said again of the next file with the same header."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import audit
from retention.access import Member, Scope
from retention.database import Json, ShopRow
from retention.errors import Invalid, NotFound
from retention.paging import Page, Wanted, page_of

LONGEST_NAME = 200


class SavedMapping(ShopRow, table=True):
    """What is said of files of one kind whose header has these columns, under a name for people.

    `options` are those of an import as JSON.
    """

    __tablename__ = "saved_mappings"
    __table_args__ = (
        UniqueConstraint("shop_id", "kind", "name"),
        Index("ix_saved_mappings_header", "shop_id", "kind", "header_key"),
    )

    kind: str = Field(max_length=20)
    name: str = Field(max_length=LONGEST_NAME)
    header_key: str = Field(max_length=64)
    options: dict[str, Any] = Field(sa_type=Json)
    actor: str = Field(max_length=64)
    saved_at: datetime


def header_key(header: Iterable[str]) -> str:
    """Return what headers with the same columns share, in whatever order."""
    return sha256("\x1f".join(sorted(header)).encode()).hexdigest()


def save_mapping(
    session: Session,
    member: Member,
    *,
    kind: str,
    name: str,
    header: Iterable[str],
    options: dict[str, Any],
    at: datetime,
) -> SavedMapping:
    """Save a mapping, in place of the one of that name; Invalid for a name that is blank or too long."""
    member.require(Scope.IMPORTS_WRITE)
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid("The name of a mapping has 1 to {most} characters.", most=LONGEST_NAME, field="name")
    named = select(SavedMapping).where(
        SavedMapping.shop_id == member.shop_id, SavedMapping.kind == kind, SavedMapping.name == name
    )
    saved = session.exec(named).one_or_none() or SavedMapping(
        shop_id=member.shop_id, kind=kind, name=name, header_key="", options={}, actor="", saved_at=at
    )
    saved.header_key, saved.options, saved.actor, saved.saved_at = header_key(header), options, member.actor, at
    session.add(saved)
    session.flush()
    _record(session, member, saved, "mapping.save", at)
    return saved


def mapping_for_header(session: Session, shop_id: int, kind: str, header: Iterable[str]) -> SavedMapping | None:
    """Return the mapping that was saved last for a header, or None."""
    known = select(SavedMapping).where(
        SavedMapping.shop_id == shop_id, SavedMapping.kind == kind, SavedMapping.header_key == header_key(header)
    )
    return session.exec(known.order_by(col(SavedMapping.saved_at).desc(), col(SavedMapping.id).desc())).first()


def page_of_mappings(session: Session, member: Member, wanted: Wanted, *, kind: str = "") -> Page[SavedMapping]:
    """Return a page of the shop's saved mappings, or of those for one kind of file."""
    member.require(Scope.IMPORTS_WRITE)
    found = select(SavedMapping).where(SavedMapping.shop_id == member.shop_id)
    if kind:
        found = found.where(SavedMapping.kind == kind)
    return page_of(session, found, wanted, SavedMapping.id)


def mapping_named(session: Session, member: Member, name: str, *, kind: str = "") -> SavedMapping:
    """Return a saved mapping of the member's shop by its name, or by its kind too.

    NotFound when there is none, Invalid when kinds of files share the name.
    """
    member.require(Scope.IMPORTS_WRITE)
    named = select(SavedMapping).where(SavedMapping.shop_id == member.shop_id, SavedMapping.name == name.strip())
    if kind:
        named = named.where(SavedMapping.kind == kind)
    found = session.exec(named.order_by(SavedMapping.kind)).all()
    if not found and kind:
        raise NotFound("No mapping for {kind} is saved under the name {name}.", kind=kind, name=repr(name))
    if not found:
        raise NotFound("No mapping is saved under the name {name}.", name=repr(name))
    if len(found) > 1:
        kinds = ", ".join(each.kind for each in found)
        raise Invalid(
            "Several mappings have the name {name}: for {kinds}. Name the kind of file as well.",
            name=repr(name),
            kinds=kinds,
        )
    return found[0]


def remove_mapping(session: Session, member: Member, number: int, *, at: datetime) -> None:
    """Remove a saved mapping; NotFound when the shop has none of that number."""
    member.require(Scope.IMPORTS_WRITE)
    saved = session.get(SavedMapping, number)
    if saved is None or saved.shop_id != member.shop_id:
        raise NotFound("No saved mapping has the number {number}.", number=number)
    _record(session, member, saved, "mapping.remove", at)
    session.delete(saved)


def _record(session: Session, member: Member, saved: SavedMapping, action: str, at: datetime) -> None:
    after = {"kind": saved.kind, "name": saved.name}
    audit.record(
        session, member.shop_id, member.actor, action=action, subject=f"mapping:{saved.id}", after=after, at=at
    )
