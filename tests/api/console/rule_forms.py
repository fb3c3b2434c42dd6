"""What tests of segment pages share: the form of a rule as a browser sends it, the rules that are saved."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import select

from api.console.segments.rule_fields import Field, Known
from api.console.segments.rule_tree import draw, open_rule
from retention.database import reading
from segments.segments import Segment

HOME = "/shops/camellia/segments"
KNOWN = Known(
    segments=(("", "choose one"), ("vip", "VIP")),
    lists=(("", "choose one"), ("staff", "Staff")),
    groups=(("tea-friends", "Tea friends"),),
    campaigns=(("spring", "Spring"),),
    currency="CNY",
    today="2026-11-21",
)


def form_of(rule: Any) -> dict[str, list[str]]:
    """The fields of the builder as a browser would send them for a rule."""
    sent: dict[str, list[str]] = {}
    for box in draw(open_rule(rule, KNOWN), KNOWN).walk():
        if box.draft.is_group:
            sent[f"{box.id}.join"] = [box.join]
            continue
        sent[f"{box.id}.kind"] = [box.draft.kind]
        sent |= {f"{box.id}.not": ["yes"]} if box.draft.negated else {}
        fields = [part for part in box.parts if isinstance(part, Field)]
        sent |= {f"{box.id}.{each.name}": list(each.values) for each in fields}
    return sent


def saved(engine: Engine) -> dict[str, Any]:
    with reading(engine) as session:
        return dict(session.exec(select(Segment.slug, Segment.rule_json)).all())
