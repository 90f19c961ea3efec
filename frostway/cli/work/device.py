"""Devices of a stack: added, given another login, changed, revoked, listed; their profiles."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from domain.names import NAME, SPEAKERS, foreign_id
from domain.profiles import BODY_BYTES_MAX
from domain.times import from_us, parse_rfc3339
from frostway.broker import mosquitto_hash, publish_device
from frostway.cli.work.tables import print_table
from frostway.secrets import new_password
from frostway.settings import Settings
from frostway.stack import WHO, Stack, find
from store.db import connect
from store.device_changes import change_device as change
from store.quarantine import Quarantine
from store.registry import DeviceSpec, ForeignIdTakenError, Registry, RegistryError
from store.secrets import new_token, token_hash


class Login(NamedTuple):
    """How a new device signs in: to the broker, and, when that was asked for, to the door for HTTP."""

    user: str
    password: str
    http_token: str = ""
    mqtt_url: str = ""
    """Where it is to sign in; with the login of another."""
    network: Mapping[str, Sequence[str]] = MappingProxyType({})
    """The same for those on the network; see `Stack`."""


def add_device(data: Path | None, settings: Settings, tenant: str, device: DeviceSpec, *, http: bool = False) -> Login:
    """Registers a device, tells the broker, returns its secrets; of those only hashes are kept.

    Raises:
        DeviceExistsError: it is there already; nothing has changed.
        RegistryError: a name or a place that does not fit.
        NoStackError: no stack to register it in.
    """
    stack = find(data, settings)
    return add(stack, tenant, device, http=http)


def add(stack: Stack, tenant: str, device: DeviceSpec, *, http: bool = False) -> Login:
    """As `add_device`, in a stack that has been found."""
    for what, name in (("device", device.name), ("vehicle", device.vehicle), ("site", device.site)):
        if name is not None and not NAME.match(name):
            raise RegistryError(f"{what} {name!r}: a name is a-z, 0-9, - and _, at most 64 characters, no - or _ first")
    password, token = new_password(), new_token() if http else ""
    with connect(stack.database_url, "device add") as connection:
        registry = Registry(connection, tenant)
        try:
            with connection.transaction():
                registry.add_device(device, mosquitto_hash(password), token_hash(token) if token else None)
                registry.audit(WHO, "device.create", device.name, **_told(device), http=http)
        except ForeignIdTakenError as taken:
            registry.tell_foreign_id_holder(taken)
            raise
        Quarantine(connection, tenant).ask_for_device(device.name, foreign_id(device.foreign_id or "") or None)
    return Login(
        _tell_broker(stack, f"{tenant}/{device.name}", password, is_edge=device.kind in SPEAKERS),
        password,
        token,
        stack.mqtt_url,
        stack.network,
    )


def _told(device: DeviceSpec) -> dict[str, Any]:
    """What the audit trail has of a new device."""
    return {name: value for name, value in asdict(device).items() if name != "name" and value is not None}


def _tell_broker(stack: Stack, user: str, password: str | None, *, is_edge: bool | None = None) -> str:
    """Tells the embedded broker of a user's new password, or that there is none any more."""
    if stack.data_dir is not None and (stack.data_dir / "broker").exists():
        publish_device(stack.data_dir, user, password, is_edge=is_edge)
    return user


def rotate_device(data: Path | None, settings: Settings, tenant: str, name: str) -> tuple[str, str]:
    """A new password for a device, at once in place of the old one; returns user and password.

    Raises:
        RegistryError: there is no such device.
        NoStackError: no stack to look in.
    """
    return rotate(find(data, settings), tenant, name)


def rotate(stack: Stack, tenant: str, name: str) -> tuple[str, str]:
    """As `rotate_device`, in a stack that has been found."""
    password = new_password()
    with connect(stack.database_url, "device rotate") as connection, connection.transaction():
        registry = Registry(connection, tenant)
        registry.rotate_device(name, mosquitto_hash(password))
        registry.audit(WHO, "device.rotate", name)
    return _tell_broker(stack, f"{tenant}/{name}", password), password


def rotate_device_token(data: Path | None, settings: Settings, tenant: str, name: str) -> str:
    """A new token for HTTP for a device, at once in place of the old one. Raises as `rotate_device`."""
    token = new_token()
    with connect(find(data, settings).database_url, "device rotate") as connection, connection.transaction():
        registry = Registry(connection, tenant)
        registry.rotate_device_token(name, token_hash(token))
        registry.audit(WHO, "device.rotate_token", name)
    return token


def change_device(
    data: Path | None, settings: Settings, tenant: str, name: str, parts: Mapping[str, str | None]
) -> None:
    """Another kind, profile, foreign id or gateway of a device; None takes one away.

    Raises:
        RegistryError: no such device, profile or gateway, or a foreign id that another has.
    """
    with connect(find(data, settings).database_url, "device change") as connection:
        registry = Registry(connection, tenant)
        try:
            with connection.transaction():
                change(connection, registry, name, parts)
                registry.audit(WHO, "device.change", name, **parts)
        except ForeignIdTakenError as taken:
            registry.tell_foreign_id_holder(taken)
            raise


def revoke_device(data: Path | None, settings: Settings, tenant: str, name: str) -> None:
    """A device may not speak any more. Raises as `rotate_device`."""
    stack = find(data, settings)
    with connect(stack.database_url, "device revoke") as connection, connection.transaction():
        registry = Registry(connection, tenant)
        registry.revoke_device(name)
        registry.audit(WHO, "device.revoke", name)
    _tell_broker(stack, f"{tenant}/{name}", None)


def print_devices(data: Path | None, settings: Settings, tenant: str) -> None:
    """A table of devices; plain tab-separated lines when it goes to a file or a pipe."""
    with connect(find(data, settings).database_url, "device list") as connection:
        devices = Registry(connection, tenant).devices()
    rows = [
        [
            d["name"],
            d["kind"],
            d["vehicle"] or d["site"] or "",
            d["zone"] or "",
            d["profile"] or "",
            f"{d['last_time']:%Y-%m-%d %H:%M:%SZ}" if d["last_time"] else "never",
            f"{d['revoked_at']:%Y-%m-%d %H:%M:%SZ}" if d["revoked_at"] else "",
        ]
        for d in devices
    ]
    head = ["device", "kind", "where", "zone", "profile", "last reading", "retired"]
    print_table(head, rows, "No devices yet: frostway device add ID --kind tracker --vehicle V")


def set_device_profile(
    data: Path | None, settings: Settings, tenant: str, device: str, file: str, since: str | None
) -> str:
    """Gives a device a profile from a JSON file (`-`: standard input); says which version it is and from when on.

    Raises:
        RegistryError: no such device or file, not JSON, not a time.
        ProfileError: the JSON is not a profile.
    """
    try:
        raw = sys.stdin.buffer.read(BODY_BYTES_MAX + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror}") from None
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RegistryError(f"{'standard input' if file == '-' else file}: not JSON: {error}") from None
    try:
        begin = None if since is None else from_us(parse_rfc3339(since))
    except (ValueError, OverflowError):
        raise RegistryError(f"--since {since}: not an RFC 3339 time such as 2026-11-01T00:00:00Z") from None
    with connect(find(data, settings).database_url, "device profile") as connection, connection.transaction():
        version = Registry(connection, tenant).add_device_profile(device, body, begin, WHO)
    return f"device profile of {device}: version {version}, for readings from {since or 'now'} on"


def show_device_profile(data: Path | None, settings: Settings, tenant: str, device: str, *, history: bool) -> str:
    """The profile of a device that counts now, or all of them, newest first, as JSON with its secrets."""
    with connect(find(data, settings).database_url, "device profile") as connection:
        found = Registry(connection, tenant).device_profiles(device)
    if history:
        return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()
    now = datetime.now(UTC)
    current = next((each["body"] for each in found if each["since"] <= now), None)
    if current is None:
        raise RegistryError(f"{device} has no device profile: `frostway device profile set {device} FILE`")
    return orjson.dumps(current, option=orjson.OPT_INDENT_2).decode()
