"""Papers of a load as PDF, by Typst: packing list and consignment note, each unit with its bars (GS1-128)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from domain.handling_units.codes import is_sscc
from domain.labels.code128 import bars
from domain.labels.qr import qr_svg

PDF = "application/pdf"
MODULE_MM = 0.33
BARS_MM = 14.0


@cache
def _template() -> bytes:
    return files("api").joinpath("resources", "shared", "load_papers.typ").read_bytes()


def made(data: Mapping[str, Any]) -> bytes:
    """The PDF."""
    import typst  # noqa: PLC0415  large, and wanted for this alone

    return bytes(typst.compile(_template(), sys_inputs={"data": orjson.dumps(data).decode()}))


def paper(kind: str, advice: Mapping[str, Any], loaded: Mapping[str, bool] | None = None) -> dict[str, Any]:
    """What a paper says. `kind`: packing (what is packed; `loaded`: what is on board) or note (what is loaded)."""
    title = "Packing list" if kind == "packing" else "Consignment note"
    code = f"urn:frostway:{kind}:{advice['shipment']}:{advice['revision']}"
    return {
        "title": f"{title} {advice['shipment']}",
        "heading": title,
        "revision": _revision(kind, advice),
        "facts": _facts(advice),
        "code": list(qr_svg(code).encode()),
        "code_says": code,
        "boxes": BOXES if kind == "note" else [],
        "groups": [_group(each, loaded) for each in advice["consignments"]],
        "columns": ["Order", "Goods", "Lot", "Best before", "Quantity"],
        "footer": f"Frostway · {code}",
    }


BOXES = ["Sender: signature, stamp", "Carrier: signature, stamp", "Received: place, date, signature"]
"""Fields 22 to 24 of a CMR consignment note."""


def _revision(kind: str, advice: Mapping[str, Any]) -> str:
    if kind == "packing":
        return "As it is packed now"
    replaces = f", replaces revision {advice['revision'] - 1}" if advice["revision"] > 1 else ""
    return f"Revision {advice['revision']}, issued {advice['issued_at']}{replaces}"


def _facts(advice: Mapping[str, Any]) -> list[tuple[str, str]]:
    sender, mass = advice["ship_from"], advice["gross_mass_kg"]
    lines = [
        ("Shipment", " · ".join(filter(None, (advice["shipment"], advice["reference"])))),
        ("From", " · ".join(filter(None, (sender["label"], sender["site"], sender["gln"] and f"GLN {sender['gln']}")))),
        ("Vehicle", advice["vehicle"] or ""),
        ("Left", advice["despatched_at"] or ""),
        ("Seals", ", ".join(advice["seals"])),
        ("Units", str(advice["units"])),
        ("Gross mass", "not known of all goods" if mass is None else f"{mass:g} kg"),
    ]
    return [(word, text) for word, text in lines if text]


def _group(each: Mapping[str, Any], loaded: Mapping[str, bool] | None) -> dict[str, Any]:
    stop = f"Stop {each['stop']}: {each['stop_label']}" if each["stop"] else "No stop"
    where = " · ".join(filter(None, (each["customer_label"], each["ship_to_label"], each["address"])))
    return {"title": stop, "where": where, "units": [_unit(unit, loaded) for unit in each["units"]]}


def _unit(unit: Mapping[str, Any], loaded: Mapping[str, bool] | None) -> dict[str, Any]:
    code = unit["handling_unit"] or ""
    words = []
    if unit["gross_mass_kg"] is not None:
        words.append(f"{unit['gross_mass_kg']:g} kg")
    if loaded is not None:
        words.append("on board" if loaded.get(code) else "not on board")
    return {
        "code": code or "Loose goods",
        "says": ", ".join(words),
        "bars": _bars(code) if is_sscc(code) else None,
        "lines": [
            [
                f"{line['order']}/{line['line']}", _what(line), line["lot"] or "",
                (line["best_before"] or "")[:10], f"{line['quantity']:g} {line['base_unit']}",
            ]
            for line in unit["lines"]
        ],
    }  # fmt: skip


def _what(line: Mapping[str, Any]) -> str:
    instead = f", instead of {line['instead_of']}" if "instead_of" in line else ""
    return f"{line['label']} ({line['sku']}){instead}"


def _bars(sscc: str) -> dict[str, Any]:
    """GS1-128 of AI 00, as wide as a hand scanner reads from a sheet."""
    width, marks = bars(f"00{sscc}", gs1=True)
    path = "".join(f"M{x} 0h{w}v1h-{w}z" for x, w in marks)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 1" preserveAspectRatio="none"'
    picture = f'{head} width="{width}" height="1"><path d="{path}" shape-rendering="crispEdges"/></svg>'
    return {"svg": list(picture.encode()), "w": width * MODULE_MM, "h": BARS_MM, "words": f"(00) {sscc}"}
