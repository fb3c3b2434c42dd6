"""The REST API for a shop's other systems: JSON over HTTPS, a key per system, problem details for refusals.

Each endpoint calls one use case. Amounts of money are strings in major units ("128.00") of the shop's currency; times
are ISO 8601 with an offset.
"""

from fastapi import APIRouter
from fastapi.routing import APIRoute

from api.v1 import campaigns, coupons, orders, paper, segments
from api.v1.problems import PROBLEMS


def name_operation(route: APIRoute) -> str:
    """Return the name that generated clients call an endpoint by: coupons_hold."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


router = APIRouter(prefix="/api/v1", responses=PROBLEMS, generate_unique_id_function=name_operation)
for part in (orders, segments, coupons, campaigns, paper):
    router.include_router(part.router)
