"""Webhooks and their calls."""

from datetime import datetime

from pydantic import Field

from api.shapes.shape import PageOut, RowShape, Shape, ShownOnce
from campaigns.webhooks.webhooks import Webhook, WebhookCallState, WebhookEvent


class HookOut(Shape):
    """A hook."""

    slug: str = Field(description="The webhook's short name in addresses.")
    url: str
    events: list[WebhookEvent]
    active: bool = Field(description="Off after three days in which no call was taken.")
    created_at: datetime

    @classmethod
    def of(cls, hook: Webhook) -> "HookOut":
        """Return a webhook without its secret."""
        return HookOut(**hook.model_dump(include=set(HookOut.model_fields)))


class MadeHookOut(HookOut, ShownOnce):
    """A new hook with its signing secret, which is shown this once."""

    secret: str


class HooksOut(PageOut):
    """The shop's hooks by slug."""

    hooks: list[HookOut]


class CallOut(RowShape):
    """One call: an event to a hook, tried until it is taken."""

    id: int
    key: str = Field(description="Its webhook-id, the same at every try.")
    event: WebhookEvent
    state: WebhookCallState = Field(
        description="`waiting`: waits for its first or next try. `claimed`: a worker is making it. `sent`: the "
        "receiver accepted it. `failed`: retries are exhausted."
    )
    attempts: int
    due_at: datetime
    answer: str = Field(description="Error response of the receiver; empty for none.")
    sent_at: datetime | None


class CallsOut(PageOut):
    """A hook's latest calls, newest first."""

    calls: list[CallOut]
