"""Webhooks: addresses that are notified of what happened, signed as Standard Webhooks, at least once."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field

from api.deps import Now, Reading, Writing
from api.shapes.shape import Input
from api.shapes.webhooks import CallOut, CallsOut, HookOut, HooksOut, MadeHookOut
from api.v1.callers import Caller, caller_with
from api.v1.pages import Paged, Since, Text, Until, YesOrNo
from api.v1.parameters import OF_STATE, CallNumber, WebhookSlug
from api.v1.routing import made_at, router_for
from campaigns.webhooks import webhooks as hooks
from campaigns.webhooks.webhooks import WebhookCallState, WebhookEvent
from retention.access import Scope

router = router_for("hooks")

Reader = Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ)]
Owner = Annotated[Caller, caller_with(Scope.PEOPLE_WRITE)]
"""Who may say which other system learns of buyers."""


class HookIn(Input):
    """A hook to add."""

    slug: str = Field(min_length=1, max_length=64)
    url: str = Field(max_length=1000)
    events: list[WebhookEvent] = Field(min_length=1, max_length=20)


@router.get("/hooks")
def list_all(session: Reading, caller: Reader, wanted: Paged, active: YesOrNo = None, q: Text = "") -> HooksOut:
    """List the shop's hooks. Scope campaigns:read."""
    page = hooks.page_of_webhooks(session, caller.shop.id, wanted, active=active, text=q)
    return HooksOut(hooks=[HookOut.of(each) for each in page.rows], next=page.next)


@router.post("/hooks", status_code=201)
@made_at("/hooks/{slug}")
def create(sent: HookIn, session: Writing, at: Now, caller: Owner) -> MadeHookOut:
    """Add a hook and get its signing secret, this once. Scope people:write."""
    hook, secret = hooks.create_webhook(
        session, caller.shop, sent.slug, url=sent.url, events=sent.events, at=at, actor=caller.actor
    )
    return MadeHookOut(**HookOut.of(hook).model_dump(), secret=secret)


@router.get("/hooks/{slug}")
def show(slug: WebhookSlug, session: Reading, caller: Reader) -> HookOut:
    """Show a hook without its secret. Scope campaigns:read."""
    return HookOut.of(hooks.find_webhook(session, caller.shop.id, slug))


@router.delete("/hooks/{slug}", status_code=204)
def delete(slug: WebhookSlug, session: Writing, at: Now, caller: Owner) -> Response:
    """Remove a hook with its calls. Scope people:write."""
    hook = hooks.find_webhook(session, caller.shop.id, slug)
    hooks.delete_webhook(session, hook, at=at, actor=caller.actor)
    return Response(status_code=204)


@router.post("/hooks/{slug}/on")
def turn_on(slug: WebhookSlug, session: Writing, at: Now, caller: Owner) -> HookOut:
    """Call a hook again that was turned off. Scope people:write."""
    hook = hooks.find_webhook(session, caller.shop.id, slug)
    hooks.turn_on(session, hook, at=at, actor=caller.actor)
    return HookOut.of(hook)


@router.post("/hooks/{slug}/test")
def test(slug: WebhookSlug, session: Reading, at: Now, caller: Owner) -> HookOut:
    """Make one call that says it is a test; 409 with the error response of the receiver. Scope people:write."""
    hook = hooks.find_webhook(session, caller.shop.id, slug)
    hooks.send_test_call(session, hook, at=at, actor=caller.actor)
    return HookOut.of(hook)


@router.get("/hooks/{slug}/calls")
def list_calls(
    slug: WebhookSlug,
    session: Reading,
    caller: Reader,
    wanted: Paged,
    state: Annotated[WebhookCallState | None, OF_STATE] = None,
    event: Annotated[WebhookEvent | None, Query(description="Only calls about events of this type.")] = None,
    since: Since = None,
    until: Until = None,
) -> CallsOut:
    """List a hook's calls; `since` and `until` are about when they are due. Scope campaigns:read."""
    hook = hooks.find_webhook(session, caller.shop.id, slug)
    page = hooks.page_of_calls(session, hook, wanted, state=state, event=event, since=since, until=until)
    return CallsOut(calls=[CallOut.of(each) for each in page.rows], next=page.next)


@router.post("/hooks/{slug}/calls/{number}/resend", status_code=202)
def resend(slug: WebhookSlug, number: CallNumber, session: Writing, at: Now, caller: Owner) -> CallOut:
    """Make a call again under the same webhook-id. Scope people:write."""
    hook = hooks.find_webhook(session, caller.shop.id, slug)
    return CallOut.of(hooks.resend_call(session, hook, number, at=at, actor=caller.actor))
