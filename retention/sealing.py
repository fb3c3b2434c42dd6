"""Sealing: secrets of other systems, encrypted in rows. The key is derived from the one that signs; without it they are
lost, and nobody who has only the database can read them.
"""

import base64
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from retention.errors import Conflict


def seal(key: bytes, secrets: Mapping[str, str]) -> bytes:
    """Return secrets encrypted and signed."""
    return _box(key).encrypt(json.dumps(dict(secrets)).encode())


def unseal(key: bytes, sealed: bytes) -> dict[str, str]:
    """Return what was sealed; Conflict when it was under another key."""
    if not sealed:
        return {}
    try:
        return dict(json.loads(_box(key).decrypt(sealed)))
    except InvalidToken as error:
        raise Conflict("The secrets were sealed under another REGULARS_SECRET. Enter them again.") from error


def _box(key: bytes) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"regulars: sealed secrets").derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))
