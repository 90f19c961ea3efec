"""The fold of probes: from sound samples to stays in the bands of their profiles, live and again."""

from __future__ import annotations

import numpy as np

from domain.cold_chain import bands, sensors
from domain.cold_chain.bands import Stays
from domain.readings import F64, I64, Bool
from tracker.temperatures.profiles import Profiles
from tracker.temperatures.state import Folded


def fold(
    folded: Folded, profiles: Profiles, device: I64, probe: I64, t_us: I64, temp_c: F64, still: Bool
) -> tuple[Folded, Stays, I64]:
    """Stays of rows sorted by (probe, time) and newer than what is carried of their probes.

    What cannot be is left out. A sensor that stands still (`still`) says nothing: no stay begins or ends by it, and its
    time does not count.

    Returns:
        What is to be carried of these probes, the stays touched, and which version of a profile each row is held to.
    """
    held = profiles.index(device, t_us)
    samples, out = sensors.step(folded.samples, probe, t_us, temp_c)
    stuck = bool(still.any())
    said_c = np.where(still, np.nan, temp_c) if stuck else temp_c
    keep = slice(None) if not out.any() else ~out
    state, stays = bands.step(
        folded.bands,
        profiles.rules,
        held[keep],
        probe[keep],
        t_us[keep],
        said_c[keep],
        applies=profiles.applies(held[keep], t_us[keep]),
        counted=~still[keep] if stuck else None,
    )
    return Folded(samples, folded.bands.updated(state)), stays, held
