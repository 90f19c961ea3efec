"""Bands of a profile on a real database: what is decided, told once, held back, and the same in any order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.cold_chain.profile import Band, Schedule, Suppression, TemperatureProfile
from domain.readings import Flag
from domain.times import from_us
from store.db import connect
from store.profiles import add_version, key_of, version_values
from store.registry import Registry
from tests.integration.fleet import T0, Fleet, S
from tests.integration.tracker.test_late import verified
from tests.integration.tracker.test_tracker import delivered, newest_first, reference, shuffled

STEPS = TemperatureProfile(
    2.0,
    8.0,
    (
        Band("notice", ">", 7.0, 0, severity="info"),
        Band("warm", ">", 8.0, 60, severity="warning"),
        Band("hot", ">=", 12.0, 120, severity="critical"),
        Band("an hour of warmth", ">", 9.0, 600, "cumulative", "rolling", window_s=3600, severity="warning"),
        Band("frost", "<", 0.0, 0),
    ),
    max_interval_s=300,
)
CURRENT = "where superseded_at is null and not retracted"


@pytest.fixture
def fleet(database: str) -> Fleet:
    return Fleet(database)


def hold_to(fleet: Fleet, profile: TemperatureProfile, since_s: float = -86_400) -> None:
    """The next version of the reefer's profile, from a time on: the days of these tests are long past."""
    with connect(fleet.dsn, "test") as c, c.transaction():
        tenant = Registry(c).tenant_id
        number = add_version(c, tenant, key_of(c, tenant, "chilled"), version_values(profile, "test"))
        since = from_us(T0 + round(since_s * S))
        c.execute("update profile_version set valid_from = %s where version = %s", (since, number))


def temps(fleet: Fleet, t_s, temp_c, flags=0):
    seq = np.asarray(t_s, np.int64) * 7  # another for each
    return fleet.batch("temp", "reefer", t_s, seq=seq, boot=2, probe_id=fleet.probe, temp_c=temp_c, flags=flags)


def run(fleet: Fleet, *batches) -> None:
    """The readings, one batch after the other, then everything settled."""
    tracker = fleet.tracker()
    for batch in batches:
        fleet.append(batch)
        fleet.settle(tracker)
    fleet.close(tracker)


def events(fleet: Fleet) -> list[str]:
    return [what for (what,) in fleet.rows("select what from alert_event order by id")]


def test_steps_up_and_down_are_one_alert_as_severe_as_what_lasts(fleet):
    hold_to(fleet, STEPS)
    t = np.arange(0, 3600, 30)
    temp_c = np.interp(t, [0, 600, 1500, 1800, 2400, 3000], [5, 5, 14, 14, 9, 4])
    tracker, seen = fleet.tracker(), []
    for part in np.array_split(np.arange(len(t)), 30):
        fleet.append(temps(fleet, t[part], temp_c[part]))
        fleet.settle(tracker)
        seen += fleet.rows("select id, severity, cleared_at is null from alert")
    fleet.close(tracker)
    assert len({row[0] for row in seen}) == 1
    assert [s for i, (_, s, _) in enumerate(seen) if i == 0 or s != seen[i - 1][1]] == [
        "warning", "critical", "warning", "critical",
    ]  # fmt: skip
    assert [e for e in events(fleet) if e != "amended"] == ["raised", "raised", "cleared"]
    said = "select band, severity, kind, profile_version, alarm_at is not null"
    told = fleet.rows(f"{said} from excursion {CURRENT} order by 1")
    assert told == [
        ("an hour of warmth", "warning", "above", 2, True),
        ("hot", "critical", "above", 2, True),
        ("notice", "info", "above", 2, True),
        ("warm", "warning", "above", 2, True),
    ]


def test_flapping_around_a_limit_for_an_hour_is_one_alert(fleet):
    hold_to(fleet, TemperatureProfile(2.0, 8.0, (Band("warm", ">", 8.0, 0, clear_c=0.0),)))
    t = np.arange(0, 3600, 60)
    run(fleet, *(temps(fleet, t[i : i + 3], 8.0 + 0.1 * (-1.0) ** np.arange(i, i + 3)) for i in range(0, 60, 3)))
    assert fleet.rows("select count(*), count(distinct fact_id) from alert") == [(1, 1)]
    assert fleet.rows(f"select count(*) from excursion {CURRENT}") == [(30,)]


def test_what_returns_after_somebody_was_done_with_it_is_another_alert(fleet):
    hold_to(fleet, TemperatureProfile(2.0, 8.0, (Band("warm", ">", 8.0, 0),)))
    run(fleet, temps(fleet, [0, 60, 120, 180], [5, 9, 9, 5]))
    with connect(fleet.dsn, "test") as c:
        c.execute("update alert set resolved_at = %s", (from_us(T0 + 200 * S),))
    run(fleet, temps(fleet, [240, 300, 360], [5, 9, 9]))
    assert fleet.rows("select resolved_at is null, cleared_at is null from alert order by opened_at") == [
        (False, False), (True, True),
    ]  # fmt: skip


WAVES = TemperatureProfile(
    2.0,
    8.0,
    (
        *STEPS.bands,
        Band("ever", ">=", 8.5, 900, "cumulative", clear_c=0.0),
        Band("a day", ">", 8.0, 600, "cumulative", "daily", "18:00", clear_c=0.1),
    ),
    max_interval_s=300,
    tz="Europe/Helsinki",
)
STAYS = (
    "select band, kind, severity, started_at, ended_at, alarm_at, round(extreme_c::numeric, 6), samples from excursion "
)
ALERTS = "select severity, opened_at, alarm_at, cleared_at from alert where cleared_at is null or fact_id in "
FACTS = (f"{STAYS} {CURRENT} order by 1, 4", f"{ALERTS} (select id from excursion {CURRENT}) order by 2, 1")


@pytest.mark.parametrize("order", [newest_first, shuffled])
def test_any_order_of_arrival_ends_in_the_same_stays_and_alerts_and_a_proof_agrees(fleet, order, monkeypatch):
    hold_to(fleet, WAVES)
    t = np.arange(0, 3 * 3600, 30)
    rng = np.random.default_rng(4)
    temp_c = 8 + 4 * np.sin(t / 700) + rng.normal(0, 0.4, len(t))
    keep = rng.random(len(t)) > 0.1
    batch = temps(fleet, t[keep], temp_c[keep])
    delivered(fleet, [batch], order)
    found = [fleet.rows(sql) for sql in FACTS]
    assert verified(fleet.dsn, monkeypatch).stdout.endswith("all facts agree\n")
    reference(fleet, [batch])
    assert [fleet.rows(sql) for sql in FACTS] == found
    assert {row[0] for row in found[0]} == {b.name for b in WAVES.bands} - {"frost"}


def test_a_new_version_counts_from_its_beginning_and_ends_what_it_no_longer_has(fleet):
    hold_to(fleet, STEPS)
    later = TemperatureProfile(2.0, 15.0, (Band("warm", ">", 10.0, 60, severity="critical"),), max_interval_s=300)
    hold_to(fleet, later, since_s=600)
    t = np.arange(0, 1500, 30)
    whole = temps(fleet, t, np.interp(t, [0, 300, 1200, 1499], [5, 13, 13, 5]))
    tracker = fleet.tracker()
    fleet.append(whole.take(t % 60 == 0))
    fleet.settle(tracker)
    fleet.append(whole.take(t % 60 == 30))
    fleet.settle(tracker)
    fleet.close(tracker)
    told = fleet.rows(
        f"select band, profile_version, extract(epoch from started_at)::int8 - {T0 // S}, "
        f"extract(epoch from ended_at)::int8 - {T0 // S} from excursion {CURRENT} order by band"
    )
    assert [(band, version, end) for band, version, _, end in told] == [
        ("an hour of warmth", 2, 570), ("hot", 2, 570), ("notice", 2, 570), ("warm", 2, 1323),
    ]  # fmt: skip


def test_a_schedule_holds_in_the_hours_of_its_zone(fleet):
    """T0 is 18:06:40 in Helsinki, on a Sunday."""
    hours = Schedule(days=(7,), begins="08:00", ends="18:20")
    hold_to(fleet, replace(STEPS, bands=STEPS.bands[1:2], schedule=hours, tz="Europe/Helsinki"))
    t = np.arange(0, 1800, 60)
    run(fleet, temps(fleet, t[:5], [5.0, 9, 9, 9, 9]), temps(fleet, t[5:], np.full(len(t) - 5, 9.0)))
    ends = f"select extract(epoch from ended_at)::int8 - {T0 // S} from excursion {CURRENT}"
    assert fleet.rows(ends) == [(780,)]  # the last reading before 18:20


def test_a_sensor_that_says_what_cannot_be_is_a_fault_and_no_excursion(fleet):
    hold_to(fleet, STEPS)
    run(
        fleet,
        temps(fleet, [0, 60], [5.0, 5.1]),
        temps(fleet, [120], [85.0], Flag.SENTINEL),
        temps(fleet, [180], [5.1]),  # one is nothing
        temps(fleet, [240, 300, 360], [-127.0] * 3, Flag.SENTINEL),
        temps(fleet, [420, 480], [-127.0, -127.0], Flag.SENTINEL),
    )
    assert fleet.rows("select kind, severity, probe_id, title, cleared_at is null from alert") == [
        ("sensor_fault", "warning", fleet.probe, "Sensor fault: rear says -127 °C", True)
    ]
    run(fleet, temps(fleet, [540, 600], [9.5, 5.0]))
    assert fleet.rows("select kind, cleared_at is null from alert") == [("sensor_fault", False)]
    assert events(fleet) == ["raised", "cleared"]
    run(fleet, temps(fleet, [660, 720, 780], [70.0, 5.0, 5.0]))  # a glitch
    assert fleet.rows(f"select count(*) from excursion {CURRENT} and started_at > now()") == [(0,)]
    assert fleet.rows(f"select count(*) from excursion {CURRENT} and extreme_c > 60") == [(0,)]


def doors(fleet: Fleet, t_s, is_open):
    return fleet.batch("door", "gps", t_s, seq=np.asarray(t_s), boot=3, door_id=1, open=is_open)


def test_an_open_door_holds_an_alarm_back_until_it_is_shut(fleet):
    quiet = TemperatureProfile(
        2.0, 8.0, (Band("warm", ">", 8.0, 120),), max_interval_s=300, suppress=Suppression(door_open=True)
    )
    hold_to(fleet, quiet)
    warm = np.arange(60, 600, 60)
    run(fleet, temps(fleet, [0], [5.0]), doors(fleet, [50], [1]), temps(fleet, warm, np.full(len(warm), 9.5)))
    held = f"select alarm_at is not null, suppressed, suppressed_until is null from excursion {CURRENT}"
    assert fleet.rows(held) == [(True, "door", True)]
    assert fleet.rows("select count(*) from alert") == [(0,)]
    run(fleet, doors(fleet, [610], [0]), temps(fleet, [660], [9.6]))
    assert fleet.rows(held) == [(True, "door", False)]
    assert events(fleet) == ["raised"]
    run(fleet, temps(fleet, [720, 780], [9.0, 5.0]), doors(fleet, [800], [1]))
    again = np.arange(840, 1200, 60)
    run(fleet, temps(fleet, again, np.full(len(again), 9.5)), temps(fleet, [1200], [5.0]), doors(fleet, [1210], [0]))
    assert fleet.rows(held + " order by started_at") == [(True, "door", False), (True, "door", True)]
    assert events(fleet) == ["raised", "cleared"]


def test_where_time_with_an_open_door_does_not_count_the_rest_has_to_be_long_enough(fleet):
    quiet = TemperatureProfile(
        2.0, 8.0, (Band("warm", ">", 8.0, 120),), max_interval_s=300, suppress=Suppression(door_open=True, counts=False)
    )
    hold_to(fleet, quiet)
    warm = np.arange(60, 720, 60)
    run(fleet, temps(fleet, [0], [5.0]), doors(fleet, [50], [1]), temps(fleet, warm, np.full(len(warm), 9.5)))
    run(fleet, doors(fleet, [610], [0]), temps(fleet, [715], [9.6]))
    assert fleet.rows("select count(*) from alert") == [(0,)], "ten seconds before the door, 105 behind it"
    run(fleet, temps(fleet, [780], [9.6]))
    assert events(fleet) == ["raised"]
    held = f"select suppressed, extract(epoch from suppressed_until)::int8 from excursion {CURRENT}"
    assert fleet.rows(held) == [("door", T0 // S + 720)]
