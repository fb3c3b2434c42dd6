"""Commands on webhooks: addresses of the shop's other systems that are notified of what happened."""

from typing import Annotated, Any

import typer

from api.cli.terminal import (
    USUAL_ROWS,
    JsonOption,
    LimitOption,
    ShopOption,
    reading,
    show,
    show_page,
    writing,
)
from api.shapes.webhooks import CallOut, HookOut
from campaigns.webhooks.webhooks import (
    Webhook,
    WebhookEvent,
    create_webhook,
    delete_webhook,
    find_webhook,
    page_of_calls,
    page_of_webhooks,
    resend_call,
    send_test_call,
    turn_on,
)
from retention.paging import Wanted

group = typer.Typer(help="Webhooks: events sent to other systems.", no_args_is_help=True)

SlugArgument = Annotated[str, typer.Argument(help="The webhook's slug.", metavar="SLUG")]
_EVENTS = ", ".join(event.value for event in WebhookEvent)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="hooks")


@group.command("list")
def list_them(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List the shop's webhooks."""
    with reading(shop) as here:
        page = page_of_webhooks(here.session, here.shop.id, Wanted(limit))
        rows = [_shown(each) for each in page.rows]
    lines = [row | {"on": "on" if row["active"] else "off", "events": ", ".join(row["events"])} for row in rows]
    show_page("hooks", rows if as_json else lines, page, ("slug", "on", "url", "events"), as_json=as_json)


@group.command()
def create(
    slug: SlugArgument,
    shop: ShopOption,
    url: Annotated[str, typer.Option(help="URL to call.")],
    event: Annotated[list[str], typer.Option(help=f"Event to send; repeat for more. One of {_EVENTS}.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook and show its signing secret once."""
    with writing(shop) as here:
        hook, secret = create_webhook(
            here.session, here.shop, slug, url=url, events=event, at=here.now, actor=here.actor
        )
        result = _shown(hook) | {"secret": secret}
    show(result, as_json=as_json)


@group.command()
def delete(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Remove a webhook and its call log."""
    with writing(shop) as here:
        hook = find_webhook(here.session, here.shop.id, slug)
        delete_webhook(here.session, hook, at=here.now, actor=here.actor)
    show({"slug": slug, "deleted": True}, as_json=as_json)


@group.command("test")
def call_once(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Send one call marked as a test."""
    with reading(shop) as here:
        hook = find_webhook(here.session, here.shop.id, slug)
        send_test_call(here.session, hook, at=here.now, actor=here.actor)
    show({"slug": slug, "taken": True}, as_json=as_json)


@group.command()
def on(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Enable a webhook that was disabled."""
    with writing(shop) as here:
        hook = find_webhook(here.session, here.shop.id, slug)
        turn_on(here.session, hook, at=here.now, actor=here.actor)
        show(_shown(hook), as_json=as_json)


@group.command()
def calls(
    slug: SlugArgument, shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False
) -> None:
    """List a webhook's latest calls."""
    with reading(shop) as here:
        page = page_of_calls(here.session, find_webhook(here.session, here.shop.id, slug), Wanted(limit))
        rows = [CallOut.of(each).model_dump(mode="json") for each in page.rows]
    show_page("calls", rows, page, ("id", "event", "state", "attempts", "answer"), as_json=as_json)


@group.command()
def resend(
    slug: SlugArgument,
    call: Annotated[int, typer.Argument(help="The call's number, as `calls` lists it.", metavar="CALL")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Repeat a call with the same webhook-id."""
    with writing(shop) as here:
        hook = find_webhook(here.session, here.shop.id, slug)
        again = resend_call(here.session, hook, call, at=here.now, actor=here.actor)
        show({"call": again.id, "state": again.state.value}, as_json=as_json)


def _shown(hook: Webhook) -> dict[str, Any]:
    return HookOut.of(hook).model_dump(mode="json")
