"""A bad element costs itself, never its neighbours: of a body, array, batch or pack, in every format that has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.readings import Flag
from domain.wire.native import decode
from tests.examples import examples
from tests.unit.wire.speakers import MAC, T_MS, URN, Heard, Message, heard, text

SECOND = 1000
RAWV2 = "0201061BFF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"


class Container(NamedTuple):
    """A message of several elements: how a good one looks, what can be wrong with one, how they are put together."""

    good: Callable[[int], Any]
    bad: Sequence[Any]
    whole: Callable[[list[Any]], Message]


def at(n: int) -> int:
    """A time of its own for each element, milliseconds."""
    return T_MS + n * SECOND


def location(n: int, **more: Any) -> dict[str, Any]:
    coords = {"latitude": 60 + n / 1000, "longitude": 24.9}
    return {"timestamp": f"2026-11-28T21:05:{n % 60:02d}Z", "coords": coords, **more}


ONE = {"ts": T_MS, "values": {"temperature": 1}}
CONTAINERS = {
    "thingsboard": Container(
        lambda n: {"ts": at(n), "values": {"temperature": n}},
        [5, None, [], {"ts": "soon", "values": {"a": 1}}, {"ts": T_MS, "values": 5}, {"ts": 5e15, "values": {"a": 1}},
         {"ts": T_MS, "values": {"temperature": "wet 7"}}, {"ts": T_MS // 1000, "values": {"temperature": 5}}],
        lambda elements: Message("thingsboard", text(elements)),
    ),
    "thingsboard gateway": Container(
        lambda n: {"ts": at(n), "values": {"temperature": n}},
        [5, None, {"ts": "soon", "values": {"a": 1}}, {"ts": T_MS, "values": {"temperature": float("nan")}}],
        lambda elements: Message("thingsboard", text({"Room 7": [*elements, ONE], "Room 8": [ONE]})),
    ),
    "flespi": Container(
        lambda n: {"ident": "868", "timestamp": at(n) / 1000, "sensor.temperature.1": n},
        [5, None, [], {}, {"ident": 7, "din": 1}, {"ident": "868", "timestamp": "soon", "din": 1},
         {"ident": "868", "timestamp": T_MS, "din": 1}, {"ident": "868", "sensor.temperature.1": "wet 7"}],
        lambda elements: Message("flespi", text(elements)),
    ),
    "reads": Container(
        lambda n: {"t": at(n), "ant": 1, "epc": "3034257BF7194E4000001A85", "rssi": -n},
        [5, None, [], {}, {"epc": "3034", "x": 1}, {"epc": "no"}, {"epc": "3034", "t": "soon"}, {"data": 5},
         {"tagInventoryEvent": {"epc": "?"}}],
        lambda elements: Message("reads", text(elements)),
    ),
    "telegraf": Container(
        lambda n: {"name": "a", "tags": {"device_id": "868"}, "timestamp": at(n), "fields": {"temperature": n}},
        [5, None, [], {}, {"name": 7, "fields": {"a": 1}}, {"name": "a", "fields": [1]},
         {"name": "a", "fields": {"a": 1}, "timestamp": "soon"}, {"name": "a", "fields": {"a": 1}, "tags": [1]},
         {"name": "a", "fields": {"temperature": "wet 7"}}],
        lambda elements: Message("telegraf", text({"metrics": elements})),
    ),
    "senml": Container(
        lambda n: {"n": f"p{n}/temperature", "t": n, "v": n},
        [5, {"n": "x"}, {"n": "a b", "v": 1}, {"n": "x", "v": 1, "vs": "1"}, {"n": "temperature", "v": [4]},
         {"n": "temperature", "v": float("nan")}, {"n": "temperature", "u": "V", "v": 4},
         {"n": "x", "t": 1.8e12, "v": 1}],
        lambda elements: Message("senml", text([{"bn": f"{URN}:", "bt": T_MS // 1000}, *elements])),
    ),
    "owntracks": Container(
        lambda n: {"_type": "location", "tst": at(n) // 1000, "lat": 60 + n / 1000, "lon": 24.9},
        [5, {}, {"_type": "encrypted"}, {"_type": "location", "tst": 1, "lat": 1}, {"_type": "transition"},
         {"_type": "location", "tst": T_MS, "lat": 1, "lon": 1}, {"_type": "location", "tst": "", "lat": 1, "lon": 1},
         {"_type": "location", "tst": T_MS // 1000, "lat": 191, "lon": 1}],
        lambda elements: Message("owntracks", text(elements)),
    ),
    "osmand": Container(
        location,
        [5, None, location(9, timestamp=""), location(9, timestamp="2026-11-28"), location(9, coords={"latitude": 1}),
         location(9, coords={"latitude": float("nan"), "longitude": 24}), location(9, battery=5)],
        lambda elements: Message("osmand", text({"location": elements})),
    ),
    "ble": Container(
        lambda n: {"id": f"A4:C1:38:56:53:{n:02X}", "model_id": "X", "unixtime": at(n) // 1000, "tempc": n},
        [5, {"id": "kitchen", "tempc": 4}, {"id": MAC, "tempc": "4 or 5"}, {"id": MAC, "unixtime": T_MS, "tempc": 4},
         {"id": MAC, "manufacturerdata": "4f0901"}, {"id": MAC, "servicedatauuid": "fcd2", "servicedata": "40020"}],
        lambda elements: Message("ble", text(elements)),
    ),
    "ruuvi": Container(
        lambda n: (f"CB:B8:33:4C:88:{n:02X}", {"data": RAWV2, "timestamp": at(n) // 1000}),
        [(MAC, 5), ("kitchen", {"data": RAWV2}), (MAC, {"data": "0201"}), (MAC, {"data": RAWV2[:30]}),
         (MAC, {"data": RAWV2, "timestamp": T_MS}), (MAC, {})],
        lambda elements: Message("ruuvi", text({"data": {"tags": dict(elements)}})),
    ),
}  # fmt: skip


def stored(found: Heard) -> list[dict[str, Any]]:
    return sorted(found.readings, key=lambda each: json.dumps(each, default=str))


CASES = [(name, n) for name, container in CONTAINERS.items() for n in range(len(container.bad))]


@pytest.mark.parametrize(("name", "n"), CASES, ids=str)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_bad_element_changes_nothing_of_its_neighbours_and_is_told(name: str, n: int, place: int) -> None:
    good, bad, whole = CONTAINERS[name]
    elements = [good(k) for k in range(1, 4)]
    without = heard(whole(elements))
    found = heard(whole([*elements[:place], bad[n], *elements[place:]]))
    assert stored(found) == stored(without) != []
    assert found.refused
    assert without.refused == []


@pytest.mark.parametrize("name", CONTAINERS)
@given(st.data())
@settings(deadline=None, max_examples=examples(40))
def test_whatever_is_among_the_good_ones_the_good_ones_are_stored(name: str, data: st.DataObject) -> None:
    good, bad, whole = CONTAINERS[name]
    elements = data.draw(st.lists(st.integers(1, 50).map(good) | st.sampled_from(bad), max_size=8, unique_by=repr))
    if name == "ruuvi":
        elements = list(dict(elements).items())
    only_good = [each for each in elements if each not in bad]
    if not only_good:
        return  # there is nothing to be without
    found, without = heard(whole(elements)), heard(whole(only_good))
    assert stored(found) == stored(without)
    assert bool(found.refused) == (len(only_good) < len(elements))


# ---------------------------------------------------------------- our own batches: arrays side by side
BAD_VALUES = {"c": [None, "x", True, [4], float("nan"), float("inf"), 5000], "t": ["soon", True, [], 1e300, 5e18]}


@pytest.mark.parametrize(("key", "odd"), [(key, odd) for key, values in BAD_VALUES.items() for odd in values], ids=str)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_bad_element_of_an_array_costs_its_reading_only(key: str, odd: Any, place: int) -> None:
    batch: dict[str, list[Any]] = {"t": [at(n) for n in range(5)], "c": [4.5, 4.6, 4.7, 4.8, 4.9], "rh": [60] * 5}
    rest = {k: [v for n, v in enumerate(values) if n != place] for k, values in batch.items()}
    batch[key][place] = odd
    found = heard(Message("", text(batch), "temp"))
    assert found.readings == heard(Message("", text(rest), "temp")).readings
    assert f"(reading {place})" in found.why()


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "-nan", "nan(ind)", "-nan(0x8000)", "inf", "-inf", "Infinity", "-Infinity", "1e999"]
)
@pytest.mark.parametrize("name", ["", "thingsboard", "senml", "tts", "osmand"])
def test_words_that_printf_puts_in_the_place_of_a_number_are_read_as_what_they_are(word: str, name: str) -> None:
    wrapped = {
        "": '{"t":[1795899940000,1795899941000,1795899942000],"c":[4.5,WORD,4.7]}',
        "thingsboard": '[{"temperature":4.5},{"temperature":WORD},{"temperature":4.7}]',
        "senml": '[{"n":"temperature","v":4.5},{"n":"temperature","v":WORD},{"n":"temperature","v":4.7}]',
        "tts": '{"end_device_ids":{"dev_eui":"70B3D57ED0001234"},"uplink_message":{"decoded_payload":'
        '{"temperature_1":4.5,"temperature_2":WORD,"temperature_3":4.7}}}',
        "osmand": '{"location":[{"coords":{"latitude":4.5,"longitude":4.5}},{"coords":{"latitude":WORD,"longitude":1}},'
        '{"coords":{"latitude":4.7,"longitude":4.7}}]}',
    }[name]
    found = heard(Message(name, wrapped.replace("WORD", word).encode(), "temp"))
    assert [each.get("temp_c", each.get("lat")) for each in found.readings] == [4.5, 4.7]
    assert found.refused


@pytest.mark.parametrize("short", [[], [61], [61, 62], [61, 62, 63, 64]])
def test_an_array_beside_the_readings_that_is_of_another_length_is_left_out_whole(short: list[int]) -> None:
    """Which of its values is missing nobody knows, so that none is in no doubt."""
    batch = {"t": [at(n) for n in range(3)], "c": [4.5, 4.6, 4.7], "rh": short, "boot": "b", "seq": 7}
    found = heard(Message("", text(batch), "temp"))
    assert [(each["temp_c"], each["flags"], "humidity_pct" in each) for each in found.readings] == [
        (c, Flag.PARTIAL, False) for c in (4.5, 4.6, 4.7)
    ]
    assert found.why().startswith("unequal_arrays: 3 readings are stored without rh")


@pytest.mark.parametrize("key", ["t", "c", "seq", "probe"])
def test_an_array_that_makes_the_readings_and_is_shorter_leaves_all_in_doubt(key: str) -> None:
    batch: dict[str, Any] = {
        "t": [at(n) for n in range(3)],
        "c": [4, 5, 6],
        "boot": "b",
        "seq": [1, 2, 3],
        "probe": ["a"] * 3,
    }
    batch[key] = batch[key][:2]
    rows = decode("temp", [(0, text(batch), "json")])
    assert len(rows.message) == 0
    assert [each.reason for each in rows.rejections] == ["unequal_arrays"]


# ---------------------------------------------------------------- one element says the same thing twice
def test_a_channel_that_speaks_twice_of_one_time_gives_two_readings() -> None:
    plain = heard(Message("thingsboard", text([{"temperature": 4.5}, {"temperature": 4.6}])))
    assert [each["temp_c"] for each in plain.readings] == [4.5, 4.6]
    pack = [{"n": "temperature", "v": 4.5}, {"n": "humidity", "v": 60}, {"n": "temperature", "v": 4.6}]
    assert [each["temp_c"] for each in heard(Message("senml", text(pack))).readings] == [4.5, 4.6]


def test_two_names_for_one_place_are_not_one_value() -> None:
    found = heard(Message("thingsboard", text({"temperature": 4.5, "temp": 9.5, "humidity": 60})))
    assert [(each["temp_c"], each["humidity_pct"]) for each in found.readings] == [(4.5, 60)]
    assert found.attributes == {"temp": 9.5}
