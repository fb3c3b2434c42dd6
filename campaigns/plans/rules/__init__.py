"""Eligibility rules: why a buyer of the audience gets nothing, one module for each kind, in the order of the funnel.

A plan walks the list with the set form of each rule, the check before sending with its row form. To add a rule, write
its module and name it here.
"""

from campaigns.plans.rules.address import BOUNCED, HAS_ADDRESS, IN_GROUP, SAME_ADDRESS
from campaigns.plans.rules.capped import CAPPED
from campaigns.plans.rules.consent import CONSENT, TOPIC
from campaigns.plans.rules.coupon import COUPON
from campaigns.plans.rules.excluded import EXCLUDED
from campaigns.plans.rules.parcel import HAS_PARCEL, PARCEL_FULL
from campaigns.plans.rules.pause import PAUSE
from campaigns.plans.rules.promise import LATE, OFFER, PRODUCT
from campaigns.plans.rules.purchases import BOUGHT, PAID
from campaigns.plans.rules.rule import Rule
from campaigns.plans.rules.served import SERVED

RULES: tuple[Rule, ...] = (
    EXCLUDED,
    SERVED,
    CONSENT,
    TOPIC,
    PAUSE,
    HAS_ADDRESS,
    BOUNCED,
    SAME_ADDRESS,
    IN_GROUP,
    LATE,
    PAID,
    COUPON,
    OFFER,
    PRODUCT,
    BOUGHT,
    CAPPED,
    HAS_PARCEL,
    PARCEL_FULL,
)
"""Every rule in the order of the funnel; each looks only at whom those before it left."""
