"""Money in requests and responses: a string in major units, never a binary fraction."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import StringConstraints

from retention import money
from retention.errors import Invalid
from retention.shops import Shop

Amount = Annotated[str, StringConstraints(max_length=20, pattern=r"^-?\d+(\.\d+)?$")]
"""An amount in major units of the shop's currency, such as "128.00"."""


Price = Annotated[str, StringConstraints(max_length=20, pattern=r"^\d+(\.\d+)?$")]
"""A price in major units with up to two decimals more than the currency has, such as "0.0450"."""

PRICED = 'In money, such as "0.0450"; a whole number is hundredths of a minor unit.'

_IN_POLICY = {"cost_ceiling": (money.minor, money.write), "cost_each": (money.read_price, money.write_price)}


def read_policy_money(policy: dict[str, Any], shop: Shop) -> dict[str, Any]:
    """Return a policy as rows keep it: amounts given as strings become whole numbers, others stay as they are."""
    given = {name: policy[name] for name in _IN_POLICY if isinstance(policy.get(name), str)}
    return policy | {name: _IN_POLICY[name][0](text, shop.currency) for name, text in given.items()}


def write_policy_money(policy: dict[str, Any], shop: Shop) -> dict[str, Any]:
    """Return a policy as the wire has it, its amounts as strings."""
    kept = {name: policy[name] for name in _IN_POLICY if isinstance(policy.get(name), int)}
    return policy | {name: _IN_POLICY[name][1](amount, shop.currency) for name, amount in kept.items()}


def read_amount(text: str, shop: Shop) -> int:
    """Return minor units; Invalid for a negative amount or more decimals than the currency has."""
    value = money.minor(text, shop.currency)
    if value < 0 or money.major(value, shop.currency) != Decimal(text):
        raise Invalid("{text} is not an amount in {currency}.", text=repr(text), currency=shop.currency)
    return value


def write_amount(amount: int, shop: Shop) -> str:
    """Return minor units as the wire has them."""
    return money.write(amount, shop.currency)
