"""What the network reaches, and the certificate that is kept good for it while addresses and given files change."""

from __future__ import annotations

import queue
from datetime import timedelta
from pathlib import Path

import pytest

from frostway import lan, network
from frostway.certificates import Authority, names_of, own, utc_now
from frostway.network import LanOptions, Network
from store.embedded_process import EmbeddedError
from tests.deadlines import deadline

NOW = utc_now()
WAIT_S = deadline(10)


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those of this machine, to be changed by a test."""
    found = ["192.0.2.5"]
    monkeypatch.setattr(lan, "addresses", lambda: list(found))
    monkeypatch.setattr(lan.socket, "gethostname", lambda: "depot")
    monkeypatch.setattr(network, "LOOK_S", 0.01)
    return found


class Kept:
    """A network that is looked after, with what was said and which certificates were handed on."""

    def __init__(self, folder: Path, options: LanOptions) -> None:
        self.said: queue.Queue[str] = queue.Queue()
        self.renewed: queue.Queue[str] = queue.Queue()
        self.network = Network(folder, options, self.said.put)
        self.network.keep(self.renewed.put)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A given certificate for fleet.example, and its key, in files of their own."""
    write(tmp_path / "given", ["fleet.example"], NOW)
    return tmp_path / "given/cert.pem", tmp_path / "given/key.pem"


def write(folder: Path, names: list[str], now: object) -> None:
    folder.mkdir(exist_ok=True)
    authority = Authority.load(folder) or Authority.make(folder, "authority", NOW)
    key, mark, chain = authority.issue(names, now).pem.partition("-----BEGIN CERTIFICATE-----")  # type: ignore[arg-type]
    (folder / "key.pem").write_text(key)
    (folder / "cert.pem").write_text(mark + chain)


def test_an_address_that_is_new_has_a_certificate_and_one_that_is_gone_makes_none(
    tmp_path: Path, addresses: list[str]
) -> None:
    kept = Kept(tmp_path, LanOptions(names=("Fleet.example",)))
    try:
        first = kept.network.identity
        assert names_of(first.certificate) == ["fleet.example", "depot", "depot.local", "192.0.2.5"]
        addresses.append("192.0.2.6")
        pem = kept.renewed.get(timeout=WAIT_S)
        assert pem == (tmp_path / "tls/server.pem").read_text()
        assert "a new certificate" in kept.said.get(timeout=WAIT_S)
        assert kept.network.identity.covers(["192.0.2.5", "192.0.2.6", "fleet.example"])
    finally:
        kept.network.stop()
    del addresses[:]
    with pytest.raises(EmbeddedError, match="this machine has no address on a network"):
        Network(tmp_path, LanOptions(), print)
    addresses.append("192.0.2.6")
    assert Network(tmp_path, LanOptions(), print).identity.pem == pem


def test_a_given_certificate_is_followed_and_a_bad_one_is_said_once_and_left_aside(
    tmp_path: Path, pair: tuple[Path, Path]
) -> None:
    kept = Kept(tmp_path, LanOptions(certificate=pair[0], key=pair[1]))
    try:
        served = kept.network.file
        assert served.read_text() == kept.network.identity.pem
        assert oct(served.stat().st_mode & 0o777) == "0o600"
        pair[0].write_text("half")
        assert "cert.pem holds no certificate in PEM" in kept.said.get(timeout=WAIT_S)
        assert served.read_text() == kept.network.identity.pem
        write(pair[0].parent, ["fleet.example", "new.example"], NOW)
        while (pem := kept.renewed.get(timeout=WAIT_S)) != served.read_text():
            pass
        said = [kept.said.get(timeout=WAIT_S)]
        while "a new certificate" not in said[-1]:
            said.append(kept.said.get(timeout=WAIT_S))
        assert not [line for line in said if "holds no certificate" in line], "said once"
        assert "new.example" in kept.network.names
        assert pem.count("PRIVATE KEY") == 2
    finally:
        kept.network.stop()


def test_it_shows_the_addresses_that_its_certificate_is_for(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    given = Network(tmp_path / "a", LanOptions(certificate=pair[0], key=pair[1], door_port=8090), print)
    assert given.urls == {
        "mqtt": ["mqtts://fleet.example:8883"],
        "http": ["https://fleet.example:8443"],
        "door": ["https://fleet.example:8090"],
    }
    assert any(f"certificate: {pair[0]}, good until" in line for line in given.lines())
    assert not any("ca show" in line for line in given.lines())
    six = Network(tmp_path / "b", LanOptions(address="FD00::2"), print)
    assert six.urls["mqtt"][0] == "mqtts://[fd00::2]:8883"
    assert any("ca show" in line for line in six.lines())


def test_programs_listen_where_the_network_is_and_the_door_only_when_it_is_open(tmp_path: Path) -> None:
    shut = Network(tmp_path, LanOptions(allowed_hosts="other.example"), print)
    api = shut.environment("api", 8080)
    assert (api["FROSTWAY_HTTP_HOST"], api["FROSTWAY_HTTP_PORT"]) == (lan.EVERYWHERE, "8443")
    assert api["FROSTWAY_HTTP_LOOPBACK_PORT"] == "8080"
    assert api["FROSTWAY_ALLOWED_HOSTS"].split() == ["other.example", "depot", "depot.local"]
    assert [shut.environment(name, 8080) for name in ("ingest", "tracker", "operations")] == [{}, {}, {}]
    door = Network(tmp_path, LanOptions(address="192.0.2.5", door_port=8090), print).environment("ingest", 8080)
    assert door["FROSTWAY_DEVICE_HTTP_HOST"] == "192.0.2.5"
    assert door["FROSTWAY_HTTP_TLS_CERT"] == str(tmp_path / "tls/server.pem")


def test_a_given_certificate_that_has_ended_does_not_start(tmp_path: Path) -> None:
    write(tmp_path / "given", ["fleet.example"], NOW - timedelta(days=500))
    options = LanOptions(certificate=tmp_path / "given/cert.pem", key=tmp_path / "given/key.pem")
    with pytest.raises(EmbeddedError, match=r"cert.pem ended on .*: have it renewed"):
        Network(tmp_path, options, print)
    own(tmp_path / "tls", ["depot"], NOW - timedelta(days=500))
    renewed = Network(tmp_path, LanOptions(), print)
    assert renewed.identity.ends > NOW + timedelta(days=390), "an own one is simply made anew"
