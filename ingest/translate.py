"""Messages in formats that are not ours: which decoder reads them, and whose readings they turn out to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from domain.names import PAYLOAD_BYTES_MAX, Address
from domain.profiles import Profile
from domain.readings import Flag
from domain.wire.formats import FORMATS
from domain.wire.native import NO_TIME, Rejection, Rows, decode
from domain.wire.said import ATTRIBUTE, READINGS_MAX, Context, Said, WireError
from domain.wire.sparkplug import Memory, Sparkplug
from ingest.directory import Device


class Entry(NamedTuple):
    """Readings of one device in one message. A native message has one entry, a gateway's one for each device."""

    message: int
    device: Device


@dataclass
class Work:
    """A group of messages, sorted by stream; the numbers in it are those of `entries`."""

    entries: list[Entry] = field(default_factory=list)
    native: dict[str, list[tuple[int, bytes, str]]] = field(default_factory=dict)
    said: defaultdict[str, list[tuple[int, Said]]] = field(default_factory=lambda: defaultdict(list))
    rejections: list[Rejection] = field(default_factory=list)

    def entry(self, message: int, device: Device) -> int:
        """Number of a new entry."""
        self.entries.append(Entry(message, device))
        return len(self.entries) - 1

    def decoded(self) -> list[Rows]:
        """Columns of each stream there is something of; attributes last, for what is left out of others becomes one."""
        out = []
        streams = [stream for stream in {**self.native, **self.said} if stream != ATTRIBUTE]
        for stream in [*streams, ATTRIBUTE]:
            if stream in self.native or stream in self.said:
                rows = decode(stream, self.native.get(stream, ()), self.said.get(stream, ()))
                self._keep_beside(rows)
                out.append(rows)
        return out

    def _keep_beside(self, rows: Rows) -> None:
        """What was left out of readings that are stored, as attributes of their devices and times."""
        for row, values in rows.left_out:
            if not rows.bad[row]:
                time = {} if rows.time_us[row] == NO_TIME else {"t": int(rows.time_us[row]) / 1000}
                flags = int(Flag.SUSPECT | rows.flags[row] & Flag.HISTORICAL)
                beside = Said(ATTRIBUTE, time | values, flags=flags)
                self.said[ATTRIBUTE].append((int(rows.message[row]), beside))


class Translator:
    """The decoders of one ingest program; those with a memory keep it here."""

    def __init__(self, births: Memory | None = None) -> None:
        self._decoders = {name: make() for name, make in FORMATS.items()} | {"sparkplug": Sparkplug(births)}

    def translate(
        self,
        address: Address,
        payload: bytes,
        received_us: int,
        profile_at: Callable[[str, float | None], Profile],
    ) -> list[Said]:
        """What a payload says.

        Raises:
            WireError: it cannot be read; whatever surprises a decoder is the payload's fault.
            psycopg.Error: the registry cannot be asked for an unknown source.
        """
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
        try:
            context = Context(received_us // 1000, address.rest, profile_at=profile_at)
            said = self._decoders[address.format](payload, context)
        except (WireError, psycopg.Error):
            raise
        except Exception as error:
            raise WireError("malformed", f"not {address.format}: {type(error).__name__}: {error}"[:300]) from error
        if (count := sum(each.count for each in said)) > READINGS_MAX:
            raise WireError("too_large", f"{count} readings, at most {READINGS_MAX}")
        return said

    def replies(self) -> list[tuple[bytes, bytes]]:
        """What decoders want said to their devices since the last call."""
        out: list[tuple[bytes, bytes]] = []
        for decoder in self._decoders.values():
            if waiting := getattr(decoder, "replies", None):
                out += [(topic.encode(), payload) for topic, payload in waiting]
                waiting.clear()
        return out
