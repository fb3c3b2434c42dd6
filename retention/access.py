"""Access: roles and scopes, and what each allows; no other module decides on rights."""

from dataclasses import dataclass
from enum import StrEnum

from retention.errors import Forbidden, Invalid, Words
from retention.i18n import gettext_noop


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
    POSTS_WRITE = "posts:write"  # take and send manual posts
    COUPONS_REDEEM = "coupons:redeem"
    BATCHES_READ = "batches:read"
    BATCHES_WRITE = "batches:write"
    INSERTS_READ = "inserts:read"
    PACKING_WRITE = "packing:write"
    JOINT_APPROVE = "joint:approve"
    RESULTS_READ = "results:read"
    PEOPLE_WRITE = "people:write"


SCOPE_WORDS: dict[Scope, str] = {
    Scope.BUYERS_READ: gettext_noop("view buyers, with names and addresses masked"),
    Scope.BUYERS_PERSONAL: gettext_noop("view names, email addresses and phone numbers"),
    Scope.CONSENTS_WRITE: gettext_noop("record consent of buyers"),
    Scope.BUYERS_ERASE: gettext_noop("erase buyers"),
    Scope.IMPORTS_WRITE: gettext_noop("import files"),
    Scope.ORDERS_WRITE: gettext_noop("submit orders"),
    Scope.SEGMENTS_READ: gettext_noop("view segments"),
    Scope.SEGMENTS_WRITE: gettext_noop("create and change segments"),
    Scope.CAMPAIGNS_READ: gettext_noop("view campaigns, offers and senders"),
    Scope.CAMPAIGNS_WRITE: gettext_noop("create, change and launch campaigns"),
    Scope.CAMPAIGNS_APPROVE: gettext_noop("approve campaigns"),
    Scope.POSTS_WRITE: gettext_noop("send manual posts"),
    Scope.COUPONS_REDEEM: gettext_noop("redeem coupons"),
    Scope.BATCHES_READ: gettext_noop("view flyers and print batches"),
    Scope.BATCHES_WRITE: gettext_noop("create and print batches"),
    Scope.INSERTS_READ: gettext_noop("query parcel inserts"),
    Scope.PACKING_WRITE: gettext_noop("pack parcels"),
    Scope.JOINT_APPROVE: gettext_noop("take part in joint flyers and approve them"),
    Scope.RESULTS_READ: gettext_noop("view results"),
    Scope.PEOPLE_WRITE: gettext_noop("manage users and API keys"),
}
"""What each scope allows, as people say it: "may ..."."""

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
    """Who, for the audit log: ``user:3``, ``key:5``, ``cli:may``, ``system``."""
    scopes: frozenset[Scope]
    user_id: int | None = None
    role: Role | None = None

    def may(self, scope: Scope) -> bool:
        """Tell whether this member has `scope`."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Raise Forbidden unless this member has `scope`."""
        if not self.may(scope):
            raise _forbidden(self, scope)

    def require_all(self, scopes: frozenset[Scope]) -> None:
        """Raise Forbidden unless this member has every one of `scopes`: nobody gives or takes what they have not."""
        for scope in sorted(scopes - self.scopes):
            self.require(scope)


def _forbidden(member: Member, scope: Scope) -> Forbidden:
    """Say to a person what their role lacks, to another system the name of the scope as well."""
    deed = Words(SCOPE_WORDS[scope])
    if member.user_id is not None:
        return Forbidden("Your role does not allow this: {deed}. Ask the shop's owner for access.", deed=deed)
    return Forbidden(
        "This needs the scope {scope}: {deed}. Ask the shop's owner for access.", scope=scope.value, deed=deed
    )


_TERMINAL = "cli"
_LONGEST_NAME = 48


def terminal_member(shop_id: int, name: str) -> Member:
    """Return the member that somebody at a terminal of the machine acts as: who runs it may do everything."""
    return Member(shop_id=shop_id, actor=terminal_actor(name), scopes=frozenset(Scope))


def terminal_actor(name: str) -> str:
    """Return what the audit log calls somebody at a terminal, by the name the machine knows them by."""
    known = "".join(sign for sign in name if sign.isprintable() and sign != ":")[:_LONGEST_NAME]
    return f"{_TERMINAL}:{known or 'unknown'}"


def terminal_name(actor: str) -> str | None:
    """Return the name of somebody at a terminal; None for any other actor. Before 2026-12 it was ``system``."""
    kind, _, name = actor.partition(":")
    return name if kind == _TERMINAL else None


def runs_the_machine(actor: str) -> bool:
    """Tell whether an actor is the installation itself or whoever sits at its terminal."""
    return actor == "system" or terminal_name(actor) is not None


def read_scopes(words: list[str]) -> frozenset[Scope]:
    """Return scopes by name; Invalid names the unknown one and lists what there is."""
    try:
        return frozenset(Scope(word) for word in words)
    except ValueError as error:
        known = ", ".join(scope.value for scope in Scope)
        unknown = [word for word in words if word not in set(Scope)]
        raise Invalid("Unknown scopes: {unknown}. Known scopes: {known}.", unknown=unknown, known=known) from error
