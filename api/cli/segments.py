"""Commands on segments."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.terminal import (
    USUAL_ROWS,
    JsonOption,
    LimitOption,
    ShopOption,
    read_json,
    reading,
    show,
    show_page,
    writing,
)
from api.shapes.segments import ListedSegmentOut, RefreshedOut, SegmentOut
from campaigns.campaign.audiences import remove_segment
from retention import clock
from retention.access import Member, Scope
from retention.errors import Invalid
from retention.i18n import speaking
from retention.paging import Wanted
from retention.shops import Shop
from segments import export as files
from segments import lists, presets, preview, segments, snapshots
from segments.descriptions import describe
from segments.matching import match
from segments.rule_ast import InSegment, to_json
from segments.rules import parse
from segments.schema import rule_schema
from segments.values import read_moment
from segments.view import View

group = typer.Typer(help="Segments: rules, matching buyers, and who entered or left.", no_args_is_help=True)

RuleOption = Annotated[str, typer.Option("--rule", help="A file with the rule as JSON; - reads standard input.")]
SlugArgument = Annotated[str, typer.Argument(help="The segment's slug.", metavar="SLUG")]
AsOfOption = Annotated[
    str,
    typer.Option(
        "--as-of",
        help="Use only data from before this day or time (ISO 8601; without an offset, the shop's time zone).",
    ),
]
LanguageOption = Annotated[str, typer.Option("--language", help="en or zh-CN.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="segments")


@group.command("list")
def list_them(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List the shop's segments with their size at the last refresh."""
    with reading(shop) as here:
        sizes = snapshots.sizes(here.session, here.shop.id)
        page = segments.page_of_segments(here.session, here.shop.id, Wanted(limit))
        listed = [
            ListedSegmentOut.of(each, here.shop, here.member, buyers_at_refresh=sizes.get(each.id))
            for each in page.rows
        ]
    rows = [each.model_dump(mode="json") | {"size": each.buyers_at_refresh} for each in listed]
    lines = [row | {"size": "not refreshed yet" if row["size"] is None else row["size"]} for row in rows]
    show_page("segments", rows if as_json else lines, page, ("slug", "size", "name"), as_json=as_json)


@group.command("show")
def show_one(
    slug: SlugArgument, shop: ShopOption, *, language: LanguageOption = "en", as_json: JsonOption = False
) -> None:
    """Show a segment: its rule (also in words), current size and last changes."""
    with reading(shop) as here, speaking(language):
        segment = segments.find_segment(here.session, here.shop.id, slug)
        history = snapshots.trend(here.session, here.shop.id, segment.id)
        result = SegmentOut.of(segment, here.shop, here.member).model_dump(mode="json") | {
            "count": len(match(here.session, here.shop, InSegment(slug), now=here.now)),
            "trend": [{"at": at.isoformat(), "size": size} for at, size in history],
        }
    show(result, as_json=as_json)


@group.command()
def count(
    shop: ShopOption,
    rule: RuleOption,
    as_of: AsOfOption = "",
    ids: Annotated[
        Path | None, typer.Option("--ids", help="Write the buyer IDs to this file, one per line, sorted.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Count the buyers that match a rule."""
    asked = read_json(rule)
    with reading(shop) as here:
        moment = read_as_of(here.shop, as_of)
        answer = preview.preview(here.session, here.shop, parse(asked), now=here.now, as_of=moment)
        result: dict[str, Any] = {
            "count": len(answer.buyers),
            "buyers": answer.everyone,
            "as_of": moment.isoformat() if moment else None,
        }
        if answer.floored_to:
            result["counted_back_from"] = answer.floored_to.isoformat()
        if answer.notes:
            result["notes"] = list(answer.notes)
        if ids:
            ids.write_text(
                "".join(f"{each}\n" for each in lists.external_ids(here.session, here.shop.id, answer.buyers)), "utf-8"
            )
            result["ids"] = str(ids)
    show(result if as_json else {name: value for name, value in result.items() if value is not None}, as_json=as_json)


@group.command()
def save(
    slug: SlugArgument,
    shop: ShopOption,
    rule: RuleOption,
    name: Annotated[str, typer.Option(help="Display name; default: the slug.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Save a rule as a segment; an existing one is replaced."""
    asked = read_json(rule)
    with writing(shop) as here:
        segment = segments.save_segment(
            here.session, here.shop.id, slug, rule=parse(asked), name=name, actor=here.actor, at=here.now
        )
        shown = SegmentOut.of(segment, here.shop, here.member)
        result = shown.model_dump(mode="json", include={"slug", "name", "words"})
    show(result, as_json=as_json)


@group.command("presets")
def save_presets(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Save the preset segments the shop does not have yet, and list those that need a parameter."""
    with writing(shop) as here:
        made = presets.save_presets(here.session, here.shop, at=here.now)
        asking = {preset.slug: list(preset.asks) for preset in presets.PRESETS.values() if preset.asks}
        result = {"saved": [segment.slug for segment in made], "asking": asking}
    show(result, as_json=as_json)


@group.command("preset")
def use_preset(
    slug: Annotated[str, typer.Argument(help="The preset, such as category-fans.", metavar="PRESET")],
    shop: ShopOption,
    category: Annotated[str, typer.Option(help="Category, for category-fans.")] = "",
    bought: Annotated[str, typer.Option(help="The SKU they bought, for bought-but-not.")] = "",
    missing: Annotated[str, typer.Option(help="The SKU they never bought, for bought-but-not.")] = "",
    save_as: Annotated[str, typer.Option("--save-as", help="Save it as a segment under this slug.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Count the buyers of one preset segment, with the category or products it needs."""
    preset, values = presets.find_preset(slug), {"category": category, "bought": bought, "missing": missing}
    node = preset.node(values)
    with writing(shop) as here:
        result: dict[str, Any] = {"count": len(match(here.session, here.shop, node, now=here.now))}
        result |= {"words": describe(node, currency=here.shop.currency), "rule": to_json(node)}
        if save_as:
            with speaking(here.shop.language):
                name = preset.titled(values)
            segments.save_segment(
                here.session, here.shop.id, save_as, rule=node, name=name, actor=here.actor, at=here.now
            )
            result["saved"] = save_as
    show(result, as_json=as_json)


@group.command()
def delete(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Delete a segment that no campaign or other segment uses. No buyer is deleted."""
    with writing(shop) as here:
        remove_segment(here.session, here.shop.id, slug, actor=here.actor, at=here.now)
    show({"deleted": slug}, as_json=as_json)


@group.command()
def refresh(
    shop: ShopOption,
    slug: Annotated[str, typer.Argument(help="One segment; default: all.", metavar="[SLUG]")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Refresh segments and show who entered and left."""
    with writing(shop) as here:
        if slug:
            done = [snapshots.refresh_segment(here.session, here.shop, slug, now=here.now)]
        else:
            done = snapshots.refresh_segments(here.session, here.shop, now=here.now)
    rows = [RefreshedOut.of(each).model_dump(mode="json") | {"size": each.size} for each in done]
    if as_json:
        show({"segments": rows}, as_json=True)
        return
    for row in rows:
        typer.echo(f"{row['slug']}\t{row['size']}\t+{row['entered']} -{row['left']}")


@group.command()
def export(
    slug: SlugArgument,
    shop: ShopOption,
    out: Annotated[Path, typer.Option(help="The CSV file to write.")],
    *,
    masked: Annotated[bool, typer.Option("--masked", help="Mask names, email and phone, as for a viewer.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the buyers of a segment to a CSV file."""
    with reading(shop) as here:
        segments.find_segment(here.session, here.shop.id, slug)  # before a file of that name is emptied
        with out.open("w", encoding="utf-8", newline="") as target:
            written = files.export_segment(
                here.session, here.shop, _reader(here.member, masked=masked), slug=slug, target=target, now=here.now
            )
    show({"buyers": written, "file": str(out)}, as_json=as_json)


@group.command("describe")
def describe_rule(
    shop: ShopOption,
    slug: Annotated[str, typer.Argument(help="A saved segment; or give --rule.", metavar="[SLUG]")] = "",
    rule: RuleOption = "",
    language: LanguageOption = "en",
    *,
    as_json: JsonOption = False,
) -> None:
    """Describe a rule in words."""
    if bool(slug) == bool(rule):
        raise Invalid("Name a segment or give --rule FILE, one of the two.")
    with reading(shop) as here, speaking(language):
        node = segments.find_segment(here.session, here.shop.id, slug).rule if slug else parse(read_json(rule))
        words = describe(node, currency=here.shop.currency)
    if as_json:
        show({"words": words}, as_json=True)
    else:
        typer.echo(words)


@group.command("schema")
def print_schema(*, as_json: JsonOption = False) -> None:
    """Write the JSON Schema of the rule language, for editors and other systems."""
    typer.echo(json.dumps(rule_schema(), indent=None if as_json else 2))


def read_as_of(shop: Shop, text: str) -> datetime | None:
    """Return the moment that --as-of names in the shop's zone; None when it is not given."""
    return View(shop, clock.now()).beginning(read_moment(text, "--as-of")) if text else None


def _reader(member: Member, *, masked: bool) -> Member:
    if not masked:
        return member
    return replace(member, scopes=member.scopes - {Scope.BUYERS_PERSONAL})
