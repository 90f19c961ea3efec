"""What `frostway vehicle change`, `drive` and `drivers`, and `frostway driver add` do in a stack."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from domain.vehicles import VehicleClass
from frostway.cli.work.tables import print_table
from frostway.settings import Settings
from frostway.stack import WHO, find
from store.db import connect
from store.fleets import described, drivers_of, employed, handed_over
from store.lifecycle import Talk, classed, perform
from store.registry import Registry


def tell_vehicle(
    data: Path | None,
    settings: Settings,
    tenant: str,
    name: str,
    said: Mapping[str, Any],
    of_class: VehicleClass | Literal["none", ""] = "",
) -> str:
    """It is what is said, and of this class if one is told. Raises `RegistryError`, `NoStackError`."""
    told = []
    with connect(find(data, settings).database_url, "vehicle change") as connection, connection.transaction():
        tenant_id = Registry(connection, tenant).tenant_id
        if said:
            perform(connection, tenant_id, described(name, said, WHO))
            told.append(f"vehicle {name} is changed: {', '.join(said)}")
        if of_class:
            perform(connection, tenant_id, classed(name, None if of_class == "none" else of_class, WHO))
            kind = "of no class" if of_class == "none" else f"of class {of_class}"
            told.append(f"vehicle {name} is {kind}; its trips are derived again")
    return "\n".join(told)


def add_driver(data: Path | None, settings: Settings, tenant: str, name: str, label: str | None) -> str:
    """A driver, new or with another label. Raises as `tell_vehicle`."""
    _do(data, settings, tenant, "driver add", employed(name, label, WHO))
    return f"driver {name}: say what they drive with `frostway vehicle drive VEHICLE {name}`"


def drive(
    data: Path | None,
    settings: Settings,
    tenant: str,
    name: str,
    driver: str | None,
    since: datetime | None,
    until: datetime | None,
) -> str:
    """Who drove, whatever was known. Raises as `tell_vehicle`."""
    _do(data, settings, tenant, "vehicle drive", handed_over(name, driver, since, until, WHO))
    begin, end = f"{since:%Y-%m-%d %H:%M:%SZ}" if since else "ever", f" to {until:%Y-%m-%d %H:%M:%SZ}" if until else ""
    return f"vehicle {name}: {driver or 'nobody'} from {begin}{end}"


def print_drivers(data: Path | None, settings: Settings, tenant: str, name: str) -> None:
    """A table of who drove a vehicle and when. Raises as `tell_vehicle`."""
    found = _do(data, settings, tenant, "vehicle drivers", drivers_of(name))
    rows = [
        [
            r["driver"],
            r["label"],
            f"{r['since']:%Y-%m-%d %H:%M:%SZ}" if r["since"] else "ever",
            f"{r['until']:%Y-%m-%d %H:%M:%SZ}" if r["until"] else "",
            r["recorded_by"],
        ]
        for r in found
    ]
    print_table(["driver", "label", "from", "to", "by"], rows, f"Nobody is known to have driven {name}.")


def _do(data: Path | None, settings: Settings, tenant: str, what: str, talk: Talk[Any]) -> Any:
    with connect(find(data, settings).database_url, what) as connection, connection.transaction():
        return perform(connection, Registry(connection, tenant).tenant_id, talk)
