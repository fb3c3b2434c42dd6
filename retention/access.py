"""Who may do what: roles and scopes, checked in this one place."""

from dataclasses import dataclass
from enum import StrEnum

from retention.errors import Forbidden, Invalid


class Role(StrEnum):
    """What a person is in a shop."""

    OWNER = "owner"
    MARKETER = "marketer"
    WAREHOUSE = "warehouse"
    VIEWER = "viewer"


class Scope(StrEnum):
    """One thing a role or an API key may do."""

    BUYERS_READ = "buyers:read"
    BUYERS_PERSONAL = "buyers:personal"  # names, mail and phone unmasked
    CONSENTS_WRITE = "consents:write"  # answers buyers gave, pauses they asked for
    BUYERS_ERASE = "buyers:erase"  # take all that is known of a person, for good
    IMPORTS_WRITE = "imports:write"
    ORDERS_WRITE = "orders:write"
    SEGMENTS_READ = "segments:read"
    SEGMENTS_WRITE = "segments:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    CAMPAIGNS_APPROVE = "campaigns:approve"
    POSTS_WRITE = "posts:write"  # take and send what people have to post by hand
    COUPONS_REDEEM = "coupons:redeem"
    BATCHES_READ = "batches:read"
    BATCHES_WRITE = "batches:write"
    INSERTS_READ = "inserts:read"
    PACKING_WRITE = "packing:write"
    JOINT_APPROVE = "joint:approve"
    RESULTS_READ = "results:read"
    PEOPLE_WRITE = "people:write"


_READING = {Scope.BUYERS_READ, Scope.SEGMENTS_READ, Scope.CAMPAIGNS_READ, Scope.BATCHES_READ, Scope.RESULTS_READ}
_PAPER = {Scope.BATCHES_READ, Scope.BATCHES_WRITE, Scope.INSERTS_READ, Scope.PACKING_WRITE}

ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.OWNER: frozenset(Scope),
    Role.MARKETER: frozenset(set(Scope) - {Scope.PEOPLE_WRITE, Scope.BUYERS_ERASE}),
    Role.WAREHOUSE: frozenset(_PAPER),
    Role.VIEWER: frozenset(_READING),
}


@dataclass(frozen=True)
class Member:
    """Somebody acting inside one shop: a person by role, or an API key by its scopes."""

    shop_id: int
    actor: str
    """Who, for the audit log: ``user:3``, ``key:5``, ``system``."""
    scopes: frozenset[Scope]
    user_id: int | None = None
    role: Role | None = None

    def may(self, scope: Scope) -> bool:
        """Tell whether this member has `scope`."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Raise Forbidden unless this member has `scope`."""
        if not self.may(scope):
            raise Forbidden("This needs the right {scope}. Ask the shop's owner for it.", scope=scope.value)

    def require_all(self, scopes: frozenset[Scope]) -> None:
        """Raise Forbidden unless this member has every one of `scopes`: nobody gives or takes what they have not."""
        for scope in sorted(scopes - self.scopes):
            self.require(scope)


def system_member(shop_id: int) -> Member:
    """Return the member that tasks and the command line act as: the owner of the machine."""
    return Member(shop_id=shop_id, actor="system", scopes=frozenset(Scope))


def read_scopes(words: list[str]) -> frozenset[Scope]:
    """Return scopes by name; Invalid names the unknown one and lists what there is."""
    try:
        return frozenset(Scope(word) for word in words)
    except ValueError as error:
        known = ", ".join(scope.value for scope in Scope)
        raise Invalid("{error}. Known scopes: {known}.", error=str(error), known=known) from error
