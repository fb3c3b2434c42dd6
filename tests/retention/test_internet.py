"""What is on the public internet, by the registries of special-purpose addresses."""

import ipaddress

import pytest

from retention.internet import is_public, is_public_host, leads_inside

# From the IANA registries: each block that is not globally reachable, and what lies inside one and is.
CLOSED = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/29",
    "192.0.0.8/32",
    "192.0.0.170/32",
    "192.0.0.171/32",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:5::/32",
    "2001:10::/28",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "4000::/3",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
OPEN = [
    "1.1.1.1/32",
    "93.184.216.34/32",
    "100.63.255.255/32",
    "100.128.0.0/32",
    "172.32.0.0/32",
    "192.0.0.9/32",
    "192.0.0.10/32",
    "192.0.1.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.175.48.0/24",
    "198.20.0.0/32",
    "223.255.255.255/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:20::/28",
    "2001:30::/28",
    "2001:200::/32",
    "2606:2800:220:1:248:1893:25c8:1946/128",
    "2620:4f:8000::/48",
]


@pytest.mark.parametrize("block", CLOSED)
def test_a_block_that_is_not_globally_reachable_is_not_public_from_end_to_end(block: str) -> None:
    found = ipaddress.ip_network(block)
    for address in (found[0], found[found.num_addresses // 2], found[-1]):
        assert not is_public(str(address)), address
        if isinstance(address, ipaddress.IPv4Address):
            number = int(address)
            for inside in (f"::ffff:{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) + number))):
                assert not is_public(inside), inside


@pytest.mark.parametrize("block", OPEN)
def test_what_everybody_reaches_is_public_from_end_to_end(block: str) -> None:
    found = ipaddress.ip_network(block)
    assert is_public(str(found[0]))
    assert is_public(str(found[-1]))


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("shop.example.com", True),
        ("r.example.cn.", True),
        ("93.184.216.34", True),
        ("[2606:2800:220:1:248:1893:25c8:1946]", True),
        ("localhost", False),
        ("printer", False),
        ("nas.local", False),
        ("nas.LAN.", False),
        ("192.0.0.8", False),
        ("[::1]", False),
        ("fe80::1%eth0", False),
        ("127.1", False),
        ("0x7f000001", False),
        ("2130706433", False),
        ("0177.0.0.1", False),
        ("", False),
        *[
            (f"shop.{name}", False)
            for name in ("localdomain", "corp", "home", "private", "mail", "onion", "alt", "arpa")
        ],
        *[(f"r.{name}.", False) for name in ("Test", "EXAMPLE", "invalid", "home.arpa", "internal", "intranet", "lan")],
        ("127.0.0.1.nip.io", False),
        ("shop.10.0.0.7.sslip.io", False),
        ("shop-192-168-1-9.sslip.io", False),
        ("93.184.216.34.nip.io", True),
        ("ec2-54-1-2-3.compute-1.amazonaws.com", True),
        ("v1.2.3.shop.com", True),
        ("homes.corporate.com", True),
    ],
)
def test_a_host_is_judged_by_its_name(host: str, *, public: bool) -> None:
    assert is_public_host(host) is public


@pytest.mark.parametrize(
    ("host", "inside"), [("localhost", True), ("127.1", True), ("93.184.216.34", False), ("a" * 300, False)]
)
def test_a_name_leads_inside_when_all_its_addresses_do(host: str, *, inside: bool) -> None:
    assert leads_inside(host) is inside
