"""The broker's rules and limits, in every file we ship: nobody can write what it reads, nothing is kept for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.names import ENCODINGS, STREAMS, TopicError, parse_topic
from domain.wire.formats import FORMATS
from frostway import broker
from frostway.broker_acl import MISNAMED, device_topics, rules
from frostway.broker_log import cut_off, explain

ROOT = Path(__file__).resolve().parents[3]


def _matches(pattern: str, topic: str) -> bool:
    wanted, found = pattern.split("/"), topic.split("/")
    for n, level in enumerate(wanted):
        if level == "#":
            return True
        if n >= len(found) or level not in ("+", found[n]):
            return False
    return len(wanted) == len(found)


def _granted(user: str, *, edge: bool) -> tuple[list[str], list[str]]:
    """What a device may write and read by the rules file."""
    section, write, read = "", [], []
    for line in rules([user] if edge else []).splitlines():
        words = line.split()
        if words[:1] == ["user"]:
            section = words[1]
        elif words[:1] == ["pattern"] or (words[:1] == ["topic"] and section == user):
            (write if words[1] == "write" else read).append(words[2].replace("%u", user))
    return write, read


@pytest.mark.parametrize("edge", [False, True], ids=["device", "edge node"])
def test_what_a_device_may_read_it_may_not_write(edge: bool) -> None:
    write, read = _granted("main/d-1", edge=edge)
    assert read
    heard = [each.replace("#", "x") for each in read] + [each.removesuffix("/#") for each in read]
    assert [(w, r) for w in write for r in heard if _matches(w, r)] == []


def test_a_device_may_write_each_stream_in_each_encoding_and_each_format_with_what_is_below_it() -> None:
    write, _ = _granted("main/d-1", edge=False)
    own = [f"fw/v1/main/d-1/{stream}{ending}" for stream in STREAMS for ending in ENCODINGS]
    own += [f"fw/v1/main/d-1/{name}{below}" for name in FORMATS for below in ("", "/a", "/a/b@c/d")]
    assert any(_matches(each, "fw/v1/main/d-1/cmd/answer") for each in write)
    own += [
        "owntracks/main/d-1",
        *(f"owntracks/main/d-1/{word}" for word in ("event", "waypoint", "waypoints", "status")),
    ]
    assert [topic for topic in own if not any(_matches(each, topic) for each in write)] == []
    assert {parse_topic(topic.encode(), FORMATS).device for topic in own} == {"d-1"}
    strange = ["receipt", "receipt/x", "cmd", "cmd/x", "cmd/answer/x", "sonar", "gps/more", "gps.xml", ""]
    assert not any(_matches(each, "owntracks/main/d-1/cmd") for each in write)
    assert [each for each in strange if any(_matches(w, f"fw/v1/main/d-1/{each}") for w in write)] == []


@pytest.mark.parametrize("word", MISNAMED)
def test_a_name_that_other_makes_give_a_stream_reaches_ingest_that_says_so(word: str) -> None:
    write, read = _granted("main/d-1", edge=False)
    topic = f"fw/v1/main/d-1/{word}"
    assert any(_matches(each, topic) for each in write)
    assert not any(_matches(each, topic) for each in read)
    with pytest.raises(TopicError, match=f"unknown stream '{word}'"):
        parse_topic(topic.encode(), FORMATS)


@pytest.mark.parametrize("name", ["embedded", "compose"])
def test_every_mosquitto_file_keeps_nothing_for_ever(name: str) -> None:
    text = broker._CONF if name == "embedded" else (ROOT / "docker/mosquitto/mosquitto.conf").read_text()
    lines = text.splitlines()
    assert {"retain_available false", "max_qos 1", "use_username_as_clientid true"} <= set(lines)
    assert lines.index("max_qos 1") > [line.startswith("listener") for line in lines].index(True)


def test_what_is_a_listeners_own_stands_at_the_networks_too() -> None:
    own = {"max_qos 1", "use_username_as_clientid true"}
    assert own <= set(broker._NETWORK_CONF.splitlines())
    assert "allow_anonymous" not in broker._NETWORK_CONF, "it is said once, for both"


def test_the_rules_for_emqx_in_the_docs_are_the_same() -> None:
    docs = (ROOT / "docs/operations.md").read_text()
    assert [topic for topic in device_topics("${username}") if f'"{topic}"' not in docs] == []
    assert '"fw/v1/${username}/#"' not in docs


def test_who_the_broker_cuts_off_is_told_with_the_topics_that_are_right(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    assert not cut_off(log)
    log.write_text(
        "1795844713: New client connected from 127.0.0.1:52011 as main/gps-01 (p2, c1, k30, u'main/gps-01').\n"
        "1795844713: Bad socket read/write on client main/gps-01: Unknown error.\n"
        "1795844716: Bad socket read/write on client main/gps-01: Requested QoS not supported on server.\n"
        "1795844717: Bad socket read/write on client main/gps-02: Connection reset by peer.\n"
        "1795844728: Client <unknown> disconnected due to QoS too high or retain not supported.\n"
    )
    found = cut_off(log)
    assert found == {"main/gps-01": 2, "<unknown>": 1}
    what, mend = explain(found)
    assert "main/gps-01 (2 times)" in what
    assert "fw/v1/main/gps-01/gps" in mend
