"""The tracker program: reads the partitions it owns, decides, and writes each step in one transaction.

Whatever fails in a step, memory is thrown away and read anew: the store is the truth, memory only a copy of it.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from domain.frames import decode
from domain.memory import give_back
from domain.readings import Batch, merge
from domain.times import from_us
from store.link import RETRY, Link, Stopped
from store.log import LATE_LANE, Frame, PostgresLog
from store.tracking import LostPartitionError, TrackingStore
from tracker.config import TrackerConfig
from tracker.engine.admit import Admission
from tracker.engine.checkpoints import Refold
from tracker.engine.commit import Commit
from tracker.engine.family import Engine, Family, build
from tracker.engine.late import Mark
from tracker.engine.registry import Registry
from tracker.engine.step import Step
from tracker.families import FAMILIES

__all__ = ["Tracker", "TrackerConfig", "run"]

log = logging.getLogger(__name__)

NOTIFY_REGISTRY = "frostway_registry"
READ_BYTES = 8 * 1024 * 1024
LATE_BYTES = 1  # of one late lane at once while there is something live: one frame
LIVE_S = 1.0  # so long after something live the late lanes are taken in small portions
REFOLD_BUDGET_S = 0.01  # late work between two live steps; one portion at least
HOUSE_S = 30.0
STUMBLES_MAX = 3  # a step that fails this often is stored without being decided, so that the rest goes on
STUMBLE_WAIT_S = 0.5

readings_total = Counter("frostway_tracker_readings_total", "Readings stored")
repeats_total = Counter("frostway_tracker_repeats_total", "Readings that were stored already")
late_total = Counter("frostway_tracker_refolds_total", "Entities folded again for a late reading")
stumbles_total = Counter("frostway_tracker_stumbles_total", "Steps that failed for a fault of ours")
undecided_total = Counter("frostway_tracker_undecided_total", "Readings stored without being decided")
step_seconds = Histogram("frostway_tracker_step_seconds", "Time of one step, seconds")
lag_frames = Gauge("frostway_tracker_lag_frames", "Frames in the log that are not processed yet")


class Tracker:
    """Partitions, state, and the loop."""

    def __init__(
        self,
        config: TrackerConfig,
        stop: threading.Event,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
        families: Sequence[type[Family]] = FAMILIES,
    ) -> None:
        self._config = config
        self._stop = stop
        self._clock = clock
        self._kinds = families
        self._link = Link(config.database_url, "tracker", stop)
        self.store = TrackingStore(self._link)
        self._log = PostgresLog(self._link)
        self._positions: dict[int, int] = {}
        self._log_us = 0
        self._house_due = 0.0
        self._loaded = False
        self._woken = False
        self._registry_changed = False
        self._live_at = -LIVE_S
        self._late_turn = 0
        self._stumbles = 0
        self._stumbled_at: dict[int, int] = {}
        self._listening_since = clock()
        self._share_told: list[int] | None = None
        self.engine = self._new_engine()

    def _new_engine(self) -> Engine:
        """An engine with families that know nothing yet."""
        engine = Engine(self.store, self._config, lambda: self._owned, self._clock, self._listening_since)
        build(engine, self._kinds)
        return engine

    # ------------------------------------------------------------ life
    def run(self) -> None:
        """Works until stopped."""
        try:
            while not self._stop.is_set():
                self._link.run(self._turn)
        except Stopped:
            pass
        finally:
            self._link.close()
            self._let_go()

    def _let_go(self) -> None:
        for family in self.engine.families:
            family.close()

    def _turn(self) -> None:
        """One turn of the loop; on any failure memory is read anew before the next."""
        try:
            if not self._loaded or self._link.connection.closed:
                self.load()
            if not self._positions:
                self._stop.wait(0.5)
                self._loaded = False
                return
            self._wait(0.0)
            if self._registry_changed:
                self._read_registry()
            self._woken = False
            worked = self.step()
            late = self._refold_some(self._log_us if worked else self._clock())
            self._tick()
            self._keep_house()
            if not worked and not late:
                self._wait(0.25)
        except LostPartitionError as error:
            log.warning("%s", error)
            self._link.close()
            self._loaded = False
        except RETRY:
            self._loaded = False
            raise
        except Exception:
            self._loaded = False
            self._stumbles = self._stumbles + 1 if self._positions == self._stumbled_at else 1
            self._stumbled_at = dict(self._positions)
            log.exception("a step failed, %d times here", self._stumbles)
            stumbles_total.inc()
            self._stop.wait(STUMBLE_WAIT_S)

    def load(self) -> None:
        """Takes the partitions that are free and reads everything about them."""
        connection = self._link.connection
        owned = self.store.own(range(self._config.partitions))
        connection.execute(self.store.sql("listen_log"))
        connection.execute(self.store.sql("listen_registry"))
        rows = self.store.rows("positions", [*owned, *(p + LATE_LANE for p in owned)])
        self._positions = {int(p): int(position) for p, position, _ in rows}
        self._let_go()
        self.engine = self._new_engine()
        self.commit = Commit(self.store, self.engine.families, self._positions)
        self.commit.sequences = {int(p): int(seq) for p, _, seq in rows}
        self._load_registry()
        self.admission = Admission(self.store)
        self.admission.load()
        for family in self.engine.families:
            family.load()
        self._take_late()
        for family in self.engine.families:  # a carry that another version of the rules wrote
            for lane, entity in family.unreadable():
                self.engine.late.read_anew(lane, entity)
        self._registry_was_read()
        self._loaded = True
        self._tell_share(owned)

    def _tell_share(self, owned: list[int]) -> None:
        """Which partitions are ours, and that we wait for those another tracker has; once, until it changes."""
        if owned == self._share_told:
            return
        self._share_told, others = owned, self._config.partitions - len(owned)
        if not owned:
            log.warning("another tracker has all %d partitions: waiting to take over", others)
        elif others:
            log.info("own partitions %s; another tracker has the other %d: waiting for them", owned, others)
        else:
            log.info("own partitions %s", owned)

    @property
    def _owned(self) -> list[int]:
        return [p for p in self._positions if p < LATE_LANE]

    def _take_late(self) -> None:
        """Entities of ours with late readings, those too that another tracker has read."""
        late = self.engine.late
        for lane, entity, since in self.store.rows("dirty", self._owned):
            if not late.known(str(lane), int(entity)):
                late.wait(str(lane), int(entity), since, 0)

    # ------------------------------------------------------------ registry
    def _load_registry(self) -> None:
        """What was corrected by now is in the registry that is read; what is corrected later is for the next time."""
        for family in self.engine.families:
            family.before_registry()
        self.engine.registry = Registry.load(self.store, self._config.partitions, self._owned)

    def _registry_was_read(self) -> None:
        again = [family.registry_read() for family in self.engine.families]
        self._registry_changed |= any(again)

    def _read_registry(self) -> None:
        """The registry anew, and what of it changes the past."""
        self._registry_changed = False
        self._load_registry()
        self.engine.late.go_on(self.engine.registry)
        self._registry_was_read()

    # ------------------------------------------------------------ live lane
    def step(self) -> bool:
        """One step over what is in the log; False when there is nothing."""
        frames = self._frames()
        if not frames:
            return False
        started = time.monotonic()
        taken: dict[int, int] = {}
        groups: list[list[Batch]] = []
        count = 0
        for frame in in_turn(frames):
            if count >= self._config.batch_readings:
                break
            batches = decode(frame.body)
            groups.append(batches)
            count += sum(map(len, batches))
            taken[frame.partition] = frame.position
        step = self._new_step()
        fresh, repeats = self.admission.admit(merge(groups))
        self.store.prepare_readings(fresh)
        if self._stumbles < STUMBLES_MAX:
            decided = self._decide(fresh, step)
        else:
            decided = dict(fresh)
            undecided_total.inc(sum(map(len, fresh.values())))
            log.error("readings behind %s are stored but not decided: the rules fail on them", self._positions)
        self.commit.write(step, decided, taken)
        self.admission.committed(decided)
        self._stumbles = 0
        self._log_us = max((int(b.received_us.max()) for b in decided.values() if len(b)), default=self._log_us)
        self.engine.late.add(step, self._log_us, self._positions)
        readings_total.inc(sum(map(len, decided.values())))
        repeats_total.inc(repeats)
        step_seconds.observe(time.monotonic() - started)
        return True

    def _frames(self) -> list[Frame]:
        """What is live, and some of what is late; all of it when nothing has been live for a while."""
        frames = self._log.read({p: n for p, n in self._positions.items() if p < LATE_LANE}, READ_BYTES)
        if frames:
            self._live_at = time.monotonic()
        late = {p: n for p, n in self._positions.items() if p >= LATE_LANE}
        if time.monotonic() - self._live_at > LIVE_S:
            return frames + self._log.read(late, READ_BYTES)
        some = self._log.read(late, LATE_BYTES)
        turn = next((f for f in some if f.partition > self._late_turn), next(iter(some), None))
        self._late_turn = turn.partition if turn else 0
        return frames + ([turn] if turn else [])

    def _decide(self, fresh: Mapping[str, Batch], step: Step) -> dict[str, Batch]:
        """The families, in their order; returns the batches with the flags that admission could not know."""
        decided = dict(fresh)
        for family in self.engine.families:
            family.prepare(fresh.keys(), step)
        for family in self.engine.families:
            family.step(decided, step)
        return decided

    def _new_step(self) -> Step:
        return Step(self._clock(), round(self._config.refold_horizon_days * 86_400e6))

    # ------------------------------------------------------------ late lane
    def _refold_some(self, log_us: int, *, now: bool = False) -> bool:
        """Folds late entities again whose burst is over at this time of the log, portion by portion within a budget.

        Returns whether that was not enough.
        """
        until = time.monotonic() + REFOLD_BUDGET_S
        late = self.engine.late
        for (lane, entity), mark in late.due(log_us, now=now):
            refold = mark.refold = mark.refold or self._refold(lane, entity, mark.since)
            while refold is not None and refold.advance():
                if time.monotonic() > until:
                    return True
            self._arrive(lane, entity, mark)
            late.done(lane, entity)
            late_total.inc()
            if time.monotonic() > until:
                return True
        return False

    def _family_of(self, lane: str) -> Family | None:
        return next((f for f in self.engine.families if lane in f.lanes), None)

    def _refold(self, lane: str, entity: int, since: datetime) -> Refold | None:
        """The way of an entity from the checkpoint before a late reading, else its first; None for a stranger.

        Whose carry another version wrote begins at the horizon, which is counted from its newest reading, so that old
        recordings are decided too.
        """
        family = self._family_of(lane)
        if family is None:
            return None
        horizon, now_us = from_us(0), self._clock()
        if since <= horizon:
            newest_us = family.newest_us(lane, entity)
            newest_us = now_us if newest_us is None else min(newest_us, now_us)
            horizon = from_us(newest_us - self._new_step().horizon_us)
        return family.refold(lane, entity, since, horizon)

    def _arrive(self, lane: str, entity: int, mark: Mark) -> None:
        """An entity has come to the present: what is true now is written."""
        step, family = self._new_step(), self._family_of(lane)
        if mark.refold is not None and family is not None:
            for each in self.engine.families:
                each.prepare(family.streams, step)
            mark.refold.finish(step)
            for each in self.engine.families:
                each.step({}, step)
        self.commit.write(step, refolded=(lane, entity, mark.since))

    # ------------------------------------------------------------ by the clock
    def _tick(self, *, now: bool = False) -> None:
        """What is decided by the clock, not by a message; all that waits for its turn, for `now`."""
        for family in self.engine.families:
            while family.due(self._clock(), time.monotonic(), now=now):
                started, step = time.monotonic(), self._new_step()
                more = family.tick(step)
                self.commit.write(step)
                family.spent(time.monotonic(), time.monotonic() - started)
                if not more:
                    break

    def _keep_house(self) -> None:
        """Time partitions ahead; what others have left is looked at."""
        if time.monotonic() < self._house_due:
            return
        self._house_due = time.monotonic() + HOUSE_S
        now = from_us(self._clock())
        self.store.keep_house(now)
        for family in self.engine.families:
            family.keep_house(now)
        self._take_late()
        heads = self._log.heads()
        lag_frames.set(sum(max(heads.get(p, 0) - n, 0) for p, n in self._positions.items()))
        missing = set(range(self._config.partitions)) - set(self._positions)
        if missing and self.store.own(sorted(missing)):
            self._loaded = False  # a partition has become free: begin anew with it
        give_back()

    def _wait(self, timeout_s: float) -> None:
        """Until the log or the registry moves, or the time is over."""
        if self._woken:
            return
        # All of them first: the connection is not ours again before the generator has ended.
        notices = list(self._link.connection.notifies(timeout=timeout_s, stop_after=1))
        self._woken = any(n.channel != NOTIFY_REGISTRY for n in notices)
        self._registry_changed |= any(n.channel == NOTIFY_REGISTRY for n in notices)


def in_turn(frames: Sequence[Frame]) -> list[Frame]:
    """Frames in order within each partition, the partitions taking turns: a flooded one does not starve the others.

    >>> [f[:2] for f in in_turn([Frame(0, 1, b""), Frame(0, 2, b""), Frame(3, 7, b"")])]
    [(0, 1), (3, 7), (0, 2)]
    """
    rank: dict[int, int] = {}
    keyed = []
    for frame in frames:
        rank[frame.partition] = rank.get(frame.partition, 0) + 1
        keyed.append((rank[frame.partition], frame.partition, frame))
    return [frame for _, _, frame in sorted(keyed, key=lambda k: k[:2])]


def calm_collector() -> None:
    """Lets the collector of reference cycles look less often: a step makes many objects, and no cycles."""
    gc.set_threshold(50_000, 20, 50)


def run(config: TrackerConfig, stop: threading.Event) -> None:
    """Runs the tracker until `stop` is set."""
    calm_collector()
    if config.metrics_port:
        try:
            start_http_server(config.metrics_port, addr="127.0.0.1")
        except OSError as error:
            log.warning("no metrics: port %d: %s", config.metrics_port, error.strerror)
    Tracker(config, stop).run()
