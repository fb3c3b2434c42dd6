"""The console: the pages people of a shop work with. It translates between forms and use cases and holds no rule."""

from fastapi import APIRouter

from api.console import (
    buyers,
    campaigns,
    flyers,
    home,
    imports,
    joint,
    offers,
    packing,
    people,
    print_room,
    results,
    rfm,
    segment_builder,
    segment_sets,
    segments,
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
    campaigns,
    offers,
    print_room,
    packing,
    joint,
    flyers,
    results,
    people,
):
    router.include_router(part.router)
