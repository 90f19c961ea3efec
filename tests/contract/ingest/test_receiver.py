"""One suite for every MQTT receiver, against a real Mosquitto (and a scripted broker where the real one behaves)."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import pytest

from ingest.mqtt import codec
from ingest.mqtt.receiver import Group, Message, Receiver, ReceiverConfig, ReceiverError, telemetry_filters
from ingest.mqtt.receivers import RECEIVERS
from tests.contract.ingest.mqtt_tools import (
    GPS,
    Device,
    ScriptedBroker,
    collect,
    device,
    nothing_more,
    numbered,
    payloads_of,
    publish,
    wait_until,
)
from tests.contract.mosquitto import Mosquitto, executable, free_port, mosquitto
from tests.deadlines import deadline

pytestmark = pytest.mark.skipif(executable() is None, reason="needs mosquitto")

Kind = Literal["stream", "paho"]
Open = Callable[..., Receiver]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


@pytest.fixture(params=["stream", "paho"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return "paho" if request.param == "paho" else "stream"


@pytest.fixture
def open_receiver(kind: Kind) -> Iterator[Open]:
    """Makes connected receivers of the kind under test and closes them at the end."""
    opened: list[Receiver] = []

    def make(url: str, *, filters: Sequence[str] = tuple(telemetry_filters()), **options: object) -> Receiver:
        receiver = RECEIVERS[kind](ReceiverConfig.from_url(url, filters, **options))  # type: ignore[arg-type]
        opened.append(receiver)
        receiver.connect()
        return receiver

    yield make
    for each in opened:
        each.close()


# -- delivery -------------------------------------------------------------------------------------------------------


def test_a_message_arrives_with_topic_payload_and_packet_id(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    publish(broker, [b'{"t":1}'])
    (group,) = collect(receiver, 1)
    message = Message(*group.messages[0])
    assert message.topic == GPS
    assert message.payload == b'{"t":1}'
    assert message.packet_id > 0
    assert (message.retain, message.dup) == (False, False)
    assert (group.epoch, receiver.epoch, receiver.received_total, receiver.connected) == (1, 1, 1, True)


def test_every_encoding_is_subscribed_and_receipts_are_not_heard(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    with device(broker) as client:
        for stream in (b"gps", b"temp.mp", b"status.cbor", b"receipt"):
            client.publish([stream], b"fw/v1/main/d/" + stream)
    assert payloads_of(collect(receiver, 3)) == [b"gps", b"temp.mp", b"status.cbor"]
    assert nothing_more(receiver)


def test_binary_and_large_and_empty_payloads_arrive_unchanged(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    sent = [b"", bytes(range(256)), b"x" * 65_536, b"y" * 131_000, b"z"]
    publish(broker, sent)
    assert payloads_of(collect(receiver, len(sent))) == sent


def test_an_empty_group_comes_back_when_nothing_arrives_in_time(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    started = time.monotonic()
    assert len(receiver.receive(100, 0.01, 0.3)) == 0
    assert 0.25 < time.monotonic() - started < deadline(1)


def test_a_group_takes_no_more_than_was_asked_and_the_rest_comes_next(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    publish(broker, numbered(250))
    groups: list[Group] = []
    while len(payloads_of(groups)) < 250:
        groups.append(receiver.receive(100, 0.2, 2))
    assert [len(group) for group in groups] == [100, 100, 50]
    assert payloads_of(groups) == numbered(250)


def test_unacknowledged_messages_come_again_after_a_reconnect(broker: Mosquitto, open_receiver: Open) -> None:
    first = open_receiver(broker.url_for("ingest"))
    publish(broker, numbered(10))
    collect(first, 10, acknowledge=False)
    first.close()
    again = collect(open_receiver(broker.url_for("ingest")), 10)
    assert payloads_of(again) == numbered(10)
    assert all(Message(*message).dup for group in again for message in group.messages)


def test_acknowledged_messages_do_not_come_again(broker: Mosquitto, open_receiver: Open) -> None:
    first = open_receiver(broker.url_for("ingest"))
    publish(broker, numbered(10))
    group = first.receive(10, 1, 2)
    assert len(group) == 10
    assert first.acknowledge(group) == 10
    assert first.acknowledge(group) == 0, "a second acknowledgement could hit an id that is in use again"
    first.close()
    assert nothing_more(open_receiver(broker.url_for("ingest")))


def test_what_is_published_while_nobody_listens_waits_in_the_session(broker: Mosquitto, open_receiver: Open) -> None:
    open_receiver(broker.url_for("ingest")).close()
    publish(broker, numbered(3_000))
    assert payloads_of(collect(open_receiver(broker.url_for("ingest")), 3_000)) == numbered(3_000)


def test_twenty_thousand_messages_arrive_once_each_and_in_order(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    sender = threading.Thread(target=publish, args=(broker, numbered(20_000)))
    sender.start()
    groups = collect(receiver, 20_000, timeout_s=deadline(60))
    sender.join()
    assert payloads_of(groups) == numbered(20_000)
    assert nothing_more(receiver)


def test_a_group_larger_than_the_default_window_of_20_does_not_stall(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    publish(broker, numbered(3_000))
    held = collect(receiver, 3_000, acknowledge=False)
    assert len(payloads_of(held)) == 3_000
    assert sum(receiver.acknowledge(group) for group in held) == 3_000


def test_with_the_default_window_a_group_ends_at_20_and_goes_on_after_its_acks(
    tmp_path: Path, open_receiver: Open
) -> None:
    with mosquitto(tmp_path, max_inflight_messages="20") as small:
        receiver = open_receiver(small.url_for("ingest"))
        publish(small, numbered(50))
        group = receiver.receive(500, 0.2, 2)
        assert len(group) == 20
        receiver.acknowledge(group)
        assert len(payloads_of(collect(receiver, 30))) == 30


def test_a_retained_message_is_told_from_a_live_one(broker: Mosquitto, open_receiver: Open) -> None:
    publish(broker, [b"old"], retain=True)
    receiver = open_receiver(broker.url_for("ingest"))
    publish(broker, [b"new"])
    seen = {message[1]: message[3] for group in collect(receiver, 2) for message in group.messages}
    assert seen == {b"old": True, b"new": False}


def test_a_qos_0_message_needs_no_acknowledgement(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    with device(broker) as client:
        client.sock.sendall(codec.encode_publish(GPS, b"q0"))
        client.publish([b"q1"])
    group = receiver.receive(2, 1, 2)
    assert [message[1] for message in group.messages] == [b"q0", b"q1"]
    assert group.messages[0][2] == 0
    assert receiver.acknowledge(group) == 1


# -- connections ----------------------------------------------------------------------------------------------------


def test_a_stale_acknowledgement_is_withheld_after_a_broker_restart(broker: Mosquitto, open_receiver: Open) -> None:
    """F5: the old packet id 1 equals the new id 1. The control below shows what sending it would have cost."""
    receiver = open_receiver(broker.url_for("ingest"))
    publish(broker, [b"first"])
    (stale,) = collect(receiver, 1, acknowledge=False)
    broker.stop()
    broker.forget()
    broker.start()
    assert not collect(receiver, 1, timeout_s=1.5)
    wait_until(lambda: receiver.epoch == 2)
    publish(broker, [b"second"])
    (fresh,) = collect(receiver, 1, acknowledge=False)
    assert stale.packet_ids() == fresh.packet_ids() == [1]
    assert receiver.acknowledge(stale) == 0
    assert receiver.stale_acks_total == 1
    receiver.close()
    assert payloads_of(collect(open_receiver(broker.url_for("ingest")), 1)) == [b"second"]


def test_control_an_acknowledgement_without_an_epoch_loses_the_message(broker: Mosquitto) -> None:
    client = Device(broker.port, "careless", clean=False)
    client.subscribe("fw/v1/+/+/gps")
    publish(broker, [b"second"])
    (message,) = client.hear(1)
    client.sock.sendall(codec.encode_pubacks([message[2]]))  # meant for a message of an earlier connection
    time.sleep(0.2)
    client.close()
    again = Device(broker.port, "careless", clean=False)
    again.sock.settimeout(0.5)
    assert again.session_present
    with pytest.raises(TimeoutError):
        again.hear(1)
    again.close()


def test_it_subscribes_again_when_the_broker_has_lost_the_session(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    broker.stop()
    broker.forget()
    before = len(broker.log())
    broker.start()
    collect(receiver, 1, timeout_s=1)
    wait_until(lambda: receiver.connected and receiver.epoch >= 2)
    wait_until(lambda: "Sending SUBACK to ingest" in broker.log()[before:])
    publish(broker, [b"after"])
    assert payloads_of(collect(receiver, 1)) == [b"after"]
    assert receiver.reconnects_total >= 1
    assert receiver.last_error


def test_a_killed_broker_is_found_again_and_nothing_saved_is_lost(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    publish(broker, numbered(100))
    time.sleep(2.2)  # autosave_interval is 1 s
    broker.kill()
    assert len(payloads_of(collect(receiver, 100, timeout_s=deadline(3)))) == 100, (
        "what was read is handed out, though stale"
    )
    assert not receiver.receive(10, 0, 0.5).messages
    assert not receiver.connected
    broker.start()
    again = payloads_of(collect(receiver, 100))
    assert sorted(again, key=int) == numbered(100), "its acknowledgements never reached the broker"
    publish(broker, [b"after"])
    assert payloads_of(collect(receiver, 1)) == [b"after"]


def test_a_reader_that_pauses_keeps_its_connection_and_its_memory(
    broker: Mosquitto, open_receiver: Open, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """60 MB wait at the broker while nobody reads. Mosquitto looks for silent clients every 5 s and throws the control
    out, which does not ping."""
    monkeypatch.setattr("ingest.mqtt.paho.MAX_BUFFERED_BYTES", 1 << 20)
    receiver = open_receiver(broker.url_for("ingest"), keepalive_s=2)
    control = Device(broker.port, "silent", keepalive_s=2)
    publish(broker, [b"%06d" % number + b"x" * 60_000 for number in range(1_000)])
    control.sock.settimeout(deadline(20))
    with pytest.raises(ConnectionError):
        control.feed()
    control.close()
    if kind == "paho":
        assert receiver._buffered_bytes < 6 << 20  # type: ignore[attr-defined]
    else:
        assert receiver._pending == []  # type: ignore[attr-defined]
    got = payloads_of(collect(receiver, 1_000))
    assert [int(payload[:6]) for payload in got] == list(range(1_000))
    assert (receiver.epoch, receiver.connected) == (1, True)


def test_acknowledgements_and_receipts_may_come_from_another_thread(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    listener = Device(broker.port, "listener")
    listener.subscribe("fw/v1/+/+/receipt")
    held: list[Group] = []
    acknowledged: list[int] = []
    done = threading.Event()

    def work() -> None:
        while not (done.is_set() and not held):
            if held:
                receiver.publish(b"fw/v1/main/gps-01/receipt", b"r")
                acknowledged.append(receiver.acknowledge(held.pop(0)))
            else:
                time.sleep(0.001)

    worker = threading.Thread(target=work)
    worker.start()
    sender = threading.Thread(target=publish, args=(broker, numbered(5_000)))
    sender.start()
    groups: list[Group] = []
    while len(payloads_of(groups)) < 5_000:
        group = receiver.receive(500, 0.002, 5)
        assert group.messages
        groups.append(group)
        held.append(group)
    done.set()
    worker.join()
    sender.join()
    assert payloads_of(groups) == numbered(5_000)
    assert sum(acknowledged) == 5_000
    assert len(listener.hear(len(groups))) == len(groups)
    listener.close()


@pytest.mark.parametrize("qos", [0, 1])
def test_many_receipts_arrive_at_their_devices(broker: Mosquitto, open_receiver: Open, qos: int) -> None:
    receiver = open_receiver(broker.url_for("ingest"), receipt_qos=qos)
    listener = Device(broker.port, "listener")
    listener.subscribe("fw/v1/+/+/receipt")
    receipts = [(b"fw/v1/main/d%d/receipt" % number, b"%d" % number) for number in range(2_000)]
    receiver.publish_many(receipts)
    assert [(message[0], message[1]) for message in listener.hear(2_000)] == receipts
    assert nothing_more(receiver), "the broker's answers are no messages"
    assert receiver.publishes_dropped_total == 0
    listener.close()


def test_receipts_without_a_connection_are_counted_and_forgotten(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    broker.kill()
    receiver.receive(1, 0, 0.5)
    receiver.publish_many([(b"a", b"1"), (b"b", b"2")])
    assert receiver.publishes_dropped_total == 2
    broker.start()


def test_messages_dropped_by_the_broker_are_seen(tmp_path: Path, open_receiver: Open) -> None:
    with mosquitto(tmp_path, max_queued_messages="10", max_inflight_messages="5") as small:
        receiver = open_receiver(small.url_for("ingest"))
        publish(small, numbered(40))
        wait_until(lambda: receiver.receive(1, 0, 0.2) is not None and bool(receiver.dropped_by_broker))
        assert receiver.dropped_by_broker == 25


def test_close_says_disconnect_and_loses_no_acknowledgement(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    publish(broker, numbered(5_000))
    group = receiver.receive(100, 1, 2)
    receiver.acknowledge(group)
    receiver.close()
    wait_until(lambda: "Received DISCONNECT from ingest" in broker.log())
    assert "Client ingest closed its connection" not in broker.log()
    rest = payloads_of(collect(open_receiver(broker.url_for("ingest")), 4_900))
    assert rest == numbered(4_900, 100)
    assert not receiver.receive(1, 0, 0.1).messages
    with pytest.raises(ReceiverError, match="closed"):
        receiver.connect()


def test_close_ends_a_waiting_receive(broker: Mosquitto, open_receiver: Open) -> None:
    receiver = open_receiver(broker.url_for("ingest"))
    timer = threading.Timer(0.3, receiver.close)
    timer.start()
    started = time.monotonic()
    assert not receiver.receive(1, 0, 30).messages
    assert time.monotonic() - started < deadline(5)
    timer.join()


# -- refusals -------------------------------------------------------------------------------------------------------


def test_an_unreachable_broker_is_one_clear_line(kind: Kind) -> None:
    port = free_port()
    receiver = RECEIVERS[kind](ReceiverConfig.from_url(f"mqtt://127.0.0.1:{port}", ["a"]))
    with pytest.raises(ReceiverError, match=f"cannot reach the broker at 127.0.0.1:{port}: Connection refused"):
        receiver.connect()
    receiver.close()


def test_a_wrong_password_is_one_clear_line_and_the_right_one_works(
    tmp_path: Path, kind: Kind, open_receiver: Open
) -> None:
    passwd = tmp_path / "passwd"
    passwd.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwd), "ingest", "p@ss/word"], check=True)
    with mosquitto(tmp_path, allow_anonymous="false", password_file=str(passwd)) as closed:
        wrong = RECEIVERS[kind](ReceiverConfig.from_url(closed.url_for("ingest", "wrong"), ["a"]))
        with pytest.raises(ReceiverError, match=r"refused the connection: (not authorized|bad user)") as caught:
            wrong.connect()
        assert "wrong" not in str(caught.value)
        wrong.close()
        receiver = open_receiver(closed.url_for("ingest", "p%40ss%2Fword"))
        assert receiver.connected


@pytest.mark.parametrize(
    "garbage",
    [b"\x32\xff\xff\xff\xff\x01", b"\xf0\x00", b"\x36\x05\x00\x01t\x00\x01"],
    ids=["length of five bytes", "reserved type", "QoS 3"],
)
def test_malformed_packets_end_the_connection_and_a_new_one_goes_on(open_receiver: Open, garbage: bytes) -> None:
    good = codec.encode_publish(GPS, b"good", qos=1, packet_id=1)
    broker = ScriptedBroker(good + garbage, good)
    receiver = open_receiver(f"mqtt://127.0.0.1:{broker.port}")
    groups = collect(receiver, 2)
    assert [group.epoch for group in groups] == [1, 2]
    assert payloads_of(groups) == [b"good", b"good"]
    assert "lost the broker" in receiver.last_error
    broker.close()


def test_a_length_bomb_ends_the_connection_without_taking_memory() -> None:
    """Our own client only: paho reads what is announced (its module says so)."""
    bomb = b"\x32\xff\xff\xff\x7f" + b"x" * 1_000_000
    broker = ScriptedBroker(bomb, codec.encode_publish(GPS, b"good", qos=1, packet_id=1))
    receiver = RECEIVERS["stream"](ReceiverConfig.from_url(f"mqtt://127.0.0.1:{broker.port}", ["a"]))
    receiver.connect()
    assert payloads_of(collect(receiver, 1)) == [b"good"]
    assert "packet of 268435455 bytes announced, at most 262144 allowed" in receiver.last_error
    receiver.close()
    broker.close()


def test_a_refused_connection_and_a_refused_subscription_are_told(kind: Kind) -> None:
    accept = codec.encode_connack(session_present=False)
    for connack, suback, told in (
        (b"\x20\x02\x00\x03", 1, "connection: .*unavailable"),
        (accept, 128, "subscription to a"),
    ):
        broker = ScriptedBroker(connack=connack, suback=suback)
        receiver = RECEIVERS[kind](ReceiverConfig.from_url(f"mqtt://127.0.0.1:{broker.port}", ["a"]))
        with pytest.raises(ReceiverError, match=f"the broker at 127.0.0.1:{broker.port} refused the {told}"):
            receiver.connect()
        receiver.close()
        broker.close()


def test_something_that_is_not_a_broker_is_told(kind: Kind) -> None:
    broker = ScriptedBroker(connack=b"HTTP/1.1 400 Bad Request\r\n\r\n" + b" " * 200)
    receiver = RECEIVERS[kind](ReceiverConfig.from_url(f"mqtt://127.0.0.1:{broker.port}", ["a"]))
    with pytest.raises(ReceiverError, match=r"no MQTT connection with 127\.0\.0\.1"):
        receiver.connect()
    receiver.close()
    broker.close()


def test_a_broker_that_answers_pings_is_kept_and_one_that_does_not_is_left(open_receiver: Open) -> None:
    answering, silent = ScriptedBroker(), ScriptedBroker(answers_pings=False)
    patient = open_receiver(f"mqtt://127.0.0.1:{answering.port}", keepalive_s=1)
    receiver = open_receiver(f"mqtt://127.0.0.1:{silent.port}", keepalive_s=1)
    began_s = time.monotonic()
    while (lasted_s := time.monotonic() - began_s) < 4 or (receiver.epoch <= 1 and lasted_s < deadline(4)):
        patient.receive(1, 0, 0.1)
        receiver.receive(1, 0, 0.1)
    assert patient.epoch == 1
    assert receiver.epoch > 1
    answering.close()
    silent.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaks a socket it cannot verify
def test_it_speaks_tls_and_checks_the_certificate(tmp_path: Path, kind: Kind, open_receiver: Open) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    key.chmod(0o644)
    plain = free_port()
    listener = f"certfile {cert}\nkeyfile {key}\nlistener {plain} 127.0.0.1"
    with mosquitto(tmp_path, listener) as secure:
        url = f"mqtts://ingest@127.0.0.1:{secure.port}"
        strict = RECEIVERS[kind](ReceiverConfig.from_url(url, ["a"]))
        with pytest.raises(ReceiverError, match=r"cannot reach the broker .*certificate"):
            strict.connect()
        strict.close()
        receiver = open_receiver(url, tls_context=ssl.create_default_context(cafile=str(cert)))
        client = Device(plain)
        client.publish(numbered(5_000))
        assert payloads_of(collect(receiver, 5_000)) == numbered(5_000)
        client.close()
