"""What every family of the tracker keeps, whatever it decides: the law of the fold, any order, and no moment to die in.

A day of a truck, its probe, a dock portal and a shelf is played once in order, and again with something going wrong.
Each family is then asked for what it has decided: the current facts of its kinds, and the state that it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import sql

from domain.readings import merge
from domain.times import from_us
from firmware_sim.stockroom import sgtin96
from store.db import connect
from store.labels import Labels
from store.link import Link
from store.registry import DeviceSpec, Registry
from store.tracking import LostPartitionError
from tests.databases import copied
from tests.integration.fleet import T0, Fleet
from tests.toy.family import Hours
from tracker.engine.family import Family, build
from tracker.engine.step import Step
from tracker.families import FAMILIES
from tracker.stock.family import Stock

ALL: tuple[type[Family], ...] = (*FAMILIES, Hours)
LATE = [family for family in ALL if family.lanes]
TOY = (Path(__file__).parents[1] / "toy" / "table.sql").read_text()
STATE = {
    "devices": "select device_id, last_time, last_received from device_state order by 1",
    "vehicles": "select vehicle_id, time, lat, lon, status, status_since, carry from vehicle_state order by 1",
    "temperatures": "select probe_id, time, temp_c, state, carry from series_state order by 1",
    "breaches": "select probe_id, carry from breach_state order by 1",
    "stock": "select site_id, zone_id, product_id, quantity, last_evidence_at from stock_level order by 1, 2, 3",
    "shipments": "select id, status, started_at, delivered_at from shipment order by 1",
    "arrival_times": "select stop_id, arrived_at from eta_grade where bucket = -1 order by 1",
    "alerts": "select kind, device_id, opened_at, alarm_at, cleared_at from alert order by 1, 2, 3",
    "hours": "select device_id, carry from hour_state order by 1",
}
"""What a family keeps beside facts, as far as it must not depend on how it came to it."""
CARRIES = {
    "vehicles": "update vehicle_state set carry = 'of another version'",
    "temperatures": "update series_state set carry = 'of another version'",
    "stock": "update tag_state set carry = 'of another version'",
    "hours": "update hour_state set carry = 'of another version'",
}


class CrashError(Exception):
    """The tracker is killed here."""


class Play:
    """A fleet, and what its tracker makes of a day."""

    def __init__(self, dsn: str) -> None:
        with psycopg.connect(dsn) as c:
            c.execute(TOY)
        self.fleet = Fleet(dsn)
        with connect(dsn, "test") as c, c.transaction():
            registry = Registry(c)
            registry.put_site("store-a", label="A", kind="store", lat=60.1, lon=25.0, radius_m=200)
            stops = [
                {"seq": n, "name": f"s-{n}", "site": site, "lat": lat, "lon": 25.0}
                for n, (site, lat) in enumerate((("dc-1", 60.0), ("store-a", 60.1)), 1)
            ]
            registry.put_shipment("S-1", reference="", vehicle="truck-1", stops=stops, since=from_us(T0))
        self.tag = self.fleet.label("epc", 0, sgtin96("06414123456783", 7, 1))

    def tracker(self) -> Any:
        return self.fleet.tracker(families=ALL)

    def day(self) -> list[Any]:
        """Three hours: from the centre to a shop and on; too warm on the way; tags at the dock, a shelf."""
        rng = np.random.default_rng(4)
        t = np.arange(0, 10_800, 20)
        lat = np.interp(t, [0, 1800, 3600, 5400, 7200, 9000], [60.0, 60.0, 60.1, 60.1, 60.2, 60.2])
        speed_mps = np.abs(np.gradient(lat, t)) * 111_195
        numbers = {"seq": np.arange(len(t))}
        temp_c = np.interp(t, [0, 2400, 3000, 4200, 4800, 9000, 9600], [5, 5, 11, 11, 5, 5, 12])
        temp_c = temp_c + rng.normal(0, 0.05, len(t))
        batch = self.fleet.batch
        t2 = np.arange(0, 10_800, 600)
        return [
            batch("gps", "gps", t, boot=1, lat=lat, lon=25.0, speed_mps=speed_mps, accuracy_m=4.0, **numbers),
            batch("temp", "reefer", t, boot=2, probe_id=self.fleet.probe, temp_c=temp_c, **numbers),
            batch("rfid", "portal", t2, boot=3, seq=np.arange(len(t2)), tag_id=self.tag, antenna=1, rssi_dbm=-50.0),
            batch(
                "shelf", "shelf", t2, boot=4, seq=np.arange(len(t2)), slot_id=self.fleet.slot, mass_kg=9.0 - t2 / 1800
            ),
            batch("status", "gps", t2, boot=5, seq=np.arange(len(t2)), battery_ratio=0.9 - t2 / 36_000),
        ]

    def portions(self, order: str, parts: int) -> Iterator[list[Any]]:
        """The day in portions."""
        cut = []
        for batch in self.day():
            index = np.arange(len(batch))
            if order == "shuffled":
                index = np.random.default_rng(9).permutation(index)
            pieces = np.array_split(index, parts)
            pieces = pieces[::-1] if order == "newest first" else [*pieces, *pieces] if order == "repeated" else pieces
            cut.append([batch.take(piece) for piece in pieces])
        for some in zip(*cut, strict=True):
            yield [batch for batch in some if len(batch)]

    def told(self, families: tuple[type[Family], ...] = ALL) -> dict[str, list[Any]]:
        """By family: its current facts, without ids and times of decision, and its state."""
        found: dict[str, list[Any]] = {}
        with psycopg.connect(self.fleet.dsn, options="-c timezone=UTC") as c:
            for family in families:
                found[family.name] = []
                for kind in family.kinds:
                    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in kind.stored)
                    query = sql.SQL("select {} from {} where superseded_at is null and not retracted order by {}, 1, 2")
                    table, start = sql.Identifier(kind.table), sql.Identifier(kind.start)
                    found[family.name].append(c.execute(query.format(names, table, start)).fetchall())
                found[family.name].append(c.execute(STATE[family.name]).fetchall() if family.name in STATE else [])
        return found

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.fleet.rows(query)


def played(play: Play, order: str = "in order", parts: int = 9, between: Callable[[Any], Any] | None = None) -> None:
    tracker = play.tracker()
    for portion in play.portions(order, parts):
        play.fleet.append(*portion)
        while tracker.step():
            pass
        tracker = between(tracker) if between else tracker
    play.fleet.settle(tracker)
    tracker._tick(now=True)
    play.fleet.close(tracker)


@pytest.fixture(scope="module")
def play(postgres: Any, template: str) -> Iterator[Callable[[], Play]]:
    """Makes a fresh play."""
    with ExitStack() as made:
        yield lambda: Play(made.enter_context(copied(postgres.dsn, template)))


@pytest.fixture(scope="module")
def wanted(play: Callable[[], Play]) -> dict[str, list[Any]]:
    """What is decided when everything comes in order, in one portion each."""
    one = play()
    played(one)
    return one.told()


def test_the_day_has_something_for_every_family(wanted: dict[str, list[Any]]) -> None:
    assert [name for name, found in wanted.items() if not any(found)] == []


@pytest.fixture(scope="module")
def cut(play: Callable[[], Play]) -> dict[str, list[Any]]:
    one = play()
    played(one, parts=60)
    return one.told()


@pytest.mark.parametrize("family", ALL, ids=lambda f: f.name)
def test_the_law_of_the_fold(family: type[Family], cut: Any, wanted: Any) -> None:
    """However the readings are cut into steps, the same is decided."""
    assert cut[family.name] == wanted[family.name]


@pytest.fixture(scope="module", params=["newest first", "shuffled", "repeated"])
def disordered(request: pytest.FixtureRequest, play: Callable[[], Play]) -> dict[str, list[Any]]:
    one = play()
    played(one, order=request.param)
    return one.told()


@pytest.mark.parametrize("family", LATE, ids=lambda f: f.name)
def test_in_any_order_and_with_repeats_the_facts_are_the_same(
    family: type[Family], disordered: Any, wanted: Any
) -> None:
    """Of families with a late lane; the others say in docs/add-a-family.md that they have none."""
    assert disordered[family.name][:-1] == wanted[family.name][:-1]
    if family is Stock:  # whose facts are its state: levels by tags and by shelves
        assert disordered[family.name] == wanted[family.name]


@pytest.fixture(scope="module")
def restarted(play: Callable[[], Play]) -> dict[str, list[Any]]:
    one = play()

    def again(tracker: Any) -> Any:
        tracker._tick()  # when devices reported is saved every few seconds, not with each reading
        one.fleet.close(tracker)
        return one.tracker()

    played(one, between=again)
    return one.told()


@pytest.mark.parametrize("family", ALL, ids=lambda f: f.name)
def test_a_restart_after_every_step_changes_nothing(family: type[Family], restarted: Any, wanted: Any) -> None:
    assert restarted[family.name] == wanted[family.name]


@contextmanager
def killed_after(tracker: Any, family: type[Family]) -> Iterator[list[int]]:
    """The transaction ends when this family has written."""
    one, deaths = tracker.engine.family(family), []
    write = one.write

    def dies(cursor: Any, step: Step) -> None:
        write(cursor, step)
        deaths.append(1)
        raise CrashError

    one.write = dies
    yield deaths


@pytest.fixture(scope="module")
def killed(play: Callable[[], Play]) -> dict[str, list[Any]]:
    """Each step is killed once behind every family, then goes on."""
    one = play()
    tracker = one.tracker()
    for portion in one.portions("in order", 9):
        one.fleet.append(*portion)
        for family in ALL:
            with killed_after(tracker, family) as deaths, pytest.raises(CrashError):
                tracker.step()
            assert deaths
            tracker.load()
        while tracker.step():
            pass
    one.fleet.settle(tracker)
    tracker._tick(now=True)
    one.fleet.close(tracker)
    return one.told()


@pytest.mark.parametrize("family", ALL, ids=lambda f: f.name)
def test_killed_behind_every_family_nothing_is_lost_or_doubled(family: type[Family], killed: Any, wanted: Any) -> None:
    assert killed[family.name] == wanted[family.name]


def test_an_overtaken_owner_writes_nothing(play: Callable[[], Play]) -> None:
    one = play()
    tracker = one.tracker()
    first, second, *_ = one.portions("in order", 9)
    one.fleet.append(*first)
    assert tracker.step()
    before = one.told()
    with psycopg.connect(one.fleet.dsn) as c:
        c.execute("update tracker_position set position = position + 1")
    one.fleet.append(*second)
    one.fleet.append(*second)
    with pytest.raises(LostPartitionError):
        tracker.step()
    assert one.told() == before
    one.fleet.close(tracker)


@pytest.fixture(scope="module")
def of_another_version(play: Callable[[], Play]) -> dict[str, list[Any]]:
    one = play()

    def upgraded(tracker: Any) -> Any:
        one.fleet.close(tracker)
        with psycopg.connect(one.fleet.dsn) as c:
            for statement in CARRIES.values():
                c.execute(statement)
            c.execute("update checkpoint set carry = 'of another version'")
        return one.tracker()

    played(one, parts=3, between=upgraded)
    return one.told()


@pytest.mark.parametrize("family", LATE, ids=lambda f: f.name)
def test_a_carry_of_another_version_is_read_anew(family: type[Family], of_another_version: Any, wanted: Any) -> None:
    assert family.name in CARRIES, "say here where the family keeps its carry"
    assert of_another_version[family.name][:-1] == wanted[family.name][:-1]


def test_a_family_stands_behind_those_it_reads_and_decides_what_no_other_does() -> None:
    class Engine:
        pass

    class Twice(Hours):
        name = "twice"

    with pytest.raises(ValueError, match="put it behind"):
        build(Engine(), tuple(reversed(FAMILIES)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="declared twice: device"):
        build(Engine(), (*ALL, Twice))  # type: ignore[arg-type]


def yard(dsn: str, reefers: int) -> Fleet:
    """Reefers on as many vehicles."""
    fleet = Fleet(dsn)
    with connect(dsn, "test") as c, c.transaction():
        registry = Registry(c)
        for n in range(reefers):
            spec = DeviceSpec(f"r-{n}", "reefer", vehicle=f"v-{n}", profile="chilled")
            fleet.ids[spec.name] = registry.put_device(spec)
    return fleet


def power_is_lost(fleet: Fleet, reefers: int) -> list[Any]:
    """Each gets too warm, for long enough, and recovers: one step."""
    link = Link(fleet.dsn, "test labels")
    keys = Labels(link).ids([("probe", fleet.ids[f"r-{n}"], "rear") for n in range(reefers)])
    link.close()
    return [
        fleet.batch(
            "temp", f"r-{n}", np.arange(5) * 60, probe_id=keys["probe", fleet.ids[f"r-{n}"], "rear"],
            temp_c=np.array([5.0, 11.0, 11.0, 11.0, 5.0]),
        )
        for n in range(reefers)
    ]  # fmt: skip


def statements_of(dsn: str, reefers: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Statements of the transaction of that step."""
    fleet, count = yard(dsn, reefers), []
    tracker = fleet.tracker(families=FAMILIES)
    fleet.append(merge([power_is_lost(fleet, reefers)])["temp"])
    execute, many = psycopg.Cursor.execute, psycopg.Cursor.executemany

    def counted(self: Any, query: Any, *rest: Any, **options: Any) -> Any:
        count.append(query)
        return execute(self, query, *rest, **options)

    def never(self: Any, query: Any, rows: Any, **options: Any) -> Any:
        count.extend([query] * len(list(rows)))
        return many(self, query, rows, **options)

    write = tracker.commit.write

    def watched(*words: Any, **options: Any) -> None:
        with monkeypatch.context() as m:
            m.setattr(psycopg.Cursor, "execute", counted)
            m.setattr(psycopg.Cursor, "executemany", never)
            write(*words, **options)

    tracker.commit.write = watched
    assert tracker.step()
    raised = fleet.rows("select count(*), count(cleared_at) from alert")
    assert raised == [(reefers, reefers)]
    fleet.close(tracker)
    return len(count)


def test_a_step_in_which_a_thousand_probes_start_alarm_and_clear_has_as_many_statements_as_with_one(
    play: Callable[[], Play], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = statements_of(play().fleet.dsn, 1, monkeypatch)
    assert statements_of(play().fleet.dsn, 1000, monkeypatch) == few
    assert few < 30
