"""How devices sign in to the broker."""

from __future__ import annotations

import asyncio

from typing_extensions import TypedDict

from api.http.context import Context
from api.http.problems import Problem
from store.secrets import new_token


class Mqtt(TypedDict):
    """How a device signs in to the broker; shown once."""

    user: str
    password: str


async def new_device_password(context: Context) -> tuple[str, str]:
    """A password and its hash for the broker."""
    if context.config.mqtt_hash is None:
        raise Problem(503, "this API gives out no MQTT passwords: use `frostway device add`")
    password = new_token()
    return password, await asyncio.to_thread(context.config.mqtt_hash, password)


async def tell_broker(context: Context, user: str = "", password: str | None = None) -> None:
    """Devices were added, changed or revoked. `user` has another password; None: none any more."""
    if context.config.on_devices_changed is not None:
        await asyncio.to_thread(context.config.on_devices_changed)
    if user and context.config.on_device_login is not None:
        await asyncio.to_thread(context.config.on_device_login, user, password)
