"""What is known of a Sparkplug edge node: its births, its deaths, and how far its messages are known without a hole.

Data name their metrics by numbers that only a birth explains, and a birth may be lost, doubled, or with another worker
while its data are here. So numbers are read only when it is certain which birth they are of:

- the sequence from the newest birth to the message has no hole (whoever received what is between), or
- a later birth is of the same session: numbers hold for a session (bdSeq), or
- the clock of the node and the deaths of its sessions leave no doubt.

Else the message waits for the next birth, and what no birth can explain any more is told as lost. Everything here is
pure: the state comes from the store and goes back to it, one worker at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

BIRTHS_MAX = 8  # of each device
DEATHS_MAX = 8
AHEAD_MAX = 127
ASK_MS, ASK_MS_MAX = 5_000, 300_000
UNANSWERED_MS = 60_000  # a node that gives no birth for so long does not know the command
SURE_MS = 2_000  # deaths have our time, data the node's: nearer than this nothing is concluded


class Definition(NamedTuple):
    """A metric as a birth defines it."""

    name: str
    alias: int | None
    datatype: int
    unit: str


@dataclass(slots=True)
class Birth:
    """A birth of the node (device "") or of a device; one without names is a device's death."""

    number: int  # in the store; 0: not yet there
    device: str
    t_ms: int
    received_ms: int
    bd_seq: int | None
    closed_ms: int | None = None
    """Time of the last message before the next session that is known without a hole."""


class Verdict(NamedTuple):
    """With which birth a message is read; without one why it waits, or that it is lost."""

    birth: Birth | None
    why: str = ""
    lost: bool = False
    doubted: bool = False


@dataclass(slots=True)
class Node:
    """One edge node. `births` are sorted by the node's time."""

    count: int | None = None
    since_ms: int = 0
    """Time of the birth from which on no message up to `count` is missing."""
    last_ms: int = 0
    ahead: dict[int, int] = field(default_factory=dict)
    bd_seq: int | None = None
    births: list[Birth] = field(default_factory=list)
    deaths: list[tuple[int, int | None]] = field(default_factory=list)
    asked_ms: int | None = None
    asked: int = 0
    skew_ms: int | None = None
    """What came quickest: our time of receipt less the node's time."""
    news: bool = False
    """Something that waits may be readable now."""

    # ------------------------------------------------------------ to and from the store
    def body(self) -> list[Any]:
        """As JSON."""
        births = [[b.number, b.device, b.t_ms, b.received_ms, b.bd_seq, b.closed_ms] for b in self.births]
        chain = [self.count, self.since_ms, self.last_ms, [[k, v] for k, v in self.ahead.items()], self.bd_seq]
        return [chain, births, self.deaths, [self.asked_ms, self.asked, self.skew_ms]]

    @classmethod
    def of(cls, body: list[Any]) -> Node:
        """From JSON."""
        (count, since_ms, last_ms, ahead, bd_seq), births, deaths, asked = body
        told = [Birth(*b) for b in births]
        return cls(count, since_ms, last_ms, dict(ahead), bd_seq, told, [(at, bd) for at, bd in deaths], *asked)

    # ------------------------------------------------------------ what is heard
    def came(self, t_ms: int, received_ms: int) -> None:
        """Takes note of how far the node's clock is from ours."""
        took_ms = received_ms - t_ms
        self.skew_ms = took_ms if self.skew_ms is None else min(self.skew_ms, took_ms)

    def heard(self, seq: int, t_ms: int, *, birth: bool = False) -> bool:
        """Takes note of a message with a sequence number; whether none is missing between the birth and it."""
        if self.count is None and birth:  # met on the way: from here on nothing is missing
            self.count, self.since_ms, self.last_ms = seq, t_ms, t_ms
            return False
        if self.count is None:
            self._put_ahead(seq, t_ms)
            return False
        distance = (seq - self.count) % 256
        if distance == 0 or distance > AHEAD_MAX + 1:
            return t_ms <= self.last_ms  # again, or late; a newer one is of a life whose birth we do not know
        if distance > 1:
            self._put_ahead(seq, t_ms)
            return False
        self._go_on(seq, t_ms)
        return True

    def _put_ahead(self, seq: int, t_ms: int) -> None:
        if len(self.ahead) < AHEAD_MAX or seq in self.ahead:
            self.ahead[seq] = t_ms

    def _go_on(self, seq: int, t_ms: int) -> None:
        self.count, self.last_ms = seq, max(self.last_ms, t_ms)
        while (after := (self.count + 1) % 256) in self.ahead:
            self.last_ms = max(self.last_ms, self.ahead.pop(after))
            self.count, self.news = after, True

    def node_birth(self, seq: int, bd_seq: int | None, birth: Birth) -> None:
        """A new life, or the same told again: whoever is older than the newest changes nothing of the sequence."""
        mine = [b for b in self.births if not b.device]
        newest = max((b.t_ms for b in mine), default=None)
        self.put(birth)
        if newest is not None and birth.t_ms < newest:
            return
        if newest is not None and birth.t_ms == newest and seq == self.count:
            return  # doubled
        for each in self.births:
            if each.closed_ms is None and each is not birth and self.count is not None:
                each.closed_ms = self.last_ms
        self.count, self.since_ms, self.last_ms, self.bd_seq = seq, birth.t_ms, birth.t_ms, bd_seq
        self.ahead = {k: t for k, t in self.ahead.items() if t >= birth.t_ms}
        self.asked_ms, self.asked = None, 0
        self._go_on(seq, birth.t_ms)

    def put(self, birth: Birth) -> None:
        """A birth takes its place in the order of the node's time."""
        self.news = True
        same = [b for b in self.births if (b.device, b.t_ms, b.number) == (birth.device, birth.t_ms, birth.number)]
        if same:
            return
        self.births.append(birth)
        self.births.sort(key=lambda b: b.t_ms)
        mine = [b for b in self.births if b.device == birth.device]
        if len(mine) > BIRTHS_MAX:
            self.births.remove(mine[0])

    def death(self, received_ms: int, bd_seq: int | None) -> bool:
        """The node has died; False: the will of a life that was over already."""
        if bd_seq is None or all(bd != bd_seq for _, bd in self.deaths):  # the same will again changes nothing
            self.deaths = [*self.deaths, (received_ms, bd_seq)][-DEATHS_MAX:]
        if bd_seq is not None and self.bd_seq is not None and bd_seq != self.bd_seq:
            return False
        for each in self.births:
            if each.closed_ms is None and self.count is not None:
                each.closed_ms = self.last_ms
        self.count, self.bd_seq, self.ahead = None, None, {}
        return True

    # ------------------------------------------------------------ which birth
    def birth_of(self, device: str, t_ms: int, received_ms: int, now_ms: int, *, proven: bool) -> Verdict:
        """The birth that names a message's metrics; `proven`: no message is missing between the newest birth and it."""
        mine = [b for b in self.births if b.device == device]
        lives = [b for b in self.births if not b.device]
        before = next((b for b in reversed(mine) if b.t_ms <= t_ms), None)
        after = next((b for b in mine if b.t_ms > t_ms), None)
        life = next((b for b in reversed(lives) if b.t_ms <= t_ms), None)
        later = next((b for b in lives if b.t_ms > t_ms), after)
        if before is not None and life is not None and life.t_ms > before.t_ms and life.bd_seq != before.bd_seq:
            before = None  # a device's numbers end with the life of its node
        if before is None:
            return self._before_all(after, t_ms, received_ms)
        if later is None:
            if proven and before.t_ms >= self.since_ms:
                return Verdict(before)
            if now_ms - received_ms >= UNANSWERED_MS and not self._died(before, self._our_ms(t_ms)):
                return Verdict(before, doubted=True)
            return Verdict(None, "messages before it are missing, a birth may be among them")
        return self._between(before, after, later, t_ms)

    def _before_all(self, after: Birth | None, t_ms: int, received_ms: int) -> Verdict:
        """Of a message before all births that are known of its device."""
        if after is None:
            return Verdict(None, "data before the birth that names its metrics")
        if self._other_life(after, min(received_ms, self._our_ms(t_ms))):
            return Verdict(None, "the birth that named its metrics is lost", lost=True)
        return Verdict(after)

    def _between(self, before: Birth, after: Birth | None, later: Birth, t_ms: int) -> Verdict:
        """Of a message between a birth and a later one, of its device (`after`) or of the node."""
        same_life = before.bd_seq is not None and before.bd_seq == later.bd_seq
        if same_life or (before.closed_ms is not None and t_ms <= before.closed_ms):
            return Verdict(before)
        if self._died(before, self._our_ms(t_ms) - SURE_MS) and not self._other_life(later, self._our_ms(t_ms)):
            return Verdict(after, "" if after else "data before the birth that names its metrics")
        return Verdict(None, "no birth of its life is known: its metrics cannot be named", lost=True)

    def _our_ms(self, t_ms: int) -> int:
        """The node's time by our clock, or a little later."""
        return t_ms + (self.skew_ms or 0)

    def _other_life(self, after: Birth, sent_ms: int) -> bool:
        """Whether a life has ended between a message and a birth: it may have been the message's."""
        return any(sent_ms - SURE_MS < at <= after.received_ms for at, _ in self.deaths)

    def _died(self, birth: Birth, until_ms: int) -> bool:
        """Whether the life of a birth had ended by a moment of our clock."""
        return any(birth.received_ms <= at <= until_ms for at, bd in self.deaths if bd is None or bd == birth.bd_seq)

    def may_ask(self, now_ms: int) -> bool:
        """Whether a rebirth is asked for now: rarer and rarer while none comes."""
        wait_ms = min(ASK_MS << min(max(self.asked - 1, 0), 10), ASK_MS_MAX)
        if self.asked_ms is not None and 0 <= now_ms - self.asked_ms < wait_ms:
            return False
        self.asked_ms, self.asked = now_ms, self.asked + 1
        return True
