"""Callers: the API key in `Authorization: Bearer rk_...`, its shop, and its scopes."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.deps import Now
from retention import keys
from retention.access import Member, Scope
from retention.database import reading
from retention.i18n import gettext_noop
from retention.shops import Shop, get_shop

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    description="A shop's API key: `regulars key create NAME --shop SLUG --scope ...`",
)


@dataclass(frozen=True)
class Caller:
    """A key acting in its shop."""

    shop: Shop
    member: Member

    @property
    def actor(self) -> str:
        """Who it is, for the audit log."""
        return self.member.actor


def current_caller(
    request: Request, at: Now, sent: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """Return who calls; 401 with the reason for a key that is missing, unknown, expired or revoked."""
    with reading(request.app.state.engine) as session:
        member = keys.member_of_key(session, sent.credentials, at=at) if sent else None
        if isinstance(member, Member):
            return Caller(get_shop(session, member.shop_id), member)
    if isinstance(member, keys.KeyRefusal):
        raise HTTPException(401, member.reason, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    detail = gettext_noop("Send a valid key: Authorization: Bearer rk_...")
    raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})


class Permitted:
    """A dependency that yields the caller, or refuses a key that lacks one of the `scopes`."""

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = frozenset(scopes)

    def __call__(self, caller: Annotated[Caller, Depends(current_caller)]) -> Caller:
        caller.member.require_all(self.scopes)
        return caller


def caller_with(*scopes: Scope) -> Any:
    """Return what an endpoint declares its caller with: the scopes that a key needs, all of them."""
    return Depends(Permitted(*scopes))
