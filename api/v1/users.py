"""People of the shop, for systems that take people in and let them go. Every call needs people:write.

A key gives and takes only the roles whose scopes it has itself: to change an owner it needs every scope.
"""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Engine

from api.deps import Now, Reading, Writing, current_settings
from api.link_delivery import hand_over
from api.shapes.shape import Input
from api.shapes.users import InvitationOut, MadeInvitationOut, PeopleOut, PersonOut
from api.v1.callers import Caller, caller_with
from api.v1.pages import Paged, Text
from api.v1.parameters import InvitationNumber, PersonNumber
from api.v1.routing import made_at, router_for
from retention import invitations, logins, users
from retention.access import Role, Scope
from retention.database import transaction

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
@made_at("/people/invitations/{id}")
def invite(request: Request, sent: InvitationIn, at: Now, caller: Owner) -> MadeInvitationOut:
    """Invite somebody; a newer invitation ends an earlier one of the same address. Scope people:write."""
    engine: Engine = request.app.state.engine
    with transaction(engine) as session:
        link, secret = invitations.invite(
            session, caller.shop, sent.email, role=sent.role, name=sent.name, by=caller.member, at=at
        )
    handed = hand_over(engine, caller.shop, link, secret, public_url=current_settings(request).public_url)
    return MadeInvitationOut(**InvitationOut.of(link).model_dump(), mailed=handed.mailed, link=handed.address)


@router.get("/people/invitations/{number}")
def show_invitation(number: InvitationNumber, session: Reading, at: Now, caller: Owner) -> InvitationOut:
    """Show an open invitation; 404 once it was used, withdrawn or has ended. Scope people:write."""
    return InvitationOut.of(invitations.invitation_numbered(session, caller.shop, number, at=at))


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
