"""The simulated world in the registry: what `frostway up --sim` registers before it starts, and new tours after."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from domain.vehicles import DESCRIBED
from firmware_sim.model import Shipment, Vehicle, World
from firmware_sim.world import build
from frostway.broker import Broker, mosquitto_hash
from frostway.demo_end import bring_back
from frostway.demo_goods import bring_goods
from frostway.demo_orders import bring_orders
from frostway.demo_stock import bring_stock
from frostway.failure import words
from frostway.secrets import Secrets, new_password, write_private
from store.db import connect, queries
from store.embedded_process import EmbeddedError
from store.fleets import described, employed, handed_over
from store.lifecycle import Talk, perform
from store.link import Link, Stopped
from store.registry import DeviceSpec, Registry

SEED = 7
SHIPPING_S = 15.0


def prepare(dsn: str, world_name: str, secrets: Secrets, broker: Broker, *, again: bool = False) -> Path:
    """Registers a world and gives its devices passwords; returns the credentials file for the simulator.

    `again`: what of it was retired when it was removed is restored first.
    """
    world = build(world_name, SEED)
    now = datetime.now(UTC)
    for device in world.devices:
        secrets.devices.setdefault(f"{world.tenant}/{device.id}", new_password())
    secrets.save()
    try:
        with connect(dsn, "demo") as connection, connection.transaction():
            if again:
                bring_back(Registry(connection, world.tenant), world, secrets.devices)
            registry = Registry(connection, world.tenant)
            if register(registry, world, secrets.devices, now) or again:
                bring_goods(registry, world, now)
                bring_stock(registry, world, now)
                bring_orders(registry, world, now)
    except psycopg.errors.RestrictViolation as error:
        raise EmbeddedError(f"--sim {world_name}: {words(error)}") from None
    path = secrets.path.parent / "sim.json"
    devices = {d.id: secrets.devices[f"{world.tenant}/{d.id}"] for d in world.devices}
    url = broker.url_for("sim", "").replace("sim:@", "")
    write_private(path, json.dumps({"mqtt_url": url, "tenant": world.tenant, "devices": devices}) + "\n")
    return path


def register(registry: Registry, world: World, passwords: dict[str, str], now: datetime) -> bool:
    """A world, once; where something of it is there already, it stays as people have changed it since.

    Whether anything was made.
    """
    known = {d["name"]: d for d in registry.devices()}
    made = [d for d in world.devices if d.id not in known]
    products = _furnish(registry, world) if made else {}
    for d in made:
        spec = DeviceSpec(d.id, d.kind, vehicle=d.vehicle, site=d.site, zone=d.zone, profile=d.profile)
        device_id = registry.put_device(spec, mosquitto_hash(passwords[f"{world.tenant}/{d.id}"]))
        for slot in d.slots:
            registry.put_slot(device_id, slot.slot, products[slot.sku])
    _describe(registry, [v for v in world.vehicles if v.id in {d.vehicle for d in made}])
    for d in world.devices:
        if d.id in known and known[d.id]["revoked_at"] is None:
            registry.rotate_device(d.id, mosquitto_hash(passwords[f"{world.tenant}/{d.id}"]))
    for shipment in world.shipments if made else ():
        if not registry.has_shipment(shipment.id):
            ship(registry, shipment, shipment.id, now, shipment.status)
    return bool(made)


def _describe(registry: Registry, vehicles: Iterable[Vehicle]) -> None:
    """What vehicles are, and who has always driven them."""

    def do(talk: Talk[Any]) -> None:
        with registry.connection.transaction():
            perform(registry.connection, registry.tenant_id, talk)

    for v in vehicles:
        if v.about is not None:
            said = {part: getattr(v.about, part) for part in DESCRIBED} | {"tags": list(v.about.tags)}
            name, label = v.about.driver
            do(described(v.id, said, "demo"))
            do(employed(name, label, "demo"))
            do(handed_over(v.id, name, None, None, "demo"))


def _furnish(registry: Registry, world: World) -> dict[str, int]:
    """Everything but devices and shipments, made or brought up to date; products by SKU."""
    for p in world.profiles:
        registry.put_profile(
            p.name,
            low_c=p.low_c,
            high_c=p.high_c,
            for_s=p.for_s,
            hysteresis_c=p.hysteresis_c,
            max_interval_s=p.max_interval_s,
        )
    for s in world.sites:
        polygon = {"type": "Polygon", "coordinates": [[list(v) for v in s.polygon]]} if s.polygon else None
        registry.put_site(
            s.id, label=s.label, kind=s.kind, lat=s.lat, lon=s.lon, radius_m=s.radius_m, polygon=polygon, tz=s.tz
        )
        for zone in s.zones:
            registry.put_zone(s.id, zone.id, zone.label)
    for v in world.vehicles:
        registry.put_vehicle(v.id, v.label, v.of_class)
    return {
        p.sku: registry.put_product(
            p.sku,
            label=p.label,
            gtin=p.gtin,
            unit_mass_kg=p.unit_mass_kg,
            low_c=p.low_c,
            high_c=p.high_c,
            reorder_point=p.reorder_point,
        )
        for p in world.products
    }


def ship(registry: Registry, shipment: Shipment, name: str, now: datetime, status: str) -> None:
    """One shipment as the world has it, its windows counted from `now`."""
    stops: list[dict[str, Any]] = [
        {
            "seq": s.seq,
            "name": s.stop_id.replace(shipment.id, name),
            "label": s.name,
            "site": s.site,
            "lat": s.lat,
            "lon": s.lon,
            "window_start": now + timedelta(seconds=s.window_start_s),
            "window_end": now + timedelta(seconds=s.window_end_s),
        }
        for s in shipment.stops
    ]
    registry.put_shipment(
        name,
        reference=shipment.reference,
        vehicle=shipment.vehicle,
        customer=shipment.customer,
        profile=shipment.profile,
        planned_line=shipment.planned_line,
        stops=stops,
        status=status,
        since=now,
    )


def keep_shipping(dsn: str, world_name: str, stop: threading.Event) -> None:
    """Gives every truck of the world a new shipment when its last one is delivered; returns when `stop` is set."""
    world = build(world_name, SEED)
    link = Link(dsn, "demo", stop)
    try:
        while not stop.wait(SHIPPING_S):
            link.run(lambda: _ship_again(link.connection, world))
    except Stopped:
        pass
    finally:
        link.close()


def _ship_again(connection: psycopg.Connection, world: World) -> None:
    with connection.transaction():
        registry = Registry(connection, world.tenant)
        rows = connection.execute(queries("registry")["idle_vehicles"], {"tenant": registry.tenant_id}).fetchall()
        for vehicle, done in rows:
            for shipment in world.shipments:
                if shipment.vehicle != vehicle:
                    continue
                with suppress(psycopg.errors.RestrictViolation), connection.transaction():  # something is retired
                    ship(registry, shipment, f"{shipment.id}-{done + 1}", datetime.now(UTC), "planned")
