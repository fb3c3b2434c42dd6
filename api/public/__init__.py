"""Pages for buyers: what a QR code or a link in a message leads to, and the way out of further messages."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
