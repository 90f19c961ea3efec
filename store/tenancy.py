"""What belongs to a tenant, table by table: how its rows are found, and what of them leaves the house in an export.

A table that is in neither list makes tests/integration/test_tenancy.py fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import LiteralString, NamedTuple

ITS_DEVICES: LiteralString = "(select d.id from device d where d.tenant_id = %(tenant)s)"
ITS_VEHICLES: LiteralString = "(select v.id from vehicle v where v.tenant_id = %(tenant)s)"
BY_KEY: LiteralString = "tenant_id = %(tenant)s"
BY_NAME: LiteralString = "tenant = %(name)s"
BY_DEVICE: LiteralString = f"device_id in {ITS_DEVICES}"
BY_SHIPMENT: LiteralString = "shipment_id in (select h.id from shipment h where h.tenant_id = %(tenant)s)"
BY_ENTITY: LiteralString = (
    f"(kind = 'vehicle' and entity_id in {ITS_VEHICLES} or kind = 'series' and exists (select from label l where "
    f"l.id = entity_id and l.kind = 'probe' and l.scope in {ITS_DEVICES}))"
)
BY_LABEL: LiteralString = f"case when kind = 'epc' then scope = %(tenant)s else scope in {ITS_DEVICES} end"


class Owned(NamedTuple):
    """A table and the condition by which a row is a tenant's; `secret` are columns that no export has."""

    table: str
    rule: LiteralString = BY_KEY
    secret: tuple[str, ...] = ()
    left_out: str = ""
    """Why an export has nothing of it."""
    shown_as: str = ""
    """The view in which an export has it."""


READINGS = ("position", "temperature", "tag", "shelf", "door", "status")
_VALUES = "reading_attribute"

HISTORY: tuple[Owned, ...] = (
    Owned("once", left_out="answers kept for a day, sealed with keys of those who asked"),
    Owned("change", left_out="an hour of changes on their way to open pages; the other tables have what they tell"),
    Owned("outgoing_attempt"),
    Owned("outgoing"),
    Owned("share_told"),
    Owned("share_recipient", secret=("sealed", "browser_sha256")),
    Owned("share_opening"),
    Owned("share", secret=("token_sha256",)),
    Owned("driver_link", secret=("token_sha256",)),
    Owned("home_thing", left_out="digests of what brokers of Home Assistant were told"),
    Owned("home"),
    *map(Owned, ("epcis_subscription", "epcis_query")),
    Owned("forwarder"),
    Owned("receiver", secret=("secret", "former_secret", "sealed")),
    Owned("invitation", secret=("token_sha256",)),
    Owned("access_token", secret=("token_sha256",)),
    Owned("account_identity"),
    Owned("person_display"),
    Owned("tenant_display"),
    Owned("account", secret=("password_hash",)),
    Owned("case_event"),
    Owned("escalation"),
    Owned("alert_routes"),
    Owned("command"),
    Owned("device_voice"),
    Owned("logger_file"),
    Owned("alert_event", "alert_id in (select a.id from alert a where a.tenant_id = %(tenant)s)"),
    *map(Owned, ("epcis_event", "epcis_capture")),
    *map(Owned, ("remark", "watch", "remark_seen", "hand_over", "kept_view")),
    *map(Owned, ("dock_appointment", "detention_terms")),
    Owned("kpi_target"),
    *map(Owned, ("forecast_adjustment", "demand_forecast", "forecast_run", "sales_day")),
    *map(
        Owned, ("proposal_taken", "purchase_order_line", "purchase_order", "stock_goal", "supplier_terms", "supplier")
    ),
    *map(Owned, ("carrier_choice", "rate_card", "carrier_service", "carrier")),
    *map(Owned, ("round_order", "wave_round", "wave_order", "wave")),
    *map(Owned, ("advice", "adviser")),
    *map(Owned, ("packing_rule", "packaging", "product_substitute")),
    *map(
        Owned,
        (
            "proof_order",
            "proof_line",
            "proof_revision",
            "proof_picture",
            "proof",
            "goods_return_line",
            "goods_return",
            "stock_hold",
            "despatch_advice",
            "load_seal",
            "load_mark",
            "load_unit",
            "load_check",
            "docking",
            "shipment_order",
            "compartment",
            "dispatch_plan",
            "order_promise",
            "order_allocation",
            "order_step",
            "order_line",
            "customer_order",
            "ship_to",
            "customer",
        ),
    ),
    *map(Owned, ("count_task", "stock_reservation", "ledger_balance", "ledger_move", "ledger_place")),
    *map(Owned, ("goods_budget", "goods_part", "goods_stay", "handling_unit", "goods_movement", "lot")),
    *map(Owned, ("alert", "visit", "excursion", "breach_forecast", "exposure", "trip", "stop_call", "deviation")),
    *map(Owned, ("eta", "eta_grade", "eta_knowledge", "eta_lesson", "stock_level", "stock_move")),
    *map(Owned, ("vehicle_state", "series_state", "breach_state", "breach_context", "device_state")),
    *map(Owned, ("tag_state", "slot_state", "vehicle_cell", "zone_awake", "zone_hearing", "antenna")),
    *(Owned(table, BY_SHIPMENT) for table in ("journey", "route")),
    *(Owned(table, BY_ENTITY) for table in ("dirty", "checkpoint")),
    Owned("reassigned", f"vehicle_id in {ITS_VEHICLES}"),
    *(Owned(table, BY_DEVICE) for table in ("receipt", "receipt_said", "summary_due", "reading_summary")),
    *(Owned(f"reading_{stream}", BY_DEVICE) for stream in READINGS),
    *(Owned(table, BY_DEVICE, shown_as=_VALUES) for table in ("reading_value", "reading_value_set")),
    Owned("value_place", BY_DEVICE),
    Owned("label", BY_LABEL),
    *(Owned(table, BY_NAME) for table in ("quarantine", "stranger", "sparkplug_birth", "sparkplug_node")),
    Owned("demo"),
)
"""What stands on the registry, what others stand on last."""

REGISTRY: tuple[Owned, ...] = (
    *map(Owned, ("stop", "shipment", "slot", "device_profile", "assignment", "vehicle_driver", "vehicle_fleet")),
    Owned(
        "device",
        "tenant_id = %(tenant)s and not exists (select from device g where g.gateway_id = device.id)",
        secret=("mqtt_password_hash", "http_token_sha256"),
    ),
    *map(
        Owned,
        (
            "driver",
            "vehicle",
            "bin",
            "product_unit",
            "zone",
            "site",
            "refenced",
            "product",
            "profile_version",
            "profile",
            "audit",
            "audit_link",
        ),
    ),
)
"""Of these the keys are what the rows of `HISTORY` are found by: they go when there is no history left."""

TENANT = Owned("tenant", "id = %(tenant)s")

NOBODYS: Mapping[str, str] = MappingProxyType(
    {
        "log_head": "how far the log is written",
        "log_frame": "readings of all tenants on their way to the tracker; kept for FROSTWAY_LOG_RETENTION_MINUTES",
        "delivery": "digests of messages that a broker may bring again, for some minutes",
        "tracker_position": "how far the log is read",
        "follower_position": "how far the operations have read",
        "change_head": "how far changes are written",
        "value_move": "partitions of an older version",
        "summary_span": "how far readings are summarised",
        "schema_version": "the schema",
    }
)
"""Tables in which no row is a tenant's, and what they hold."""


def whole(owned: Owned) -> LiteralString:
    """The condition of all rows of a tenant, whatever others stand on."""
    return BY_KEY if owned.table == "device" else owned.rule
