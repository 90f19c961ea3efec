"""What is to be said of a load anew, and which alert there is to be of it: pure, from the check and what was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from domain.loading.check import UnitNow
from domain.times import from_us, rfc3339, to_us

RULE_VERSION = 2
SHOWN_MAX = 20
"""So many units an alert names."""
What = Literal["raised", "amended", "renewed", "reopened", "cleared", "retracted"]
SECOND_US = 1_000_000
WRONG = ("foreign", "wrong_truck")
MISSING = ("expected", "doubtful", "left_behind")


class Said(NamedTuple):
    """What is said of a unit, and how often it was said anew; `retracted`: nothing is any more."""

    revision: int
    now: UnitNow
    retracted: bool = False


def said_anew(found: Iterable[UnitNow], said: Mapping[str, Said]) -> list[dict[str, Any]]:
    """Rows of units of which something else is to be said; of those that are not in the check nothing any more."""
    rows = []
    names = set()
    for now in map(_worth_saying, found):
        names.add(now.unit)
        last = said.get(now.unit)
        if last is None or last.retracted or _words(last.now) != _words(now):
            rows.append(_row(now, last, retracted=False))
    return rows + [
        _row(said[unit].now, said[unit], retracted=True)
        for unit in sorted(said.keys() - names)
        if not said[unit].retracted
    ]


def _worth_saying(now: UnitNow) -> UnitNow:
    """A chance to a thousandth, a time to the second: so what is kept is the same whatever came before it."""
    at_us = None if now.loaded_us is None else now.loaded_us // SECOND_US * SECOND_US
    return now._replace(chance=round(now.chance, 3), loaded_us=at_us)


def _words(now: UnitNow) -> tuple[Any, ...]:
    return now.state, now.chance, now.drop, now.other, now.loaded_us, now.by_scan, now.blocked_by


def _row(now: UnitNow, last: Said | None, *, retracted: bool) -> dict[str, Any]:
    return {
        "revision": last.revision + 1 if last else 1,
        "unit": now.unit,
        "state": now.state,
        "chance": now.chance,
        "drop_seq": now.drop,
        "other": now.other,
        "loaded_at": None if now.loaded_us is None else rfc3339(now.loaded_us),
        "by_scan": now.by_scan,
        "blocked_by": list(now.blocked_by),
        "retracted": retracted,
    }


@dataclass(frozen=True, slots=True)
class Load:
    """A shipment's load as it is judged: its check now, and as it would have been when the open alert was raised."""

    shipment: str
    site: str
    door: str
    vehicle: str
    units: Sequence[UnitNow]
    departed_us: int | None
    left: frozenset[str] = frozenset()
    """Units that somebody has left with a reason."""
    then: Sequence[UnitNow] | None = None
    gone: bool = False
    """It is loaded nowhere any more: its docking was taken back."""


@dataclass(frozen=True, slots=True)
class Told:
    """The last alert of a load, as it stands."""

    id: int
    severity: str
    title: str
    load: Mapping[str, Any]
    opened_us: int
    cleared: bool
    withdrawn: bool


class Word(NamedTuple):
    """An alert as it is to be; `id` None: a new one."""

    what: What
    id: int | None
    severity: str
    title: str
    load: Mapping[str, Any]
    opened_us: int
    cleared_us: int | None = None


def alert(load: Load, last: Told | None, now_us: int) -> Word | None:
    """What is to be said: what does not belong while the truck stands there, what is missing once it has left.

    What was so and is no more is over; what would not have been so, by all that is known by now, never was.
    """
    wrong = [unit for unit in load.units if unit.state in WRONG]
    missing = _missing(load) if load.departed_us is not None else []
    is_open = last is not None and not last.cleared
    if load.gone or not (wrong or missing):
        if last is None or not is_open:
            return None
        what: What = "cleared" if _was(load, last) else "retracted"
        return Word(what, last.id, last.severity, last.title, last.load, last.opened_us, now_us)
    severity = "critical" if wrong else "warning"
    body = _body(load, wrong, missing)
    title = _title(load, wrong, missing)
    if last is None or (last.cleared and not _same(last.load, body)):
        return Word("raised", None, severity, title, body, now_us)
    if last.cleared:
        return Word("reopened", last.id, severity, title, body, last.opened_us)
    if not _same(last.load, body):
        worse = severity == "critical" and _units(body, "wrong") - _units(last.load, "wrong")
        return Word("raised" if worse else "amended", last.id, severity, title, body, last.opened_us)
    return None


def _was(load: Load, last: Told) -> bool:
    """Whether by all that is known now there was something to tell when the alert was raised."""
    then = load.then or ()
    if any(unit.state in WRONG for unit in then):
        return True
    gone = load.departed_us is not None and load.departed_us <= last.opened_us
    return gone and any(unit.state in MISSING for unit in then)


def _missing(load: Load) -> list[UnitNow]:
    return [unit for unit in load.units if unit.state in MISSING and unit.unit not in load.left]


def _units(body: Mapping[str, Any], name: str) -> set[tuple[str, str]]:
    return {(each["unit"], each["state"]) for each in body.get(name, ())}


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return all(_units(a, name) == _units(b, name) for name in ("wrong", "missing"))


def _body(load: Load, wrong: Sequence[UnitNow], missing: Sequence[UnitNow]) -> dict[str, Any]:
    def shown(units: Sequence[UnitNow]) -> list[dict[str, Any]]:
        return [
            {"unit": u.unit, "state": u.state, "chance": round(u.chance, 3), "shipment": u.other or None}
            for u in units[:SHOWN_MAX]
        ]

    return {
        "shipment": load.shipment,
        "vehicle": load.vehicle,
        "door": load.door,
        "departed_at": None if load.departed_us is None else rfc3339(load.departed_us),
        "wrong": shown(wrong),
        "missing": shown(missing),
    }


def _title(load: Load, wrong: Sequence[UnitNow], missing: Sequence[UnitNow]) -> str:
    """What is wrong with a load, in a line.

    >>> u = UnitNow("106141411928374657", "wrong_truck", 0.99, other="S-2")
    >>> _title(Load("S-1", "dc-1", "door-1", "truck-01", [u], None), [u], [])
    'Load of S-1 at dc-1/door-1: 106141411928374657 belongs to S-2'
    """
    parts = []
    if wrong:
        first = wrong[0]
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        whose = f"belongs to {first.other}" if first.state == "wrong_truck" else "is of no shipment"
        parts.append(f"{first.unit}{more} {whose}")
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        what = "left behind" if missing[0].state == "left_behind" else "not on board"
        parts.append(f"{missing[0].unit}{more} {what}")
    return f"Load of {load.shipment} at {load.site}/{load.door}: {'; '.join(parts)}"


def alert_row(place: int, word: Word, keys: tuple[int, int, int], now_us: int) -> dict[str, Any]:
    """As it is written; keys: tenant, site, shipment."""
    now = rfc3339(now_us)
    return {
        "place": place,
        "id": word.id,
        "tenant": keys[0],
        "kind": "wrong_load",
        "site": keys[1],
        "shipment": keys[2],
        "severity": word.severity,
        "title": word.title,
        "load": word.load,
        "opened_at": rfc3339(word.opened_us),
        "alarm_at": now,
        "decided_at": now,
        "revised": True,
        "cleared_at": None if word.cleared_us is None else rfc3339(word.cleared_us),
        "withdrawn_at": now if word.what == "retracted" else None,
    }


def news(load: Load, revision: int) -> dict[str, Any]:
    """A change of the topic `loads`: the check says something else, which REST tells."""
    wrong = sum(unit.state in WRONG for unit in load.units)
    missing = len(_missing(load))
    data = {"id": load.shipment, "revision": revision, "wrong": wrong, "missing": missing}
    return {"id": load.shipment, "op": "tell", "data": data | {"departed": load.departed_us is not None}}


def unit_of(row: Mapping[str, Any]) -> UnitNow:
    """From a row of `units`."""
    at = row["loaded_at"]
    return UnitNow(
        row["unit"], row["state"], row["chance"], row["drop_seq"], row["other"], None if at is None else to_us(at),
        row["by_scan"], tuple(row["blocked_by"]),
    )  # fmt: skip


def moment(at_us: int | None) -> datetime | None:
    """As the database takes it."""
    return None if at_us is None else from_us(at_us).astimezone(UTC)
