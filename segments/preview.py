"""Preview of a rule: a count per condition, the steps from all buyers to the result, a sample."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlmodel import Session, col, select

from retention.buyers import Buyer
from retention.shops import Shop
from segments.descriptions import describe
from segments.forecasts import find_forecast, why_nothing
from segments.matching import Matcher, open_matcher
from segments.rule_ast import All, AnyOf, Condition, Node, Not, Predicted, conditions_of


@dataclass(frozen=True)
class PartCount:
    """One node of a rule by its path, and how many buyers match it by itself."""

    path: str
    count: int


@dataclass(frozen=True)
class PreviewStep:
    """One step from all buyers to the result: what is asked, and who is left after it."""

    words: str
    count: int


@dataclass(frozen=True)
class Preview:
    """A rule answered: its buyers, each part by itself, and the steps that lead there."""

    buyers: BitMap
    everyone: int
    parts: list[PartCount]
    steps: list[PreviewStep]
    floored_to: datetime | None
    """The hour that "the last N days" count back from in a live answer; None where no window is relative."""
    notes: tuple[str, ...] = ()
    """What a reader must know of the answer, such as that nothing is predicted yet; in the language being spoken."""


def preview(session: Session, shop: Shop, node: Node, *, now: datetime, as_of: datetime | None = None) -> Preview:
    """Answer a rule with everything the builder shows of it. Each condition is asked once, and only if it is new."""
    matcher = open_matcher(session, shop, now=now, as_of=as_of)
    found = matcher.match(node)
    shown = Preview(
        buyers=found,
        everyone=len(matcher.everyone),
        parts=_parts(matcher, node, "rule"),
        steps=_steps(matcher, node, shop.currency),
        notes=_notes(session, shop, node),
        floored_to=matcher.cache.view.hour if as_of is None and any(map(_is_relative, conditions_of(node))) else None,
    )
    matcher.keep()
    return shown


def sample(session: Session, shop: Shop, buyers: BitMap, *, size: int = 10) -> list[Buyer]:
    """Return some of the buyers, spread over the set: the same ones each time for the same set."""
    count = len(buyers)
    ids = [buyers[index * count // size] for index in range(size)] if count > size else list(buyers)
    return list(
        session.exec(select(Buyer).where(Buyer.shop_id == shop.id, col(Buyer.id).in_(ids)).order_by(col(Buyer.id)))
    )


def _parts(matcher: Matcher, node: Node, path: str) -> list[PartCount]:
    own = PartCount(path, len(matcher.match(node)))
    match node:
        case All(nodes) | AnyOf(nodes):
            kind = "all" if isinstance(node, All) else "any"
            inner = [_parts(matcher, each, f"{path}.{kind}[{index}]") for index, each in enumerate(nodes)]
            return [own, *(part for parts in inner for part in parts)]
        case Not(inside):
            return [own, *_parts(matcher, inside, f"{path}.not")]
        case _:
            return [own]


def _steps(matcher: Matcher, node: Node, currency: str) -> list[PreviewStep]:
    left = matcher.everyone
    steps = [PreviewStep(describe(All(())), len(left))]
    for each in node.nodes if isinstance(node, All) else (node,):
        left = left & matcher.match(each)
        steps.append(PreviewStep(describe(each, currency=currency), len(left)))
    return steps


def _notes(session: Session, shop: Shop, node: Node) -> tuple[str, ...]:
    if not any(isinstance(condition, Predicted) for condition in conditions_of(node)):
        return ()
    lacking = why_nothing(find_forecast(session, shop.id))
    return (lacking,) if lacking else ()


def _is_relative(condition: Condition) -> bool:
    window: Any = getattr(condition, "window", None)
    return window is not None and window.last_days is not None
