"""What must hold for the container files.

No container engine is at hand where these tests run, so they read the files, and run what needs no container: the
making of the secrets, the entry point, the broker's start script with a real broker.
"""

import importlib.util
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from frostway import broker as embedded_broker
from tests.deadlines import deadline

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ONE_SHOT = {name for name, service in SERVICES.items() if service.get("restart") == "no"}
OURS = {name for name, service in SERVICES.items() if "frostway" in service["image"]}
MOSQUITTO = embedded_broker.find_mosquitto()


def limits(service: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = service["deploy"]["resources"]["limits"]
    return found


@pytest.fixture(scope="module")
def stack() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docker_stack", ROOT / "docker/stack.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_part_of_the_stack_is_there() -> None:
    assert {"timescaledb", "mosquitto", "migrate", "ingest", "tracker", "operations", "api"} <= SERVICES.keys()
    assert "demo" in {profile for service in SERVICES.values() for profile in service.get("profiles", [])}
    assert not any(
        SERVICES[name].get("profiles")
        for name in ("timescaledb", "mosquitto", "ingest", "tracker", "operations", "api")
    )


def test_foreign_images_are_pinned_to_a_full_version() -> None:
    foreign = {service["image"] for name, service in SERVICES.items() if name not in OURS}
    foreign |= set(re.findall(r"^ARG \w*IMAGE=(\S+)", DOCKERFILE, re.MULTILINE))
    assert foreign
    assert [image for image in foreign if not re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+[a-z0-9-]*", image)] == []
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON_IMAGE}"}


def test_no_file_of_the_stack_holds_a_password() -> None:
    files = [
        ROOT / "docker-compose.yml",
        ROOT / "Dockerfile",
        *(p for p in (ROOT / "docker").rglob("*") if p.is_file()),
    ]
    literal = re.compile(r"(?i)(password|secret|token)\w*\s*[:=]\s*[\"']?[a-z0-9]{3,}[\"']?\s*$", re.MULTILINE)
    assert literal.search("POSTGRES_PASSWORD: frostway")
    assert not literal.search("POSTGRES_PASSWORD_FILE: /run/frostway/secrets/x")
    assert [
        (p.name, found[0])
        for p in files
        if p.suffix not in (".py", ".pyc")
        for found in literal.finditer(p.read_text())
    ] == []
    for service in SERVICES.values():
        environment = service.get("environment", {})
        assert [k for k in environment if "PASSWORD" in k and not k.endswith("_FILE")] == []
        assert [k for k, v in environment.items() if "@" in str(v)] == []


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
    assert "ports" not in SERVICES["timescaledb"]


def test_the_doors_of_ingest_are_shut_until_somebody_gives_them_a_port() -> None:
    given = SERVICES["ingest"]["environment"]
    for door in ("DEVICE_HTTP", "TELTONIKA"):
        assert given[f"FROSTWAY_{door}_PORT"] == f"${{FROSTWAY_{door}_PORT:-0}}"
        assert given[f"FROSTWAY_{door}_HOST"] == "0.0.0.0"  # noqa: S104 - of the container, which publishes nothing
    assert given["FROSTWAY_DEVICE_HTTP_OPEN_IDS"].endswith(":-false}")
    assert "ports" not in SERVICES["ingest"]


def test_the_database_is_reachable_from_inside_only() -> None:
    assert SERVICES["timescaledb"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_nothing_runs_as_root_but_the_first_start_without_network() -> None:
    users = {name: str(service["user"]) for name, service in SERVICES.items()}
    assert {name for name, user in users.items() if user.startswith("0")} == {"setup"}
    assert SERVICES["setup"]["network_mode"] == "none"
    assert SERVICES["setup"]["restart"] == "no"
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.rindex("USER 10001") > DOCKERFILE.rindex("FROM")


def test_every_service_gives_up_its_rights() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        assert set(service.get("cap_add", [])) <= ({"CHOWN", "DAC_OVERRIDE", "FOWNER"} if name == "setup" else set()), (
            name
        )
        if name != "timescaledb":
            assert service["read_only"] is True, name


def test_every_lasting_service_has_a_health_check_a_restart_policy_limits_and_rotated_logs() -> None:
    for name, service in SERVICES.items():
        assert {"cpus", "memory"} <= limits(service).keys(), name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        if name in ONE_SHOT:
            assert service["healthcheck"] == {"disable": True}, name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
    assert "HEALTHCHECK" in DOCKERFILE


def test_programs_wait_for_the_schema_and_the_broker() -> None:
    for name in ("ingest", "tracker", "operations", "api"):
        conditions = {on: how["condition"] for on, how in SERVICES[name]["depends_on"].items()}
        assert conditions == {"migrate": "service_completed_successfully", "mosquitto": "service_healthy"}
    for name, service in SERVICES.items():
        for on, how in service.get("depends_on", {}).items():
            completed = how["condition"] == "service_completed_successfully"
            assert completed == (on in ONE_SHOT), f"{name} waits for {on} in the wrong way"


def test_every_volume_and_network_that_is_used_is_declared() -> None:
    used = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", []) if not v.startswith((".", "/"))}
    assert used == COMPOSE["volumes"].keys()
    networks = {network for service in SERVICES.values() for network in service.get("networks", [])}
    assert networks == COMPOSE["networks"].keys()
    mounted = [v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", []) if v.startswith(".")]
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_the_image_copies_every_package_and_only_files_that_are_let_in() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE))
    assert copied == packages
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    assert packages <= {line[1:] for line in ignore if line.startswith("!")}


def test_broker_rules_are_those_of_the_embedded_stack() -> None:
    def rules(text: str) -> list[str]:
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    ours = set(rules((ROOT / "docker/mosquitto/mosquitto.conf").read_text()))
    theirs = set(rules(embedded_broker._CONF.format(port=1883, host="", packet_bytes_max=131072)))
    folders = {"listener", "password_file", "acl_file", "persistence_location"}
    assert {line for line in ours ^ theirs if line.split()[0] not in folders} == set()


def test_a_first_start_makes_secrets_and_a_second_one_keeps_them(tmp_path: Path, stack: ModuleType) -> None:
    secrets, broker = tmp_path / "secrets", tmp_path / "broker"
    stack.setup(secrets, broker)
    first = {path.name: path.read_text() for path in secrets.iterdir()}
    assert first.keys() == stack.READERS.keys()
    assert len(set(first.values())) == len(first)
    assert min(map(len, first.values())) >= 32
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o440}
    users = embedded_broker.read_passwd(broker / "passwd")
    assert users.keys() == {"ingest", "health"}
    assert stat.S_IMODE((broker / "passwd").stat().st_mode) == 0o600
    assert not any(secret in (broker / "passwd").read_text() for secret in first.values())

    embedded_broker.write_passwd(broker / "passwd", users | {"main/gps-01": embedded_broker.mosquitto_hash("x")})
    stack.setup(secrets, broker)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == first
    assert embedded_broker.read_passwd(broker / "passwd").keys() == {"ingest", "health", "main/gps-01"}


def test_secrets_are_given_to_their_readers(tmp_path: Path, stack: ModuleType) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    stack.setup(tmp_path / "secrets", tmp_path / "broker")
    owners = {p.name: (p.stat().st_uid, p.stat().st_gid) for p in (tmp_path / "secrets").iterdir()}
    assert owners["postgres_password"] == (70, 10001)
    assert owners["mqtt_health_password"] == (1883, 10001)
    assert owners["admin_password"] == (0, 10001)
    assert (tmp_path / "broker/passwd").stat().st_uid == 1883
    assert str(SERVICES["timescaledb"]["user"]) == "70:70"
    assert str(SERVICES["credentials"]["user"]) == "1883:10001"


def test_the_entry_point_turns_secrets_into_settings(tmp_path: Path) -> None:
    for name in ("postgres_password", "mqtt_ingest_password", "admin_password"):
        (tmp_path / name).write_text(f"made-{name}")
    environment = {"PATH": os.environ["PATH"], "FROSTWAY_SECRETS_DIR": str(tmp_path)}
    command = [str(ROOT / "docker/entrypoint.sh"), "sh", "-c", "env"]
    given = dict(
        line.split("=", 1)
        for line in subprocess.check_output(command, env=environment, text=True).splitlines()
        if "=" in line
    )
    assert given["FROSTWAY_DATABASE_URL"] == "postgresql://frostway:made-postgres_password@timescaledb:5432/frostway"
    assert given["FROSTWAY_MQTT_URL"] == "mqtt://ingest:made-mqtt_ingest_password@mosquitto:1883"
    assert given["FROSTWAY_ADMIN_PASSWORD"] == "made-admin_password"
    for name in ("web", "ingest", "tracker", "operations", "broker"):
        (tmp_path / f"database_{name}_password").write_text(f"made-{name}")
    entry = str(ROOT / "docker/entrypoint.sh")
    stub = tmp_path / "bin"
    stub.mkdir()
    for program in ("frostway", "python"):
        (stub / program).write_text('#!/bin/sh\necho "$FROSTWAY_DATABASE_URL"\n')
        (stub / program).chmod(0o755)
    logins = {
        "api": "web",
        "ingest": "ingest",
        "tracker": "tracker",
        "operations": "operations",
        "python stack.py credentials": "broker",
    }
    for words, login in logins.items():
        said = subprocess.check_output(
            [entry, *words.split()], env=environment | {"PATH": f"{stub}:{environment['PATH']}"}, text=True
        )
        assert said.strip() == f"postgresql://frostway_{login}:made-{login}@timescaledb:5432/frostway"
    environment["FROSTWAY_DATABASE_URL"] = "postgresql://elsewhere/db"
    assert "postgresql://elsewhere/db" in subprocess.check_output(command, env=environment, text=True)


@pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto here: `apt-get install mosquitto`")
def test_the_broker_lets_a_new_device_in_without_a_restart(tmp_path: Path, stack: ModuleType) -> None:
    folder = tmp_path / "broker"
    stack.setup(tmp_path / "secrets", folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    conf = (folder / "mosquitto.conf").read_text().replace("listener 1883", f"listener {port} 127.0.0.1")
    conf = conf.replace("/broker/", f"{folder}/").replace("/mosquitto/data/", f"{tmp_path}/")
    (folder / "mosquitto.conf").unlink()
    (folder / "mosquitto.conf").write_text(conf + ("user root\n" if os.geteuid() == 0 else ""))

    def accepted(user: str, password: str, patience_s: float) -> bool:
        until = time.monotonic() + patience_s
        while not (found := embedded_broker.accepts("127.0.0.1", port, user, password)) and time.monotonic() < until:
            time.sleep(0.05)
        return found

    path = f"{Path(str(MOSQUITTO)).parent}:{os.environ['PATH']}"
    assert shutil.which("mosquitto", path=path)
    script = [str(ROOT / "docker/mosquitto/start.sh"), str(folder)]
    with subprocess.Popen(script, env={"PATH": path}, stderr=subprocess.PIPE) as running:
        try:
            assert accepted("health", (tmp_path / "secrets/mqtt_health_password").read_text(), 5)
            assert not accepted("main/gps-01", "its-password", 0)
            users = embedded_broker.read_passwd(folder / "passwd")
            users["main/gps-01"] = embedded_broker.mosquitto_hash("its-password")
            embedded_broker.write_passwd(folder / "passwd", users)
            assert accepted("main/gps-01", "its-password", 5)
            assert not accepted("main/gps-01", "another", 0)
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(deadline(10)) == 0
