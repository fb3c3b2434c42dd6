"""Inbound addresses: where gateways and mail servers report replies, bounces and complaints.

The address holds a signed token for one shop and one of its senders, and is a secret between us and that sender: it
is in no message. Nobody else can speak for a gateway, and nothing has to be stored. Where the gateway signs what it
sends, as Twilio does, that is asked for too.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from campaigns.channels.senders import Sender, SenderKind
from campaigns.channels.twilio import signature_of
from retention.encryption import decrypt
from retention.errors import Forbidden, NotFound
from retention.shops import Shop

_SIGNATURE = 18  # bytes: 144 bits
NO_SENDER = 0
"""Stands for the mail server of the installation, which has no row."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Who speaks to us: a shop's sender, or its mail in general."""

    shop_id: int
    sender_id: int


def inbound_token(key: bytes, *, shop_id: int, sender_id: int = NO_SENDER) -> str:
    """Return the signed token for /in/{token}/mail and /in/{token}/sms."""
    body = f"{shop_id}.{sender_id}".encode()
    return base64.urlsafe_b64encode(_sign(key, body) + body).decode().rstrip("=")


def inbound_address(public_url: str, token: str, kind: str) -> str:
    """Return the address to give to a gateway; `kind` is mail or sms."""
    return f"{public_url.rstrip('/')}/in/{token}/{kind}"


def find_gateway(session: Session, token: str, *, key: bytes) -> Gateway:
    """Return who a token stands for; NotFound when we did not sign it, or shop or sender is gone."""
    gateway = _read(key, token)
    sender = session.get(Sender, gateway.sender_id) if gateway.sender_id != NO_SENDER else None
    known = sender is not None and sender.shop_id == gateway.shop_id
    if session.get(Shop, gateway.shop_id) is None or not (known or gateway.sender_id == NO_SENDER):
        raise _unknown()
    return gateway


def check_signature(
    session: Session,
    gateway: Gateway,
    *,
    key: bytes,
    address: str,
    form: Mapping[str, Sequence[str]],
    signature: str,
) -> None:
    """Raise Forbidden where a gateway that signs its forms did not sign this one for this address."""
    sender = session.get(Sender, gateway.sender_id) if gateway.sender_id != NO_SENDER else None
    if sender is None or sender.kind is not SenderKind.SMS_TWILIO:
        return
    expected = signature_of(address, form, decrypt(key, sender.encrypted_secrets)["auth_token"])
    if not form or not hmac.compare_digest(expected.encode(), signature.encode()):
        raise Forbidden("The Twilio signature is not valid for this address.")


def _read(key: bytes, token: str) -> Gateway:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(signature, _sign(key, body)):
            raise _unknown()
        shop_id, sender_id = body.decode().split(".")
        return Gateway(int(shop_id), int(sender_id))
    except (binascii.Error, ValueError) as error:
        raise _unknown() from error


def _sign(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, b"inbound:" + body, hashlib.sha256).digest()[:_SIGNATURE]


def _unknown() -> NotFound:
    return NotFound("This link does not exist.")
