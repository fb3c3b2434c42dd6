"""Whom we connect to: never a private address on a stranger's word.

Where a shop may type in an address, it must not reach what only this machine can reach. The name is resolved once,
every address it resolves to is looked at, and the connection goes to the very address that was looked at: a name that
resolves to something else a moment later gains nothing.
"""

import socket

from campaigns.sending.channels.channel import TryLater
from retention.internet import is_public


def open_socket(host: str, port: int, timeout: float, *, allow_private: bool) -> socket.socket:
    """Connect to a host; TryLater when it is private and that is not allowed, OSError when nobody answers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not allow_private and not all(is_public(str(address[0])) for *_, address in found):
        raise TryLater(f"{host} is an address inside this network, which this installation does not allow",
                       line_stands=False, of_sender=True)  # fmt: skip
    trouble: OSError | None = None
    for family, kind, protocol, _, address in found:
        line = socket.socket(family, kind, protocol)
        line.settimeout(timeout)
        try:
            line.connect(address)
        except OSError as error:
            line.close()
            trouble = error
        else:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return line
    raise trouble or OSError(f"{host} has no address")
