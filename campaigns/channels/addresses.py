"""Addresses that may be connected to: private ones are refused.

Where a shop may type in an address, it must not reach what only this machine can reach. The name is resolved once,
every address it resolves to is looked at, and the connection goes to the very address that was looked at: a name that
resolves to something else a moment later gains nothing.
"""

import ipaddress
import re
import socket
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from campaigns.channels.channel import TryLater
from campaigns.channels.outages import INSIDE
from retention.errors import Wrong
from retention.i18n import gettext_noop
from retention.internet import is_public


def open_socket(host: str, port: int, timeout: float, *, allow_private: bool) -> socket.socket:
    """Connect to a host; TryLater when it is private and that is not allowed, OSError when nobody answers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not allow_private and not all(is_public(str(address[0])) for *_, address in found):
        raise TryLater(INSIDE.format(place=host), connection_usable=False, of_sender=True)
    last_error: OSError | None = None
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(timeout)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            last_error = error
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise last_error or OSError(f"{host} has no address")


def check_host(host: str) -> str:
    """Return a host's name or address as it was given; ValueError when it can be none."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.rstrip(".").encode("idna").decode().split(".")  # UnicodeError is a ValueError
        if re.fullmatch(r"[0-9.]+", host) or not all(_LABEL.fullmatch(label) for label in labels):
            raise Wrong(gettext_noop("{host} is not a host name."), host=repr(host)) from None
    return host


def check_web_address(url: str) -> str:
    """Return an address on the web as it was given; ValueError when nobody can be reached by it."""
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        raise Wrong(gettext_noop("{field} must be a URL without spaces."))
    parts = urlsplit(url)  # raises for half a bracket
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Wrong(gettext_noop("{field} must be a URL that begins with https:// or http:// and a host."))
    if parts.username is not None or parts.password is not None:
        raise Wrong(gettext_noop("{field} must be a URL without user name and password."))
    check_host(parts.hostname)
    if parts.port == 0:  # reading it raises for what is no number up to 65535
        raise Wrong(gettext_noop("{field} must be a URL with a port from 1 to 65535."))
    return url


WebAddress = Annotated[str, AfterValidator(check_web_address)]
"""An address that was looked at when it was saved, so that it fails nobody later."""

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
