"""Channels: the ways in which a buyer can be contacted."""

from enum import StrEnum


class Channel(StrEnum):
    """The ways something can reach a buyer that consent is asked for."""

    EMAIL = "email"
    SMS = "sms"
    PARCEL = "parcel"
    GROUP = "group"
    PERSONAL = "personal"  # a member of the shop writes to them
    WEBHOOK = "webhook"  # the shop's own system reaches them
