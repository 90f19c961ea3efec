"""`frostway config show` prints no password, wherever in a setting it stands."""

import pytest
from typer.testing import CliRunner

from frostway.cli import app
from frostway.secrets import without_passwords

SECRET = "s3cr3t"
SETTINGS = {
    "FROSTWAY_DATABASE_URL": f"postgresql://u:{SECRET}@db/frostway",
    "FROSTWAY_MQTT_URL": f"mqtts://u:{SECRET}@broker:8883",
    "FROSTWAY_NATS_URL": f"nats://u:{SECRET}@n1:4222,nats://{SECRET}@n2:4222",
    "FROSTWAY_ROUTING_URL": f"https://u:{SECRET}@osrm.example/route?token={SECRET}",
    "FROSTWAY_MAP_STYLE": f"https://tiles.example/style.json?dark=1&apiKey={SECRET}",
    "FROSTWAY_ADMIN_PASSWORD": SECRET,
}


def test_no_password_is_printed_and_the_rest_of_an_address_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    found = CliRunner().invoke(app, ["config", "show"])
    assert found.exit_code == 0
    assert SECRET not in found.output
    lines = dict(line.split("=", 1) for line in found.output.splitlines())
    assert SETTINGS.keys() <= lines.keys()
    assert lines["FROSTWAY_NATS_URL"] == "nats://u:********@n1:4222,nats://********@n2:4222"
    assert lines["FROSTWAY_MAP_STYLE"] == "https://tiles.example/style.json?dark=1&apiKey=********"
    assert lines["FROSTWAY_HTTP_HOST"] == "127.0.0.1"


@pytest.mark.parametrize(
    "text", ["", "a@b.example", "https://fleet.example", "127.0.0.0/8,::1", "/data/a=b?c", "12:30"]
)
def test_what_holds_no_password_is_printed_as_it_is(text: str) -> None:
    assert without_passwords(text) == text


@pytest.mark.parametrize("password", ["p@ss", "a:b", "a,b", "%40", "ä"])
def test_a_password_of_any_kind_is_hidden(password: str) -> None:
    assert without_passwords(f"amqp://u:{password}@host/x") == "amqp://u:********@host/x"
