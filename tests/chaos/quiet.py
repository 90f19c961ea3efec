"""Devices that do not number what they say, with a clock and without, and devices that use their numbers again.

Nobody receipts what has no number: what a broker has acknowledged and then loses is gone. So the quiet ones say nothing
while the broker is struck; everything else may happen to them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

from firmware_sim.link import Link
from tests.chaos.readings import ENCODERS
from tests.oracle import Told

RESEND_S = 4.0
REST_S = 3.0  # so long after its last receipt none is under way any more
MAKERS: dict[str, tuple[str, Callable[[random.Random, int], dict[str, Any]]]] = {
    "door": ("open", lambda dice, n: {"open": dice.random() < 0.5}),
    "temp": ("c", lambda dice, n: {"c": dice.choice((4.0, 4.5, 9.25)), "probe": "rear"}),
    "attr": ("num", lambda dice, n: {"num": float(n), "key": "count"}),
}


class Quiet:
    """One that numbers nothing: single readings and batches of three encodings, many of them saying the same."""

    link: Link  # set by the fleet

    def __init__(self, name: str, seed: int, told: Told, *, clocked: bool) -> None:
        self.name = name
        self._clocked = clocked
        self._dice = random.Random(f"{seed}/{name}")
        self._told = told
        self._count = itertools.count(1)
        self._t_ms = 0

    def tick(self, now_s: float, now_ms: int) -> None:
        """A message or several, one after the other."""
        dice = self._dice
        for _ in range(dice.choice((0, 0, 1, 1, 2, 5))):
            stream = dice.choice(list(MAKERS))
            if dice.random() < 0.3:
                values = [self._make(stream, now_ms) for _ in range(dice.randint(2, 9))]
                payload = {key: [each[key] for each in values] for key in values[0]}
            else:
                payload = self._make(stream, now_ms)
            encoding = dice.choice(list(ENCODERS))
            self.link.publish(stream + encoding, ENCODERS[encoding](payload))

    def _make(self, stream: str, now_ms: int) -> dict[str, Any]:
        key, maker = MAKERS[stream]
        values = maker(self._dice, next(self._count))
        self._told.said.setdefault((self.name, stream), []).append(float(values[key]))
        if self._clocked:  # of one time and stream no two say the same; times are whole seconds, as trackers have them
            self._t_ms = max(self._t_ms + 1, now_ms) if stream != "attr" else max(self._t_ms, now_ms // 1000 * 1000)
            values["t"] = self._t_ms
        return values


class Reuser:
    """One that calls every boot "b1", and loses its counter and all it had again and again.

    Until number 1 of its present life has a receipt, of exactly that number, it sends nothing else.
    """

    link: Link  # set by the fleet

    def __init__(self, name: str, seed: int, told: Told) -> None:
        self.name = name
        self._dice = random.Random(f"{seed}/{name}")
        self._told = told
        self._count = itertools.count(1)
        self._kept: dict[int, tuple[float, int]] = {}  # by number: what it says, when
        self._due_s: dict[int, float] = {}
        self._is_known = False  # number 1 of this life has its receipt
        self._since_s = 0.0  # the last receipt, or resending
        self._rest_s = 0.0
        self._heard = False
        self._reset()

    def _reset(self) -> None:
        self._number, self._left, self._rest_s = 0, self._dice.randint(1, 60), REST_S
        self._is_known = False

    def tick(self, now_s: float, now_ms: int, *, ending: bool) -> None:
        """A few readings more, all that is due in turn; a reset when nothing is under way."""
        if self._heard:
            self._since_s, self._heard = now_s, False
        if not ending:
            self._make(now_s, now_ms)
        due = sorted(n for n, at_s in self._due_s.items() if at_s <= now_s and (self._is_known or n == 1))
        if due and self.link.up:
            if any(self._due_s[n] < now_s for n in due):
                self._since_s, self._rest_s = now_s, 4 * REST_S  # its receipt may come twice
            columns = {"num": [self._kept[n][0] for n in due], "t": [self._kept[n][1] for n in due]}
            self.link.publish("attr", ENCODERS[""]({"boot": "b1", "seq": due, "key": "count", **columns}))
            self._due_s.update(dict.fromkeys(due, now_s + RESEND_S))

    def _make(self, now_s: float, now_ms: int) -> None:
        if not self._left and not self._kept and now_s - self._since_s > self._rest_s:
            self._reset()
            self._told.resets += 1
        for _ in range(min(self._left, self._dice.randint(0, 3))):
            self._left -= 1
            self._number += 1
            self._kept[self._number] = (float(next(self._count)), now_ms)
            self._due_s[self._number] = now_s

    def receipted(self, boot: str, number: int) -> None:
        """Everything up to there is safe; the first receipt of a life names exactly 1, others are of lives before."""
        assert boot == "b1"
        if not self._is_known and number != 1:
            self._told.strays += 1
            return
        self._is_known = True
        for n in [n for n in self._kept if n <= number]:
            self._told.receipted.setdefault(self.name, set()).add(self._kept.pop(n)[0])
            del self._due_s[n]
            self._heard = True

    @property
    def size(self) -> int:
        """Readings without a receipt."""
        return len(self._kept)

    def lost_connection(self) -> None:
        """All of it is due again."""
        self._due_s = dict.fromkeys(self._due_s, 0.0)
