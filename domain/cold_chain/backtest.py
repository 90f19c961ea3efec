"""Which cases a temperature profile would have raised, from the readings that are there. Pure.

The very fold of the tracker, from nothing on: readings in order of their own time, late ones among them; then what
holds alarms back, and which excursions are one case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from domain.cold_chain import bands, sensors
from domain.cold_chain.chains import Alarmed, Chain, chains
from domain.cold_chain.days import holds
from domain.cold_chain.profile import TemperatureProfile
from domain.cold_chain.suppress import Said, held, spells
from domain.folds.scan import NEVER
from domain.readings import F64, I64, Bool

DAY_US = 86_400_000_000
LEAD_US_MAX = 30 * DAY_US
S_US = 1_000_000

How = Literal["new", "same", "gone"]


class Case(NamedTuple):
    """A case of a side of a probe, as it was raised or would have been; `end_us` is `NEVER` while it lasts.

    `name` is that of the band that decides; `id` of the alert, empty where there was none.
    """

    probe_id: int
    kind: str
    severity: str
    name: str
    limit_c: float
    start_us: int
    alarm_us: int
    end_us: int
    extreme_c: float | None
    id: str = ""

    @property
    def side(self) -> tuple[int, str]:
        """Whose it is."""
        return self.probe_id, self.kind

    def meets(self, other: Case) -> bool:
        """Whether the two are about one time of one side of a probe."""
        return self.side == other.side and self.start_us <= other.end_us and other.start_us <= self.end_us


class Compared(NamedTuple):
    """What would have been raised beside what was."""

    how: How
    would: Case | None
    did: tuple[Case, ...]

    @property
    def at_us(self) -> int:
        """When it alarmed first."""
        return min(case.alarm_us for case in (*self.did, *filter(None, [self.would])))


def lead_us(profile: TemperatureProfile) -> int:
    """How long before a span readings must be looked at, so that what alarms in it is known to have begun."""
    longest_s = max([0.0, *(max(b.for_s, b.window_s or 0.0) for b in profile.bands)])
    endless = any(b.mode == "cumulative" and b.reset in ("never", "shipment", "phase") for b in profile.bands)
    return LEAD_US_MAX if endless else min(LEAD_US_MAX, DAY_US + 2 * round(longest_s * S_US))


def cases(
    profile: TemperatureProfile,
    probe: I64,
    t_us: I64,
    temp_c: F64,
    still: Bool,
    *,
    said: Sequence[Said] = (),
    loaded_us: Sequence[int] = (),
) -> list[Case]:
    """The cases of readings sorted by (probe, time), in order of their alarms.

    Args:
        profile: what all of them are held to.
        probe: whose readings they are; probes of one place, as doors and defrosting hold back the alarms of all.
        t_us: event times.
        temp_c: degrees Celsius.
        still: where a sensor stands still: it begins and ends nothing.
        said: what doors and cooling units said there.
        loaded_us: when something to be cooled came.
    """
    if not len(t_us):
        return []
    _, out = sensors.step(sensors.Samples.empty(), probe, t_us, temp_c)
    probe, t_us, still = probe[~out], t_us[~out], still[~out]
    said_c = np.where(still, np.nan, temp_c[~out])
    applies = None if profile.schedule is None else holds(profile.schedule, profile.tz, t_us)
    rules, none = bands.Rules.of([profile]), np.zeros(len(t_us), np.int64)
    counted = ~still if still.any() else None
    _, stays = bands.step(bands.State.empty(), rules, none, probe, t_us, said_c, applies=applies, counted=counted)
    newest_us = max([int(t_us.max(initial=0)), *(each.at_us for each in said)])
    quiet = spells(said, profile.suppress, loaded_us, newest_us)
    found: dict[tuple[int, str], list[Alarmed]] = {}
    names: dict[int, str] = {}
    for i, entity in enumerate(stays.entity.tolist()):
        band, alarm_us, end_us = rules.band_of(0, entity), int(stays.alarm_us[i]), int(stays.end_us[i])
        begun_us = int(stays.start_us[i])
        if band is None or alarm_us == NEVER or band.severity == "info":
            continue
        back = held(profile.suppress, begun_us, alarm_us, end_us, quiet)
        if back is not None and (back.until_us == NEVER or back.until_us > newest_us):
            continue  # nobody was told: what held it back lasted to its end, or does to this day
        side = entity >> bands.KEY_BITS, "above" if band.above else "below"
        extreme_c = band.limit_c + (float(stays.extreme[i]) if band.above else -float(stays.extreme[i]))
        each = Alarmed(i + 1, *side, band.severity, band.limit_c, begun_us, end_us, alarm_us, extreme_c)
        found.setdefault(side, []).append(each)
        names[each.id] = band.name
    told = [_case(chain, names) for alarmed in found.values() for chain in chains(alarmed, ())[0]]
    return sorted(told, key=lambda case: (case.alarm_us, case.side))


def _case(chain: Chain, names: Mapping[int, str]) -> Case:
    lead = chain.lead
    of = (lead.probe_id, lead.kind, lead.severity, names[lead.id], lead.limit_c)
    return Case(*of, chain.start_us, chain.alarm_us, chain.end_us, chain.extreme_c)


def compared(would: Sequence[Case], did: Sequence[Case]) -> list[Compared]:
    """What a profile would have raised beside what was raised, in order of time.

    >>> old = Case(1, "above", "critical", "warm", 8.0, 10, 20, 40, 9.0, "7")
    >>> [c.how for c in compared([old._replace(start_us=15), old._replace(kind="below")], [old])]
    ['same', 'new']
    >>> [c.how for c in compared([], [old])]
    ['gone']
    """
    pairs = [(case, tuple(other for other in did if case.meets(other))) for case in would]
    met = {other for _, others in pairs for other in others}
    rows = [Compared("same" if others else "new", case, others) for case, others in pairs]
    rows += [Compared("gone", None, (other,)) for other in did if other not in met]
    return sorted(rows, key=lambda row: row.at_us)
