"""What `frostway KIND rename`, `retire`, `restore` and `delete` do in a stack; the broker hears of devices."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from frostway.broker import mosquitto_hash, publish_device
from frostway.cli.work.tables import print_table
from frostway.secrets import new_password
from frostway.settings import Settings
from frostway.stack import WHO, Stack, find
from store.db import connect
from store.lifecycle import KINDS, Talk, Thing, delete, listed, perform, rename, restore, retire
from store.registry import Registry


def print_things(data: Path | None, settings: Settings, tenant: str, kind: str) -> None:
    """A table of all things of a kind, retired ones with the day."""
    with connect(find(data, settings).database_url, f"{kind} list") as connection:
        rows = listed(connection, Registry(connection, tenant).tenant_id, KINDS[kind])
    head = {"name": kind, "retired_at": "retired"}
    names = list(rows[0]) if rows else ["name", "retired_at"]
    shown = [[_text(row[name]) for name in names] for row in rows]
    print_table([head.get(name, name) for name in names], shown, f"No {kind}s yet.")


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%SZ}"
    return "" if value is None else str(value)


def retire_thing(data: Path | None, settings: Settings, tenant: str, kind: str, name: str) -> str:
    """It is offered no more; says what is still with it. Raises `RegistryError`, `NoStackError`."""
    stack = find(data, settings)
    thing = _do(stack, tenant, f"{kind} retire", retire(KINDS[kind], name, WHO))
    if KINDS[kind].is_device:
        _tell_broker(stack, f"{tenant}/{name}", None)
    if thing.retired_at is not None:
        return f"{kind} {name} is retired since {thing.retired_at:%Y-%m-%d %H:%M:%SZ}"
    return f"{kind} {name} is retired" + (f"; still with it: {thing.still}" if thing.still else "")


def restore_thing(data: Path | None, settings: Settings, tenant: str, kind: str, name: str) -> str:
    """It is offered again; a device's new login, once. Raises as `retire_thing`."""
    stack, is_device = find(data, settings), KINDS[kind].is_device
    password = new_password() if is_device else ""
    hashed = mosquitto_hash(password) if is_device else None
    thing = _do(stack, tenant, f"{kind} restore", restore(KINDS[kind], name, WHO, password_hash=hashed))
    if thing.retired_at is None:
        return f"{kind} {name} was not retired"
    if is_device:
        _tell_broker(stack, f"{tenant}/{name}", password)
        return f"user {tenant}/{name}\npassword {password}"
    return f"{kind} {name} is restored"


def rename_thing(data: Path | None, settings: Settings, tenant: str, kind: str, name: str, new: str) -> str:
    """It has another name. Raises as `retire_thing`; a name that is taken, or that messages say."""
    _do(find(data, settings), tenant, f"{kind} rename", rename(KINDS[kind], name, new, WHO))
    parent, _ = KINDS[kind].part(name)
    return f"{kind} {name} is now {'/'.join(filter(None, (parent, new)))}"


def dependents_of(data: Path | None, settings: Settings, tenant: str, kind: str, name: str) -> str:
    """What depends on it. Raises as `retire_thing`."""
    thing = _do(find(data, settings), tenant, f"{kind} delete", delete(KINDS[kind], name, WHO, dry_run=True))
    what = ", ".join(d.words(d.count) for d in thing.dependents)
    return f"{kind} {name} has {what}: it cannot be deleted" if what else f"nothing depends on {kind} {name}"


def delete_thing(data: Path | None, settings: Settings, tenant: str, kind: str, name: str) -> str:
    """It never was. Raises as `retire_thing`; what depends on it is in the way."""
    stack = find(data, settings)
    _do(stack, tenant, f"{kind} delete", delete(KINDS[kind], name, WHO))
    if KINDS[kind].is_device:
        _tell_broker(stack, f"{tenant}/{name}", None)
    return f"{kind} {name} is deleted"


def _tell_broker(stack: Stack, user: str, password: str | None) -> None:
    if stack.data_dir is not None and (stack.data_dir / "broker").exists():
        publish_device(stack.data_dir, user, password)


def _do(stack: Stack, tenant: str, what: str, talk: Talk[Thing]) -> Thing:
    with connect(stack.database_url, what) as connection, connection.transaction():
        return perform(connection, Registry(connection, tenant).tenant_id, talk)
