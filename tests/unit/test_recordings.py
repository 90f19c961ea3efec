"""Recordings of real devices: every file we have parses with its known count, and a bad file says how to mend it."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recordings import Recording, RecordingError, parse
from firmware_sim.recordings import read

DATA = Path(__file__).parents[3] / "shared" / "data"


def recorded(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here: recorded data are kept beside the repository, not in it")
    return path


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


GPX = b"""<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="60.1" lon="24.9"><ele>12.5</ele><time>2026-11-22T10:00:00Z</time><speed>3.5</speed></trkpt>
<trkpt lat="60.2" lon="24.8"><time>2026-11-22T12:00:05+02:00</time></trkpt>
<trkpt lat="60.3" lon="24.7"/></trkseg></trk></gpx>"""
LOGGER = """Device: Q-tag Fridge-tag 2 L\r
Vers: 0.5\r
Conf:\r
 Serial: 42\r
 Temp unit: {unit}\r
Hist:\r
 1:\r
  Date: 2026-01-02\r
  Min T: +2.0, TS Min T: 13:30\r
  Max T: +8.5, TS Max T: 04:10\r
  Alarm:\r
{data}Cert:\r
 Vers: 1.0\r
"""
LOG = "Data:\r\n\tyyyy-MM-dd hh:mm\tT\tOut of limits\r\n\t2026-01-02 03:00\t--.-\tx\r\n\t2026-01-02 03:05\t-4.5\t\r\n"


def test_the_bus_in_limerick_has_2144_fixes() -> None:
    recording = read(recorded("gps/limerick_bus304_20190218.gpx"))
    assert (recording.format, recording.streams, recording.skipped) == ("gpx", ("gps",), 0)
    assert len(recording.readings) == 2144
    assert recording.span_ms() == (ms("2019-02-18T07:45:50Z"), ms("2019-02-18T09:00:26Z"))
    assert recording.readings[0][1] == {"t": 1550475950000, "lat": 52.629151, "lon": -8.661746, "alt": 19.5}
    assert recording.notes == ()


@pytest.mark.parametrize(
    ("name", "serial", "count", "skipped", "low", "high"),
    [
        ("berlinger_FridgeTag_2L_test.txt", "130500109088", 53, 0, None, None),
        ("berlinger_FridgeTag_2_130400191542_202302140605.txt", "130400191542", 120, 0, None, None),
        ("berlinger_FridgeTag_2_130400191544_202304201514.txt", "130400191544", 8, 0, 1.5, 20.8),
        ("berlinger_FridgeTag_UL_100800001215_202304201410.txt", "100800001215", 835, 6, -17.0, None),
        ("berlinger_QTag_CLm_doc_LR_RCPJ00010_03_202304201359.txt", "RCPJ00010", 424, 0, 9.7, 12.7),
    ],
)
def test_every_recorded_logger_file_parses_with_its_known_count(
    name: str, serial: str, count: int, skipped: int, low: float | None, high: float | None
) -> None:
    recording = read(recorded(f"coldchain/{name}"))
    values = [r["c"] for _, r in recording.readings]
    times = [r["t"] for _, r in recording.readings]
    assert (recording.format, recording.serial, len(values), recording.skipped) == ("berlinger", serial, count, skipped)
    assert low is None or min(values) == low
    assert high is None or max(values) == high
    assert times == sorted(times)
    assert any("UTC" in note for note in recording.notes)


def test_local_times_of_a_logger_are_read_in_the_zone_that_is_given() -> None:
    path = recorded("coldchain/berlinger_FridgeTag_UL_100800001215_202304201410.txt")
    assert read(path).span_ms()[0] == ms("2023-04-17T16:21:00Z")
    assert read(path, "Europe/Zurich").span_ms()[0] == ms("2023-04-17T14:21:00Z")


def test_a_gpx_file_gives_what_it_has_and_counts_points_without_a_time() -> None:
    recording = parse(GPX)
    assert recording.readings == (
        ("gps", {"t": ms("2026-11-22T10:00:00Z"), "lat": 60.1, "lon": 24.9, "spd": 3.5, "alt": 12.5}),
        ("gps", {"t": ms("2026-11-22T10:00:05Z"), "lat": 60.2, "lon": 24.8}),
    )
    assert recording.skipped == 1


def test_a_detailed_log_skips_what_has_no_value_and_converts_fahrenheit() -> None:
    recording = parse(LOGGER.format(unit="C", data=LOG).encode())
    (reading,) = recording.readings
    assert reading == ("temp", {"t": ms("2026-01-02T03:05:00Z"), "probe": "internal", "c": -4.5})
    assert recording.skipped == 1
    warm = parse(LOGGER.format(unit="F", data=LOG.replace("-4.5", "41.0")).encode())
    assert warm.readings[0][1]["c"] == 5.0


def test_without_a_detailed_log_the_extremes_of_each_day_are_taken_and_it_is_said() -> None:
    recording = parse(LOGGER.format(unit="C", data="").encode())
    assert [(r["t"], r["c"]) for _, r in recording.readings] == [
        (ms("2026-01-02T04:10:00Z"), 8.5),
        (ms("2026-01-02T13:30:00Z"), 2.0),
    ]
    assert any("lowest and highest" in note for note in recording.notes)


def test_csv_tracks_and_temperatures_are_read_with_and_without_offset() -> None:
    track = parse(b"\xef\xbb\xbftime,lat,lon,speed_mps,heading_deg\n2026-11-22T12:00:00+02:00,60.1,24.9,13.2,270\n")
    assert track.readings == (
        ("gps", {"t": ms("2026-11-22T10:00:00Z"), "lat": 60.1, "lon": 24.9, "spd": 13.2, "hdg": 270.0}),
    )
    cold = parse(b"time,temp_c\r\n2026-06-01 12:00:00,4.5\r\n2026-06-01 12:01:00,\r\n", "Europe/Helsinki")
    assert cold.readings == (("temp", {"t": ms("2026-06-01T09:00:00Z"), "c": 4.5, "probe": "main"}),)
    assert cold.skipped == 1
    assert "Europe/Helsinki" in cold.notes[0]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "no column 'time'"),
        (b"time,temp_c\n", "no reading in it"),
        (b"time;temp_c\n2026-01-01T00:00:00Z;4,5\n", "not separated by commas"),
        (b"when,temp_c\n1,2\n", "no column 'time'"),
        (b"time,humidity\n1,2\n", "must be time,lat,lon"),
        (b"time,temp_c\nyesterday,4\n", "line 2: 'yesterday' is not a time"),
        (b"time,temp_c\n2026-01-01T00:00:00Z,nan\n", "line 2: temp_c 'nan' is not a number"),
        (b'time,temp_c\n2026-01-01T00:00:00Z,"4,5"\n', "a decimal point"),
        (b"time,lat,lon\n2026-01-01T00:00:00Z,91,0\n", "lat '91' is not a number from -90 to 90"),
        (b"time,lat,lon\n2026-01-01T00:00:00Z,60\n", "2 cells, but the header has 3"),
        (b"time,temp_c,temp_c\n", "twice"),
        (b"PK\x03\x04\x00\x00", "NUL bytes"),
        (b"time,temp_c\n\xff\xfe,4\n", "not UTF-8"),
        (b"<html><body/></html>", "its root is <html>, not <gpx>"),
        (b"<gpx><trk>", "broken XML"),
        (b"<gpx><trk><trkseg/></trk></gpx>", "no track point"),
        (b'<gpx><rte><rtept lat="1" lon="2"/></rte></gpx>', "a plan and not a recording"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><gpx/>', "DOCTYPE"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE gpx><gpx/>'.encode("utf-16"), "DOCTYPE"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(content: bytes, hint: str) -> None:
    with pytest.raises(RecordingError, match=hint.replace("(", r"\(")):
        parse(content)


def test_a_missing_file_an_unknown_zone_and_a_folder_are_one_clear_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.gpx", tmp_path):
        with pytest.raises(RecordingError) as error:
            read(path)
        assert "\n" not in str(error.value)
    with pytest.raises(RecordingError, match="no time zone 'Mars/Olympus'"):
        parse(GPX, "Mars/Olympus")


def _parsed_or_refused(content: bytes) -> bool:
    try:
        return isinstance(parse(content), Recording)
    except RecordingError as error:
        return bool(str(error))


@given(st.integers(0, len(GPX)), st.integers(0, 255))
def test_a_damaged_gpx_file_is_parsed_or_refused_and_nothing_else(at: int, byte: int) -> None:
    assert _parsed_or_refused(GPX[:at])
    assert _parsed_or_refused(GPX[:at] + bytes([byte]) + GPX[at + 1 :])


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused_and_nothing_else(content: bytes) -> None:
    for prefix in (b"", b"Device: x\n", b"time,temp_c\n", b"<gpx>"):
        assert _parsed_or_refused(prefix + content)


def test_a_shifted_recording_keeps_its_distances() -> None:
    recording = parse(GPX)
    moved = recording.shifted(1000)
    assert [r["t"] for _, r in moved.readings] == [r["t"] + 1000 for _, r in recording.readings]
    assert Counter(s for s, _ in moved.readings) == Counter(s for s, _ in recording.readings)
