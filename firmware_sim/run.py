"""`frostway sim`: lives a simulated world and sends it over MQTT, one connection per device, all in one thread.

Event time. At rate 1 the world starts now and stays with the wall clock. At a higher rate, or flat out (rate 0), it
starts `history_s` ago, catches up, and from then on stays with the wall clock: no reading ever lies in the future,
where no stack would believe it. Flat out is held back by the devices' own buffers, so memory stays bounded.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from firmware_sim.commands import Commands
from firmware_sim.device import Device
from firmware_sim.faults import FaultPlan
from firmware_sim.link import Link, MqttTarget, Network
from firmware_sim.model import World
from firmware_sim.simulation import Simulation
from firmware_sim.truth import Ledger
from firmware_sim.world import build

log = logging.getLogger("firmware_sim")

TICK_S = 0.05
CHUNK_S = 60.0  # of event time in one turn of the loop, when catching up
BACKLOG_READINGS_MAX = 60_000  # over all devices; then the world waits
HISTORY_S = 86_400.0
DRAIN_S = 5.0
REPORT_EVERY_S = 60.0


class CredentialsError(ValueError):
    """The simulator does not know where to send, or as whom."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The broker's URL and a password per device; without passwords the URL's own login serves all devices."""

    mqtt_url: str
    tenant: str = "main"
    devices: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: str = ""

    @classmethod
    def load(cls, path: Path, ca_file: str = "") -> Credentials:
        """From the JSON file `{"mqtt_url", "tenant", "devices": {device: password}}`.

        Raises:
            CredentialsError: no such file, or not of that shape.
        """
        try:
            content = orjson.loads(path.read_bytes())
            devices = {str(k): str(v) for k, v in content["devices"].items()}
            return cls(str(content["mqtt_url"]), str(content.get("tenant", "main")), devices, ca_file)
        except OSError as error:
            raise CredentialsError(f"FROSTWAY_SIM_CREDENTIALS: cannot read {path}: {error.strerror}") from None
        except (orjson.JSONDecodeError, KeyError, AttributeError, TypeError):
            raise CredentialsError(
                f"FROSTWAY_SIM_CREDENTIALS: {path} must be JSON with mqtt_url, tenant and devices (id: password)"
            ) from None

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Credentials:
        """From FROSTWAY_SIM_CREDENTIALS (a file) or FROSTWAY_MQTT_URL, and FROSTWAY_MQTT_CA_FILE.

        Raises:
            CredentialsError: neither is set, or the file is wrong.
        """
        ca_file = env.get("FROSTWAY_MQTT_CA_FILE", "")
        if path := env.get("FROSTWAY_SIM_CREDENTIALS"):
            return cls.load(Path(path), ca_file)
        if url := env.get("FROSTWAY_MQTT_URL"):
            return cls(url, ca_file=ca_file)
        raise CredentialsError("set FROSTWAY_SIM_CREDENTIALS to the credentials file, or FROSTWAY_MQTT_URL")

    def target(self, device: str) -> MqttTarget | None:
        """Where and as whom `device` publishes; None when it has no password here.

        Raises:
            TargetError: the URL is wrong.
        """
        if not self.devices:
            return MqttTarget.from_url(self.mqtt_url, self.tenant, ca_file=self.ca_file)
        password = self.devices.get(device)
        if password is None:
            return None
        return MqttTarget.from_url(self.mqtt_url, self.tenant, f"{self.tenant}/{device}", password, self.ca_file)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What `frostway sim` takes. `rate`: 1, 60 … or 0 for flat out."""

    world: str = "demo"
    seed: int = 7
    rate: float = 1.0
    truth_dir: Path | None = None
    history_s: float = HISTORY_S
    seconds: float | None = None  # stop after so many wall-clock seconds


class Fleet:
    """The devices of a world with their buffers, their connections and the ledger."""

    def __init__(self, world: World, credentials: Credentials, ledger: Ledger, boot: str, start_s: float) -> None:
        self.network = Network()
        self.readings = 0
        self._ledger = ledger
        self._devices: dict[str, Device] = {}
        self._links: dict[str, Link] = {}
        self._dropped: dict[str, int] = {}
        for spec in world.devices:
            target = credentials.target(spec.id)
            if target is None:
                log.warning("%s has no password in the credentials: it stays silent", spec.id)
                continue
            device = Device(spec.id, boot, FaultPlan(world.faults, world.seed, spec.id, start_s))
            self._devices[spec.id] = device
            hear = _ear(Commands(device))
            self._links[spec.id] = Link(
                self.network, target, spec.id, self._receipt_of(device), device.connection_lost, hear
            )
        if not self._devices:
            raise CredentialsError(f"no device of the world {world.name!r} has a password in the credentials")

    @property
    def buffered(self) -> int:
        """Readings without a receipt, over all devices."""
        return sum(d.buffered for d in self._devices.values())

    @property
    def backlog(self) -> int | None:
        """Readings without a receipt of connected devices; None when none is connected."""
        connected = [self._devices[name].buffered for name, link in self._links.items() if link.up]
        return sum(connected) if connected else None

    @property
    def up(self) -> int:
        """How many devices are connected."""
        return sum(link.up for link in self._links.values())

    def live(self, sim: Simulation, until_s: float) -> None:
        """Let the world go on to `until_s` and put what its sensors measured into the devices' buffers."""
        for device_id, stream, reading in sim.advance(until_s):
            device = self._devices.get(device_id)
            if device is None or not device.measures(stream, reading):
                continue
            true_t_ms = reading["t"]
            entry = device.record(stream, reading, true_t_ms / 1000)
            self.readings += 1
            self._ledger.made(device_id, entry, true_t_ms)
            if device.dropped != self._dropped.get(device_id, 0):
                self._ledger.dropped(device, device.dropped - self._dropped.get(device_id, 0))
                self._dropped[device_id] = device.dropped
        for event in sim.take_events():
            self._ledger.event(event)

    def send(self, now_s: float, event_s: float) -> None:
        """Publish what is due on every connection that is up."""
        self._ledger.flush()
        for device_id, device in self._devices.items():
            link = self._links[device_id]
            if device.plan.offline(event_s):
                link.drop()
                link.hold_off(now_s + 1.0)
                device.due(now_s, event_s)
                continue
            if not link.up:
                continue
            for message in device.due(now_s, event_s):
                if not link.publish(message.stream, message.payload):
                    break  # the loss of the connection puts everything back
                self._ledger.published(device_id, message.entries)

    def drain(self, event_s: float, seconds: float) -> None:
        """Give receipts up to `seconds` to arrive."""
        deadline_s = time.monotonic() + seconds
        for device in self._devices.values():
            device.release_held()
        while self.backlog and time.monotonic() < deadline_s:
            self.send(time.monotonic(), event_s)
            self.network.pump(time.monotonic(), TICK_S)
        self._ledger.flush()
        self.network.close()

    def _receipt_of(self, device: Device) -> Callable[[str, int], None]:
        def receipt(boot: str, seq: int) -> None:
            if device.receipt(boot, seq):
                self._ledger.receipted(device.id, boot, seq)

        return receipt


def _ear(commands: Commands) -> Callable[[bytes], bytes | None]:
    return lambda payload: commands.hear(payload, time.time())


def run_world(
    world_name: str,
    seed: int,
    rate: float,
    credentials: Credentials,
    truth_dir: Path | None,
    stop: threading.Event,
    *,
    history_s: float = HISTORY_S,
) -> None:
    """Live the world until `stop` is set, then let the last receipts arrive.

    Raises:
        ValueError: no such world, or a negative rate.
        CredentialsError: no device has a password.
        TargetError: the broker's URL is wrong.
    """
    if rate < 0:
        raise ValueError("the rate is 1, 60 … or 0 for flat out")
    world = build(world_name, seed)
    _raise_file_limit(4 * len(world.devices) + 100)
    began_s = time.time()
    start_s = began_s if rate == 1 else began_s - history_s
    boot = f"b{round(began_s * 1000):x}"
    with Ledger(truth_dir, credentials.tenant, boot) as ledger:
        fleet = Fleet(world, credentials, ledger, boot, start_s)
        event_s = _live(Simulation(world, seed, start_s), fleet, rate, start_s, stop)
        fleet.drain(event_s, DRAIN_S)
    log.info("stopped: %d readings made, %d without a receipt", fleet.readings, fleet.buffered)


def _live(sim: Simulation, fleet: Fleet, rate: float, start_s: float, stop: threading.Event) -> float:
    """The loop; returns the event time it reached."""
    event_s = start_s
    began_s = time.monotonic()
    report_s = began_s + 5.0
    log.info("world %s, seed %d, rate %s, %d devices", sim.world.name, sim.world.seed, rate, len(sim.world.devices))
    while not stop.is_set():
        now_s = time.monotonic()
        goal_s = time.time()
        if rate:
            goal_s = min(goal_s, start_s + rate * (now_s - began_s))
        backlog = fleet.backlog
        held_back = rate != 1 and (backlog is None or backlog > BACKLOG_READINGS_MAX)
        if not held_back:
            event_s = max(event_s, min(goal_s, event_s + CHUNK_S))
            fleet.live(sim, event_s)
        fleet.send(now_s, event_s)
        behind = goal_s - event_s > 1.0 and not held_back
        fleet.network.pump(time.monotonic(), 0.0 if behind else TICK_S)
        if now_s >= report_s:
            report_s = now_s + REPORT_EVERY_S
            log.info("%d readings made, %d waiting, %d connected", fleet.readings, fleet.buffered, fleet.up)
    return event_s


def main(settings: RunSettings, stop: threading.Event | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run with the credentials of the environment until `stop` is set or `settings.seconds` are over.

    Raises:
        CredentialsError, TargetError, ValueError: as `run_world`.
    """
    stop = stop or threading.Event()
    credentials = Credentials.from_environment(os.environ if env is None else env)
    timer = threading.Timer(settings.seconds, stop.set) if settings.seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        given = (settings.world, settings.seed, settings.rate, credentials, settings.truth_dir, stop)
        run_world(*given, history_s=settings.history_s)
    finally:
        if timer:
            timer.cancel()


def _raise_file_limit(wanted: int) -> None:
    """A connection takes three descriptors; a fleet of a thousand needs more than the usual soft limit."""
    try:
        import resource  # noqa: PLC0415 -- not on every system
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard > 0 else wanted, hard))
