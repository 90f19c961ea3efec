"""Presence of tags in a real tracker: levels with their chance, tags that go, late reads that set levels right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from domain.times import from_us, to_us
from firmware_sim.stockroom import sgtin96
from store.db import connect
from store.registry import DeviceSpec, Registry
from store.secrets import token_hash
from tests.benchmarks.presence.simulated import world
from tests.databases import copied
from tests.integration.api.seed import client, serving
from tests.integration.fleet import T0, Fleet
from tracker.engine.family import Family
from tracker.families import FAMILIES
from tracker.rules.presence.knowledge import EPOCH_US
from tracker.stock import learning
from tracker.stock.family import Stock
from tracker.stock.shelves import PACKER

E = EPOCH_US // 1_000_000
LEVELS = (
    "select z.name, p.sku, l.quantity, l.confidence, l.last_evidence_at from stock_level l "
    "join zone z on z.id = l.zone_id join product p on p.id = l.product_id "
    "where l.source = 'tag' and l.quantity > 0 order by 1, 2"
)
STATES = "select tag_id, time, product_id, carry from tag_state order by 1"
SPANS = "select zone_id, began_at, ended_at from zone_awake order by 1, 2"


class Warehouse:
    """Four zones in a row with a reader each; tags of two products."""

    def __init__(self, dsn: str, tags: int) -> None:
        self.fleet = Fleet(dsn)
        with connect(dsn, "test") as c, c.transaction():
            registry = Registry(c)
            registry.put_product("JAM", label="Jam", gtin="06414129999994", unit_mass_kg=None, reorder_point=None)
            for z in range(1, 5):
                spec = DeviceSpec(f"reader-{z}", "rfid", site="dc-1", zone=f"zone-{z}")
                self.fleet.ids[spec.name] = registry.put_device(spec)
        gtins = ("06414123456783", "06414129999994")
        self.tags = [self.fleet.label("epc", 1, sgtin96(gtins[n % 2], 7, n)) for n in range(tags)]

    def reads(self, zone: int, tags: Sequence[int], epochs: Sequence[float], dbm: Any = -55.0) -> Any:
        """Reads of tags, each in all of these epochs, by the reader of a zone."""
        of, at = (c.ravel() for c in np.meshgrid(self.tags_of(tags), np.asarray(epochs, float) * E))
        return self.fleet.batch("rfid", f"reader-{zone}", at, tag_id=of, antenna=1, rssi_dbm=dbm)

    def tags_of(self, tags: Sequence[int]) -> list[int]:
        return [self.tags[n] for n in tags]

    def tracker(self) -> Any:
        return self.fleet.tracker(families=FAMILIES)

    def settle(self, tracker: Any) -> list[tuple[Any, ...]]:
        self.fleet.settle(tracker)
        tracker._tick(now=True)
        return self.fleet.rows(LEVELS)


@pytest.fixture
def house(any_database: str) -> Warehouse:
    return Warehouse(any_database, 8)


def quantities(levels: list[tuple[Any, ...]]) -> dict[tuple[str, str], float]:
    return {(zone, sku): quantity for zone, sku, quantity, *_ in levels}


def test_levels_follow_tags_and_say_how_sure_they_are(house: Warehouse) -> None:
    tracker = house.tracker()
    house.fleet.append(house.reads(1, range(8), [0]))
    (first,) = {confidence for *_, confidence, _ in house.settle(tracker)}
    house.fleet.append(house.reads(1, range(8), range(1, 10)))
    levels = house.settle(tracker)
    assert quantities(levels) == {("zone-1", "JAM"): 4.0, ("zone-1", "MILK"): 4.0}
    assert min(confidence for *_, confidence, _ in levels) > 0.95 > first
    assert 100 < house.fleet.rows("select max(pg_column_size(t.*)) from tag_state t")[0][0] <= 200
    # two are carried to the next room, one goes: the reader of the first hears the others and not these
    house.fleet.append(house.reads(1, range(5), range(10, 30)), house.reads(2, [5, 6], range(10, 30)))
    assert quantities(house.settle(tracker)) == {
        ("zone-1", "JAM"): 2.0, ("zone-1", "MILK"): 3.0, ("zone-2", "JAM"): 1.0, ("zone-2", "MILK"): 1.0,
    }  # fmt: skip
    moves = house.fleet.rows("select sum(delta), count(*) from stock_move where source = 'tag'")
    assert moves[0][0] == 7.0
    assert moves[0][1] <= 8
    # the readers fall silent for a day: nobody is taken away, not by a restart either
    before = [level[:4] for level in house.settle(tracker)]
    house.fleet.append(house.reads(3, [7], [3000]))
    assert [level[:4] for level in house.settle(tracker) if level[0] != "zone-3"] == before
    house.fleet.close(tracker)
    tracker = house.tracker()
    assert [level[:4] for level in house.settle(tracker) if level[0] != "zone-3"] == before
    # a reader that says it is well while it hears nothing does take them away
    house.fleet.append(house.fleet.batch("status", "reader-2", np.arange(3001, 3020) * E, battery_ratio=1.0))
    assert [zone for zone, *_ in house.settle(tracker)] == ["zone-1", "zone-1", "zone-3"]
    house.fleet.close(tracker)


def test_after_an_upgrade_no_level_is_told_before_all_tags_have_been_folded_again(house: Warehouse) -> None:
    tracker = house.tracker()
    house.fleet.append(house.reads(1, range(8), range(10)))
    before = house.settle(tracker)
    moves = house.fleet.rows("select count(*) from stock_move")
    house.fleet.close(tracker)
    with connect(house.fleet.dsn, "test") as c:
        c.execute("update tag_state set carry = ''")
        c.execute("update checkpoint set carry = ''")
    tracker = house.tracker()
    assert len(tracker.engine.late) == 8
    while tracker.engine.late:
        (lane, entity), mark = tracker.engine.late.due(house.fleet.now_us, now=True)[0]
        mark.refold = tracker._refold(lane, entity, mark.since)
        assert mark.refold is not None
        while mark.refold.advance():
            pass
        tracker._arrive(lane, entity, mark)
        tracker.engine.late.done(lane, entity)
        tracker._tick(now=True)
        assert house.fleet.rows(LEVELS) == before
    assert house.fleet.rows("select count(*) from stock_move") == moves
    house.fleet.close(tracker)


def test_a_product_that_is_made_after_its_tags_were_read_has_them(house: Warehouse) -> None:
    tag = house.fleet.label("epc", 1, sgtin96("06414121111110", 7, 1))
    house.tags.append(tag)
    tracker = house.tracker()
    house.fleet.append(house.reads(1, [8], range(5)))
    assert house.settle(tracker) == []
    with connect(house.fleet.dsn, "test") as c, c.transaction():
        Registry(c).put_product("NEW", label="New", gtin="06414121111110", unit_mass_kg=None, reorder_point=None)
    tracker._read_registry()
    assert quantities(house.settle(tracker)) == {("zone-1", "NEW"): 1.0}
    house.fleet.close(tracker)


def test_a_portal_is_set_up_and_tells_whether_a_tag_went_in_or_out(house: Warehouse) -> None:
    with connect(house.fleet.dsn, "test") as c, c.transaction():
        house.fleet.ids["gate"] = Registry(c).put_device(DeviceSpec("gate-reader", "rfid", site="dc-1", zone="yard"))
        tenant = c.execute("select id from tenant where name = 'main'").fetchone()
        c.execute(
            "insert into access_token (tenant_id, kind, subject, role, token_sha256) "
            "values (%s, 'bearer', 't', 'admin', %s)",
            (tenant[0] if tenant else 0, token_hash("secret")),
        )
    path = "/api/v1/devices/gate-reader/antennas"
    with serving(house.fleet.dsn) as url, client(url, "secret") as api:
        told = api.put(path, json={"antennas": [{"antenna": 1, "zone": "dock"}]}).json()
        assert told == {
            "device": "gate-reader", "zone": "yard", "antennas": [{"antenna": 1, "zone": "dock"}], "portal": True,
        }  # fmt: skip
        assert api.get(path).json() == told
        for other, body, status, words in (
            ("gps-1", {"antennas": []}, 422, "antennas are those of a reader"),
            ("gate-reader", {"antennas": [{"antenna": 1, "zone": "moon"}]}, 422, "no zone moon"),
            ("gate-reader", {"antennas": [{"antenna": 1, "zone": "dock"}] * 2}, 422, "each antenna once"),
            ("nobody", {"antennas": []}, 404, ""),
        ):
            refused = api.put(f"/api/v1/devices/{other}/antennas", json=body)
            assert (refused.status_code, words in refused.text) == (status, True), refused.text
        assert api.get(path).json() == told
    tracker = house.tracker()

    def passes(tag: int, at_s: float, first: int) -> None:
        """Louder and fainter at the one antenna, a second later at the other."""
        for antenna, later in ((first, 0.0), (3 - first, 1.2)):
            times = at_s + later + np.array([-0.4, 0.0, 0.4])
            dbm = np.array([-52.0, -47.0, -52.0])
            of = house.tags[tag]
            house.fleet.append(house.fleet.batch("rfid", "gate", times, tag_id=of, antenna=antenna, rssi_dbm=dbm))

    passes(0, 10, first=2)  # from the yard to the dock
    passes(1, 70, first=1)  # out
    assert quantities(house.settle(tracker)) == {("dock", "MILK"): 1.0, ("yard", "JAM"): 1.0}
    passes(0, 130, first=1)  # and out again
    assert quantities(house.settle(tracker))["yard", "MILK"] == 1.0
    house.fleet.close(tracker)


def test_how_readers_hear_is_learned_at_night_and_holds_from_then_on(house: Warehouse) -> None:
    tracker = house.tracker()
    epochs = range(100)
    house.fleet.append(house.reads(1, range(8), epochs, -45.0), house.reads(2, range(4), epochs[::4], -58.0))
    before = house.settle(tracker)
    stock = tracker.engine.family(Stock)
    stock.keep_house(from_us(T0 + 100 * EPOCH_US).replace(hour=1))
    assert house.fleet.rows("select count(*) from zone_hearing") == [(0,)]
    night = from_us(T0 + 100 * EPOCH_US)
    with pytest.MonkeyPatch.context() as m:
        m.setattr(learning, "AT_HOUR", night.hour)
        stock.keep_house(night)
        stock.keep_house(night + timedelta(minutes=1))
    ((zone, since, inside, outside, leak),) = house.fleet.rows(
        "select z.name, h.since, h.inside_dbm, h.outside_dbm, h.leak "
        "from zone_hearing h join zone z on z.id = h.zone_id"
    )
    assert (zone, since > night, -50 < inside < -45, outside < inside - 3) == ("zone-1", True, True, True)
    assert 0.1 < leak < 0.2
    known, ids = stock.tags.known, house.fleet.rows("select id from zone where name = 'zone-1'")[0]
    epoch = to_us(since) // EPOCH_US
    then, now = (known.of(np.array(ids), np.array([e]))[0][0] for e in (epoch - 1, epoch))
    assert (then, round(now, 2)) == (-55.0, round(inside, 2))
    # a read that comes late to the day before is folded with what was known then
    house.fleet.append(house.reads(1, [0], [50.5], -46.0))
    assert [level[:3] for level in house.settle(tracker)] == [level[:3] for level in before]
    house.fleet.close(tracker)


@pytest.fixture(scope="module")
def portions() -> list[Any]:
    """An hour of a simulated warehouse: reads as columns."""
    found = world(7, 0.7, tags=24, epochs=120, zones=4, dwell=60)
    return [found.tag, found.epoch, found.zone, found.dbm.round(1)]


def play(dsn: str, reads: list[Any], order: np.ndarray[Any, Any], parts: int, families: Sequence[type[Family]]) -> Any:
    """What a tracker holds after these reads came in this order, so many portions, with a restart in the middle."""
    house = Warehouse(dsn, 24)
    tracker = house.fleet.tracker(families=families)
    tag, epoch, zone, dbm = reads
    rng = np.random.default_rng(1)
    offset = rng.random(len(tag)) * E * 0.99
    for n, part in enumerate(np.array_split(order, parts)):
        for z in range(1, 5):
            rows = part[zone[part] == z]
            if len(rows):
                which = np.array(house.tags)[tag[rows]]
                at = epoch[rows] * E + offset[rows]
                house.fleet.append(
                    house.fleet.batch("rfid", f"reader-{z}", at, tag_id=which, antenna=1, rssi_dbm=dbm[rows])
                )
        while tracker.step():
            pass
        if n % 3 == 0:
            tracker._tick(now=True)
            tracker._refold_some(house.fleet.now_us, now=True)
        if n == parts // 2:
            house.fleet.close(tracker)
            tracker = house.fleet.tracker(families=families)
    levels = house.settle(tracker)
    house.fleet.close(tracker)
    return levels, house.fleet.rows(STATES), house.fleet.rows(SPANS)


@pytest.fixture(scope="module")
def sorted_outcome(postgres: Any, template: str, portions: list[Any]) -> Iterator[Any]:
    with copied(postgres.dsn, template) as dsn:
        yield play(dsn, portions, np.arange(len(portions[0])), 12, (Stock,))


@pytest.mark.parametrize("order", ["one reader late", "shuffled", "newest first"])
def test_late_and_shuffled_reads_end_in_the_same_as_sorted_ones(
    order: str, postgres: Any, template: str, portions: list[Any], sorted_outcome: Any
) -> None:
    n = np.arange(len(portions[0]))
    late = (portions[2] == 2) & (portions[1] > 30) & (portions[1] < 90)
    orders = {
        "one reader late": np.concatenate([n[~late], n[late]]),
        "shuffled": np.random.default_rng(3).permutation(n),
        "newest first": n[::-1],
    }
    with copied(postgres.dsn, template) as dsn:
        levels, states, spans = play(dsn, portions, orders[order], 12, (Stock,))
    assert spans == sorted_outcome[2]
    assert states == sorted_outcome[1]
    assert levels == sorted_outcome[0]
    assert len(levels) >= 4


def test_late_weighings_and_counts_of_a_shelf_end_in_the_same_as_sorted_ones(any_database: str) -> None:
    fleet = Fleet(any_database)
    rng = np.random.default_rng(5)
    t_s = np.arange(0, 3600, 20)
    held = 9 - t_s // 600
    mass_kg = held + rng.normal(0, 0.03, len(t_s)) + rng.choice([0.0, 1.2], len(t_s), p=[0.9, 0.1])
    count = np.where(t_s == 1800, held, np.nan)

    def told(device: str, slot: int, order: np.ndarray[Any, Any], tracker: Any) -> list[Any]:
        for part in np.array_split(order, 9):
            fleet.append(
                fleet.batch(
                    "shelf", device, t_s[part], slot_id=slot, mass_kg=np.where(np.isnan(count), mass_kg, np.nan)[part],
                    item_count=count[part],
                )
            )  # fmt: skip
            while tracker.step():
                pass
        fleet.settle(tracker)
        ((*row, carry),) = fleet.rows(f"select time, mass_kg, quantity, carry from slot_state where slot_id = {slot}")
        (carried,) = PACKER.unpack([bytes(carry)])
        return [*row, *(column.tobytes() for column in carried.columns().values())]

    with connect(fleet.dsn, "test") as c, c.transaction():
        registry = Registry(c)
        fleet.ids["other"] = registry.put_device(DeviceSpec("shelf-2", "shelf", site="dc-1", zone="other"))
        registry.put_slot(fleet.ids["other"], "A", fleet.rows("select id from product")[0][0])
    other, tracker = fleet.label("slot", fleet.ids["other"], "A"), fleet.tracker()
    n = np.arange(len(t_s))
    assert told("shelf", fleet.slot, n, tracker) == told("other", other, rng.permutation(n), tracker)
    told_of = "select at, delta, not_before from stock_move where superseded_at is null and slot_id = "
    moves = [fleet.rows(f"{told_of} {slot} order by at") for slot in (fleet.slot, other)]
    assert len(moves[0]) > 4
    assert moves[0] == moves[1]
    assert fleet.rows("select count(*) > 0 from stock_move where superseded_at is not null") == [(True,)]
    levels = fleet.rows("select quantity, confidence, last_evidence_at, source from stock_level")
    assert len(levels) == 2
    assert levels[0] == levels[1]
    assert levels[0][0] == held[-1]
    fleet.close(tracker)
    # carries of another version are read anew before anything is told of them, and nothing is moved by that
    known = "select slot_id, quantity, carry from slot_state order by slot_id"
    before, every = fleet.rows(known), "select * from stock_move order by id"
    kept = fleet.rows(every)
    with psycopg.connect(fleet.dsn) as c:
        c.execute("update slot_state set carry = '[5.0,5.0,0.9]'")
    tracker = fleet.tracker()
    fleet.settle(tracker)
    assert fleet.rows(known) == before
    assert fleet.rows(every) == kept
    fleet.close(tracker)
