"""Ways to connect a device: each sample is read, each command sends it, documents and doors know the same."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from string import Template

import orjson
import pytest

from domain.connecting import KINDS, WAYS, Way, ways_of
from domain.wire.formats import FORMATS
from domain.wire.verdict import verdict
from frostway.settings import Settings
from frostway.ways import ways
from ingest.doors.http_app import WAYS as DOORS

NOW_S = 1_795_341_600
WORDS = {"tenant": "main", "device": "x-1", "ms": f"{NOW_S}000", "s": str(NOW_S), "time": "2026-11-22T10:00:00Z"}
LOGIN = {
    "host": "broker.example",
    "port": "8883",
    "password": "p-1",
    "token": "t-1",
    "base": "http://door.example:8090",
}
WIRE = (Path(__file__).resolve().parents[2] / "docs/wire-formats.md").read_text()
SAMPLED = [way for way in WAYS if way.sample]


@pytest.mark.parametrize("way", SAMPLED, ids=lambda way: way.name)
def test_every_sample_is_read(way: Way) -> None:
    topic = way.address if way.by == "mqtt" else f"fw/v1/main/x-1/{way.format}"
    payload = Template(way.sample).substitute(WORDS)
    assert verdict(Template(topic).substitute(WORDS), payload.encode(), NOW_S * 1000)[0]


@pytest.mark.parametrize("way", SAMPLED, ids=lambda way: way.name)
def test_every_command_sends_the_sample_of_the_present(way: Way) -> None:
    """A shell makes of it what is meant: `$(date …)` is run, quotes stay."""
    command = Template(way.command).safe_substitute(WORDS, ca="", **LOGIN)
    assert command.split()[0] in {"mosquitto_pub", "curl"}
    say = "import sys; print('\\n'.join(sys.argv[1:]))"
    shell = command.replace(command.split()[0], f"python3 -c {shlex.quote(say)}", 1)
    said = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True).stdout.splitlines()
    flag = "-m" if way.by == "mqtt" else "-d"
    payload = said[said.index(flag) + 1]
    assert type(orjson.loads(payload)) is type(orjson.loads(Template(way.sample).substitute(WORDS)))
    assert Template(way.address).substitute(WORDS, token="t-1") in "\n".join(said)


def test_every_kind_has_a_way_and_every_format_too() -> None:
    assert [kind for kind in KINDS if not ways_of(kind)] == []
    assert {way.format for way in WAYS} == {*FORMATS, ""}
    assert len({way.name for way in WAYS}) == len(WAYS)
    assert ways_of("reefer")[0].name == "native-temp"


def test_the_doors_and_the_documents_know_the_addresses() -> None:
    for way in WAYS:
        if way.by == "http":
            assert DOORS[way.address.split("/")[1]] == way.format
            assert way.address.replace("$token", "{token}") in WIRE, way.name


def test_where_devices_find_us_is_what_is_set_else_what_listens(tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path, mqtt_url="mqtt://ingest:secret@127.0.0.1:1883", device_http_port=8090)
    assert ways(here).mqtt == ("mqtt://127.0.0.1:1883",)
    assert ways(here).http == ("http://127.0.0.1:8090",)
    (tmp_path / "run.json").write_text(
        '{"broker": "mosquitto", "network": {"mqtt": ["mqtts://10.0.0.7:8883"], "door": ["https://10.0.0.7:8090"]}}'
    )
    (tmp_path / "tls").mkdir()
    found = ways(here)
    assert found.mqtt == ("mqtts://10.0.0.7:8883", "mqtt://127.0.0.1:1883")
    assert (found.http, found.authority) == (("https://10.0.0.7:8090",), "")
    told = Settings(
        data_dir=tmp_path, devices_mqtt_url="mqtts://u:p@fleet.example", devices_http_url="https://fleet.example/"
    )
    assert (ways(told).mqtt, ways(told).http) == (("mqtts://fleet.example",), ("https://fleet.example",))
    assert ways(Settings(data_dir=tmp_path / "gone")).mqtt == ()
