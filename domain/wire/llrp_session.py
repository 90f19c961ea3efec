"""What is said with a reader over one connection, without I/O and clock: bytes in, bytes and reads out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.wire.llrp import (
    ADD_ROSPEC,
    CLOSE_CONNECTION,
    CLOSE_CONNECTION_RESPONSE,
    DELETE_ROSPEC,
    ENABLE_ROSPEC,
    ERROR_MESSAGE,
    KEEPALIVE,
    KEEPALIVE_ACK,
    READER_EVENT_NOTIFICATION,
    RESPONSE,
    RO_ACCESS_REPORT,
    SET_READER_CONFIG,
    START_ROSPEC,
    Framer,
    LlrpError,
    Message,
    RefusedError,
    TagRead,
    check_status,
    event_of,
    inventory,
    keepalive_config,
    message,
    reads_of,
)

ROSPEC = 1
CLOCK_OFF_MS_MAX = 5 * 60 * 1000
_NAMES: Mapping[int, str] = {
    SET_READER_CONFIG: "signs of life", DELETE_ROSPEC: "forgetting earlier inventories", ADD_ROSPEC: "an inventory",
    ENABLE_ROSPEC: "enabling the inventory", START_ROSPEC: "starting the inventory",
}  # fmt: skip


class Session:
    """One connection: greeted, set up step by step, then reports. `out` is what is to be sent."""

    def __init__(self, keepalive_ms: int = 10_000) -> None:
        self.out = bytearray()
        self.is_reading = False
        """The inventory runs."""
        self.clock = Clock()
        self._framer = Framer()
        self._is_taken = False
        self._number = 0
        number = ROSPEC.to_bytes(4, "big")
        self._steps = [
            (SET_READER_CONFIG, keepalive_config(keepalive_ms)),
            (DELETE_ROSPEC, bytes(4)),
            (ADD_ROSPEC, inventory(ROSPEC)),
            (ENABLE_ROSPEC, number),
            (START_ROSPEC, number),
        ]
        self._awaits = 0

    def feed(self, data: bytes, now_ms: float) -> list[dict[str, Any]]:
        """Reads as the format `reads` has them.

        Raises:
            LlrpError: this is no LLRP.
            RefusedError: the reader does not take us, or does not do what it is asked for.
        """
        found: list[dict[str, Any]] = []
        for each in self._framer.feed(data):
            found += self._hear(each, now_ms)
        return found

    def _hear(self, each: Message, now_ms: float) -> list[dict[str, Any]]:
        if each.type == KEEPALIVE:
            self.out += message(KEEPALIVE_ACK, each.id, version=each.version)
        elif each.type == READER_EVENT_NOTIFICATION:
            self._greeted(each, now_ms)
        elif each.type == RO_ACCESS_REPORT:
            return [told for read in reads_of(each.body) for told in self._told(read, now_ms)]
        elif each.type == ERROR_MESSAGE:
            check_status(each.body, "what we said")
        elif each.type == CLOSE_CONNECTION_RESPONSE:
            raise RefusedError("it closes the connection")
        elif self._awaits and each.type == self._awaits + RESPONSE:
            check_status(each.body, _NAMES[self._awaits])
            self._next()
        return []

    def _greeted(self, each: Message, now_ms: float) -> None:
        event = event_of(each.body)
        self.clock.look(event.utc_us, event.uptime_us, now_ms)
        if event.takes_us is False:
            raise RefusedError(event.why_not)
        if event.takes_us and not self._is_taken:
            self._is_taken = True
            self._next()
        elif not self._is_taken:
            raise LlrpError("it does not say first whether it takes us")

    def _next(self) -> None:
        if not self._steps:
            self._awaits, self.is_reading = 0, True
            return
        self._awaits, body = self._steps.pop(0)
        self._number += 1
        self.out += message(self._awaits, self._number, body)

    def _told(self, read: TagRead, now_ms: float) -> list[dict[str, Any]]:
        """A read; where a reader has put several together, the first and the last of them."""
        values = {"ant": read.antenna, "epc": read.epc, "rssi": read.rssi_dbm}
        told = {name: value for name, value in values.items() if value is not None}
        times = [self.clock.time_ms(read.utc_us, read.uptime_us, now_ms)]
        if read.times > 1:
            times.insert(0, self.clock.time_ms(read.first_utc_us, read.first_uptime_us, now_ms))
        return [{"t": t_ms, **told} for t_ms in dict.fromkeys(times)]

    def goodbye(self) -> bytes:
        """What is sent last: the inventory is forgotten, the connection closed."""
        self._number += 2
        stop = message(DELETE_ROSPEC, self._number - 1, ROSPEC.to_bytes(4, "big"))
        return stop + message(CLOSE_CONNECTION, self._number)


class Clock:
    """When something was, by clocks of readers: UTC where it is right, else counted from when we heard of it.

    A clock that was never set, or counts from when the reader was started, goes as fast as ours. Nothing is heard
    before it was, so the least that any report seems to have taken is what this clock is off by.
    """

    def __init__(self) -> None:
        self._off_ms: dict[str, float] = {}

    def look(self, utc_us: int | None, uptime_us: int | None, now_ms: float) -> None:
        """What the clocks say now."""
        for name, value in (("utc", utc_us), ("uptime", uptime_us)):
            if value is not None:
                off = now_ms - value / 1000
                self._off_ms[name] = min(self._off_ms.get(name, off), off)

    def is_set(self) -> bool:
        """Whether its UTC can be believed."""
        return abs(self._off_ms.get("utc", 0.0)) <= CLOCK_OFF_MS_MAX

    def time_ms(self, utc_us: int | None, uptime_us: int | None, now_ms: float) -> int:
        """When a tag was seen, Unix milliseconds; now, where no clock says."""
        self.look(utc_us, uptime_us, now_ms)
        if utc_us is not None:
            return round(utc_us / 1000 + (0 if self.is_set() else self._off_ms["utc"]))
        if uptime_us is not None:
            return round(uptime_us / 1000 + self._off_ms["uptime"])
        return round(now_ms)
