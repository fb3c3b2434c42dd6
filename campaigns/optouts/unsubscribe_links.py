"""Unsubscribe links: signed addresses that work with one click, without a login.

The address names shop, buyer and channel and is signed, so it works for ever and cannot be guessed.
"""

import base64
import binascii
import hashlib
import hmac

from sqlmodel import Session

from campaigns.optouts.opt_in_out import Subject
from retention.buyers import Buyer
from retention.consent import Channel
from retention.errors import NotFound

_SIGNATURE = 12  # bytes: 96 bits


def unsubscribe_token(key: bytes, *, shop_id: int, buyer_id: int, channel: Channel) -> str:
    """Return the signed token for /u/{token}."""
    body = f"{shop_id}.{buyer_id}.{channel.value}".encode()
    return base64.urlsafe_b64encode(_sign(key, body) + body).decode().rstrip("=")


def unsubscribe_address(public_url: str, token: str) -> str:
    """Return the address a mail carries."""
    return f"{public_url.rstrip('/')}/u/{token}"


def read_token(key: bytes, token: str) -> Subject:
    """Return who a token stands for; NotFound when we did not sign it."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(signature, _sign(key, body)):
            raise _unknown()
        shop_id, buyer_id, channel = body.decode().split(".")
        return Subject(int(shop_id), int(buyer_id), Channel(channel))
    except (binascii.Error, ValueError) as error:
        raise _unknown() from error


def find_subject(session: Session, token: str, *, key: bytes) -> Subject:
    """Return who a token stands for; NotFound when it is not ours or the buyer is gone."""
    subject = read_token(key, token)
    buyer = session.get(Buyer, subject.buyer_id)
    if buyer is None or buyer.shop_id != subject.shop_id:
        raise _unknown()
    return subject


def _sign(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, b"unsubscribe:" + body, hashlib.sha256).digest()[:_SIGNATURE]


def _unknown() -> NotFound:
    return NotFound("This link does not exist.")
