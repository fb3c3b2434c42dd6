"""API keys of the shop. Every call needs people:write.

A key makes and revokes only keys that may do no more than itself.
"""

from typing import Annotated

from fastapi.responses import Response
from pydantic import Field

from api.deps import Now, Reading, Writing
from api.shapes.shape import Input
from api.shapes.users import KeyOut, KeysOut, MadeKeyOut
from api.v1.callers import Caller, caller_with
from api.v1.field_types import Moment
from api.v1.pages import Paged, Text
from api.v1.parameters import OF_STATE, KeyNumber
from api.v1.routing import made_at, router_for
from retention import keys
from retention.access import Scope
from retention.keys import KeyState

router = router_for("keys")

Owner = Annotated[Caller, caller_with(Scope.PEOPLE_WRITE)]


class KeyIn(Input):
    """A key to make."""

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_at: Moment | None = Field(None, description="It works until then; null: until it is revoked.")


@router.get("/keys")
def list_all(
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
@made_at("/keys/{id}")
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


@router.get("/keys/{number}")
def show(number: KeyNumber, session: Reading, at: Now, caller: Owner) -> KeyOut:
    """Show a key without its secret, revoked ones too. Scope people:write."""
    return KeyOut.of(keys.key_numbered(session, caller.shop, number), at=at)


@router.delete("/keys/{number}", status_code=204)
def revoke(number: KeyNumber, session: Writing, at: Now, caller: Owner) -> Response:
    """End a key for good; 403 when it may do what the caller may not. Scope people:write."""
    keys.revoke_api_key(session, caller.shop, number, at=at, by=caller.member)
    return Response(status_code=204)
