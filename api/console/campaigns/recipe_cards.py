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
    gettext_noop("Bring them back"),
    gettext_noop("Around an order"),
    gettext_noop("In the parcel"),
    gettext_noop("Followers and groups"),
)

_PICTURES: dict[str, dict[Recipe, _Picture]] = {
    _BACK: {
        Recipe.ARRIVAL_ALERT: _Picture(
            icon="speakerphone",
            sentence=gettext_noop("Tell those who bought the like before that something new is here, in waves."),
        ),
        Recipe.COUPON_PUSH: _Picture(
            icon="ticket", sentence=gettext_noop("Send everybody in a segment a coupon of their own.")
        ),
        Recipe.WIN_BACK: _Picture(
            icon="arrow-back-up",
            sentence=gettext_noop("Write to those who stay away longer than they used to, with a reason to return."),
        ),
        Recipe.GREETING: _Picture(
            icon="cake", sentence=gettext_noop("Congratulate on a birthday or greet for a festival, each in time.")
        ),
    },
    _ORDER: {
        Recipe.PAYMENT_REMINDER: _Picture(
            icon="clock-dollar",
            sentence=gettext_noop("Remind once of an order that waits for its payment, at the hour that suits."),
        ),
        Recipe.CHECK_IN: _Picture(
            icon="message-circle-heart",
            sentence=gettext_noop("Ask some days after the parcel arrived whether all is well."),
        ),
        Recipe.SERVICE_RECOVERY: _Picture(
            icon="heart-handshake",
            sentence=gettext_noop("Make good what went wrong, with an apology and something for it."),
        ),
    },
    _PARCEL: {
        Recipe.PARCEL_FLYER: _Picture(
            icon="package",
            sentence=gettext_noop("Put a flyer with a code of its own into the parcels that leave today."),
        ),
        Recipe.JOINT_FLYER: _Picture(
            icon="layout-grid", sentence=gettext_noop("One sheet that several shops share, in everybody's parcels.")
        ),
    },
    _GROUP: {
        Recipe.FOLLOW_GIFT: _Picture(
            icon="gift", sentence=gettext_noop("Thank everybody who begins to follow the shop with a small gift.")
        ),
        Recipe.GROUP_DROP: _Picture(
            icon="bolt", sentence=gettext_noop("A few pieces, a few minutes, for the members of a group alone.")
        ),
        Recipe.TEAM_COUPON: _Picture(
            icon="users-plus", sentence=gettext_noop("A coupon that opens once enough friends have joined in.")
        ),
        Recipe.CONTENT_POST: _Picture(
            icon="article", sentence=gettext_noop("Something worth reading or watching, with a reward at its end.")
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
