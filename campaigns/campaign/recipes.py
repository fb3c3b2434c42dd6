"""Recipes: the campaigns a shop starts from, each with medium, trigger, audience, policy and texts filled in."""

from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, select

from campaigns.campaign import recipe_texts as texts
from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Cap, Policy, Quiet
from retention.i18n import gettext as _
from retention.i18n import gettext_noop as n_
from retention.products import Product

MESSAGE_DAYS = 7
PARCEL_DAYS = 30

Rule = dict[str, Any]

EVERYBODY: Rule = {"all": []}
FOLLOWERS: Rule = {"follows": {}}
GROUP_MEMBERS: Rule = {"group": {}}
REPEAT_BUYERS: Rule = {"orders": {"measure": "count", "at_least": 2}}
LAPSED: Rule = {"orders": {"measure": "days_since_last", "more_than": 180}}
SENT_BACK_LATELY: Rule = {"orders": {"measure": "returns", "at_least": 1, "window": {"last_days": 14}}}

_WEEKLY_CAP = (Cap(messages=3, days=7),)
_PARCEL_CAP = (Cap(messages=2, days=30),)  # parcels with an insert, not messages: a parcel goes anyway
_NIGHT = Quiet.model_validate({"from": "21:00", "to": "09:00"})
_EACH_MORNING = {"recurring": {"rrule": "FREQ=DAILY", "at": "07:00", "again": False}}


@dataclass(frozen=True, slots=True)
class Prefill:
    """What a recipe fills in, and what it cannot go without. `audience` is a suggestion, as a rule.

    `limited` asks for an offer of a certain number within a short time, `unlocks` for one that opens when some joined.
    """

    title: str
    medium: Medium
    policy: Policy
    content: dict[str, Any]
    needs_offer: bool = False
    needs_product: bool = False
    trigger: dict[str, Any] = field(default_factory=dict)
    audience: Rule = field(default_factory=lambda: EVERYBODY)
    limited: bool = False
    unlocks: bool = False


RECIPES: dict[Recipe, Prefill] = {
    Recipe.ARRIVAL_ALERT: Prefill(
        n_("New-arrival alert"),
        Medium.EMAIL,
        Policy(control_share=0.2, caps=_WEEKLY_CAP, read_out_days=MESSAGE_DAYS),
        texts.ARRIVAL,
        needs_product=True,
        audience={"any": [REPEAT_BUYERS, FOLLOWERS, GROUP_MEMBERS]},
    ),
    Recipe.COUPON_PUSH: Prefill(
        n_("Coupon push"),
        Medium.EMAIL,
        Policy(control_share=0.2, caps=_WEEKLY_CAP, read_out_days=MESSAGE_DAYS),
        texts.COUPON,
        needs_offer=True,
        audience=REPEAT_BUYERS,
    ),
    Recipe.PARCEL_FLYER: Prefill(
        n_("Parcel flyer"),
        Medium.PARCEL,
        Policy(control_share=0.2, caps=_PARCEL_CAP, read_out_days=PARCEL_DAYS),
        {},
        needs_offer=True,
        trigger=_EACH_MORNING,
    ),
    Recipe.JOINT_FLYER: Prefill(
        n_("Joint flyer"),
        Medium.PARCEL,
        Policy(control_share=0.2, caps=_PARCEL_CAP, read_out_days=PARCEL_DAYS),
        {},
        trigger=_EACH_MORNING,
    ),
    Recipe.FOLLOW_GIFT: Prefill(
        n_("Follow gift"),
        Medium.EMAIL,
        Policy(control_share=0, quiet=_NIGHT, read_out_days=MESSAGE_DAYS),  # promised for following, so to everybody
        texts.FOLLOW_GIFT,
        needs_offer=True,
        trigger={"event": {"kind": "followed"}},
        audience=FOLLOWERS,
    ),
    Recipe.GROUP_DROP: Prefill(
        n_("Group drop"),
        Medium.BOT,
        Policy(control_share=0, late_after=1, read_out_days=MESSAGE_DAYS),  # one post, which the whole group reads
        texts.GROUP_DROP,
        needs_offer=True,
        audience=GROUP_MEMBERS,
        limited=True,
    ),
    Recipe.TEAM_COUPON: Prefill(
        n_("Team coupon"),
        Medium.EMAIL,
        Policy(control_share=0, caps=_WEEKLY_CAP, read_out_days=MESSAGE_DAYS),  # who gets it talks to who does not
        texts.TEAM_COUPON,
        needs_offer=True,
        audience=GROUP_MEMBERS,
        unlocks=True,
    ),
    Recipe.PAYMENT_REMINDER: Prefill(
        n_("Payment reminder"),
        Medium.EMAIL,
        Policy(control_share=0, transactional=True, late_after=12, read_out_days=MESSAGE_DAYS),
        texts.PAYMENT_REMINDER,
        trigger={"event": {"kind": "order_unpaid"}},
    ),
    Recipe.CHECK_IN: Prefill(
        n_("After-delivery check-in"),
        Medium.EMAIL,
        Policy(control_share=0.1, caps=_WEEKLY_CAP, quiet=_NIGHT, late_after=72, read_out_days=PARCEL_DAYS),
        texts.CHECK_IN,
        trigger={"event": {"kind": "delivered", "days": 3, "at": "10:00"}},
    ),
    Recipe.WIN_BACK: Prefill(
        n_("Win-back"),
        Medium.EMAIL,
        Policy(control_share=0.2, caps=_WEEKLY_CAP, quiet=_NIGHT, read_out_days=PARCEL_DAYS),
        texts.WIN_BACK,
        needs_offer=True,
        trigger={"recurring": {"rrule": "FREQ=WEEKLY;BYDAY=TU", "at": "10:00", "again": False}},
        audience=LAPSED,
    ),
    Recipe.GREETING: Prefill(
        n_("Birthday greeting"),
        Medium.EMAIL,
        Policy(control_share=0.1, quiet=_NIGHT, late_after=72, read_out_days=PARCEL_DAYS),
        texts.GREETING,
        needs_offer=True,
        trigger={"event": {"kind": "birthday", "days": 3, "at": "10:00"}},
    ),
    Recipe.CONTENT_POST: Prefill(
        n_("Content post with a reward"),
        Medium.BOT,
        Policy(control_share=0, late_after=12, read_out_days=MESSAGE_DAYS),
        texts.CONTENT_POST,
        needs_offer=True,
        audience=GROUP_MEMBERS,
    ),
    Recipe.SERVICE_RECOVERY: Prefill(
        n_("Service recovery"),
        Medium.ASSISTED,
        Policy(control_share=0, late_after=72, read_out_days=PARCEL_DAYS),  # an apology is owed to everybody
        texts.SERVICE_RECOVERY,
        needs_offer=True,
        trigger={"recurring": {"rrule": "FREQ=DAILY", "at": "10:00", "again": False}},
        audience=SENT_BACK_LATELY,
    ),
}


def recipe_name(recipe: Recipe) -> str:
    """Return a recipe's name in the language being spoken."""
    return _(RECIPES[recipe].title)


def suggested_audience(session: Session, recipe: Recipe, product: Product | None = None) -> Rule:
    """Return the rule a recipe suggests; of an arrival alert it knows the product's category and brand."""
    if recipe is Recipe.ARRIVAL_ALERT and product:
        return {"any": [fans_of(session, product), FOLLOWERS, GROUP_MEMBERS]}
    return RECIPES[recipe].audience


def suggested_trigger(session: Session, recipe: Recipe, product: Product | None = None) -> dict[str, Any]:
    """Return the trigger a recipe suggests; an arrival alert goes in waves, to those first who know the shop best."""
    if recipe is not Recipe.ARRIVAL_ALERT or product is None:
        return RECIPES[recipe].trigger
    rules = (fans_of(session, product), FOLLOWERS, GROUP_MEMBERS)
    return {"waves": [{"rule": rule, "after": 24 * number} for number, rule in enumerate(rules)]}


def fans_of(session: Session, product: Product) -> Rule:
    """Return the rule for repeat buyers of a product's category or brand; of any, when neither is known."""
    kinds: list[dict[str, Any]] = [{"category": product.category}] if product.category else []
    if product.brand:
        same = select(Product.sku).where(Product.shop_id == product.shop_id, Product.brand == product.brand)
        kinds.append({"sku": list(session.exec(same.order_by(Product.sku).limit(_MOST_PRODUCTS)))})
    if not kinds:
        return REPEAT_BUYERS
    return {"any": [{"orders": {"measure": "count", "at_least": 2, "of": kind}} for kind in kinds]}


_MOST_PRODUCTS = 500
