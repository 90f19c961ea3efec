"""Movements as lines of a table: columns by name, several units with a semicolon between."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from fractions import Fraction
from typing import Any

from domain.handling_units.codes import own_code, unit_code
from domain.handling_units.movements import KINDS, Content
from domain.handling_units.told import PLACES
from domain.times import to_us, written

COLUMNS = (
    "id", "kind", "time", "unit", "others", "lot", "quantity", "vehicle", "shipment", "device", "probe", "site", "zone",
    "reason",
)  # fmt: skip
NEEDED = ("id", "kind", "time", "unit")


def told_by(row: Mapping[str, str]) -> dict[str, Any]:
    """What a line says: `id`, `kind`, `at_us`, `unit`, `others`, `contents`, `place`, `reason`.

    Raises:
        ValueError: "column: what is wrong with it".

    >>> told_by({"id": "7", "kind": "pack", "time": "2026-11-22T10:00:00Z", "unit": "P-1", "others": "A; B"})["others"]
    ('A', 'B')
    """
    said = {name: (value or "").strip() for name, value in row.items()}
    if missing := [name for name in NEEDED if not said.get(name)]:
        raise ValueError(f"{missing[0]}: is missing")
    if said["kind"] not in KINDS:
        raise ValueError(f"kind: one of {', '.join(KINDS)}")
    places = [kind for kind in PLACES if said.get(kind)]
    if len(places) > 1:
        raise ValueError(f"{places[1]}: a movement has one place, and there is {places[0]}")
    others = [code.strip() for code in said.get("others", "").split(";") if code.strip()]
    place = (places[0], said[places[0]], said.get("zone") or said.get("probe") or "") if places else None
    return {
        "id": said["id"],
        "kind": said["kind"],
        "at_us": _column("time", said["time"], lambda text: to_us(_aware(text))),
        "unit": _column("unit", said["unit"], unit_code),
        "others": tuple(_column("others", code, unit_code) for code in others),
        "contents": _contents(said),
        "place": place,
        "reason": said.get("reason", ""),
    }


def _contents(said: Mapping[str, str]) -> tuple[Content, ...]:
    if not said.get("lot"):
        return ()
    lot = _column("lot", said["lot"], own_code)
    quantity = _column("quantity", said.get("quantity") or "", Fraction)
    if quantity <= 0:
        raise ValueError("quantity: more than nothing")
    return (Content(lot, quantity),)


def _aware(text: str) -> Any:
    found = written(text)
    if found.tzinfo is None:
        raise ValueError("has no offset: add Z or +hh:mm")
    return found.astimezone(UTC)


def _column(name: str, text: str, of: Any) -> Any:
    try:
        return of(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{name}: {error}") from None
