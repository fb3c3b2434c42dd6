"""The console: pages for the users of a shop. It translates between forms and use cases, without business rules."""

from fastapi import APIRouter

from api.console.campaigns import (
    arrivals,
    calendar,
    campaigns,
    check,
    editor,
    offers,
    policies,
    preview,
    run,
    tasks,
    why,
)
from api.console.paper import flyers, joint, packing, print_room
from api.console.reports import home, results
from api.console.segments import builder, buyer_consent, buyers, rfm, segments, sets
from api.console.shop import account, failures, imports, privacy, senders, users, webhooks

router = APIRouter(include_in_schema=False)
for part in (
    home,
    account,
    buyer_consent,
    buyers,
    segments,
    builder,
    sets,
    rfm,
    imports,
    editor,  # before the campaigns: none of these is called "new"
    campaigns,
    check,
    preview,
    run,
    why,
    calendar,
    offers,
    arrivals,
    tasks,
    print_room,
    packing,
    joint,
    flyers,
    results,
    policies,
    privacy,
    senders,
    webhooks,
    users,
    failures,
):
    router.include_router(part.router)
