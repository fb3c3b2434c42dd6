"""The first half of the demonstration: shops made, files imported, segments saved."""

from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, func, select

from api.demo import sample
from api.demo.sample import Bag
from api.demo.stage import ZONE, Stage
from retention import clock
from retention.access import Member, Role
from retention.database import reading, transaction
from retention.errors import Invalid
from retention.ingest import ImportOptions, ImportReport, import_file
from retention.orders import Order
from retention.shops import Shop, create_shop
from retention.users import User, add_user, member_for
from segments.matching import match
from segments.presets import PRESETS, save_presets

PASSWORD = "tea-and-paper"  # noqa: S105 - printed for whoever tries the demo


@dataclass(frozen=True)
class Cast:
    """A shop of the demonstration and who acts in it."""

    shop: Shop
    bag: Bag
    owner: Member
    marketer: Member
    packer: Member


def open_shops(stage: Stage, orders: Path | None, preset: str, buyers: int | None) -> tuple[Cast, Cast]:
    """Make both shops and import their files."""
    if orders is None:
        with stage.step("Generate two sample shops"):
            own, partner = sample.invent(stage, buyers)
        main = _open(stage, own.slug, own.name)
    else:
        main = _open(stage, "shop", orders.stem)
        _import(stage, main, "orders", orders, preset)
        _begin_after_the_last_order(stage, main)
        with stage.step("Generate data missing from the order file"):
            own, partner = sample.complete(stage, main), sample.invent_partner(stage)
    for kind, path in own.files.items():
        _import(stage, main, kind, path)
    other = _open(stage, partner.slug, partner.name)
    with stage.step("Import the partner shop", total=len(partner.files)) as step:
        for kind, path in partner.files.items():
            import_file(stage.engine, other.slug, kind, path, now=stage.now, files=stage.files)
            step.advance()
    return _cast(stage, main, own), _cast(stage, other, partner)


def _begin_after_the_last_order(stage: Stage, shop: Shop) -> None:
    with reading(stage.engine) as session:
        last = session.exec(select(func.max(Order.order_day)).where(Order.shop_id == shop.id)).one()
    if last is None:
        raise Invalid(
            "The order file has no order that could be imported; see the file of rejected rows in the same folder."
        )
    stage.day = clock.day_of(last + 1)
    stage.at(9)


def save_segments(stage: Stage, shop: Shop) -> dict[str, int]:
    """Save the presets in the shop and return how many buyers each has."""
    ready = {slug: preset for slug, preset in PRESETS.items() if not preset.asks}
    with stage.step("Create the segments", total=len(ready)) as step, transaction(stage.engine) as session:
        save_presets(session, shop, at=stage.now)
        counts = {}
        for slug, preset in ready.items():
            counts[slug] = len(match(session, shop, preset.node(), now=stage.now))
            step.advance()
    return counts


def address_of(shop: Shop, role: Role) -> str:
    """Return the address with which a role of a shop signs in."""
    return f"{role.value}@{shop.slug}.example"


def _open(stage: Stage, slug: str, name: str) -> Shop:
    with transaction(stage.engine) as session:
        shop = create_shop(session, slug, name=name, timezone=ZONE, currency="CNY", at=stage.now)
        for role in Role:
            add_user(session, address_of(shop, role), shop=shop, role=role, password=PASSWORD, at=stage.now)
    return shop


def _import(stage: Stage, shop: Shop, kind: str, path: Path, preset: str = "generic") -> ImportReport:
    with stage.step(f"Import {kind}") as step:
        return import_file(
            stage.engine,
            shop.slug,
            kind,
            path,
            options=ImportOptions(preset=preset),
            now=stage.now,
            files=stage.files,
            progress=step.seen,
        )


def _cast(stage: Stage, shop: Shop, bag: Bag) -> Cast:
    with reading(stage.engine) as session:
        acting = {role: _member(session, shop, role) for role in (Role.OWNER, Role.MARKETER, Role.WAREHOUSE)}
    return Cast(shop, bag, acting[Role.OWNER], acting[Role.MARKETER], acting[Role.WAREHOUSE])


def _member(session: Session, shop: Shop, role: Role) -> Member:
    user = session.exec(select(User).where(User.email == address_of(shop, role))).one()
    member = member_for(session, user, shop)
    assert member is not None  # made a moment ago
    return member
