"""Publishes a recording on a stack, as a device of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, cast

from rich.console import Console
from rich.progress import Progress

from firmware_sim.link import MqttTarget
from firmware_sim.recordings import read
from firmware_sim.replay import replay
from frostway.cli.work.device import add, rotate
from frostway.secrets import Secrets
from frostway.settings import Settings
from frostway.stack import NoStackError, Stack, find
from store.db import connect
from store.registry import DeviceSpec, Registry, RegistryError

REPLAYS = "replay-"
"""How the names begin of devices that are only ever replayed."""


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
    target = MqttTarget.from_url(stack.mqtt_url, "main", user, password, settings.mqtt_ca_file)
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
        password = add(stack, "main", DeviceSpec(name, "tracker" if is_track else "thermometer", vehicle=name)).password
    elif name.startswith(REPLAYS):
        _, password = rotate(stack, "main", name)
    else:  # somebody may be speaking with the password it has
        raise RegistryError(
            f"device {name!r} is there and its password is not kept here: "
            f"replay as another, --as NAME, which is made when new"
        )
    if kept:
        kept.devices[user] = password
        kept.save()
    return user, password
