"""Public pages for buyers: the targets of QR codes and links in messages, and unsubscribing.

Beside them the addresses that gateways and mail servers call, and the logo that mail shows.
"""

from fastapi import APIRouter

from api.public import inbound, links, logos, unsubscribe

router = APIRouter(include_in_schema=False)
for part in (links, unsubscribe, inbound, logos):
    router.include_router(part.router)
