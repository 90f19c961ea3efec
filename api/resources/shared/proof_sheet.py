"""A proof of delivery as one page of PDF, by Typst, with a code that leads back to it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from starlette.responses import Response

from api.database import Row, Session
from api.resources.shared.proofs import ProofDetail, leg_rows, proof_detail
from domain.deliveries.leg import curve_of
from domain.evidence.chart import Chart, Line, svg
from domain.labels.qr import qr_svg
from store.db import queries

PDF = "application/pdf"
OUTCOMES = {
    "delivered": "Delivered", "partly": "Partly delivered", "refused": "Refused", "nobody_there": "Nobody was there",
    "closed": "It was closed",
}  # fmt: skip
ODD = {
    "away": "The device was not within the fence of the stop.",
    "clock": "The clock of the device was ahead of ours.",
    "elsewhere": "An order of it was planned for another stop.",
}
VERDICTS = {
    "in_range": "in range", "excursion": "left the range", "indeterminate": "not known for all of the time",
    "no_data": "nobody measured",
}  # fmt: skip


@cache
def _template() -> bytes:
    return files("api").joinpath("resources", "shared", "proof_sheet.typ").read_bytes()


async def proof_sheet(session: Session, key: int, revision: int | None) -> Response:
    """The PDF of a proof, of the last or an earlier revision.

    Raises:
        Problem: 404, there is none.
    """
    row, found = await proof_detail(session, key, revision)
    pictures = {}
    for digest in filter(None, (found["signature"], *found["photos"])):
        kept = await session.row(queries("proofs")["picture"], digest=bytes.fromhex(digest))
        if kept is not None:
            pictures[digest] = bytes(kept["content"])
    data = sheet(found, pictures, await leg_rows(session, row))
    made = await asyncio.to_thread(_made, data)
    name = f"proof-{found['shipment']}-{found['stop']}-{found['revision']}.pdf"
    return Response(made, media_type=PDF, headers={"Content-Disposition": f'inline; filename="{name}"'})


def code_of(found: ProofDetail) -> str:
    """What the code of a page says: which proof it is, and which revision."""
    return f"urn:frostway:proof:{found['id']}:{found['revision']}"


def sheet(found: ProofDetail, pictures: dict[str, bytes], rows: list[Row]) -> dict[str, Any]:
    """What the page says."""
    leg, signature = found["leg"], found["signature"]
    return {
        "title": f"Proof of delivery {found['shipment']}",
        "lang": "en",
        "heading": "Proof of delivery",
        "outcome": OUTCOMES[found["outcome"]],
        "odd": [ODD[flag] for flag in found["flags"] if flag in ODD],
        "facts": _facts(found),
        "code": list(qr_svg(code_of(found)).encode()),
        "code_says": code_of(found),
        "columns": ["Order", "Goods", "Unit or lot", "Accepted", "Short", "Damaged", "Refused", "Reason"],
        "lines": [
            [
                f"{line['order']}/{line['line']}",
                f"{line['label'] or line['sku']} ({line['sku']})",
                " ".join(filter(None, (line["handling_unit"], line["lot"]))),
                f"{line['accepted']:g}", f"{line['short']:g}", f"{line['damaged']:g}", f"{line['refused']:g}",
                line["reason"],
            ]
            for line in found["lines"]
        ],
        "receiver": found["receiver"],
        "receiver_says": "Received by",
        "signature": list(pictures[signature]) if signature in pictures else None,
        "signature_says": f"Signature of {found['receiver']}",
        "unsigned": found["unsigned"] or ("The signature has not come yet." if signature else "Not signed."),
        "photos": [list(pictures[digest]) for digest in found["photos"] if digest in pictures],
        "photo_says": "Photograph made at the stop",
        "leg": _leg(leg),
        "chart": list(_chart(leg, rows).encode()) if rows else "",
        "hashes": [f"SHA-256 of the signature {signature}"] * bool(signature)
        + [f"SHA-256 of a photograph {digest}" for digest in found["photos"]],
        "footer": f"Frostway · {code_of(found)} · of the last revision {found['latest']}",
    }  # fmt: skip


def _facts(found: ProofDetail) -> list[tuple[str, str]]:
    place = found["position"]
    lines = [
        ("Shipment", found["shipment"]),
        ("Stop", f"{found['stop_label']} ({found['stop']})"),
        ("Customer", found["customer_label"] or found["customer"]),
        ("Orders", ", ".join(found["orders"])),
        ("Handed over", _time(found["at"])),
        ("Came to us", f"{_time(found['recorded_at'])} from {found['recorded_by']}"),
        ("Device", f"{found['device']}, {found['boot']}.{found['seq']}"),
        ("Revision", f"{found['revision']}{': ' + found['reason'] if found['reason'] else ''}"),
    ]
    if place:
        sure = "" if place["accuracy_m"] is None else f" ± {place['accuracy_m']:.0f} m"
        far = "" if place["distance_m"] is None else f", {place['distance_m']:.0f} m from the stop"
        lines.append(("Position", f"{place['lat']:.5f}, {place['lon']:.5f}{sure}{far}"))
    if found["temperature_c"] is not None:
        lines.append(("Measured by hand", f"{found['temperature_c']:g} °C"))
    return lines + [(word, text) for word, text in (("Seal", found["seal"]), ("Note", found["note"])) if text]


def _time(text: str | None) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S UTC") if text else ""


def _leg(leg: Any) -> str:
    words = [f"Temperature of the leg: {VERDICTS[leg['verdict']]}"]
    if leg["min_c"] is not None:
        words.append(f"{leg['min_c']:.1f} to {leg['max_c']:.1f} °C")
    if leg["mkt_c"] is not None:
        words.append(f"mean kinetic {leg['mkt_c']:.1f} °C")
    if leg["gap_s"]:
        words.append(f"unknown for {leg['gap_s'] // 60} min")
    return ", ".join(words)


def _chart(leg: Any, rows: list[Row]) -> str:
    curve = curve_of(rows)
    limits = [limit for limit in (leg["low_c"], leg["high_c"]) if limit is not None]
    return svg(Chart(curve[0][0], max(curve[-1][0], curve[0][0] + 60), [Line("all probes", [curve])], limits))


def _made(data: Any) -> bytes:
    import typst  # noqa: PLC0415  large, and wanted for this alone

    told = {"data": orjson.dumps(data).decode()}
    return bytes(typst.compile(_template(), sys_inputs=told))
