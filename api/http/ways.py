"""Where devices find this installation. Whoever starts the API knows; nothing of it is secret."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ways:
    """Addresses as devices type them, the one to prefer first; nothing: not there, or not known."""

    mqtt: tuple[str, ...] = ()
    """`mqtt://host:port` or `mqtts://…`, without a login."""
    http: tuple[str, ...] = ()
    """Of the door for devices with HTTP, without a path."""
    teltonika: str = ""
    """`host:port` of the door for Teltonika trackers."""
    authority: str = ""
    """Certificate of the private authority behind these addresses, PEM."""
    authority_sha256: str = ""
    """Its fingerprint as devices show it."""
