"""Money on the wire: a string in major units, never a binary fraction."""

from decimal import Decimal
from typing import Annotated

from pydantic import StringConstraints

from retention import money
from retention.errors import Invalid
from retention.shops import Shop

Amount = Annotated[str, StringConstraints(max_length=20, pattern=r"^-?\d+(\.\d+)?$")]
"""An amount in major units of the shop's currency, such as "128.00"."""


def read_amount(text: str, shop: Shop) -> int:
    """Return minor units; Invalid for a negative amount or more decimals than the currency has."""
    value = money.minor(text, shop.currency)
    if value < 0 or money.major(value, shop.currency) != Decimal(text):
        raise Invalid("{text} is not an amount in {currency}.", text=repr(text), currency=shop.currency)
    return value


def write_amount(amount: int, shop: Shop) -> str:
    """Return minor units as the wire has them."""
    return money.write(amount, shop.currency)
