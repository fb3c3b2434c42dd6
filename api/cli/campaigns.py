"""Commands on campaigns: draft, plan, launch, stop, results."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from api.cli.terminal import (
    USUAL_ROWS,
    InShop,
    JsonOption,
    LimitOption,
    ShopOption,
    engine,
    parse_json,
    read_json,
    reading,
    show,
    show_page,
    writing,
)
from api.date_input import typed_moment
from api.shapes.campaigns import CampaignOut, WhyOut
from campaigns.campaign.campaigns import Campaign, DeliveryState, Recipe
from campaigns.campaign.draft import Draft
from campaigns.campaign.reasons import step_name
from campaigns.channels.senders import find_sender
from campaigns.deliveries import campaign_moves
from campaigns.deliveries.ledger import count_campaign
from campaigns.offers.offers import OfferKind, create_offer, find_offer
from campaigns.plans.planning import Plan, plan
from campaigns.results.results import campaign_results
from campaigns.runs.drafting import create_campaign, find_campaign, page_of_campaigns
from campaigns.runs.explaining import page_of_why
from campaigns.runs.launch import launch
from campaigns.sending.blocked import change_sender
from campaigns.sending.dispatch import send_all
from campaigns.sending.sending import resend_all
from retention import clock, money
from retention.buyers import buyer_for
from retention.errors import Invalid
from retention.moments import last_day, show_moment
from retention.paging import Wanted
from retention.products import find_product
from retention.shops import Shop

group = typer.Typer(help="Campaigns: plan, launch, stop, results.", no_args_is_help=True)
offers = typer.Typer(help="Offers: the terms of coupons.", no_args_is_help=True)

SlugArgument = Annotated[str, typer.Argument(help="The campaign's slug.", metavar="SLUG")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="campaigns")
    app.add_typer(offers, name="offers")


@offers.callback()
def _describe() -> None:
    """Keep `offers create` two words while it is the only command of the group."""


@offers.command("create")
def create_an_offer(  # noqa: PLR0913 - every term of an offer is an option
    slug: Annotated[str, typer.Argument(help="Its slug.", metavar="SLUG")],
    shop: ShopOption,
    *,
    kind: Annotated[OfferKind, typer.Option(help="Type of benefit.")] = OfferKind.AMOUNT,
    value: Annotated[str, typer.Option(help="Amount off (20.00) or percentage off (15).")] = "0",
    minimum: Annotated[str, typer.Option(help="Minimum order amount.")] = "0",
    gift: Annotated[str, typer.Option(help="What the gift or sample is.")] = "",
    days: Annotated[int | None, typer.Option(help="Days a coupon is valid after claiming.")] = None,
    most: Annotated[int | None, typer.Option(help="Maximum number of coupons.")] = None,
    starts: Annotated[
        str, typer.Option(help="Start, like 2026-11-11T10:00+08:00. Without an offset, the shop's time zone.")
    ] = "",
    ends: Annotated[str, typer.Option(help="End, in the same format; a day alone is the last valid day.")] = "",
    unlock: Annotated[int | None, typer.Option(help="Number of claims that unlocks the coupons.")] = None,
    name: Annotated[str, typer.Option(help="Display name; default: the slug.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Create an offer."""
    with writing(shop) as here:
        made = create_offer(
            here.session,
            here.shop.id,
            slug,
            name=name or slug,
            kind=kind,
            value=_value(kind, value, here.shop.currency),
            minimum=money.minor(minimum, here.shop.currency),
            gift=gift,
            days_from_claim=days,
            most_coupons=most,
            starts_at=read_moment(starts, here.shop),
            ends_at=read_moment(ends, here.shop, through=True),
            unlock_at=unlock,
            at=here.now,
            actor=here.actor,
        )
        result = made.model_dump(mode="json", include={"slug", "name", "kind"})
        is_share = kind is OfferKind.PERCENT
        result["value"] = str(made.value) if is_share else money.write(made.value, here.shop.currency)
        result["minimum"] = money.write(made.minimum, here.shop.currency)
        result["last_day"] = last_day(made.ends_at, here.shop.timezone).isoformat() if made.ends_at else None
    show(result, as_json=as_json)


@group.command("list")
def list_them(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List the shop's campaigns, newest first."""
    with reading(shop) as here:
        page = page_of_campaigns(here.session, here.shop.id, Wanted(limit))
        rows = [CampaignOut.of(each).model_dump(mode="json") for each in page.rows]
    show_page("campaigns", rows, page, ("slug", "name", "state"), as_json=as_json)


@group.command()
def create(  # noqa: PLR0913 - every value of a draft is an option
    slug: SlugArgument,
    shop: ShopOption,
    recipe: Annotated[Recipe, typer.Option(help="What to start from.")],
    segment: Annotated[str, typer.Option(help="Segment to send to; default: the recipe's suggestion.")] = "",
    rule: Annotated[Path | None, typer.Option(help="Or a file with a rule as JSON.")] = None,
    trigger: Annotated[str, typer.Option(help="Trigger as JSON; default: the recipe's.")] = "",
    offer: Annotated[str, typer.Option(help="The offer's slug.")] = "",
    product: Annotated[str, typer.Option(help="The product's SKU.")] = "",
    control: Annotated[float | None, typer.Option(help="Share of the control group; default: the recipe's.")] = None,
    name: Annotated[str, typer.Option(help="Display name; default: the slug.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Draft a campaign from a recipe."""
    if segment and rule:
        raise Invalid("Name a segment with --segment or give --rule FILE, not both.")
    with writing(shop) as here:
        made = create_campaign(
            here.session,
            here.shop,
            Draft(
                slug,
                recipe=recipe,
                audience={"segment": segment} if segment else _read_rule(rule) if rule else None,
                trigger=_read_trigger(trigger),
                offer_id=find_offer(here.session, here.shop.id, offer).id if offer else None,
                product_id=find_product(here.session, here.shop.id, product).id if product else None,
                policy={} if control is None else {"control_share": control},
                name=name,
            ),
            at=here.now,
            actor=here.actor,
        )
        result = CampaignOut.of(made).model_dump(mode="json")
    show(result, as_json=as_json)


@group.command("plan")
def show_plan(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Show whom a launch now would reach, and the fingerprint of the plan."""
    with reading(shop) as here:
        campaign = _campaign(here, slug)
        planned = plan(here.session, here.shop, campaign, at=here.now)
    if as_json:
        show(planned.as_json(here.shop.currency), as_json=True)
    else:
        _write_funnel(planned, here.shop)


@group.command("launch")
def launch_it(
    slug: SlugArgument,
    shop: ShopOption,
    fingerprint: Annotated[
        str, typer.Option(help="The fingerprint shown by `plan`; refused if the plan has changed.")
    ] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Launch a campaign, or today's run of a parcel campaign."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        run = launch(here.session, here.shop, campaign, at=here.now, actor=here.actor, fingerprint=fingerprint or None)
        result = {"run": run.number, "state": campaign.state.value, "funnel": dict(run.funnel)}
        result["fingerprint"] = run.fingerprint
    show(result, as_json=as_json)


@group.command()
def pause(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Pause a campaign immediately; unsent messages wait."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        campaign_moves.pause(here.session, campaign, at=here.now, actor=here.actor)
        show(_state(here.session, campaign), as_json=as_json)


@group.command()
def resume(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Resume a paused campaign."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        campaign_moves.resume(here.session, campaign, at=here.now, actor=here.actor)
        show(_state(here.session, campaign), as_json=as_json)


@group.command()
def sender(
    slug: SlugArgument,
    shop: ShopOption,
    *,
    name: Annotated[
        str,
        typer.Option("--sender", metavar="SENDER", help="The sender's slug; default: the installation's mail server."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Change the sender, as long as nothing has been sent."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        chosen = find_sender(here.session, here.shop.id, name) if name else None
        change_sender(here.session, here.shop, campaign, chosen, at=here.now, actor=here.actor)
        show(_state(here.session, campaign), as_json=as_json)


@group.command()
def cancel(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Cancel a campaign permanently; unsent messages are skipped."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        campaign_moves.cancel(here.session, campaign, at=here.now, actor=here.actor)
        show(_state(here.session, campaign), as_json=as_json)


@group.command()
def finish(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Finish a running campaign, such as a parcel campaign; unsent messages are skipped."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        campaign_moves.finish(here.session, campaign, at=here.now, actor=here.actor)
        show(_state(here.session, campaign), as_json=as_json)


@group.command("show")
def show_one(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Show a campaign's delivery status and its results so far."""
    with reading(shop) as here:
        campaign = _campaign(here, slug)
        results = campaign_results(here.session, here.shop, campaign, at=here.now)
        show(_state(here.session, campaign) | results.as_json(), as_json=as_json)


@group.command("why")
def show_why(
    slug: SlugArgument,
    buyer: Annotated[str, typer.Argument(help="The buyer's ID.", metavar="BUYER")],
    shop: ShopOption,
    limit: LimitOption = USUAL_ROWS,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show why a buyer did or did not receive a campaign."""
    with reading(shop) as here:
        campaign = _campaign(here, slug)
        person = buyer_for(here.session, here.member, buyer)
        page = page_of_why(here.session, here.shop, campaign, person, Wanted(limit), at=here.now)
        rows = [WhyOut.of(each).model_dump(mode="json") for each in page.rows]
    lines = [row | {"line": f"{row['outcome']}: {row['sentence']}"} for row in rows]
    show_page("answers", rows if as_json else lines, page, ("line",), as_json=as_json)


@group.command("resend")
def resend_them(
    slug: SlugArgument,
    shop: ShopOption,
    state: Annotated[DeliveryState, typer.Option(help="Which messages: unknown (they may have arrived) or failed.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Resend failed or unknown messages, a thousand at a time."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        again = resend_all(here.session, here.shop, campaign, state=state, at=here.now, actor=here.actor)
    show({"slug": slug, "resent": again}, as_json=as_json)


@group.command("send")
def send_now(*, as_json: JsonOption = False) -> None:
    """Send all messages due now, for all shops, without waiting for a worker."""
    show(dict(send_all(engine(), now=clock.now)), as_json=as_json)


def _campaign(here: InShop, slug: str) -> Campaign:
    return find_campaign(here.session, here.shop.id, slug)


def _state(session: Session, campaign: Campaign) -> dict[str, Any]:
    ledger = count_campaign(session, campaign)
    return {"slug": campaign.slug, "state": campaign.state.value, "ledger": ledger.as_json()}


def _write_funnel(planned: Plan, shop: Shop) -> None:
    for step, buyers in planned.funnel:
        stays = step in {"segment", "final"}
        typer.echo(f"{buyers if stays else -buyers:>8,}  {step_name(step)}")
    if planned.coupons:
        left = "" if planned.coupons_left is None else f" of {planned.coupons_left:,} left"
        typer.echo(f"{planned.coupons:>8,}  coupons to issue{left}")
    for line in _about(planned, shop):
        typer.echo(line)
    typer.echo(f"fingerprint {planned.fingerprint}")


def _about(planned: Plan, shop: Shop) -> Iterator[str]:
    """Yield what else is worth knowing before a launch."""
    if planned.policy.transactional:
        yield "transactional: no cap holds it and it counts for none"
    if planned.send_times.last > planned.at:
        first, last = (show_moment(each, shop.timezone) for each in (planned.send_times.at, planned.send_times.last))
        yield f"sent from {first} to {last}"
    if delayed := len(planned.send_times.delayed):
        yield f"{delayed:>8,}  delayed until their frequency cap allows it"
    if planned.cost:
        yield f"costs {money.show(planned.cost, shop.currency)}{', over budget' if planned.over_ceiling else ''}"


def read_moment(text: str, shop: Shop, *, through: bool = False) -> datetime | None:
    """Return a moment as somebody typed it, on the shop's clock without an offset; None for nothing.

    A day alone is its first moment; with `through` it is meant to the end. Invalid shows how a moment is written.
    """
    return typed_moment(text, shop.timezone, through=through) if text else None


def _read_trigger(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    trigger = parse_json(text, "--trigger")
    if not isinstance(trigger, dict):
        raise Invalid(
            "The trigger must be one JSON object, such as {example}.", example='{"event": {"kind": "followed"}}'
        )
    return trigger


def _read_rule(path: Path) -> dict[str, Any]:
    rule = read_json(path)
    if not isinstance(rule, dict):
        raise Invalid("{file} must contain one JSON object with the rule.", file=path.name)
    return rule


def _value(kind: OfferKind, text: str, currency: str) -> int:
    if kind is OfferKind.PERCENT:
        if not text.isdecimal():
            raise Invalid("{text} is not a whole percentage. Write it like 15.", text=repr(text))
        return int(text)
    return money.minor(text, currency)
