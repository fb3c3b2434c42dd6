"""Users of a shop, and its API keys."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.shapes.shape import PageOut, Shape, ShownOnce
from retention.access import Role
from retention.invitations import OneTimeLink
from retention.keys import ApiKey, KeyState
from retention.users import User


class PersonOut(Shape):
    """Somebody who works in the shop."""

    id: int
    email: str
    name: str = Field(description="What the person is called.")
    role: Role

    @classmethod
    def of(cls, user: User, role: Role) -> Self:
        """Return a person in a role."""
        return cls(id=user.id, email=user.email, name=user.name, role=role)


class PeopleOut(PageOut):
    """The people of the shop by mail address."""

    people: list[PersonOut]


class InvitationOut(Shape):
    """An open invitation."""

    id: int
    email: str = Field(description="The mail address that is invited.")
    role: Role
    expires_at: datetime = Field(description="When the invitation ends, in UTC.")

    @classmethod
    def of(cls, link: OneTimeLink) -> "InvitationOut":
        """Return an invitation without its secret."""
        return InvitationOut(**link.model_dump(include=set(InvitationOut.model_fields)))


class MadeInvitationOut(InvitationOut, ShownOnce):
    """A new invitation. `link` is there when the shop has no mail sender: hand it over, it is shown this once."""

    mailed: bool
    link: str


class KeyOut(Shape):
    """A key of another system."""

    id: int
    name: str
    state: KeyState = Field(
        description="`active`: it works. `expired`: its time is over. `revoked`: a user revoked it."
    )
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To five minutes.")

    @classmethod
    def of(cls, key: ApiKey, *, at: datetime) -> "KeyOut":
        """Return a key as it is at a moment, without its secret."""
        return KeyOut(state=key.state(at), **key.model_dump(include=set(KeyOut.model_fields) - {"state"}))


class MadeKeyOut(KeyOut, ShownOnce):
    """A new key with its secret, which is shown this once."""

    key: str = Field(description="The key itself, to be sent as `Authorization: Bearer`. It is shown this once.")


class KeysOut(PageOut):
    """The shop's keys, newest first."""

    keys: list[KeyOut]
