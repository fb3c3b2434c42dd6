"""The REST API for a shop's other systems: JSON over HTTPS, a key per system, problem details for refusals.

Each endpoint calls one use case. Amounts of money are strings in major units ("128.00") of the shop's currency; times
are ISO 8601 with an offset.
"""

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute

from api.v1 import (
    buyers,
    calendar,
    campaigns,
    consents,
    content,
    coupons,
    drafts,
    failures,
    imports,
    keys,
    orders,
    paper,
    policy,
    posts,
    segments,
    senders,
    status_words,
    users,
    webhooks,
)
from api.v1.problems import PROBLEMS
from api.v1.routing import PREFIX, refuse_unknown
from retention.errors import Invalid
from retention.i18n import gettext_noop


def name_operation(route: APIRoute) -> str:
    """Return the name that generated clients call an endpoint by: coupons_hold."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


async def refuse_nul(request: Request) -> None:
    """Refuse text with the one character that PostgreSQL cannot keep; in JSON it can only be written this way."""
    if not _is_form(request) and b"\\u0000" in await request.body():
        raise Invalid(gettext_noop("A text must not hold the character NUL (\\u0000)."))


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


router = APIRouter(
    prefix=PREFIX,
    responses=PROBLEMS,
    generate_unique_id_function=name_operation,
    dependencies=[Depends(refuse_nul), Depends(refuse_unknown)],
)
for part in (
    orders,
    imports,
    status_words,
    segments,
    coupons,
    campaigns,
    content,
    consents,
    buyers,
    drafts,
    calendar,
    policy,
    posts,
    senders,
    webhooks,
    failures,
    paper,
    users,
    keys,
):
    router.include_router(part.router)
