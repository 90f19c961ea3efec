"""Devices as they are in the field: they repeat themselves, come out of order and two days late, reboot, talk nonsense.

Each numbers its readings, keeps them until a receipt covers them and sends again what has none, in another order and
other batches than before. The fleet keeps the ledger: what was made, what was receipted, and what is nonsense.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_sim.link import Link, MqttTarget, Network
from firmware_sim.truth import Key, Truth
from tests.chaos.quiet import Quiet, Reuser
from tests.chaos.readings import ENCODERS, MAKERS, NONSENSE, Values, batch, mangled, single
from tests.oracle import Poison, Sent, Told

TICK_S = 0.1
RESEND_S, RESEND_S_MAX = 1.0, 4.0
KEPT_MAX = 600  # a device whose readings nobody receipts makes no more than this
BATCH_MAX = 12
REPEATS = 5
LATE_MS = 48 * 3_600_000
SCRIPT_READINGS = 8  # nonsense stands at each of these positions in turn


@dataclass(slots=True, eq=False)
class Kept:
    """A reading in a device's buffer: when it was made and when it is to be sent (again), monotonic seconds."""

    key: Key
    stream: str
    values: Values
    made_s: float
    due_s: float
    tries: int = 0


class Trial(NamedTuple):
    """Which nonsense stands where in a batch of which encoding."""

    nonsense: str
    position: int
    encoding: str


TRIALS = tuple(itertools.starmap(Trial, itertools.product(NONSENSE, range(SCRIPT_READINGS), ENCODERS)))


@dataclass
class Ledger:
    """What the fleet knows to be true."""

    truth: Truth = field(default_factory=Truth)
    poison: dict[Key, Poison] = field(default_factory=dict)
    damaged: set[Sent] = field(default_factory=set)
    """Messages that nobody can read. No device misses them, so a dying broker may take them with it, but for these:"""
    cut_short: set[Sent] = field(default_factory=set)
    """Sent in peace, at the end: one message per encoding, cut at each of its bytes."""
    told: Told = field(default_factory=Told)
    """What devices have said that do not number it, or number it anew again and again."""
    messages: int = 0
    repeats: int = 0

    def causes(self) -> set[tuple[Sent, str]]:
        """All that has deserved to be in quarantine, and why."""
        nonsense = {(sent, each.reason) for each in self.poison.values() for sent in each.sent}
        return nonsense | {(sent, "malformed") for sent in self.damaged | self.cut_short}


class Sender:
    """One device. All its methods run in the fleet's thread."""

    link: Link  # set by the fleet

    def __init__(self, name: str, seed: int, ledger: Ledger, trials: Sequence[Trial]) -> None:
        self.name = name
        self.kept: dict[str, dict[int, Kept]] = {}
        self.size = 0
        self.safe_s = 0.0  # the newest receipted reading was made then
        self.script = list(trials)
        self._maker = random.Random(f"{seed}/{name}/made")  # what is made does not depend on when it can be sent
        self._dice = random.Random(f"{seed}/{name}/sent")
        self._ledger = ledger
        self._newest: dict[str, int] = {}  # number by boot
        self._boots = itertools.count(1)
        self._held: list[tuple[float, str, bytes]] = []  # messages that others overtake
        self.reboot()

    def reboot(self) -> None:
        """A new boot: numbers begin again, what is kept stays."""
        self._boot = f"{self.name}-{next(self._boots)}"
        self._seq = itertools.count(1)

    # ------------------------------------------------------------ making
    def make(self, now_s: float, now_ms: int) -> None:
        """A few readings; sometimes two days of them, newest first; sometimes a reboot before."""
        dice = self._maker
        if self.size >= KEPT_MAX:
            return
        if dice.random() < 0.01:
            self.reboot()
        if dice.random() < 0.03:
            for late in range(now_ms - 1000, now_ms - LATE_MS, -LATE_MS // 40):
                self._record("gps", {"t": late, **MAKERS["gps"](dice)}, now_s)
        for _ in range(dice.randint(0, 6)):
            stream = dice.choice(list(MAKERS))
            t = dice.choice((now_ms, now_ms - dice.randrange(1000), now_ms - LATE_MS, None))
            self._record(stream, {"t": t, **MAKERS[stream](dice)}, now_s)
        if dice.random() < 0.1:
            self._spoil(self._record("gps", {"t": now_ms, **MAKERS["gps"](dice)}, now_s), dice.choice(list(NONSENSE)))

    def rolls_a_trial(self) -> bool:
        return self._dice.random() < 0.1

    def play(self, now_s: float, now_ms: int) -> None:
        """The next trial of the script: one message, nonsense at one position."""
        trial = self.script.pop()
        made = [
            self._record("gps", {"t": now_ms + i, **MAKERS["gps"](self._dice)}, now_s) for i in range(SCRIPT_READINGS)
        ]
        self._spoil(made[trial.position], trial.nonsense)
        self._publish(made, trial.encoding, now_s)

    def _record(self, stream: str, values: Values, now_s: float) -> Kept:
        kept = Kept((self.name, self._boot, next(self._seq)), stream, values, now_s, now_s)
        self._ledger.truth.readings[kept.key] = {"stream": stream, "values": values}
        self.kept.setdefault(self._boot, {})[kept.key[2]] = kept
        self._newest[self._boot] = kept.key[2]
        self.size += 1
        return kept

    def _spoil(self, kept: Kept, nonsense: str) -> None:
        key, value, reason = NONSENSE[nonsense]
        kept.values[key] = value
        self._ledger.poison[kept.key] = Poison(reason)

    # ------------------------------------------------------------ sending
    def send(self, now_s: float) -> None:
        """All that is due, in batches and alone, out of order, some five times over, some damaged on the way."""
        if not self.link.up:
            return
        for due_s, topic, payload in self._held:
            if due_s <= now_s:
                self.link.publish(topic, payload)
        self._held = [each for each in self._held if each[0] > now_s]
        due = [kept for boot in self.kept.values() for kept in boot.values() if kept.due_s <= now_s]
        groups: dict[tuple[str, str], list[Kept]] = {}
        for kept in due:
            groups.setdefault((kept.key[1], kept.stream), []).append(kept)
        chunks = [chunk for group in groups.values() for chunk in self._chunks(group)]
        self._dice.shuffle(chunks)
        for chunk in chunks:
            self._publish(chunk, self._dice.choice(list(ENCODERS)), now_s)

    def _chunks(self, group: list[Kept]) -> Iterator[list[Kept]]:
        if self._dice.random() < 0.5:
            self._dice.shuffle(group)
        while group:
            n = self._dice.randint(1, BATCH_MAX)
            yield group[:n]
            del group[:n]

    def _publish(self, chunk: Sequence[Kept], encoding: str, now_s: float) -> None:
        dice = self._dice
        boot, values = chunk[0].key[1], [kept.values for kept in chunk]
        seqs = [kept.key[2] for kept in chunk]
        alone = len(chunk) == 1 and dice.random() < 0.7
        payload = single(boot, seqs[0], values[0], encoding) if alone else batch(boot, seqs, values, encoding)
        stream = chunk[0].stream + encoding
        sent = Sent.of(f"fw/v1/main/{self.name}/{stream}", payload)
        for kept in chunk:
            if poison := self._ledger.poison.get(kept.key):
                poison.sent.add(sent)
            kept.tries += 1
            kept.due_s = now_s + min(RESEND_S * 2**kept.tries, RESEND_S_MAX) * dice.uniform(0.5, 1)
        if dice.random() < 0.05:
            broken = mangled(payload, encoding, dice)
            damaged = Sent.of(f"fw/v1/main/{self.name}/{stream}", broken)
            self._ledger.damaged.add(damaged)
            if broken.endswith(b"NaN}"):  # may be read but for that value
                for poison in filter(None, (self._ledger.poison.get(kept.key) for kept in chunk)):
                    poison.sent.add(damaged)
            self.link.publish(stream, broken)
        copies = REPEATS if dice.random() < 0.2 else 1
        self._ledger.messages += copies
        self._ledger.repeats += copies - 1
        for _ in range(copies):
            if dice.random() < 0.1:
                self._held.append((now_s + dice.uniform(0.1, 1), stream, payload))
            else:
                self.link.publish(stream, payload)

    def cut_short(self, now_s: float, now_ms: int) -> None:
        """For each encoding a message that ends too early, at every byte; then whole, so that a receipt follows."""
        for encoding in ENCODERS:
            kept = self._record("gps", {"t": now_ms, **MAKERS["gps"](self._dice)}, now_s)
            payload = single(kept.key[1], kept.key[2], kept.values, encoding)
            for length in range(len(payload)):
                self._ledger.cut_short.add(Sent.of(f"fw/v1/main/{self.name}/gps{encoding}", payload[:length]))
                self.link.publish("gps" + encoding, payload[:length])

    # ------------------------------------------------------------ hearing
    def receipted(self, boot: str, seq: int) -> None:
        """Forgets everything of the boot up to `seq`."""
        assert seq <= self._newest.get(boot, 0), f"{self.name} has a receipt for what it never made: {boot} {seq}"
        kept = self.kept.get(boot, {})
        for number in [n for n in kept if n <= seq]:
            each = kept.pop(number)
            self._ledger.truth.receipted.add(each.key)
            self.safe_s = max(self.safe_s, each.made_s)
            self.size -= 1

    def lost_connection(self) -> None:
        """What was under way may be gone: it is due again."""
        for boot in self.kept.values():
            for kept in boot.values():
                kept.due_s = min(kept.due_s, kept.made_s)
        self._held.clear()


class Fleet:
    """Senders on one thread; `running` starts and ends it."""

    def __init__(self, address: tuple[str, int], passwords: Mapping[str, str], seed: int) -> None:
        self.ledger = Ledger()
        self.failure: BaseException | None = None
        self._network = Network()
        self._ending = threading.Event()
        self._stop = threading.Event()
        self.senders: list[Sender] = []
        trials = random.Random(seed).sample(TRIALS, len(TRIALS))
        for number, (name, password) in enumerate(passwords.items()):
            target = MqttTarget(*address, user=f"main/{name}", password=password)
            sender = Sender(name, seed, self.ledger, trials[number :: len(passwords)])
            sender.link = Link(self._network, target, name, sender.receipted, sender.lost_connection)
            self.senders.append(sender)
        self.quiet: list[Quiet] = []
        self.reusers: list[Reuser] = []
        self._hushed = threading.Event()
        self._hushed.set()
        self._silent = threading.Event()

    def join(self, address: tuple[str, int], passwords: Mapping[str, str], seed: int) -> None:
        """Devices of other kinds, by their names. The quiet ones begin when they are told to speak."""
        for name, password in passwords.items():
            device: Quiet | Reuser
            if name.startswith("reuser"):
                device = Reuser(name, seed, self.ledger.told)
                self.reusers.append(device)
                heard, lost = device.receipted, device.lost_connection
            else:
                device = Quiet(name, seed, self.ledger.told, clocked=name.startswith("clocked"))
                self.quiet.append(device)
                heard, lost = (lambda _boot, _seq: None), (lambda: None)
            target = MqttTarget(*address, user=f"main/{name}", password=password)
            device.link = Link(self._network, target, name, heard, lost)

    def hush(self) -> None:
        """The quiet ones say nothing more, until they are told to speak."""
        self._silent.clear()
        self._hushed.set()
        assert self._silent.wait(RESEND_S_MAX * 10), "the fleet does not tick"

    def speak(self) -> None:
        """The quiet ones may speak."""
        self._hushed.clear()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Publishes inside the block."""
        thread = threading.Thread(target=self._guarded, name="fleet")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def fresh(self, since_s: float) -> bool:
        """Whether every device has been receipted for something it made since then."""
        assert self.failure is None, self.failure
        return all(sender.safe_s > since_s for sender in self.senders)

    def end(self) -> None:
        """Nothing new is made from now on; what is left of the trials is played."""
        self._ending.set()

    def empty(self) -> bool:
        """Whether every reading made has its receipt, and every trial was played."""
        assert self.failure is None, self.failure
        left = any(sender.size or sender.script for sender in self.senders) or any(each.size for each in self.reusers)
        return bool(self.ledger.cut_short) and not left

    def _guarded(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 - shown by `fresh` and `empty`
            self.failure = error
        finally:
            self._network.close()

    def _run(self) -> None:
        tick_s = time.monotonic()
        while not self._stop.is_set():
            now_s = time.monotonic()
            self._network.pump(now_s, max(0.0, tick_s - now_s))
            if now_s >= tick_s:
                tick_s = now_s + TICK_S
                self._tick(now_s, time.time_ns() // 1_000_000)

    def _tick(self, now_s: float, now_ms: int) -> None:
        ending = self._ending.is_set()
        for sender in self.senders:
            if not ending:
                sender.make(now_s, now_ms)
            if sender.script and sender.link.up and (ending or sender.rolls_a_trial()):
                sender.play(now_s, now_ms)
            sender.send(now_s)
        for reuser in self.reusers:
            reuser.tick(now_s, now_ms, ending=ending)
        if self._hushed.is_set():
            self._silent.set()
        elif all(each.link.up for each in self.quiet) and not ending:
            for each in self.quiet:
                each.tick(now_s, now_ms)
        last = self.senders[-1]
        if ending and not self.ledger.cut_short and last.link.up:
            last.cut_short(now_s, now_ms)
