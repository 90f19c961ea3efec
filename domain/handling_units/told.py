"""Movements as they are kept: their body as JSON, and what movements come to as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from domain.handling_units.history import Stay, Unit
from domain.handling_units.movements import Content, Movement, Place
from domain.times import rfc3339, to_us

PLACES = ("vehicle", "shipment", "device", "site")


def place_of(said: Mapping[str, Any] | None) -> Place | None:
    """The place of a body, by keys.

    >>> place_of({"site": 3, "zone": 7}), place_of({"device": 4, "probe": "rear"}), place_of(None)
    (Place(kind='site', name='3', part='7'), Place(kind='device', name='4', part='rear'), None)
    """
    for kind in PLACES:
        if said and said.get(kind) is not None:
            return Place(kind, str(said[kind]), str(said.get("zone") or said.get("probe") or ""))  # type: ignore[arg-type]
    return None


def columns_of(place: Place | None) -> dict[str, Any]:
    """The place as columns of a row.

    >>> columns_of(Place("site", "3", "7")), columns_of(None)
    ({'site': 3, 'zone': 7}, {})
    """
    if place is None:
        return {}
    found: dict[str, Any] = {place.kind: int(place.name)}
    if place.part:
        found |= {"zone": int(place.part)} if place.kind == "site" else {"probe": place.part}
    return found


def movement_of(row: Mapping[str, Any]) -> Movement:
    """From a row: `client_id`, `kind`, `at`, `units`, `body`."""
    units, body = row["units"], row["body"]
    contents = tuple(Content(c["lot"], Fraction(str(c["quantity"]))) for c in body.get("contents", ()))
    return Movement(
        row["client_id"],
        row["kind"],
        to_us(row["at"]),
        units[0],
        tuple(units[1:]),
        contents,
        place_of(body.get("place")),
    )


def body_of(movement: Movement) -> dict[str, Any]:
    """What is kept of it beside its kind, time and units."""
    contents = [{"lot": c.lot, "quantity": decimal(c.quantity)} for c in movement.contents]
    return {
        **({"contents": contents} if contents else {}),
        **({"place": columns_of(movement.place)} if movement.place else {}),
    }


def decimal(quantity: Fraction) -> float | int:
    """A quantity as JSON has it."""
    return int(quantity) if quantity.denominator == 1 else float(quantity)


class Changed(NamedTuple):
    """What other movements make of units.

    Those that are otherwise than before, those that are no more, and others whose goods have been in them.
    """

    units: tuple[Unit, ...]
    gone: tuple[str, ...]
    stale: tuple[str, ...]


def changed(before: Mapping[str, Unit], after: Mapping[str, Unit]) -> Changed:
    """What is another thing than before."""
    units = tuple(unit for code, unit in after.items() if before.get(code) != unit)
    codes = {unit.code for unit in units}
    stale = [
        code
        for code, unit in after.items()
        if code not in codes and any(span.unit in codes for part in unit.parts for span in part.way)
    ]
    return Changed(units, tuple(code for code in before if code not in after), tuple(stale))


def unit_rows(units: Iterable[Unit]) -> list[dict[str, Any]]:
    """Units as rows."""
    return [
        {
            "code": unit.code,
            "since": rfc3339(unit.since_us),
            "closed_at": None if unit.closed_us is None else rfc3339(unit.closed_us),
            "merged_into": unit.merged_into,
        }
        for unit in units
    ]


def stay_rows(units: Iterable[Unit], keys: Mapping[str, int]) -> list[dict[str, Any]]:
    """Their stays as rows."""
    return [_stay(keys[unit.code], stay) for unit in units for stay in unit.stays if stay.until_us != stay.since_us]


def _stay(key: int, stay: Stay) -> dict[str, Any]:
    until = None if stay.until_us is None else rfc3339(stay.until_us)
    span = {"unit_id": key, "since": rfc3339(stay.since_us), "until": until, "parent": stay.parent}
    return {**span, **columns_of(stay.place)}


def part_rows(units: Iterable[Unit], keys: Mapping[str, int], lots: Mapping[str, int]) -> list[dict[str, Any]]:
    """Their parts as rows."""
    return [
        {
            "unit_id": keys[unit.code],
            "n": n,
            "lot_id": lots[part.lot],
            "quantity": float(part.quantity),
            "way": [[span.unit, span.since_us, span.until_us] for span in part.way],
        }
        for unit in units
        for n, part in enumerate(unit.parts)
    ]


def lots_of(units: Sequence[Unit]) -> list[str]:
    """The lots that units hold."""
    return sorted({part.lot for unit in units for part in unit.parts})
