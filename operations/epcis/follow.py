"""Our own facts, told as events of EPCIS as they are recorded: moves, movements of goods, calls, excursions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from domain.epcis.facts import OWN_CONTEXT, Place, call_events, declared_wrong, excursion_events, move_event
from domain.epcis.model import event_of
from domain.epcis.rows import row_of
from domain.evidence.goods_events import events_of
from domain.times import rfc3339, to_us
from operations.follower import Source
from operations.unit_of_work import Row, Script, Statement


def tell_moves(rows: Sequence[Row]) -> Script[int]:
    """Moves of stock; one that is taken back is told again, with the declaration that it is wrong."""
    found = yield Statement("moves_to_tell", {"ids": [row["id"] for row in rows]})
    made = [_row(move, _of_move(move), f"move/{move['id']}") for move in found if move["entry"] != "reversal"]
    count = yield from _put(made)
    back = [move for move in found if move["entry"] == "reversal"]
    instead = {move["corrects"]: f"move/{move['id']}" for move in found if move["entry"] == "replacement"}
    wrong = [
        _Wrong(move, f"move/{move['corrects']}", instead.get(move["corrects"]), move["recorded_at"]) for move in back
    ]
    return count + (yield from _declare(wrong))


def _of_move(row: Row) -> dict[str, Any]:
    begins, ends = (Place(*(row[f"{end}_{name}"] for name in Place._fields)) for end in ("from", "to"))
    return move_event(row["tenant"], {**row, "at": _text(row["moved_at"])}, begins, ends)


def tell_goods(rows: Sequence[Row]) -> Script[int]:
    """Movements of handling units, as evidence packs tell them; one taken back is told with its declaration."""
    found = yield Statement("goods_to_tell", {"ids": [row["id"] for row in rows]})
    told = []
    for row in found:
        movement = {
            "id": row["client_id"],
            "kind": row["kind"],
            "at": _text(row["at"]),
            "unit": row["units"][0],
            "others": row["units"][1:],
            "contents": [
                {"lot": c["lot"], "quantity": float(c["quantity"])} for c in row["body"].get("contents") or ()
            ],
            "place": {k: row[k] for k in ("vehicle", "shipment", "device", "site", "zone") if row[k]} or None,
            "recorded_at": _text(row["recorded_at"]),
            "voided_at": _text(row["voided_at"]) if row["voided_at"] else None,
        }
        told += [_row(row, event) for event in events_of(row["tenant"], movement, row["gtins"] or {})]
    return (yield from _put(told))


def tell_calls(rows: Sequence[Row]) -> Script[int]:
    """Arrivals and departures; what a later revision says otherwise is declared wrong."""
    return (yield from _tell_words(rows, "calls_to_tell", _calls))


def tell_excursions(rows: Sequence[Row]) -> Script[int]:
    """Excursions with an alarm, and their ends; what late readings or people say otherwise is declared wrong."""
    return (yield from _tell_words(rows, "excursions_to_tell", _excursions))


def _tell_words(rows: Sequence[Row], query: str, events: Callable[[Row, str], dict[str, _Told]]) -> Script[int]:
    """Facts that have revisions: what the newest says is told, what only the one before said is declared wrong.

    `events` are those of a row by the fact that they tell; of the revision before with the start `former_`.
    """
    pairs = {"ids": [row["id"] for row in rows], "revisions": [row["revision"] for row in rows]}
    found = yield Statement(query, pairs)
    made, wrong = [], []
    for row in found:
        now, former = {} if row["retracted"] else events(row, ""), events(row, "former_")
        made += [_row(row, each.event, fact) for fact, each in now.items() if fact not in former]
        for fact, each in former.items():
            if fact not in now:
                instead = next((f for f, other in now.items() if other.what == each.what), None)
                wrong.append(_Wrong(row, fact, instead, row["decided_at"]))
    count = yield from _put(made)
    return count + (yield from _declare(wrong))


class _Told(NamedTuple):
    """An event, and what of its fact it tells."""

    what: str
    event: dict[str, Any]


def _calls(row: Row, start: str) -> dict[str, _Told]:
    times = _times(row, start, ("arrived_at", "departed_at"))
    told = call_events(row["tenant"], {**row, **times})
    return {f"call/{row['id']}/{each['bizStep']}/{each['eventTime']}": _Told(each["bizStep"], each) for each in told}


def _excursions(row: Row, start: str) -> dict[str, _Told]:
    """A fact has all of what may be said otherwise in its name."""
    times = _times(row, start, ("started_at", "alarm_at", "ended_at"))
    said = {name: row[start + name] for name in ("kind", "limit_c", "band", "severity", "extreme_c")}
    where = None
    if row["vehicle"] or row["site"]:
        kind = "vehicle" if row["vehicle"] else "site"
        where = Place(kind, row["site"], row["gln"], row["zone"], vehicle=row["vehicle"])
    told = excursion_events(row["tenant"], {**row, **said, **times}, where)
    parts = {"alarm": (times["alarm_at"],), "end": (times["ended_at"], said["extreme_c"])}
    same = (times["started_at"], said["kind"], said["limit_c"], said["band"], said["severity"])
    facts = {what: "/".join(map(str, ("excursion", row["id"], what, *parts[what], *same))) for what in told}
    return {facts[what]: _Told(what, event) for what, event in told.items()}


def _times(row: Row, start: str, names: Sequence[str]) -> dict[str, str | None]:
    """As text; `start` of the columns of the revision before."""
    return {name: _text(row[start + name]) if row[start + name] else None for name in names}


class _Wrong(NamedTuple):
    """A fact that is not so any more, the one in its place, and since when we know."""

    of: Row
    fact: str
    instead: str | None
    at: datetime


def _declare(wrong: Sequence[_Wrong]) -> Script[int]:
    """Tells the events of these facts again, with the declaration that they are wrong."""
    if not wrong:
        return 0
    facts = [fact for each in wrong for fact in (each.fact, each.instead) if fact]
    rows = yield Statement("events_of_facts", {"facts": facts, "tenants": [each.of["tenant_id"] for each in wrong]})
    told = {(row["tenant_id"], row["fact"]): row for row in rows}
    made = []
    for each in wrong:
        event, right = (told.get((each.of["tenant_id"], fact)) for fact in (each.fact, each.instead))
        if event is not None:
            instead = [right["event_id"]] if right else []
            body = declared_wrong(event["body"], _text(each.at), happened=bool(right), instead=instead)
            made.append(row_of(event_of({**body, "eventID": event["event_id"]}), None, of_tenant=each.of["tenant_id"]))
    return (yield from _put(made))


def _text(at: datetime) -> str:
    return rfc3339(to_us(at))


def _row(of: Row, event: Mapping[str, Any], fact: str | None = None) -> Mapping[str, Any]:
    context = OWN_CONTEXT if any(key.startswith("frostway:") for key in event) else None
    body = {k: v for k, v in event.items() if k != "recordTime"}
    return row_of(event_of(body, context), context, of_tenant=of["tenant_id"], fact=fact)


def _put(told: Iterable[Mapping[str, Any]]) -> Script[int]:
    rows = list(told)
    if rows:
        yield Statement("put_events", {"capture": None, "events": orjson.dumps(rows).decode()})
    return len(rows)


MOVES = Source("epcis of moves", "moves_behind", tell_moves, "epcis")
GOODS = Source("epcis of goods", "goods_behind", tell_goods, "epcis")
VOIDS = Source("epcis of goods taken back", "voids_behind", tell_goods, "epcis")
STOPS = Source("epcis of calls", "calls_behind", tell_calls, "epcis")
EXCURSIONS = Source("epcis of excursions", "excursions_behind", tell_excursions, "epcis")
SOURCES = (MOVES, GOODS, VOIDS, STOPS, EXCURSIONS)
