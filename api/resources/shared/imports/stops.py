"""Lines of a file that are stops, gathered into shipments: those of one shipment stand below one another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from api.resources.shared.imports import cells
from api.resources.shared.imports.files import Columns, Thing

STOPS_MAX = 200
SAME = ("reference", "customer", "vehicle", "profile")
OF_STOP = ("stop_id", "site", "name", "lat", "lon", "radius_m", "window_start", "window_end")
COLUMNS = Columns(
    {
        "shipment": cells.text,
        **dict.fromkeys(SAME, cells.text),
        "stop": cells.number,
        **dict.fromkeys(("stop_id", "site", "name"), cells.text),
        **dict.fromkeys(("lat", "lon", "radius_m"), cells.number),
        **dict.fromkeys(("window_start", "window_end"), cells.time),
    },
    needed=("shipment",),
    aliases={
        "id": "shipment", "shipment_id": "shipment", "seq": "stop", "label": "name", "place": "name",
        "latitude": "lat", "lng": "lon", "long": "lon", "longitude": "lon", "start": "window_start",
        "from": "window_start", "end": "window_end", "to": "window_end",
    },
)  # fmt: skip


def gathered(things: Iterator[Thing]) -> Iterator[Thing]:
    """Shipments; what is one already (JSON) stays as it is."""
    for name, lines in groupby(things, _name_of):
        if name is None:
            yield from lines
        else:
            yield _shipment(name, lines)


def _name_of(thing: Thing) -> str | None:
    found = thing.values.get("shipment")
    return found if isinstance(found, str) and "stops" not in thing.values else None


def _shipment(name: str, lines: Iterator[Thing]) -> Thing:
    """One shipment; what is wrong is told of the first line in which anything is."""
    first: Thing | None = None
    fault: Thing | None = None
    stops: list[tuple[float, int, dict[str, Any]]] = []
    turns: dict[float, int] = {}
    for line in lines:
        first = first or line
        if fault is not None or len(stops) > STOPS_MAX:
            continue
        turn = line.values.get("stop")
        faults = line.faults or _differs(first, line)
        if turn is not None and (turn < 1 or turn != int(turn)):
            faults = faults or {"stop": "a whole number from 1 on"}
        turn = float(len(stops) + 1) if turn is None else turn
        if (before := turns.setdefault(turn, line.at)) != line.at:
            faults = faults or {"stop": f"line {before} is stop {turn:g} already"}
        if faults:
            fault = Thing(line.at, {"id": name}, faults)
        stops.append(
            (turn, line.at, {key: line.values.get(key) for key in OF_STOP if line.values.get(key) is not None})
        )
    if fault is not None or first is None:
        return fault or Thing(0, {})
    stops.sort(key=lambda each: each[0])
    head = {key: first.values[key] for key in SAME if key in first.values}
    return Thing(
        first.at, {"id": name, **head, "stops": [stop for _, _, stop in stops]}, {}, [at for _, at, _ in stops]
    )


def _differs(first: Thing, line: Thing) -> dict[str, str]:
    for key in SAME:
        said = line.values.get(key)
        if said is not None and said != first.values.get(key):
            return {key: f"line {first.at} says otherwise of this shipment: repeat it, or leave it out"}
    return {}
