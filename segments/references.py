"""References of a rule: the lists and groups that it names must exist."""

from typing import Any

from sqlmodel import Session, select

from retention.errors import Invalid
from retention.followers_and_groups import Group
from segments.lists import BuyerList
from segments.rule_ast import InGroup, InList, Node, conditions_of


def check_references(session: Session, shop_id: int, node: Node) -> None:
    """Raise Invalid, naming it, for the first list or group of a rule that the shop has not."""
    found = list(conditions_of(node))
    lists = {condition.slug for condition in found if isinstance(condition, InList)}
    groups = {condition.slug for condition in found if isinstance(condition, InGroup) and condition.slug is not None}
    if slug := _missing(session, shop_id, BuyerList, lists):
        raise Invalid("No list is called {slug}.", slug=slug)
    if slug := _missing(session, shop_id, Group, groups):
        raise Invalid("No group is called {slug}.", slug=slug)


def _missing(session: Session, shop_id: int, table: Any, slugs: set[str]) -> str | None:
    """Return the first of the names, in their order, that no row of the shop has."""
    if not slugs:
        return None
    known = set(session.exec(select(table.slug).where(table.shop_id == shop_id)))
    return min(slugs - known, default=None)
