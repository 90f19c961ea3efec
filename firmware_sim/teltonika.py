"""A simulated Teltonika tracker: Codec 8 positions over TCP, and answers to what it is told in Codec 12.

`Tracker` is the device without I/O and clock: bytes in, bytes out. `serve` gives it a connection, again and again.
"""

from __future__ import annotations

import logging
import math
import socket
import struct
import threading
import time
from contextlib import suppress

from domain.wire.said import WireError
from domain.wire.teltonika_commands import ANSWER, COMMAND, framed, texts
from domain.wire.teltonika_frames import Framer, Packet, crc16

log = logging.getLogger("firmware_sim.teltonika")

VERSION = "Ver:03.27.07_00 GPS:AXN_5.10_3333 Hw:FMB120 Mod:15"
UNKNOWN = "WARNING: Not recognized command"
OUTPUTS = 2
ACKNOWLEDGEMENT_BYTES = 4
TIMEOUT_S = 10.0
AGAIN_S = 2.0
CENTRE = (60.1699, 24.9384)
ROUND_M, LAP_S = 900.0, 300.0


class Refused(Exception):  # noqa: N818  # an outcome, not a fault
    """The server does not know the device."""


class Tracker:
    """One device; its settings and outputs outlast a connection."""

    def __init__(self, imei: str) -> None:
        self.imei = imei
        self.outputs = [0] * OUTPUTS
        self.parameters: dict[int, str] = {2001: "internet", 10000: "3600"}
        self.restarts = 0
        self.is_restarting = False
        self.acknowledged = 0
        self._is_in = False
        self._held = b""
        self._framer = Framer()

    def hello(self) -> bytes:
        """What it says first over a connection."""
        self._is_in, self._held, self.is_restarting = False, b"", False
        self._framer = Framer()
        self._framer.feed(b"\x00\x0f" + b"0" * 15)  # packets follow one another as after an IMEI
        return len(self.imei).to_bytes(2, "big") + self.imei.encode()

    def position(self, t_ms: int, lat: float, lon: float, speed_kmh: int = 36, heading_deg: int = 90) -> bytes:
        """A packet with one record."""
        io = bytes.fromhex("000302ef01f0010142303900" + "00")  # ignition, movement, external voltage
        fix = struct.pack(">iihHBH", round(lon * 1e7), round(lat * 1e7), 10, heading_deg, 9, speed_kmh)
        block = b"\x08\x01" + t_ms.to_bytes(8, "big") + b"\x00" + fix + io + b"\x01"
        return bytes(4) + len(block).to_bytes(4, "big") + block + crc16(block).to_bytes(4, "big")

    def hear(self, data: bytes) -> bytes:
        """What it answers to what came, in order; acknowledgements are counted.

        Raises:
            Refused: the server does not know it.
            WireError: it does not understand the server.
        """
        self._held += data
        if not self._is_in and self._held:
            if self._held[:1] != b"\x01":
                raise Refused
            self._is_in, self._held = True, self._held[1:]
        said = b""
        while len(self._held) >= ACKNOWLEDGEMENT_BYTES:
            if any(self._held[:ACKNOWLEDGEMENT_BYTES]):
                self.acknowledged += int.from_bytes(self._held[:ACKNOWLEDGEMENT_BYTES], "big")
                self._held = self._held[ACKNOWLEDGEMENT_BYTES:]
                continue
            size = 12 + int.from_bytes(self._held[4:8], "big")
            if len(self._held) < max(size, 12):
                break
            packet, self._held = self._held[:size], self._held[size:]
            for event in self._framer.feed(packet):
                if isinstance(event, Packet) and event.crc_ok:
                    said += framed(ANSWER, self._do(texts(event.block, COMMAND)))
        return said

    def _do(self, text: str) -> str:
        name, _, rest = text.strip().partition(" ")
        asked = {
            "getinfo": f"INI:2026/1/1 0:00 RTC:2026/1/1 0:01 RST:{self.restarts} ERR:0 SR:0 BR:0 CF:0 FG:0 GPS:3 SAT:9",
            "getver": f"{VERSION} IMEI:{self.imei} Init:2026-1-1 0:00 Uptime:60",
            "getstatus": "Data Link: 1 GPRS: 1 Phone: 0 SIM: 0 OP: 24405 Signal: 5 NewSMS: 0 Roaming: 0 SMSFull: 0",
            "getgps": f"GPS:1 Sat:9 Lat:{CENTRE[0]:.6f} Long:{CENTRE[1]:.6f} Alt:10 Speed:36 Dir:90",
            "getio": f"DI1:1 DI2:0 AIN1:0 DO1:{self.outputs[0]} DO2:{self.outputs[1]}",
        }
        number, _, value = rest.partition(":")
        if name == "setdigout":
            return self._switch(rest.partition(" ")[0])
        if name == "getparam" and number.isdigit():
            return f"Param ID:{number} Val:{self.parameters.get(int(number), '0')}"
        if name == "setparam" and number.isdigit():
            self.parameters[int(number)] = value
            return f"New value {number}:{value}"
        if name == "cpureset":
            self.restarts += 1
            self.is_restarting = True
            return "CPU Reset"
        return asked.get(name, UNKNOWN)

    def _switch(self, wanted: str) -> str:
        if not wanted or len(wanted) > OUTPUTS or set(wanted) - {"0", "1", "?"}:
            return UNKNOWN
        for n, each in enumerate(wanted):
            self.outputs[n] = self.outputs[n] if each == "?" else int(each)
        return " ".join(f"DOUT{n + 1}:{'Ignored' if each == '?' else each}" for n, each in enumerate(wanted))


def serve(tracker: Tracker, host: str, port: int, stop: threading.Event, every_s: float = 5.0) -> None:
    """Drives its round until `stop` is set; calls again when the connection is lost, or after a restart."""
    while not stop.is_set():
        try:
            with socket.create_connection((host, port), timeout=TIMEOUT_S) as line:
                _talk(tracker, line, stop, every_s)
        except Refused:
            log.warning("%s is not known: frostway device add ID --kind tracker --foreign-id IMEI", tracker.imei)
        except (OSError, WireError) as error:
            log.info("%s: %s; it calls again", tracker.imei, error)
        stop.wait(AGAIN_S)


def _talk(tracker: Tracker, line: socket.socket, stop: threading.Event, every_s: float) -> None:
    line.sendall(tracker.hello())
    said_at, line_is_in = 0.0, False
    line.settimeout(0.1)
    while not stop.is_set():
        now = time.time()
        if line_is_in and now - said_at >= every_s:
            line.sendall(tracker.position(round(now * 1000), *_place(now)))
            said_at = now
        with suppress(TimeoutError):
            data = line.recv(4096)
            if not data:
                return
            line.sendall(tracker.hear(data))
            line_is_in = True
        if tracker.is_restarting:
            return


def _place(now_s: float) -> tuple[float, float]:
    """On a circle around the middle of the town: degrees."""
    angle = 2 * math.pi * (now_s % LAP_S) / LAP_S
    north_m, east_m = ROUND_M * math.sin(angle), ROUND_M * math.cos(angle)
    return CENTRE[0] + north_m / 111_195, CENTRE[1] + east_m / (111_195 * math.cos(math.radians(CENTRE[0])))
