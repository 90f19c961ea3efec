"""Names of tenants and devices, MQTT topics, and the partition of a home."""

from __future__ import annotations

import re
from typing import NamedTuple
from zlib import crc32

from domain.readings import STREAMS

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
ENCODINGS = {"": "json", ".mp": "msgpack", ".cbor": "cbor"}
PAYLOAD_BYTES_MAX = 64 * 1024


class TopicError(ValueError):
    """The topic is not fw/v1/{tenant}/{device}/{stream}."""


class Address(NamedTuple):
    """Who sent a message, of which stream, in which encoding."""

    tenant: str
    device: str
    stream: str
    encoding: str


def parse_topic(topic: bytes) -> Address:
    """Address of a device's topic.

    >>> parse_topic(b"fw/v1/main/gps-1/gps.cbor")
    Address(tenant='main', device='gps-1', stream='gps', encoding='cbor')

    Raises:
        TopicError: says which part is wrong.
    """
    try:
        parts = topic.decode("ascii").split("/")
    except UnicodeDecodeError:
        raise TopicError("the topic is not ASCII") from None
    if len(parts) != 5 or parts[:2] != ["fw", "v1"]:
        raise TopicError("the topic is not fw/v1/{tenant}/{device}/{stream}")
    tenant, device, last = parts[2:]
    if not NAME.match(tenant) or not NAME.match(device):
        raise TopicError("tenant or device is not a name of a-z, 0-9, - and _ of at most 64 characters")
    stream, dot, ending = last.partition(".")
    if stream not in STREAMS or dot + ending not in ENCODINGS:
        raise TopicError(
            f"unknown stream {last!r}: one of {', '.join(STREAMS)}, with .mp or .cbor behind it or nothing"
        )
    return Address(tenant, device, stream, ENCODINGS[dot + ending])


def partition_of(tenant: str, home: str, count: int) -> int:
    """Partition of a device's home (`vehicle/truck-1`, `site/dc-1`, `device/x`): the same everywhere, for ever."""
    return crc32(f"{tenant}/{home}".encode()) % count


def subscriptions() -> list[str]:
    """Topic filters of the ingester: everything below ours, so that a stream nobody knows is seen and set aside."""
    return ["fw/v1/#"]


def is_receipt(topic: bytes) -> bool:
    """Whether a topic is the one on which devices hear their receipts (the ingester hears its own ones, too).

    >>> is_receipt(b"fw/v1/main/gps-1/receipt"), is_receipt(b"fw/v1/main/receipt/gps")
    (True, False)
    """
    return topic.endswith(b"/receipt") and topic.count(b"/") == 4
