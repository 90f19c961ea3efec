"""What is added to a temperature for its probe's calibration, at the moment it was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from domain.profiles import Calibration, History
from domain.readings import F32, I32, I64, Bool

UNKNOWN = Calibration()


def corrections(
    device_id: I32,
    probe: Sequence[str | None],
    time_us: I64,
    calibrated: frozenset[int],
    history_of: Callable[[int], History],
) -> tuple[F32, Bool]:
    """Degrees Celsius to add to each row (NaN: no calibration is known), and whether its certificate had run out.

    Only the devices in `calibrated` are looked at.
    """
    correction_c = np.full(len(device_id), np.nan, np.float32)
    due = np.zeros(len(device_id), np.bool_)
    if not calibrated:
        return correction_c, due
    moments = zip(device_id.tolist(), probe, time_us.tolist(), strict=True)
    for row, (device, name, t_us) in enumerate(moments):
        if device in calibrated:
            found = history_of(device).at(t_us).calibration.get(name or "", UNKNOWN)
            if found is not UNKNOWN:
                correction_c[row] = found.offset_c
                due[row] = found.due_us is not None and t_us >= found.due_us
    return correction_c, due
