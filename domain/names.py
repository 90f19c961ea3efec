"""Names of tenants and devices, MQTT topics, and the partition of a home."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple
from zlib import crc32

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
ACCOUNT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"
"""Names of people who sign in; an e-mail address is one."""
STREAMS = ("gps", "temp", "rfid", "shelf", "door", "status", "attr")
"""What devices measure; `domain.readings` has a batch for each."""
ENCODINGS = {"": "json", ".mp": "msgpack", ".cbor": "cbor"}
SPEAKERS = frozenset({"gateway", "connector"})
"""Kinds of devices that bring the messages of others."""
PAYLOAD_BYTES_MAX = 64 * 1024


class TopicError(ValueError):
    """The topic is not fw/v1/{tenant}/{device}/{stream}."""


class Address(NamedTuple):
    """Who sent a message, of which stream, in which encoding; or in which foreign format, under which foreign topic."""

    tenant: str
    device: str
    stream: str
    encoding: str
    format: str = ""
    rest: tuple[str, ...] = ()


def parse_topic(topic: bytes, formats: Container[str] = ()) -> Address:
    """Address of a device's topic: ours, or one that a foreign format lays down.

    Behind the name of a format stands whatever a bridge hands on: its foreign topic. OwnTracks and Sparkplug B devices
    cannot choose their first level, so theirs are known as they are; the second level is the tenant.

    >>> parse_topic(b"fw/v1/main/gps-1/gps.cbor")
    Address(tenant='main', device='gps-1', stream='gps', encoding='cbor', format='', rest=())
    >>> parse_topic(b"fw/v1/main/lns/tts/v3/app@t/devices/d/up", {"tts"}).rest
    ('v3', 'app@t', 'devices', 'd', 'up')

    Raises:
        TopicError: says which part is wrong.
    """
    try:
        parts = topic.decode("utf-8").split("/")
    except UnicodeDecodeError:
        raise TopicError("the topic is not UTF-8") from None
    if parts[0] == "owntracks" and len(parts) >= 3:
        return Address(*_names(parts[1], parts[2]), "", "", "owntracks", tuple(parts))
    if parts[0] == "spBv1.0" and len(parts) >= 4:
        return Address(*_names(parts[1], parts[3]), "", "", "sparkplug", tuple(parts))
    if len(parts) < 5 or parts[:2] != ["fw", "v1"]:
        raise TopicError("the topic is not fw/v1/{tenant}/{device}/{stream}")
    tenant, device = _names(*parts[2:4])
    last = parts[4]
    if last in formats:
        return Address(tenant, device, "", "", last, tuple(parts[5:]))
    if len(parts) > 5:
        raise TopicError("the topic is not fw/v1/{tenant}/{device}/{stream}")
    stream, dot, ending = last.partition(".")
    if stream not in STREAMS or dot + ending not in ENCODINGS:
        raise TopicError(
            f"unknown stream {last!r}: one of {', '.join(STREAMS)}, with .mp or .cbor behind it or nothing"
        )
    return Address(tenant, device, stream, ENCODINGS[dot + ending])


def owner_of(topic: bytes) -> tuple[str | None, str | None]:
    """Tenant and device that a topic names, of a topic that says nothing else we know; None: it names none.

    >>> owner_of(b"fw/v1/main/th-1/temperature"), owner_of(b"fw/v1/main/th-1/gps/x"), owner_of(b"else/where")
    (('main', 'th-1'), ('main', 'th-1'), (None, None))
    """
    parts = topic.decode("utf-8", "replace").split("/")
    if len(parts) < 4 or parts[:2] != ["fw", "v1"] or not NAME.match(parts[2]) or not NAME.match(parts[3]):
        return None, None
    return parts[2], parts[3]


def _names(tenant: str, device: str) -> tuple[str, str]:
    if not NAME.match(tenant) or not NAME.match(device):
        raise TopicError("tenant or device is not a name of a-z, 0-9, - and _ of at most 64 characters")
    return tenant, device


def foreign_id(text: str) -> str:
    """The one spelling under which a device's foreign id is kept: letters and digits, capitals.

    >>> foreign_id("cb:b8:33:4c:88:4f"), foreign_id("Room 7")
    ('CBB8334C884F', 'ROOM7')
    """
    return (text if text.isalnum() else "".join(c for c in text if c.isalnum())).upper()[:128]


def named_by(urn: str) -> str:
    """What a device URN names, without the kind of name: a device may be registered with either. Else empty.

    >>> named_by("urn:dev:DEVEUI:70B3D57ED0001234"), named_by("cb:b8:33:4c:88:4f")
    ('70B3D57ED0001234', '')
    """
    found = re.match(r"urn:dev:[a-z0-9]+:(.+)", urn, re.IGNORECASE)
    return found[1] if found else ""


def partition_of(tenant: str, home: str, count: int) -> int:
    """Partition of a device's home (`vehicle/truck-1`, `site/dc-1`, `device/x`): the same everywhere, for ever."""
    return crc32(f"{tenant}/{home}".encode()) % count


def subscriptions(share: str = "") -> list[str]:
    """Topic filters of the ingester: everything below ours, so that a stream nobody knows is seen and set aside.

    With a `share`, the workers of that name each get a part; but all of them hear all of Sparkplug, whose messages mean
    something only in their order: what one has stored, another's is a repeat of.

    >>> subscriptions("east")
    ['$share/east/fw/v1/#', '$share/east/owntracks/#', 'spBv1.0/#']
    """
    prefix = f"$share/{share}/" if share else ""
    return [f"{prefix}fw/v1/#", f"{prefix}owntracks/#", "spBv1.0/#"]


def is_downlink(topic: bytes) -> bool:
    """Whether devices hear their receipts or commands on a topic (the ingester hears its own ones, too).

    >>> [is_downlink(b"fw/v1/main/" + rest) for rest in (b"gps-1/receipt", b"gps-1/cmd", b"cmd/gps")]
    [True, True, False]
    >>> is_downlink(b"owntracks/main/phone-1/cmd"), is_downlink(b"owntracks/main/cmd")
    (True, False)
    """
    if topic.startswith(b"owntracks/"):
        return topic.endswith(b"/cmd") and topic.count(b"/") == 3
    return topic.endswith((b"/receipt", b"/cmd")) and topic.count(b"/") == 4 and topic.startswith(b"fw/v1/")


def answering(topic: bytes) -> tuple[str, str] | None:
    """Tenant and device that answer a command on a topic; None: it is for something else.

    >>> answering(b"fw/v1/main/gps-1/cmd/answer"), answering(b"owntracks/main/gps-1/x/cmd/answer")
    (('main', 'gps-1'), None)
    """
    if not topic.endswith(b"/cmd/answer") or topic.count(b"/") != 5 or not topic.startswith(b"fw/v1/"):
        return None
    tenant, device = owner_of(topic)
    return (tenant, device) if tenant and device else None
