"""What the threads that tell others are given."""

from __future__ import annotations

from dataclasses import dataclass, field

from operations.deliver.address import Network


@dataclass(frozen=True)
class DeliverConfig:
    """Settings. `networks`: private ones that receivers may be in; `ca_file`: further authorities of theirs.

    `sealing_secret` opens the addresses of channels.
    """

    database_url: str
    networks: tuple[Network, ...] = ()
    ca_file: str = ""
    sealing_secret: str = field(default="", repr=False)
