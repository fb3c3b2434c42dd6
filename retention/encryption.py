"""Encryption of the secrets of other systems, which rows keep. The key is derived from the one that signs; without it
they are lost, and nobody who has only the database can read them.
"""

import base64
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from retention.errors import Conflict


def encrypt(key: bytes, secrets: Mapping[str, str]) -> bytes:
    """Return secrets encrypted and signed."""
    return _cipher(key).encrypt(json.dumps(dict(secrets)).encode())


def decrypt(key: bytes, encrypted: bytes) -> dict[str, str]:
    """Return what was encrypted; Conflict when it was under another key."""
    if not encrypted:
        return {}
    try:
        return dict(json.loads(_cipher(key).decrypt(encrypted)))
    except InvalidToken as error:
        raise Conflict("The secrets were encrypted under another REGULARS_SECRET. Enter them again.") from error


def _cipher(key: bytes) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"regulars: sealed secrets").derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))
