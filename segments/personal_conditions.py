"""Conditions on personal data: names, email, phone and ids may be queried only with the right to see them.

A rule that compares a phone with what somebody chooses tells the phone, digit by digit, whatever mask a page puts over
it. So whoever may not see personal data may not have such a rule answered, by itself or inside a saved segment it
names. What a colleague with the right saved may still be used whole, as an audience: `check_using`.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlmodel import Session, col, select

from retention.access import Member, Scope
from retention.errors import Forbidden, Invalid
from segments.rule_ast import All, AnyOf, BuyerField, Condition, InSegment, Node, Not, conditions_of, to_json
from segments.rules import parse
from segments.segments import Segment

PERSONAL = frozenset({"external_id", "name", "email", "phone"})
"""Fields of a buyer that only `buyers:personal` may ask about."""

HIDDEN = "•••"

Rule = dict[str, Any]
Saved = dict[str, tuple[Condition, ...]]


def check_asking(session: Session, member: Member, *rules: Node | None) -> None:
    """Raise Forbidden unless the member may have these rules answered."""
    if member.may(Scope.BUYERS_PERSONAL):
        return
    asked = personal_fields(session, member.shop_id, *rules)
    if asked:
        raise Forbidden(
            "The rule uses {fields}, directly or through a segment. This needs the scope {scope}. Ask the shop's "
            "owner for access.",
            fields=", ".join(sorted(asked)),
            scope=Scope.BUYERS_PERSONAL.value,
        )


def may_ask(session: Session, member: Member, *rules: Node | None) -> bool:
    """Tell whether the member may have these rules answered."""
    return member.may(Scope.BUYERS_PERSONAL) or not personal_fields(session, member.shop_id, *rules)


def check_using(session: Session, member: Member, audience: Node, *narrowing: Node | None) -> None:
    """Raise Forbidden unless the member may make this the audience of a campaign that `narrowing` rules divide.

    A saved segment that asks about personal data is used alone and whole: what is left of it after another rule has
    been taken away would tell who is in it.
    """
    if member.may(Scope.BUYERS_PERSONAL) or not personal_fields(session, member.shop_id, audience, *narrowing):
        return
    if not isinstance(audience, InSegment) or any(rule not in ALL_BUYERS for rule in narrowing):
        raise Forbidden(
            "The audience uses personal data. Without the scope {scope} such a saved segment can only be used alone "
            "and unchanged: no other rule, no exclusion, no waves.",
            scope=Scope.BUYERS_PERSONAL.value,
        )


def personal_fields(session: Session, shop_id: int, *rules: Node | None) -> set[str]:
    """Return the personal fields that rules ask about, themselves or in the saved segments they lead to."""
    asked = [condition for rule in rules if rule is not None for condition in conditions_of(rule)]
    names_segments = any(isinstance(condition, InSegment) for condition in asked)
    return _fields(asked, _saved(session, shop_id) if names_segments else {})


def hidden_segments(session: Session, member: Member) -> set[str]:
    """Return the saved segments whose members this member may not see, for they ask about personal data."""
    if member.may(Scope.BUYERS_PERSONAL):
        return set()
    saved = _saved(session, member.shop_id)
    return {slug for slug in saved if _fields([InSegment(slug)], saved)}


def readable(member: Member, node: Node) -> Node:
    """Return a rule as the member may read it: what personal fields are compared with is hidden without the right."""
    return node if member.may(Scope.BUYERS_PERSONAL) else _veiled(node)


def readable_json(member: Member, rule: Rule) -> Rule:
    """Return a rule as it is written, likewise."""
    return rule if member.may(Scope.BUYERS_PERSONAL) else to_json(_veiled(parse(rule)))


def _saved(session: Session, shop_id: int) -> Saved:
    rows = session.exec(select(col(Segment.slug), col(Segment.rule_json)).where(Segment.shop_id == shop_id))
    return {slug: _conditions_in(rule) for slug, rule in rows}


def _conditions_in(rule: object) -> tuple[Condition, ...]:
    """Return the conditions of a saved rule; of one that cannot be read, that it may ask about anything."""
    try:
        return tuple(conditions_of(parse(rule)))
    except Invalid:
        return tuple(BuyerField(field, "exists", (1,)) for field in sorted(PERSONAL))


def _fields(asked: Iterable[Condition], saved: Saved) -> set[str]:
    found: set[str] = set()
    todo, seen = list(asked), set[str]()
    while todo:
        condition = todo.pop()
        if isinstance(condition, BuyerField) and condition.field in PERSONAL:
            found.add(condition.field)
        elif isinstance(condition, InSegment) and condition.slug not in seen:
            seen.add(condition.slug)
            todo += saved.get(condition.slug, ())
    return found


def _veiled(node: Node) -> Node:
    match node:
        case All(nodes):
            return All(tuple(map(_veiled, nodes)))
        case AnyOf(nodes):
            return AnyOf(tuple(map(_veiled, nodes)))
        case Not(inner):
            return Not(_veiled(inner))
        case BuyerField(field, operator) if field in PERSONAL and operator != "exists":
            return replace(node, values=(HIDDEN,))
        case _:
            return node


ALL_BUYERS: tuple[Node | None, ...] = (None, All(()))
