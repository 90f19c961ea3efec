"""What a Berlinger logger says of itself is read beside its readings, and kept apart from them."""

from datetime import date, datetime
from pathlib import Path

import pytest

from domain.recordings import Recording, parse
from domain.recordings.reported import Alarm, Extreme
from firmware_sim.recordings import read

DATA = Path(__file__).parents[3] / "shared" / "data" / "coldchain"
FRIDGE = """Device: Q-tag Fridge-tag 2 L\r
Fw Vers: 4.0\r
Conf:\r
 Serial: 42\r
 Temp unit: C\r
 Alarm:\r
  0:\r
   T AL: -0.5, t AL: 60\r
  1:\r
   T AL: +8.0, t AL: 600\r
 Logging Interval: 5\r
Hist:\r
 TS Actv: 2026-01-01 04:44\r
 TS Report Creation: 2026-01-03 10:14\r
 1:\r
  Date: 2026-01-03\r
  Min T: +9.0, TS Min T: 00:42\r
  Max T: +9.2, TS Max T: 09:52\r
  Avrg T: +9.1\r
  Alarm:\r
   0:\r
    t Acc: 0\r
   1:\r
    t Acc: 614, TS A: 00:00, C A: 0\r
  Int Sensor timeout:\r
   t AccST: 21, TS ST: 02:04\r
 2:\r
  Date: 2026-01-02\r
  Min T: +2.0, TS Min T: 13:30\r
  Max T: +9.5, TS Max T: 04:10\r
  Avrg T: +4.6\r
  Alarm:\r
   0:\r
    t Acc: 0\r
   1:\r
    t Acc: 700, TS A: 22:20\r
Cert:\r
 Vers: 1.0\r
"""
TRANSPORT = """Device: Q-tag CLm doc LR
Conf:
 Serial: R1
 MKT Energy: 83.0
 Logging Interval: 10
 Alarm:
  1:
   Type: 2, T AL: 8.0, t AL: 30
  2:
   Type: 4, T AL: 8.0, t AL: 60
  3:
   Type: 0
  4:
   Type: 3, T AL: 2.0, t AL: 60
Res:
 TS Start: 2026-01-02 15:23
 TS Stop: 2026-01-02 17:00
 Min T: 9.7, TS Min T: 2026-01-02 15:53
 Max T: 12.7, TS Max T: 2026-01-02 15:23
 MKT: 10.4
 Avrg T: 10.3
 Alarm:
  1:
   TS S: 2026-01-02 15:33, t A: 87, TS A: 2026-01-02 16:03, TS E:, T M: 11.4, TS M: 2026-01-02 16:17
  2:
   TS S: 2026-01-02 15:33, t A: 87, TS A: 2026-01-02 16:33
  4:
Data:
\tyyyy-MM-dd hh:mm\tT\tOut of limits
\t2026-01-02 15:23\t12.7\tx
"""


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def reported_of(recording: Recording):
    assert recording.reported is not None
    return recording.reported


def test_a_refrigerators_history_is_read_with_its_days_in_local_time() -> None:
    said = reported_of(parse(FRIDGE.encode(), "Europe/Helsinki"))
    assert (said.model, said.firmware, said.interval_s, said.mkt_c) == ("Q-tag Fridge-tag 2 L", "4.0", 300, None)
    assert (said.activated_ms, said.stopped_ms) == (ms("2026-01-01T04:44+02:00"), ms("2026-01-03T10:14+02:00"))
    low, high = said.alarms
    assert low == Alarm("0", "<=", -0.5, 3600, "consecutive", (), 0)
    assert (high.op, high.limit_c, high.for_s, high.beyond_s) == (">", 8.0, 36_000, 1314 * 60)
    assert high.raised_ms == (ms("2026-01-02T22:20+02:00"),), "at midnight the alarm of the day before went on"
    first, second = said.days
    assert (first.day, first.begin_ms) == (date(2026, 1, 2), ms("2026-01-02T00:00+02:00"))
    assert (first.lowest, first.mean_c) == (Extreme(ms("2026-01-02T13:30+02:00"), 2.0), 4.6)
    assert (second.beyond_min, second.sensor_lost_min) == ((("0", 0), ("1", 614)), 21)
    assert len(said.extremes()) == 4


def test_a_transport_loggers_result_is_read_with_its_alarms_by_type() -> None:
    said = reported_of(parse(TRANSPORT.encode()))
    assert (said.mkt_c, said.mean_c, said.delta_h_kj_per_mol) == (10.4, 10.3, 83.0)
    assert (said.started_ms, said.stopped_ms) == (ms("2026-01-02T15:23Z"), ms("2026-01-02T17:00Z"))
    assert said.highest == Extreme(ms("2026-01-02T15:23Z"), 12.7)
    assert said.alarms == (
        Alarm("1", ">", 8.0, 1800, "consecutive", (ms("2026-01-02T16:03Z"),), 87 * 60),
        Alarm("2", ">", 8.0, 3600, "cumulative", (ms("2026-01-02T16:33Z"),), 87 * 60),
        Alarm("4", "<", 2.0, 3600, "cumulative", (), None),
    )


def test_a_device_that_counts_in_fahrenheit_is_read_in_celsius() -> None:
    said = reported_of(parse(FRIDGE.replace("Temp unit: C", "Temp unit: F").replace("+8.0", "+46.4").encode()))
    assert said.alarms[1].limit_c == 8.0


@pytest.mark.parametrize("broken", ["Date: 9999-12-31", "Date: 0001-01-01", "Date: never", "Date:"])
def test_a_day_that_is_none_costs_itself(broken: str) -> None:
    said = reported_of(parse(FRIDGE.replace("Date: 2026-01-03", broken).encode(), "America/New_York"))
    assert [d.day for d in said.days] == [date(2026, 1, 2)]


def test_the_exports_of_real_loggers_tell_what_they_are_known_to() -> None:
    if not DATA.exists():
        pytest.skip(f"{DATA} is not here: recorded data are kept beside the repository, not in it")
    told = {path.name.split("_")[2]: reported_of(read(path)) for path in sorted(DATA.glob("*_20230420*.txt"))}
    quick = told["CLm"]
    assert (quick.mkt_c, quick.mean_c, quick.lowest, quick.highest and quick.highest.temp_c) == (
        10.4, 10.4, Extreme(ms("2023-04-18T03:53Z"), 9.7), 12.7,
    )  # fmt: skip
    assert [(a.words, a.raised_ms) for a in quick.alarms if a.raised_ms] == [
        ("device alarm 1: > 8 °C for 30 min", (ms("2023-04-17T16:03Z"),)),
        ("device alarm 2: > 8 °C for 60 min in all", (ms("2023-04-17T16:33Z"),)),
    ]
    ultra = told["UL"]
    assert [dict(d.beyond_min)["1"] for d in ultra.days] == [474, 1440, 1440, 834]
    assert ultra.alarms[1].raised_ms == (ms("2023-04-17T17:06Z"),)
    assert len(ultra.extremes()) == 8
