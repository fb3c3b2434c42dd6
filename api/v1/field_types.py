"""Types of request values that are bounded the same everywhere."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from retention.column_limits import FIRST_YEAR, LAST_YEAR


def _of_our_time(moment: AwareDatetime) -> AwareDatetime:
    if not FIRST_YEAR < moment.year < LAST_YEAR:
        raise ValueError(f"a moment lies between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
"""A moment with an offset, near enough to ours that days can be added in any zone."""

MOST_PRICE = 2**31 - 1
"""Of one message, in the smallest unit."""
