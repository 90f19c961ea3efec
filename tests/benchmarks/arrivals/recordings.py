"""Recorded buses and a taxi, each predicted by what others, or earlier ones, have taught; nothing of itself.

- Route D96, one day: each bus by the trips of the three others, and the second half of the day by the first.
- Buses 5A and 3T: each by the one trip of the other.
- A taxi's trips: odd ones by even ones, the reverse, and the second half by the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console

from tests import recorded
from tests.benchmarks.arrivals.scores import Legs, Scored, number, replay, score, seconds, table, trace
from tests.benchmarks.figures import Figure
from tracker.arrival_times.arrivals import Stops
from tracker.arrival_times.backtest import Predicted, Replay
from tracker.rules.forecast import NO_TIME, Knowledge

BETTER_THAN = 0.9  # of timetable + present delay
BIAS_MOST = 5.0  # % of the time to go
OFF, OFF_BY_HORIZON = 5.0, 10.0  # points from 80 %
SUM_OFF = 3.0  # % of predicted over observed
LEARNED = 300  # legs
MAPE_MOST = 33.0


def measure(console: Console) -> list[Figure]:
    """All figures of the recordings, and a table for each."""
    left_out, _ = left_out_buses(timetable=True)
    console.print(table("route D96, each bus by what the others taught; seconds", left_out))
    without, legs = left_out_buses(timetable=False)
    console.print(table("the same without a timetable", without))
    later = later_trips()
    console.print(table("route D96, the trips after noon by those before; seconds", later))
    figures = [
        *bus_figures("D96, left-out buses", left_out),
        _error("D96, later trips", later),
        _coverage("D96, later trips", later),
        Figure(
            "D96 without a timetable, expected over observed is off by",
            "%",
            [100 * abs(legs.ratio(0) - 1)],
            goal=SUM_OFF,
            details_are="legs",
            details={"learned": LEARNED, "summed up": len(legs.expected), "expected over observed": legs.ratio(0)},
            smaller_is_better=True,
        ),
    ]
    for line, other in (("5A", "3T"), ("3T", "5A")):
        each = by_another(line, other)
        console.print(table(f"bus {line} by the one trip of {other}; seconds", each))
        figures.append(_no_worse(f"bus {line} by {other}", each))
    return figures + [f for split in TAXI for f in taxi(split)]


def left_out_buses(*, timetable: bool, only: int | None = None) -> tuple[Scored, Legs]:
    """Each bus of D96 in turn (`only`: the first so many), with what the trips of the others have taught.

    Legs after the first 300.
    """
    fleet, found, legs = recorded.d96(), [], Legs()
    for name in sorted(fleet)[:only]:
        past = [trip for other in sorted(fleet) if other != name for trip in fleet[other]]
        taught, _ = replay(past, Knowledge.none(), timetable=timetable)
        run, made = replay(fleet[name], taught.knowledge, timetable=timetable)
        each = score(fleet[name], made, past)
        found.append(replace(each, group=each.group + 100 * len(found)))
        seen = max(0, LEARNED - len(taught.legs.observed))
        legs.expected += run.legs.expected[seen:]
        legs.observed += run.legs.observed[seen:]
    return Scored.join(found), legs


def later_trips() -> Scored:
    """The trips of D96 that begin in the second half of the day, by those that ended before the first of them."""
    trips = sorted((t for of in recorded.d96().values() for t in of), key=lambda t: t.trace[0][1])
    later = trips[len(trips) // 2 :]
    past = [t for t in trips if t.trace[-1][1] < later[0].trace[0][1]]
    taught, _ = replay(past, Knowledge.none())
    _, made = replay(later, taught.knowledge)
    return score(later, made, past)


def by_another(line: str, other: str) -> Scored:
    """A bus by what the one trip of another line has taught."""
    bus, past = recorded.bus(line), [recorded.bus(other)]
    taught, _ = replay(past, Knowledge.none())
    _, made = replay([bus], taught.knowledge)
    return score([bus], made, past)


# ---- the taxi -------------------------------------------------------------------------------------------------------

TAXI = ("odd by even", "even by odd", "second half by first")


def taxi(split: str) -> list[Figure]:
    """Trips of a taxi from their ends alone, predicted at their pickup."""
    scored = taxi_trips(split)
    mape = 100 * float((np.abs(scored.middle - scored.truth) / scored.ahead_s).mean())
    details = {"trips": len(scored), "MAE, min": scored.mae_s() / 60, "mean width, min": scored.width_s() / 60}
    return [
        Figure(
            f"taxi, {split}, MAPE",
            "%",
            [mape],
            goal=MAPE_MOST,
            details_are="of",
            details=details,
            smaller_is_better=True,
        ),
        _coverage(f"taxi, {split}", scored),
    ]


def taxi_trips(split: str) -> Scored:
    """The first prediction of each trip that was not learned from."""
    trips = []
    for odd in (False, True):
        rows, stops, truth = recorded.taxi(odd=odd)
        trips += [(int(s[0][5:]), [r for r in rows if r[0] == s[0]], s, truth[s[0]]) for s in stops]
    trips.sort(key=lambda trip: trip[0])
    half = len(trips) // 2
    past, later = {
        "odd by even": (trips[::2], trips[1::2]),
        "even by odd": (trips[1::2], trips[::2]),
        "second half by first": (trips[:half], trips[half:]),
    }[split]

    def run(of: Sequence, known: Knowledge) -> tuple[Replay, Predicted]:
        stops = [
            Stops.of([s[2]], np.array([float(s[3])]), np.array([float(s[4])]), np.array([NO_TIME]), _place(s[2]))
            for _, _, s, _ in of
        ]
        fixes = [(seconds(r[1]), i, float(r[2]), float(r[3])) for i, (_, rows, _, _) in enumerate(of) for r in rows]
        replayed = Replay(stops, known)
        made = list(replayed.run(trace(fixes)))
        return replayed, Predicted(*(np.concatenate(column) for column in zip(*made, strict=True)))

    taught, _ = run(past, Knowledge.none())
    _, made = run(later, taught.knowledge)
    truth = np.array([t for _, _, _, t in later])[made.vehicle]
    at = made.t_us / 1e6
    rows = np.flatnonzero(at < truth)
    first = rows[np.unique(made.vehicle[rows], return_index=True)[1]]
    ends = (column[first] / 1e6 for column in (made.p10_us, made.p50_us, made.p90_us))
    said = at[first, None] + made.said_s[first]
    return Scored(
        at[first], *ends, truth[first], said, np.full((len(first), 4), np.nan), made.vehicle[first], made.stop[first]
    )


def _place(name: str) -> np.ndarray:
    return np.array([number(name)], dtype=np.int64)


# ---- figures --------------------------------------------------------------------------------------------------------


def bus_figures(name: str, scored: Scored) -> list[Figure]:
    horizons = {which: part.covered() for which, part in scored.horizons()}
    return [
        _error(name, scored),
        Figure(
            f"{name}, bias",
            "% of the time to go",
            [100 * abs(scored.bias())],
            goal=BIAS_MOST,
            smaller_is_better=True,
        ),
        _coverage(name, scored),
        Figure(
            f"{name}, 80 % coverage of the worst horizon is off by",
            "points",
            [max(abs(each - 80) for each in horizons.values())],
            goal=OFF_BY_HORIZON,
            details_are="%",
            details=horizons,
            smaller_is_better=True,
        ),
    ]


def _error(name: str, scored: Scored) -> Figure:
    plain = {what: mae / 60 for what, mae in scored.plain_mae_s().items()}
    goal = BETTER_THAN * plain["timetable + delay"]
    experts = {what: mae / 60 for what, mae in scored.expert_mae_s().items()}
    mae = [scored.mae_s() / 60]
    return Figure(
        f"{name}, MAE", "min", mae, plain, goal, details_are="experts, min", details=experts, smaller_is_better=True
    )


def _no_worse(name: str, scored: Scored) -> Figure:
    plain = {what: mae / 60 for what, mae in scored.plain_mae_s().items() if what != "mean of the past"}
    goal = min(plain["timetable"], plain["constant speed"])
    return Figure(f"{name}, MAE", "min", [scored.mae_s() / 60], plain, goal, smaller_is_better=True)


def _coverage(name: str, scored: Scored) -> Figure:
    held = scored.covered()
    return Figure(
        f"{name}, 80 % coverage is off by",
        "points",
        [abs(held - 80)],
        goal=OFF,
        details_are="%",
        details={"covered": held, "mean width, min": scored.width_s() / 60, "jitter, min": scored.jitter_s() / 60},
        smaller_is_better=True,
    )
