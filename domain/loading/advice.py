"""What receivers are told that a shipment carries: exactly the units loaded, by stop and customer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.times import rfc3339, to_us

COLUMNS = (
    "document", "revision", "function", "issued_at", "shipment", "stop", "customer", "order", "order_reference", "line",
    "handling_unit", "sku", "gtin", "label", "lot", "best_before", "quantity", "base_unit",
)  # fmt: skip


def contents(sender: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What an advice says, without its revision: the same goods are the same words."""
    consignments: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = row["stop"], row["customer"], row["ship_to"]
        into = consignments.setdefault(key, {
            "stop": row["stop"], "stop_label": row["stop_label"], "customer": row["customer"],
            "customer_label": row["customer_label"] or row["customer"], "ship_to": row["ship_to"],
            "ship_to_label": row["ship_to_label"], "address": row["address"], "units": [],
        })  # fmt: skip
        if not into["units"] or into["units"][-1]["handling_unit"] != (row["unit"] or None):
            into["units"].append({"handling_unit": row["unit"] or None, "gross_mass_kg": 0.0, "lines": []})
        unit = into["units"][-1]
        mass = None if row["gross_mass_kg"] is None else float(row["quantity"]) * row["gross_mass_kg"]
        unit["gross_mass_kg"] = (
            None if None in (mass, unit["gross_mass_kg"]) else round(unit["gross_mass_kg"] + mass, 3)
        )
        unit["lines"].append({
            "order": row["order"], "order_reference": row["order_reference"], "line": row["seq"], "sku": row["sku"],
            "gtin": row["gtin"], "label": row["label"], "lot": row["lot"], "best_before": _text(row["best_before"]),
            "quantity": float(row["quantity"]), "base_unit": row["base_unit"], "temp_class": row["temp_class"],
            **({"instead_of": row["instead_of"]} if row.get("instead_of") else {}),
        })  # fmt: skip
    units = [unit for each in consignments.values() for unit in each["units"]]
    masses = [unit["gross_mass_kg"] for unit in units]
    return {
        "shipment": sender["shipment"],
        "reference": sender["reference"],
        "ship_from": {"site": sender["site"], "label": sender["site_label"], "gln": sender["gln"]},
        "vehicle": sender["vehicle"],
        "despatched_at": _text(sender["departed_at"]),
        "seals": list(sender["seals"] or ()),
        "consignments": list(consignments.values()),
        "units": len(units),
        "gross_mass_kg": None if None in masses else round(sum(masses), 3),
    }


def _text(at: Any) -> str | None:
    return None if at is None else rfc3339(to_us(at))


def same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two say the same of goods and seals; when it left is said of itself and replaces nothing."""
    spared = {"despatched_at", "document", "revision", "function", "issued_at"}
    return {k: v for k, v in a.items() if k not in spared} == {k: v for k, v in b.items() if k not in spared}


def document(body: Mapping[str, Any], revision: int, issued_at: str | None) -> dict[str, Any]:
    """An advice as it is told: the first is the original, each later one a replacement of those before."""
    function = "draft" if revision == 0 else "original" if revision == 1 else "replacement"
    head = {"document": body["shipment"], "revision": revision, "function": function, "issued_at": issued_at}
    return {**head, **body}


def table(advice: Mapping[str, Any]) -> list[Sequence[Any]]:
    """Rows of `COLUMNS`: one to each line of each unit."""
    head = [advice[name] for name in COLUMNS[:5]]
    return [
        [
            *head, each["stop"], each["customer"], line["order"], line["order_reference"], line["line"],
            unit["handling_unit"], line["sku"], line["gtin"], line["label"], line["lot"], line["best_before"],
            line["quantity"], line["base_unit"],
        ]
        for each in advice["consignments"] for unit in each["units"] for line in unit["lines"]
    ]  # fmt: skip
