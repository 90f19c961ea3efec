"""A device's buffer: nothing is forgotten without a receipt, the ring is bounded, faults lose nothing."""

import random
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.wire import native
from firmware_sim.device import BATCH_READINGS_MAX, PAYLOAD_BYTES_MAX, WINDOW_READINGS_MAX, Device, Entry, encode
from firmware_sim.faults import GARBAGE, TABLE, FaultPlan, Faults
from firmware_sim.simulation import Simulation
from firmware_sim.truth import Ledger, load, payload_hash
from firmware_sim.world import build
from tests.examples import examples

START_S = 1_795_000_000.0


def device(faults: Faults | None = None, ring_max: int = 100_000, seed: int = 1) -> Device:
    return Device("d", "b", FaultPlan(faults or Faults(), seed, "d", START_S), ring_max)


def temp(i: int) -> dict[str, object]:
    return {"t": int(START_S * 1000) + i * 1000, "probe": "rear", "c": 4.0 + i}


def unpack(payload: bytes) -> list[dict[str, object]]:
    """Readings of a payload, scalars spread and seq counted up, as the ingester reads it."""
    body = orjson.loads(payload)
    if not isinstance(body["t"], list):
        return [body]
    n = len(body["t"])
    if not isinstance(body["seq"], list):
        body["seq"] = list(range(body["seq"], body["seq"] + n))
    return [{k: v[i] if isinstance(v, list) else v for k, v in body.items()} for i in range(n)]


def test_a_single_reading_is_sent_as_one_object_with_boot_and_seq() -> None:
    d = device()
    d.record("temp", temp(0), START_S)
    (message,) = d.due(0.0, START_S)
    assert message.stream == "temp"
    assert orjson.loads(message.payload) == {"boot": "b", "seq": 1, **temp(0)}


def test_readings_that_are_due_together_are_batched_by_stream_and_come_out_the_same() -> None:
    d = device()
    for i in range(10):
        d.record("temp", temp(i), START_S)
        d.record("door", {"t": i, "door": "rear", "open": i % 2 == 0}, START_S)
    messages = d.due(0.0, START_S)
    assert [m.stream for m in messages] == ["temp", "door"]
    assert [r["c"] for r in unpack(messages[0].payload)] == [4.0 + i for i in range(10)]
    assert [r["seq"] for r in unpack(messages[1].payload)] == list(range(2, 21, 2))


def test_nothing_leaves_the_buffer_until_the_receipt_covers_it() -> None:
    d = device()
    for i in range(20):
        d.record("temp", temp(i), START_S)
    d.due(0.0, START_S)
    assert d.buffered == 20
    assert [e.seq for e in d.receipt("b", 12)] == list(range(1, 13))
    assert d.receipt("b", 12) == []
    assert d.receipt("another", 99) == []
    assert d.buffered == 8


def test_a_receipt_that_does_not_come_makes_the_device_send_again_later_and_later() -> None:
    d = device()
    d.record("temp", temp(0), START_S)
    sent_at = [s for s in range(400) if d.due(float(s), START_S)]
    assert sent_at == [0, 10, 30, 70, 150, 310]


def test_after_a_lost_connection_all_that_is_not_receipted_is_sent_again_in_order() -> None:
    d = device()
    for i in range(5):
        d.record("temp", temp(i), START_S)
    d.due(0.0, START_S)
    d.receipt("b", 2)
    d.connection_lost()
    (message,) = d.due(1.0, START_S)
    assert [r["seq"] for r in unpack(message.payload)] == [3, 4, 5]


def test_no_more_than_the_window_is_in_flight_and_batches_keep_their_limits() -> None:
    d = device()
    for i in range(WINDOW_READINGS_MAX + 700):
        d.record("temp", temp(i), START_S)
    messages = d.due(0.0, START_S)
    assert sum(len(m.entries) for m in messages) == WINDOW_READINGS_MAX
    assert max(len(m.entries) for m in messages) <= BATCH_READINGS_MAX
    assert max(len(m.payload) for m in messages) <= PAYLOAD_BYTES_MAX
    assert d.due(1.0, START_S) == []
    d.receipt("b", WINDOW_READINGS_MAX)
    assert sum(len(m.entries) for m in d.due(2.0, START_S)) == 700


def test_a_batch_too_large_for_64_kib_is_halved() -> None:
    entries = tuple(Entry("b", i, "temp", {"t": i, "probe": f"{i:03d}" * 150, "c": 4.0}) for i in range(400))
    messages = list(encode("temp", entries))
    assert len(messages) > 1
    assert all(len(m.payload) <= PAYLOAD_BYTES_MAX for m in messages)
    assert [r["seq"] for m in messages for r in unpack(m.payload)] == list(range(400))


def test_a_full_ring_drops_the_oldest_counts_them_and_starts_a_new_boot() -> None:
    d = device(ring_max=80)
    for i in range(81):
        d.record("temp", temp(i), START_S)
    assert (d.dropped, d.buffered, d.boot) == (10, 71, "b-1")
    for i in range(81, 1000):
        d.record("temp", temp(i), START_S)
    assert d.buffered <= 80
    assert d.dropped + d.buffered == 1000
    kept = [r for m in d.due(0.0, START_S) for r in unpack(m.payload)]
    assert sorted(r["c"] for r in kept) == [4.0 + i for i in range(1000 - d.buffered, 1000)]


def test_a_reboot_starts_a_new_boot_and_sequence_and_keeps_the_buffer() -> None:
    d = device()
    d.record("temp", temp(0), START_S)
    d.reboot()
    entry = d.record("temp", temp(1), START_S)
    assert (entry.boot, entry.seq, d.buffered) == ("b-1", 1, 2)
    assert len(d.due(0.0, START_S)) == 2


def test_a_dead_zone_sends_nothing_and_then_bursts_newest_first() -> None:
    faults = Faults(offline_per_day=3.0, offline_s_min=600, offline_s_max=600, burst_newest_first=True)
    d = device(faults, seed=5)
    begin = next(s for s in range(0, 86_400 * 8, 60) if d.plan.offline(START_S + s))
    end = next(s for s in range(begin, begin + 86_400, 60) if not d.plan.offline(START_S + s))
    for i in range(20):
        d.record("temp", temp(i), START_S + begin)
    assert d.due(0.0, START_S + begin) == []
    (message,) = d.due(1.0, START_S + end)
    assert [r["seq"] for r in unpack(message.payload)] == list(range(20, 0, -1))


def test_a_wrong_clock_shifts_the_reported_time_and_not_the_truth() -> None:
    d = device(Faults(skew_share=1.0, skew_s_max=90.0))
    reading = temp(0)
    entry = d.record("temp", reading, START_S)
    assert d.plan.skew_ms != 0
    assert entry.reading["t"] == temp(0)["t"] + d.plan.skew_ms  # type: ignore[operator]
    assert reading == temp(0)


def test_every_kind_of_garbage_is_published_beside_a_real_message() -> None:
    d = device(Faults(garbage_p=1.0))
    seen = set()
    for i in range(200):
        d.record("temp", temp(i), START_S)
        real, garbage = d.due(float(i), START_S)
        assert (len(real.entries), garbage.entries) == (1, ())
        seen.add(garbage.payload)
        d.receipt("b", i + 1)
    assert seen == set(GARBAGE)


class Server:
    """Stores what arrives, once, and receipts what is contiguous."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, int], dict[str, object]] = {}

    def take(self, payload: bytes) -> None:
        for r in unpack(payload):
            key = (str(r.pop("boot")), int(str(r.pop("seq"))))
            assert self.stored.setdefault(key, r) == r

    def receipts(self) -> list[tuple[str, int]]:
        tops = []
        for boot in {b for b, _ in self.stored}:
            top = next(n for n in range(1, len(self.stored) + 2) if (boot, n) not in self.stored)
            tops.append((boot, top - 1))
        return tops


@settings(max_examples=examples(30), deadline=None)
@given(seed=st.integers(0, 10_000), lossy=st.floats(0, 0.6))
def test_whatever_goes_wrong_every_reading_arrives_exactly_as_it_was_made(seed: int, lossy: float) -> None:
    rng = random.Random(seed)
    d, server = device(TABLE["harsh"], seed=seed), Server()
    made: dict[tuple[str, int], dict[str, object]] = {}
    for i in range(3000):
        now = 10.0 * i
        if i < 300:
            entry = d.record("temp", temp(i), START_S + now)
            made[entry.boot, entry.seq] = entry.reading
        elif not d.buffered:
            break
        if rng.random() < 0.02:
            d.connection_lost()
        for message in d.due(now, START_S + now * 30):
            if message.entries and rng.random() >= lossy:
                server.take(message.payload)
        for boot, seq in server.receipts():
            if rng.random() >= lossy:
                d.receipt(boot, seq)
    assert d.buffered == 0
    assert server.stored == made


def test_every_payload_of_the_world_is_a_valid_reading_on_the_wire() -> None:
    sim = Simulation(build("demo", 7), 7, START_S)
    devices: dict[str, Device] = {}
    readings = sim.advance(START_S + 1200)
    payloads: dict[str, list[tuple[int, bytes, str]]] = {}
    for i, (name, stream, reading) in enumerate(readings):
        entry = devices.setdefault(name, device()).record(stream, reading, START_S)
        if i < 2000:
            payloads.setdefault(stream, []).append((i, orjson.dumps(entry.payload()), "json"))
    for d in devices.values():
        for message in d.due(0.0, START_S):
            payloads[message.stream].append((99_999, message.payload, "json"))
    rows = {stream: native.decode(stream, messages) for stream, messages in payloads.items()}
    assert [r.rejections for r in rows.values()] == [[]] * 7
    assert not any(r.bad.any() for r in rows.values())
    assert sum(len(r.time_us) for r in rows.values()) == len(readings) + 2000


def test_the_ledger_agrees_with_the_readings_and_knows_what_is_receipted(tmp_path: Path) -> None:
    world = build("small", 7)
    sim = Simulation(world, 7, START_S)
    devices = {s.id: Device(s.id, "b1", FaultPlan(TABLE["harsh"], 7, s.id, START_S)) for s in world.devices}
    with Ledger(tmp_path, "main", "b1") as ledger:
        readings = sim.advance(START_S + 1200)
        for device_id, stream, reading in readings:
            entry = devices[device_id].record(stream, reading, reading["t"] / 1000)
            ledger.made(device_id, entry, reading["t"])
        for event in sim.take_events():
            ledger.event(event)
        for d in devices.values():
            for message in d.due(0.0, START_S + 4000):
                ledger.published(d.id, message.entries)
        ledger.receipted("gps-01", "b1", 9)
        ledger.receipted("gps-01", "b1", 4)
    with (tmp_path / "ledger-b1.jsonl").open("ab") as file:
        file.write(b'{"kind":"reading","cut sho')
    truth = load(tmp_path)
    assert len(truth.readings) == len(readings)
    assert truth.receipted == {("gps-01", "b1", i) for i in range(1, 10)}
    assert truth.published <= truth.readings.keys()
    assert {e["event"] for e in truth.events} >= {"arrived", "shelf_count", "tag_moved"}
    for line in truth.readings.values():
        assert line["hash"] == payload_hash(line["values"])
    true_times = sorted(line.get("true_t", line["t"]) for line in truth.readings.values())
    assert true_times == [r["t"] for _, _, r in readings]


def test_a_ledger_that_is_not_there_is_an_error_and_none_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no ledger"):
        load(tmp_path)
    with Ledger(None, "main", "x") as ledger:
        ledger.receipted("d", "b", 1)
        ledger.flush()
    assert list(tmp_path.iterdir()) == []
