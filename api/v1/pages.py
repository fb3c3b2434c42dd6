"""Pages of lists: `limit`, `after`, and `next` in the response, the same everywhere."""

from typing import Annotated

from fastapi import Depends, Query

from api.v1.field_types import Moment
from retention.paging import LONGEST_CURSOR, MOST, USUAL, Wanted


def read_page(
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = USUAL,
    after: Annotated[
        str, Query(max_length=LONGEST_CURSOR, description="The `next` of the page before; left out: the first page.")
    ] = "",
) -> Wanted:
    """Return which page of a list is asked for."""
    return Wanted(limit, after)


Paged = Annotated[Wanted, Depends(read_page)]

Since = Annotated[Moment | None, Query(description="Only from this moment on.")]
Until = Annotated[Moment | None, Query(description="Only before this moment.")]
AddressQuery = Annotated[str, Query(alias="address", max_length=254, description="A mail address or a number.")]
YesOrNo = Annotated[bool | None, Query(description="Only those that are so, or only those that are not.")]
Text = Annotated[str, Query(alias="q", max_length=200, description="Only those whose name holds this, in any case.")]
