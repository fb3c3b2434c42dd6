"""What tests of imports share: the moment they happen at, two orders in three lines, and large files made small."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from retention.ingest import ImportReport

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
Load = Callable[..., ImportReport]
Ask = Callable[[str], list[tuple[Any, ...]]]

TWO_LINES = """order_id,buyer_id,paid_at,sku,quantity,unit_price,amount,country,coupon,email
A1,b1,2026-03-05 14:30:00,TEA-1,2,10.00,20.00,China,SPRING,b1@example.com
A1,b1,2026-03-05 14:30:00,TEA-2,1,5.55,5.55,China,SPRING,b1@example.com
A2,b2,2026-03-06,TEA-1,1,10.00,9.90,Japan,,
"""


def in_small_pieces(patch: pytest.MonkeyPatch, size: int = 300) -> None:
    """Read, merge and spool a file a few lines at a time, as a large one is a few megabytes at a time."""
    patch.setattr("retention.ingest.files.delimited.BLOCK", size)
    patch.setattr("retention.ingest.orders.stream.WINDOW", size // 30)
    patch.setattr("retention.ingest.orders.spool.PART_SIZE", size)
    patch.setattr("retention.ingest.orders.ordering_buyers._MOST_NOTES", 5)
    patch.setattr("retention.ingest.orders.seen_keys._LARGEST_MERGED", 20)
    patch.setattr("retention.row_writing._SLICE", 7)
