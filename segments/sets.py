"""Tools on sets: how segments overlap, new rules made of saved ones, and a random split."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from retention.errors import Invalid
from retention.shops import Shop
from segments.matching import open_matcher
from segments.rule_ast import Node
from segments.rules import parse

PARTS = 1_000
"""Buckets of a split: shares are exact to a tenth of a percent."""


@dataclass(frozen=True)
class Overlap:
    """Segments against segments: `shared[i][j]` buyers are in the i-th and the j-th, on the diagonal their size."""

    slugs: tuple[str, ...]
    shared: tuple[tuple[int, ...], ...]


def overlap(session: Session, shop: Shop, slugs: Sequence[str], *, now: datetime) -> Overlap:
    """Count how many buyers each two segments share; NotFound for an unknown one."""
    matcher = open_matcher(session, shop, now=now)
    members = [matcher.segment(slug) for slug in slugs]
    matcher.keep()
    return Overlap(
        tuple(slugs), tuple(tuple(one.intersection_cardinality(other) for other in members) for one in members)
    )


def union(slugs: Sequence[str]) -> Node:
    """Return the rule for buyers in at least one of the segments."""
    return parse({"any": [{"segment": slug} for slug in slugs]})


def intersection(slugs: Sequence[str]) -> Node:
    """Return the rule for buyers in every one of the segments."""
    return parse({"all": [{"segment": slug} for slug in slugs]})


def minus(slug: str, without: Sequence[str]) -> Node:
    """Return the rule for buyers in one segment and in none of the others."""
    return parse({"all": [{"segment": slug}, *({"not": {"segment": other}} for other in without)]})


def split(slug: str, shares: Sequence[int], *, seed: str) -> list[Node]:
    """Return one rule per share (percent, adding up to 100) that together deal out a segment, each buyer once.

    The same seed deals the same way for ever; a buyer who enters later falls into one of the parts too.
    """
    if not shares or min(shares) < 1 or sum(shares) != 100:
        raise Invalid(
            "Shares must be whole percentages from 1 that add up to 100, not {shares}.",
            shares=list(shares),
            field="shares",
        )
    rules, first = [], 0
    for share in shares:
        size = share * PARTS // 100
        bucket = {"of": PARTS, "from": first, "to": first + size - 1, "seed": seed}
        rules.append(parse({"all": [{"segment": slug}, {"bucket": bucket}]}))
        first += size
    return rules
