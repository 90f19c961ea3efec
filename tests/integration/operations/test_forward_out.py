"""Forwarding by HTTP and MQTT to real servers, and what the command refuses."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from frostway.doctor import _forwarders
from operations.deliver.publish import Login
from operations.forward.http import Http
from operations.forward.mqtt import Mqtt
from operations.forward.sink import ForwardError
from operations.service import Operations, OperationsConfig
from store.db import connect
from tests.contract.mosquitto import Mosquitto, executable, free_port, mosquitto
from tests.integration.frostway.commands import refused
from tests.integration.operations.forwarding import Said, enter, forward, going, left, lines, row_of, typed
from tests.integration.operations.test_brokers import listening
from tests.logins import of_operations
from tests.receiver import Receiver, receiving
from tests.stack import command, environment, wait_for

needs_mosquitto = pytest.mark.skipif(executable() is None, reason="needs mosquitto: apt-get install mosquitto")


def items(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(line) for _, body in receiver.heard for line in gzip.decompress(body).splitlines()]


def http(url: str, secret: str = "") -> Http:
    return Http(url, "main", "", secret, None)


def begin(database: str, what: tuple[str, ...] = ("readings",)) -> Said:
    """A fleet, and a forwarder that begins before it says anything."""
    enter(database, what=what)[0].close()
    return Said(database)


def test_json_lines_are_posted_with_a_token(database: str, receiver: Receiver) -> None:
    fleet = begin(database, ("readings", "facts"))
    said = fleet.everything()
    fleet.decide()
    done = forward(database, http(receiver.url, "a token"))
    assert (done.readings, done.facts) == (said, len(fleet.words()))
    found = items(receiver)
    assert len({item["id"] for item in found}) == len(found) == said + done.facts
    head = receiver.heard[0][0]
    assert (head["authorization"], head["content-type"]) == ("Bearer a token", "application/x-ndjson")
    assert head["frostway-first-id"] == found[0]["id"]
    assert "a token" not in http(receiver.url, "a token").target
    assert "x=1" not in http(receiver.url).target


def test_killed_in_the_middle_of_delivering_nothing_is_missed(database: str, receiver: Receiver) -> None:
    fleet = begin(database)
    said = sum(fleet.drive(600, since_s=10_000 * n) for n in range(20))
    fleet.decide()
    words = command("forward", "--to", receiver.url, "--name", "lake", "--what", "readings", "--once")
    env = environment(FROSTWAY_DATABASE_URL=of_operations(database))
    kills = 0
    for nth in (2, 3, 5):
        with subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL) as program:
            before = len(receiver.heard)

            def answer(_: Any, nth: int = nth, before: int = before, pid: int = program.pid) -> Any:
                if len(receiver.heard) - before == nth:
                    os.kill(pid, signal.SIGKILL)
                return 204, {}, b""

            receiver.answer = answer
            kills += program.wait(120) == -signal.SIGKILL
    assert kills == 3
    receiver.answer = lambda _: (204, {}, b"")
    ended = typed(database, *words[words.index("forward") + 1 :])
    assert ended.returncode == 0, ended.stderr
    count = Counter(item["id"] for item in items(receiver))
    assert (len(count), max(count.values()) > 1) == (said, True)
    first = list(dict.fromkeys(item["seq"] for item in items(receiver)))
    assert first == sorted(first)


def test_a_target_that_is_away_gets_everything_when_it_is_back(database: str) -> None:
    fleet = begin(database)
    port = free_port()
    with going(database, http(f"http://127.0.0.1:{port}/in"), what=("readings",)):
        fleet.drive(30)
        fleet.decide()
        error = wait_for(lambda: row_of(database)[1], "told why")
        assert "refused" in error
        with receiving(port) as found:
            wait_for(lambda: len(items(found)) == 30 or None, "all of them")
            wait_for(lambda: row_of(database)[1] is None or None, "told that it is over")


def test_once_does_not_wait_for_ever(database: str) -> None:
    fleet = begin(database)
    fleet.drive(3)
    fleet.decide()
    with pytest.raises(ForwardError, match=r"refused; nothing is lost, the same command goes on from here"):
        forward(database, http(f"http://127.0.0.1:{free_port()}/"), what=("readings",), patience_s=0)


def test_a_user_signs_in_by_basic(database: str, receiver: Receiver) -> None:
    fleet = begin(database)
    fleet.drive(3)
    fleet.decide()
    forward(database, Http(receiver.url, "main", "plant", "word", None), what=("readings",))
    assert receiver.heard[0][0]["authorization"] == "Basic cGxhbnQ6d29yZA=="


def test_one_that_is_busy_is_asked_again_as_it_says(database: str, receiver: Receiver) -> None:
    fleet = begin(database)
    fleet.drive(10)
    fleet.decide()
    answers = iter([(503, {"retry-after": "1"}, b""), (429, {}, b""), (204, {}, b"")])
    receiver.answer = lambda _: next(answers)
    assert forward(database, http(receiver.url), what=("readings",)).readings == 10
    assert len(receiver.heard) == 3
    assert len({item["id"] for item in items(receiver)}) == 10


def refuse_one(receiver: Receiver, seq: int) -> None:
    def answer(_: Any) -> Any:
        body = gzip.decompress(receiver.heard[-1][1]).splitlines()
        bad = any(json.loads(line)["seq"] == seq for line in body)
        return (422, {}, b"no such truck") if bad else (204, {}, b"")

    receiver.answer = answer


def test_what_is_refused_for_good_is_put_aside_and_the_rest_goes_on(
    database: str, receiver: Receiver, tmp_path: Path
) -> None:
    fleet = begin(database)
    fleet.drive(100)
    fleet.decide()
    refuse_one(receiver, 37)
    done = forward(database, http(receiver.url), what=("readings",), park=tmp_path / "aside")
    assert (done.readings, done.parked) == (99, 1)
    (aside,) = [json.loads(line) for line in (tmp_path / "aside").read_text().splitlines()]
    assert aside["item"]["seq"] == 37
    assert aside["why"].startswith("422 ")
    assert aside["why"].endswith(": no such truck")


def test_without_a_place_to_put_it_the_command_ends_and_says_which(database: str, receiver: Receiver) -> None:
    fleet = begin(database)
    fleet.drive(10)
    fleet.decide()
    refuse_one(receiver, 4)
    ended = typed(database, "--to", receiver.url, "--name", "lake", "--what", "readings", "--once")
    last = ended.stderr.splitlines()[-1]
    assert (ended.returncode, "takes this never: gps " in last, "--park FILE" in last) == (1, True, True)
    receiver.answer = lambda _: (204, {}, b"")
    typed(database, "--to", receiver.url, "--name", "lake", "--what", "readings", "--once")
    assert {item["seq"] for item in items(receiver)} == set(range(10))


@pytest.mark.parametrize("status", [401, 404, 301])
def test_an_answer_about_the_address_ends_it_and_nothing_is_lost(
    database: str, receiver: Receiver, status: int
) -> None:
    fleet = begin(database)
    fleet.drive(10)
    fleet.decide()
    receiver.answer = lambda _: (status, {"location": "/"}, b"")
    with pytest.raises(ForwardError, match=f"answers {status}.*Nothing is lost"):
        forward(database, http(receiver.url), what=("readings",))
    receiver.answer = lambda _: (204, {}, b"")
    assert forward(database, http(receiver.url), what=("readings",)).readings == 10


@needs_mosquitto
def test_messages_are_published_and_a_broker_that_was_away_gets_all(database: str, tmp_path: Path) -> None:
    fleet = begin(database, ("readings", "facts"))
    broker = Mosquitto(tmp_path / "broker")
    with going(database, Mqtt(broker.url, "frostway/main", "", "", None)):
        said = fleet.everything()
        fleet.decide()
        wait_for(lambda: row_of(database)[1], "told why")
        broker.start()
        try:
            with listening(broker) as ear:
                heard = [ear.next() for _ in range(said + len(fleet.words()))]
        finally:
            broker.stop()
    ids = {json.loads(message.payload)["id"] for message in heard}
    assert len(ids) == len(heard)
    topics = Counter(message.topic for message in heard)
    assert topics["frostway/main/readings/gps/gps-1"] == 300
    assert topics["frostway/main/facts/visit"] >= 1
    assert {message.qos for message in heard} == {1}
    assert [json.loads(m.payload)["seq"] for m in heard if "/gps/" in m.topic] == list(range(300))


@needs_mosquitto
def test_killed_while_it_publishes_nothing_is_missed_and_order_is_kept(database: str, tmp_path: Path) -> None:
    fleet = begin(database)
    said = fleet.drive(12_000)
    fleet.decide()
    words = ("--to", "", "--name", "lake", "--what", "readings", "--once")
    with mosquitto(tmp_path / "broker") as broker, listening(broker) as ear:
        words = (words[0], broker.url, *words[2:])
        env = environment(FROSTWAY_DATABASE_URL=of_operations(database))
        with subprocess.Popen(command("forward", *words), env=env, stderr=subprocess.DEVNULL) as program:
            heard = [ear.next() for _ in range(200)]
            program.kill()
        assert typed(database, *words).returncode == 0
        seqs = [json.loads(message.payload)["seq"] for message in heard]
        missing = set(range(said)) - set(seqs)
        while missing:
            seqs.append(json.loads(ear.next().payload)["seq"])
            missing.discard(seqs[-1])
    assert len(seqs) > said
    first = list(dict.fromkeys(seqs))
    assert first == list(range(said))


def test_a_secret_is_never_shown() -> None:
    sink = Mqtt("mqtt://127.0.0.1", "f", "plant", "word", None)
    assert "word" not in sink.target
    assert sink._login == Login("plant", "word")
    assert Mqtt("mqtt://127.0.0.1", "f", "", "word", None)._login == Login()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--to: a folder"),
        (("--to", "ftp://x"), "--to: ftp:// is none of http, https, mqtt, mqtts"),
        (("--to", "mqtt://u:p@x"), "--to: without a user and password in it"),
        (("--to", "https://u:p@x/"), "--to: without a user and password in it"),
        (("--to", "http://"), "--to: "),
        (("--to", "mqtt://x", "--prefix", "a/#"), "--prefix a/#: "),
        (("--to", "mqtt://x", "--format", "csv"), "--format csv: of files only"),
        (("--to", "lake", "--format", "xml"), "--format xml: ndjson, csv, parquet"),
        (("--to", "lake", "--what", "alerts"), "--what alerts: readings, facts"),
        (("--to", "lake", "--name", "A b"), "--name A b: a-z, 0-9"),
        (("--to", "lake", "--since", "yesterday"), "--since: 'yesterday' is not a time"),
        (("--to", "lake", "--tenant", "nobody"), "no tenant 'nobody'"),
        (("--to", "/proc/lake"), "/proc/lake: "),
        (("--to", "https://x", "--secret-file", "none"), "--secret-file none: No such file"),
        (("--to", "https://x", "--ca-file", "none"), "--ca-file none: No such file"),
        (("--forget", "nobody"), "no forwarder 'nobody'"),
    ],
)
def test_what_is_typed_wrong_gets_one_clear_line(
    kept_database: str, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    assert refused(kept_database, tmp_path, "forward", *words).startswith(said)


def test_a_name_is_of_one_tenant_and_of_one_kind_of_work_and_can_be_given_up(database: str, tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        ended = typed(database, *words)
        return ended.returncode, (ended.stdout + ended.stderr).splitlines()[-1]

    lake = ("--to", str(tmp_path / "lake"), "--once", "--name", "lake")
    assert run(*lake)[0] == 0
    assert run(*lake, "--what", "facts") == (
        1, "frostway: --name lake forwards readings,facts: give this one another name",
    )  # fmt: skip
    assert run("--list")[1].split("\t")[:4] == ["lake", "main", "readings,facts", str(tmp_path / "lake")]
    assert run("--forget", "lake") == (0, "forgotten: lake")
    assert run("--list")[1].split("\t")[0] == "name"
    assert row_of(database)[0] == 0


def test_how_far_behind_it_is_stands_in_metrics_and_doctor(database: str, tmp_path: Path) -> None:
    link, store, _, _ = enter(database)
    config = OperationsConfig(of_operations(database))
    with connect(of_operations(database), "test") as connection:
        store.move(store.place(), is_caught_up=True)
        with connect(database, "owner") as owner:
            owner.execute("update forwarder set caught_up_at = now() - interval '1 hour'")
        Operations(config, threading.Event())._measure(connection)
        assert 3600 <= float(REGISTRY.get_sample_value("frostway_forward_lag_seconds", {"name": "lake"}) or 0) < 3900
        (well,) = _forwarders(connection)
        assert well.well
        assert "forwarder lake to test is 36" in well.what
        store.fail("nobody is there")
        (sick,) = _forwarders(connection)
        assert (sick.well, sick.what.endswith(": nobody is there"), "--forget lake" in sick.mend) == (False, True, True)
    link.close()


def test_told_to_stop_it_completes_its_files_and_says_what_it_did(database: str, tmp_path: Path) -> None:
    fleet = begin(database)
    words = command("forward", "--to", str(tmp_path), "--name", "lake", "--what", "readings")
    env = environment(FROSTWAY_DATABASE_URL=of_operations(database))
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        fleet.drive(10)
        fleet.decide()
        wait_for(lambda: left(tmp_path) or None, "a file has begun")
        program.terminate()
        said, _ = program.communicate(timeout=60)
    assert (program.returncode, said.startswith(f"10 readings and 0 facts forwarded to {tmp_path}, 1 file")) == (
        0,
        True,
    )
    assert (len(lines(tmp_path)), left(tmp_path)) == (10, [])
