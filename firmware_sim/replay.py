"""`frostway replay`: publishes a recording over MQTT as a device would, and waits until every reading is receipted.

The boot is derived from the content, the device and the shift in time, so the same replay twice is the same readings
twice: an interrupted replay is simply started again, and nothing is doubled.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from domain.recordings import Recording, RecordingError
from firmware_sim.device import Device
from firmware_sim.faults import TABLE, FaultPlan
from firmware_sim.link import Link, MqttTarget, Network
from firmware_sim.recordings import read

TICK_S = 0.05
SILENCE_S = 30.0  # without any receipt, while something waits for one
REFUSALS_MAX = 3

Progress = Callable[[int, int, int], None]
Rebase = Literal["start", "end"] | None


class ReplayError(RuntimeError):
    """The recording could not be delivered."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Counts of readings. `notes` are those of the recording."""

    device: str
    total: int
    sent: int
    receipted: int
    skipped: int
    first_ms: int
    last_ms: int
    notes: tuple[str, ...] = ()


def replay(
    path: Path,
    device: str,
    target: MqttTarget,
    speed: float = 1.0,
    fast: bool = False,  # noqa: FBT001, FBT002 -- a flag of the command line
    tz: str = "UTC",
    on_progress: Progress | None = None,
    *,
    rebase: Rebase = None,
    silence_s: float = SILENCE_S,
) -> ReplayResult:
    """Publish the recording as `device` and wait for its receipts.

    Args:
        path: GPX, CSV or logger text.
        device: id of a registered device; `target` holds its login.
        target: broker, tenant, user and password.
        speed: how many times faster than it was recorded; ignored when `fast`.
        fast: as fast as receipts allow.
        tz: zone of times without an offset.
        on_progress: called now and then with (total, sent, receipted).
        rebase: shift all times so that the recording starts, or ends, now; None keeps them.
        silence_s: give up after so long without a receipt.

    Raises:
        RecordingError: the file, the zone or the speed is wrong.
        ReplayError: no connection, refused, or no receipts; the message says what to look at.
    """
    if not fast and not speed > 0:
        raise RecordingError("the speed must be above 0; use --fast for as fast as possible")
    recording = read(path, tz)
    first_ms, last_ms = recording.span_ms()
    if rebase is not None:
        recording = recording.shifted(round(time.time() * 1000) - (first_ms if rebase == "start" else last_ms))
        first_ms, last_ms = recording.span_ms()
    player = _Player(recording, device, target, None if fast else speed)
    try:
        player.run(on_progress, silence_s)
    finally:
        player.network.close()
    total = len(recording.readings)
    return ReplayResult(
        device, total, player.sent, player.receipted, recording.skipped, first_ms, last_ms, recording.notes
    )


def device_name(path: Path) -> str:
    """A device id made of the file's name, for a replay that names none.

    >>> device_name(Path("Limerick Bus304.gpx"))
    'limerick-bus304'
    """
    name = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-_")[:64]
    return name or "recording"


def boot_of(recording: Recording, device: str) -> str:
    """Boot id of a replay: `r` and 16 hexadecimal digits of content and device."""
    digest = hashlib.sha256(device.encode())
    for stream, reading in recording.readings:
        digest.update(orjson.dumps([stream, reading]))
    return f"r{digest.hexdigest()[:16]}"


class _Player:
    """Feeds the readings that are due into a device's buffer and keeps its connection going."""

    def __init__(self, recording: Recording, device: str, target: MqttTarget, speed: float | None) -> None:
        self.network = Network()
        self.sent = 0
        self._readings = recording.readings
        self._speed = speed
        self._target = target
        self._made = 0
        self._published: set[int] = set()
        plan = FaultPlan(TABLE["none"], 0, device, 0.0)
        self._device = Device(device, boot_of(recording, device), plan, ring_max=len(recording.readings) + 1)
        self._link = Link(self.network, target, device, self._receipt, self._device.connection_lost)
        self._heard_s = time.monotonic()

    @property
    def receipted(self) -> int:
        """Readings known to be durable."""
        return self._made - self._device.buffered

    def run(self, on_progress: Progress | None, silence_s: float) -> None:
        """Until all is receipted.

        Raises:
            ReplayError: it cannot be.
        """
        total = len(self._readings)
        began_s = self._heard_s = time.monotonic()
        first_ms = self._readings[0][1]["t"]
        while self.receipted < total:
            now_s = time.monotonic()
            elapsed_ms = (now_s - began_s) * 1000
            until_ms = None if self._speed is None else first_ms + elapsed_ms * self._speed
            self._feed(until_ms)
            self._send(now_s)
            self.network.pump(now_s, TICK_S)
            if on_progress:
                on_progress(total, self.sent, self.receipted)
            if not self._device.buffered:
                self._heard_s = now_s  # waiting for the recording, not for the broker
            self._check(now_s, silence_s)

    def _feed(self, until_ms: float | None) -> None:
        """Make the readings that are due; None means all. File order is kept, whatever the times are."""
        while self._made < len(self._readings):
            stream, reading = self._readings[self._made]
            if until_ms is not None and reading["t"] > until_ms:
                return
            self._device.record(stream, reading, 0.0)
            self._made += 1

    def _send(self, now_s: float) -> None:
        if not self._link.up:
            return
        for message in self._device.due(now_s, 0.0):
            if not self._link.publish(message.stream, message.payload):
                return
            self._published.update(entry.seq for entry in message.entries)
        self.sent = len(self._published)

    def _receipt(self, boot: str, seq: int) -> None:
        if boot == self._device.boot and self._device.receipt(boot, seq):
            self._heard_s = time.monotonic()

    def _check(self, now_s: float, silence_s: float) -> None:
        link, where = self._link, f"{self._target.host}:{self._target.port}"
        if link.refusal and link.failures >= REFUSALS_MAX:
            raise ReplayError(
                f"the broker at {where} refuses {self._target.user or 'an anonymous device'}: {link.refusal}; "
                "check the device's user and password"
            )
        if now_s - self._heard_s <= silence_s:
            return
        if not link.up:
            raise ReplayError(f"no connection to the broker at {where} for {silence_s:g} s: is the stack running?")
        raise ReplayError(
            f"no receipt for {silence_s:g} s ({self.receipted} of {len(self._readings)} readings are safe): is "
            f"`frostway ingest` running, and is {self._device.id} registered? Start the same replay again to go on"
        )
