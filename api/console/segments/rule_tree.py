"""The builder's draft: a rule as groups and conditions that a person moves, adds and takes away.

A draft may be wrong for a while; what is in it is never lost. Its outermost node is a group, double negations are
taken away, and a condition that the fields cannot say keeps its JSON and is edited as that.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.console.segments.rule_fields import Field, Known, Part, Values
from api.console.segments.rule_kinds import KINDS, fresh_filter
from retention.errors import Error
from retention.i18n import gettext_noop
from segments.rule_ast import to_json
from segments.rules import DEEPEST, parse

JOINS = {
    "all": gettext_noop("All of"),
    "any": gettext_noop("At least one of"),
    "none": gettext_noop("None of"),
    "not-all": gettext_noop("Not all of"),
}
_JOIN_OF = {("all", False): "all", ("any", False): "any", ("any", True): "none", ("all", True): "not-all"}
_OF_JOIN = {join: pair for pair, join in _JOIN_OF.items()}

FRESH: dict[str, tuple[str, Any]] = {
    "orders": (gettext_noop("Orders: count, amount, date"), {"orders": {"at_least": 1}}),
    "bought": (gettext_noop("Bought a product or category"), {"orders": {"at_least": 1, "of": {"category": [""]}}}),
    "since": (
        gettext_noop("Days since the last order"),
        {"orders": {"measure": "days_since_last", "more_than": 90}},
    ),
    "buyer": (gettext_noop("Buyer attribute: location, birthday, …"), {"buyer": {"field": "region", "is": [""]}}),
    "follows": (gettext_noop("Follows the shop"), {"follows": {}}),
    "group": (gettext_noop("Member of a group"), {"group": {}}),
    "consent": (gettext_noop("Consent"), {"consent": {"channel": "email", "is": "in"}}),
    "touch": (
        gettext_noop("Campaign activity: sent, scanned, redeemed"),
        {"touch": {"event": "scanned", "at_least": 1}},
    ),
    "rfm": (gettext_noop("RFM group or score"), {"rfm": {"group": ["champions"]}}),
    "prediction": (
        gettext_noop("Predicted: still active, next order"),
        {"prediction": {"measure": "alive", "less_than": "0.5"}},
    ),
    "segment": (gettext_noop("In another segment"), {"segment": ""}),
    "list": (gettext_noop("On an uploaded list"), {"list": ""}),
    "bucket": (gettext_noop("Random sample"), {"bucket": {"of": 100, "from": 0, "to": 9}}),
}
"""What may be added, and how it stands before anything is filled in."""

MOST_DRAWN = 200
"""Conditions that are drawn one by one; a larger rule is edited as JSON."""

ROOT = "r"
_NAME = re.compile(r"(r(?:-\d{1,4}){0,100})\.(.+)")


@dataclass
class RuleDraft:
    """A group (`kind` all or any) with its nodes, or a condition with its body. `raw` keeps any JSON in its body."""

    kind: str
    negated: bool = False
    body: Any = None
    nodes: list["RuleDraft"] = field(default_factory=list)
    fresh: bool = False
    blank: str = ""
    """A field that shows one place more than it has values."""

    @property
    def is_group(self) -> bool:
        return self.kind in {"all", "any"}


@dataclass(frozen=True)
class DraftBox:
    """A node as the page draws it: `id` names its fields, `path` is where it stands in the rule."""

    id: str
    path: str
    draft: RuleDraft
    parts: list[Part]
    boxes: list["DraftBox"]

    @property
    def join(self) -> str:
        """What a group is called by its choice."""
        return _JOIN_OF[self.draft.kind, self.draft.negated]

    @property
    def phrase(self) -> list[Part]:
        """The sentence, without what narrows it."""
        return [part for part in self.parts if not (isinstance(part, Field) and part.leaves)]

    @property
    def filters(self) -> list[Field]:
        """The fields that narrow the orders."""
        return [part for part in self.parts if isinstance(part, Field) and part.leaves]

    def walk(self) -> Iterator["DraftBox"]:
        """Yield this box and every one inside it."""
        yield self
        for box in self.boxes:
            yield from box.walk()


def open_rule(rule: object, known: Known) -> RuleDraft:
    """Return a rule, right or wrong, as a draft."""
    draft = _open(rule, known, 1)
    draft = draft if draft.is_group else RuleDraft("all", nodes=[draft])
    return (
        draft if sum(1 for _ in _leaves(draft)) <= MOST_DRAWN else RuleDraft("all", nodes=[RuleDraft("raw", body=rule)])
    )


def read_form(values: Mapping[str, list[str]], known: Known) -> RuleDraft:
    """Return the draft that a form carries: fields are called ``r-0-1.operator``."""
    nodes: dict[str, dict[str, list[str]]] = {ROOT: {}}
    for name, given in values.items():
        if found := _NAME.fullmatch(name):
            nodes.setdefault(found[1], {})[found[2]] = given
    inside: dict[str, list[str]] = {}
    for name in sorted(nodes.keys() - {ROOT}, key=lambda name: int(name.rsplit("-", 1)[1])):
        inside.setdefault(name.rsplit("-", 1)[0], []).append(name)
    return _read(ROOT, nodes, inside, known)


def rule_of(draft: RuleDraft) -> Any:
    """Return the rule of a draft, as right or wrong as it is."""
    inner = _inner_rule(draft)
    return {"not": inner} if draft.negated else inner


def tidy(rule: Any) -> Any:
    """Return a rule without a group around a single condition."""
    while isinstance(rule, dict) and isinstance(only := rule.get("all"), list) and len(only) == 1:
        rule = only[0]
    return rule


def draw(draft: RuleDraft, known: Known, *, name: str = ROOT, path: str = "rule") -> DraftBox:
    """Return what the page draws of a draft."""
    inner = f"{path}.not.{draft.kind}" if draft.negated else f"{path}.{draft.kind}"
    boxes = [
        draw(node, known, name=f"{name}-{index}", path=f"{inner}[{index}]") for index, node in enumerate(draft.nodes)
    ]
    return DraftBox(name, path, draft, _parts(draft, known), boxes)


def change(draft: RuleDraft, presses: Iterable[str], known: Known) -> None:
    """Do what buttons of the builder say, in their order: ``add:r-0:orders``, ``group:r``, ``remove:r-0``, ``up:r-1``,
    ``filter:r-0:sku``, ``less:r-0:sku``, ``more:r-0:of.sku``. What names nothing there does nothing.

    Names are those of the draft as it came: somebody who presses twice before the answer is there saw one drawing.
    """
    named = dict(_named(draft, ROOT))
    for press in presses:
        verb, _, rest = press.partition(":")
        name, _, detail = rest.partition(":")
        if node := named.get(name):
            _do(verb, node, _group_of(node, draft), detail, known)


def _do(verb: str, node: RuleDraft, parent: RuleDraft | None, detail: str, known: Known) -> None:
    match verb:
        case "add" if node.is_group and detail in FRESH:
            node.nodes.append(replace(_open(FRESH[detail][1], known, 1), fresh=True))
        case "group" if node.is_group:
            node.nodes.append(RuleDraft("any" if node.kind == "all" else "all", fresh=True))
        case "remove" if parent:
            del parent.nodes[_place_of(node, parent)]
            parent.fresh = True
        case "up" if parent and (place := _place_of(node, parent)):
            parent.nodes.insert(place - 1, parent.nodes.pop(place))
            node.fresh = True
        case "filter" if node.kind == "orders" and detail in KINDS["orders"].filters:
            node.body = {**node.body, "of": {**node.body.get("of", {}), detail: fresh_filter(detail)}}
        case "less" if node.kind == "orders":
            only = {key: value for key, value in node.body.get("of", {}).items() if f"of.{key}" != detail}
            node.body = {key: value for key, value in node.body.items() if key != "of"} | ({"of": only} if only else {})
        case "more":
            node.blank = detail


def is_unfinished(rule: object) -> bool:
    """Tell whether something in a condition still waits to be filled in."""
    if isinstance(rule, dict):
        return any(is_unfinished(each) for each in rule.values())
    if isinstance(rule, list):
        return any(is_unfinished(each) for each in rule)
    return rule == ""


def _open(rule: object, known: Known, depth: int) -> RuleDraft:
    whole, negated = rule, False
    while isinstance(rule, dict) and len(rule) == 1 and "not" in rule:
        rule, negated = rule["not"], not negated
    if isinstance(rule, dict) and len(rule) == 1:
        kind, body = next(iter(rule.items()))
        if kind in {"all", "any"} and isinstance(body, list) and depth < DEEPEST:
            return RuleDraft(kind, negated, nodes=[_open(each, known, depth + 1) for each in body])
        if kind in KINDS and _fits(kind, body, known):
            return RuleDraft(kind, negated, body)
    return RuleDraft("raw", body=whole)


def _fits(kind: str, body: Any, known: Known) -> bool:
    """Tell whether the fields say all that is in a condition: what they show is read back as the same."""
    if isinstance(body, str) != (kind in {"segment", "list"}) or not isinstance(body, str | dict):
        return False
    fields = [part for part in KINDS[kind].show(body, known) if isinstance(part, Field)]
    values: Values = {each.name: list(each.values) for each in fields}
    return bool(_canonical({kind: KINDS[kind].read(values, known)}) == _canonical({kind: body}))


def _canonical(rule: Any) -> Any:
    try:
        return to_json(parse(rule))
    except Error:
        return _listed(rule)


def _listed(rule: Any) -> Any:
    """Return a rule that cannot be read with its defaults filled in as far as the form fills them in."""
    if isinstance(rule, dict) and isinstance(orders := rule.get("orders"), dict):
        return {"orders": {"measure": "count", **orders}}
    return rule


def _read(
    name: str, nodes: Mapping[str, dict[str, list[str]]], inside: Mapping[str, list[str]], known: Known
) -> RuleDraft:
    values = nodes[name]
    kind = values.get("kind", [""])[0]
    if kind in KINDS:
        return RuleDraft(kind, "not" in values, KINDS[kind].read(values, known))
    if kind == "raw":
        return RuleDraft("raw", body=_from_json(values.get("json", [""])[0]))
    join, negated = _OF_JOIN.get(values.get("join", ["all"])[0], ("all", False))
    return RuleDraft(join, negated, nodes=[_read(each, nodes, inside, known) for each in inside.get(name, [])])


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _inner_rule(draft: RuleDraft) -> Any:
    if draft.is_group:
        return {draft.kind: [rule_of(node) for node in draft.nodes]}
    return draft.body if draft.kind == "raw" else {draft.kind: draft.body}


def _parts(draft: RuleDraft, known: Known) -> list[Part]:
    if draft.is_group:
        return []
    if draft.kind == "raw":
        text = draft.body if isinstance(draft.body, str) else json.dumps(draft.body, ensure_ascii=False, indent=1)
        return [Field("json", "lines", gettext_noop("Condition as JSON"), (text,))]
    return [_with_blank(part, draft.blank) for part in KINDS[draft.kind].show(draft.body, known)]


def _with_blank(part: Part, name: str) -> Part:
    if isinstance(part, Field) and part.name == name and part.kind in {"texts", "choices"}:
        return replace(part, values=(*part.values, ""))
    return part


def _leaves(draft: RuleDraft) -> Iterator[RuleDraft]:
    if not draft.is_group:
        yield draft
    for node in draft.nodes:
        yield from _leaves(node)


def _named(draft: RuleDraft, name: str) -> Iterator[tuple[str, RuleDraft]]:
    """Yield each node with its name."""
    yield name, draft
    for index, node in enumerate(draft.nodes):
        yield from _named(node, f"{name}-{index}")


def _group_of(node: RuleDraft, draft: RuleDraft) -> RuleDraft | None:
    """Return the group a node stands in: the node itself, not one that is equal to it."""
    groups = (each for _name, each in _named(draft, ROOT))
    return next((each for each in groups if any(inner is node for inner in each.nodes)), None)


def _place_of(node: RuleDraft, group: RuleDraft) -> int:
    return next(place for place, each in enumerate(group.nodes) if each is node)
