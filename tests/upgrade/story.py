"""What the release before had lived through when its data were packed, and what comes after."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_sim.world import build
from tests.compare.script import (
    SEED,
    START_S,
    STEP_S,
    Asked,
    Registered,
    Step,
    Trouble,
    furnish,
    more_places,
    received,
    ship,
)

STEPS, PACKED = 42, 28
"""So many steps in all, and after so many the data are packed."""

TROUBLE = Trouble(
    late={"gps-02": (0.15, 0.62), "shelf-store-1": (0.4, 0.8)},
    lost={"gps-01": (0.1, 0.55)},
    warm={"reefer-01": (0.1, 0.35), "reefer-02": (0.61, 0.85)},
)
"""When it is packed an upload is half in, a probe has been too warm for some minutes and a shelf is silent."""


@dataclass(frozen=True)
class Story:
    """`before` is decided when the data are packed; `waiting` stands in the log unread; `after` comes to the next."""

    before: list[Step]
    waiting: Step
    after: list[Step]


def story() -> Story:
    """The small world for an hour and a half."""
    world = build("small", SEED)
    first = Step(START_S * 1_000_000, furnish(world) + more_places(world))
    first.registered += [c for s in world.shipments for c in ship(s, s.id, START_S, s.status)]
    first.registered.append(Registered("put_device", ({"name": "idle-1", "kind": "thermometer", "site": "dc-1"},)))
    messages = received(world, START_S + STEPS * STEP_S, TROUBLE)
    moments = [START_S + n * STEP_S for n in range(1, STEPS + 1)]
    steps = [first, *(Step(at_s * 1_000_000, messages=messages.get(at_s, [])) for at_s in moments)]
    for n, kind in ((20, "temperature"), (24, "silence"), (26, "late_risk")):
        steps[n].asked.append(Asked("POST", f"/alerts/{{alert:{kind}}}/acknowledge", {"note": f"seen: {kind}"}))
    return Story(steps[: PACKED + 1], steps[PACKED + 1], steps[PACKED + 2 :])
