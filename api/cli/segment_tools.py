"""Commands that work on segments as sets: manual members, lists, tools on sets, RFM groups and predictions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import segments as commands
from api.cli.segments import AsOfOption, SlugArgument
from api.cli.terminal import JsonOption, ShopOption, reading, show, writing
from retention import clock
from retention.errors import Invalid
from retention.spreadsheets import open_csv
from segments import export, forecasting, forecasts, lists, rfm, segments, sets
from segments.descriptions import describe
from segments.matching import match, open_matcher
from segments.rule_ast import HORIZON, InSegment, Node, Scale, to_json

group = typer.Typer()

BuyersArgument = Annotated[list[str] | None, typer.Argument(help="Buyer IDs of the shop.", metavar="[BUYER]...")]
FileOption = Annotated[Path | None, typer.Option("--from", help="A file with buyer IDs, one per line.")]
SegmentsArgument = Annotated[list[str], typer.Argument(help="Slugs of saved segments.", metavar="SLUG...")]
SaveOption = Annotated[str, typer.Option("--save-as", help="Save the result as a segment under this slug.")]
ScaleOption = Annotated[Scale, typer.Option(help="How frequency is scored: by quintiles, or fixed steps.")]


def add_to(_app: typer.Typer) -> None:
    commands.group.add_typer(group)  # without a name of its own: they are commands of `regulars segments` too


@group.command()
def pin(
    slug: SlugArgument,
    shop: ShopOption,
    buyers: BuyersArgument = None,
    source: FileOption = None,
    *,
    out: Annotated[
        bool, typer.Option("--out", help="Exclude them from the segment instead of including them.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Always include buyers in a segment, or exclude them, whatever its rule says."""
    _set_manual_members(slug, shop, _named(buyers, source), "out" if out else "in", as_json=as_json)


@group.command()
def unpin(
    slug: SlugArgument,
    shop: ShopOption,
    buyers: BuyersArgument = None,
    source: FileOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Remove manual includes and excludes, so that the rule decides again."""
    _set_manual_members(slug, shop, _named(buyers, source), None, as_json=as_json)


@group.command()
def upload(
    slug: Annotated[str, typer.Argument(help="The list's slug, as used in rules.", metavar="LIST")],
    shop: ShopOption,
    source: Annotated[
        Path, typer.Option("--from", help="A file with buyer IDs, one per line or in a column buyer_id.")
    ],
    name: Annotated[str, typer.Option(help="Display name; default: the slug.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Save the buyers in a file as a list; an existing one is replaced."""
    named = _lines(source)
    with writing(shop) as here:
        kept, unknown = export.upload_list(
            here.session, here.shop, slug, lines=iter(named), actor=here.actor, at=here.now, name=name
        )
        size = len(lists.list_members(here.session, here.shop.id, slug))
    show({"list": kept.slug, "buyers": size, "unknown": unknown}, as_json=as_json)


@group.command()
def overlap(slugs: SegmentsArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Count the buyers that each pair of segments shares."""
    with reading(shop) as here:
        shared = sets.overlap(here.session, here.shop, slugs, now=here.now).shared
    if as_json:
        show({"segments": slugs, "shared": shared}, as_json=True)
        return
    typer.echo("\t".join(["", *slugs]))
    for slug, counts in zip(slugs, shared, strict=True):
        typer.echo("\t".join([slug, *map(str, counts)]))


@group.command()
def union(slugs: SegmentsArgument, shop: ShopOption, save_as: SaveOption = "", *, as_json: JsonOption = False) -> None:
    """Count the buyers in at least one of the segments."""
    _combine(shop, sets.union(slugs), save_as, as_json=as_json)


@group.command()
def intersect(
    slugs: SegmentsArgument, shop: ShopOption, save_as: SaveOption = "", *, as_json: JsonOption = False
) -> None:
    """Count the buyers in all of the segments."""
    _combine(shop, sets.intersection(slugs), save_as, as_json=as_json)


@group.command()
def minus(
    slug: SlugArgument,
    without: Annotated[list[str], typer.Argument(help="Segments to subtract.", metavar="WITHOUT...")],
    shop: ShopOption,
    save_as: SaveOption = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Count the buyers in one segment and in none of the others."""
    _combine(shop, sets.minus(slug, without), save_as, as_json=as_json)


@group.command()
def split(
    slug: SlugArgument,
    shop: ShopOption,
    shares: Annotated[str, typer.Option(help="Whole percentages that add up to 100, such as 50,30,20.")] = "50,50",
    seed: Annotated[str, typer.Option(help="The same seed always splits the same way; default: the slug.")] = "",
    save_as: Annotated[str, typer.Option("--save-as", help="Save the parts as segments: this slug, -1, -2 ...")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Split a segment at random, each buyer into one part."""
    rules = sets.split(slug, _percents(shares), seed=seed or slug)
    parts: list[dict[str, Any]] = []
    with writing(shop) as here:
        for number, node in enumerate(rules, 1):
            part: dict[str, Any] = {
                "part": number,
                "count": len(match(here.session, here.shop, node, now=here.now)),
                "rule": to_json(node),
            }
            if save_as:
                part["slug"] = f"{save_as}-{number}"
                segments.save_segment(
                    here.session, here.shop.id, part["slug"], rule=node, actor=here.actor, at=here.now
                )
            parts.append(part)
    if as_json:
        show({"parts": parts}, as_json=True)
        return
    for part in parts:
        typer.echo(f"{part['part']}\t{part['count']}\t{part.get('slug', '')}")


@group.command("rfm")
def show_groups(
    shop: ShopOption, as_of: AsOfOption = "", scale: ScaleOption = Scale.QUINTILES, *, as_json: JsonOption = False
) -> None:
    """Count the buyers of each of the eleven RFM groups, and of each score of recency and frequency."""
    with reading(shop) as here:
        everyone = open_matcher(here.session, here.shop, now=here.now).everyone
        scores = open_matcher(
            here.session, here.shop, now=here.now, as_of=commands.read_as_of(here.shop, as_of)
        ).scored(scale)
        groups = rfm.group_members(scores, everyone=everyone)
        plane = rfm.cells(scores)
    counts = {name: len(members) for name, members in groups.items()}
    if as_json:
        show({"groups": counts, "plane": [[cell.buyers for cell in row] for row in plane]}, as_json=True)
        return
    for name, count in counts.items():
        typer.echo(f"{name}\t{count}")
    typer.echo("\nrows: recency from 5 down; columns: frequency from 1 up")
    for row in plane:
        typer.echo("\t".join(str(cell.buyers) for cell in row))


@group.command("movement")
def show_movement(
    shop: ShopOption,
    since: Annotated[
        str, typer.Option(help="The day or time to compare with (ISO 8601; without an offset, the shop's time zone).")
    ],
    as_of: AsOfOption = "",
    scale: ScaleOption = Scale.QUINTILES,
    *,
    as_json: JsonOption = False,
) -> None:
    """Count the buyers who changed RFM groups since a day."""
    with reading(shop) as here:
        everyone = open_matcher(here.session, here.shop, now=here.now).everyone
        before, after = (
            rfm.group_members(
                open_matcher(here.session, here.shop, now=here.now, as_of=moment).scored(scale), everyone=everyone
            )
            for moment in (commands.read_as_of(here.shop, since), commands.read_as_of(here.shop, as_of))
        )
    moved = rfm.movement(before, after)
    rows = [
        {"from": one, "to": other, "buyers": count}
        for one, counts in zip(moved.groups, moved.moved, strict=True)
        for other, count in zip(moved.groups, counts, strict=True)
        if count
    ]
    if as_json:
        show({"moved": rows}, as_json=True)
        return
    for row in rows:
        typer.echo(f"{row['from']}\t{row['to']}\t{row['buyers']}")


@group.command()
def predict(
    shop: ShopOption,
    as_of: AsOfOption = "",
    out: Annotated[Path | None, typer.Option(help="Write each buyer's predictions to this CSV file.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Recalculate the predictions of all buyers; with --as-of, calculate without saving."""
    with reading(shop) as here:
        moment = commands.read_as_of(here.shop, as_of)
        made = forecasting.make_forecast(here.session, here.shop, now=here.now, as_of=moment)
        if out:
            _write_forecasts(out, made, lists.external_ids_of(here.session, here.shop.id, [made.members]))
    if moment is None:
        with writing(shop) as here:
            forecasting.keep_forecast(here.session, made)
    show(_forecast_shown(made), as_json=as_json)


def _forecast_shown(made: forecasting.Forecasts) -> dict[str, Any]:
    row = made.shop
    result: dict[str, Any] = {"day": clock.day_of(row.day), "buyers": row.buyers, "came_back": row.came_back}
    if why := forecasts.why_nothing(row):
        return {**result, "nothing": why}
    alive = made.alive[made.alive >= 0].sum() / forecasts.UNIT
    expected = {f"orders_in_{days}_days": round(float(n.sum()) / forecasts.UNIT, 1) for days, n in made.orders.items()}
    fitted = {name: round(getattr(row, name), 4) for name in ("r", "alpha", "a", "b")}
    return {**result, "active_of_those": round(float(alive), 1), **expected, **fitted}


def _write_forecasts(path: Path, made: forecasting.Forecasts, names: dict[int, str]) -> None:
    columns = (made.ids, made.alive, made.orders[HORIZON], made.next_day)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = open_csv(file)
        writer.write(("buyer_id", "alive", f"orders_in_{HORIZON}_days", "next_order"))
        for buyer, alive, orders, day in zip(*(each.tolist() for each in columns), strict=True):
            writer.write(
                (
                    names[buyer],
                    "" if alive < 0 else alive / forecasts.UNIT,
                    orders / forecasts.UNIT,
                    "" if day < 0 else clock.day_of(day),
                )
            )


def _set_manual_members(slug: str, shop: str, named: list[str], where: str | None, *, as_json: bool) -> None:
    with writing(shop) as here:
        buyers, unknown = lists.buyers_called(here.session, here.shop.id, named)
        if unknown:
            raise Invalid("No buyer is called {unknown}. Nothing was changed.", unknown=", ".join(unknown[:5]))
        segments.set_manual_members(
            here.session, here.shop.id, slug, buyers=buyers, where=where, actor=here.actor, at=here.now
        )
        size = len(match(here.session, here.shop, InSegment(slug), now=here.now))
    show({"segment": slug, "pinned": where or "no more", "buyers": len(buyers), "size": size}, as_json=as_json)


def _combine(shop: str, node: Node, save_as: str, *, as_json: bool) -> None:
    with writing(shop) as here:
        result: dict[str, Any] = {
            "count": len(match(here.session, here.shop, node, now=here.now)),
            "words": describe(node),
        }
        if save_as:
            segments.save_segment(here.session, here.shop.id, save_as, rule=node, actor=here.actor, at=here.now)
            result["saved"] = save_as
    show({**result, "rule": to_json(node)}, as_json=as_json)


def _named(buyers: list[str] | None, source: Path | None) -> list[str]:
    named = [*(buyers or ()), *(_lines(source) if source else ())]
    if not any(each.strip() for each in named):
        raise Invalid("Give buyer IDs, or a file of IDs with --from.")
    return named


def _lines(source: Path) -> list[str]:
    try:
        return source.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise Invalid("A list of buyer IDs must be UTF-8 text, one ID per line.") from error


def _percents(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        raise Invalid(
            "Shares must be whole percentages from 1 that add up to 100, not {shares}.", shares=text
        ) from error
