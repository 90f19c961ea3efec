"""Tags in memory: what the filter carries of each, who read it last, and when the readers of zones were listening."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.readings import F64, I16, I32, I64, WRONG_TIME, Bool, Flag, StatusBatch, TagReadBatch
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine import carries
from tracker.engine.checkpoints import CheckpointsDue
from tracker.engine.late import LateWork, mark_late, undecided
from tracker.engine.registry import Registry
from tracker.engine.step import DAY_US, Late, Step
from tracker.rules.presence import beliefs
from tracker.rules.presence.awake import Awake, Woken, apart
from tracker.rules.presence.beliefs import NEVER, Tags
from tracker.rules.presence.knowledge import EPOCH_US, Knowledge, learned, portals_of, unlearned
from tracker.stock.rows import LANE, StockRows

PACKER = carries.Packer(beliefs.VERSION, (Tags.empty(),), (lambda e: e,))
NOT_USED = int(WRONG_TIME | Flag.UNDECIDED)
CHECKPOINT_US = DAY_US
SIDES = 2


@dataclass
class Seen:
    """The newest read of each tag, and what it is on; product 0: not known."""

    entity: I64
    t_us: I64
    device: I32
    antenna: I16
    product: I32


def zones_of(registry: Registry, device: NDArray[Any], antenna: NDArray[Any], t_us: I64) -> I64:
    """The zone each read was taken in: that of its antenna, else of its reader at the time; 0: of none."""
    zone = registry.where.zones(device, t_us)
    if registry.antennas:
        table = np.array([(d << 16 | a, z) for (d, a), z in sorted(registry.antennas.items())], dtype=np.int64)
        key = device.astype(np.int64) << 16 | antenna.astype(np.int64)
        at = np.searchsorted(table[:, 0], key).clip(0, len(table) - 1)
        zone = np.where((table[at, 0] == key) & (zone > 0), table[at, 1], zone)
    return zone


def closed(tags: Tags) -> Tags:
    """What is carried of tags without their open epochs."""
    found, blank = tags.take(np.arange(len(tags))), Tags.blank(tags.entity)
    found.open_zone[:], found.open_dbm[:], found.open_ms[:] = blank.open_zone, blank.open_dbm, blank.open_ms
    found.open_epoch[:] = blank.open_epoch
    return found


class TagTables:
    """What is known of tags."""

    def __init__(self) -> None:
        none = np.empty(0, np.int64)
        self.carried = carries.Table(Tags.empty())
        self.seen = carries.Table(Seen(none, none, none.astype("i4"), none.astype("i2"), none.astype("i4")))
        self.awake = Awake.empty()
        self.known: Knowledge = unlearned()
        self.checkpoints = CheckpointsDue(LANE, CHECKPOINT_US)
        self.unreadable: set[int] = set()
        """Tags whose carry another version wrote, until they have been folded again: no level is told before."""
        self._fresh: list[int] = []
        self.stale: set[int] = set()
        """Zones whose levels may be others than was told."""

    def load(self, store: TrackingStore) -> None:
        """Reads tags and spans; tags whose carry another version wrote are `unreadable`."""
        rows = store.rows("tag_states")
        tag, t_us, device, product, antenna = (np.array([self._number(r[i]) for r in rows], np.int64) for i in range(5))
        self.seen.put(Seen(tag, t_us, device.astype(np.int32), antenna.astype(np.int16), product.astype(np.int32)))
        self.unreadable = {r[0] for r in rows if not PACKER.knows(bytes(r[5]))}
        (carried,) = PACKER.unpack(bytes(r[5]) for r in rows if PACKER.knows(bytes(r[5])))
        self.carried.put(carried)
        spans = np.array(store.rows("zones_awake"), dtype=np.int64).reshape(-1, 3)
        self.awake = Awake.of(spans[:, 0], spans[:, 1] // EPOCH_US, spans[:, 2] // EPOCH_US)
        self.checkpoints.load(store)
        self.stale |= zones_in(self.carried.rows)

    def know(self, store: TrackingStore, registry: Registry) -> None:
        """What is known of readers: what was learned of them, and which are portals."""
        rows = [(zone, us // EPOCH_US, *values) for zone, us, *values in store.rows("zone_hearings")]
        self.known = learned(rows, portals(registry))

    @staticmethod
    def _number(value: Any) -> int:
        return value if isinstance(value, int) else to_us(value)

    # ------------------------------------------------------------ reads
    def step(
        self, registry: Registry, late: LateWork, batch: TagReadBatch, status: StatusBatch | None, step: Step
    ) -> TagReadBatch:
        """Folds reads; those that come too late are flagged. What readers say of themselves shows that they listen."""
        used = np.flatnonzero(batch.flags & NOT_USED == 0)
        zone = zones_of(registry, batch.device_id[used], batch.antenna[used], batch.time_us[used])
        used, zone = used[zone > 0], zone[zone > 0]
        tag, t_us = batch.tag_id[used].astype(np.int64), batch.time_us[used]
        device, epoch = batch.device_id[used].astype(np.int64), t_us // EPOCH_US
        touched, row = np.unique(tag, return_inverse=True)
        newest = self._newest(touched)[row]
        before = self.carried.rows.of(touched)
        behind = (epoch < before.open_epoch[row]) | late.unreadable(LANE, tag)
        too_late = np.zeros(len(tag), np.bool_)
        if behind.any():
            rows = (tag[behind], t_us[behind], device[behind], newest[behind])
            too_late[behind] = mark_late(step, LANE, *rows, lambda d: registry.devices[d].partition)
            batch = undecided(batch, used[too_late])
        self._listened(registry, step, (zone[~too_late], epoch[~too_late], device[~too_late]), status)
        step.late = earliest(step.late)
        if not (live := ~behind).any():
            return batch
        which, dbm = np.unique(tag[live]), batch.rssi_dbm[used[live]].astype(np.float64)
        after = beliefs.step(
            self.carried.rows.of(which),
            *(tag[live], epoch[live], zone[live], dbm, self.awake, self.known),
            ms_of(t_us[live]),
        )
        self.stale |= zones_in(before) | zones_in(after)
        self.carried.put(after)
        newest_of = np.lexsort((batch.antenna[used[live]], device[live], t_us[live], tag[live]))
        last = newest_of[np.searchsorted(tag[live][newest_of], which, "right") - 1]
        self._see(which, t_us[live][last], device[live][last], batch.antenna[used[live]][last])
        self.describe(registry, which, step)
        return batch

    def _newest(self, tags: I64) -> I64:
        """Time of the newest read of each tag, long ago for a stranger."""
        found, out = self.seen.of(tags), np.full(len(tags), np.iinfo(np.int64).min // 2)
        out[np.searchsorted(tags, found.entity)] = found.t_us
        return out

    def _see(self, tags: I64, t_us: I64, device: NDArray[Any], antenna: NDArray[Any]) -> None:
        """The newest reads of tags, as far as they are newer."""
        product = np.zeros(len(tags), np.int32)
        known = self.seen.of(tags)
        at = np.searchsorted(tags, known.entity)
        product[at] = known.product
        newer = np.ones(len(tags), np.bool_)
        self._fresh += [int(tag) for tag in np.delete(tags, at).tolist()]
        newer[at] = t_us[at] >= known.t_us
        fresh = Seen(tags, t_us, device.astype(np.int32), antenna.astype(np.int16), product)
        self.seen.put(
            Seen(*(getattr(fresh, name)[newer] for name in ("entity", "t_us", "device", "antenna", "product")))
        )

    def _listened(
        self, registry: Registry, step: Step, heard: tuple[I64, I64, I64], status: StatusBatch | None
    ) -> None:
        """Readers were listening; tags that were folded past such an epoch without that are to be folded again."""
        zone, epoch, device = heard
        if status is not None:
            rows = np.flatnonzero(status.flags & NOT_USED == 0)
            readers = [d for d in np.unique(status.device_id[rows]).tolist() if kind_of(registry, d) == "rfid"]
            rows = rows[np.isin(status.device_id[rows], readers)]
            said = registry.where.zones(status.device_id[rows], status.time_us[rows])
            zone = np.concatenate([zone, said])
            epoch = np.concatenate([epoch, status.time_us[rows] // EPOCH_US])
            device = np.concatenate([device, status.device_id[rows].astype(np.int64)])
            zone, epoch, device = zone[zone > 0], epoch[zone > 0], device[zone > 0]
        woken = self.awake.add(zone, epoch)
        if woken is None:
            return
        self._write(registry, woken, dict(zip(zone.tolist(), device.tolist(), strict=True)), step)
        by_zone = dict(zip(zone.tolist(), device.tolist(), strict=True))
        self.stale.update(woken.zone.tolist())
        for since, tags in beliefs.passed_over(self.carried.rows, woken):
            partition = registry.devices[next(iter(by_zone.values()))].partition
            step.late += [Late(LANE, tag, partition, from_us(since * EPOCH_US)) for tag in tags.tolist()]

    @staticmethod
    def _write(registry: Registry, woken: Woken, reader: dict[int, int], step: Step) -> None:
        rows, (zone, begin) = step.part(StockRows), apart(woken.gone)
        rows.asleep += zip(zone.tolist(), (begin * EPOCH_US).tolist(), strict=True)
        (zone, begin), (_, end) = apart(woken.fresh), apart(woken.fresh_end)
        for z, b, e in zip(zone.tolist(), begin.tolist(), end.tolist(), strict=True):
            tenant = registry.devices[reader[z]].tenant_id
            rows.awake.append((z, b * EPOCH_US, e * EPOCH_US, tenant))

    # ------------------------------------------------------------ what is kept
    def keep(self, registry: Registry, tags: Tags, newest: tuple[int, int, int], step: Step) -> None:
        """A tag that was folded again."""
        before = self.carried.of(tags.entity)
        self.stale |= zones_in(before) | zones_in(tags)
        self.carried.put(tags)
        self._see(tags.entity, *(np.array([value]) for value in newest))
        self.describe(registry, tags.entity, step)

    def describe(self, registry: Registry, which: I64, step: Step) -> None:
        """The rows of tags (sorted, unique) as they are now; their carries are kept once a day."""
        seen, carried = self.seen.of(which), self.carried.of(which)
        tenant = registry.tenant_of[seen.device.clip(0, len(registry.tenant_of) - 1)]
        zone = zones_of(registry, seen.device, seen.antenna, seen.t_us)
        site = np.array([registry.zones.get(z, (0, ""))[0] for z in zone.tolist()], np.int64)
        columns = (which, tenant, seen.t_us, seen.device, site, zone, seen.product, seen.antenna)
        here = np.flatnonzero((tenant > 0) & (site > 0))
        packed = PACKER.pack(which, (carried,))
        rows = [*(column[here] for column in columns), [packed[i] for i in here.tolist()]]
        if len(here):
            step.part(StockRows).tags.append(rows)
        carried = carried.take(carried.epoch != NEVER)
        at_us = carried.open_epoch.astype(np.int64) * EPOCH_US - 1
        due = self.checkpoints.overdue(carried.entity, at_us)
        if len(due):
            kept = carried.take(due)
            self.checkpoints.keep(kept.entity, at_us[due], PACKER.pack(kept.entity, (closed(kept),)), step)

    def newest_us(self, tag: int) -> int | None:
        """Time of a tag's newest read."""
        found = self.seen.of(np.array([tag])).t_us
        return int(found[0]) if len(found) else None

    # ------------------------------------------------------------ what tags are on
    def nameless(self) -> list[int]:
        """Tags whose product is not known."""
        return [int(tag) for tag in self.seen.rows.entity[self.seen.rows.product == 0].tolist()]

    def strangers(self) -> list[int]:
        """Tags that were read for the first time since this was asked."""
        found, self._fresh = self._fresh, []
        return found

    def tenants(self, registry: Registry, tags: list[int]) -> list[int]:
        """Whose they are: the reader's."""
        device = self.seen.of(np.array(tags, np.int64)).device
        return [int(of) for of in registry.tenant_of[device.clip(0, len(registry.tenant_of) - 1)].tolist()]

    def name(self, tags: Iterable[tuple[int, int]]) -> None:
        """Tags and their products."""
        pairs = np.array(sorted(tags), np.int64).reshape(-1, 2)
        rows = self.seen.of(pairs[:, 0])
        rows.product[:] = pairs[np.searchsorted(pairs[:, 0], rows.entity), 1]
        self.seen.put(rows)
        self.stale |= zones_in(self.carried.of(rows.entity))

    # ------------------------------------------------------------ what is told
    def chances(self, zones: set[int]) -> tuple[I64, I64, F64, I64]:
        """Zone, product, chance and newest read of each tag that may be in one of these zones; of known products."""
        rows = self.carried.rows
        stale = np.zeros(max([*zones, int(rows.zone.max(initial=0)), int(rows.open_zone.max(initial=0))]) + 1, np.bool_)
        stale[list(zones)] = True
        some = _any(stale[rows.zone]) | _any(stale[rows.open_zone])
        some &= self.seen.rows.product[np.searchsorted(self.seen.rows.entity, rows.entity)] > 0
        picked = rows.take(some)
        seen = self.seen.of(picked.entity)
        zone, chance = beliefs.look(picked, self.awake, self.known)
        row, k = np.nonzero((zone > 0) & stale[zone])
        return zone[row, k], seen.product[row].astype(np.int64), chance[row, k], seen.t_us[row]


def _any(mask: Bool) -> Bool:
    return np.asarray(mask[:, 0] | mask[:, 1] | mask[:, 2] | mask[:, 3])


def ms_of(t_us: I64) -> I64:
    """Milliseconds from the beginning of the epoch."""
    return np.asarray(t_us % EPOCH_US // 1000)


def portals(registry: Registry) -> I64:
    """Pairs of zones between which a reader stands that hears both: with its antennas, and else with itself."""
    of: dict[int, set[int]] = {}
    for (device, _), zone in registry.antennas.items():
        own = registry.devices[device].zone_id if device in registry.devices else 0
        of.setdefault(device, {own} - {0}).add(zone)
    return portals_of((min(zones), max(zones)) for zones in of.values() if len(zones) == SIDES)


def earliest(marks: list[Late]) -> list[Late]:
    """One mark for each entity."""
    found: dict[tuple[str, int], Late] = {}
    for mark in marks:
        known = found.setdefault((mark.lane, mark.entity), mark)
        if mark.since < known.since:
            found[mark.lane, mark.entity] = mark
    return list(found.values())


def zones_in(tags: Tags) -> set[int]:
    """All zones in which one of these tags may be."""
    return {*np.unique(tags.zone).tolist(), *np.unique(tags.open_zone).tolist()} - {0}


def kind_of(registry: Registry, device: int) -> str:
    """What a device is."""
    found = registry.devices.get(device)
    return found.kind if found else ""
