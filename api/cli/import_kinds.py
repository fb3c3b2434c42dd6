"""The kinds of files that commands take."""

from enum import StrEnum


class FileKind(StrEnum):
    """What can be imported."""

    ORDERS = "orders"
    BUYERS = "buyers"
    PRODUCTS = "products"
    FOLLOWERS = "followers"
    MEMBERS = "members"
    PARCELS = "parcels"
