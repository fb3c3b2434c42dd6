"""Pages for buyers: what a QR code or a link in a message leads to, and the way out of further messages."""

from fastapi import APIRouter

from api.public import leaving, links

router = APIRouter(include_in_schema=False)
for part in (links, leaving):
    router.include_router(part.router)
