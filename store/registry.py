"""The registry: tenants, sites, vehicles, devices, products, shipments. A `put` makes or changes; it is repeatable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row

from domain.names import SPEAKERS, foreign_id
from domain.profiles import HISTORY_MAX, body_text
from domain.vehicles import VehicleClass
from store.db import queries
from store.devices import DeviceExistsError, DeviceSpec, ForeignIdTakenError
from store.profiles import STANDARD, Limits, add_version, of_new_device, version_values
from store.secrets import password_fits, password_hash, password_problem
from store.tenants import FIRST, RegistryError, tenant_key

__all__ = ["DeviceSpec", "ForeignIdTakenError", "Registry", "RegistryError", "broker_edges", "broker_users"]


class Registry:
    """Writes the registry of one tenant over one connection; the caller decides about the transaction.

    Raises:
        UnknownTenantError: there is no such tenant; `store.tenants.add_tenant` makes one.
    """

    def __init__(self, connection: psycopg.Connection, tenant: str = FIRST) -> None:
        self.connection = self._c = connection
        self._q = queries("registry")
        self.tenant = tenant
        self.tenant_id = tenant_key(connection, tenant)

    def _id(self, query: str, values: Mapping[str, Any]) -> int:
        found = self._id_if_any(query, values)
        if found is None:
            raise RegistryError(f"{query}: nothing came back")
        return found

    def _id_if_any(self, query: str, values: Mapping[str, Any]) -> int | None:
        try:
            row = self._c.execute(self._q[query], values).fetchone()
        except psycopg.errors.CheckViolation as error:
            name = error.diag.constraint_name or ""
            raise RegistryError(
                f"refused by the registry ({name}): check the name (a-z, 0-9, -, _) and the numbers"
            ) from error
        return None if row is None else int(row[0])

    def find_site(self, name: str) -> int | None:
        """Id of a site, if there is one of this name."""
        row = self._c.execute(self._q["ensure_site"], {"tenant": self.tenant_id, "name": name}).fetchone()
        return int(row[0]) if row else None

    def put_site(
        self,
        name: str,
        *,
        label: str,
        kind: str,
        lat: float,
        lon: float,
        radius_m: float = 150.0,
        polygon: Mapping[str, Any] | None = None,
        corridor: Mapping[str, Any] | None = None,
        dwell_s: float = 0.0,
        tz: str = "UTC",
    ) -> int:
        """A site: WGS 84 degrees, radius in metres, an optional GeoJSON polygon or line of a corridor, an IANA zone."""
        values = {
            "tenant": self.tenant_id,
            "name": name,
            "label": label,
            "kind": kind,
            "lat": lat,
            "lon": lon,
            "radius_m": radius_m,
            "polygon": orjson.dumps(polygon).decode() if polygon else None,
            "corridor": orjson.dumps(corridor).decode() if corridor else None,
            "dwell_s": dwell_s,
            "tz": tz,
        }
        return self._id("put_site", values)

    def put_zone(self, site: str, name: str, label: str | None = None) -> int:
        """A zone of a site that is there."""
        site_id = self.find_site(site)
        if site_id is None:
            raise RegistryError(f"no site {site!r}: add it first")
        return self._id("put_zone", {"tenant": self.tenant_id, "site": site_id, "name": name, "label": label or name})

    def put_vehicle(self, name: str, label: str | None = None, of_class: VehicleClass | None = None) -> int:
        """A vehicle; its class stays when none is given."""
        found = self._id("put_vehicle", {"tenant": self.tenant_id, "name": name, "label": label or name})
        if of_class:
            self._id("class_vehicle", {"tenant": self.tenant_id, "name": name, "class": of_class})
        return found

    def put_profile(
        self,
        name: str,
        *,
        low_c: float | None,
        high_c: float | None,
        for_s: float,
        hysteresis_c: float = 0.3,
        max_interval_s: float = 900.0,
    ) -> int:
        """A temperature profile: limits in degrees Celsius, seconds in the condition before the alarm."""
        limits = Limits(low_c, high_c, for_s, hysteresis_c, max_interval_s)
        key = self._id("put_profile", {"tenant": self.tenant_id, "name": name})
        add_version(self._c, self.tenant_id, key, version_values(limits.profile, "frostway"))
        return key

    def profile(self, name: str) -> int:
        """Id of a profile; a standard one is made when it is first wanted."""
        row = self._c.execute(self._q["profile_id"], {"tenant": self.tenant_id, "name": name}).fetchone()
        if row is not None:
            return int(row[0])
        if name in STANDARD:
            return self.put_profile(name, **STANDARD[name]._asdict())
        known = ", ".join(STANDARD)
        raise RegistryError(f"no temperature profile {name!r}: one of {known}, or your own: `frostway profile add`")

    def put_device(
        self, device: DeviceSpec, password_hash: str | None = None, http_token_sha256: bytes | None = None
    ) -> int:
        """A device, made or, when there is one, brought up to date: for fleets that are loaded again and again.

        With the vehicle or zone it names when new; a new site wants its place (`device.at`).

        Raises:
            RegistryError: no such site, profile or gateway, a foreign id that another has, or two places at once.
        """
        return self._device("put_device", device, password_hash, http_token_sha256)

    def add_device(
        self, device: DeviceSpec, password_hash: str | None = None, http_token_sha256: bytes | None = None
    ) -> int:
        """A device that is new, as `put_device`; without a profile it has the limits of its kind (`of_new_device`).

        Raises:
            DeviceExistsError: there is one of this name; nothing has been changed when the transaction ends with it.
        """
        self.refuse_known(device.name)
        device = replace(device, profile=of_new_device(device.kind, device.profile))
        return self._device("add_device", device, password_hash, http_token_sha256)

    def refuse_known(self, name: str) -> None:
        """Raises `DeviceExistsError` when there is a device of this name."""
        if row := self._c.execute(self._q["device_revoked"], {"tenant": self.tenant_id, "name": name}).fetchone():
            raise DeviceExistsError(name, is_revoked=bool(row[0]))

    def _device(
        self, query: str, device: DeviceSpec, password_hash: str | None, http_token_sha256: bytes | None
    ) -> int:
        if device.vehicle and device.site:
            raise RegistryError("a device is on a vehicle or at a site, not both")
        if device.zone and not device.site:
            raise RegistryError("a zone needs its site: --site S --zone Z")
        vehicle = self.put_vehicle(device.vehicle) if device.vehicle else None
        site = self._site_for(device.site, device.at) if device.site else None
        zone = self.put_zone(device.site, device.zone) if device.site and device.zone else None
        values = {
            "tenant": self.tenant_id,
            "name": device.name,
            "kind": device.kind,
            "vehicle": vehicle,
            "site": site,
            "zone": zone,
            "profile": self.profile(device.profile) if device.profile else None,
            "password_hash": password_hash,
            "external_id": foreign_id(device.foreign_id) or None if device.foreign_id else None,
            "gateway": self.gateway(device.gateway) if device.gateway else None,
            "http_token_sha256": http_token_sha256,
        }
        if values["external_id"] and not values["gateway"] and self.is_taken(str(values["external_id"])):
            raise ForeignIdTakenError(str(values["external_id"]))
        try:
            found = self._id_if_any(query, values)
        except psycopg.errors.UniqueViolation:
            raise RegistryError(f"foreign id {device.foreign_id!r} belongs to another device") from None
        if found is None:  # another has just added it
            raise DeviceExistsError(device.name, is_revoked=False)
        self.notify()
        return found

    def is_taken(self, external_id: str) -> bool:
        """Whether a device of another tenant that speaks for itself has this foreign id."""
        values = {"external_id": external_id, "tenant": self.tenant_id}
        row = self._c.execute(self._q["foreign_id_taken"], values).fetchone()
        return bool(row and row[0])

    def tell_foreign_id_holder(self, taken: ForeignIdTakenError) -> None:
        """Whoever has a foreign id that was wanted here finds it in the audit trail. In a transaction of its own."""
        values = {"external_id": taken.external_id, "tenant": self.tenant_id}
        self._c.execute(self._q["tell_foreign_id_holder"], values)

    def assign(
        self,
        name: str,
        *,
        vehicle: str | None = None,
        site: str | None = None,
        zone: str | None = None,
        since: datetime | None,
        until: datetime | None = None,
        by: str,
    ) -> None:
        """A device was there from a time (None: ever) until a time (None: still), whatever was known; or nowhere.

        What this changes of vehicles' readings is folded again.

        Raises:
            RegistryError: no such device, vehicle, site or zone, or an empty interval.
        """
        if vehicle and site:
            raise RegistryError("a device is on a vehicle or at a site, not both")
        if zone and not site:
            raise RegistryError("a zone needs its site: --site S --zone Z")
        if since and until and since >= until:
            raise RegistryError("it ends before it begins: --from is not before --to")
        values = {
            "device": self._device_key("lock_device", name),
            "vehicle": self._known("vehicle", vehicle) if vehicle else None,
            "site": self._known("site", site) if site else None,
            "since": since,
            "until": until,
            "by": by,
        }
        values["zone"] = self.put_zone(site, zone) if site and zone else None
        self._c.execute(self._q["reassign"], values)
        self.notify()

    def assignments(self, name: str, limit: int = 1000) -> list[dict[str, Any]]:
        """Where a device was and when, newest first: vehicle, site, zone, since, until, recorded_at, recorded_by."""
        values = {"tenant": self.tenant_id, "device": self._device_key("device_id", name), "id": None, "limit": limit}
        with self._c.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(self._q["device_assignments"], values).fetchall()

    def _known(self, kind: str, name: str) -> int:
        row = self._c.execute(self._q[f"{kind}_id"], {"tenant": self.tenant_id, "name": name}).fetchone()
        if row is None:
            raise RegistryError(f"no {kind} {name!r}")
        return int(row[0])

    def rotate_device(self, name: str, password_hash: str) -> None:
        """A new password for a device in place of the old one; a revoked one may speak again."""
        self._device_key("rotate_device", name, password_hash=password_hash)
        self.notify()

    def rotate_device_token(self, name: str, http_token_sha256: bytes) -> None:
        """A new token for HTTP in place of the old one; the password stays. A revoked device may speak again."""
        self._device_key("rotate_device_token", name, http_token_sha256=http_token_sha256)
        self.notify()

    def revoke_device(self, name: str) -> None:
        """A device may not speak any more; what it said stays."""
        self._device_key("revoke_device", name)
        self.notify()

    def add_device_profile(self, name: str, body: Mapping[str, Any], since: datetime | None, by: str) -> int:
        """A device's next profile, for readings from `since` (None: now) on; its version.

        Raises:
            ProfileError: the body is not a profile.
        """
        text = body_text(body)
        device = self._device_key("lock_device", name)
        row = self._c.execute(
            self._q["add_device_profile"],
            {"tenant": self.tenant_id, "device": device, "since": since, "body": text, "by": by},
        ).fetchone()
        if row is None:
            raise RegistryError(f"device {name}: the profile was not taken")
        self.notify()
        return int(row[0])

    def device_profiles(self, name: str, limit: int = HISTORY_MAX) -> list[dict[str, Any]]:
        """A device's profiles, newest first: version, since, body, created_at, created_by."""
        values = {"tenant": self.tenant_id, "device": self._device_key("device_id", name), "limit": limit}
        with self._c.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(self._q["device_profiles"], values).fetchall()
        return [row | {"body": orjson.loads(row["body"])} for row in found]

    def _device_key(self, query: str, name: str, **values: Any) -> int:
        """Key of a device that a query finds, locks or changes."""
        row = self._c.execute(self._q[query], {"tenant": self.tenant_id, "name": name, **values}).fetchone()
        if row is None:
            raise RegistryError(f"no device {name!r}: `frostway device list` shows them")
        return int(row[0])

    def gateway(self, name: str) -> int:
        """Key of the device that brings the messages of another."""
        row = self._c.execute(self._q["device_id"], {"tenant": self.tenant_id, "name": name}).fetchone()
        if row is None:
            raise RegistryError(f"no gateway {name!r}: `frostway device add {name} --kind gateway` first")
        return int(row[0])

    def _site_for(self, name: str, at: tuple[float, float] | None) -> int:
        found = self.find_site(name)
        if found is not None:
            return found
        if at is None:
            raise RegistryError(f"no site {name!r}: a new one wants its place, --place LAT,LON")
        return self.put_site(name, label=name, kind="depot", lat=at[0], lon=at[1])

    def put_product(
        self,
        sku: str,
        *,
        label: str,
        gtin: str | None = None,
        unit_mass_kg: float | None = None,
        low_c: float | None = None,
        high_c: float | None = None,
        reorder_point: float | None = None,
        expiry_days: float | None = None,
        profile: str | None = None,
    ) -> int:
        """A product."""
        return self._id(
            "put_product",
            {
                "tenant": self.tenant_id,
                "sku": sku,
                "label": label,
                "gtin": gtin,
                "unit_mass_kg": unit_mass_kg,
                "low_c": low_c,
                "high_c": high_c,
                "reorder_point": reorder_point,
                "expiry_days": expiry_days,
                "profile": self.profile(profile) if profile else None,
            },
        )

    def put_slot(self, device_id: int, name: str, product_id: int) -> int:
        """What lies in a shelf's slot."""
        return self._id(
            "put_slot", {"tenant": self.tenant_id, "device": device_id, "name": name, "product": product_id}
        )

    def put_shipment(
        self,
        name: str,
        *,
        reference: str,
        vehicle: str | None,
        stops: Sequence[Mapping[str, Any]],
        customer: str | None = None,
        profile: str | None = None,
        planned_line: Sequence[Sequence[float]] | None = None,
        status: str = "planned",
        since: datetime | None = None,
    ) -> int:
        """A shipment with its stops (`seq, name, label, lat, lon[, site, radius_m, window_start, window_end]`).

        `planned_line` is a list of `[lon, lat]`; `since` says from when on the vehicle has it (now).
        """
        line = {"type": "LineString", "coordinates": [list(p) for p in planned_line]} if planned_line else None
        shipment = self._id(
            "put_shipment",
            {
                "tenant": self.tenant_id,
                "name": name,
                "reference": reference,
                "customer": customer,
                "vehicle": self.put_vehicle(vehicle) if vehicle else None,
                "profile": self.profile(profile) if profile else None,
                "planned_line": orjson.dumps(line).decode() if line else None,
                "status": status,
                "since": since,
            },
        )
        for stop in stops:
            site = stop.get("site")
            values = {
                "tenant": self.tenant_id,
                "shipment": shipment,
                "seq": stop["seq"],
                "name": stop["name"],
                "label": stop.get("label") or stop["name"],
                "site": self.find_site(site) if site else None,
                "lat": stop["lat"],
                "lon": stop["lon"],
                "radius_m": stop.get("radius_m", 150.0),
                "window_start": stop.get("window_start"),
                "window_end": stop.get("window_end"),
            }
            self._id("put_stop", values)
        self.notify()
        return shipment

    def has_shipment(self, name: str) -> bool:
        """Whether there is a shipment of this name."""
        row = self._c.execute(self._q["has_shipment"], {"tenant": self.tenant_id, "name": name}).fetchone()
        return bool(row and row[0])

    def put_account(self, name: str, role: str, password_hash: str) -> None:
        """A person who may sign in."""
        self._c.execute(
            self._q["put_account"],
            {"tenant": self.tenant_id, "name": name, "role": role, "password_hash": password_hash},
        )

    def set_password(self, name: str, role: str, password: str) -> None:
        """A person's account with this password; when it is another than before, the sessions of before end.

        Raises:
            RegistryError: it is too short, or too easily guessed.
        """
        if problem := password_problem(password, name):
            raise RegistryError(problem)
        who = {"tenant": self.tenant_id, "name": name}
        row = self._c.execute(self._q["account_password"], who).fetchone()
        if row is not None and password_fits(password, row[0]):
            self.put_account(name, role, row[0])
            return
        self.put_account(name, role, password_hash(password))
        ended = self._c.execute(self._q["end_sessions"], who).rowcount
        action = "account.create" if row is None else "account.password"
        self.audit("command line", action, name, role=role, sessions_ended=ended)

    def accounts(self) -> list[tuple[str, str]]:
        """Names and roles of those who may sign in, by name."""
        return [
            (str(n), str(r)) for n, r in self._c.execute(self._q["accounts"], {"tenant": self.tenant_id}).fetchall()
        ]

    def audit(self, actor: str, action: str, subject: str, **detail: Any) -> None:
        """One entry of the audit trail."""
        values = {"tenant": self.tenant_id, "actor": actor, "action": action, "subject": subject}
        self._c.execute(self._q["audit"], {**values, "detail": orjson.dumps(detail, default=str).decode()})

    def has_account(self, name: str) -> bool:
        """Whether this person may sign in already."""
        row = self._c.execute(self._q["has_account"], {"tenant": self.tenant_id, "name": name}).fetchone()
        return bool(row and row[0])

    def add_token(
        self,
        token_sha256: bytes,
        *,
        kind: str,
        subject: str,
        role: str,
        expires_at: datetime | None = None,
        unique: bool = False,
    ) -> None:
        """A bearer token or session by its hash.

        Raises:
            RegistryError: it is to be the only good one of its subject, and is not.
        """
        values = {"tenant": self.tenant_id, "subject": subject}
        if unique and self._c.execute(self._q["has_token"], values).fetchone() is not None:
            raise RegistryError(f"a token has the name {subject.removeprefix('token:')} already: choose another")
        self._c.execute(
            self._q["add_token"],
            {
                "tenant": self.tenant_id,
                "kind": kind,
                "subject": subject,
                "role": role,
                "token_sha256": token_sha256,
                "expires_at": expires_at,
            },
        )

    def devices(self) -> list[dict[str, Any]]:
        """All devices with where they are and when they last spoke."""
        with self._c.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(self._q["devices"], {"tenant": self.tenant_id}).fetchall()

    def notify(self) -> None:
        """Tells ingest and tracker, when the transaction commits, that something here has changed."""
        self._c.execute(self._q["notify_registry"])


def broker_edges(connection: psycopg.Connection) -> set[str]:
    """User names of the devices that may speak and bring the messages of others: Sparkplug edge nodes, perhaps."""
    return {str(user) for (user,) in connection.execute(queries("registry")["broker_edges"], (sorted(SPEAKERS),))}


def broker_users(connection: psycopg.Connection) -> dict[str, str]:
    """User names and password hashes of all devices that may speak to the broker."""
    return {str(u): str(h) for u, h in connection.execute(queries("registry")["broker_users"]).fetchall()}
