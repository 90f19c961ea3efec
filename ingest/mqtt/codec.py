"""MQTT 3.1.1 packets as bytes, without any input or output.

Why our own: ingest is fed by one broker connection whose cost is dominated by the number of calls made per message.
A decoder that walks a whole receive buffer in one loop costs about 0.4 µs a message, a tenth of what a general client
spends, and being pure it can be tested by splitting the byte stream at any place.

The decoder serves both ends of a connection (tests play the broker with it), so it accepts every packet type of the
standard; what an end must not receive is that end's business. QoS 2 is not supported: Frostway subscribes and publishes
with QoS 0 and 1 only, so a QoS 2 publish is a protocol error.

Packet layouts: MQTT Version 3.1.1, OASIS Standard, 29 October 2014, chapters 2 and 3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14

PINGREQ_BYTES = b"\xc0\x00"
PINGRESP_BYTES = b"\xd0\x00"
DISCONNECT_BYTES = b"\xe0\x00"

MAX_REMAINING_LENGTH = 268_435_455
MAX_STRING = 65_535
DEFAULT_MAX_PACKET_BYTES = 256 * 1024
MIN_PACKET_LIMIT = 16_384

CONNACK_REASONS = {
    1: "the broker does not speak MQTT 3.1.1",
    2: "the broker refuses the client id",
    3: "the broker is unavailable",
    4: "bad user name or password",
    5: "not authorized",
}
SUBACK_REFUSED = 0x80

_FLAGS = {PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2}  # every other type but PUBLISH must have 0
_TWO_BYTES = frozenset({PUBACK, PUBREC, PUBREL, PUBCOMP, CONNACK, UNSUBACK})
_EMPTY = frozenset({PINGREQ, PINGRESP, DISCONNECT})

RawMessage = tuple[bytes, bytes, int, bool, bool]
"""(topic, payload, packet id or 0 for QoS 0, retain, dup): a plain tuple, because building it is the hot path."""


class ProtocolError(Exception):
    """The other end sent bytes that are not MQTT 3.1.1."""


class Control(NamedTuple):
    """A packet that is not a message: its type (CONNACK, …), its four flag bits and the bytes after the length."""

    kind: int
    flags: int
    body: bytes


class Decoder:
    """Cuts a byte stream into packets, however it arrives.

    `feed` appends to three lists, which the owner empties as it likes: `messages` (RawMessage, QoS 0 and 1), `system`
    (topic, payload of QoS 0 messages whose topic starts with `$`: the broker's own statistics) and `controls`.
    Not more than one packet of at most `max_packet_bytes` is kept between calls: a length above it is a ProtocolError
    as soon as it is announced, before a byte of it is stored. (`max_packet_bytes` counts what follows the length field;
    ValueError below MIN_PACKET_LIMIT.)
    """

    __slots__ = ("_failed", "_limit", "_need", "_rest", "controls", "messages", "system")

    def __init__(self, max_packet_bytes: int = DEFAULT_MAX_PACKET_BYTES) -> None:
        if max_packet_bytes < MIN_PACKET_LIMIT:
            raise ValueError(f"the packet limit must be at least {MIN_PACKET_LIMIT} bytes")
        self.messages: list[RawMessage] = []
        self.system: list[tuple[bytes, bytes]] = []
        self.controls: list[Control] = []
        self._rest = bytearray()
        self._need = 0  # bytes that `_rest` must have before parsing it again can succeed
        self._limit = max_packet_bytes
        self._failed = ""

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the unfinished packet kept for the next call."""
        return len(self._rest)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the stream.

        Raises ProtocolError at the first packet that is not MQTT; the packets before it are in the lists, and every
        later call raises the same error.
        """
        if self._failed:
            raise ProtocolError(self._failed)
        rest = self._rest
        if rest:
            rest += data
            if len(rest) < self._need:
                return
            data = bytes(rest)
            rest.clear()
        try:
            pos, need = self._parse(data)
        except ProtocolError as error:
            self._failed = str(error)
            raise
        if pos < len(data):
            rest += data[pos:]
            self._need = need

    def _parse(self, data: bytes) -> tuple[int, int]:  # noqa: C901, PLR0912 - the hot loop, flat on purpose
        """Parses whole packets; returns where the unfinished one starts and how many bytes it needs at least."""
        add = self.messages.append
        limit = self._limit
        pos = 0
        end = len(data)
        while end - pos >= 2:
            head = data[pos]
            length = data[pos + 1]
            start = pos + 2
            if length > 127:
                if start == end:
                    return pos, 3
                high = data[start]
                start += 1
                if high < 128:
                    length = length - 128 | high << 7
                else:
                    length, start = _long_length(data, pos, end)
                    if start < 0:
                        return pos, end - pos + 1
                    if length > limit:  # shorter length fields cannot exceed MIN_PACKET_LIMIT
                        raise ProtocolError(f"packet of {length} bytes announced, at most {limit} allowed")
            stop = start + length
            if stop > end:
                return pos, stop - pos
            if head & 0xF6 == 0x32:  # PUBLISH with QoS 1, any retain and dup
                if length < 4:
                    raise ProtocolError("PUBLISH too short")
                topic = start + 2
                tail = topic + (data[start] << 8 | data[start + 1])
                payload = tail + 2
                if payload > stop:
                    raise ProtocolError("PUBLISH topic longer than its packet")
                packet_id = data[tail] << 8 | data[tail + 1]
                if not packet_id:
                    raise ProtocolError("PUBLISH with packet id 0")
                add((data[topic:tail], data[payload:stop], packet_id, head & 1 == 1, head & 8 == 8))
            else:
                self._other(head, data[start:stop])
            pos = stop
        return pos, 2

    def _other(self, head: int, body: bytes) -> None:
        """Takes one whole packet that is not a QoS 1 message."""
        kind, flags = head >> 4, head & 15
        if kind == PUBLISH:
            self._unacknowledged(flags, body)
            return
        if kind in (0, 15) or flags != _FLAGS.get(kind, 0):
            raise ProtocolError(f"packet type {kind} with flags {flags}")
        if (kind in _TWO_BYTES and len(body) != 2) or (kind in _EMPTY and body):
            raise ProtocolError(f"packet type {kind} with {len(body)} bytes")
        self.controls.append(Control(kind, flags, body))

    def _unacknowledged(self, flags: int, body: bytes) -> None:
        if flags & 6:
            raise ProtocolError(f"PUBLISH with QoS {flags >> 1 & 3}")
        if len(body) < 2:
            raise ProtocolError("PUBLISH too short")
        tail = 2 + (body[0] << 8 | body[1])
        if tail > len(body):
            raise ProtocolError("PUBLISH topic longer than its packet")
        topic, payload = body[2:tail], body[tail:]
        if topic.startswith(b"$"):
            self.system.append((topic, payload))
        else:
            self.messages.append((topic, payload, 0, flags & 1 == 1, flags & 8 == 8))


def _long_length(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """(length, start of the body) of a length field of three or four bytes; start is -1 while bytes are missing."""
    length = 0
    for index in range(4):
        at = pos + 1 + index
        if at >= end:
            return 0, -1
        length |= (data[at] & 127) << 7 * index
        if data[at] < 128:
            return length, at + 1
    raise ProtocolError("length field of more than four bytes")


def parse_connack(packet: Control) -> tuple[bool, int]:
    """(session present, return code; 0 = accepted, see CONNACK_REASONS)."""
    if packet.body[0] > 1 or (packet.body[0] and packet.body[1]):
        raise ProtocolError("CONNACK with unknown flags")
    return packet.body[0] == 1, packet.body[1]


def parse_suback(packet: Control) -> tuple[int, tuple[int, ...]]:
    """(packet id, one code a filter: the granted QoS or SUBACK_REFUSED)."""
    body = packet.body
    if len(body) < 3 or any(code not in (0, 1, 2, SUBACK_REFUSED) for code in body[2:]):
        raise ProtocolError("malformed SUBACK")
    return body[0] << 8 | body[1], tuple(body[2:])


def parse_packet_id(packet: Control) -> int:
    """The packet id a PUBACK or UNSUBACK answers."""
    return packet.body[0] << 8 | packet.body[1]


def encode_connect(
    client_id: str,
    user: str | None = None,
    password: str | None = None,
    *,
    keepalive_s: int,
    clean_session: bool = False,
) -> bytes:
    """CONNECT of protocol level 4 without a will; `keepalive_s` from 0 (off) to 65535. ValueError: a text too long."""
    if not 0 <= keepalive_s <= 65_535:
        raise ValueError(f"keepalive of {keepalive_s} s is outside 0 to 65535")
    flags = (2 if clean_session else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    if password is not None and user is None:
        raise ValueError("MQTT 3.1.1 knows no password without a user name")
    body = _text(b"MQTT") + bytes((4, flags)) + struct.pack(">H", keepalive_s) + _text(client_id.encode())
    for part in (user, password):
        if part is not None:
            body += _text(part.encode())
    return _packet(CONNECT << 4, body)


def encode_connack(*, session_present: bool, code: int = 0) -> bytes:
    """CONNACK, for whoever plays the broker."""
    return bytes((CONNACK << 4, 2, session_present, code))


def encode_subscribe(packet_id: int, filters: Sequence[str], qos: int = 1) -> bytes:
    """SUBSCRIBE to all `filters` with one QoS (0 or 1)."""
    if not filters or not 0 < packet_id < 65_536 or qos not in (0, 1):
        raise ValueError("a subscription needs filters, a packet id from 1 to 65535 and QoS 0 or 1")
    body = b"".join(_text(each.encode()) + bytes((qos,)) for each in filters)
    return _packet(SUBSCRIBE << 4 | 2, struct.pack(">H", packet_id) + body)


def encode_unsubscribe(packet_id: int, filters: Sequence[str]) -> bytes:
    """UNSUBSCRIBE from all `filters`."""
    if not filters or not 0 < packet_id < 65_536:
        raise ValueError("an unsubscription needs filters and a packet id from 1 to 65535")
    body = b"".join(_text(each.encode()) for each in filters)
    return _packet(UNSUBSCRIBE << 4 | 2, struct.pack(">H", packet_id) + body)


def encode_suback(packet_id: int, codes: Sequence[int]) -> bytes:
    """SUBACK, for whoever plays the broker."""
    return _packet(SUBACK << 4, struct.pack(">H", packet_id) + bytes(codes))


def encode_publish(
    topic: bytes,
    payload: bytes,
    *,
    qos: int = 0,
    packet_id: int = 0,
    retain: bool = False,
    dup: bool = False,
) -> bytes:
    """PUBLISH with QoS 0, or QoS 1 and a packet id from 1 to 65535. ValueError for anything else."""
    if not topic or qos not in (0, 1) or (qos == 1) != (0 < packet_id < 65_536):
        raise ValueError("a publish needs a topic and QoS 0, or QoS 1 with a packet id from 1 to 65535")
    body = _text(topic) + (struct.pack(">H", packet_id) if qos else b"") + payload
    return _packet(PUBLISH << 4 | dup << 3 | qos << 1 | retain, body)


def encode_pubacks(packet_ids: Iterable[int]) -> bytes:
    """The PUBACKs of all ids (1 to 65535) in the given order, one after the other: 4 bytes each."""
    words = [0x4002_0000 | each for each in packet_ids]
    return struct.pack(f">{len(words)}I", *words)


def encode_length(length: int) -> bytes:
    """The one to four bytes that announce `length` bytes to come."""
    if not 0 <= length <= MAX_REMAINING_LENGTH:
        raise ValueError(f"{length} bytes do not fit in an MQTT packet")
    out = bytearray()
    while True:
        length, low = length >> 7, length & 127
        out.append(low | (128 if length else 0))
        if not length:
            return bytes(out)


def _packet(head: int, body: bytes) -> bytes:
    return bytes((head,)) + encode_length(len(body)) + body


def _text(raw: bytes) -> bytes:
    if len(raw) > MAX_STRING:
        raise ValueError(f"{len(raw)} bytes do not fit in an MQTT string")
    return struct.pack(">H", len(raw)) + raw
