"""The console: the pages people of a shop work with. It translates between forms and use cases and holds no rule."""

from fastapi import APIRouter

from api.console import (
    arrivals,
    buyers,
    calendar,
    campaign_check,
    campaign_editor,
    campaign_preview,
    campaign_run,
    campaign_why,
    campaigns,
    flyers,
    home,
    hooks,
    imports,
    joint,
    offers,
    packing,
    people,
    policies,
    print_room,
    results,
    rfm,
    segment_builder,
    segment_sets,
    segments,
    senders,
    tasks_page,
)

router = APIRouter(include_in_schema=False)
for part in (
    home,
    buyers,
    segments,
    segment_builder,
    segment_sets,
    rfm,
    imports,
    campaign_editor,  # before the campaigns: none of these is called "new"
    campaigns,
    campaign_check,
    campaign_preview,
    campaign_run,
    campaign_why,
    calendar,
    offers,
    arrivals,
    tasks_page,
    print_room,
    packing,
    joint,
    flyers,
    results,
    policies,
    senders,
    hooks,
    people,
):
    router.include_router(part.router)
