"""What of this machine the network reaches: its addresses and names, and the certificate that is for them."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import re
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress

from frostway.certificates import CertificateError, host_name

EVERYWHERE = "0.0.0.0"  # noqa: S104 - that is what --lan asks for
_SIOCGIFCONF = 0x8912
_IFREQ_BYTES, _INTERFACES_MAX = 40, 128
_VIRTUAL = re.compile(r"docker|br-|veth|virbr|cni|podman|lxc|lxd")
_SOMEWHERE = ("192.0.2.1", 9)  # nothing is sent: it only tells which address would be used


def addresses() -> list[str]:
    """This machine's IPv4 addresses that others on its network can reach; the one it calls out from comes first."""
    found = dict.fromkeys(_outgoing())
    for name, address in _of_interfaces():
        if not _VIRTUAL.match(name):
            found[address] = None
    return [each for each in found if _is_reachable(each)]


def names(given: Sequence[str] = ()) -> list[str]:
    """What this machine is called: the given names, its host's name, and that in the local domain (mDNS).

    Raises:
        CertificateError: one of the given names is none.
    """
    found = [host_name(name) for name in given]
    with suppress(CertificateError):
        own = host_name(socket.gethostname())
        if own != "localhost":
            found += [own] if "." in own else [own, f"{own}.local"]
    return list(dict.fromkeys(found))


def _is_reachable(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return not (found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast)


def _outgoing() -> list[str]:
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_SOMEWHERE)
        return [str(probe.getsockname()[0])]
    return []


def _of_interfaces() -> list[tuple[str, str]]:
    """Interface and address of each that is there (Linux), else what the host's name means."""
    if sys.platform == "linux" and struct.calcsize("P") == 8:
        buffer = array.array("B", bytes(_IFREQ_BYTES * _INTERFACES_MAX))
        at, size = buffer.buffer_info()
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            filled = struct.unpack("iP", fcntl.ioctl(probe.fileno(), _SIOCGIFCONF, struct.pack("iP", size, at)))[0]
            rows = [bytes(buffer[n : n + _IFREQ_BYTES]) for n in range(0, filled, _IFREQ_BYTES)]
            return [(row[:16].split(b"\0")[0].decode("ascii"), socket.inet_ntoa(row[20:24])) for row in rows]
    with suppress(OSError):
        return [("", str(each[4][0])) for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return []
