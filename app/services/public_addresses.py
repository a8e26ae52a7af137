"""Which addresses are on the public internet: what the server may be sent to by a stranger.

Whoever may name a URL that we fetch could name our own network: the metadata service of a
cloud, a database on loopback, a printer. So an address must be positively public. Python's
own `is_global` calls more than one of them so (NAT64, 6to4, the IETF's assignments), which
is why the registries are written out here: IANA's IPv4 and IPv6 special-purpose addresses.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_IPV4_SPECIAL = [
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); metadata of one cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # metadata of another cloud, though its number is public
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF's assignments; metadata of yet another cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
# All that is given out lies in here: no loopback, link-local, unique-local, mapped IPv4.
_IPV6_PUBLIC = IPv6Network("2000::/3")
_IPV6_SPECIAL = [
    IPv6Network(block)
    for block in (
        "2001::/23",  # IETF's assignments, Teredo among them, which holds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",  # documentation
    )
]


def is_public(address: str) -> bool:
    """Whether a numeric address, IPv4 or IPv6, may be connected to on a stranger's behalf."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a zone id ("fe80::1%eth0") is allowed nowhere, and no number is none
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in block for block in _IPV4_SPECIAL)
    return _is_public_ipv6(parsed)


def _is_public_ipv6(address: IPv6Address) -> bool:
    return (
        address.scope_id is None
        and address in _IPV6_PUBLIC
        and not any(address in block for block in _IPV6_SPECIAL)
    )
