"""What ingest knows of the registry: which device a message is from, where its readings go, under which profile."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import orjson

from domain.names import SPEAKERS, Address, TopicError, foreign_id, named_by, parse_topic, partition_of
from domain.profiles import HISTORY_MAX, NO_HISTORY, NO_PROFILE, History, Profile, ProfileError, profile_of
from domain.times import to_us
from domain.wire.formats import FORMATS
from store.db import queries
from store.link import Link

log = logging.getLogger(__name__)


class Device(NamedTuple):
    """A registered device: key, tenant's key and partition of its home."""

    device_id: int
    tenant_id: int
    partition: int


class Route(NamedTuple):
    """Where the messages of one topic go; `device` is None when nobody has registered it."""

    address: Address
    device: Device | None


class Holder(NamedTuple):
    """Whose a token is: tenant/name, device, the ids it may call itself by, whether it may speak for other devices."""

    name: str
    device: Device
    ids: frozenset[str]
    speaks_for_others: bool


class Directory:
    """Registered devices by name, foreign id and secret, and a bounded cache from topic to device."""

    CACHE_MAX = 200_000
    UNKNOWN_S = 2.0  # an unknown device is looked up again after this long
    REFRESH_S = 30.0  # what the registry did not announce is seen at the latest after this long
    HEAR_S = 0.2  # how often we ask whether it has announced a change

    def __init__(self, link: Link, partitions: int, monotonic: Callable[[], float]) -> None:
        self._link = link
        self._partitions = partitions
        self._monotonic = monotonic
        self._devices: dict[tuple[str, str], Device] = {}
        self._routes: dict[bytes, Route | TopicError] = {}
        self._unknown_since: dict[object, float] = {}
        self._listening: object = None
        self._loaded_at = -1e9
        self._heard_at = -1e9
        self.names: dict[int, tuple[str, str]] = {}
        """Tenant and name by device key; what was revoked stays, as its last messages may still be under way."""
        self._foreign: dict[tuple[int, str], tuple[Device, int]] = {}
        self._anywhere: dict[str, list[Device]] = {}
        self._holders: dict[bytes, Holder] = {}
        self._speakers: set[int] = set()
        self._revoked: set[tuple[str, str]] = set()
        self._profiles: dict[tuple[int, int], Profile] = {}  # by device and version, which never change
        self._histories: dict[int, History] = {}
        self.calibrated: frozenset[int] = frozenset()
        """Devices of which a calibration is known, now or of another time."""

    @property
    def link(self) -> Link:
        """The connection the registry is read over."""
        return self._link

    def refresh(self) -> None:
        """Reads the registry anew. When the database fails half-way, what is known stays, and is read again."""
        self._loaded_at = -1e9
        connection, q = self._link.connection, queries("registry")
        connection.execute(q["listen_registry"])  # before reading: what changes meanwhile is heard
        devices: dict[tuple[str, str], Device] = {}
        foreign_ids: dict[tuple[int, str], tuple[Device, int]] = {}
        anywhere: dict[str, list[Device]] = {}
        holders: dict[bytes, Holder] = {}
        speakers: set[int] = set()
        revoked = {(str(t), str(n)) for t, n in connection.execute(q["revoked_devices"]).fetchall()}
        for tenant, name, key, tenant_id, home, kind, foreign, gateway, token_sha256 in connection.execute(
            q["ingest_devices"]
        ).fetchall():
            device = Device(key, tenant_id, partition_of(tenant, home, self._partitions))
            devices[tenant, name] = device
            self.names[key] = (tenant, name)
            if kind in SPEAKERS:
                speakers.add(key)
            if foreign:
                foreign_ids[tenant_id, foreign] = (device, gateway or 0)
                if not gateway:
                    anywhere.setdefault(foreign, []).append(device)
            if token_sha256:
                ids = frozenset({foreign_id(name), foreign or foreign_id(name)})
                holders[bytes(token_sha256)] = Holder(f"{tenant}/{name}", device, ids, kind in SPEAKERS)
        self._read_profiles()
        self._listening = connection
        self._devices, self._speakers, self._revoked = devices, speakers, revoked
        self._foreign, self._anywhere, self._holders = foreign_ids, anywhere, holders
        self._routes.clear()
        self._unknown_since.clear()
        self._loaded_at = self._monotonic()

    def refresh_when_old(self) -> None:
        """Reads the registry anew when it has changed, or when that was a while ago."""
        now = self._monotonic()
        if now - self._loaded_at > self.REFRESH_S or (now - self._heard_at > self.HEAR_S and self._has_changed()):
            self.refresh()

    def route(self, topic: bytes) -> Route:
        """Where a topic's messages go.

        Raises:
            TopicError: the topic is not one of ours.
        """
        found = self._routes.get(topic)
        if found is None or (isinstance(found, Route) and found.device is None and self._may_be_known_now(topic)):
            found = self._look_up(topic)
        if isinstance(found, TopicError):
            raise found
        return found

    def behind(self, speaker: Device, source: str) -> Device | None:
        """The device of a foreign id that a speaker brings messages of; the speaker itself when there is none.

        Only gateways and connectors of the same tenant may speak for others, and for a device that names its gateway
        only that one.
        """
        if not source:
            return speaker
        if speaker.device_id not in self._speakers:
            return None
        key = (speaker.tenant_id, foreign_id(source))
        plain = (speaker.tenant_id, foreign_id(named_by(source)))  # of a URN
        if self._foreign.keys().isdisjoint({key, plain}) and self._may_be_known_now(key):
            self._unknown_since[key] = self._monotonic()
            self._refresh_for_unknown()
        device, gateway = self._foreign.get(key) or self._foreign.get(plain) or (None, 0)
        return device if gateway in (0, speaker.device_id) else None

    def is_speaker(self, topic: bytes) -> bool:
        """Whether a topic is that of a gateway or connector, as far as we know without asking."""
        found = self._routes.get(topic)
        return isinstance(found, Route) and found.device is not None and found.device.device_id in self._speakers

    def history(self, device_id: int) -> History:
        """The profiles of a device."""
        return self._histories.get(device_id, NO_HISTORY)

    def profile_at(self, speaker: Device, received_us: int) -> Callable[[str, float | None], Profile]:
        """For the decoder of one of a speaker's messages: profiles by source and event time, see `Context`."""
        found: dict[str, History] = {}

        def at(source: str, t_ms: float | None) -> Profile:
            if not self._histories:
                return NO_PROFILE
            history = found.get(source)
            if history is None:
                device = self.behind(speaker, source)
                history = found[source] = self.history(device.device_id) if device else NO_HISTORY
            return history.at(received_us if t_ms is None else t_ms * 1000)

        return at

    def by_foreign_id(self, text: str) -> Device | None:
        """The device, of all tenants, that has this id and speaks for itself (an IMEI): of several the first made.

        A second one is refused now; a registry of before may hold some.
        """
        found = self._anywhere.get(foreign_id(text))
        if not found:
            return None
        return found[0] if len(found) == 1 else min(found, key=lambda device: device.device_id)

    def was_revoked(self, tenant: str, name: str) -> bool:
        """Whether a device that is not known was, until it was revoked."""
        return (tenant, name) in self._revoked

    def holder(self, token_sha256: bytes) -> Holder | None:
        """Whose token has this SHA-256; None: nobody's."""
        return self._holders.get(token_sha256)

    def _read_profiles(self) -> None:
        rows = self._link.connection.execute(queries("registry")["ingest_device_profiles"], {"most": HISTORY_MAX})
        known, self._profiles = self._profiles, {}
        kept: dict[int, list[Profile]] = {}
        for device_id, version, since, body in rows.fetchall():
            profile = known.get((device_id, version)) or _profile(device_id, version, to_us(since), body)
            self._profiles[device_id, version] = profile
            kept.setdefault(device_id, []).append(profile)
        self._histories = {device_id: History.of(profiles) for device_id, profiles in kept.items()}
        self.calibrated = frozenset(d for d, profiles in kept.items() if any(p.calibration for p in profiles))

    def _may_be_known_now(self, what: object) -> bool:
        return self._monotonic() - self._unknown_since.get(what, -1e9) > self.UNKNOWN_S

    def _has_changed(self) -> bool:
        self._heard_at = self._monotonic()
        connection = self._link.connection
        return connection is not self._listening or bool(list(connection.notifies(timeout=0)))

    def _refresh_for_unknown(self) -> None:
        """Somebody unknown speaks: perhaps it was registered just now. Many unknown ones cost one look."""
        if self._has_changed() or self._monotonic() - self._loaded_at > self.UNKNOWN_S:
            marks = dict(self._unknown_since)
            self.refresh()
            self._unknown_since.update(list(marks.items())[-self.CACHE_MAX // 2 :])

    def _look_up(self, topic: bytes) -> Route | TopicError:
        if len(self._routes) >= self.CACHE_MAX:
            self._routes.clear()
            self._unknown_since.clear()
        found: Route | TopicError
        try:
            address = parse_topic(topic, FORMATS)
        except TopicError as error:
            found = error
        else:
            key = (address.tenant, address.device)
            if key not in self._devices:
                self._refresh_for_unknown()
            found = Route(address, self._devices.get(key))
            if found.device is None:
                self._unknown_since[topic] = self._monotonic()
        self._routes[topic] = found
        return found


def _profile(device_id: int, version: int, since_us: int, body: str) -> Profile:
    try:
        return profile_of(orjson.loads(body), version, since_us)
    except ProfileError as error:  # written by a newer version of ours
        log.warning("profile %s of device %s cannot be used: %s", version, device_id, error)
        return Profile(version, since_us)
