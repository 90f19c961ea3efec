"""Where our pages are, who may stand before us, and for whom a request was meant."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?\.?)(?::\d{1,5})?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
LOOPBACK = "127.0.0.0/8,::1/128"
ROUTES = Path("/proc/net/route")


class OriginError(ValueError):
    """A setting is not what it has to be; the message says how to mend it."""


def split(text: str) -> list[str]:
    """The parts of a setting that are divided by commas or spaces."""
    return [part for part in re.split(r"[,\s]+", text) if part]


@dataclass(frozen=True)
class Origin:
    """`https://host:port`, its parts in lower case."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @classmethod
    def parse(cls, text: str) -> Origin | None:
        """The origin a text names; None when it is none, or has more than an origin.

        >>> str(Origin.parse("HTTPS://Fleet.example:443/")), Origin.parse("null"), Origin.parse("https://a/b")
        ('https://fleet.example', None, None)
        """
        try:
            parts = urlsplit(text.strip().lower())
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
            return None
        if parts.query or parts.fragment or parts.username is not None or not _HOST.fullmatch(parts.netloc):
            return None
        return cls(parts.scheme, parts.hostname.rstrip("."), port or _PORTS[parts.scheme])


def public_origins(text: str) -> tuple[Origin, ...]:
    """The origins of `FROSTWAY_PUBLIC_ORIGIN`, the first of which stands in links.

    Raises:
        OriginError: one is not `http(s)://host[:port]`.
    """
    found = []
    for part in split(text):
        origin = Origin.parse(part)
        if origin is None:
            raise OriginError(f"FROSTWAY_PUBLIC_ORIGIN: {part!r} is not an origin such as https://fleet.example")
        found.append(origin)
    return tuple(found)


def host_of(value: str) -> tuple[str, int | None] | None:
    """Name and port of a `Host` header; None when it is not one.

    >>> host_of("Fleet.example:8443"), host_of("[::1]"), host_of("a b"), host_of("user@host")
    (('fleet.example', 8443), ('::1', None), None, None)
    """
    if not _HOST.fullmatch(value):
        return None
    try:
        parts = urlsplit(f"//{value.lower()}")
        port = parts.port
    except ValueError:
        return None
    return ((parts.hostname or "").rstrip("."), port)


def is_loopback(name: str) -> bool:
    """Whether a host's name or address means this machine, without asking anybody."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Hosts:
    """For whom requests may be meant: this machine, public origins, the address that was connected to, and names."""

    origins: tuple[Origin, ...] = ()
    names: frozenset[str] = frozenset()

    def accepts(self, name: str, own_address: str) -> bool:
        """Whether a request for `name`, which came in at `own_address`, is ours to answer."""
        if is_loopback(name) or name in self.names or any(name == origin.host for origin in self.origins):
            return True
        return bool(own_address) and _same_address(name, own_address)

    def is_ours(self, origin: Origin, name: str, port: int | None) -> bool:
        """Whether a page of `origin` is ours, for a request to `name` and `port` (already accepted)."""
        if any(origin == each for each in self.origins):
            return True
        if any(name == each.host for each in self.origins) and not is_loopback(name):
            return False  # only as the setting says it: not by another scheme or port
        return origin.host == name and origin.port == (port or _PORTS[origin.scheme])


def _same_address(name: str, own: str) -> bool:
    try:
        first, second = ipaddress.ip_address(name), ipaddress.ip_address(own.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(second, "ipv4_mapped", None)
    return first in {second, mapped}


def trusted_networks(text: str) -> list[str]:
    """The networks of `FROSTWAY_TRUSTED_PROXIES`; the word `gateway` is this container's gateway, if it has one.

    Raises:
        OriginError: one is neither an address nor a network.
    """
    found = []
    for part in split(text):
        if part == "gateway":
            found += _gateways()
            continue
        try:
            found.append(str(ipaddress.ip_network(part, strict=False)))
        except ValueError:
            raise OriginError(
                f"FROSTWAY_TRUSTED_PROXIES: {part!r} is not an address or a network such as 10.0.0.0/8"
            ) from None
    return found


def _gateways() -> list[str]:
    """Addresses of the default gateways (Linux): whom connections to a container's published ports come from."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        for line in ROUTES.read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1] == "00000000" and int(fields[3], 16) & 2:
                found.append(f"{ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(fields[2]), 'little'))}/32")
    return found


def in_networks(networks: Sequence[str], address: str) -> bool:
    """Whether an address lies in one of the networks."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in ipaddress.ip_network(network) for network in networks)
