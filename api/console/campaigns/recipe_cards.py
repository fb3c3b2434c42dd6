"""The recipes as a page offers them: each with a picture, and a sentence that says what comes of it."""

from dataclasses import dataclass

from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.recipes import RECIPES, recipe_name
from retention.i18n import gettext as _
from retention.i18n import gettext_noop


@dataclass(frozen=True)
class RecipeCard:
    """A recipe to choose. `icon` is a picture of the sheet, `family` the heading it stands under."""

    recipe: Recipe
    name: str
    icon: str
    sentence: str
    family: str


@dataclass(frozen=True)
class _Picture:
    icon: str
    sentence: str


_BACK, _ORDER, _PARCEL, _GROUP = (
    gettext_noop("Bring buyers back"),
    gettext_noop("Around an order"),
    gettext_noop("Parcel inserts"),
    gettext_noop("Followers and groups"),
)

_PICTURES: dict[str, dict[Recipe, _Picture]] = {
    _BACK: {
        Recipe.ARRIVAL_ALERT: _Picture(
            icon="speakerphone",
            sentence=gettext_noop("Announce a new product to buyers of similar products, in waves."),
        ),
        Recipe.COUPON_PUSH: _Picture(
            icon="ticket", sentence=gettext_noop("Send each buyer in a segment a unique coupon.")
        ),
        Recipe.WIN_BACK: _Picture(
            icon="arrow-back-up",
            sentence=gettext_noop("Contact buyers who are overdue for their next order, with an offer to return."),
        ),
        Recipe.GREETING: _Picture(icon="cake", sentence=gettext_noop("Send birthday and festival greetings on time.")),
    },
    _ORDER: {
        Recipe.PAYMENT_REMINDER: _Picture(
            icon="clock-dollar",
            sentence=gettext_noop("Remind the buyer once of an unpaid order, at a suitable hour."),
        ),
        Recipe.CHECK_IN: _Picture(
            icon="message-circle-heart",
            sentence=gettext_noop("Ask for feedback a few days after delivery."),
        ),
        Recipe.SERVICE_RECOVERY: _Picture(
            icon="heart-handshake",
            sentence=gettext_noop("Apologise for a problem and offer compensation."),
        ),
    },
    _PARCEL: {
        Recipe.PARCEL_FLYER: _Picture(
            icon="package",
            sentence=gettext_noop("Put a flyer with a unique code into the parcels that ship today."),
        ),
        Recipe.JOINT_FLYER: _Picture(
            icon="layout-grid", sentence=gettext_noop("One flyer shared by two shops, in the parcels of both.")
        ),
    },
    _GROUP: {
        Recipe.FOLLOW_GIFT: _Picture(
            icon="gift", sentence=gettext_noop("Thank new followers of the shop with a small gift.")
        ),
        Recipe.GROUP_DROP: _Picture(
            icon="bolt", sentence=gettext_noop("A limited number of items for a few minutes, for group members only.")
        ),
        Recipe.TEAM_COUPON: _Picture(
            icon="users-plus", sentence=gettext_noop("A coupon that unlocks once enough people have joined.")
        ),
        Recipe.CONTENT_POST: _Picture(
            icon="article", sentence=gettext_noop("Content to read or watch, with a reward at the end.")
        ),
    },
}


def recipe_families() -> list[tuple[str, list[RecipeCard]]]:
    """Return every recipe a campaign can begin with, under its heading, in the language being spoken."""
    return [(_(heading), [*_cards(heading)]) for heading in _PICTURES if [*_cards(heading)]]


def _cards(heading: str) -> list[RecipeCard]:
    return [
        RecipeCard(recipe, recipe_name(recipe), picture.icon, _(picture.sentence), _(heading))
        for recipe, picture in _PICTURES[heading].items()
        if recipe in RECIPES
    ]
