"""Two tenants with the same sorts of things. Whatever has a text of the other's holds the canary."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.permissions import ROLES
from store.db import connect
from tests.integration.api.seed import T0, World

CANARY = "zx-canary"
NUMBERS = {
    "alert_id": "alert", "message_id": "quarantine", "fact_id": "excursion", "trip_id": "trip", "share_id": "share",
    "assignment_id": "assignment", "entry_id": "vehicle_driver", "session_id": "access_token",
    "delivery_id": "outgoing", "notice_id": "outgoing", "event_id": "outgoing", "command_id": "command",
    "logger_file_id": "logger_file", "task_id": "count_task", "proof_id": "proof", "link_id": "driver_link",
    "plan_id": "dispatch_plan", "terms_id": "detention_terms", "advice_id": "advice",
    "capture_id": "epcis_capture", "remark_id": "remark", "view_id": "kept_view",
    "adjustment_id": "forecast_adjustment",
}  # fmt: skip
WORDS = {"kind": "excursion", "report": "load", "probe": "rear", "seq": "1", "kpi": "otif"}
"""What stands in addresses and is nobody's."""
_SQL = Path(__file__).with_name("world.sql").read_text()
OWNED = (
    "site", "zone", "vehicle", "profile", "profile_version", "device", "product", "slot", "shipment", "stop", "share",
    "share_opening", "share_recipient", "share_told",
    "account",
    "access_token", "device_profile", "quarantine", "driver", "vehicle_driver", "vehicle_fleet", "trip", "excursion",
    "alert", "receiver", "outgoing", "audit", "assignment", "invitation", "stock_level", "command",
    "lot", "goods_movement", "handling_unit", "goods_stay", "goods_part", "goods_budget",
    "bin", "advice", "adviser", "product_unit", "ledger_place", "ledger_move", "ledger_balance", "count_task",
    "stock_reservation",
    "customer", "ship_to", "customer_order", "order_line", "order_step", "order_allocation",
    "shipment_order", "compartment", "packaging", "packing_rule", "product_substitute", "order_promise",
    "dispatch_plan", "wave", "wave_order", "wave_round", "round_order",
    "remark", "watch", "remark_seen", "hand_over", "kept_view",
    "carrier", "carrier_service", "rate_card", "carrier_choice",
    "sales_day", "demand_forecast", "forecast_adjustment", "forecast_run",
    "supplier", "supplier_terms", "stock_goal", "purchase_order", "purchase_order_line", "proposal_taken",
    "driver_link", "proof", "proof_revision", "proof_line", "proof_order", "proof_picture",
    "goods_return", "goods_return_line", "stock_hold",
    "docking", "dock_appointment", "detention_terms", "kpi_target",
    "load_check", "load_unit", "load_mark", "load_seal", "despatch_advice",
    "epcis_capture", "epcis_event", "epcis_query", "epcis_subscription",
    "device_voice", "tenant_display", "person_display", "logger_file",
)  # fmt: skip


@dataclass
class Ids:
    """What stands in addresses: of things that one has, that another has, that are gone, and that never were."""

    own: Mapping[str, str]
    others: Mapping[str, str]
    gone: Mapping[str, str]

    @staticmethod
    def nothing(name: str) -> str:
        """Of a thing that never was; a number where numbers are."""
        if name == "sha256":
            return "f" * 64
        return WORDS.get(name) or ("987654321" if name in NUMBERS else "nothing-here")


class Tenants:
    """`mine`, who knocks, and `other`, whose things must not be told."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.mine, self.other = World(dsn), World(dsn, "other", f" {CANARY}")
        own = self._fill(self.mine, "m")
        self.ids = Ids(own, self._fill(self.other, "o"), self._gone(own))
        self.tokens = {role: self.mine.token(role) for role in ROLES}
        self.strangers = {role: self.other.token(role) for role in ("admin", "viewer")}

    def close(self) -> None:
        """Lets go of the database."""
        self.mine.close()
        self.other.close()

    def _fill(self, world: World, mark: str) -> dict[str, str]:
        """One of each sort; what stands in addresses. A name says whose it is."""
        tag = world.tag or "own"
        world.furnish(2)
        world.partitions() if mark == "m" else None
        world.move("truck-02", 1.0, 1.0)
        world.stock(3)
        world.series_state("reefer-01", f"probe{tag}"[:60], 5.0)
        world.position("gps-01", T0, 60.0, 24.0)
        world.temperature("reefer-02", "air", T0, 5)
        world.excursion("reefer-02", "air", T0, None, 9)
        world.account(f"{mark}-ann", "admin")
        world.token("admin", f"token:{mark}-bot")
        world.open_alert("reefer-02", "air")
        for statement in _SQL.split(";\n")[:-1]:
            world.run(statement.format(mark=mark, tag=tag, tenant=world.tenant_id, name=world.tenant))  # type: ignore[arg-type]
        world.registry.put_vehicle(f"{mark}-truck", f"Truck{tag}")
        world.registry.put_site(f"{mark}-site", label=f"Site{tag}", kind="store", lat=61, lon=25)
        world.registry.put_zone(f"{mark}-site", f"{mark}-zone", f"Zone{tag}")
        world.registry.put_product(f"{mark}-SKU", label=f"Sku{tag}", reorder_point=1)
        world.device(f"{mark}-gps", "tracker", vehicle=f"{mark}-truck")
        world.run("update device set mqtt_password_hash = 'x' where id = %s", world.ids[f"{mark}-gps"])
        world.run(
            "insert into command (tenant_id, device_id, name, argument, made_by, expires_at, answer) "
            "values (%s, %s, 'ping', '{}', %s, now() + interval '1 day', %s)",
            world.tenant_id, world.ids[f"{mark}-gps"], f"Maker{tag}", f"Answer{tag}",
        )  # fmt: skip
        world.run(
            "insert into device_voice (device_id, tenant_id, format, at_door, heard_at) "
            "values (%s, %s, %s, true, now())",
            world.ids[f"{mark}-gps"], world.tenant_id, f"voice{tag}"[:40],
        )  # fmt: skip
        world.run(
            "insert into logger_file (tenant_id, digest, name, content, size_bytes, answers, detection, device_id, "
            "since, until, readings, min_c, max_c, created_by, taken_at) "
            "values (%s, sha256(%s), %s, '', 0, '{}', '{}', %s, now(), now(), 1, 4, 5, %s, now())",
            world.tenant_id, tag.encode(), f"File{tag}", world.ids[f"{mark}-gps"], f"Maker{tag}",
        )  # fmt: skip
        numbers = {}
        for name, table in NUMBERS.items():
            numbers[name] = str(world.one(f"select max(id) from {table} where {_whose(table, world)}"))
        numbers["delivery_id"] = str(int(numbers["notice_id"]) - 1)  # a webhook's, made before that of a channel
        numbers["event_id"] = str(int(numbers["notice_id"]) - 2)  # a broker's, made before both
        return {
            **numbers,
            "vehicle_id": f"{mark}-truck", "shipment_id": f"{mark}-ship", "device_id": f"{mark}-gps",
            "site_id": f"{mark}-site",
            "zone_id": f"{mark}-zone", "sku": f"{mark}-SKU", "profile_id": f"{mark}-profile", "slot": f"{mark}-slot",
            "move_id": f"{mark}-stock", "bin_id": f"{mark}-bin",
            "reservation_id": f"{mark}-reserved",
            "customer_id": f"{mark}-customer", "ship_to_id": f"{mark}-ship-to", "order_id": f"{mark}-order",
            "return_id": f"{mark}-return", "docking_id": f"{mark}-docking", "stop_id": "S-1-2",
            "about": f"{mark}-order", "appointment_id": f"{mark}-appointment",
            "wave_id": f"{mark}-wave", "carrier_id": f"{mark}-carrier", "service_id": f"{mark}-service",
            "supplier_id": f"{mark}-supplier", "purchase_order_id": f"{mark}-po",
            "packaging_id": f"{mark}-box",
            "query_name": f"{mark}-query", "subscription_id": f"{mark}-told",
            "lot_id": f"{mark}-lot", "unit_id": f"{mark}-unit", "movement_id": f"{mark}-move",
            "driver_id": f"{mark}-driver", "token_name": f"{mark}-bot", "account_name": f"{mark}-ann",
            "webhook_id": f"{mark}-hook", "channel_id": f"{mark}-channel", "broker_id": f"{mark}-broker",
            **WORDS, "token": "x" * 43, "browser_id": "0" * 64, "sha256": "0" * 64,
        }  # fmt: skip

    def _gone(self, names: Iterable[str]) -> dict[str, str]:
        """Things that there were: made and removed again."""
        self.mine.registry.put_vehicle("gone-truck", "Gone")
        self.mine.run("delete from vehicle where name = 'gone-truck'")
        return {name: "gone-truck" if name == "vehicle_id" else Ids.nothing(name) for name in names}

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Nothing of the other's is another thing afterwards."""
        before = self.digests()
        yield
        after = self.digests()
        changed = sorted(table for table in before if before[table] != after[table])
        if changed:
            raise AssertionError(f"rows of another tenant were changed: {', '.join(changed)}")

    def digests(self) -> dict[str, str]:
        """A digest of all rows of the other tenant, by table."""
        found = {}
        with connect(self.dsn, "test") as connection:
            for table in OWNED:
                text = f"select t::text from {table} t where {_whose(table, self.other)} order by 1"
                lines = connection.execute(text).fetchall()  # type: ignore[arg-type]
                found[table] = hashlib.sha256(repr(lines).encode()).hexdigest()
        return found


def _whose(table: str, world: World) -> str:
    if table == "quarantine":
        return f"tenant = '{world.tenant}'"
    if table == "access_token":  # when it was used last is written down
        return f"tenant_id = {world.tenant_id} and right(subject, 6) <> '-token'"
    return f"tenant_id = {world.tenant_id}"
