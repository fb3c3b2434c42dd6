"""Commands on the lifecycle of a campaign: changed, submitted, approved, sent back, scheduled."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from api.cli.campaigns import SlugArgument, group, read_moment
from api.cli.terminal import InShop, JsonOption, ShopOption, read_json, reading, show, writing
from api.shapes.arrivals import ArrivalOut
from campaigns.campaign.campaigns import Campaign
from campaigns.plans.planning import promise
from campaigns.runs import approving, scheduling
from campaigns.runs.approvals import reviews_of
from campaigns.runs.arrivals import board
from campaigns.runs.drafting import edit_campaign, find_campaign
from retention.errors import Invalid
from retention.shops import Shop

NoteOption = Annotated[str, typer.Option(help="Comment.")]


def add_to(app: typer.Typer) -> None:  # noqa: ARG001 - these belong to the group `campaigns`
    for name, command in (
        ("edit", edit),
        ("submit", submit),
        ("approve", approve),
        ("send-back", send_back),
        ("schedule", schedule),
        ("arrivals", show_arrivals),
    ):
        group.command(name)(command)


def edit(
    slug: SlugArgument,
    file: Annotated[Path, typer.Argument(help="A file with the new values as one JSON object.", metavar="FILE")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Change a campaign that has not been launched; it becomes a draft again and any approval is void."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        changes = _read_changes(file, here.shop)
        edit_campaign(here.session, here.shop, campaign, changes=changes, at=here.now, actor=here.actor)
        result = _state(here.session, campaign)
    show(result, as_json=as_json)


def submit(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Submit a draft for approval."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        approving.submit(here.session, here.shop, campaign, at=here.now, actor=here.actor)
        result = _state(here.session, campaign)
    show(result, as_json=as_json)


def approve(
    slug: SlugArgument,
    shop: ShopOption,
    fingerprint: Annotated[str, typer.Option(help="The fingerprint you reviewed; refused if it has changed.")] = "",
    note: NoteOption = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Approve exactly what was submitted. Nobody can approve their own campaign, on the command line either."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        approving.approve(
            here.session, here.shop, campaign, at=here.now, actor=here.actor, fingerprint=fingerprint or None, note=note
        )
        result = _state(here.session, campaign)
    show(result, as_json=as_json)


def send_back(slug: SlugArgument, shop: ShopOption, note: NoteOption = "", *, as_json: JsonOption = False) -> None:
    """Return a campaign to draft, with a reason."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        approving.send_back(here.session, here.shop, campaign, at=here.now, actor=here.actor, note=note)
        result = _state(here.session, campaign)
    show(result, as_json=as_json)


def schedule(
    slug: SlugArgument,
    shop: ShopOption,
    at: Annotated[
        str, typer.Option(help="Launch time, like 2026-11-11T10:00+08:00. Without an offset, the shop's time zone.")
    ] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Schedule a campaign, or activate its trigger; without --at, at the time set in the draft."""
    with writing(shop) as here:
        campaign = _campaign(here, slug)
        scheduling.schedule(here.session, campaign, launch_at=read_moment(at, here.shop), at=here.now, actor=here.actor)
        result = _state(here.session, campaign)
    show(result, as_json=as_json)


def show_arrivals(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List upcoming, available and sold-out products, their sales, and the campaigns that announce them."""
    with reading(shop) as here:
        shown = board(here.session, here.shop, at=here.now)
        stages = {
            "coming": [ArrivalOut.of(each).model_dump(mode="json") for each in shown.coming],
            "live": [ArrivalOut.of(each).model_dump(mode="json") for each in shown.live],
            "sold_out": [ArrivalOut.of(each).model_dump(mode="json") for each in shown.sold_out],
        }
    if as_json:
        show(stages, as_json=True)
        return
    for name, stage in stages.items():
        for item in stage:
            typer.echo("\t".join([name.replace("_", " "), item["sku"], item["title"], str(item["sales"])]))


def _campaign(here: InShop, slug: str) -> Campaign:
    return find_campaign(here.session, here.shop.id, slug)


def _state(session: Session, campaign: Campaign) -> dict[str, Any]:
    review = next(iter(reviews_of(session, campaign)), None)
    return {
        "slug": campaign.slug,
        "state": campaign.state.value,
        "scheduled_at": campaign.scheduled_at.isoformat() if campaign.scheduled_at else None,
        "fingerprint": promise(session, campaign),
        "review": review.verdict.value if review else None,
    }


def _read_changes(file: Path, shop: Shop) -> dict[str, Any]:
    changes = read_json(file)
    if not isinstance(changes, dict):
        raise Invalid("{file} must contain one JSON object with the changes.", file=file.name)
    if "scheduled_at" in changes and changes["scheduled_at"] is not None:
        changes["scheduled_at"] = read_moment(str(changes["scheduled_at"]), shop)
    return changes
