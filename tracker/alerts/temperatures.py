"""Alerts of excursions, of those that are one alert together (`excursions`), and of sensors not to be believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from domain.cold_chain.chains import REOPEN_US, Alarmed, Chain, Standing, chains
from domain.digits import shown
from domain.folds.scan import NEVER
from domain.times import to_us
from tracker.alerts.shape import alert_shape, news
from tracker.engine.family import Engine
from tracker.engine.step import Step, text
from tracker.temperatures.rows import Excursion, TemperatureRows

Kept = Mapping[str, Any]
Side = tuple[int, str]
"""A probe, and `above` or `below`."""
Events = list[tuple[int, int, str]]


class ExcursionAlerts:
    """One alert for what belongs together; all of a step in a few statements."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, cursor: psycopg.Cursor, step: Step, events: Events, vehicles: dict[int, None]) -> None:
        """The alerts of excursions that have lasted; of those that have not after all what was told is taken back."""
        touched = [
            e for e in step.part(TemperatureRows).written if e.fact.severity != "info" and (_is_told(e) or e.fact.id)
        ]
        if not touched:
            return
        near = self._near(cursor, touched)
        if not near and not any(map(_is_told, touched)):
            return
        alarmed = self._alarmed(cursor, touched, near)
        of_probe = {e.fact.probe_id: e for e in touched}
        told: list[tuple[Excursion, Chain]] = []
        over: list[tuple[Excursion, Standing]] = []
        for side in dict.fromkeys([*map(_side, touched), *near]):
            found, left = chains(alarmed.get(side, ()), near.get(side, ()))
            told += [(of_probe[side[0]], chain) for chain in found]
            over += [(of_probe[side[0]], alert) for alert in left]
        self._take_back(cursor, over, {e.id: e for e in touched}, step, events, vehicles)
        store = self._engine.store
        moves = [(c.was_of, c.fact_id) for _, c in told if c.was_of not in (0, c.fact_id)]
        store.bulk(cursor, "move_temperature_alerts", moves)
        rows = [_row(e, c, step.now_us) for e, c in told]
        by_fact = {int(k["fact_id"]): k for k in store.returned(cursor, "put_temperature_alerts", rows)}
        ours = {e.id for e in touched}
        for e, chain in told:
            kept = by_fact[chain.fact_id]
            what = news(kept, retracted=False)
            if what is not None:
                events.append((kept["id"], step.now_us, what))
            if what is not None or any(m.id in ours for m in chain.members):
                vehicles[e.vehicle_id] = None
                self._tell(e, kept, step)

    def _near(self, cursor: psycopg.Cursor, touched: Sequence[Excursion]) -> dict[Side, list[Standing]]:
        """The alerts that stand where these excursions are, or of them."""
        spans = [(e.device_id, *_side(e), *_around(e), e.id) for e in touched]
        found: dict[Side, list[Standing]] = {}
        for k in self._engine.store.returned(cursor, "near_temperature_alerts", spans):
            opened, cleared, alarm, resolved = (
                to_us(k[name]) if k[name] else NEVER for name in ("opened_at", "cleared_at", "alarm_at", "resolved_at")
            )
            alert = Standing(int(k["fact_id"]), opened, cleared, alarm, resolved)
            found.setdefault((int(k["probe_id"]), str(k["rule_key"])), []).append(alert)
        return found

    def _alarmed(
        self, cursor: psycopg.Cursor, touched: Sequence[Excursion], near: Mapping[Side, Sequence[Standing]]
    ) -> dict[Side, list[Alarmed]]:
        """The excursions that have alarmed where these are, or the alerts near them."""
        spans: dict[Side, tuple[int, int]] = {}
        parts = [(_side(e), *_around(e)) for e in touched]
        parts += [(side, s.opened_us, s.cleared_us) for side, standing in near.items() for s in standing]
        for side, since, until in parts:
            low, high = spans.get(side, (since, until))
            spans[side] = min(low, since), max(high, until)
        here = {e.id: e.fact.extreme_c for e in touched}
        found: dict[Side, list[Alarmed]] = {}
        rows = [(*side, *span) for side, span in spans.items()]
        for k in self._engine.store.returned(cursor, "alarmed_excursions", rows):
            start, end, alarm = (to_us(k[n]) if k[n] else NEVER for n in ("started_at", "ended_at", "alarm_at"))
            side, fact = (int(k["probe_id"]), str(k["kind"])), int(k["id"])
            extreme_c = here.get(fact, k["extreme_c"])
            each = Alarmed(fact, *side, str(k["severity"]), float(k["limit_c"]), start, end, alarm, extreme_c)
            found.setdefault(side, []).append(each)
        return found

    def _take_back(
        self,
        cursor: psycopg.Cursor,
        over: Sequence[tuple[Excursion, Standing]],
        touched: Mapping[int, Excursion],
        step: Step,
        events: Events,
        vehicles: dict[int, None],
    ) -> None:
        """What was told of excursions that are no longer so, or have not lasted."""
        ends = {s.fact_id: touched[s.fact_id].fact.end_us if s.fact_id in touched else step.now_us for _, s in over}
        of = {s.fact_id: e for e, s in over}
        rows = [(fact, min(end_us, step.now_us)) for fact, end_us in ends.items()]
        for kept in self._engine.store.returned(cursor, "take_back_temperature_alerts", rows):
            e = of[int(kept["fact_id"])]
            events.append((kept["id"], step.now_us, "retracted"))
            vehicles[e.vehicle_id] = None
            self._tell(e, kept, step)

    def _tell(self, e: Excursion, kept: Kept, step: Step) -> None:
        if kept["resolved_at"] is not None:
            return  # somebody is done with it: it is off the lists
        figures = {
            "limit_c": kept["limit_c"],
            "extreme_c": shown("extreme_c", kept["extreme_c"]),
            "last_c": shown("last_c", e.fact.last_c),
        }
        shape = alert_shape(
            self._engine.registry,
            kept,
            e.device_id,
            kind="temperature",
            severity=kept["severity"],
            title=kept["title"],
            probe=e.probe,
            opened_us=to_us(kept["opened_at"]),
            alarm=text(to_us(kept["alarm_at"])),
            cleared=text(to_us(kept["cleared_at"])) if kept["cleared_at"] else None,
            figures=figures,
        )
        step.change(e.tenant_id, "alerts", str(kept["id"]), "put", shape)


def _side(e: Excursion) -> Side:
    return e.fact.probe_id, e.fact.kind


def _is_told(e: Excursion) -> bool:
    return e.fact.is_told and not e.fact.retracted


def _around(e: Excursion) -> tuple[int, int]:
    """The excursion, and what may be one alert with it."""
    end_us = e.fact.end_us
    return e.fact.start_us - REOPEN_US, end_us if end_us == NEVER else end_us + REOPEN_US


def _row(e: Excursion, chain: Chain, now_us: int) -> tuple[Any, ...]:
    lead = chain.lead
    of = (e.tenant_id, chain.fact_id, lead.severity, lead.kind, e.device_id, e.fact.probe_id, chain.title)
    return (*of, lead.limit_c, chain.extreme_c, e.fact.last_c, chain.start_us, chain.alarm_us, now_us, chain.end_us)


def sensor_faults(
    cursor: psycopg.Cursor, engine: Engine, step: Step, events: Events
) -> Iterable[tuple[Kept, str, int]]:
    """Raised when a sensor says what cannot be, cleared when it is believed again: with probe and device."""
    store, registry = engine.store, engine.registry
    faults = [f for f in step.part(TemperatureRows).faults if f.device_id in registry.devices]
    names = store.labels([f.probe_id for f in faults]) if faults else {}
    over = [(f.device_id, f.probe_id, f.at_us) for f in faults if f.over]
    raised = []
    for f in faults:
        if not f.over:
            device = registry.devices[f.device_id]
            title = f"Sensor fault: {names.get(f.probe_id, '?')} {f.what}"
            raised.append((device.tenant_id, f.device_id, f.probe_id, title, f.at_us, step.now_us))
    for kept in store.returned(cursor, "clear_sensor_faults", over):
        events.append((kept["id"], step.now_us, "cleared"))
        yield kept, names.get(int(kept["probe_id"]), "?"), int(kept["device_id"])
    for kept in store.returned(cursor, "raise_sensor_faults", raised):
        events.append((kept["id"], step.now_us, "raised"))
        yield kept, names.get(int(kept["probe_id"]), "?"), int(kept["device_id"])
