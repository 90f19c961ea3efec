"""What events of others do to our stock: moves of the ledger, or a word why they do nothing.

Statements are those of `store/queries/epcis.sql` and `stock.sql`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from domain.epcis.effects import MOVES_MAX, Effect, effect_of, move_id
from domain.epcis.facts import Place as Named
from domain.epcis.facts import place_uri
from domain.epcis.model import Event
from domain.epcis.uris import gln_of
from domain.refusal import CannotError
from domain.stock.moves import Place
from operations.stock.decide import Told
from operations.stock.record import correct, record
from operations.unit_of_work import Script, Statement

UUID = "urn:uuid:"
REASON = "the event that told it was declared wrong"


def apply(events: Sequence[Event], now_us: int, by: str) -> Script[list[str]]:
    """Does what events say to the ledger, those that can be; of each what it did, or why nothing."""
    found = ["" for _ in events]
    effects: dict[int, Effect] = {}
    for n, event in enumerate(events):
        if event.declared_us is not None:
            found[n] = yield from _take_back(event, now_us, by)
            continue
        effect = effect_of(event)
        if isinstance(effect, str):
            found[n] = effect
        else:
            effects[n] = effect
    skus = yield from _skus(effects.values())
    places = yield from _places({each.place for each in effects.values()})
    told: dict[int, list[Told]] = {}
    for n, effect in effects.items():
        moves = _told(events[n], effect, skus, places)
        if isinstance(moves, str):
            found[n] = moves
        else:
            told[n] = moves
    whole = yield from _recorded([each for moves in told.values() for each in moves], now_us, by)
    for n, moves in told.items():
        # one that cannot be is no reason to leave out the others
        wrong = "" if whole == "" else (yield from _recorded(moves, now_us, by))
        found[n] = wrong or f"{effects[n].kind}: {len(moves)} of {len(moves)}"
    return found


def _told(event: Event, effect: Effect, skus: Mapping[str, str], places: Mapping[str, Place]) -> list[Told] | str:
    if effect.place not in places:
        return f"{effect.place[:120]} is no place of ours"
    missing = [each.gtin for each in effect.amounts if each.gtin not in skus]
    if missing:
        return f"there is no product with GTIN {missing[0]}"
    place = places[effect.place]
    return [
        Told(
            move_id(event.event_id, n), effect.kind, skus[each.gtin], each.quantity, each.unit, at_us=event.event_us,
            lot=each.lot, source_place=place if effect.end == "from" else None,
            target_place=None if effect.end == "from" else place, reason=f"EPCIS {event.biz_step}", source="epcis",
            evidence={"event_id": event.event_id},
        )
        for n, each in enumerate(effect.amounts)
    ]  # fmt: skip


def _recorded(told: Sequence[Told], now_us: int, by: str) -> Script[str]:
    """Nothing, when all of it is recorded; else what is wrong."""
    if not told:
        return ""
    try:
        yield from record(told, now_us, by)
    except CannotError as error:
        return str(error)
    return ""


def _take_back(event: Event, now_us: int, by: str) -> Script[str]:
    """Takes back the moves of an event that was declared wrong."""
    names = [move_id(event.event_id, n) for n in range(MOVES_MAX)]
    rows = yield Statement("moves_known", {"ids": names})
    done = 0
    for row in rows:
        if row["corrected"]:
            continue
        try:
            yield from correct(row["id"], REASON, None, now_us, by, source="epcis")
        except CannotError as error:
            return f"{error}; {done} of {len(rows)} moves were taken back"
        done += 1
    return f"{done} moves were taken back" if done else "what it declares wrong had changed no level"


def _skus(effects: Iterable[Effect]) -> Script[dict[str, str]]:
    gtins = sorted({each.gtin for effect in effects for each in effect.amounts})
    if not gtins:
        return {}
    forms = sorted({form for gtin in gtins for n in (14, 13, 12, 8) if (form := gtin[14 - n :]).zfill(14) == gtin})
    rows = yield Statement("products_of_gtins", {"gtins": forms})
    return {row["gtin"]: row["sku"] for row in rows}


def _places(uris: set[str]) -> Script[dict[str, Place]]:
    """Our places by what events call them."""
    places: dict[str, Place] = {}
    glns = {uri: found for uri in uris if (found := gln_of(uri)) is not None}
    if glns:
        asked = {"glns": sorted({g for g, _ in glns.values()}), "parts": sorted({p for _, p in glns.values() if p})}
        rows = yield Statement("places_of_glns", asked)
        by_part = {(row["gln"], row["bin"] or row["zone"] or ""): row for row in rows}  # a bin before a zone
        places = {uri: _place(by_part[key]) for uri, key in glns.items() if key in by_part}
    if any(uri.startswith(UUID) for uri in uris):
        rows = yield Statement("places_named", {})
        for row in rows:
            named = Named("site", row["site"], None, row["zone"], row["bin"])
            if (uri := place_uri(row["tenant"], named)) in uris:
                places[str(uri)] = _place(row)
    return places


def _place(row: Mapping[str, str | None]) -> Place:
    return Place("site", row["site"] or "", row["zone"] or "", row["bin"] or "")
