"""The scan's law and definition: any split and any mix of entities gives what a plain loop over one entity gives."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.folds.scan import NEVER, Carry, Runs, scan

H, FOR, GAP = 2.0, 50, 100


def reference(rows):
    """Runs of one entity's (t, x) rows by a plain loop: the definition."""
    runs, run, prev = [], None, None
    for t, x in rows:
        gap = prev is not None and t - prev[0] > GAP
        if run is None:
            if x > 0:
                began = t
                if prev is not None and not gap and prev[1] <= 0:
                    began = prev[0] + round((t - prev[0]) * ((0 - prev[1]) / (x - prev[1])))
                run = {"start": began, "end": NEVER, "known": t - began, "x": x, "n": 1, "lasted": NEVER}
                if run["known"] >= FOR:
                    run["lasted"] = t - (run["known"] - FOR)
                runs.append(run)
        elif x <= -H:
            end = t if gap else prev[0] + round((t - prev[0]) * min(max((prev[1] + H) / (prev[1] - x), 0), 1))
            run["end"] = end
            if not gap:
                run["known"] += end - prev[0]
            if run["known"] >= FOR:
                run["lasted"] = min(run["lasted"], end - (run["known"] - FOR))
            run = None
        else:
            if not gap:
                run["known"] += t - prev[0]
            run["n"] += 1
            run["x"] = max(run["x"], x)
            if run["known"] >= FOR:
                run["lasted"] = min(run["lasted"], t - (run["known"] - FOR))
        prev = (t, x)
    return [(r["start"], r["end"], r["lasted"], r["known"], r["x"], r["n"]) for r in runs]


def fold(entities, cuts):
    """All entities scanned together, chunk by chunk; the last word on each run by its start."""
    carry = Carry.empty()
    latest = {}
    for low, high in zip([0, *cuts], [*cuts, 10**9], strict=True):
        rows = sorted((e, t, x) for e, found in entities.items() for t, x in found if low <= t < high)
        if not rows:
            continue
        ent, t, x = (np.array(c) for c in zip(*rows, strict=True))
        fresh, runs = scan(carry, ent, t, x.astype(float), h=H, for_us=FOR, gap_us=GAP)
        keep = carry.take(~np.isin(carry.entity, fresh.entity))
        carry = merged(keep, fresh)
        for i in range(len(runs)):
            key = (int(runs.entity[i]), int(runs.start_us[i]))
            latest[key] = tuple(float(v[i]) for v in columns(runs))
    return latest


def merged(a, b):
    order = np.argsort(np.concatenate([a.entity, b.entity]), kind="stable")
    return Carry(*(np.concatenate([getattr(a, n), getattr(b, n)])[order] for n in Carry.__dataclass_fields__))


def columns(runs: Runs):
    return runs.start_us, runs.end_us, runs.lasted_at_us, runs.known_us, runs.extreme, runs.samples


series = st.lists(
    st.tuples(st.integers(0, 600), st.sampled_from([-5.0, -3.0, -2.0, -1.0, 0.0, 0.5, 1.0, 4.0])),
    max_size=30,
    unique_by=lambda r: r[0],
).map(sorted)


@given(st.dictionaries(st.integers(1, 5), series, max_size=4), st.lists(st.integers(1, 600), max_size=6).map(sorted))
@settings(deadline=None)
def test_any_split_of_any_entities_gives_the_runs_of_the_definition(entities, cuts):
    found = fold(entities, cuts)
    wanted = {(e, r[0]): tuple(float(v) for v in r) for e, rows in entities.items() for r in reference(rows)}
    assert found == wanted


def test_a_run_over_a_hole_counts_only_what_was_observed():
    carry, runs = scan(
        Carry.empty(),
        np.array([1, 1, 1]),
        np.array([0, 40, 400]),
        np.array([1.0, 1.0, 1.0]),
        h=H,
        for_us=FOR,
        gap_us=GAP,
    )
    assert runs.known_us.tolist() == [40]
    assert runs.lasted_at_us.tolist() == [NEVER]
    assert carry.inside.tolist() == [True]


def test_nothing_in_gives_nothing_out():
    carry, runs = scan(
        Carry.empty(), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), h=1.0, for_us=1, gap_us=1
    )
    assert len(carry) == len(runs) == 0
