"""Temperatures as people see them: one view a probe, those of a vehicle or site in one list, changed in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from domain.digits import shown, shown_all
from domain.readings import F64, I64
from domain.times import rfc3339, rfc3339_all
from tracker.engine.registry import Registry
from tracker.engine.step import Step, known
from tracker.rules import temperature

NAN = float("nan")
Home = tuple[str, int]


class Probe(NamedTuple):
    """A probe and its newest reading."""

    device_id: int
    name: str
    t_us: int
    temp_c: float
    humidity_pct: float | None


class ProbeViews:
    """The views of all probes, made when first asked for and again with another registry."""

    def __init__(self, probes: Mapping[int, Probe], of_device: Mapping[int, Sequence[int]]) -> None:
        self._probes, self._of_device = probes, of_device
        self._registry: Registry | None = None
        self._views: dict[int, dict[str, Any]] = {}
        self._lists: dict[Home, list[dict[str, Any]]] = {}

    def tell(self, registry: Registry, touched: I64, t_us: I64, temp_c: F64, states: Sequence[str], step: Step) -> None:
        """The newest readings of these probes, to those who look at their vehicle or site."""
        if registry is not self._registry:
            self._registry, self._views, self._lists = registry, {}, {}
        homes: dict[Home, int] = {}
        told = zip(touched.tolist(), rfc3339_all(t_us), shown_all("temp_c", temp_c), states, strict=True)
        for p, t, rounded_c, state in told:
            probe = self._probes[p]
            device = registry.devices.get(probe.device_id)
            if device is None:
                continue
            if (view := self._views.get(p)) is not None:
                view["t"], view["temp_c"], view["state"] = t, rounded_c, state
                view["humidity_pct"] = shown("humidity_pct", probe.humidity_pct)
            else:
                self._lists.pop(device.home, None)  # a probe that its list does not have
            homes[device.home] = device.tenant_id
        for (kind, home_id), tenant_id in homes.items():
            place = (
                (registry.vehicles if kind == "vehicle" else registry.sites).get(home_id) if kind != "device" else None
            )
            if place is not None:
                step.change(tenant_id, f"{kind}s", place.name, "merge", {"temps": self._of(registry, (kind, home_id))})

    def _of(self, registry: Registry, home: Home) -> list[dict[str, Any]]:
        """All probes of a vehicle or site."""
        if (found := self._lists.get(home)) is None:
            devices = registry.in_home.get(home, ())
            views = [self._view(registry, p) for d in devices for p in self._of_device.get(d, ())]
            found = self._lists[home] = sorted(views, key=lambda v: (v["device"], v["probe"]))
        return found

    def _view(self, registry: Registry, probe_id: int) -> dict[str, Any]:
        probe = self._probes[probe_id]
        profile = registry.history_of(probe.device_id).at(probe.t_us).profile
        low_c, high_c = (NAN if limit is None else limit for limit in (profile.low_c, profile.high_c))
        view = self._views[probe_id] = {
            "device": registry.devices[probe.device_id].name,
            "probe": probe.name,
            "t": rfc3339(probe.t_us),
            "temp_c": shown("temp_c", probe.temp_c),
            "humidity_pct": shown("humidity_pct", probe.humidity_pct),
            "low_c": known(low_c),
            "high_c": known(high_c),
            "state": temperature.state_of(probe.temp_c, low_c, high_c),
        }
        return view
