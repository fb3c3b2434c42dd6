"""Commands on API keys."""

from datetime import datetime, timedelta
from typing import Annotated

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
from api.shapes.users import KeyOut
from retention import keys
from retention.access import Scope, read_scopes
from retention.moments import show_end
from retention.paging import Wanted
from retention.shops import Shop

group = typer.Typer(help="API keys for other systems.", no_args_is_help=True)

_EVERY_SCOPE = ", ".join(scope.value for scope in Scope)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="key")


@group.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as: shop-backend.")],
    shop: ShopOption,
    scope: Annotated[list[str], typer.Option(help=f"Scope of the key; repeat for more. One of {_EVERY_SCOPE}.")],
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days until it expires; default: never.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Create an API key and show its secret once."""
    scopes = read_scopes(scope)
    with writing(shop) as here:
        at = here.now
        expires_at = at + timedelta(days=days) if days else None
        secret = keys.create_api_key(
            here.session, here.shop, name=name, scopes=scopes, by=here.member, at=at, expires_at=expires_at
        )
        result = {"name": name.strip(), "shop": shop, "scopes": sorted(s.value for s in scopes), "key": secret}
        end = _end(expires_at, here.shop, at, as_json=as_json)
    show(result | ({"expires_at": end} if end else {}), as_json=as_json)


@group.command("list")
def list_keys(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List a shop's keys with scopes, creator, last use and state."""
    with reading(shop) as here:
        at = here.now
        page = keys.page_of_keys(here.session, here.shop, Wanted(limit), at=at)
        rows = [KeyOut.of(key, at=at).model_dump(mode="json") | {"created_by": key.created_by} for key in page.rows]
        ends = [_end(key.expires_at, here.shop, at, as_json=as_json) for key in page.rows]
    if not as_json:
        rows = [
            row | {"scopes": ",".join(row["scopes"]), "expires_at": end} for row, end in zip(rows, ends, strict=True)
        ]
    show_page("keys", rows, page, ["name", "state", "scopes", "last_used_at", "expires_at"], as_json=as_json)


def _end(expires_at: datetime | None, shop: Shop, at: datetime, *, as_json: bool) -> str | None:
    """Return an end as people read it, its last day, or as a moment for programs."""
    if expires_at is None:
        return None
    return expires_at.isoformat() if as_json else show_end(expires_at, shop.timezone, at=at)


@group.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name.")], shop: ShopOption, *, as_json: JsonOption = False
) -> None:
    """Revoke a key permanently. Requests with it are refused from now on."""
    with writing(shop) as here:
        key = keys.find_key(here.session, here.shop, name)
        keys.revoke_api_key(here.session, here.shop, key.id, at=here.now, by=here.member)
    show({"name": name, "shop": shop, "state": "revoked"}, as_json=as_json)
