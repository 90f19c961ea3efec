"""Commands that change the registry of a stack: devices, tokens, and the replay of recordings."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import orjson
from rich.console import Console
from rich.progress import Progress

from domain.names import NAME, SPEAKERS, foreign_id
from domain.profiles import BODY_BYTES_MAX
from domain.times import from_us, parse_rfc3339
from firmware_sim.link import MqttTarget
from firmware_sim.recordings import read
from firmware_sim.replay import replay
from frostway.broker import mosquitto_hash, publish_device
from frostway.secrets import Secrets, new_password
from frostway.settings import Settings
from frostway.stack import WHO, NoStackError, Stack, find
from frostway.tables import print_table
from store.db import connect
from store.device_changes import change_device as change
from store.quarantine import Quarantine
from store.registry import DeviceSpec, ForeignIdTakenError, Registry, RegistryError
from store.secrets import new_token, token_hash

REPLAYS = "replay-"
"""How the names begin of devices that are only ever replayed."""
ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


class Login(NamedTuple):
    """How a new device signs in: to the broker, and, when that was asked for, to the door for HTTP."""

    user: str
    password: str
    http_token: str = ""
    mqtt_url: str = ""
    """Where it is to sign in; with the login of another."""


def ensure_admin(dsn: str, password: str = "") -> str:
    """Makes the account `admin` when there is none; returns the password it was given, empty when it was there.

    A given `password` is set in any case; without one a new account gets a random one.

    Raises:
        RegistryError: the given one is too short.
    """
    with connect(dsn, "admin account") as connection, connection.transaction():
        registry = Registry(connection)
        if not password and registry.has_account("admin"):
            return ""
        chosen = password or new_password()
        registry.set_password("admin", "admin", chosen)
    return chosen


def add_device(data: Path | None, settings: Settings, tenant: str, device: DeviceSpec, *, http: bool = False) -> Login:
    """Registers a device, tells the broker, returns its secrets; of those only hashes are kept.

    Raises:
        DeviceExistsError: it is there already; nothing has changed.
        RegistryError: a name or a place that does not fit.
        NoStackError: no stack to register it in.
    """
    stack = find(data, settings)
    return _add(stack, tenant, device, http=http)


def _add(stack: Stack, tenant: str, device: DeviceSpec, *, http: bool = False) -> Login:
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
    return _rotate(find(data, settings), tenant, name)


def _rotate(stack: Stack, tenant: str, name: str) -> tuple[str, str]:
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


def set_account(data: Path | None, settings: Settings, tenant: str, name: str, role: str, password: str) -> str:
    """An account with this password, a new one when it is empty; its sessions of before end. Returns the password.

    Raises:
        RegistryError: a name that is none, a password that is too short.
    """
    if not ACCOUNT.fullmatch(name):
        raise RegistryError(f"{name!r}: an account's name is letters, digits and . _ @ + -, at most 128 characters")
    chosen = password or new_password()
    with connect(find(data, settings).database_url, "account set") as connection, connection.transaction():
        Registry(connection, tenant).set_password(name, role, chosen)
    return chosen


def print_accounts(data: Path | None, settings: Settings, tenant: str) -> None:
    """A table of accounts."""
    with connect(find(data, settings).database_url, "account list") as connection:
        found = Registry(connection, tenant).accounts()
    print_table(["account", "role"], [list(row) for row in found], "No accounts yet.")


def replay_file(
    data: Path | None,
    settings: Settings,
    file: Path,
    device: str | None,
    *,
    speed: float,
    fast: bool,
    tz: str,
    rebase: str | None,
) -> None:
    """Publishes a recording; the device (and its vehicle or site) is registered when there is none of that name."""
    if rebase not in (None, "start", "end"):
        raise RegistryError("--rebase: start or end")
    stack = find(data, settings)
    recording = read(file, tz)
    name = device or _name_for(file)
    user, password = _login(stack, name, is_track="gps" in recording.streams)
    if not stack.mqtt_url:
        raise NoStackError("no broker to publish to: set FROSTWAY_MQTT_URL")
    target = MqttTarget.from_url(stack.mqtt_url, "main", user, password)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{name}: receipted", total=len(recording.readings))
        result = replay(
            file,
            name,
            target,
            speed,
            fast,
            tz,
            lambda total, _, receipted: progress.update(task, total=total, completed=receipted),
            rebase=cast("Literal['start', 'end'] | None", rebase),
        )
    for note in result.notes:
        console.print(note)
    sys.stdout.write(f"{result.sent} readings sent as {user}, {result.receipted} receipted, {result.skipped} skipped\n")


def _name_for(file: Path) -> str:
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in file.stem.lower()).strip("-")
    return (REPLAYS + kept)[:64]


def _login(stack: Stack, name: str, *, is_track: bool) -> tuple[str, str]:
    """Login of the replaying device: the one kept with the stack, else a new one of a device that only replays."""
    user = f"main/{name}"
    kept = Secrets.load_or_create(stack.data_dir / "secrets.json") if stack.data_dir else None
    if kept and user in kept.devices:
        return user, kept.devices[user]
    with connect(stack.database_url, "replay") as connection:
        known = {d["name"] for d in Registry(connection).devices()}
    if name not in known:
        password = _add(
            stack, "main", DeviceSpec(name, "tracker" if is_track else "thermometer", vehicle=name)
        ).password
    elif name.startswith(REPLAYS):
        _, password = _rotate(stack, "main", name)
    else:  # somebody may be speaking with the password it has
        raise RegistryError(
            f"device {name!r} is there and its password is not kept here: "
            f"replay as another, --as NAME, which is made when new"
        )
    if kept:
        kept.devices[user] = password
        kept.save()
    return user, password
