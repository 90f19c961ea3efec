"""What the goods of a shipment have seen reaches the feed by readings alone, late ones and silence too."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import orjson
import pytest
from psycopg.rows import dict_row

from domain.cold_chain.profile import Band, Mkt, TemperatureProfile
from domain.cold_chain.recordings import evaluate
from domain.handling_units.movements import Content, Movement, Place
from operations.goods.record import tell
from operations.unit_of_work import run
from store import handling
from store.db import connect, queries
from store.profiles import add_version, key_of, version_values
from store.registry import Registry
from tests.integration.fleet import T0, Fleet, S
from tests.integration.tracker.test_calls import TOUR, at, drive, ship
from tracker.shipments.exposure import _fails, together


@pytest.fixture
def fleet(any_database: str) -> Fleet:
    found = Fleet(any_database)
    with connect(found.dsn, "test") as c, c.transaction():
        for name, lat in (("store-a", 60.1), ("store-c", 60.3)):
            Registry(c).put_site(name, label=name, kind="store", lat=lat, lon=25.0, radius_m=200)
    ship(found, "S-1")
    return found


def reefer(fleet: Fleet, begin_s: int, end_s: int, temp_c: float = 4.126):
    t = np.arange(begin_s, end_s, 60)
    return fleet.batch("temp", "reefer", t, seq=t, boot=2, probe_id=fleet.probe, temp_c=np.full(len(t), temp_c))


def told(fleet: Fleet) -> list[dict]:
    """Every word on the temperature of S-1, in order."""
    bodies = fleet.rows("select body from change order by seq")
    shipments = [c for (b,) in bodies for c in orjson.loads(b).get("shipments", ())]
    return [c["data"]["temperature"] for c in shipments if c["id"] == "S-1" and "temperature" in c["data"]]


class Goods:
    """A tracker at a time of day, and what it tells."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.tracker = fleet, fleet.tracker()

    def after(self, second: int, *batches) -> list[dict]:
        self.fleet.now_us = T0 + second * S
        for batch in batches:
            self.fleet.append(batch)
        self.fleet.settle(self.tracker)
        self.tracker._tick(now=True)
        return told(self.fleet)


def test_readings_alone_tell_the_temperature_of_what_is_under_way_and_once_what_has_not_changed(fleet):
    goods = Goods(fleet)
    way = drive(fleet, *TOUR)
    t = (way.time_us - T0) / S
    said = goods.after(2000, way.take(t <= 2000), reefer(fleet, 0, 2000))
    assert said[-1] == {
        "verdict": "in_range",
        "min_c": 4.13,
        "max_c": 4.13,
        "last_c": 4.13,
        "last_at": "2025-06-15T15:39:40.000Z",
    }
    before = len(said)
    said = goods.after(2100, reefer(fleet, 2000, 2100, 5.0))
    assert len(said) == before + 1
    assert (said[-1]["max_c"], said[-1]["last_c"]) == (5.0, 5.0)
    assert len(goods.after(2110)) == before + 1
    fleet.close(goods.tracker)


def test_silence_makes_a_sure_verdict_unsure_without_a_message(fleet):
    goods = Goods(fleet)
    way = drive(fleet, *TOUR)
    t = (way.time_us - T0) / S
    assert goods.after(2000, way.take(t <= 2000), reefer(fleet, 0, 2000))[-1]["verdict"] == "in_range"
    assert goods.after(2240)[-1]["verdict"] == "in_range"
    assert goods.after(2290)[-1]["verdict"] == "indeterminate"
    assert goods.after(2400, reefer(fleet, 2000, 2400))[-1]["verdict"] == "in_range"
    fleet.close(goods.tracker)


def test_late_readings_correct_what_was_told_of_a_delivered_shipment_also_after_a_restart(fleet):
    goods = Goods(fleet)
    warm = reefer(fleet, 4000, 4600, 12.0)
    said = goods.after(11_000, drive(fleet, *TOUR), reefer(fleet, 0, 4000), reefer(fleet, 4600, 11_000))
    assert fleet.rows("select status from shipment") == [("delivered",)]
    assert said[-1]["verdict"] == "indeterminate"
    fleet.close(goods.tracker)
    goods = Goods(fleet)
    said = goods.after(12_000, warm)
    fleet.close(goods.tracker)
    assert (said[-1]["verdict"], said[-1]["max_c"]) == ("excursion", 12.0)


def test_a_device_that_was_elsewhere_takes_its_temperatures_along(fleet):
    goods = Goods(fleet)
    way = drive(fleet, *TOUR)
    said = goods.after(2000, way.take((way.time_us - T0) / S <= 2000), reefer(fleet, 0, 2000, 6.0))
    assert said[-1]["max_c"] == 6.0
    with connect(fleet.dsn, "test") as c, c.transaction():
        Registry(c).assign("reefer-1", site="dc-1", since=at(-10), by="test")
    goods.tracker.load()
    assert goods.after(2010)[-1]["verdict"] == "no_data"
    fleet.close(goods.tracker)


VACCINE = TemperatureProfile(
    2.0,
    8.0,
    (
        Band("warm", ">", 8.0, 600, "cumulative", "shipment", severity="warning", clear_c=0.0),
        Band("hot", ">=", 15.0, 300),
        Band("at the consignee", ">", 9.0, 60, phases=("destination",)),
    ),
    Mkt(8.0, 86_400.0),
    accuracy_c=0.2,
    max_interval_s=600.0,
)


def test_a_shipment_with_bands_is_told_what_its_goods_were_exposed_to_also_by_late_readings(fleet):
    with connect(fleet.dsn, "test") as c, c.transaction():
        tenant = Registry(c).tenant_id
        add_version(c, tenant, key_of(c, tenant, "chilled"), version_values(VACCINE, "test"))
        c.execute("update profile_version set valid_from = '2025-01-01' where version = 2")
    goods = Goods(fleet)
    way = drive(fleet, *TOUR)
    t = (way.time_us - T0) / S
    last = goods.after(2000, way.take(t <= 2000), reefer(fleet, 0, 1000), reefer(fleet, 1000, 2000, 8.5))[-1]
    found = last["exposure"]
    assert (last["verdict"], found["verdict"], found["probes"], found["profile_version"]) == ("excursion", "fail", 1, 2)
    assert [(b["name"], b["verdict"]) for b in found["bands"]] == [
        ("warm", "fail"),
        ("hot", "pass"),
        ("at the consignee", "pass"),
    ]
    warm = found["bands"][0]
    assert 600 < warm["used_s"] == warm["longest_s"] == warm["worst_case_s"] < 800
    assert found["unknown_s"] == 0
    assert found["mkt_c"] == found["mkt_window_c"] == 8.5
    said = "select verdict, profile_version, revision, body ->> 'mkt_c' is not null from exposure"
    assert fleet.rows(said) == [("fail", 2, 1, True)]
    t_s = np.arange(1031, 1990, 60)
    cold = fleet.batch("temp", "reefer", t_s, seq=t_s, boot=2, probe_id=fleet.probe, temp_c=np.full(len(t_s), 4.0))
    found = goods.after(2001, cold)[-1]["exposure"]  # it was warm for moments only
    assert found["bands"][0]["used_s"] < 400
    assert (found["verdict"], found["reasons"]) == ("pass", [])
    assert fleet.rows(said) == [("pass", 2, 2, True)]
    silent = goods.after(4000)[-1]["exposure"]
    assert (silent["verdict"], silent["unknown_s"] > 1900, "coverage" in silent["reasons"]) == (
        "indeterminate",
        True,
        True,
    )
    fleet.close(goods.tracker)


MILD = TemperatureProfile(2.0, 8.0, (Band("out", ">", 8.0, 3600),), Mkt(7.0, 86_400.0), max_interval_s=600.0)
HAPPENED = (
    "select what from alert_event where alert_id = (select {}(id) from alert where kind = 'exposure') order by id"
)
TOLD = (
    "select kind, title, extreme_c, cleared_at is null, withdrawn_at is null from alert"
    " where kind = 'exposure' order by id"
)


def held_to(fleet: Fleet, profile: TemperatureProfile) -> None:
    with connect(fleet.dsn, "test") as c, c.transaction():
        add_version(
            c, Registry(c).tenant_id, key_of(c, Registry(c).tenant_id, "chilled"), version_values(profile, "test")
        )
        c.execute("update profile_version set valid_from = '2025-01-01' where version = 2")


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "newest first"])
def test_goods_with_too_warm_a_kinetic_mean_are_told_once_and_taken_back_by_late_readings(fleet, order):
    held_to(fleet, MILD)
    goods = Goods(fleet)
    way = drive(fleet, *TOUR)
    t = (way.time_us - T0) / S
    goods.after(990, way.take(t <= 990), reefer(fleet, 0, 990, 6.0))
    assert fleet.rows(TOLD) == []
    parts = [reefer(fleet, a, a + 240, 9.0) for a in range(1020, 1980, 240)][::order]
    goods.after(2000, way.take((t > 990) & (t <= 2000)), *parts)
    whole = np.arange(0, 1980, 60)
    ((begun,),) = fleet.rows("select extract(epoch from started_at)::int8 from shipment")
    whole = whole[whole >= begun - T0 // S]
    found = evaluate(MILD, T0 + whole * S, np.where(whole < 990, 6.0, 9.0))
    assert found.mkt_window.mkt_c > 7.0
    title = "Goods of S-1: mean kinetic temperature above 7 °C"
    assert fleet.rows(TOLD) == [("exposure", title, found.mkt_window.mkt_c, True, True)]
    goods.after(2100, reefer(fleet, 1980, 2100, 9.0))
    t_s = np.arange(1031, 1990, 60)
    cold = fleet.batch("temp", "reefer", t_s, seq=t_s, boot=3, probe_id=fleet.probe, temp_c=np.full(len(t_s), 2.5))
    goods.after(2101, cold)
    assert [row[3:] for row in fleet.rows(TOLD)] == [(False, False)]
    goods.after(2700, reefer(fleet, 2100, 2700, 9.0))
    assert [row[3:] for row in fleet.rows(TOLD)] == [(False, False), (True, True)]
    rest = reefer(fleet, 2700, 11_000, 7.9)
    goods.after(11_000, way.take(t > 2000), rest)
    assert fleet.rows("select status from shipment") == [("delivered",)]
    happened = fleet.rows(HAPPENED.format("min"))
    assert happened == [("raised",), ("retracted",)]
    assert [row[3:] for row in fleet.rows(TOLD)] == [(False, False), (False, True)], "it is over, and was so"
    happened = fleet.rows(HAPPENED.format("max"))
    assert happened == [("raised",), ("cleared",)]
    fleet.close(goods.tracker)


def test_probes_that_are_taken_as_one_alarm_as_one() -> None:
    """Neither was out for ten minutes: one was after the other."""
    profile = TemperatureProfile(2.0, 8.0, (Band("out", ">", 8.0, 600),), aggregation="warmest", max_interval_s=120.0)
    t_us = np.arange(0, 3600, 60) * S
    out = [np.where((t_us >= a * S) & (t_us < (a + 420) * S), 9.0, 5.0) for a in (600, 1020)]
    common = {"id": 1, "device_id": 2, "since_us": 0, "until_us": 3600 * S, "time_us": t_us}
    some = [{**common, "probe_id": n + 3, "temp_c": temp_c} for n, temp_c in enumerate(out)]
    (one,) = together(some, {(1, 2): profile})
    assert one["probe_id"] == 0
    told = _fails(evaluate(profile, one["time_us"], one["temp_c"]), profile, one)
    assert (told["words"], told["limit_c"], told["extreme_c"]) == ("too long in out", 8.0, 9.0)
    assert (told["start_us"] / S, told["alarm_us"] / S) == (585.0, 1185.0)
    for each in some:
        assert _fails(evaluate(profile, t_us, each["temp_c"]), profile, each) == {}
    assert _fails(evaluate(profile, one["time_us"], one["temp_c"]), profile, some[0]) == {}, "its excursion tells it"


SERUM = TemperatureProfile(
    2.0, 8.0, (Band("out", ">", 8.0, 3600, "cumulative", clear_c=0.0),), max_interval_s=300.0, coverage=0.5
)


def tell_movements(fleet: Fleet, *movements: Movement) -> None:
    with connect(fleet.dsn, "test") as c, c.transaction(), c.cursor(row_factory=dict_row) as cursor:
        tenant = Registry(c).tenant_id

        def execute(statement):
            rows = cursor.execute(queries("handling")[statement.query], {"tenant": tenant, **statement.values})
            return rows.fetchall() if rows.description else []

        run(tell(movements, {}, "test"), execute)


def moved(n: int, kind: str, second: float, unit: str, others=(), lot: str = "", **place: str) -> Movement:
    contents = (Content(lot, Fraction(10)),) if lot else ()
    where = next((Place(k, name) for k, name in place.items()), None)
    return Movement(f"m{n}", kind, T0 + round(second * S), unit, tuple(others), contents, where)


def test_budgets_follow_goods_onto_a_shipment_with_what_they_used_before_and_late_readings_revise_them(fleet):
    with connect(fleet.dsn, "test") as c, c.transaction():
        tenant = Registry(c).tenant_id
        add_version(c, tenant, key_of(c, tenant, "chilled"), version_values(SERUM, "test"))
        c.execute("update profile_version set valid_from = '2025-01-01' where version = 2")
        for lot, before in (("L-1", '{"out": 1800}'), ("L-2", "{}")):
            c.execute(
                "insert into lot (tenant_id, code, product_id, profile_id, used_before, reason, declared_by) "
                "select %s, %s, p.id, f.id, %s, 'filled warm', 'test' from product p, profile f",
                (tenant, lot, before),
            )
    shipment, site = (str(fleet.rows(f"select id from {t}")[0][0]) for t in ("shipment", "site where name = 'store-a'"))
    tell_movements(
        fleet,
        moved(1, "commission", 0, "BOX", lot="L-1", site=site),
        moved(2, "commission", 0, "TIN", lot="L-2", site=site),
        moved(3, "commission", 0, "PALLET", site=site),
        moved(4, "pack", 600, "PALLET", ["BOX", "TIN"]),
        moved(5, "place", 600, "PALLET", shipment=shipment),
    )
    goods = Goods(fleet)
    way = drive(fleet, *TOUR)
    t = (way.time_us - T0) / S
    said = goods.after(2000, way.take(t <= 2000), reefer(fleet, 0, 1000), reefer(fleet, 1000, 2000, 8.5))[-1]["goods"]
    assert (said["units"], said["judged"], said["unit"], said["lot"], said["band"]) == (2, 2, "BOX", "L-1", "out")
    assert said["verdict"] == "pass"
    asked = (
        "select u.code, b.verdict, b.body, b.share, b.revision "
        "from goods_budget b join handling_unit u on u.id = b.unit_id"
    )
    found = {code: row for code, *row in fleet.rows(asked)}
    assert found.keys() == {"BOX", "TIN", "PALLET"}
    box, tin = (found[code][1]["bands"][0] for code in ("BOX", "TIN"))
    assert box["known_used_s"] == 1800 + tin["known_used_s"]
    assert 900 < tin["known_used_s"] < 1100
    assert tin["worst_case_used_s"] == tin["known_used_s"]  # before it was loaded nobody measured: as cold as after
    assert found["BOX"][1]["unknown_s"] == 600
    assert (found["PALLET"][1]["unit"], found["PALLET"][1]["of"]) == ("BOX", 2)
    assert said["remaining_s"] == (3600 - box["worst_case_used_s"]) // 60 * 60
    goods.after(3200, reefer(fleet, 2000, 3200, 9.0))
    last = told(fleet)[-1]["goods"]
    assert (last["verdict"], last["failing"], last["share"]) == ("fail", 1, 0.0)
    fleet.close(goods.tracker)
    tell_movements(fleet, moved(6, "unpack", 1000, "PALLET", ["BOX"]), moved(7, "place", 1010, "BOX", site=site))
    goods = Goods(fleet)  # it had been left behind, as somebody tells late
    goods.after(3201)
    found = {code: row for code, *row in fleet.rows(asked)}
    assert (found["BOX"][0], found["BOX"][3]) == ("indeterminate", 3)
    assert found["PALLET"][1]["unit"] == "TIN"
    assert told(fleet)[-1]["goods"]["verdict"] == "indeterminate"
    fleet.close(goods.tracker)


def test_units_with_news_all_the_time_do_not_hold_up_the_others(fleet):
    tell_movements(fleet, *(moved(n, "commission", 0, f"U-{n}") for n in range(5)))
    with connect(fleet.dsn, "test") as c, c.transaction():
        for n in range(4):  # looked at before, the last of them longest ago
            c.execute(
                "insert into goods_budget (unit_id, tenant_id, verdict, rule_version, decided_at) select id, tenant_id,"
                " 'pass', 1, now() - make_interval(mins => %s) from handling_unit where code = %s",
                (n, f"U-{n}"),
            )
        names = dict(c.execute("select id, code from handling_unit").fetchall())
        assert [names[unit] for unit, _ in handling.claim_stale(c, 3)] == ["U-4", "U-3", "U-2"]
