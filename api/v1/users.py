"""People and keys of the shop, for systems that take people in and let them go. Every call needs people:write.

A key gives and takes only what it may do itself: to change an owner it needs every scope.
"""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Engine

from api.deps import Now, Reading, Writing, current_settings
from api.link_delivery import hand_over
from api.shapes.shape import Input
from api.shapes.users import InvitationOut, KeyOut, KeysOut, MadeKeyOut, PeopleOut, PersonOut
from api.v1.field_types import Moment
from api.v1.keys import Caller, caller_with
from api.v1.pages import Paged, Text
from api.v1.parameters import OF_STATE, InvitationNumber, KeyNumber, PersonNumber
from api.v1.routing import router_for
from retention import invitations, keys, logins, users
from retention.access import Role, Scope
from retention.database import transaction
from retention.keys import KeyState

router = router_for("people")

Owner = Annotated[Caller, caller_with(Scope.PEOPLE_WRITE)]


class RoleIn(Input):
    """Another role for a person."""

    role: Role


class InvitationIn(Input):
    """Somebody to invite."""

    email: str = Field(min_length=3, max_length=254, description="The mail address to invite.")
    role: Role
    name: str = Field("", max_length=200, description="What the person is called.")


class KeyIn(Input):
    """A key to make."""

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_at: Moment | None = Field(None, description="It works until then; null: until it is revoked.")


@router.get("/people")
def list_people(
    session: Reading,
    caller: Owner,
    wanted: Paged,
    role: Annotated[Role | None, Query(description="Only people with this role.")] = None,
    q: Text = "",
) -> PeopleOut:
    """List who works in the shop. Scope people:write."""
    page = users.page_of_people(session, caller.shop, wanted, role=role, text=q)
    shown = [PersonOut.of(user, each) for user, each in page.rows]
    return PeopleOut(people=shown, next=page.next)


@router.post("/people/invitations", status_code=201)
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
def withdraw(number: InvitationNumber, session: Writing, at: Now, caller: Owner) -> Response:
    """End an invitation. Scope people:write."""
    invitations.withdraw(session, caller.shop, number, by=caller.member, at=at)
    return Response(status_code=204)


@router.patch("/people/{number}")
def change_role(number: PersonNumber, sent: RoleIn, session: Writing, at: Now, caller: Owner) -> PersonOut:
    """Give a person another role; 409 for the last owner. Scope people:write."""
    user = users.change_role(session, caller.shop, number, sent.role, by=caller.member, at=at)
    return PersonOut.of(user, sent.role)


@router.delete("/people/{number}", status_code=204)
def remove(number: PersonNumber, session: Writing, at: Now, caller: Owner) -> Response:
    """Take a person out of the shop at once; 409 for the last owner. Scope people:write."""
    users.remove_person(session, caller.shop, number, by=caller.member, at=at)
    return Response(status_code=204)


@router.post("/people/{number}/sign-out", status_code=204)
def sign_out(number: PersonNumber, session: Writing, at: Now, caller: Owner) -> None:
    """End every login of a person. Scope people:write."""
    user, _role = users.find_person(session, caller.shop, number)
    logins.sign_out_everywhere(session, user, at=at, actor=caller.actor, shop_id=caller.shop.id)


@router.get("/keys")
def list_keys(
    session: Reading,
    at: Now,
    caller: Owner,
    wanted: Paged,
    state: Annotated[KeyState | None, OF_STATE] = None,
    q: Text = "",
) -> KeysOut:
    """List the shop's keys without their secrets. Scope people:write."""
    page = keys.page_of_keys(session, caller.shop, wanted, at=at, state=state, text=q)
    return KeysOut(keys=[KeyOut.of(key, at=at) for key in page.rows], next=page.next)


@router.post("/keys", status_code=201)
def create(sent: KeyIn, session: Writing, at: Now, caller: Owner) -> MadeKeyOut:
    """Make a key and get its secret, this once; 403 when it may do what the caller may not. Scope people:write."""
    secret = keys.create_api_key(
        session,
        caller.shop,
        name=sent.name,
        scopes=frozenset(sent.scopes),
        expires_at=sent.expires_at,
        at=at,
        by=caller.member,
    )
    return MadeKeyOut(**KeyOut.of(keys.find_key(session, caller.shop, sent.name), at=at).model_dump(), key=secret)


@router.delete("/keys/{number}", status_code=204)
def revoke(number: KeyNumber, session: Writing, at: Now, caller: Owner) -> Response:
    """End a key for good; 403 when it may do what the caller may not. Scope people:write."""
    keys.revoke_api_key(session, caller.shop, number, at=at, by=caller.member)
    return Response(status_code=204)
