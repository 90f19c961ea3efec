"""The check of loads on days of the simulated dock that nothing was tuned on: `python -m tests.benchmarks.loading`."""

from __future__ import annotations

import sys
from collections import Counter

from firmware_sim.dock import day
from tests.unit.domain.loading.dock import START_MS, checked, loads, shipment

FIRST, DAYS = 1_000, 300
"""Seeds below 1 000 set the constants."""


def truths(seed: int, *, strengths: bool, after: bool) -> Counter[tuple[str, str]]:
    """Of a day, how often what truly was is judged as what: as the truck leaves, or a quarter of an hour later."""
    what: Counter[tuple[str, str]] = Counter()
    true = day(seed, START_MS)
    known = loads(true, strengths=strengths)
    for stood in true.stood:
        until_us = true.heard[-1].t_ms * 1000 if after else stood.ended_ms * 1000 - 1
        found = checked(known, shipment(stood.truck), until_us)
        names = {pallet.sscc for pallet in true.pallets}
        for pallet in true.pallets:
            on, mine = true.loaded.get(pallet.sscc, (None,))[0] == stood.truck, pallet.truck == stood.truck
            judged = found[pallet.sscc].state if pallet.sscc in found else "none of its"
            if on and not mine:
                what["wrong_truck" if pallet.truck >= 0 else "foreign", judged] += 1
            elif on or mine:
                gone = "on the other truck" if pallet.sscc in true.loaded else "in the staging zone"
                what["loaded" if on else gone, judged] += 1
            else:
                what["elsewhere", judged] += 1
        for unit in found.keys() - names:
            what["misread", found[unit].state] += 1
    return what


def main() -> None:
    """Prints the tables of docs/loading.md."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    for strengths in (True, False):
        for after in (False, True):
            sum_: Counter[tuple[str, str]] = Counter()
            for seed in range(FIRST, FIRST + days):
                sum_ += truths(seed, strengths=strengths, after=after)
            print(f"\n{days} days, strengths told: {strengths}, {'15 min later' if after else 'as the truck leaves'}")
            for (true, judged), count in sorted(sum_.items()):
                print(f"  {true:22} {judged:14} {count}")


if __name__ == "__main__":
    main()
