"""The simulator and the replay against a real broker; a stand-in ingester stores readings and sends receipts."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.recordings import RecordingError
from firmware_sim import device
from firmware_sim.link import MqttTarget, TargetError
from firmware_sim.replay import ReplayError, replay
from firmware_sim.run import Credentials, CredentialsError, RunSettings, main, run_world
from firmware_sim.truth import load, payload_hash
from tests.deadlines import deadline

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt-get install mosquitto")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Broker:
    """A mosquitto of our own that can be killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("mosquitto does not listen")

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


class Ingester:
    """Stores every reading once and receipts the contiguous head of each boot, as the real one does."""

    def __init__(self, port: int) -> None:
        self.stored: dict[tuple[str, str, int], dict[str, object]] = {}
        self.payload_bytes_max = 0
        self.deaf = False
        self._next: dict[tuple[str, str], int] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="ingest")
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"fw/v1/+/+/{s}", 1) for s in ("gps", "temp", "rfid", "shelf", "door", "status")]
        )
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def wait_for(self, n: int) -> None:
        deadline_s = time.monotonic() + deadline(30)
        while len(self.stored) < n and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert len(self.stored) >= n

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _message(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        if self.deaf:
            return
        sender = message.topic.split("/")[3]
        self.payload_bytes_max = max(self.payload_bytes_max, len(message.payload))
        try:
            body = orjson.loads(message.payload)
            rows = self._rows(body)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return  # quarantine
        for row in rows:
            boot, seq = row.pop("boot"), row.pop("seq")
            assert self.stored.setdefault((sender, boot, seq), row) == row
        boot = body["boot"]
        top = self._next.get((sender, boot), 1)
        while (sender, boot, top) in self.stored:
            top += 1
        self._next[sender, boot] = top
        if top > 1:
            receipt = orjson.dumps({"boot": boot, "seq": top - 1})
            client.publish(message.topic.rsplit("/", 1)[0] + "/receipt", receipt, qos=1)

    @staticmethod
    def _rows(body: dict[str, object]) -> list[dict[str, object]]:
        if not isinstance(body["t"], list):
            body["boot"], body["seq"]
            return [dict(body)]
        n = len(body["t"])
        first = body["seq"]
        seqs = first if isinstance(first, list) else range(first, first + n)
        columns = {**body, "seq": list(seqs)}
        return [{k: v[i] if isinstance(v, list) else v for k, v in columns.items()} for i in range(n)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    server = Broker(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def ingester(broker: Broker) -> Iterator[Ingester]:
    listener = Ingester(broker.port)
    time.sleep(0.2)
    yield listener
    listener.close()


def credentials(broker: Broker) -> Credentials:
    return Credentials(f"mqtt://127.0.0.1:{broker.port}")


def track(folder: Path, n: int = 1200) -> Path:
    path = folder / "track.csv"
    lines = [f"2026-01-01T00:{i // 60:02d}:{i % 60:02d}Z,60.{i:05d},24.9" for i in range(n)]
    path.write_text("time,lat,lon\n" + "\n".join(lines) + "\n")
    return path


def test_a_world_run_flat_out_ends_with_every_receipted_reading_stored_unchanged(
    broker: Broker, ingester: Ingester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "RESEND_AFTER_S", 1.0)  # what the killed broker forgot is sent again
    stop = threading.Event()
    run = threading.Thread(
        target=run_world,
        args=("small", 7, 0.0, credentials(broker), tmp_path / "truth", stop),
        kwargs={"history_s": 3 * 3600.0},
        daemon=True,
    )
    run.start()
    try:
        ingester.wait_for(3_000)
        broker.kill()
        time.sleep(0.3)
        broker.start()
        ingester.wait_for(19_000)
    finally:
        stop.set()
        run.join(deadline(15))
    assert not run.is_alive()
    truth = load(tmp_path / "truth")
    assert len(truth.readings) > 19_000
    assert truth.receipted <= ingester.stored.keys() <= truth.readings.keys()
    assert len(truth.receipted) > 0.95 * len(truth.readings)
    assert all(payload_hash(row) == truth.readings[key]["hash"] for key, row in ingester.stored.items())
    assert ingester.payload_bytes_max <= 64 * 1024


def test_at_rate_one_readings_are_of_now_and_the_stop_is_quick(broker: Broker, ingester: Ingester) -> None:
    env = {"FROSTWAY_MQTT_URL": f"mqtt://127.0.0.1:{broker.port}"}
    began_s = time.time()
    main(RunSettings(world="demo", seed=7, rate=1.0, seconds=4.0), env=env)
    took_s = time.time() - began_s
    assert took_s < deadline(8)
    times = [row["t"] for row in ingester.stored.values()]
    assert len(times) > 30
    assert all(began_s * 1000 - 1000 <= t <= (began_s + took_s) * 1000 for t in times)  # type: ignore[operator]


def test_a_replay_delivers_every_reading_once_and_again_doubles_nothing(
    broker: Broker, ingester: Ingester, tmp_path: Path
) -> None:
    target = MqttTarget.from_url(f"mqtt://127.0.0.1:{broker.port}")
    seen: list[tuple[int, int, int]] = []
    for _ in range(2):
        result = replay(track(tmp_path), "gps-9", target, fast=True, on_progress=lambda *n: seen.append(n))
        assert (result.total, result.sent, result.receipted, result.skipped) == (1200, 1200, 1200, 0)
    assert len(ingester.stored) == 1200
    assert seen[-1] == (1200, 1200, 1200)


def test_a_replay_keeps_the_pace_of_the_recording(broker: Broker, ingester: Ingester, tmp_path: Path) -> None:
    target = MqttTarget.from_url(f"mqtt://127.0.0.1:{broker.port}")
    began_s = time.monotonic()
    replay(track(tmp_path, 61), "gps-9", target, speed=40.0)
    assert 1.4 <= time.monotonic() - began_s < deadline(4)
    assert len(ingester.stored) == 61


def test_a_replay_can_be_shifted_so_that_it_starts_now(broker: Broker, ingester: Ingester, tmp_path: Path) -> None:
    target = MqttTarget.from_url(f"mqtt://127.0.0.1:{broker.port}")
    result = replay(track(tmp_path, 10), "gps-9", target, fast=True, rebase="start")
    assert abs(result.first_ms - time.time() * 1000) < 5000
    assert min(row["t"] for row in ingester.stored.values()) == result.first_ms  # type: ignore[type-var]


def test_a_replay_without_receipts_or_without_a_broker_says_so(
    broker: Broker, ingester: Ingester, tmp_path: Path
) -> None:
    path = track(tmp_path, 5)
    ingester.deaf = True
    with pytest.raises(ReplayError, match=r"no receipt for 1 s.*ingest"):
        replay(path, "gps-9", MqttTarget.from_url(f"mqtt://127.0.0.1:{broker.port}"), fast=True, silence_s=1.0)
    with pytest.raises(ReplayError, match="no connection to the broker"):
        replay(path, "gps-9", MqttTarget("127.0.0.1", free_port()), fast=True, silence_s=1.0)
    with pytest.raises(RecordingError, match="above 0"):
        replay(path, "gps-9", MqttTarget("127.0.0.1", 1), speed=0.0)


def test_credentials_are_read_or_refused_with_a_hint_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    content = {"mqtt_url": "mqtt://h:1", "tenant": "main", "devices": {"gps-01": "secret"}}
    path.write_text(json.dumps(content))
    loaded = Credentials.from_environment({"FROSTWAY_SIM_CREDENTIALS": str(path)})
    target = loaded.target("gps-01")
    assert target == MqttTarget("h", 1, "main", "main/gps-01", "secret")
    assert "secret" not in repr(loaded) + repr(target)
    assert loaded.target("gps-02") is None
    path.write_text("[]")
    for env, hint in (
        ({}, "set FROSTWAY_SIM_CREDENTIALS"),
        ({"FROSTWAY_SIM_CREDENTIALS": str(path)}, "must be JSON"),
        ({"FROSTWAY_SIM_CREDENTIALS": str(tmp_path / "none")}, "cannot read"),
    ):
        with pytest.raises(CredentialsError, match=hint):
            Credentials.from_environment(env)
    for url in ("http://h", "mqtt://:p@", "mqtt://h:port", ""):
        with pytest.raises(TargetError):
            MqttTarget.from_url(url)
