"""People and keys of the shop, for systems that take people in and let them go. Every call needs people:write.

A key gives and takes only what it may do itself: to change an owner it needs every scope.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from api.deps import Now, Reading, Writing, current_settings
from api.handing_over import hand_over
from api.v1.keys import Caller, caller_with
from retention import invitations, keys, logins, people
from retention.access import Role, Scope
from retention.database import transaction
from retention.keys import KeyState

router = APIRouter(tags=["people"])

Owner = Annotated[Caller, caller_with(Scope.PEOPLE_WRITE)]


Number = Annotated[int, Path(ge=1, le=2**31)]


class PersonOut(BaseModel):
    """Somebody who works in the shop."""

    id: int
    email: str
    name: str
    role: Role


class PeopleOut(BaseModel):
    """The people of the shop by mail address."""

    people: list[PersonOut]


class RoleIn(BaseModel):
    """Another role for a person."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class InvitationIn(BaseModel):
    """Somebody to invite."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(min_length=3, max_length=254)
    role: Role
    name: str = Field("", max_length=200)


class InvitationOut(BaseModel):
    """An invitation. `link` is there when the shop has no mail sender: hand it over, it is told this once."""

    id: int
    email: str
    role: Role
    expires_at: datetime
    mailed: bool
    link: str


class KeyOut(BaseModel):
    """A key of another system."""

    id: int
    name: str
    state: KeyState
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To five minutes.")


class KeysOut(BaseModel):
    """The shop's keys, newest first."""

    keys: list[KeyOut]


@router.get("/people")
def list_people(session: Reading, caller: Owner) -> PeopleOut:
    """List who works in the shop. Scope people:write."""
    found = people.people_of(session, caller.shop)
    return PeopleOut(
        people=[PersonOut(id=user.id, email=user.email, name=user.name, role=role) for user, role in found]
    )


@router.post("/people/invitations")
def invite(request: Request, sent: InvitationIn, at: Now, caller: Owner) -> InvitationOut:
    """Invite somebody; a newer invitation ends an earlier one of the same address. Scope people:write."""
    engine: Engine = request.app.state.engine
    with transaction(engine) as session:
        link, secret = invitations.invite(
            session, caller.shop, sent.email, role=sent.role, name=sent.name, by=caller.member, at=at
        )
    handed = hand_over(engine, caller.shop, link, secret, public_url=current_settings(request).public_url)
    return InvitationOut(
        id=link.id,
        email=link.email,
        role=sent.role,
        expires_at=link.expires_at,
        mailed=handed.mailed,
        link=handed.address,
    )


@router.delete("/people/invitations/{number}", status_code=204)
def withdraw(number: Number, session: Writing, at: Now, caller: Owner) -> Response:
    """End an invitation. Scope people:write."""
    invitations.withdraw(session, caller.shop, number, by=caller.member, at=at)
    return Response(status_code=204)


@router.patch("/people/{number}")
def change_role(number: Number, sent: RoleIn, session: Writing, at: Now, caller: Owner) -> PersonOut:
    """Give a person another role; 409 for the last owner. Scope people:write."""
    user = people.change_role(session, caller.shop, number, sent.role, by=caller.member, at=at)
    return PersonOut(id=user.id, email=user.email, name=user.name, role=sent.role)


@router.delete("/people/{number}", status_code=204)
def remove(number: Number, session: Writing, at: Now, caller: Owner) -> Response:
    """Take a person out of the shop at once; 409 for the last owner. Scope people:write."""
    people.remove_person(session, caller.shop, number, by=caller.member, at=at)
    return Response(status_code=204)


@router.post("/people/{number}/sign-out", status_code=204)
def sign_out(number: Number, session: Writing, at: Now, caller: Owner) -> Response:
    """End every login of a person. Scope people:write."""
    user, _role = people.find_person(session, caller.shop, number)
    logins.sign_out_everywhere(session, user, at=at, actor=caller.member.actor, shop_id=caller.shop.id)
    return Response(status_code=204)


@router.get("/keys")
def list_keys(session: Reading, at: Now, caller: Owner) -> KeysOut:
    """List the shop's keys without their secrets. Scope people:write."""
    shown = set(KeyOut.model_fields) - {"state"}
    found = keys.keys_of(session, caller.shop)
    return KeysOut(keys=[KeyOut(state=key.state(at), **key.model_dump(include=shown)) for key in found])


@router.delete("/keys/{number}", status_code=204)
def revoke(number: Number, session: Writing, at: Now, caller: Owner) -> Response:
    """End a key for good. Scope people:write."""
    keys.revoke_api_key(session, caller.shop, number, at=at, by=caller.member)
    return Response(status_code=204)
