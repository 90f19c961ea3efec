"""Where a tenant may have something sent to: the addresses of the world, and networks that the operator allows.

A name is looked up once and the connection goes to the address that was looked at: what the name says a moment later
does not count. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from domain import brokers
from domain.webhooks import PORTS, AddressError, parse_url

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[..., Sequence[tuple[Any, ...]]]

NOWHERE = "{}: no host in the world, nor in a network that FROSTWAY_WEBHOOK_NETWORKS allows"
"""One word for a name that is none and for one inside: nobody learns what there is inside."""
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "192.88.99.0/24", "fec0::/10")
)
"""Global by their looks, and ways into other networks: NAT64, 6to4, Teredo."""


class Target(NamedTuple):
    """Where to connect to, and what to say there."""

    address: str
    port: int
    host: str
    path: str
    is_tls: bool


def networks(text: str) -> tuple[Network, ...]:
    """Networks from a setting, by commas.

    Raises:
        ValueError: one is none.
    """
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether anything is sent to an address, in the world or in a network that the operator allows."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return is_allowed(mapped, allowed)
    return is_private_allowed(address, allowed) or (
        address.is_global and not address.is_multicast and not any(address in network for network in _NEVER)
    )


def is_private_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is in a network that the operator allows."""
    return any(address in network for network in allowed)


def resolve(url: str, allowed: Sequence[Network] = (), lookup: Lookup = socket.getaddrinfo) -> Target:
    """Where to connect to for an address: looked up now, and every answer looked at.

    Raises:
        AddressError: it is no address, or nothing is sent there.
    """
    parts = parse_url(url)
    is_tls = parts.scheme == "https"
    host, port = str(parts.hostname), parts.port or (443 if is_tls else 80)
    address = _looked_at(host, port, "" if is_tls else "https", PORTS[parts.scheme], allowed, lookup)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(address, port, host, path, is_tls)


def resolve_broker(url: str, allowed: Sequence[Network] = (), lookup: Lookup = socket.getaddrinfo) -> Target:
    """Where to connect to for a broker's address: looked up now, and every answer looked at.

    Raises:
        AddressError: it is no address, or nothing is sent there.
    """
    parts = brokers.parse_broker(url)
    is_tls = parts.scheme == "mqtts"
    host, port = str(parts.hostname), parts.port or brokers.SCHEMES[parts.scheme]
    address = _looked_at(host, port, "" if is_tls else "mqtts", brokers.PORTS, allowed, lookup)
    return Target(address, port, host, "", is_tls)


def _looked_at(
    host: str, port: int, rather: str, ports: Sequence[int], allowed: Sequence[Network], lookup: Lookup
) -> str:
    """An address of a host that something may be sent to. `rather`: what it takes in the world instead."""
    try:
        answers = lookup(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise AddressError(NOWHERE.format(host)) from None
    found = [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
    if not found or not all(is_allowed(each, allowed) for each in found):
        raise AddressError(NOWHERE.format(host))
    inside = all(is_private_allowed(getattr(each, "ipv4_mapped", None) or each, allowed) for each in found)
    if not inside and rather:
        raise AddressError(f"url: {rather}, for it goes through the world")
    if not inside and port not in ports:
        raise AddressError(f"url: port {port} is none of {', '.join(map(str, ports))}")
    return str(found[0])
