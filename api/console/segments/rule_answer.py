"""The builder's response to a draft: count, steps, a sample, the rule in words, errors.

While one condition is wrong or unfinished the others still get their counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from pyroaring import BitMap
from sqlmodel import Session

from api.console.segments.rule_tree import DraftBox, is_unfinished, rule_of
from api.deps import Place
from retention.access import Scope
from retention.buyer_list import BuyerSummary, aggregates_of, buyer_summary
from retention.buyers import Buyer
from retention.errors import Error, Forbidden, Invalid
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.shops import Shop
from segments.descriptions import describe
from segments.matching import TooLong, open_matcher
from segments.personal_conditions import check_asking
from segments.preview import Preview, PreviewStep, preview, sample
from segments.rule_ast import Node
from segments.rules import parse
from segments.segments import check_cycle
from segments.values import read_moment
from segments.view import View


@dataclass
class RuleFeedback:
    """What is known of a draft. Counts and faults stand under the path of their node."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    problem: str = ""
    """What is wrong with the whole, where no single condition is to blame."""
    words: str = ""
    size: int | None = None
    everyone: int = 0
    steps: list[PreviewStep] = field(default_factory=list)
    sample: list[BuyerSummary] = field(default_factory=list)
    floored_to: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of all buyers that match."""
        return (self.size or 0) / (self.everyone or 1)


def answer(
    session: Session, place: Place, box: DraftBox, *, now: datetime, as_of: str = "", editing: str = ""
) -> RuleFeedback:
    """Answer a draft as of a day or moment (its text; now when empty). `editing` is the segment it will be saved as."""
    rule = rule_of(box.draft)
    try:
        moment = _moment(place.shop, as_of, now)
    except Error as error:
        return RuleFeedback(problem=error.say(_))
    if refusal := _refusal(session, place, box):
        return RuleFeedback(problem=refusal)
    if not any(_is_waiting(each) for each in box.walk()):
        try:
            node = parse(rule)
            found = _whole(session, place, node, preview(session, place.shop, node, now=now, as_of=moment))
        except TooLong as error:
            return RuleFeedback(problem=error.say(_))
        except Error as error:
            found = _apart(session, place.shop, box, now=now, as_of=moment)
            found.problem = found.problem or ("" if found.faults else error.say(_))
        else:
            found.problem = _circle(session, place.shop, node, editing)
        return found
    return _apart(session, place.shop, box, now=now, as_of=moment)


def buyer_lines(session: Session, place: Place, buyers: Iterable[Buyer]) -> list[BuyerSummary]:
    """Return buyers with the sums of their orders, masked as far as the member's role asks for."""
    if not place.member.may(Scope.BUYERS_READ):
        return []
    shown = list(buyers)
    aggregates = aggregates_of(session, place.shop.id, [buyer.id for buyer in shown])
    return [buyer_summary(place.member, buyer, aggregates.get(buyer.id)) for buyer in shown]


def some_of(session: Session, place: Place, buyers: BitMap, *, size: int = 10) -> list[BuyerSummary]:
    """Return some buyers of a set as the member may see them."""
    return buyer_lines(session, place, sample(session, place.shop, buyers, size=size))


def _whole(session: Session, place: Place, node: Node, shown: Preview) -> RuleFeedback:
    return RuleFeedback(
        counts={part.path: part.count for part in shown.parts},
        words=describe(node, currency=place.shop.currency),
        size=len(shown.buyers),
        everyone=shown.everyone,
        steps=shown.steps,
        sample=some_of(session, place, shown.buyers),
        floored_to=shown.floored_to,
        notes=shown.notes,
    )


def _apart(session: Session, shop: Shop, box: DraftBox, *, now: datetime, as_of: datetime | None) -> RuleFeedback:
    """Answer each condition by itself, and say of those that have no answer why."""
    found = RuleFeedback()
    matcher = open_matcher(session, shop, now=now, as_of=as_of)
    for each in box.walk():
        if each.draft.is_group:
            continue
        if _is_waiting(each):
            found.waiting.add(each.path)
            continue
        try:
            found.counts[each.path] = len(matcher.match(parse(rule_of(each.draft))))
        except TooLong as error:
            found.problem = error.say(_)
            break
        except Error as error:
            found.faults[each.path] = _without_root(error).say(_)
    found.everyone = len(matcher.everyone)
    matcher.keep()
    return found


def _refusal(session: Session, place: Place, box: DraftBox) -> str:
    """Return why this member may not have the draft answered; empty when they may. What is no rule yet asks nothing."""
    for each in box.walk():
        if not each.draft.is_group and not _is_waiting(each):
            try:
                check_asking(session, place.member, parse(rule_of(each.draft)))
            except Forbidden as error:
                return error.say(_)
            except Error:
                continue
    return ""


def _is_waiting(box: DraftBox) -> bool:
    return not box.draft.is_group and is_unfinished(rule_of(box.draft))


def _without_root(error: Error) -> Error:
    """Return an error whose path begins at the condition it stands beside."""
    path = error.values.get("path")
    if not isinstance(path, str):
        return error
    return Invalid(error.message, **{**error.values, "path": path.removeprefix("rule.").removeprefix("not.")})


def _circle(session: Session, shop: Shop, node: Node, editing: str) -> str:
    if not editing:
        return ""
    try:
        check_cycle(session, shop.id, editing, node)
    except Error as error:
        return error.say(_)
    return ""


def _moment(shop: Shop, text: str, now: datetime) -> datetime | None:
    if not text.strip():
        return None
    moment = View(shop, now).beginning(read_moment(text.strip(), _("as of")))
    if moment > now:
        raise Invalid(gettext_noop("{day} is in the future. Enter a day that has begun."), day=text)
    return moment
