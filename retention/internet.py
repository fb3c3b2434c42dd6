"""Public internet addresses, told from special-purpose ones by the IANA registries.

The standard library knows the registry of the day it was released: an older Python calls 192.0.0.0/24 or 5f00::/16
public. So the blocks that are not globally reachable stand here (IPv4 and IPv6 Special-Purpose Address Registry, RFC
6890 as updated in 2025), with the few parts of them that are. Of IPv6 only what is handed out, 2000::/3, is public.
"""

import ipaddress
import re
import socket
import threading
import time
from contextlib import suppress
from functools import lru_cache

_NOT_REACHABLE = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",
    "100.64.0.0/10",  # shared by a carrier's customers
    "127.0.0.0/8",
    "169.254.0.0/16",  # link local, and the metadata of clouds
    "172.16.0.0/12",
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # relays of 6to4, deprecated
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and the broadcast
    "2001::/23",  # protocol assignments, Teredo among them
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4, deprecated
    "3fff::/20",  # documentation
)
_REACHABLE_IN_THEM = (
    "192.0.0.9/32",
    "192.0.0.10/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:20::/28",
    "2001:30::/28",
)
_CLOSED = tuple(map(ipaddress.ip_network, _NOT_REACHABLE))
_OPEN = tuple(map(ipaddress.ip_network, _REACHABLE_IN_THEM))
_HANDED_OUT = ipaddress.ip_network("2000::/3")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # IPv4 behind NAT64: what is inside counts

_PRIVATE_NAMES = frozenset(
    (
        # IANA's registry of special-use names (RFC 6761 and those after it)
        "alt",
        "arpa",
        "example",
        "invalid",
        "local",
        "localhost",
        "onion",
        "test",
        # ICANN: for private networks, or never handed out because they are used so
        "internal",
        "corp",
        "home",
        "mail",
        # RFC 6762, appendix G, and what routers and old systems call their networks
        "intranet",
        "lan",
        "private",
        "localdomain",
    )
)
"""Last labels of names that the public internet does not know."""

_CARRIED = re.compile(r"(?:^|[.-])(\d{1,3}(?:\.\d{1,3}){3}|\d{1,3}(?:-\d{1,3}){3})(?=[.-])")
"""An address inside a name, as nip.io and sslip.io answer it: 127.0.0.1.nip.io, shop-10-0-0-7.sslip.io."""

_PATIENCE = 1.0
"""Seconds to wait for a name's addresses."""


def is_network_address(text: str) -> bool:
    """Tell whether a text is an address of a machine, and none of a person."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Tell whether an address, with or without a zone, is on the public internet. IPv4 inside IPv6 is looked at."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped
        if inside is None and found in _TRANSLATED:
            inside = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if inside is not None:
            return is_public(str(inside))
        if found not in _HANDED_OUT:
            return False
    return any(found in block for block in _OPEN) or not any(found in block for block in _CLOSED)


def is_public_host(host: str) -> bool:
    """Tell by its name alone whether a host may be one that everybody reaches; nothing is resolved.

    An IPv4 address counts however browsers read it: 127.1, 0x7f000001, 2130706433.
    """
    name = host.strip("[]").rstrip(".").lower()
    try:
        return is_public(name)
    except ValueError:
        pass
    try:
        return is_public(socket.inet_ntoa(socket.inet_aton(name)))
    except OSError:
        return "." in name and name.rpartition(".")[2] not in _PRIVATE_NAMES and not _carries_private(name)


def _carries_private(name: str) -> bool:
    for carried in _CARRIED.findall(name):
        with suppress(ValueError):
            if not is_public(carried.replace("-", ".")):
                return True
    return False


def leads_inside(host: str) -> bool:
    """Tell whether a name leads to addresses that are not public, and to none that is: one in /etc/hosts.

    A name that nobody knows, or whose answer takes too long, does not: names may be away for a while.
    It is asked once a minute.
    """
    return _led_inside(host, int(time.monotonic() // 60))


@lru_cache(maxsize=8)
def _led_inside(host: str, _minute: int) -> bool:
    found: list[str] = []
    asking = threading.Thread(target=_resolve, args=(host, found), daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return bool(found) and not any(map(is_public, tuple(found)))


def _resolve(host: str, found: list[str]) -> None:
    with suppress(OSError, UnicodeError):
        found.extend([str(address[4][0]) for address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)])
