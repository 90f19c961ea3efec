"""The tracker program: reads the partitions it owns, decides, and writes each step in one transaction.

Whatever fails in a step, memory is thrown away and read anew: the store is the truth, memory only a copy of it.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import psycopg
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from domain.frames import decode
from domain.readings import Batch, PositionBatch, ShelfBatch, TagReadBatch, TemperatureBatch, merge
from domain.times import from_us, to_us
from store.link import RETRY, Link, Stopped
from store.log import LATE_LANE, Frame, PostgresLog
from store.partitions import drop_older
from store.tracking import LostPartitionError, TrackingStore
from tracker.arrival_times.family import Journeys
from tracker.arrival_times.routing import Router
from tracker.devices.liveness import Speech
from tracker.engine.admit import Admission
from tracker.engine.checkpoints import Again
from tracker.engine.commit import Commit
from tracker.engine.late import Late, Mark
from tracker.engine.registry import Registry
from tracker.engine.step import Outcome
from tracker.rules import off_route
from tracker.rules.calls import MINUTE_US, Limits
from tracker.shipments.goods import Goods
from tracker.shipments.off_route import Routes
from tracker.stock.family import Stockroom
from tracker.temperatures.family import Series
from tracker.temperatures.refold import SeriesAgain
from tracker.vehicles.corrections import Corrections
from tracker.vehicles.family import Vehicles
from tracker.vehicles.refold import VehicleAgain

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


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of the tracker program."""

    database_url: str
    partitions: int = 4
    batch_readings: int = 50_000
    silence_s: float = 600.0
    refold_horizon_days: float = 30.0
    retention_days: float = 3650.0
    log_retention_minutes: float = 60.0
    changes_retention_minutes: float = 60.0
    metrics_port: int = 0
    stop_dwell_minutes: float = 10.0
    prolonged_stop_minutes: float = 30.0
    off_route_m: float = 500.0
    off_route_minutes: float = 5.0
    late_risk: float = 0.8
    driver_rest: bool = False
    routing_url: str = ""

    @property
    def calls(self) -> Limits:
        """What is expected of a stay at a stop."""
        return Limits(round(self.stop_dwell_minutes * MINUTE_US), round(self.prolonged_stop_minutes * MINUTE_US))

    @property
    def corridor(self) -> off_route.Limits:
        """How far from its line, and for how long, a vehicle is off its route."""
        return off_route.Limits.of(self.off_route_m, self.off_route_minutes)


class Tracker:
    """Partitions, state, and the loop."""

    def __init__(
        self, config: TrackerConfig, stop: threading.Event, clock: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        self._config = config
        self._stop = stop
        self._clock = clock
        self._link = Link(config.database_url, "tracker", stop)
        self.store = TrackingStore(self._link)
        self._log = PostgresLog(self._link)
        self._positions: dict[int, int] = {}
        self._sequences: dict[int, int] = {}
        self._late = Late()
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
        self._said_share: list[int] | None = None
        self._router = Router(config.routing_url) if config.routing_url else None

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
            if self._router is not None:
                self._router.close()

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
            self._speak()
            self._tell_goods()
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
        self._sequences = {int(p): int(seq) for p, _, seq in rows}
        corrected = Corrections(self.store, self._owned, self._config.partitions)
        self.registry = Registry.load(self.store, self._config.partitions, self._owned)
        self.admission = Admission(self.store)
        self.admission.load()
        config = self._config
        self.vehicles, self.series, self.stockroom = Vehicles(config.corridor), Series(), Stockroom()
        rest, router = config.driver_rest, self._router
        self.journeys = Journeys(self.store, config.calls, config.late_risk, driver_rest=rest, router=router)
        self.routes = Routes(self.store, config.corridor)
        self.speech = Speech(self._listening_since)
        self.vehicles.load(self.store)
        self.series.load(self.store)
        self.stockroom.load(self.registry, self.store)
        self.speech.load(self.store)
        self.commit = Commit(self.store, self.vehicles, self.series)
        self._late = Late()
        self._take_late()
        self._read_anew()
        self._take(corrected)
        self.goods = Goods()
        self._hear_all_goods()
        self._loaded = True
        self._say_share(owned)

    def _say_share(self, owned: list[int]) -> None:
        """Which partitions are ours, and that we wait for those another tracker has; once, until it changes."""
        if owned == self._said_share:
            return
        self._said_share, others = owned, self._config.partitions - len(owned)
        if not owned:
            log.warning("another tracker has all %d partitions: waiting to take over", others)
        elif others:
            log.info("own partitions %s; another tracker has the other %d: waiting for them", owned, others)
        else:
            log.info("own partitions %s", owned)

    def _read_anew(self) -> None:
        """Entities whose carry another version of the rules wrote are folded again from the horizon."""
        for kind, entities in (("vehicle", self.vehicles.unreadable), ("series", self.series.unreadable)):
            for entity in entities:
                self._late.wait(kind, entity, from_us(0), 0)

    @property
    def _owned(self) -> list[int]:
        return [p for p in self._positions if p < LATE_LANE]

    def _take_late(self) -> None:
        """Entities of ours with late readings, those too that another tracker has read."""
        for kind, entity, since in self.store.rows("dirty", self._owned):
            if not self._late.known(str(kind), int(entity)):
                self._late.wait(str(kind), int(entity), since, 0)

    def _read_registry(self) -> None:
        """The registry anew, and what of it changes the past."""
        self._registry_changed = False
        corrected = Corrections(self.store, self._owned, self._config.partitions)
        self.registry = Registry.load(self.store, self._config.partitions, self._owned)
        self._late.go_on(self.registry, corrected.tenants)
        self._take(corrected)
        self._hear_all_goods()

    def _take(self, corrected: Corrections) -> None:
        """Vehicles of ours whose readings are others than before, or that were at a fence that is another."""
        for vehicle_id, since in corrected.take(self.registry):
            self._late.wait("vehicle", vehicle_id, since, 0, behind=True)
        self._registry_changed |= corrected.more

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
        out = self._outcome()
        fresh, repeats = self.admission.admit(merge(groups))
        self.store.prepare_partitions(fresh)
        if self._stumbles < STUMBLES_MAX:
            decided = self._decide(fresh, out)
        else:
            decided = dict(fresh)
            undecided_total.inc(sum(map(len, fresh.values())))
            log.error("readings behind %s are stored but not decided: the rules fail on them", self._positions)
        with self.store.transaction(self._positions) as cursor:
            self.commit.write(cursor, self.registry, decided, out)
            self.journeys.teach(cursor, out)
            self._finish(cursor, out, taken)
        self.admission.committed(decided)
        self._positions.update(taken)
        self._stumbles = 0
        self._log_us = max((int(b.received_us.max()) for b in decided.values() if len(b)), default=self._log_us)
        self._late.add(out, self._log_us, self._positions)
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

    def _decide(self, fresh: Mapping[str, Batch], out: Outcome) -> dict[str, Batch]:
        """The rules, in their order; returns the batches with the flags that admission could not know."""
        decided = dict(fresh)
        registry = self.registry
        for batch in fresh.values():
            self.speech.heard(registry, batch, out)
        self.vehicles.charge(out)
        positions = fresh.get("gps")
        if isinstance(positions, PositionBatch):
            decided["gps"], touched = self.vehicles.step(registry, positions, out)
            self.journeys.step(registry, self.vehicles, touched, out.visits, out)
            self.routes.step(registry, self.vehicles.strays, out)
        temperatures = fresh.get("temp")
        if isinstance(temperatures, TemperatureBatch):
            decided["temp"] = self.series.step(registry, self.store, temperatures, out)
            self.goods.heard(np.unique(temperatures.device_id).tolist())
        tags = fresh.get("rfid")
        if isinstance(tags, TagReadBatch):
            self.stockroom.step_tags(registry, self.store, tags, out)
        shelves = fresh.get("shelf")
        if isinstance(shelves, ShelfBatch):
            self.stockroom.step_shelves(registry, self.store, shelves, out)
        return decided

    def _finish(self, cursor: psycopg.Cursor, out: Outcome, taken: Mapping[int, int]) -> None:
        """Changes and positions, last in the transaction: a tracker that was overtaken writes nothing."""
        self.goods.heard(shipments=[s.shipment_id for s in out.shipment_status])
        partition = min(taken or self._positions) % LATE_LANE
        rows = []
        for tenant_id, body in out.bodies():
            self._sequences[partition] += 1
            rows.append((partition, self._sequences[partition], tenant_id, body))
        moved = {**taken} if not rows or partition in taken else {**taken, partition: self._positions[partition]}
        self.store.move(cursor, [(p, self._positions[p], n, self._sequences[p]) for p, n in sorted(moved.items())])
        self.store.put_changes(cursor, rows)

    # ------------------------------------------------------------ late lane
    def _outcome(self) -> Outcome:
        return Outcome(self._clock(), round(self._config.refold_horizon_days * 86_400e6))

    def _refold_some(self, log_us: int, *, now: bool = False) -> bool:
        """Folds late entities again whose burst is over at this time of the log, portion by portion within a budget.

        Returns whether that was not enough.
        """
        until = time.monotonic() + REFOLD_BUDGET_S
        for (kind, entity), mark in self._late.due(log_us, now=now):
            way = mark.way = mark.way or self._way(kind, entity, mark.since)
            while way is not None and way.advance():
                if time.monotonic() > until:
                    return True
            self._arrive(kind, entity, mark)
            self._late.done(kind, entity)
            late_total.inc()
            if time.monotonic() > until:
                return True
        return False

    def _way(self, kind: str, entity: int, since: datetime) -> Again | None:
        """The way of an entity from the checkpoint before a late reading, else its first; None for a stranger.

        Whose carry another version wrote begins at the horizon.
        """
        horizon = from_us(0)
        if since <= horizon:
            horizon = from_us(min(self._newest_us(kind, entity), self._clock()) - self._outcome().horizon_us)
        if kind == "vehicle" and entity in self.registry.vehicles:
            return VehicleAgain(self.registry, self.store, entity, since, horizon, self.vehicles.corridor)
        if kind == "series" and entity in self.series.probes:
            return SeriesAgain(self.registry, self.store, entity, self.series.probes[entity], since, horizon)
        return None

    def _arrive(self, kind: str, entity: int, mark: Mark) -> None:
        """An entity has come to the present: what is true now is written."""
        out = self._outcome()
        with self.store.transaction(self._positions) as cursor:
            if isinstance(mark.way, VehicleAgain):
                mark.way.finish(self.vehicles, out)
                self.journeys.step(self.registry, self.vehicles, [entity], out.visits, out)
                self.routes.step(self.registry, self.vehicles.strays, out)
            elif isinstance(mark.way, SeriesAgain):
                mark.way.finish(self.series, out)
                self.goods.heard([self.series.probes[entity].device_id])
            self.commit.write(cursor, self.registry, {}, out)
            self.journeys.teach(cursor, out)
            cursor.execute(self.store.sql("clear_dirty"), (kind, entity, mark.since))
            self._finish(cursor, out, {})

    def _newest_us(self, kind: str, entity: int) -> int:
        """Newest event time of an entity: the horizon is counted from there, so that old recordings are decided too."""
        if kind == "vehicle":
            if view := self.vehicles.view(entity):
                return view.t_us
            newest = self.store.rows("newest_position", entity)[0][0]
            return to_us(newest) if newest else self._clock()
        probe = self.series.probes.get(entity)
        return probe.t_us if probe else self._clock()

    # ------------------------------------------------------------ by the clock
    def _speak(self) -> None:
        """Silence is decided by the clock, not by a message."""
        out = self._outcome()
        found = self.speech.due(self.registry, out.now_us, round(self._config.silence_s * 1e6))
        if not (found or self.speech.retired(self.registry) or self.speech.unsaved(time.monotonic())):
            return
        connection = self._link.connection
        with connection.transaction(), connection.cursor() as cursor:
            for vehicle_id in self.speech.write(cursor, self.registry, self.store, found, out):
                self.commit.count_alerts(cursor, self.registry, vehicle_id, out)
            self._finish(cursor, out, {})

    def _hear_all_goods(self) -> None:
        """Limits, devices or shipments may be others than before: whatever is under way with us is looked at."""
        self.goods.heard(vehicles=(v for v in self.registry.shipments if self.registry.vehicle_owned[v]))

    def _tell_goods(self, *, now: bool = False) -> None:
        """What the goods of shipments have seen, a few at a time; all that is known for `now`."""
        connection, started = self._link.connection, time.monotonic()
        while self.goods.due(connection, self._clock(), started, now=now):
            out = self._outcome()
            with self.store.transaction(self._positions) as cursor:
                self.goods.tell(connection, out)
                if out.changes:
                    self._finish(cursor, out, {})
            self.goods.spent(time.monotonic(), time.monotonic() - started)

    def _keep_house(self) -> None:
        """Old frames, old changes, old readings away; time partitions ahead."""
        if time.monotonic() < self._house_due:
            return
        self._house_due = time.monotonic() + HOUSE_S
        now = from_us(self._clock())
        config = self._config
        self._log.trim(self._positions, now - timedelta(minutes=config.log_retention_minutes))
        self.store.keep_house(now, now - timedelta(minutes=config.changes_retention_minutes))
        self.store.checkpoints.trim(now, timedelta(days=config.refold_horizon_days))
        drop_older(self._link.connection, now - timedelta(days=config.retention_days))
        self.store.connection.execute(self.store.sql("trim_etas"), (now - timedelta(days=config.retention_days),))
        self.journeys.learning.look_around()
        self._take_late()
        heads = self._log.heads()
        lag_frames.set(sum(max(heads.get(p, 0) - n, 0) for p, n in self._positions.items()))
        missing = set(range(config.partitions)) - set(self._positions)
        if missing and self.store.own(sorted(missing)):
            self._loaded = False  # a partition has become free: begin anew with it

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
