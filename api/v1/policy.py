"""The shop's policy: limits over all its campaigns."""

from typing import Annotated, Any

from api.deps import Now, Reading, Writing
from api.v1.callers import Caller, caller_with
from api.v1.routing import router_for
from campaigns.campaign.policy import ShopPolicy
from campaigns.campaign.shop_policy import save_shop_policy, shop_policy
from retention.access import Scope

router = router_for("policy")


@router.get("/policy")
def show(session: Reading, caller: Annotated[Caller, caller_with(Scope.CAMPAIGNS_READ)]) -> ShopPolicy:
    """Show the shop's policy: caps, quiet hours, inserts per parcel, approval. Scope campaigns:read."""
    return shop_policy(session, caller.shop)


@router.put("/policy")
def save(
    values: dict[str, Any],
    session: Writing,
    at: Now,
    caller: Annotated[Caller, caller_with(Scope.PEOPLE_WRITE)],
) -> ShopPolicy:
    """Change values of the shop's policy; what is left out stays. Scope people:write, since it decides on approval."""
    return save_shop_policy(session, caller.shop, values=values, at=at, actor=caller.actor)
