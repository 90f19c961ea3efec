"""The receivers there are: `stream` (own client on a plain socket, the fast one) and `paho` (the reference)."""

from __future__ import annotations

from collections.abc import Callable

from ingest.mqtt.receiver import Receiver, ReceiverConfig
from ingest.mqtt.stream import StreamReceiver


def _paho(config: ReceiverConfig) -> Receiver:
    from ingest.mqtt.paho import PahoReceiver  # noqa: PLC0415 - paho is slow to load, and seldom wanted

    return PahoReceiver(config)


RECEIVERS: dict[str, Callable[[ReceiverConfig], Receiver]] = {"stream": StreamReceiver, "paho": _paho}
"""Makes a receiver, not yet connected."""
