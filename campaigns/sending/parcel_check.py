"""The check of deliveries by parcel before they are printed; ineligible ones are skipped."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from campaigns.campaign.reasons import Reason
from campaigns.deliveries.packing import skip_by_parcel
from campaigns.sending.pre_send_check import AT_ONCE, refused_before_sending


def skip_refused_parcels(
    session: Session, shop_id: int, delivery_ids: Sequence[int], *, at: datetime
) -> Counter[Reason]:
    """Check waiting deliveries once more before paper is spent on them; skip what must not go, count it by why.

    A no to parcels may have come in since the plan, the offer may be over, the coupon used, the product sold out.
    """
    skipped: Counter[Reason] = Counter()
    for start in range(0, len(delivery_ids), AT_ONCE):
        found = refused_before_sending(session, shop_id, delivery_ids[start : start + AT_ONCE], at=at)
        for reason in set(found.values()):
            ids = [delivery_id for delivery_id, why in found.items() if why is reason]
            skipped[reason] += skip_by_parcel(session, shop_id, ids, reason)
    return skipped
