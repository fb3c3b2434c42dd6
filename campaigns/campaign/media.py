"""Media: how a message of a campaign is delivered to the buyer."""

from enum import StrEnum


class Medium(StrEnum):
    """How a delivery reaches the buyer."""

    EMAIL = "email"
    SMS = "sms"
    WEBHOOK = "webhook"  # the shop's own system takes it from here
    BOT = "robot"  # one post to a chat group, by its bot
    ASSISTED = "assisted"  # a person presses send, in a group or to one buyer
    PARCEL = "parcel"
